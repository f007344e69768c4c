/* verdicts.c - see verdicts_priv.h */
#include "indexer/verdicts_priv.h"
#include "archiver/auth/evidence.h"
#include "archiver/vault/fields.h"
#include "indexer/deliveries_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/transactions_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fk_salts__put(struct fk_salts *s, uint64_t seq, const uint8_t *salt) {
    s->at[seq % FK_SALTS].seq = seq;
    memcpy(s->at[seq % FK_SALTS].salt, salt, FK_SALT_BYTES);
}

void fk_salts__drop(struct fk_salts *s, const struct fk_seqs *seqs) {
    for (size_t i = 0; i < seqs->count; i++)
        if (s->at[seqs->at[i] % FK_SALTS].seq == seqs->at[i])
            explicit_bzero(&s->at[seqs->at[i] % FK_SALTS], sizeof s->at[0]);
}

bool fk_verdicts__are_in(const struct fk_entry *e) {
    char what[16];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "auth") == 0;
}

/* FK_NOT_FOUND: the message is disposed of, or cannot be read. */
static enum fk_status salt_of(struct fk_lend *lend, const struct fk_salts *salts, uint64_t seq,
                              uint8_t out[FK_SALT_BYTES], struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    if (salts->at[seq % FK_SALTS].seq == seq) {
        memcpy(out, salts->at[seq % FK_SALTS].salt, FK_SALT_BYTES);
        return FK_OK;
    }
    enum fk_status st = fk_lend_content(lend, seq, 0, &content, err);
    if (st == FK_OK)
        memcpy(out, content.salt, FK_SALT_BYTES);
    fk_content_free(&content);
    return st == FK_CORRUPT ? FK_NOT_FOUND : st;
}

/* ---- lines of a part as verdicts */

static void verdict_add(struct fk_buf *lines, const char *name, const char *value,
                        const char *detail) {
    struct fk_buf line = FK_BUF_INIT;
    fk_buf_printf(&line, "fumikura %s=%s%s%s", name, value, *detail ? " " : "", detail);
    fk_fields_add(lines, "verdict", line.data, line.len);
    lines->failed |= line.failed;
    fk_buf_free(&line);
}

/* At most so many signatures are told: the entry has them all. */
enum { SIGNATURES_TOLD = 16 };

static void own_lines(const struct fk_buf *part, struct fk_buf *lines) {
    struct fk_fields it = fk_fields_begin(part->data, part->len);
    unsigned signatures = 0;
    bool read = true;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        struct fk_finding_line l;
        read = read && !fk_field_is(&f, "unread");
        if (!fk_evidence_line(&f, &l) ||
            (fk_field_is(&f, "dkim") && signatures++ >= SIGNATURES_TOLD))
            continue;
        char name[8];
        snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
        verdict_add(lines, name, l.result, l.domain);
    }
    if (!signatures)
        verdict_add(lines, "dkim", read ? "none" : "unread", "");
}

/* ---- into documents that are there */

