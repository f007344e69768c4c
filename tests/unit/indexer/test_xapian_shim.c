/* The shim on a database of its own: what search is promised by its header. */
#include "base/clock.h"
#include "base/io.h"
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

static void hits_come_greatest_value_first_then_greatest_docid(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    shard_expect(r, T("apple"), "8 7 3 ");
    shard_expect(r, fk_xquery_all(), "8 7 3 900 ");
    shard_expect(r, fk_xquery_nothing(), "");
    fk_xreader_close(&r);
}

static void operators_do_what_they_are_named(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    shard_expect(r, fk_xquery_and(T("apple"), T("pie")), "3 ");
    shard_expect(r, fk_xquery_or(T("plum"), T("pie")), "3 900 ");
    shard_expect(r, fk_xquery_and_not(fk_xquery_all(), T("apple")), "900 ");
    const char *words[] = {"apple", "red"};
    const size_t lens[] = {5, 3};
    shard_expect(r, fk_xquery_phrase(words, lens, 2), "8 7 ");
    shard_expect(r, fk_xquery_phrase(words, lens, 1), "8 7 3 ");
    shard_expect(r, fk_xquery_prefix("p", 1, 10), "3 900 ");
    fk_xreader_close(&r);
}

static void a_range_may_be_open_and_leaves_out_what_has_no_value(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    const uint8_t five[8] = {[7] = 5}, six[8] = {[7] = 6};
    shard_expect(r, fk_xquery_range(0, five, 8, six, 8), "3 ");
    shard_expect(r, fk_xquery_range(0, six, 8, NULL, 0), "8 7 ");
    shard_expect(r, fk_xquery_range(0, NULL, 0, six, 8), "3 ");
    shard_expect(r, fk_xquery_range(0, NULL, 0, NULL, 0), "8 7 3 ");
    fk_xreader_close(&r);
}

static void a_total_is_exact_beyond_the_page(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    static struct fk_xhits hits;
    struct fk_xquery *q = T("apple");
    OK(fk_xreader_search(r, q, 0, 1, 1, &hits, &err));
    assert_int_equal(hits.total, 3);
    assert_int_equal(hits.count, 1);
    assert_int_equal(hits.docids[0], 7);
    OK(fk_xreader_search(r, q, 0, 0, 0, &hits, &err));
    assert_int_equal(hits.total, 3);
    OK(fk_xreader_search(r, q, 0, 1000, 10, &hits, &err));
    assert_int_equal(hits.total, 3);
    assert_int_equal(hits.count, 0);
    fk_xquery_free(&q);
    fk_xreader_close(&r);
}

static void too_wide_a_prefix_is_cut_and_says_so(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    struct fk_xsurvey s = {.want = 10};
    struct fk_xquery *narrow = fk_xquery_prefix("p", 1, 1), *wide = fk_xquery_prefix("p", 1, 2);
    struct fk_xquery *pattern = fk_xquery_wildcard("", "*p*", 3, 1);
    OK(fk_xreader_survey(r, wide, &s, &err));
    assert_int_equal(s.total, 2);
    assert_false(s.is_cut);
    OK(fk_xreader_survey(r, narrow, &s, &err)); /* pie, and not plum */
    assert_int_equal(s.total, 1);
    assert_int_equal(s.hits[0].docid, 3);
    assert_true(s.is_cut);
    OK(fk_xreader_survey(r, pattern, &s, &err)); /* apple alone */
    assert_int_equal(s.total, 3);
    assert_true(s.is_cut);
    fk_xsurvey_free(&s);
    fk_xquery_free(&narrow);
    fk_xquery_free(&wide);
    fk_xquery_free(&pattern);
    fk_xreader_close(&r);
}

/* What was asked of Xapian side by side and what is read into one list: the same documents. */
static void many_alternatives_find_what_each_of_them_finds(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    const char *const red_apple[] = {"red", "apple"}, *const apple_red[] = {"apple", "red"};
    const size_t lens[] = {3, 5}, turned[] = {5, 3};
    for (unsigned n = 1; n <= 1200; n = n < 90 ? n * 9 : n + 111) {
        struct fk_xquery *terms = T("plum"), *phrases = fk_xquery_phrase(red_apple, lens, 2),
                         *without = fk_xquery_all();
        for (unsigned i = 0; i < n; i++) {
            char word[20];
            const size_t len = (size_t)snprintf(word, sizeof word, "w%u", i);
            const char *const pair[] = {"apple", word};
            const size_t pair_lens[] = {5, len};
            terms = fk_xquery_or(terms, fk_xquery_term(i % 2 ? word : "green", i % 2 ? len : 5));
            phrases = fk_xquery_or(
                phrases, fk_xquery_and(fk_xquery_phrase(pair, pair_lens, 2), fk_xquery_all()));
            phrases = fk_xquery_or(
                phrases, fk_xquery_and(T("green"), fk_xquery_phrase(apple_red, turned, 2)));
            without = fk_xquery_and_not(without,
                                        i % 2 ? T("plum") : fk_xquery_phrase(red_apple, lens, 2));
        }
        if (n == 1)
            without = fk_xquery_and_not(without, T("plum"));
        shard_expect(r, terms, "8 900 ");
        shard_expect(r, phrases, "8 3 ");
        shard_expect(r, without, "8 7 ");
    }
    fk_xreader_close(&r);
}

