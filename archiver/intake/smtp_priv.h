/* smtp_priv.h - what smtp_session.c (bytes and states) and smtp_command.c (commands) share. */
#ifndef FK_INTAKE_SMTP_PRIV_H
#define FK_INTAKE_SMTP_PRIV_H
#include "archiver/intake/dot.h"
#include "archiver/intake/smtp_session.h"
#include "archiver/intake/smtp_xforward.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_smtp {
    const struct fk_smtp_options *options;
    const struct fk_smtp_sink *sink;
    void *ctx;
    enum fk_smtp_state state;
    struct fk_buf out;
    char line[FK_SMTP_LINE_MAX]; /* the beginning of a command whose end has not come */
    size_t line_len;
    bool overlong; /* that command is too long: skip to its end */
    bool spoken;   /* a command has come */
    bool secured;  /* by STARTTLS */
    unsigned errors;
    unsigned messages; /* that were read to their end */

    char helo[FK_SMTP_LINE_MAX]; /* as given */
    size_t helo_len;             /* 0 before HELO */
    bool mail;                   /* a transaction is open: the sink has begun */
    size_t recipients;
    struct fk_xforward xforward; /* until the transaction is over */

    struct fk_dot dot;
    uint64_t bytes;        /* of the message so far */
    enum fk_status failed; /* why the message is not kept; FK_INVALID: over the limit */

    char answer[200]; /* to a message, due `answers_due` times: over LMTP once a recipient */
    size_t answers_due;
};

/* One reply line; CR LF is added. */
void fk_smtp__reply(struct fk_smtp *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A reply to something wrong: counted, and the last one allowed closes. */
void fk_smtp__wrong(struct fk_smtp *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fk_smtp__reset(struct fk_smtp *s);
/* The reply for a sink's status other than FK_OK. */
const char *fk_smtp__trouble(enum fk_status status);
/* A command line without its line end. more: input waits behind it. */
void fk_smtp__command(struct fk_smtp *s, const char *line, size_t len, bool more);

#ifdef __cplusplus
}
#endif
#endif
