/*
 * authority.h - asks a time stamping authority over HTTP (RFC 3161, section 3.4; post.h): 30 s, at
 * most 1 MiB.
 *
 * Errors: FK_RETRY the authority is away, slow or busy (5xx, 429); FK_INVALID it answers something
 * else than a time stamp reply. Threads: one at a time.
 */
#ifndef FK_VAULT_AUTHORITY_H
#define FK_VAULT_AUTHORITY_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Appends the reply's bytes; nothing of them is believed here. */
FK_CHECKED enum fk_status fk_authority_ask(const char *url, const struct fk_buf *request,
                                           struct fk_buf *reply, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
