/* query_related.c - thread: and similar: as a query. What they stand for is known to the index
 * alone and is looked up before the query is planned (related.c); here it is an OR of captures. */
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/query_priv.h"
#include "search/related.h"

#include <inttypes.h>
#include <stdio.h>

/* Digits, of any width, from *at on; false where there is none or it is too large. */
static bool number_take(const char **at, const char *end, uint64_t *out) {
    const char *begin = *at;
    uint64_t n = 0;
    for (struct fk_query__char c = fk_query__char_at(*at, end); c.as >= '0' && c.as <= '9';
         c = fk_query__char_at(*at, end)) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (c.as - '0');
        *at += c.bytes;
    }
    *out = n;
    return *at != begin;
}

enum fk_status fk_query__related_value(const struct fk_q_node *node, uint64_t *seq,
                                       unsigned *percent, struct fk_query_fault *fault,
                                       struct fk_err *err) {
    const char *at = node->text, *end = at + node->len;
    const bool is_similar = node->field == FK_F_SIMILAR;
    uint64_t least = FK_SIMILAR_PERCENT;
    bool good = !node->prefix && number_take(&at, end, seq);
    const struct fk_query__char c = fk_query__char_at(at, end);
    if (good && is_similar && c.as == '/') {
        at += c.bytes;
        good = number_take(&at, end, &least) && least >= FK_SIMILAR_LEAST && least <= 100;
    }
    *percent = (unsigned)least;
    if (good && at == end)
        return FK_OK;
    if (is_similar)
        return fk_query_blame(node, fault, err, "similar:12 is 90 %, similar:12/80 is 80 %",
                              "expected the number of a message, and after a / at least how many "
                              "percent, from %d to 100, not \"%.*s%s\"",
                              FK_SIMILAR_LEAST, fk_query__cut(node->text, 60), node->text,
                              node->prefix ? "*" : "");
    return fk_query_blame(node, fault, err, "as a hit shows it",
                          "expected the number of a message, not \"%.*s%s\"",
                          fk_query__cut(node->text, 60), node->text, node->prefix ? "*" : "");
}

/* Halves, so that the tree is not as deep as the list is long. */
static struct fk_xquery *captures(const uint64_t *seqs, size_t n) {
    char term[40];
    if (n == 0)
        return fk_xquery_nothing();
    if (n > 1) {
        struct fk_xquery *left = captures(seqs, n / 2);
        return fk_xquery_or(left, captures(seqs + n / 2, n - n / 2));
    }
    const int len = snprintf(term, sizeof term, FK_P_CAPTURE "%" PRIu64, seqs[0]);
    return fk_xquery_term(term, (size_t)len);
}

enum fk_status fk_query__related(const struct fk_q_node *node, struct fk_xquery **out,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    uint64_t seq;
    unsigned percent;
    enum fk_status st = fk_query__related_value(node, &seq, &percent, fault, err);
    if (st == FK_OK)
        *out = captures(node->related, node->related_count);
    return st;
}
