/* A phrase in a row against the rule of terms.h, which is about positions: thousands of texts of
 * few pieces, with line ends and scripts mixed, in which hits and near misses are many. */
#include "indexer/text/phrase_priv.h"
#include "indexer/text/row_priv.h"
#include "indexer/text/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

struct token {
    char text[160];
    uint32_t pos;
};
struct tokens {
    struct token at[3000];
    size_t n;
};

static void keep(void *ctx, const struct fk_token *t) {
    struct tokens *all = ctx;
    assert_true(all->n < 3000 && t->len < 160);
    struct token *one = &all->at[all->n++];
    memcpy(one->text, t->text, t->len);
    one->text[t->len] = 0;
    one->pos = t->pos;
}

static void of_text(const char *text, struct tokens *out, struct fk_buf *row) {
    uint32_t next;
    out->n = 0;
    fk_buf_reset(row);
    assert_int_equal(fk_terms_to_row(text, strlen(text), 0, keep, out, &next, row, &err), FK_OK);
}

static bool has(const struct tokens *doc, const char *text, uint32_t pos) {
    for (size_t i = 0; i < doc->n; i++)
        if (doc->at[i].pos == pos && !strcmp(doc->at[i].text, text))
            return true;
    return false;
}

/* By positions alone. */
static bool stands(const struct tokens *doc, const struct tokens *query) {
    for (size_t i = 0; i < doc->n; i++) {
        size_t k = 0;
        while (k < query->n && has(doc, query->at[k].text, doc->at[i].pos + (uint32_t)k))
            k++;
        if (k == query->n)
            return true;
    }
    return false;
}

static bool found(const struct tokens *query, const struct fk_buf *row) {
    const char *terms[64];
    size_t lens[64];
    for (size_t i = 0; i < query->n; i++) {
        terms[i] = query->at[i].text;
        lens[i] = strlen(terms[i]);
    }
    struct fk_phrase *p = fk_phrase_new(terms, lens, query->n);
    assert_non_null(p);
    const bool is = fk_phrase_stands(p, row->data, row->len);
    fk_phrase_free(&p);
    return is;
}

static const char *const pieces[] = {
    "会", "議", "室",   "会", "ー", "ﾒ",  "ﾞ",  "か", "\u3099", "a",      "B",   "ab",   "7",
    " ",  "\n", "\r\n", "、", "Ａ", "　", "㈱", "の", "ไ",      "\u0e31", " > ", "\n> ", "\n\n"};
enum { PIECES = sizeof pieces / sizeof *pieces };

static void put_random(char *out, size_t size, int count) {
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, size - n, "%s", pieces[rand() % PIECES]);
}

static void a_phrase_stands_in_a_row_where_its_tokens_stand_in_a_row(void **state) {
    (void)state;
    static struct tokens doc, query;
    struct fk_buf row = FK_BUF_INIT;
    unsigned hits = 0, misses = 0;
    srand(20261129);
    for (int round = 0; round < 4000; round++) {
        char text[400], asked[100];
        put_random(text, sizeof text, 3 + rand() % 25);
        of_text(text, &doc, &row);
        for (int tries = 0; tries < 12; tries++) {
            const size_t len = strlen(text), from = (size_t)rand() % len;
            if (tries % 2) /* what stands there, or nearly */
                snprintf(asked, sizeof asked, "%.*s", 3 + rand() % 20, text + from);
            else
                put_random(asked, sizeof asked, 1 + rand() % 4);
            query.n = 0;
            assert_int_equal(fk_terms_of_query(asked, strlen(asked), keep, &query, &err), FK_OK);
            if (query.n < 2)
                continue; /* a term by itself: nothing is verified */
            const bool want = stands(&doc, &query);
            if (found(&query, &row) != want)
                fail_msg("\"%s\" in \"%s\" (%s): not %d", asked, text, fk_buf_cstr(&row), want);
            hits += want;
            misses += !want;
        }
    }
    assert_true(hits > 500 && misses > 500);
    fk_buf_free(&row);
}

static void keep_of_row(void *ctx, const char *text, size_t len, uint32_t pos) {
    const struct fk_token t = {.text = text, .len = len, .pos = pos};
    keep(ctx, &t);
}

static int compare_tokens(const void *a, const void *b) {
    const struct token *x = a, *y = b;
    return x->pos != y->pos ? (x->pos > y->pos) - (x->pos < y->pos) : strcmp(x->text, y->text);
}

