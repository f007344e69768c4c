/* hold.c - holds out of the bodies of entries. */
#include "retention/hold.h"

#include <stdlib.h>
#include <string.h>

static void range_lines(struct fk_buf *out, const struct fk_seqs *seqs) {
    struct fk_buf ranges = FK_BUF_INIT;
    fk_seqs_format(seqs, &ranges);
    fk_fields_add(out, "seqs", ranges.data, ranges.len);
    out->failed = out->failed || ranges.failed;
    fk_buf_free(&ranges);
}

void fk_hold_body(struct fk_buf *out, const char *name, const char *reason, const char *person,
                  const char *query, const struct fk_seqs *seqs) {
    fk_release_body(out, name, reason, person);
    if (query && *query)
        fk_fields_add_str(out, "query", query);
    range_lines(out, seqs);
}

void fk_release_body(struct fk_buf *out, const char *name, const char *reason, const char *person) {
    fk_fields_add_str(out, "name", name);
    fk_fields_add_str(out, "reason", reason);
    fk_fields_add_str(out, "person", person);
}

/* The value as a string of its own; "" where there is none; NULL without memory. */
static char *text_of(const void *body, size_t len, const char *name) {
    struct fk_buf b = FK_BUF_INIT;
    (void)fk_fields_find(body, len, name, &b);
    char *text = strdup(fk_buf_cstr(&b));
    fk_buf_free(&b);
    return text;
}

static void hold_free(struct fk_hold *h) {
    free(h->name);
    free(h->reason);
    free(h->person);
    free(h->query);
    fk_seqs_free(&h->seqs);
}

static bool grow(struct fk_holds *holds) {
    if (holds->count < holds->cap)
        return true;
    size_t cap = holds->cap ? holds->cap * 2 : 16;
    struct fk_hold *at = realloc(holds->at, cap * sizeof *at);
    if (!at)
        return false;
    holds->at = at;
    holds->cap = cap;
    return true;
}

enum fk_status fk_holds_add(struct fk_holds *holds, uint64_t seq, int64_t time_ms, const void *body,
                            size_t len, size_t max, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf ranges = FK_BUF_INIT;
    struct fk_hold h = {.seq = seq,
                        .since_ms = time_ms,
                        .name = text_of(body, len, "name"),
                        .reason = text_of(body, len, "reason"),
                        .person = text_of(body, len, "person"),
                        .query = text_of(body, len, "query")};
    bool listed = fk_fields_find(body, len, "seqs", &ranges);
    if (!h.name || !h.reason || !h.person || !h.query || ranges.failed || !grow(holds))
        st = fk_fail(err, FK_NOMEM, "entry %llu: no memory for the hold", (unsigned long long)seq);
    else if (!*h.name || !listed ||
             !fk_seqs_parse((const char *)ranges.data, ranges.len, max, &h.seqs))
        st = fk_fail(err, FK_CORRUPT,
                     "entry %llu: the body of this hold has no name or no list of messages",
                     (unsigned long long)seq);
    else
        holds->at[holds->count++] = h;
    if (st != FK_OK)
        hold_free(&h);
    fk_buf_free(&ranges);
    return st;
}

void fk_holds_release(struct fk_holds *holds, uint64_t of, uint64_t by, int64_t time_ms) {
    for (size_t i = 0; i < holds->count; i++) {
        struct fk_hold *h = &holds->at[i];
        if (h->seq == of && !h->released_by) {
            h->released_by = by;
            h->released_ms = time_ms;
        }
    }
}

const struct fk_hold *fk_holds_first(const struct fk_holds *holds, uint64_t mail_seq) {
    for (size_t i = 0; i < holds->count; i++)
        if (!holds->at[i].released_by && fk_seqs_has(&holds->at[i].seqs, mail_seq))
            return &holds->at[i];
    return NULL;
}

const struct fk_hold *fk_holds_named(const struct fk_holds *holds, const char *name) {
    for (size_t i = 0; i < holds->count; i++)
        if (!holds->at[i].released_by && strcmp(holds->at[i].name, name) == 0)
            return &holds->at[i];
    return NULL;
}

void fk_holds_free(struct fk_holds *holds) {
    for (size_t i = 0; i < holds->count; i++)
        hold_free(&holds->at[i]);
    free(holds->at);
    *holds = (struct fk_holds){NULL, 0, 0};
}
