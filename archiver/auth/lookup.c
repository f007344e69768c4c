/* lookup.c - a resolver of its own, asked one question at a time. */
#include "archiver/auth/lookup.h"
#include "archiver/auth/protocol.h"
#include "base/apart.h"
#include "base/clock.h"
#include "base/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE_MS = 2000 };
struct fk_lookup {
    struct fk_apart process;
    uint32_t last_id;
    unsigned name_ms;
};

/* FK_RETRY: nothing came in time. */
static enum fk_status hear(const struct fk_lookup *l, int64_t until_ms, struct fk_frame *f,
                           struct fk_err *err) {
    struct pollfd p = {l->process.sock, POLLIN, 0};
    for (;;) {
        const int64_t left_ms = until_ms - fk_monotonic_ms();
        const int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fk_fail(err, FK_RETRY, "the resolver does not answer");
        enum fk_status st = fk_frame_recv(l->process.sock, f, err);
        return st == FK_NOT_FOUND ? fk_fail(err, FK_IO, "the resolver has gone") : st;
    }
}

enum fk_status fk_lookup_open(const struct fk_checker_options *o, struct fk_lookup **out,
                              struct fk_err *err) {
    static const char *const argv[] = {"fumikura-authcheck", "resolve", NULL};
    struct fk_buf setup = FK_BUF_INIT;
    struct fk_lookup *l = calloc(1, sizeof *l);
    if (!l)
        return fk_fail(err, FK_NOMEM, "asking DNS: out of memory");
    *l = (struct fk_lookup){.process = FK_APART_INIT, .name_ms = o->name_ms};
    fk_put_cstr(&setup, o->server);
    fk_put_cstr(&setup, o->hosts);
    fk_put_cstr(&setup, o->anchor);
    fk_put_u32(&setup, o->name_ms);
    enum fk_status st =
        fk_apart_start(o->program, argv, FK_AUTH_SETUP, &setup, FK_AUTH_HELLO, &l->process, err);
    fk_buf_free(&setup);
    if (st == FK_OK)
        *out = l;
    else
        fk_lookup_close(&l);
    return st == FK_OK ? FK_OK : fk_err_prefix(err, "%s resolve", o->program);
}

void fk_lookup_close(struct fk_lookup **l) {
    if (!*l)
        return;
    fk_apart_end(&(*l)->process);
    free(*l);
    *l = NULL;
}

/* What comes is of a program that reads strangers' answers: its form is looked at. */
static bool is_good(const struct fk_buf *text, const struct fk_dns_question *q,
                    struct fk_dns_answer *out) {
    struct fk_fields it = fk_fields_begin(text->data, text->len);
    struct fk_field f;
    size_t n = 0;
    if (!fk_fields_next(&it, &f) || !fk_field_is(&f, "dns") || !fk_dns_answer_read(&f, &it, out) ||
        out->question.type != q->type || strcmp(out->question.name, q->name) != 0)
        return false;
    while (fk_fields_next(&it, &f))
        if (!fk_field_is(&f, "record") || ++n > FK_DNS_RECORDS_MAX)
            return false;
    return !it.bad;
}

static enum fk_status question_send(struct fk_lookup *l, const struct fk_dns_question *q,
                                    struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    char text[FK_DNS_NAME_MAX + 16];
    snprintf(text, sizeof text, "%s %s", fk_dns_type_names[q->type], q->name);
    fk_put_cstr(&b, text);
    enum fk_status st =
        fk_frame_send(l->process.sock, FK_AUTH_ASK, ++l->last_id, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_IO, "the resolver has gone") : st;
}

enum fk_status fk_lookup_ask(struct fk_lookup *l, enum fk_dns_type type, const char *name,
                             struct fk_buf *text, struct fk_dns_answer *out, struct fk_err *err) {
    struct fk_dns_question q;
    struct fk_frame f = FK_FRAME_INIT;
    enum fk_status st;
    if (!fk_dns_question_set(&q, type, name, strlen(name)))
        return fk_fail(err, FK_INVALID, "\"%.260s\": no name that DNS can be asked for", name);
    const int64_t until_ms = fk_monotonic_ms() + l->name_ms + GRACE_MS;
    FK_TRY(question_send(l, &q, err));
    fk_buf_reset(text);
    do
        st = hear(l, until_ms, &f, err);
    while (st == FK_OK && f.id != l->last_id); /* of one before, which was given up */
    if (st ==
        FK_RETRY) { /* a resolver that died over an answer and began anew knows nothing of it */
        fk_dns_add(text, &q, FK_DNS_UNCHECKED, FK_DNS_FAILED);
        st = FK_OK;
    } else if (st == FK_OK) {
        fk_buf_add(text, f.payload.data, f.payload.len);
    }
    FK_TRY(st);
    if (text->failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "asking DNS: out of memory"));
    if (!is_good(text, &q, out))
        st = fk_fail(err, FK_IO, "the resolver said what is no answer to %s %s",
                     fk_dns_type_names[q.type], q.name);
done:
    fk_frame_free(&f);
    return st;
}
