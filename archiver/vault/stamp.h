/*
 * stamp.h - RFC 3161 time stamps over a file's bytes by SHA-512. Pure: no files, no network.
 *
 *     FK_TRY(fk_stamp_request(note, len, &request, err));         to be sent to an authority
 *     FK_TRY(fk_stamp_check(&(struct fk_stamp_question){...}, &time_ms, err));
 *
 * `openssl ts -verify -data FILE -in REPLY -CAfile ROOTS` checks the same. A reply has the
 * authority's chain in it (certReq).
 *
 * Errors: FK_CORRUPT with what does not fit: no time stamp, a refusal by the authority, over other
 * bytes, another nonce, a signature that is wrong, or by somebody whom the roots do not vouch for
 * as a time stamping authority at the time the stamp says. Threads: any.
 */
#ifndef FK_VAULT_STAMP_H
#define FK_VAULT_STAMP_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Appends the DER of a request: SHA-512, a random nonce of 64 bits, certificates wanted. */
FK_CHECKED enum fk_status fk_stamp_request(const void *data, size_t len, struct fk_buf *request,
                                           struct fk_err *err);

struct fk_stamp_question {
    const void *data;
    size_t len;
    const struct fk_buf *request; /* its nonce and digest are compared; NULL: digest of data only */
    const struct fk_buf *reply;
    const char
        *roots; /* file of PEM certificates that are trusted; NULL: the signer is not judged */
};
/* time_ms: what the stamp says, milliseconds since 1970. */
FK_CHECKED enum fk_status fk_stamp_check(const struct fk_stamp_question *q, int64_t *time_ms_out,
                                         struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