static void a_search_ends_when_its_time_is_over(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    const char *const terms[] = {"red", "apple"};
    const size_t lens[] = {3, 5};
    static struct fk_xhits hits;
    struct fk_xquery *q = fk_xquery_phrase(terms, lens, 2);
    fk_xreader_limit(r, fk_monotonic_ms() - 1);
    assert_int_equal(fk_xreader_search(r, q, 0, 0, 10, &hits, &err), FK_FULL);
    assert_non_null(strstr(err.text, "its time is over"));
    fk_xreader_limit(r, INT64_MAX);
    shard_expect(r, q, "3 ");
    fk_xreader_close(&r);
}

static void a_query_built_from_nothing_is_told_at_search(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    static struct fk_xhits hits;
    struct fk_xquery *q = fk_xquery_and(T("apple"), NULL);
    assert_null(q);
    assert_int_equal(fk_xreader_search(r, q, 0, 0, 10, &hits, &err), FK_NOMEM);
    fk_xreader_close(&r);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new(), *none = NULL;
    struct fk_buf b = FK_BUF_INIT;
    assert_int_equal(fk_xreader_data(r, 4, &b, &err), FK_NOT_FOUND);
    const char *nowhere = "/nonexistent/db";
    assert_int_equal(fk_xreader_open(&nowhere, 1, &none, &err), FK_NOT_FOUND);
    uint32_t next;
    OK(fk_xreader_next(r, 8, &next, &err));
    assert_int_equal(next, 900);
    assert_int_equal(fk_xreader_next(r, 900, &next, &err), FK_NOT_FOUND);
    uint64_t count;
    OK(fk_xreader_term_count(r, "apple", 5, &count, &err));
    assert_int_equal(count, 3);
    fk_xreader_close(&r);
}

static void a_term_over_the_limit_is_invalid(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w, *second;
    OK(fk_xwriter_open(shard_dir, &w, &err));
    assert_int_equal(fk_xwriter_open(shard_dir, &second, &err), FK_RETRY);
    struct fk_xdoc *doc;
    char *term = memset(malloc(300), 'x', 300);
    OK(fk_xdoc_new(&doc, &err));
    OK(fk_xdoc_term(doc, term, 300, &err));
    assert_int_equal(fk_xwriter_put(w, 1, doc, &err), FK_INVALID);
    free(term);
    fk_xdoc_free(&doc);
    fk_xwriter_close(&w);
}

static void what_was_not_committed_is_dropped(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    uint32_t documents;
    OK(fk_xwriter_open(shard_dir, &w, &err));
    shard_put(w, 901, "quince", 1);
    OK(fk_xwriter_delete(w, 3, &err));
    OK(fk_xwriter_delete(w, 4, &err));
    OK(fk_xwriter_count(w, &documents, &err));
    assert_int_equal(documents, 4);
    fk_xwriter_close(&w);
    r = shard_reader(shard_dir);
    shard_expect(r, T("quince"), "");
    shard_expect(r, T("pie"), "3 ");
    fk_xreader_close(&r);
}

static void several_databases_are_read_as_one(void **state) {
    (void)state;
    static struct fk_xhits hits;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300];
    shard_second(second, sizeof second);
    const char *const dirs[] = {shard_dir, second};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    shard_expect(r, T("apple"), "8 7 901 3 ");
    shard_expect(r, fk_xquery_all(), "8 7 901 3 902 900 ");
    struct fk_xquery *q = T("red");
    OK(fk_xreader_search(r, q, 1, 1, 3, &hits, &err)); /* slot 1 is empty: by docid */
    assert_int_equal(hits.count, 3);
    assert_int_equal(hits.docids[0], 901);
    assert_int_equal(hits.docids[2], 7);
    assert_int_equal(hits.total, 5);
    fk_xquery_free(&q);
    struct fk_buf b = FK_BUF_INIT;
    OK(fk_xreader_data(r, 902, &b, &err));
    assert_string_equal(fk_buf_cstr(&b), "red pie");
    fk_buf_free(&b);
    uint32_t next;
    OK(fk_xreader_next(r, 900, &next, &err));
    assert_int_equal(next, 901);
    uint64_t n;
    OK(fk_xreader_term_count(r, "red", 3, &n, &err));
    assert_int_equal(n, 5);
    const char *const alike[] = {"XTp", "XTpie", "XTred"};
    uint64_t counts[3];
    OK(fk_xreader_term_counts(r, "XTp", 3, alike, 3, counts, &err));
    OK(fk_xreader_term_count(r, "pie", 3, &n, &err));
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], n);
    assert_int_equal(counts[2], 0); /* it begins otherwise */
    OK(fk_xreader_count(r, &n, &err));
    assert_int_equal(n, 6);
    fk_xreader_close(&r);
    OK(fk_xreader_open(NULL, 0, &r, &err));
    shard_expect(r, fk_xquery_all(), "");
    assert_int_equal(fk_xreader_next(r, 0, &next, &err), FK_NOT_FOUND);
    fk_xreader_close(&r);
}

