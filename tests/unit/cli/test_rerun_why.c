/*
 * test_rerun_why.c - what explains a hit that is there on one side alone, and what does not.
 */
#include "cli/rerun_priv.h"
#include "indexer/text/terms.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

/* Then the ledger had entries 0 to 99, and the index had read those before 90. */
static struct rerun began(const char *query, const char *then, const char *now) {
    struct rerun r = {
        .file = FK_RECEIPT_FILE_INIT, .hit_capture_gone = UINT64_MAX, .capture_gone = UINT64_MAX};
    struct fk_query_fault fault = {0};
    r.file.head = 100;
    r.file.mark = 90;
    r.file.terms = FK_TERMS_VERSION;
    fk_seqs_add(&r.file.hit_captures, 3);
    fk_seqs_add(&r.file.hit_captures, 5);
    fk_buf_str(&r.file.stood_for, then);
    fk_buf_str(&r.stands_for, now);
    assert_int_equal(fk_query_parse(query, strlen(query), &r.query, &fault, NULL), FK_OK);
    return r;
}

/* A hit, of then or of now, of one capture. */
static void differ(struct rerun *r, uint64_t seq, bool was_hit, bool is_there) {
    const struct difference d = {.seq = seq,
                                 .was_hit = was_hit,
                                 .is_there = is_there,
                                 .why = UNEXPLAINED,
                                 .entry = UINT64_MAX};
    struct fk_seqs captures = {NULL, 0, 0, false};
    fk_seqs_add(&captures, seq);
    assert_int_equal(rerun_differ(r, &d, &captures, NULL), FK_OK);
    fk_seqs_free(&captures);
}

static void note(struct rerun *r, const char *kind, const char *fields) {
    static char line[400];
    struct fk_entry e;
    const int n = snprintf(line, sizeof line,
                           "fumikura/1 seq=150 prev=%064d kind=%s time=2026-04-01T00:00:00.000Z "
                           "%s\n",
                           0, kind, fields);
    assert_int_equal(fk_entry_read(line, (size_t)n, &e, NULL), FK_OK);
    assert_int_equal(rerun_note(r, &e, NULL), FK_OK);
}

/* Whether the first difference is explained so. */
static void ends(struct rerun *r, enum why why, const char *words) {
    char text[200];
    assert_int_equal(rerun_conclude(r, NULL), FK_OK);
    if (r->at[0].why != why)
        fail_msg("%s, expected %s", rerun_why_words[r->at[0].why], rerun_why_words[why]);
    rerun_why_text(r, &r->at[0], text, sizeof text);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, text);
    rerun_free(r);
}

static void facts_explain_what_asks_for_them(void **state) {
    (void)state;
    static const struct {
        const char *query, *fact;
        enum why why;
    } table[] = {
        {"amount:5", "what=transaction of=3", FACT},
        {"x -txn:corrected", "what=transaction of=2-4", FACT},
        {"delivery:sent", "what=delivery of=3", FACT},
        {"dkim:pass", "what=auth of=3", FACT},
        {"dkim:pass", "what=auth of=4", UNEXPLAINED}, /* of another message */
        {"dkim:pass", "what=transaction of=3", UNEXPLAINED},
        {"delivery:sent", "what=deliver of=3", UNEXPLAINED},
        {"x", "what=auth of=3", UNEXPLAINED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rerun r = began(table[i].query, "", "");
        differ(&r, 3, i % 2 == 0, true);
        assert_int_equal(rerun_sort(&r, NULL), FK_OK);
        note(&r, "fact", table[i].fact);
        ends(&r, table[i].why, table[i].why == FACT ? "entry 150 says more" : "nothing");
    }
}

static void disposals_explain_what_they_took(void **state) {
    (void)state;
    static const struct {
        const char *query, *of;
        uint64_t seq;
        bool was_hit, is_there;
        enum why why;
    } table[] = {
        {"x", "of=3", 3, true, false, DISPOSED},
        {"x", "of=4", 3, true, false, UNEXPLAINED},
        {"x", "of=5", 3, true, true, CAPTURE_GONE}, /* 5 was a hit's */
        {"x", "of=5", 3, true, false, UNEXPLAINED}, /* the index has not even the message */
        {"x", "of=6", 3, true, true, UNEXPLAINED},  /* 6 was no hit's */
        {"x -y", "of=6", 7, false, true, CAPTURE_GONE},
        {"x", "of=6", 7, false, true, UNEXPLAINED},     /* nothing is found by knowing less */
        {"x -y", "of=95", 7, false, true, UNEXPLAINED}, /* not read then */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rerun r = began(table[i].query, "", "");
        differ(&r, table[i].seq, table[i].was_hit, table[i].is_there);
        assert_int_equal(rerun_sort(&r, NULL), FK_OK);
        note(&r, "dispose", table[i].of);
        ends(&r, table[i].why, table[i].why != UNEXPLAINED ? "entry 150" : "nothing");
    }
}

static void what_words_stood_for_explains(void **state) {
    (void)state;
    static const struct {
        const char *query, *then, *now;
        enum why why;
    } table[] = {
        {"thread:3", "thread:3 = 3-5", "thread:3 = 4-5", RELATED},
        {"thread:3", "thread:3 = 4", "thread:3 = 3-4", RELATED},
        {"-similar:9/80", "similar:9/80 = 3-5", "", RELATED},
        {"similar:9", "similar:9 = 3-5 and more", "similar:9 = 4", RELATED},
        {"thread:3", "thread:3 = 3-5", "thread:3 = 3,5", UNEXPLAINED}, /* it stayed */
        {"thread:3 x", "thread:3 = 4", "thread:3 = 5", UNEXPLAINED},   /* it was never in */
        {"\"thread:3 1234\"", "\"thread:3 1234\" = \"thread:3 1,234\"",
         "\"thread:3 1234\" = \"thread:3 1,234\"", UNEXPLAINED},
        {"髙", "\"髙\" = \"高\"", "", OTHER_SPELLINGS},
        {"x", "", "\"x\" = \"y\"", OTHER_SPELLINGS},
        {"x*", "* and more", "", EXPANSION_CUT},
        {"x*", "", "* and more", EXPANSION_CUT},
        {"x", "direction: = a.example", "direction: = b.example", UNEXPLAINED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char then[200] = "", now[200] = "";
        if (*table[i].then)
            snprintf(then, sizeof then, "expansion: %s\n", table[i].then);
        if (*table[i].now)
            snprintf(now, sizeof now, "expansion: %s\n", table[i].now);
        struct rerun r = began(table[i].query, then, now);
        differ(&r, 3, true, true);
        assert_int_equal(rerun_sort(&r, NULL), FK_OK);
        ends(&r, table[i].why, "");
    }
}

static void other_terms_explain_what_is_there(void **state) {
    (void)state;
    struct rerun r = began("x", "", "");
    r.file.terms = 1;
    differ(&r, 3, true, true);
    assert_int_equal(rerun_sort(&r, NULL), FK_OK);
    ends(&r, OTHER_TERMS, "terms of version 1 then");
    r = began("x", "", "");
    r.file.terms = 1;
    differ(&r, 3, true, false);
    assert_int_equal(rerun_sort(&r, NULL), FK_OK);
    ends(&r, UNEXPLAINED, "nothing in the ledger");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_explain_what_asks_for_them),
        cmocka_unit_test(disposals_explain_what_they_took),
        cmocka_unit_test(what_words_stood_for_explains),
        cmocka_unit_test(other_terms_explain_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
