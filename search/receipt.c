/* receipt.c - a receipt is stated: what was found is read in one pass, then all of it written in
 * the order of docs/format-receipt.md. */
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "search/receipt_priv.h"
#include "search/search_priv.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was found */

static enum fk_status captures_read(struct fk_xreader *reader, uint32_t docid,
                                    const struct fk_seqs *disposed, struct fk_buf *data,
                                    struct fk_seqs *all, uint64_t *newest, struct fk_err *err) {
    fk_buf_reset(data);
    enum fk_status st = fk_xreader_data(reader, docid, data, err);
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    *newest = docid;
    bool has_one = false;
    for (struct fk_field f; st == FK_OK && fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "capture"))
            continue;
        const uint64_t seq = strtoull(f.value, NULL, 10);
        if (fk_seqs_has(disposed, seq))
            continue;
        if (all != NULL)
            fk_seqs_add(all, seq);
        *newest = !has_one || seq > *newest ? seq : *newest;
        has_one = true;
    }
    return st;
}

/* The newest captures of all that match. */
static enum fk_status newest_of(struct fk_xreader *reader, const struct fk_xquery *query,
                                const struct fk_seqs *gone, const struct fk_seqs *disposed,
                                struct fk_seqs *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_matches all = FK_MATCHES_INIT;
    struct fk_buf data = FK_BUF_INIT;
    uint64_t seq;
    FK_TRY(fk_matches_read(reader, query, gone, FK_SLOT_CONVERSATION, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        FK_TRY(captures_read(reader, all.at[i].docid, disposed, &data, NULL, &seq, err));
        fk_seqs_add(out, seq);
    }
    fk_seqs_sort(out);
done:
    fk_matches_free(&all);
    fk_buf_free(&data);
    return st;
}

enum fk_status fk_receipt__found(struct fk_xreader *reader, const struct fk_xquery *hits,
                                 const struct fk_xquery *partly, const struct fk_xquery *missed,
                                 const struct fk_seqs *gone, const struct fk_seqs *disposed,
                                 struct fk_receipt_found *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_matches all = FK_MATCHES_INIT;
    struct fk_buf data = FK_BUF_INIT;
    uint64_t seq;
    fk_receipt__found_free(out);
    FK_TRY(fk_matches_read(reader, hits, gone, FK_SLOT_CONVERSATION, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        FK_TRY(
            captures_read(reader, all.at[i].docid, disposed, &data, &out->hit_captures, &seq, err));
        fk_receipt_list_add(&out->hits, seq);
    }
    fk_seqs_sort(&out->hit_captures);
    FK_TRY(newest_of(reader, partly, gone, disposed, &out->hits_partly, err));
    FK_TRY(newest_of(reader, missed, gone, disposed, &out->missed, err));
    if (out->hits.failed || out->hit_captures.failed || out->hits_partly.failed ||
        out->missed.failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a receipt");
done:
    fk_matches_free(&all);
    fk_buf_free(&data);
    return st;
}

void fk_receipt__found_free(struct fk_receipt_found *f) {
    fk_receipt_list_free(&f->hits);
    fk_seqs_free(&f->hit_captures);
    fk_seqs_free(&f->hits_partly);
    fk_seqs_free(&f->missed);
}

/* ---- lists */

void fk_receipt_list_add(struct fk_receipt_list *l, uint64_t seq) {
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        void *at = realloc(l->at, cap * sizeof *l->at);
        if (at == NULL) {
            l->failed = true;
            return;
        }
        l->at = at;
        l->cap = cap;
    }
    l->at[l->count++] = seq;
}

/* As far as it goes up, or down, by one. */
static size_t run_end(const struct fk_receipt_list *l, size_t from) {
    size_t end = from + 1;
    if (end == l->count)
        return end;
    const uint64_t step = l->at[end] - l->at[from]; /* of down 2^64 - 1 */
    if (step != 1 && step != UINT64_MAX)
        return end;
    while (end < l->count && l->at[end] - l->at[end - 1] == step)
        end++;
    return end;
}

void fk_receipt_list_format(const struct fk_receipt_list *l, struct fk_buf *out) {
    for (size_t i = 0, end; i < l->count; i = end) {
        end = run_end(l, i);
        fk_buf_printf(out, "%s%" PRIu64, i ? "," : "", l->at[i]);
        if (end - i > 1)
            fk_buf_printf(out, "-%" PRIu64, l->at[end - 1]);
    }
}

enum fk_status fk_receipt_list_digest(const struct fk_receipt_list *l,
                                      char out[2 * FK_SHA256_BYTES + 1], struct fk_err *err) {
    struct fk_digest *d = NULL;
    uint8_t sum[FK_SHA256_BYTES];
    enum fk_status st = fk_digest_new(FK_SHA256, &d, err);
    if (st != FK_OK)
        return st;
    for (size_t i = 0; i < l->count; i++) {
        char text[24];
        const int n = snprintf(text, sizeof text, "%" PRIu64 "\n", l->at[i]);
        fk_digest_add(d, text, (size_t)n);
    }
    fk_digest_end(d, sum);
    fk_digest_free(&d);
    fk_hex(out, sum, sizeof sum);
    return FK_OK;
}

void fk_receipt_list_free(struct fk_receipt_list *l) {
    free(l->at);
    *l = (struct fk_receipt_list){NULL, 0, 0, false};
}

/* ---- what words stood for */

static void put_line(struct fk_buf *out, struct fk_buf *line) {
    fk_fields_add(out, "expansion", line->data, line->len);
    out->failed |= line->failed;
    fk_buf_reset(line);
}

/* In quotes, so that none of them is taken for another kind of line. */
static void put_spellings(const struct fk_buf *spellings, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(spellings->data, spellings->len);
    struct fk_buf text = FK_BUF_INIT, value = FK_BUF_INIT, line = FK_BUF_INIT;
    const size_t begin = out->len;
    bool is_cut = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_text = fk_field_is(&f, "text"), is_also = fk_field_is(&f, "also");
        struct fk_buf *into = is_text ? &text : &value;
        fk_buf_reset(into);
        fk_field_value(&f, into);
        is_cut = is_cut && !is_text;
        if (is_text || is_cut)
            continue;
        is_cut = !is_also || out->len - begin >= FK_RECEIPT_SPELLINGS_MAX;
        if (is_cut)
            fk_buf_printf(&line, "\"%s\" and more", fk_buf_cstr(&text));
        else
            fk_buf_printf(&line, "\"%s\" = \"%s\"", fk_buf_cstr(&text), fk_buf_cstr(&value));
        put_line(out, &line);
    }
    out->failed |= text.failed || value.failed;
    fk_buf_free(&text);
    fk_buf_free(&value);
    fk_buf_free(&line);
}

void fk_receipt__stood_for(const struct fk_receipt_words *w, struct fk_buf *out) {
    const char *at = (const char *)w->related->data, *end = at + w->related->len;
    struct fk_buf line = FK_BUF_INIT;
    for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1)
        fk_fields_add(out, "expansion", at, (size_t)(lf - at));
    if (w->domains != NULL && w->domains[0] != NULL) {
        for (size_t i = 0; w->domains[i] != NULL; i++)
            fk_buf_printf(&line, "%s%s", i ? "," : "direction: = ", w->domains[i]);
        put_line(out, &line);
    }
    put_spellings(w->spellings, out);
    if (w->is_cut)
        fk_fields_add_str(out, "expansion", "* and more");
    fk_buf_free(&line);
}