static void a_character_is_found_by_what_begins_with_it(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char path[300];
    struct fk_xwriter *w;
    snprintf(path, sizeof path, "%s.characters", shard_dir);
    OK(fk_xwriter_create(path, &w, &err));
    shard_put(w, 1, "高橋 髙橋 ~高橋", 0); /* 髙橋 */
    shard_put(w, 2, "高橋", 0);
    shard_put(w, 3, "高", 0);
    shard_put(w, 4, "橋高 高\u3099 高\u3099橋", 0); /* with a mark it is another */
    shard_put(w, 5, "S高山 apple", 0);
    shard_put(w, 6, "高槗 高橋 ~高橋", 0); /* 槗 is the variant: 高 is written so */
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    r = shard_reader(path);
    shard_expect(r, fk_xquery_character("", "高", 3, NULL), "6 3 2 1 ");
    shard_expect(r, fk_xquery_character("", "高", 3, "~"), "6 3 2 ");
    shard_expect(r, fk_xquery_character("", "髙", 3, "~"), "1 ");
    shard_expect(r, fk_xquery_character("S", "高", 3, NULL), "5 ");
    shard_expect(r, fk_xquery_and(T("apple"), fk_xquery_character("", "高", 3, NULL)), "");
    fk_xreader_close(&r);
}

/* The same by every way: one term and other queries, alone and in threads, with and without the
 * newest hits, which decide how the pass is made. */
static void one_pass_counts_all_that_is_asked(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300];
    shard_second(second, sizeof second);
    const char *const dirs[] = {shard_dir, second}, *const flags[] = {"XTpie", "XTred",
                                                                      "XTnowhere"};
    const uint64_t watched[] = {3, 3, 8, 900, 902}, hidden[] = {7, 8}, more[] = {900};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    for (unsigned way = 0; way < 16; way++) {
        struct fk_xquery *q = way & 1 ? T("apple") : fk_xquery_and(T("apple"), fk_xquery_all());
        struct fk_xsurvey s = {.want = way & 2 ? 2 : 0, .threads = way & 4 ? 2 : 1};
        if (way & 8) {
            s.flags = flags;
            s.flag_count = 3;
            s.watched = watched;
            s.watched_count = 5;
        }
        OK(fk_xreader_survey(r, q, &s, &err));
        assert_int_equal(s.total, 4);
        assert_int_equal(s.with[0], way & 8 ? 1 : 0);
        assert_int_equal(s.with[1], way & 8 ? 4 : 0);
        assert_int_equal(s.with[2], 0);
        assert_int_equal(s.seen, way & 8 ? 3 : 0);
        assert_int_equal(s.hit_count, s.want);
        if (s.want) {
            assert_int_equal(s.hits[0].docid, 8);
            assert_int_equal(s.hits[0].key, 9);
            assert_int_equal(s.hits[1].docid, 7);
            s.has_after = true;
            s.after = s.hits[1];
            s.want = 5;
            OK(fk_xreader_survey(r, q, &s, &err));
            assert_int_equal(s.total, 4);
            assert_int_equal(s.hit_count, 2);
            assert_int_equal(s.hits[0].docid, 901);
            assert_int_equal(s.hits[1].docid, 3);
        }
        fk_xsurvey_free(&s);
        fk_xquery_free(&q);
    }
    OK(fk_xreader_hide(r, hidden, 2, &err));
    OK(fk_xreader_hide(r, more, 1, &err)); /* those before stay hidden */
    shard_expect(r, fk_xquery_all(), "901 3 902 ");
    for (unsigned way = 0; way < 4; way++) {
        struct fk_xquery *q = way & 1 ? T("apple") : fk_xquery_and(T("apple"), fk_xquery_all());
        struct fk_xsurvey s = {.want = way & 2 ? 9 : 0};
        OK(fk_xreader_survey(r, q, &s, &err));
        assert_int_equal(s.total, 2);
        fk_xsurvey_free(&s);
        fk_xquery_free(&q);
    }
    fk_xreader_close(&r);
}

