/*
 * smtp_session.h - SMTP (RFC 5321) and LMTP (RFC 2033) as a machine without any I/O.
 *
 * It is fed what the client sends, in any pieces, and appends replies to a buffer; what belongs to
 * a message goes to a sink. When a message is whole it waits, taking no more bytes, until the
 * answer is given. docs/format-smtp.md lists commands, replies and limits.
 *
 *     fk_smtp_new(&options, &sink, ctx, &s, err);      the greeting is in the replies
 *     used = fk_smtp_feed(s, data, len);               fewer than len: keep the rest, feed it later
 *     ... write fk_smtp_replies(s), take what was written out of it, feed again (also nothing) ...
 *     if (fk_smtp_state(s) == FK_SMTP_PENDING) ...     later fk_smtp_answer(s, &receipt)
 *     if (fk_smtp_state(s) == FK_SMTP_STARTTLS) ...    write the replies, make TLS,
 * fk_smtp_secured(s) if (fk_smtp_state(s) == FK_SMTP_CLOSED) ...      write the replies, then close
 *     fk_smtp_free(&s);
 *
 * feed stops early when the state is PENDING, STARTTLS or CLOSED, or when so many replies are
 * waiting that they are to be written first (a client that sends and does not read gets no memory
 * of ours).
 *
 * What a client may not send before it has read a reply is refused with 554 and the connection
 * closed: bytes that wait behind HELO, EHLO, LHLO, DATA, STARTTLS or QUIT in the same piece. So the
 * caller feeds whatever it has read, at once.
 *
 * Ownership: options and sink are borrowed for the machine's life. Threads: one at a time.
 */
#ifndef FK_INTAKE_SMTP_SESSION_H
#define FK_INTAKE_SMTP_SESSION_H
#include "archiver/vault/keep.h"
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_smtp;

enum fk_smtp_tls { FK_SMTP_TLS_OFF, FK_SMTP_TLS_OFFERED, FK_SMTP_TLS_REQUIRED };
enum fk_smtp_xforward { FK_SMTP_XFORWARD_ABSENT, FK_SMTP_XFORWARD_DENIED, FK_SMTP_XFORWARD_TAKEN };

struct fk_smtp_options {
    const char *hostname;
    bool lmtp;
    uint64_t size_limit; /* bytes of a message, after the dots are out */
    size_t recipient_limit;
    unsigned
        error_limit; /* wrong commands before the connection is closed; a kept message resets */
    enum fk_smtp_tls tls;           /* by STARTTLS; OFF where TLS is there from the beginning */
    enum fk_smtp_xforward xforward; /* of this client */
    char carried;                   /* what stands before a carried recipient (carried.h); 0: off */
    unsigned message_limit;         /* messages over one connection; 0: any number */
    const char *refusal;            /* said to each MAIL, with its code; NULL: taken. May change */
};
#define FK_SMTP_OPTIONS                                                                            \
    {                                                                                              \
        .hostname = "localhost", .size_limit = (uint64_t)256 << 20, .recipient_limit = 10000,      \
        .error_limit = 20                                                                          \
    }

enum { FK_SMTP_LINE_MAX = 2048 }; /* of a command, with CR LF */

/* Each begin is followed by exactly one reset. A status other than FK_OK becomes a reply: FK_FULL
 * 452 4.3.1, FK_DENIED 450 4.7.1 (too many a minute), all others 451 4.3.0. */
struct fk_smtp_sink {
    /* MAIL; announced: its SIZE, or 0. */
    enum fk_status (*begin)(void *ctx, uint64_t announced);
    /* A line of the envelope, in order: helo, xforward-..., mail-from, rcpt-to and carried-to...,
     * and flags before the end. */
    enum fk_status (*field)(void *ctx, const char *name, const void *value, size_t len);
    /* Bytes of the message, borrowed until fk_smtp_feed returns. */
    enum fk_status (*data)(void *ctx, const void *data, size_t len);
    /* The message is whole; on FK_OK an answer must follow, but not during this call. */
    enum fk_status (*end)(void *ctx);
    /* The transaction is over, answered or not: give everything back. */
    void (*reset)(void *ctx);
};

FK_CHECKED enum fk_status fk_smtp_new(const struct fk_smtp_options *options,
                                      const struct fk_smtp_sink *sink, void *ctx,
                                      struct fk_smtp **out, struct fk_err *err);
/* A transaction that is open is reset: without a final dot nothing is kept. */
void fk_smtp_free(struct fk_smtp **s);

/* The bytes taken. */
size_t fk_smtp_feed(struct fk_smtp *s, const void *data, size_t len);
struct fk_buf *fk_smtp_replies(struct fk_smtp *s);

enum fk_smtp_state {
    FK_SMTP_COMMAND,
    FK_SMTP_DATA,
    FK_SMTP_PENDING,
    FK_SMTP_STARTTLS,
    FK_SMTP_CLOSED
};
enum fk_smtp_state fk_smtp_state(const struct fk_smtp *s);

/* Only in STARTTLS: all that was said before is forgotten (RFC 3207, section 4.2). */
void fk_smtp_secured(struct fk_smtp *s);

/* Only while PENDING. Over LMTP the answer is given once a recipient. */
void fk_smtp_answer(struct fk_smtp *s, const struct fk_receipt *receipt);

/* 421 with the reason, and CLOSED. */
enum fk_smtp_reason { FK_SMTP_TIMEOUT, FK_SMTP_SHUTDOWN };
void fk_smtp_hang_up(struct fk_smtp *s, enum fk_smtp_reason reason);

#ifdef __cplusplus
}
#endif
#endif
