/* related.c - see related.h. */
#include "search/related.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "search/query_priv.h"
#include "search/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct relating {
    struct fk_query *query;
    struct fk_xreader *reader;
    uint64_t before;
    struct fk_related *out;
    struct fk_query_fault *fault;
};

/* ---- what is alike */

static enum fk_status sketch_read(struct fk_xreader *reader, uint32_t docid,
                                  uint8_t out[FK_SKETCH_BYTES], bool *has_one, struct fk_err *err) {
    struct fk_buf value = FK_BUF_INIT;
    enum fk_status st = fk_xreader_value(reader, docid, FK_SLOT_SKETCH, &value, err);
    *has_one = st == FK_OK && value.len == FK_SKETCH_BYTES;
    if (*has_one)
        memcpy(out, value.data, FK_SKETCH_BYTES);
    fk_buf_free(&value);
    return st;
}

struct alike {
    const uint8_t *sketch;
    unsigned percent;
    uint64_t before;
    struct fk_seqs docids;
};

static enum fk_status alike_take(void *ctx, const struct fk_xmatch *m, struct fk_err *err) {
    struct alike *a = ctx;
    if (m->first_len == FK_SKETCH_BYTES && fk_sketch_likeness(a->sketch, m->first) >= a->percent)
        fk_seqs_add(&a->docids, m->docid);
    return a->docids.failed ? fk_fail(err, FK_NOMEM, "out of memory for a query") : FK_OK;
}

/* Docids of what shares a band and is alike by the whole sketch. */
static enum fk_status alike_find(struct relating *r, struct alike *a, struct fk_err *err) {
    struct fk_xquery *any = NULL;
    char band[FK_BAND_SIZE];
    for (unsigned i = 0; i < FK_BANDS; i++) {
        fk_sketch_band(a->sketch, i, band);
        struct fk_xquery *one = fk_xquery_term(band, strlen(band));
        any = i == 0 ? one : fk_xquery_or(any, one);
    }
    enum fk_status st =
        fk_xreader_each(r->reader, any, FK_SLOT_SKETCH, FK_SLOT_RECEIVED, alike_take, a, err);
    fk_seqs_sort(&a->docids);
    fk_xquery_free(&any);
    return st;
}

/* A document's captures that count; false where it has none. */
static enum fk_status is_of_then(struct relating *r, uint32_t docid, bool *out,
                                 struct fk_err *err) {
    struct fk_buf data = FK_BUF_INIT, value = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    *out = r->before == UINT64_MAX;
    if (*out)
        return FK_OK;
    st = fk_xreader_data(r->reader, docid, &data, err);
    struct fk_fields it = fk_fields_begin(data.data, data.len);
    for (struct fk_field f; st == FK_OK && !*out && fk_fields_next(&it, &f);)
        if (fk_field_is(&f, "capture"))
            *out = strtoull(f.value, NULL, 10) < r->before;
    fk_buf_free(&data);
    fk_buf_free(&value);
    return st;
}

static enum fk_status similar_find(struct relating *r, uint64_t seq, unsigned percent,
                                   struct fk_seqs *out, bool *is_cut, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint8_t sketch[FK_SKETCH_BYTES];
    struct alike a = {sketch, percent, r->before, {NULL, 0, 0, false}};
    char term[40];
    uint32_t docid;
    size_t n = 0;
    bool has_one = false;
    const int len = snprintf(term, sizeof term, FK_P_CAPTURE "%" PRIu64, seq);
    FK_TRY(fk_xreader_with_term(r->reader, term, (size_t)len, &docid, 1, &n, err));
    if (n == 0)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "the index has no message of entry %" PRIu64, seq));
    FK_TRY(sketch_read(r->reader, docid, sketch, &has_one, err));
    if (!has_one) {
        fk_seqs_add(out, docid); /* no text: like itself alone */
        goto done;
    }
    FK_TRY(alike_find(r, &a, err));
    for (size_t i = a.docids.count; i > 0 && out->count < FK_SIMILAR_MAX; i--) {
        bool counts = false;
        FK_TRY(is_of_then(r, (uint32_t)a.docids.at[i - 1], &counts, err));
        if (counts)
            fk_seqs_add(out, a.docids.at[i - 1]);
        *is_cut = out->count == FK_SIMILAR_MAX && i > 1;
    }
done:
    fk_seqs_free(&a.docids);
    return st;
}

/* ---- a field */

static enum fk_status thread_of(struct relating *r, uint64_t seq, struct fk_seqs *out, bool *is_cut,
                                struct fk_err *err) {
    struct fk_thread thread = FK_THREAD_INIT;
    enum fk_status st = fk_thread_find(r->reader, seq, r->before, NULL, &thread, err);
    for (size_t i = 0; st == FK_OK && i < thread.count; i++)
        fk_seqs_add(out, thread.at[i].docid);
    *is_cut = thread.is_cut;
    fk_thread_free(&thread);
    return st;
}

static enum fk_status keep(struct relating *r, struct fk_q_node *node, struct fk_seqs *found,
                           bool is_cut, struct fk_err *err) {
    fk_seqs_sort(found);
    uint64_t *copy = fk_query__alloc(r->query, (found->count + 1) * sizeof *copy);
    if (copy == NULL || found->failed)
        return fk_fail(err, FK_NOMEM, "out of memory for a query");
    for (size_t i = 0; i < found->count; i++)
        copy[i] = found->at[i];
    node->related = copy;
    node->related_count = found->count;
    node->related_is_cut = is_cut;
    fk_buf_printf(&r->out->expansion, "%s:%.*s = ", fk_query__name_of(node->field), (int)node->len,
                  node->text);
    fk_seqs_format(found, &r->out->expansion);
    fk_buf_str(&r->out->expansion, is_cut ? " and more\n" : "\n");
    return r->out->expansion.failed ? fk_fail(err, FK_NOMEM, "out of memory for a query") : FK_OK;
}

static enum fk_status node_relate(void *ctx, struct fk_q_node *node, struct fk_err *err) {
    struct relating *r = ctx;
    struct fk_seqs found = {NULL, 0, 0, false};
    struct fk_err why = FK_ERR_INIT;
    uint64_t seq;
    unsigned percent;
    bool is_cut = false;
    if (node->field != FK_F_THREAD && node->field != FK_F_SIMILAR)
        return FK_OK;
    enum fk_status st = fk_query__related_value(node, &seq, &percent, r->fault, err);
    if (st != FK_OK)
        return st;
    st = node->field == FK_F_THREAD ? thread_of(r, seq, &found, &is_cut, &why)
                                    : similar_find(r, seq, percent, &found, &is_cut, &why);
    if (st == FK_OK)
        st = keep(r, node, &found, is_cut, &why);
    if (st == FK_NOT_FOUND)
        st = fk_query_blame(node, r->fault, err, "a hit shows its number; fumikura index --wait",
                            "%s", why.text);
    else if (st != FK_OK)
        st = fk_fail(err, st, "%s", why.text);
    r->out->cut += is_cut;
    fk_seqs_free(&found);
    return st;
}

enum fk_status fk_query_relate(struct fk_query *query, struct fk_xreader *reader, uint64_t before,
                               struct fk_related *out, struct fk_query_fault *fault,
                               struct fk_err *err) {
    struct relating r = {query, reader, before, out, fault};
    return fk_query__each(query, node_relate, &r, err);
}
