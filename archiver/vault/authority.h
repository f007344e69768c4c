/*
 * authority.h - asks a time stamping authority over HTTP (RFC 3161, section 3.4; post.h): 30 s, at
 * most 1 MiB. And fetches the revocation lists that a stamp's certificates name: 10 s and 2 MiB
 * each, 20 s together, plain http (they are signed).
 *
 * Errors: FK_RETRY the authority is away, slow or busy (5xx, 429); FK_INVALID it answers something
 * else than a time stamp reply; FK_CORRUPT what was fetched is no revocation list. Threads: one at
 * a time.
 */
#ifndef FK_VAULT_AUTHORITY_H
#define FK_VAULT_AUTHORITY_H
#include "archiver/vault/stamp.h"
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Appends the reply's bytes; nothing of them is believed here. */
FK_CHECKED enum fk_status fk_authority_ask(const char *url, const struct fk_buf *request,
                                           struct fk_buf *reply, struct fk_err *err);
/* Appends all of them as PEM, or none; what they say is fk_stamp_check's to judge. */
FK_CHECKED enum fk_status fk_authority_crls(const struct fk_stamp *stamp, struct fk_buf *pem,
                                            struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
