/*
 * smtp_session.c - bytes into lines and messages, and the states between them.
 *
 * COMMAND -> DATA (354 said) -> PENDING (message whole, sink has it) -> COMMAND (answered);
 * DATA -> COMMAND when the message could not be taken; COMMAND -> STARTTLS (220 said) -> COMMAND
 * (the caller has made TLS); any state -> CLOSED.
 */
#include "archiver/intake/smtp_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

enum { OUT_MAX = 16384 }; /* replies that may wait before more input is taken */

void fk_smtp__reply(struct fk_smtp *s, const char *fmt, ...) {
    char line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fk_buf_str(&s->out, line);
    fk_buf_add(&s->out, "\r\n", 2);
}

void fk_smtp__wrong(struct fk_smtp *s, const char *fmt, ...) {
    char line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fk_smtp__reply(s, "%s", line);
    if (++s->errors >= s->options->error_limit) {
        fk_smtp__reply(s, "421 4.7.0 too many errors, closing");
        s->state = FK_SMTP_CLOSED;
    }
}

void fk_smtp__reset(struct fk_smtp *s) {
    if (s->mail)
        s->sink->reset(s->ctx);
    s->mail = false;
    s->recipients = 0;
    s->bytes = 0;
    s->failed = FK_OK;
    s->dot = (struct fk_dot)FK_DOT_INIT;
    fk_xforward_reset(&s->xforward);
}

const char *fk_smtp__trouble(enum fk_status status) {
    return status == FK_FULL     ? "452 4.3.1 no room at the moment, try again later"
           : status == FK_DENIED ? "450 4.7.1 too many messages a minute from you, try again later"
                                 : "451 4.3.0 the archive is not ready, try again later";
}

enum fk_status fk_smtp_new(const struct fk_smtp_options *options, const struct fk_smtp_sink *sink,
                           void *ctx, struct fk_smtp **out, struct fk_err *err) {
    struct fk_smtp *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory for an SMTP session");
    s->options = options;
    s->sink = sink;
    s->ctx = ctx;
    fk_smtp__reply(s, "220 %s %s Fumikura", options->hostname, options->lmtp ? "LMTP" : "ESMTP");
    *out = s;
    return FK_OK;
}

void fk_smtp_free(struct fk_smtp **s) {
    if (!*s)
        return;
    fk_smtp__reset(*s);
    fk_buf_free(&(*s)->out);
    free(*s);
    *s = NULL;
}

struct fk_buf *fk_smtp_replies(struct fk_smtp *s) {
    return &s->out;
}

enum fk_smtp_state fk_smtp_state(const struct fk_smtp *s) {
    return s->state;
}

/* The lines that LMTP owes, as far as they may wait. */
static void answers_give(struct fk_smtp *s) {
    while (s->answers_due && s->out.len < OUT_MAX) {
        fk_buf_str(&s->out, s->answer);
        s->answers_due--;
    }
}

/* The end of a transaction whose message was read to its end. */
static void message_answer(struct fk_smtp *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void message_answer(struct fk_smtp *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->answer, sizeof s->answer - 2, fmt, ap);
    va_end(ap);
    memcpy(s->answer + strlen(s->answer), "\r\n", 3);
    s->answers_due = s->options->lmtp ? s->recipients : 1;
    s->state = FK_SMTP_COMMAND;
    fk_smtp__reset(s);
    answers_give(s);
}

void fk_smtp_answer(struct fk_smtp *s, const struct fk_receipt *receipt) {
    assert(s->state == FK_SMTP_PENDING);
    if (receipt->status != FK_OK) {
        message_answer(s, "%s", fk_smtp__trouble(receipt->status));
        return;
    }
    s->errors = 0;
    message_answer(s, "250 2.0.0 kept seq=%llu c256=%.16s", (unsigned long long)receipt->seq,
                   receipt->c256);
}

void fk_smtp_secured(struct fk_smtp *s) {
    assert(s->state == FK_SMTP_STARTTLS && !s->line_len && !s->out.len);
    fk_smtp__reset(s);
    s->helo_len = 0;
    s->secured = true;
    s->state = FK_SMTP_COMMAND;
}

