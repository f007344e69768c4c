/*
 * stamp.h - RFC 3161 time stamps over a file's bytes by SHA-512. Pure: no files, no network.
 *
 *     FK_TRY(fk_stamp_request(note, len, &request, err));         to be sent to an authority
 *     FK_TRY(fk_stamp_check(&(struct fk_stamp_question){...}, &time_ms, err));
 *
 * `openssl ts -verify -data FILE -in REPLY -CAfile ROOTS` checks the same, but for revocation. A
 * reply has the authority's chain in it (certReq).
 *
 * Certificates are judged at the time that the stamp says. Revocation is judged by the lists at
 * hand, and by RFC 3161 section 4: a certificate that was revoked afterwards and for a reason that
 * says that its key did not leak (unspecified, affiliationChanged, superseded,
 * cessationOfOperation) still vouches for what it stamped before; one that was revoked for another
 * reason, or without one, vouches for nothing.
 *
 * Errors: FK_CORRUPT with what does not fit: no time stamp, a refusal by the authority, over other
 * bytes, another nonce or policy than the request's, a signature that is wrong, or by somebody whom
 * the roots do not vouch for as a time stamping authority at the time the stamp says; a revocation
 * list that nobody of the chain signed or that was out of date then. FK_DENIED one of its
 * certificates was revoked. Threads: any.
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
    const struct fk_buf *crls; /* revocation lists as PEM, one behind the other; NULL: none. They
                                  are looked at where there are roots */
};
enum { FK_CRLS_MAX = 8, FK_CRL_ADDRESS_MAX = 512 };
struct fk_stamp {
    int64_t time_ms, ends_ms; /* what it says; when the first certificate of its chain ends, 0 where
                                 the reply has none. Milliseconds since 1970 */
    char signer[256];         /* subject, "CN=..., O=..."; "" where the reply has no certificate */
    /* Where the chain's certificates have their revocation lists, http only, each once. Filled in
     * where the signer was judged: a stranger is not to say whom this machine calls. */
    char crl[FK_CRLS_MAX][FK_CRL_ADDRESS_MAX];
    size_t crl_count;
};
FK_CHECKED enum fk_status fk_stamp_check(const struct fk_stamp_question *q, struct fk_stamp *out,
                                         struct fk_err *err);
/* Time and end of a reply's certificates, as it says itself: nothing is verified. For deciding when
 * something is due. */
FK_CHECKED enum fk_status fk_stamp_peek(const struct fk_buf *reply, int64_t *time_ms_out,
                                        int64_t *ends_ms_out, struct fk_err *err);
/* A revocation list as it was fetched, DER or PEM, appended as PEM. FK_CORRUPT: it is none. */
FK_CHECKED enum fk_status fk_stamp_crl_pem(const struct fk_buf *fetched, struct fk_buf *pem,
                                           struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
