/* catalogue.c - export entries, and their bodies for who lists them. */
#include "tape-export/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fact_take(struct fk_catalogue *c, const struct fk_entry *e) {
    char what[32];
    uint64_t of;
    if (!fk_entry_field(e, "what", what, sizeof what) || strcmp(what, "destroyed") != 0 ||
        !fk_entry_number(e, "of", &of))
        return;
    for (size_t i = 0; i < c->count; i++)
        if (c->at[i].entry == of)
            c->at[i].destroyed = e->seq;
}

static enum fk_status take(struct fk_catalogue *c, const char *wanted, const struct fk_entry *e,
                           struct fk_err *err) {
    char what[32];
    struct fk_tape_set set = {.entry = e->seq, .time_ms = e->time_ms};
    if (fk_entry_is(e, "fact"))
        fact_take(c, e);
    if (!fk_entry_is(e, "export") || !fk_entry_field(e, "what", what, sizeof what) ||
        strcmp(what, wanted) != 0)
        return FK_OK;
    (void)fk_entry_field(e, "form", set.form, sizeof set.form); /* "" where there is none */
    if (!fk_entry_number(e, "first", &set.first) || !fk_entry_number(e, "last", &set.last) ||
        !fk_entry_field(e, "manifest", set.manifest, sizeof set.manifest))
        return fk_fail(err, FK_CORRUPT, "entry %llu: a set without its seqs or its manifest",
                       (unsigned long long)e->seq);
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 32;
        struct fk_tape_set *at = realloc(c->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for the list of sets");
        c->at = at;
        c->cap = cap;
    }
    c->at[c->count++] = set;
    return FK_OK;
}

enum fk_status fk_catalogue_read(struct fk_lend *lend, const char *what, struct fk_catalogue *out,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_catalogue c = {NULL, 0, 0};
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_head head;
    struct fk_entry e;
    FK_TRY(fk_lend_head(lend, &head, err));
    for (uint64_t seq = 0; seq < head.next_seq;) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, seq, &lines, err));
        const char *at = (const char *)lines.data, *end = at + lines.len;
        for (; at < end; seq++) {
            const char *lf = memchr(at, '\n', (size_t)(end - at));
            size_t len = lf ? (size_t)(lf - at) + 1 : (size_t)(end - at);
            FK_TRY(fk_entry_read(at, len, &e, err));
            FK_TRY(take(&c, what, &e, err));
            at += len;
        }
    }
    *out = c;
    c = (struct fk_catalogue){NULL, 0, 0};
done:
    fk_buf_free(&lines);
    fk_catalogue_free(&c);
    return st;
}

const struct fk_tape_set *fk_catalogue_find(const struct fk_catalogue *c, const char *manifest) {
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->at[i].manifest, manifest) == 0)
            return &c->at[i];
    return NULL;
}

void fk_catalogue_free(struct fk_catalogue *c) {
    free(c->at);
    *c = (struct fk_catalogue){NULL, 0, 0};
}

/* The act without which the desk shows no body. */
static enum fk_status act_append(struct fk_keep *keep, const struct fk_catalogue *c,
                                 const char *person, uint64_t *act_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_seqs of = {0};
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    for (size_t i = 0; i < c->count; i++)
        fk_seqs_add(&of, c->at[i].entry);
    fk_buf_str(&fields, "what=audit of=");
    fk_seqs_format(&of, &fields);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "reason", "tape list");
    if (of.failed || fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the list of sets"));
    FK_TRY(fk_keep_append(keep, &(struct fk_record){"act", fk_buf_cstr(&fields), &body}, &receipt,
                          err));
    *act_out = receipt.seq;
done:
    fk_seqs_free(&of);
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

static enum fk_status set_tell(struct fk_lend *lend, struct fk_tape_set set, uint64_t act,
                               fk_tape_set_fn fn, void *ctx, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_content body = {.fd = -1};
    struct fk_buf where = FK_BUF_INIT, person = FK_BUF_INIT, segments = FK_BUF_INIT;
    FK_TRY(fk_lend_content(lend, set.entry, act, &body, err));
    (void)fk_fields_find(body.bytes, body.len, "where", &where); /* "" where there is none */
    (void)fk_fields_find(body.bytes, body.len, "person", &person);
    (void)fk_fields_find(body.bytes, body.len, "segments", &segments);
    set.where = fk_buf_cstr(&where);
    set.person = fk_buf_cstr(&person);
    set.segments = fk_buf_cstr(&segments);
    st = fn(ctx, &set, err);
done:
    fk_content_free(&body);
    fk_buf_free(&where);
    fk_buf_free(&person);
    fk_buf_free(&segments);
    return st;
}

enum fk_status fk_tape_list(struct fk_keep *keep, struct fk_lend *lend, const char *person,
                            fk_tape_set_fn fn, void *ctx, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_catalogue c = {NULL, 0, 0};
    uint64_t act = 0;
    FK_TRY(fk_catalogue_read(lend, "tape", &c, err));
    if (c.count)
        FK_TRY(act_append(keep, &c, person, &act, err));
    for (size_t i = 0; i < c.count; i++)
        FK_TRY(set_tell(lend, c.at[i], act, fn, ctx, err));
done:
    fk_catalogue_free(&c);
    return st;
}
