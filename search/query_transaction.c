/* query_transaction.c - txn:, txn_date:, amount:, counterparty: and docno: (docs/transactions.md)
 * as values and terms of the index. A message has one day and one amount as values; those of
 * further files in it are terms of their first digits, so that a range is a few hundred of them at
 * most. */
#include "base/pack.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/numeral.h"
#include "indexer/transaction/transaction_record.h"
#include "search/query_plan.h"
#include "search/query_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* ---- amounts as people write them */

/* A figure as in mail; ASCII where the syntax has it, "-" before it for less than nothing. */
static bool figure_take(const char *text, struct fk_amount *out) {
    return *text && fk_amount_read(text, strlen(text), 0, out) && text[out->end] == 0;
}

static bool amount_bound(const char *text, enum fk_query__op op, struct fk_q_node *node,
                         char currency[4]) {
    struct fk_amount a;
    if (!figure_take(text, &a) || (*currency && *a.currency && strcmp(currency, a.currency) != 0))
        return false;
    if (*a.currency)
        memcpy(currency, a.currency, sizeof a.currency);
    const uint64_t rank = fk_txn_amount_rank(a.hundredths);
    if (op == OP_IS || op == OP_GE)
        node->least = rank;
    if (op == OP_IS || op == OP_LE)
        node->most = rank;
    if (op == OP_GT)
        node->least = rank + 1;
    if (op == OP_LT)
        node->most = rank - 1;
    return true;
}

bool fk_query__amount_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                            char currency[4], const char **expected) {
    char copy[80], *to;
    *expected = "an amount such as 1,000,000, 100万, 1.2億円, USD1234.56, or from..to";
    *currency = 0;
    node->least = fk_txn_amount_rank(-FK_NUMERAL_MAX);
    node->most = fk_txn_amount_rank(FK_NUMERAL_MAX);
    if (strlen(value) >= sizeof copy)
        return false;
    memcpy(copy, value, strlen(value) + 1);
    fk_query__split_range(copy, &to);
    if (to == NULL)
        return amount_bound(copy, op, node, currency);
    if (op != OP_IS) {
        *expected = "one amount: from..to goes with a colon, as in amount:100000..200000";
        return false;
    }
    if ((copy[0] == 0 && *to == 0) ||
        (copy[0] != 0 && !amount_bound(copy, OP_GE, node, currency)) ||
        (*to != 0 && !amount_bound(to, OP_LE, node, currency)))
        return false;
    *expected = "a range whose first amount is not over its last";
    return node->least <= node->most;
}

static void figure_print(uint64_t rank, const char *currency, struct fk_buf *out) {
    char text[FK_AMOUNT_TEXT];
    fk_figure_print((int64_t)(rank - FK_NUMERAL_MAX - 1), text);
    if (*text == '-') /* as it is read again: the sign first */
        fk_buf_printf(out, "-%s%s", currency, text + 1);
    else
        fk_buf_printf(out, "%s%s", currency, text);
}

void fk_query__print_amount(const struct fk_q_node *node, struct fk_buf *out) {
    const bool low = node->least > fk_txn_amount_rank(-FK_NUMERAL_MAX);
    const bool high = node->most < fk_txn_amount_rank(FK_NUMERAL_MAX);
    if (low || !high)
        figure_print(node->least, node->text, out);
    if (node->least == node->most)
        return;
    fk_buf_str(out, "..");
    if (high)
        figure_print(node->most, node->text, out);
}

/* ---- ranges */

struct range {
    const char *prefix;
    int width;
    uint64_t least, most;
    struct fk_xquery *any;
};

/* Numbers of `width` digits that begin with the `depth` digits of `begin`: all in the range, some,
 * or none. */
static void digits_add(struct range *r, uint64_t begin, int depth) {
    uint64_t block = 1;
    for (int i = depth; i < r->width; i++)
        block *= 10;
    const uint64_t first = begin * block, last = first + (block - 1);
    if (last < r->least || first > r->most)
        return;
    if (depth > 0 && first >= r->least && last <= r->most) {
        char term[40];
        const int n = snprintf(term, sizeof term, "%s%0*" PRIu64, r->prefix, depth, begin);
        struct fk_xquery *one = fk_xquery_term(term, (size_t)n);
        r->any = r->any ? fk_xquery_or(r->any, one) : one;
        return;
    }
    for (unsigned digit = 0; depth < r->width && digit < 10; digit++)
        digits_add(r, begin * 10 + digit, depth + 1);
}

static struct fk_xquery *ranks(unsigned slot, const char *prefix, int width, uint64_t least,
                               uint64_t most) {
    struct range r = {prefix, width, least, most, NULL};
    uint8_t from[8], to[8];
    fk_be64(from, least);
    fk_be64(to, most);
    struct fk_xquery *value = fk_xquery_range(slot, from, sizeof from, to, sizeof to);
    for (unsigned digit = 0; digit < 10; digit++)
        digits_add(&r, digit, 1);
    return r.any ? fk_xquery_or(value, r.any) : value;
}

static uint64_t day_number(int64_t ms) {
    const time_t second = (time_t)((ms >= 0 ? ms : ms - 999) / 1000);
    struct tm tm;
    if (!gmtime_r(&second, &tm))
        return 0;
    return (uint64_t)(tm.tm_year + 1900) * 10000 + (uint64_t)(tm.tm_mon + 1) * 100 +
           (uint64_t)tm.tm_mday;
}

