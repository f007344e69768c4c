/* A query (search/query_parse.h, query_plan.h): the canonical form parses to itself, so to the same
 * tree; a fault has a place within the text; what parses has a plan or a fault. */
#include "search/query_plan.h"
#include "tests/fuzz/support/fuzz.h"

static void nodes_check(const struct fk_q_node *n, size_t text_len, unsigned depth) {
    size_t children = 0;
    MUST(depth <= 2 * FK_QUERY_MAX_DEPTH + 2);
    MUST(n->byte >= 1 && n->byte <= text_len + 1 && n->character >= 1 && n->character <= n->byte);
    for (const struct fk_q_node *c = n->first; c; c = c->next, children++)
        nodes_check(c, text_len, depth + 1);
    MUST(n->kind == FK_Q_NOT                         ? children == 1
         : n->kind == FK_Q_AND || n->kind == FK_Q_OR ? children >= 2
         : n->kind == FK_Q_NEAR ? children >= 2 && n->window <= FK_QUERY_MAX_NEAR
                                : children == 0);
}

static void fault_check(const struct fk_query_fault *f, const struct fk_err *err, size_t text_len) {
    MUST(err->status != FK_INVALID ||
         (f->byte <= text_len + 1 && f->character <= f->byte && f->expected[0]));
    MUST(fuzz_is_utf8(err->text, strlen(err->text)) &&
         fuzz_is_utf8(f->expected, strlen(f->expected)) && fuzz_is_utf8(f->hint, strlen(f->hint)));
}

static void plan_check(const struct fk_query *q, size_t text_len) {
    struct fk_xquery *plan = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    static const char *const ours[] = {"example.co.jp", NULL};
    struct fk_buf also = FK_BUF_INIT;
    DONE(fk_query_expansion(fk_query_root(q), &also, &err));
    MUST(fuzz_is_utf8(also.data, also.len));
    fk_buf_free(&also);
    if (fuzz_took(fk_query_plan_for(fk_query_root(q), 540, ours, &plan, &fault, &err), &err))
        fk_xquery_free(&plan);
    else {
        MUST(!plan);
        fault_check(&fault, &err, text_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_query *q = NULL, *again = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf canonical = FK_BUF_INIT, twice = FK_BUF_INIT;
    /* 2024-05-15, in Japan */
    if (!fuzz_took(fk_query_parse_at((const char *)data, len, 1715729400000, 540, &q, &fault, &err),
                   &err)) {
        MUST(!q);
        fault_check(&fault, &err, len);
        return 0;
    }
    nodes_check(fk_query_root(q), len, 0);
    plan_check(q, len);
    fk_query_canonical(q, &canonical);
    MUST(fuzz_is_utf8(canonical.data, canonical.len));
    /* It may be longer than what was written, and over the limit for that reason alone. */
    if (canonical.len <= FK_QUERY_MAX_BYTES) {
        /* ... and on no day is it another */
        DONE(fk_query_parse_at(fk_buf_cstr(&canonical), canonical.len, 946684800000, 0, &again,
                               &fault, &err));
        fk_query_canonical(again, &twice);
        MUST(fuzz_same(canonical.data, canonical.len, twice.data, twice.len));
    }
    fk_query_free(&q);
    fk_query_free(&again);
    fk_buf_free(&canonical);
    fk_buf_free(&twice);
    return 0;
}