/* ---- the statement */

static void put_number(struct fk_buf *b, const char *name, uint64_t n) {
    fk_buf_printf(b, "%s: %" PRIu64 "\n", name, n);
}

static void put_asked(const struct fk_receipt_facts *f, struct fk_buf *b) {
    const struct fk_search_options *o = f->options;
    char zone[FK_ZONE_SIZE];
    fk_search_zone(zone, o->zone_minutes);
    fk_fields_add(b, "query", o->query, o->query_len == SIZE_MAX ? strlen(o->query) : o->query_len);
    fk_fields_add_str(b, "canonical", f->canonical);
    fk_buf_add(b, f->stood_for->data, f->stood_for->len);
    if (o->user != NULL)
        fk_fields_add_str(b, "user", o->user);
    fk_search__put_time(b, "since", o->since_ms);
    fk_search__put_time(b, "until", o->until_ms);
    fk_fields_add_str(b, "zone", zone);
    fk_fields_add_str(b, "person", o->person);
    if (o->reason != NULL)
        fk_fields_add_str(b, "reason", o->reason);
}

static void put_checkpoint(const struct fk_search_receipt *r, struct fk_buf *b) {
    char root[2 * sizeof r->checkpoint_root + 1];
    if (r->checkpoint_size == 0)
        return;
    fk_hex(root, r->checkpoint_root, sizeof r->checkpoint_root);
    fk_buf_printf(b, "checkpoint: %" PRIu64 " %s\n", r->checkpoint_size, root);
}