static struct fk_xquery *days(const struct fk_q_node *node) {
    uint64_t least = 0, most = 99999999;
    if (node->from.unit != FK_UNIT_OPEN)
        least = day_number(fk_q_when_first_ms(&node->from, 0));
    if (node->to.unit != FK_UNIT_OPEN)
        most = day_number(fk_q_when_last_ms(&node->to, 0));
    return ranks(FK_SLOT_TXN_DATE, FK_P_TXN_DATE, FK_TXN_DATE_DIGITS, least, most);
}

static struct fk_xquery *word(const char *prefix, const void *text, size_t len) {
    char term[FK_WHOLE_MAX + 8];
    const size_t n = strlen(prefix), fits = len < FK_WHOLE_MAX ? len : FK_WHOLE_MAX;
    memcpy(term, prefix, n);
    memcpy(term + n, text, fits);
    return fk_xquery_term(term, n + fits);
}

static struct fk_xquery *amounts(const struct fk_q_node *node) {
    struct fk_xquery *range =
        ranks(FK_SLOT_TXN_AMOUNT, FK_P_TXN_AMOUNT, FK_TXN_AMOUNT_DIGITS, node->least, node->most);
    return *node->text ? fk_xquery_and(range, word(FK_P_TXN_CURRENCY, node->text, 3)) : range;
}

/* ---- words */

struct tokens {
    struct fk_xquery *all;
    bool begun;
};

static void token_add(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    struct fk_xquery *one = word(FK_P_TXN_PARTY_IN, token->text, token->len);
    t->all = t->begun ? fk_xquery_and(t->all, one) : one;
    t->begun = true;
}

/* The name or a part of it: all of its tokens, in any order. */
static enum fk_status parties(const struct fk_q_node *node, struct fk_xquery **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_buf normal = FK_BUF_INIT;
    struct tokens t = {NULL, false};
    enum fk_status st;
    FK_TRY(fk_company_normal(node->text, node->len, &normal, err));
    if (normal.len == 0) {
        st = fk_query_blame(node, fault, err, "give the name without the form of the company",
                            "there is no name in \"%.*s\"", fk_query__cut(node->text, 60),
                            node->text);
        goto done;
    }
    if (node->prefix) {
        char term[FK_WHOLE_MAX + 8];
        const int n = snprintf(term, sizeof term, FK_P_TXN_PARTY "%.*s",
                               (int)(normal.len < FK_WHOLE_MAX ? normal.len : FK_WHOLE_MAX),
                               (const char *)normal.data);
        *out = fk_xquery_prefix(term, (size_t)n, FK_PLAN_MAX_EXPANSION);
        goto done;
    }
    FK_TRY(fk_terms_of_query((const char *)normal.data, normal.len, token_add, &t, err));
    *out = t.begun ? t.all : fk_xquery_nothing();
    t.all = NULL;
    t.begun = false;
    /* Words apart, as Latin names have them. */
    FK_TRY(fk_terms_of_query(node->text, node->len, token_add, &t, err));
    if (t.begun)
        *out = fk_xquery_or(*out, t.all);
    t.all = NULL;
done:
    fk_xquery_free(&t.all);
    fk_buf_free(&normal);
    return st;
}

static enum fk_status numbers(const struct fk_q_node *node, struct fk_xquery **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st;
    fk_buf_str(&term, FK_P_TXN_NUMBER);
    const size_t prefix = term.len;
    FK_TRY(fk_txn_number_normal(node->text, node->len, &term, err));
    if (term.len == prefix) {
        st = fk_query_blame(node, fault, err, "such as docno:INV-2024-001",
                            "there is no letter or digit in \"%.*s\"",
                            fk_query__cut(node->text, 60), node->text);
        goto done;
    }
    if (term.len > prefix + FK_WHOLE_MAX)
        term.len = prefix + FK_WHOLE_MAX;
    *out = node->prefix ? fk_xquery_prefix((const char *)term.data, term.len, FK_PLAN_MAX_EXPANSION)
                        : fk_xquery_term((const char *)term.data, term.len);
done:
    fk_buf_free(&term);
    return st;
}

static enum fk_status kinds(const struct fk_q_node *node, struct fk_xquery **out,
                            struct fk_query_fault *fault, struct fk_err *err) {
    const int kind = fk_txn_kind_of(node->text);
    const char *is = kind >= 0                            ? fk_txn_kinds[kind]
                     : strcasecmp(node->text, "any") == 0 ? "any"
                     : strcasecmp(node->text, "corrected") == 0 || strcmp(node->text, "訂正") == 0
                         ? "corrected"
                         : NULL;
    if (!is || node->prefix)
        return fk_query_blame(node, fault, err,
                              "invoice order receipt quotation contract delivery, in Japanese "
                              "請求書 注文書 領収書 見積書 契約書 納品書; any; corrected",
                              "%s: does not take \"%.*s\"", fk_query__name_of(node->field),
                              fk_query__cut(node->text, 60), node->text);
    *out = word(FK_P_TXN, is, strlen(is));
    return FK_OK;
}

enum fk_status fk_query__transaction(const struct fk_q_node *node, struct fk_xquery **out,
                                     struct fk_query_fault *fault, struct fk_err *err) {
    switch (node->field) {
    case FK_F_TXN_DATE:
        return *out = days(node), FK_OK;
    case FK_F_AMOUNT:
        return *out = amounts(node), FK_OK;
    case FK_F_COUNTERPARTY:
        return parties(node, out, fault, err);
    case FK_F_DOCNO:
        return numbers(node, out, fault, err);
    default:
        return kinds(node, out, fault, err);
    }
}