/* A range that a whole database is in is no condition there: the same is found as by one that is
 * asked. */
static void a_range_over_all_changes_nothing(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300];
    shard_second(second, sizeof second);
    const char *const dirs[] = {shard_dir, second};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    shard_expect(r, fk_xquery_and(T("apple"), fk_xquery_range(0, "", 0, "\377", 1)), "8 7 901 3 ");
    shard_expect(
        r, fk_xquery_and(fk_xquery_range(0, "", 0, "\377", 1), fk_xquery_range(0, "", 0, "", 0)),
        "8 7 901 3 "); /* 900 and 902 have no value */
    shard_expect(r, fk_xquery_and(T("apple"), fk_xquery_range(1, "", 0, "\377", 1)), "");
    shard_expect(r, fk_xquery_and_not(T("apple"), fk_xquery_range(0, "", 0, "\377", 1)), "");
    fk_xreader_close(&r);
}

/* Xapian's objects count who holds them without a lock: one that two threads hold is freed too
 * early. */
static void threads_share_nothing_of_xapian(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300];
    shard_second(second, sizeof second);
    const char *const dirs[] = {shard_dir, second};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    struct fk_xquery *q = fk_xquery_range(0, "", 0, "\377", 1);
    for (int i = 0; i < 200; i++)
        q = fk_xquery_or(q, fk_xquery_range(0, "", 0, "\377", 1));
    q = fk_xquery_and(q, T("apple"));
    for (int round = 0; round < 300; round++) {
        struct fk_xsurvey s = {.want = 1, .threads = 2};
        OK(fk_xreader_survey(r, q, &s, &err));
        assert_int_equal(s.total, 4);
        fk_xsurvey_free(&s);
    }
    fk_xquery_free(&q);
    fk_xreader_close(&r);
}

/* What lies outside of a range is not even asked for: a phrase there meets no damaged text. */
static void a_range_leaves_whole_databases_alone(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300], text[320];
    shard_second(second, sizeof second);
    const char *const dirs[] = {shard_dir, second}, *words[] = {"apple", "red"};
    const size_t lens[] = {5, 3};
    snprintf(text, sizeof text, "%s/text", shard_dir);
    OK(fk_xreader_open(dirs, 2, &r, &err));
    struct fk_buf before = FK_BUF_INIT;
    OK(fk_read_file(text, 1 << 20, &before, &err));
    FILE *f = fopen(text, "r+");
    assert_non_null(f);
    for (size_t i = 0; i < before.len; i++)
        fputc(0, f);
    fclose(f);
    const uint8_t eight[8] = {[7] = 8}, ten[8] = {[7] = 10};
    static struct fk_xhits hits;
    struct fk_xquery *phrase = fk_xquery_phrase(words, lens, 2);
    struct fk_xquery *q =
        fk_xquery_and(fk_xquery_copy(phrase), fk_xquery_range(0, NULL, 0, eight, 8));
    assert_int_equal(fk_xreader_search(r, q, 0, 0, 10, &hits, &err), FK_CORRUPT);
    fk_xquery_free(&q);
    shard_expect(r, fk_xquery_and(phrase, fk_xquery_range(0, ten, 8, NULL, 0)), "");
    struct fk_xsurvey s = {.want = 1}; /* nor are words looked up there */
    q = fk_xquery_and(fk_xquery_prefix("", 0, 1), fk_xquery_range(0, ten, 8, NULL, 0));
    OK(fk_xreader_survey(r, q, &s, &err));
    assert_int_equal(s.total, 0);
    assert_false(s.is_cut);
    fk_xsurvey_free(&s);
    fk_xquery_free(&q);
    fk_xreader_close(&r);
    fk_buf_free(&before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_come_greatest_value_first_then_greatest_docid),
        cmocka_unit_test(operators_do_what_they_are_named),
        cmocka_unit_test(a_range_may_be_open_and_leaves_out_what_has_no_value),
        cmocka_unit_test(a_total_is_exact_beyond_the_page),
        cmocka_unit_test(too_wide_a_prefix_is_cut_and_says_so),
        cmocka_unit_test(many_alternatives_find_what_each_of_them_finds),
        cmocka_unit_test(a_search_ends_when_its_time_is_over),
        cmocka_unit_test(a_query_built_from_nothing_is_told_at_search),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(a_term_over_the_limit_is_invalid),
        cmocka_unit_test(what_was_not_committed_is_dropped),
        cmocka_unit_test(several_databases_are_read_as_one),
        cmocka_unit_test(a_character_is_found_by_what_begins_with_it),
        cmocka_unit_test(one_pass_counts_all_that_is_asked),
        cmocka_unit_test(a_range_over_all_changes_nothing),
        cmocka_unit_test(threads_share_nothing_of_xapian),
        cmocka_unit_test(a_range_leaves_whole_databases_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
