/*
 * submit.h - one mail to one address by SMTP (RFC 5321), or over TLS; libcurl does it. For the
 * daily mail of the checkpoint: no queue, no bounces; whoever calls tries again later.
 *
 * Errors: FK_RETRY the server is away, slow, or refuses: its own words are in the sentence, and
 * since most refusals of a relay pass or are mended there, all are worth another try. FK_INVALID
 * the server's address is none. FK_NOMEM. FK_OK: the server took it with a 250 to the final dot.
 * Threads: one at a time.
 */
#ifndef FK_VAULT_SUBMIT_H
#define FK_VAULT_SUBMIT_H
#include "base/buf.h"
#include "base/status.h"
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Beside smtp:// (never encrypted) and smtps://. A server that has no STARTTLS gets no mail then.
 */
#define FK_SUBMIT_STARTTLS "smtp+starttls://"

struct fk_submission {
    const char *via;           /* SCHEME://HOST[:PORT] */
    const char *hello;         /* for EHLO; "" for this machine's name */
    const char *from, *to;     /* envelope, without angle brackets */
    const struct fk_buf *mail; /* RFC 5322, lines end in CRLF; dots are stuffed here */
    unsigned seconds;          /* for all of it */
    bool (*stop)(void *ctx);   /* asked about once a second, true ends it; may be NULL */
    void *ctx;
};
FK_CHECKED enum fk_status fk_submit(const struct fk_submission *s, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
