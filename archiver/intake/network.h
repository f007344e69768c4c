/*
 * network.h - who is at the other end, and lists of networks: "10.0.0.0/8", "2001:db8::/32",
 * "192.0.2.7", "::1", "unix".
 *
 * An IPv4 address that comes in an IPv6 one (::ffff:192.0.2.7, RFC 4291 section 2.5.5.2) is the
 * IPv4 address: otherwise a list would not find it. Numeric only: whom a name means is for a
 * resolver to say, and that is somebody else. Ownership: a struct fk_networks owns its list.
 * Threads: any.
 */
#ifndef FK_INTAKE_NETWORK_H
#define FK_INTAKE_NETWORK_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_ADDRESS_SIZE = 128 };
enum fk_family { FK_UNIX, FK_INET, FK_INET6 };

struct fk_peer {
    enum fk_family family;
    uint8_t bytes[16]; /* 4 of FK_INET, 16 of FK_INET6, in network order; 0 behind them */
    uint16_t port;
};
struct fk_network {
    enum fk_family family;
    uint8_t bytes[16];
    unsigned bits;
};
struct fk_networks {
    struct fk_network *list;
    size_t count;
};

void fk_peer_of(const struct sockaddr_storage *a, struct fk_peer *out);
/* From the 4 or 16 bytes of an address of that family. */
void fk_peer_make(enum fk_family family, const uint8_t *bytes, uint16_t port, struct fk_peer *out);
/* "127.0.0.1:25", "[::1]:25", "unix". */
void fk_peer_format(const struct fk_peer *peer, char out[FK_ADDRESS_SIZE]);

/* False where it is none, or has bits behind the mask: whoever writes 10.0.0.1/8 may mean /32. */
bool fk_network_parse(const char *text, struct fk_network *out);
bool fk_network_has(const struct fk_network *n, const struct fk_peer *peer);

/* texts: ended by NULL, or NULL for none. FK_INVALID names the one that is not a network. */
FK_CHECKED enum fk_status fk_networks_parse(const char *const *texts, struct fk_networks *out,
                                            struct fk_err *err);
bool fk_networks_have(const struct fk_networks *list, const struct fk_peer *peer);
void fk_networks_free(struct fk_networks *list);

#ifdef __cplusplus
}
#endif
#endif
