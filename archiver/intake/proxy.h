/*
 * proxy.h - the header that a proxy puts before a connection (PROXY protocol, version 1 and 2, as
 * HAProxy's proxy-protocol.txt of 2020/03/05 has it).
 *
 *     switch (fk_proxy_read(data, len, &header)) {   data: the first bytes, whatever has come
 *     case FK_PROXY_MORE:   come back when there is more
 *     case FK_PROXY_NONE:   it is not such a header: refuse
 *     case FK_PROXY_WHOLE:  header.bytes of it are the header; what follows is the client's
 *     }
 *
 * No I/O, no state. A header that says UNKNOWN, LOCAL, or an address family that is not the
 * Internet's, is one (a proxy's own check of us): header.client.family is then FK_UNIX and `local`
 * true. What a version 2 header adds (TLVs) is skipped. Threads: any.
 */
#ifndef FK_INTAKE_PROXY_H
#define FK_INTAKE_PROXY_H
#include "archiver/intake/network.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_PROXY_MAX = 4096 }; /* bytes of a header; a longer one is refused */

struct fk_proxy_header {
    size_t bytes;
    unsigned version;
    bool local;                    /* the proxy speaks for itself */
    struct fk_peer client, server; /* from and to, as the proxy saw them */
};
enum fk_proxy_found { FK_PROXY_MORE, FK_PROXY_NONE, FK_PROXY_WHOLE };
enum fk_proxy_found fk_proxy_read(const uint8_t *data, size_t len, struct fk_proxy_header *out);

#ifdef __cplusplus
}
#endif
#endif