void fk_smtp_hang_up(struct fk_smtp *s, enum fk_smtp_reason reason) {
    if (s->state == FK_SMTP_CLOSED)
        return;
    fk_smtp__reply(s,
                   reason == FK_SMTP_TIMEOUT ? "421 4.4.2 %s waited too long, closing"
                                             : "421 4.3.2 %s is shutting down",
                   s->options->hostname);
    s->state = FK_SMTP_CLOSED;
}

static enum fk_status flags_tell(struct fk_smtp *s) {
    static const char *const names[] = {"",    "bare-lf",     "bare-cr",     "bare-lf bare-cr",
                                        "nul", "bare-lf nul", "bare-cr nul", "bare-lf bare-cr nul"};
    unsigned f = s->dot.flags;
    return f ? s->sink->field(s->ctx, "flags", names[f], strlen(names[f])) : FK_OK;
}

static void message_end(struct fk_smtp *s) {
    s->messages++;
    if (s->failed == FK_OK)
        s->failed = flags_tell(s);
    if (s->failed == FK_OK)
        s->failed = s->sink->end(s->ctx);
    if (s->failed == FK_OK)
        s->state = FK_SMTP_PENDING;
    else if (s->failed == FK_INVALID)
        message_answer(s, "552 5.3.4 the message is over the limit of %llu bytes",
                       (unsigned long long)s->options->size_limit);
    else
        message_answer(s, "%s", fk_smtp__trouble(s->failed));
}

/* The sink gives back what it holds; the session alone remembers why. */
static void message_fail(struct fk_smtp *s, enum fk_status why) {
    s->failed = why;
    s->sink->reset(s->ctx);
    s->mail = false;
}

/* A message that fails is still read to its end: the client does not listen before. */
static size_t data_take(struct fk_smtp *s, const uint8_t *data, size_t len) {
    const uint8_t *span;
    size_t span_len, used = 0;
    while (used < len && !s->dot.done) {
        used += fk_dot_next(&s->dot, data + used, len - used, &span, &span_len);
        s->bytes += span_len;
        if (s->failed != FK_OK || !span_len)
            continue;
        enum fk_status st =
            s->bytes > s->options->size_limit ? FK_INVALID : s->sink->data(s->ctx, span, span_len);
        if (st != FK_OK)
            message_fail(s, st);
    }
    if (s->dot.done)
        message_end(s);
    return used;
}

static void line_take(struct fk_smtp *s, const char *line, size_t len, bool more) {
    if (s->overlong) {
        s->overlong = false;
        fk_smtp__wrong(s, "500 5.5.2 a command may have %d bytes with CR LF", FK_SMTP_LINE_MAX);
    } else if (len < 2 || line[len - 2] != '\r') {
        fk_smtp__wrong(s, "500 5.5.2 a command ends with CR LF, not with LF alone");
    } else {
        fk_smtp__command(s, line, len - 2, more);
    }
}

/* A command is looked at in place when it came in one piece. */
static size_t command_take(struct fk_smtp *s, const char *data, size_t len) {
    const char *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) + 1 : len;
    if (s->line_len + n > FK_SMTP_LINE_MAX)
        s->overlong = true;
    if (lf && !s->line_len) {
        line_take(s, data, n, n < len);
        return n;
    }
    if (!s->overlong) {
        memcpy(s->line + s->line_len, data, n);
        s->line_len += n;
    }
    if (lf) {
        line_take(s, s->line, s->line_len, n < len);
        s->line_len = 0;
    }
    return n;
}

size_t fk_smtp_feed(struct fk_smtp *s, const void *data, size_t len) {
    const char *at = data;
    size_t used = 0;
    answers_give(s);
    while (used < len && s->out.len < OUT_MAX &&
           (s->state == FK_SMTP_COMMAND || s->state == FK_SMTP_DATA)) {
        if (s->state == FK_SMTP_DATA)
            used += data_take(s, (const uint8_t *)at + used, len - used);
        else
            used += command_take(s, at + used, len - used);
        if (s->out.failed) /* a reply is lost: the client would take the next one for it */
            s->state = FK_SMTP_CLOSED;
    }
    return used;
}
