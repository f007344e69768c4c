/* deliveries.c - facts of deliveries out of the vault, into the documents: deliveries_priv.h */
#include "indexer/deliveries_priv.h"
#include "archiver/vault/delivered.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/transactions_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 200, ADDRESS_BYTES = 1000 };

bool fk_deliveries__are_in(const struct fk_entry *e) {
    char what[16];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "delivery") == 0;
}

enum fk_status fk_told__add(struct fk_told *t, const struct fk_told_one *one,
                            const struct fk_seqs *of, struct fk_err *err) {
    if (t->cap - t->count < of->count) {
        const size_t cap = 2 * t->cap + of->count + 64;
        void *at = realloc(t->at, cap * sizeof *t->at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "indexing: out of memory");
        t->at = at;
        t->cap = cap;
    }
    for (size_t i = 0; i < of->count; i++) {
        t->at[t->count] = *one;
        t->at[t->count++].of = of->at[i];
    }
    return FK_OK;
}

void fk_told__free(struct fk_told *t) {
    free(t->at);
    *t = (struct fk_told){NULL, 0, 0};
}

/* ---- an entry's body as lines */

static int shorter(const char *text, int max) {
    return (int)strnlen(text, (size_t)max);
}

static void line_put(struct fk_buf *lines, uint64_t entry, const struct fk_delivered *d) {
    struct fk_buf line = FK_BUF_INIT;
    fk_buf_printf(&line, "%" PRIu64 " %.*s %.*s %.*s %.*s %.*s", entry,
                  shorter(d->status, WORD_BYTES), d->status, shorter(d->dsn, WORD_BYTES), d->dsn,
                  shorter(d->time, WORD_BYTES), d->time, shorter(d->relay, WORD_BYTES), d->relay,
                  shorter(d->to, ADDRESS_BYTES), d->to);
    fk_fields_add(lines, "delivery", line.data, line.len);
    lines->failed |= line.failed;
    fk_buf_free(&line);
}

static enum fk_status deliveries_read(uint64_t entry, const struct fk_content *body,
                                      struct fk_buf *lines, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_delivered d = FK_DELIVERED_INIT;
    uint64_t left_out = 0;
    struct fk_fields it = fk_fields_begin(body->bytes, body->len);
    while (fk_delivered_next(&it, &d)) {
        if (lines->len > FK_FACTS_MAX)
            left_out++;
        else
            line_put(lines, entry, &d);
    }
    if (left_out) {
        char text[48];
        snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, entry, left_out);
        fk_fields_add_str(lines, "delivery-left-out", text);
    }
    if (d.failed || lines->failed)
        st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
    fk_delivered_free(&d);
    return st;
}

/* None where nobody can read it any more: it went with its message. */
static enum fk_status body_read(struct fk_lend *lend, const struct fk_told_one *one,
                                struct fk_buf *lines, struct fk_err *err) {
    struct fk_content body = {.fd = -1};
    enum fk_status st = fk_lend_content(lend, one->entry, 0, &body, err);
    if (st != FK_OK)
        return st == FK_NOT_FOUND || st == FK_CORRUPT ? FK_OK : st; /* verify tells of the latter */
    if (!one->is_of_transaction) {
        st = deliveries_read(one->entry, &body, lines, err);
    } else {
        fk_transactions__read(one->entry, one->time_ms, body.bytes, body.len, lines);
        if (lines->failed)
            st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
    }
    fk_content_free(&body);
    return st;
}

/* ---- into documents that are there */

static enum fk_status document_amend(struct fk_xwriter *writer, uint32_t docid,
                                     const struct fk_told_one *one, const struct fk_buf *lines,
                                     struct fk_err *err) {
    enum fk_status st;
    struct fk_xdoc *doc = NULL;
    struct fk_buf data = FK_BUF_INIT, amended = FK_BUF_INIT;
    FK_TRY(fk_xwriter_document(writer, docid, &doc, err));
    FK_TRY(fk_xdoc_data_get(doc, &data, err));
    if (one->is_of_transaction)
        fk_transactions__replace(&data, one->of, one->entry, lines, &amended);
    else
        fk_deliveries__replace(&data, one->of, one->entry, lines, &amended);
    if (amended.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    if (one->is_of_transaction) {
        FK_TRY(fk_transactions__put(doc, amended.data, amended.len, err));
    } else {
        FK_TRY(fk_xdoc_drop_terms(doc, FK_P_DELIVERY, err));
        FK_TRY(fk_deliveries__terms(doc, amended.data, amended.len, err));
    }
    FK_TRY(fk_xdoc_data(doc, amended.data, amended.len, err));
    st = fk_xwriter_put(writer, docid, doc, err);
done:
    fk_xdoc_free(&doc);
    fk_buf_free(&data);
    fk_buf_free(&amended);
    return st == FK_NOT_FOUND ? FK_OK : st; /* no document: disposed of */
}

/* The document that has each fact's message now; 0 for none. */
static enum fk_status places_find(struct fk_xreader *reader, const struct fk_told *told,
                                  uint32_t *docids, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; st == FK_OK && i < told->count; i++) {
        char term[32];
        size_t found = 0;
        const int n = snprintf(term, sizeof term, FK_P_CAPTURE "%" PRIu64, told->at[i].of);
        st = fk_xreader_with_term(reader, term, (size_t)n, &docids[i], 1, &found, err);
        if (!found)
            docids[i] = 0;
    }
    return st;
}

static enum fk_status shard_amend(const struct fk_place *place, struct fk_shard *shard,
                                  struct fk_lend *lend, const struct fk_told *told,
                                  const uint32_t *docids, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    char path[FK_PLACE_PATH];
    for (size_t i = 0; i < told->count; i++) {
        if (docids[i] < shard->first || docids[i] > shard->last)
            continue;
        fk_buf_reset(&lines);
        FK_TRY(body_read(lend, &told->at[i], &lines, err));
        if (!lines.len)
            continue;
        if (!writer) {
            FK_TRY(fk_place__path(place, shard->number, path, err));
            FK_TRY(fk_xwriter_open(path, &writer, err));
        }
        FK_TRY(document_amend(writer, docids[i], &told->at[i], &lines, err));
    }
    if (writer) {
        FK_TRY(fk_xwriter_commit(writer, err));
        shard->wants_renewal |= fk_xwriter_is_worn(writer);
    }
done:
    fk_xwriter_close(&writer);
    fk_buf_free(&lines);
    return st;
}

enum fk_status fk_deliveries__put(const struct fk_place *place, struct fk_shards *list,
                                  struct fk_known *known, struct fk_lend *lend,
                                  const struct fk_told *told, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader;
    uint32_t *docids = calloc(told->count + 1, sizeof *docids);
    if (!docids)
        FK_TRY(fk_fail(err, FK_NOMEM, "indexing: out of memory"));
    FK_TRY(fk_known__reader(known, place, list, &reader, err));
    FK_TRY(places_find(reader, told, docids, err));
    fk_known__changed(known);
    for (size_t i = 0; st == FK_OK && i < list->count; i++)
        st = shard_amend(place, &list->at[i], lend, told, docids, err);
done:
    free(docids);
    return st;
}