/* Each once: at the end of a line a character is both. */
static void sort(struct tokens *t) {
    size_t n = 0;
    qsort(t->at, t->n, sizeof *t->at, compare_tokens);
    for (size_t i = 0; i < t->n; i++)
        if (n == 0 || compare_tokens(&t->at[n - 1], &t->at[i]) != 0)
            t->at[n++] = t->at[i];
    t->n = n;
}

static void a_row_has_the_tokens_that_it_was_made_with(void **state) {
    (void)state;
    static struct tokens of_its_text, of_row;
    struct fk_buf row = FK_BUF_INIT;
    srand(20261130);
    for (int round = 0; round < 20000; round++) {
        char text[400];
        put_random(text, sizeof text, 1 + rand() % 25);
        of_text(text, &of_its_text, &row);
        of_row.n = 0;
        fk_row_tokens(row.data, row.len, keep_of_row, &of_row);
        uint32_t first = of_its_text.n ? of_its_text.at[0].pos : 0;
        for (size_t i = 0; i < of_row.n; i++)
            of_row.at[i].pos += first - 1;
        sort(&of_its_text);
        sort(&of_row);
        bool same = of_row.n == of_its_text.n;
        for (size_t i = 0; same && i < of_row.n; i++)
            same = compare_tokens(&of_row.at[i], &of_its_text.at[i]) == 0;
        if (!same)
            fail_msg("\"%s\" and its row \"%s\" have different tokens", text, fk_buf_cstr(&row));
    }
    fk_buf_free(&row);
}

static void texts_are_near_one_another(void **state) {
    (void)state;
    static const struct {
        const char *row, *a, *b;
        unsigned window;
        bool is;
    } cases[] = {
        {"alpha beta gamma", "alpha", "gamma", 3, true},
        {"alpha beta gamma", "gamma", "alpha", 3, true},
        {"alpha beta gamma", "alpha", "gamma", 2, false},
        {"alpha\fgamma", "alpha", "gamma", 50, false},
        {"alpha beta", "alpha", "alpha", 5, false},
        {"alpha beta alpha", "alpha", "alpha", 3, true},
        {"会議室 延期", "会議 議室", "延期", 4, true},
        {"会議室 延期", "会議 議室", "延期", 3, false},
        {"会議室 延期", "会", "延", 4, true}, /* a character stands at the ends of its run alone: */
        {"会議室 延期", "議", "延", 3, false}, /* so the query refuses it (query_plan.c) */
        {"会議\n室 延期", "会議 議室", "延期", 4, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *terms[] = {cases[i].a, cases[i].b};
        const size_t lens[] = {strlen(cases[i].a), strlen(cases[i].b)};
        struct fk_phrase *p = fk_phrase_near(terms, lens, 2, cases[i].window);
        assert_non_null(p);
        const bool is = fk_phrase_stands(p, (const uint8_t *)cases[i].row, strlen(cases[i].row));
        if (is != cases[i].is)
            fail_msg("%s and %s within %u of \"%s\": %d", cases[i].a, cases[i].b, cases[i].window,
                     cases[i].row, is);
        fk_phrase_free(&p);
    }
}

static void any_bytes_may_be_a_row(void **state) {
    (void)state;
    const char *terms[] = {"会議", "議", "a"};
    const size_t lens[] = {6, 3, 1};
    struct fk_phrase *p = fk_phrase_new(terms, lens, 3), *near = fk_phrase_near(terms, lens, 3, 9);
    srand(3);
    for (int round = 0; round < 20000; round++) {
        uint8_t row[40];
        const size_t n = (size_t)rand() % sizeof row;
        for (size_t i = 0; i < n; i++)
            row[i] = (uint8_t)(rand() % 3 ? rand() : "会議a \n\f"[rand() % 10]);
        (void)fk_phrase_stands(p, row, n);
        (void)fk_phrase_stands(near, row, n);
    }
    fk_phrase_free(&p);
    fk_phrase_free(&near);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_the_tokens_that_it_was_made_with),
        cmocka_unit_test(a_phrase_stands_in_a_row_where_its_tokens_stand_in_a_row),
        cmocka_unit_test(texts_are_near_one_another),
        cmocka_unit_test(any_bytes_may_be_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