/* The data, and the archive's own terms that follow from it. */
static enum fk_status data_put(struct fk_xdoc *doc, const struct fk_buf *data, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (data->failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    FK_TRY(fk_xdoc_drop_terms(doc, FK_P_OWN, err));
    FK_TRY(fk_verdicts__own_terms(doc, data->data, data->len, err));
    st = fk_xdoc_data(doc, data->data, data->len, err);
done:
    return st;
}

static enum fk_status document_amend(struct fk_xwriter *writer, uint32_t docid, uint64_t seq,
                                     const struct fk_buf *lines, struct fk_err *err) {
    enum fk_status st;
    struct fk_xdoc *doc = NULL;
    struct fk_buf data = FK_BUF_INIT, amended = FK_BUF_INIT;
    FK_TRY(fk_xwriter_document(writer, docid, &doc, err));
    FK_TRY(fk_xdoc_data_get(doc, &data, err));
    fk_verdicts__replace(&data, seq, lines, &amended);
    FK_TRY(data_put(doc, &amended, err));
    st = fk_xwriter_put(writer, docid, doc, err);
done:
    fk_xdoc_free(&doc);
    fk_buf_free(&data);
    fk_buf_free(&amended);
    return st == FK_NOT_FOUND ? FK_OK : st; /* no document: disposed of */
}

enum fk_status fk_verdicts__carry(struct fk_xdoc *doc, const struct fk_buf *earlier,
                                  struct fk_err *err) {
    enum fk_status st;
    struct fk_buf data = FK_BUF_INIT, amended = FK_BUF_INIT;
    FK_TRY(fk_xdoc_data_get(doc, &data, err));
    fk_verdicts__merge(&data, earlier, &amended);
    FK_TRY(data_put(doc, &amended, err));
    FK_TRY(fk_deliveries__terms(doc, amended.data, amended.len, err));
    st = fk_transactions__put(doc, amended.data, amended.len, err);
done:
    fk_buf_free(&data);
    fk_buf_free(&amended);
    return st;
}

/* What the body says of one message, as lines; none where nobody can read it any more. */
static enum fk_status own_read(const struct fk_content *body, struct fk_lend *lend,
                               const struct fk_salts *salts, uint64_t seq, struct fk_buf *lines,
                               struct fk_err *err) {
    uint8_t salt[FK_SALT_BYTES];
    struct fk_buf part = FK_BUF_INIT;
    enum fk_status st = salt_of(lend, salts, seq, salt, err);
    if (st == FK_OK)
        st = fk_evidence_open(body->bytes, body->len, seq, salt, &part, err);
    if (st == FK_OK)
        own_lines(&part, lines);
    fk_buf_free(&part);
    return st == FK_NOT_FOUND || st == FK_CORRUPT ? FK_OK : st;
}

/* A message that the entry is about, and the document that it is in now. */
struct place_of {
    uint64_t seq;
    uint32_t docid;
};

static bool is_in(const struct fk_shard *shard, const struct place_of *p) {
    return p->docid >= shard->first && p->docid <= shard->last;
}

static enum fk_status places_find(struct fk_xreader *reader, const struct fk_seqs *of,
                                  struct place_of *out, size_t *count_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    *count_out = 0;
    for (size_t i = 0; st == FK_OK && i < of->count; i++) {
        char term[32];
        uint32_t docid;
        size_t found = 0;
        const int n =
            snprintf(term, sizeof term, FK_P_CAPTURE "%llu", (unsigned long long)of->at[i]);
        st = fk_xreader_with_term(reader, term, (size_t)n, &docid, 1, &found, err);
        if (st == FK_OK && found)
            out[(*count_out)++] = (struct place_of){of->at[i], docid};
    }
    return st;
}

static enum fk_status shard_amend(const struct fk_place *place, struct fk_shard *shard,
                                  const struct fk_content *body, struct fk_lend *lend,
                                  const struct fk_salts *salts, const struct place_of *at,
                                  size_t count, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    char path[FK_PLACE_PATH];
    size_t first = 0;
    while (first < count && !is_in(shard, &at[first]))
        first++;
    if (first == count)
        return FK_OK;
    FK_TRY(fk_place__path(place, shard->number, path, err));
    FK_TRY(fk_xwriter_open(path, &writer, err));
    for (size_t i = first; i < count; i++) {
        if (!is_in(shard, &at[i]))
            continue;
        fk_buf_reset(&lines);
        FK_TRY(own_read(body, lend, salts, at[i].seq, &lines, err));
        if (lines.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
        if (lines.len)
            FK_TRY(document_amend(writer, at[i].docid, at[i].seq, &lines, err));
    }
    FK_TRY(fk_xwriter_commit(writer, err));
    shard->wants_renewal |= fk_xwriter_is_worn(writer);
done:
    fk_xwriter_close(&writer);
    fk_buf_free(&lines);
    return st;
}

enum fk_status fk_verdicts__take(const struct fk_place *place, struct fk_shards *list,
                                 struct fk_known *known, struct fk_lend *lend,
                                 const struct fk_salts *salts, uint64_t entry,
                                 const struct fk_seqs *of, struct fk_err *err) {
    struct fk_content body = {.fd = -1};
    struct fk_xreader *reader;
    struct place_of *at = NULL;
    size_t count;
    enum fk_status st = fk_lend_content(lend, entry, 0, &body, err);
    if (st == FK_NOT_FOUND || st == FK_CORRUPT)
        return FK_OK; /* verify says so */
    if (st != FK_OK)
        return st;
    at = calloc(of->count, sizeof *at);
    if (!at)
        FK_TRY(fk_fail(err, FK_NOMEM, "indexing: out of memory"));
    FK_TRY(fk_known__reader(known, place, list, &reader, err));
    FK_TRY(places_find(reader, of, at, &count, err));
    fk_known__changed(known);
    for (size_t i = 0; st == FK_OK && i < list->count; i++)
        st = shard_amend(place, &list->at[i], &body, lend, salts, at, count, err);
done:
    free(at);
    fk_content_free(&body);
    return st;
}