static void put_covered(const struct fk_receipt_facts *f, struct fk_buf *b) {
    const struct fk_search_coverage *c = f->coverage;
    put_number(b, "documents", c->documents);
    put_number(b, "partial", c->partial);
    put_number(b, "partial-hits", c->partial_hits);
    put_number(b, "partial-scope", c->partial_scope);
    put_number(b, "total", c->total);
    put_number(b, "captures", c->captures);
}

static enum fk_status put_found(const struct fk_receipt_facts *f, struct fk_buf *b,
                                struct fk_err *err) {
    char digest[2 * FK_SHA256_BYTES + 1];
    enum fk_status st = fk_receipt_list_digest(&f->found.hits, digest, err);
    fk_buf_str(b, "hits: ");
    fk_receipt_list_format(&f->found.hits, b);
    fk_buf_printf(b, "\nhits-sha256: %s\nhit-captures: ", digest);
    fk_seqs_format(&f->found.hit_captures, b);
    fk_buf_str(b, "\nhits-partly: ");
    fk_seqs_format(&f->found.hits_partly, b);
    fk_buf_str(b, "\nmissed: ");
    fk_seqs_format(&f->found.missed, b);
    fk_buf_byte(b, '\n');
    return st;
}

enum fk_status fk_receipt__state(const struct fk_receipt_facts *f, struct fk_lend *lend,
                                 struct fk_search_receipt *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf *b = &out->statement;
    struct fk_head head;
    uint8_t nonce[FK_SHA256_BYTES], sum[FK_SHA256_BYTES];
    char hex[2 * sizeof nonce + 1];
    fk_buf_reset(b);
    FK_TRY(fk_lend_head(lend, &head, err));
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        FK_TRY(fk_fail(err, FK_IO, "the machine gives no random bytes"));
    fk_hex(hex, nonce, sizeof nonce);
    fk_buf_printf(b, "fumikura-receipt/1\nledger: %s\n", head.ledger);
    fk_search__put_time(b, "time", fk_now_ms());
    fk_buf_printf(b, "nonce: %s\nversion: %s\nterms: %d\n", hex, FK_VERSION, FK_TERMS_VERSION);
    put_asked(f, b);
    put_number(b, "head", f->coverage->head);
    put_number(b, "mark", f->coverage->mark);
    put_number(b, "unread", f->coverage->unread);
    put_checkpoint(out, b);
    put_covered(f, b);
    FK_TRY(put_found(f, b, err));
    if (b->failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a receipt"));
    fk_sha256(b->data, b->len, sum);
    fk_hex(out->digest, sum, sizeof sum);
done:
    return st;
}

void fk_search_receipt_free(struct fk_search_receipt *r) {
    fk_buf_free(&r->statement);
}
