/* The shim on a database of its own: what search is promised by its header. */
#include "base/clock.h"
#include "indexer/order_priv.h"
#include "indexer/xapian_shim.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[256];
static struct fk_err err;
#define OK(call) assert_int_equal(call, FK_OK)

/* Document n has the words of the text, which is its row, a term XT for each of them, and the value
 * v (8 bytes) in slot 0. */
static void put(struct fk_xwriter *w, uint32_t n, const char *text, uint8_t v) {
    struct fk_xdoc *doc;
    OK(fk_xdoc_new(&doc, &err));
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, " ");
        char term[32];
        const int n_term = snprintf(term, sizeof term, "XT%.*s", (int)len, at);
        OK(fk_xdoc_word(doc, at, len, &err));
        OK(fk_xdoc_term(doc, term, (size_t)n_term, &err));
        at += len + (at[len] == ' ');
    }
    OK(fk_xdoc_text(doc, FK_TEXTS_ROWS, "", text, strlen(text), &err));
    OK(fk_xdoc_term(doc, "XKall", 5, &err));
    const uint8_t value[8] = {[7] = v};
    if (v)
        OK(fk_xdoc_value(doc, 0, value, 8, &err));
    OK(fk_xdoc_data(doc, text, strlen(text), &err));
    OK(fk_xwriter_put(w, n, doc, &err));
    fk_xdoc_free(&doc);
}

static struct fk_xreader *reader_of(const char *path) {
    struct fk_xreader *r;
    OK(fk_xreader_open(&path, 1, &r, &err));
    return r;
}

static struct fk_xreader *database(void) {
    static int serial;
    const char *base = getenv("TEST_DIR");
    snprintf(dir, sizeof dir, "%s/x%d.%d", base ? base : "/tmp", getpid(), serial++);
    struct fk_xwriter *w;
    OK(fk_xwriter_create(dir, &w, &err));
    put(w, 3, "red apple pie", 5);
    put(w, 7, "apple red", 9);
    put(w, 8, "green apple red", 9);
    put(w, 900, "plum", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    return reader_of(dir);
}

static void expect(struct fk_xreader *r, struct fk_xquery *q, const char *want) {
    static struct fk_xhits hits;
    char got[200];
    size_t n = 0;
    got[0] = 0;
    OK(fk_xreader_search(r, q, 0, 0, 100, &hits, &err));
    for (size_t i = 0; i < hits.count; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%u ", hits.docids[i]);
    assert_string_equal(got, want);
    assert_int_equal(hits.total, hits.count);
    fk_xquery_free(&q);
}
#define T(word) fk_xquery_term(word, strlen(word))

static void hits_come_greatest_value_first_then_greatest_docid(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    expect(r, T("apple"), "8 7 3 ");
    expect(r, fk_xquery_all(), "8 7 3 900 ");
    expect(r, fk_xquery_nothing(), "");
    fk_xreader_close(&r);
}

static void operators_do_what_they_are_named(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    expect(r, fk_xquery_and(T("apple"), T("pie")), "3 ");
    expect(r, fk_xquery_or(T("plum"), T("pie")), "3 900 ");
    expect(r, fk_xquery_and_not(fk_xquery_all(), T("apple")), "900 ");
    const char *words[] = {"apple", "red"};
    const size_t lens[] = {5, 3};
    expect(r, fk_xquery_phrase(words, lens, 2), "8 7 ");
    expect(r, fk_xquery_phrase(words, lens, 1), "8 7 3 ");
    expect(r, fk_xquery_prefix("p", 1, 10), "3 900 ");
    fk_xreader_close(&r);
}

static void a_range_may_be_open_and_leaves_out_what_has_no_value(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    const uint8_t five[8] = {[7] = 5}, six[8] = {[7] = 6};
    expect(r, fk_xquery_range(0, five, 8, six, 8), "3 ");
    expect(r, fk_xquery_range(0, six, 8, NULL, 0), "8 7 ");
    expect(r, fk_xquery_range(0, NULL, 0, six, 8), "3 ");
    expect(r, fk_xquery_range(0, NULL, 0, NULL, 0), "8 7 3 ");
    fk_xreader_close(&r);
}

static void a_total_is_exact_beyond_the_page(void **state) {
    (void)state;
    struct fk_xreader *r = database();
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
    struct fk_xreader *r = database();
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
    struct fk_xreader *r = database();
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
        expect(r, terms, "8 900 ");
        expect(r, phrases, "8 3 ");
        expect(r, without, "8 7 ");
    }
    fk_xreader_close(&r);
}

static void a_search_ends_when_its_time_is_over(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    const char *const terms[] = {"red", "apple"};
    const size_t lens[] = {3, 5};
    static struct fk_xhits hits;
    struct fk_xquery *q = fk_xquery_phrase(terms, lens, 2);
    fk_xreader_limit(r, fk_monotonic_ms() - 1);
    assert_int_equal(fk_xreader_search(r, q, 0, 0, 10, &hits, &err), FK_FULL);
    assert_non_null(strstr(err.text, "its time is over"));
    fk_xreader_limit(r, INT64_MAX);
    expect(r, q, "3 ");
    fk_xreader_close(&r);
}

static void a_query_built_from_nothing_is_told_at_search(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    static struct fk_xhits hits;
    struct fk_xquery *q = fk_xquery_and(T("apple"), NULL);
    assert_null(q);
    assert_int_equal(fk_xreader_search(r, q, 0, 0, 10, &hits, &err), FK_NOMEM);
    fk_xreader_close(&r);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    struct fk_xreader *r = database(), *none = NULL;
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
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    struct fk_xwriter *w, *second;
    OK(fk_xwriter_open(dir, &w, &err));
    assert_int_equal(fk_xwriter_open(dir, &second, &err), FK_RETRY);
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
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    uint32_t documents;
    OK(fk_xwriter_open(dir, &w, &err));
    put(w, 901, "quince", 1);
    OK(fk_xwriter_delete(w, 3, &err));
    OK(fk_xwriter_delete(w, 4, &err));
    OK(fk_xwriter_count(w, &documents, &err));
    assert_int_equal(documents, 4);
    fk_xwriter_close(&w);
    r = reader_of(dir);
    expect(r, T("quince"), "");
    expect(r, T("pie"), "3 ");
    fk_xreader_close(&r);
}

/* Beside the database above, with docids after its own. */
static void second_database(char *path, size_t size) {
    struct fk_xwriter *w;
    snprintf(path, size, "%s.second", dir);
    OK(fk_xwriter_create(path, &w, &err));
    put(w, 901, "apple red", 7);
    put(w, 902, "red pie", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
}

static void several_databases_are_read_as_one(void **state) {
    (void)state;
    static struct fk_xhits hits;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300];
    second_database(second, sizeof second);
    const char *const dirs[] = {dir, second};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    expect(r, T("apple"), "8 7 901 3 ");
    expect(r, fk_xquery_all(), "8 7 901 3 902 900 ");
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
    expect(r, fk_xquery_all(), "");
    assert_int_equal(fk_xreader_next(r, 0, &next, &err), FK_NOT_FOUND);
    fk_xreader_close(&r);
}

static void a_character_is_found_by_what_begins_with_it(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char path[300];
    struct fk_xwriter *w;
    snprintf(path, sizeof path, "%s.characters", dir);
    OK(fk_xwriter_create(path, &w, &err));
    put(w, 1, "高橋 髙橋 ~高橋", 0); /* 髙橋 */
    put(w, 2, "高橋", 0);
    put(w, 3, "高", 0);
    put(w, 4, "橋高 高\u3099 高\u3099橋", 0); /* with a mark it is another */
    put(w, 5, "S高山 apple", 0);
    put(w, 6, "高槗 高橋 ~高橋", 0); /* 槗 is the variant: 高 is written so */
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    r = reader_of(path);
    expect(r, fk_xquery_character("", "高", 3, NULL), "6 3 2 1 ");
    expect(r, fk_xquery_character("", "高", 3, "~"), "6 3 2 ");
    expect(r, fk_xquery_character("", "髙", 3, "~"), "1 ");
    expect(r, fk_xquery_character("S", "高", 3, NULL), "5 ");
    expect(r, fk_xquery_and(T("apple"), fk_xquery_character("", "高", 3, NULL)), "");
    fk_xreader_close(&r);
}

/* The same by every way: one term and other queries, alone and in threads, with and without the
 * newest hits, which decide how the pass is made. */
static void one_pass_counts_all_that_is_asked(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300];
    second_database(second, sizeof second);
    const char *const dirs[] = {dir, second}, *const flags[] = {"XTpie", "XTred", "XTnowhere"};
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
    expect(r, fk_xquery_all(), "901 3 902 ");
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

/* What lies outside of a range is not even asked for: a phrase there meets no damaged text. */
/* A range that a whole database is in is no condition there: the same is found as by one that is
 * asked. */
static void a_range_over_all_changes_nothing(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300];
    second_database(second, sizeof second);
    const char *const dirs[] = {dir, second};
    OK(fk_xreader_open(dirs, 2, &r, &err));
    expect(r, fk_xquery_and(T("apple"), fk_xquery_range(0, "", 0, "\377", 1)), "8 7 901 3 ");
    expect(r, fk_xquery_and(fk_xquery_range(0, "", 0, "\377", 1), fk_xquery_range(0, "", 0, "", 0)),
           "8 7 901 3 "); /* 900 and 902 have no value */
    expect(r, fk_xquery_and(T("apple"), fk_xquery_range(1, "", 0, "\377", 1)), "");
    expect(r, fk_xquery_and_not(T("apple"), fk_xquery_range(0, "", 0, "\377", 1)), "");
    fk_xreader_close(&r);
}

/* Xapian's objects count who holds them without a lock: one that two threads hold is freed too
 * early. */
static void threads_share_nothing_of_xapian(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300];
    second_database(second, sizeof second);
    const char *const dirs[] = {dir, second};
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

static void a_range_leaves_whole_databases_alone(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300], text[320];
    second_database(second, sizeof second);
    const char *const dirs[] = {dir, second}, *words[] = {"apple", "red"};
    const size_t lens[] = {5, 3};
    snprintf(text, sizeof text, "%s/text", dir);
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
    expect(r, fk_xquery_and(phrase, fk_xquery_range(0, ten, 8, NULL, 0)), "");
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

static void a_merged_copy_has_the_same_documents_and_no_deleted_word(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char second[300], copy[300];
    second_database(second, sizeof second);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(dir, &w, &err));
    OK(fk_xwriter_delete(w, 3, &err));
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    snprintf(copy, sizeof copy, "%s.copy", dir);
    const char *const dirs[] = {dir, second};
    OK(fk_xmerge(dirs, 2, copy, 0, &err));
    OK(fk_xreader_open(dirs, 2, &r, &err));
    struct fk_xreader *c = reader_of(copy);
    struct fk_buf before = FK_BUF_INIT, after = FK_BUF_INIT;
    for (uint32_t id = 0; fk_xreader_next(r, id, &id, &err) == FK_OK;)
        OK(fk_xreader_dump(r, id, &before, &err));
    for (uint32_t id = 0; fk_xreader_next(c, id, &id, &err) == FK_OK;)
        OK(fk_xreader_dump(c, id, &after, &err));
    assert_string_equal(fk_buf_cstr(&before), fk_buf_cstr(&after));
    assert_non_null(strstr(fk_buf_cstr(&after), "term apple\n"));
    expect(c, T("pie"), "902 ");
    /* A term of all documents, whose docids have gaps and come in several blocks. */
    struct fk_xhits every, hits;
    struct fk_xquery *everything = fk_xquery_all();
    OK(fk_xreader_search(c, everything, 0, 0, 100, &every, &err));
    fk_xquery_free(&everything);
    assert_true(every.total > 3);
    struct fk_xquery *const asked[] = {
        T("XKall"), fk_xquery_prefix("XKa", 3, 10), fk_xquery_and_not(T("XKall"), T("nowhere")),
        fk_xquery_phrase((const char *[]){"XKall"}, (size_t[]){5}, 1)};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct fk_xquery *q = asked[i];
        OK(fk_xreader_search(c, q, 0, 0, 100, &hits, &err));
        assert_int_equal(hits.total, every.total);
        fk_xquery_free(&q);
    }
    struct fk_xquery *none = fk_xquery_and_not(T("apple"), T("XKall"));
    OK(fk_xreader_search(c, none, 0, 0, 100, &hits, &err));
    assert_int_equal(hits.total, 0);
    fk_xquery_free(&none);
    fk_xreader_close(&c);
    fk_xreader_close(&r);
    fk_buf_free(&before);
    fk_buf_free(&after);
}

/* ---- posting lists, against a table of what was put */

enum { ROW_DOCS = 300, ROW_WORDS = 40 };
struct model {
    bool has[ROW_DOCS + 1][ROW_WORDS]; /* [docid][word] */
};

static unsigned dice(unsigned *seed, unsigned sides) {
    *seed = *seed * 1103515245 + 12345;
    return *seed / 65536 % sides;
}

/* Word 0 is in every document, the last ones in hardly any. */
static void model_put(struct model *m, struct fk_xwriter *w, uint32_t docid, unsigned *seed) {
    struct fk_xdoc *doc;
    OK(fk_xdoc_new(&doc, &err));
    for (unsigned k = 0; k < ROW_WORDS; k++) {
        char word[16];
        const int n = snprintf(word, sizeof word, "w%u", k);
        m->has[docid][k] = dice(seed, k * k / 8 + 1) == 0;
        for (unsigned times = m->has[docid][k] ? 1 + dice(seed, 2) : 0; times > 0; times--)
            OK(fk_xdoc_word(doc, word, (size_t)n, &err));
    }
    OK(fk_xwriter_put(w, docid, doc, &err));
    fk_xdoc_free(&doc);
}

static void model_delete(struct model *m, struct fk_xwriter *w, uint32_t docid) {
    OK(fk_xwriter_delete(w, docid, &err));
    memset(m->has[docid], 0, sizeof m->has[docid]);
}

/* By each word the same documents, and as many as it says. */
static void model_is(const struct model *m, struct fk_xreader *r) {
    static uint32_t docids[ROW_DOCS + 1];
    for (unsigned k = 0; k < ROW_WORDS; k++) {
        char word[16];
        const int n = snprintf(word, sizeof word, "w%u", k);
        size_t count, want = 0;
        uint64_t told;
        OK(fk_xreader_with_term(r, word, (size_t)n, docids, ROW_DOCS, &count, &err));
        OK(fk_xreader_term_count(r, word, (size_t)n, &told, &err));
        for (uint32_t id = 1; id <= ROW_DOCS; id++)
            if (m->has[id][k]) {
                assert_true(want < count);
                assert_int_equal(docids[want++], id);
            }
        assert_int_equal(count, want);
        assert_int_equal(told, want);
    }
}

static void lists_have_what_was_put_and_nothing_that_was_deleted(void **state) {
    (void)state;
    for (unsigned round = 1; round <= 10; round++) {
        static struct model m;
        unsigned seed = round;
        char paths[3][300], merged[300];
        const char *const dirs[] = {paths[0], paths[1], paths[2]};
        struct fk_xreader *r;
        struct fk_xwriter *w;
        memset(&m, 0, sizeof m);
        r = database();
        fk_xreader_close(&r);
        for (unsigned i = 0; i < 3; i++) {
            snprintf(paths[i], sizeof paths[i], "%s.rows%u", dir, i);
            OK(fk_xwriter_create(paths[i], &w, &err));
            for (uint32_t id = 100 * i + 1; id <= 100 * i + 100; id += 1 + dice(&seed, 3)) {
                model_put(&m, w, id, &seed);
                if (dice(&seed, 4) == 0) /* superseded within the batch */
                    model_delete(&m, w, id);
            }
            OK(fk_xwriter_commit(w, &err));
            fk_xwriter_close(&w);
        }
        for (unsigned i = 0; i < 3; i += 2) { /* in their place */
            OK(fk_xwriter_open(paths[i], &w, &err));
            for (unsigned n = 0; n < 30; n++) {
                const uint32_t id = 100 * i + 1 + dice(&seed, 100);
                if (dice(&seed, 2))
                    model_put(&m, w, id, &seed);
                else
                    model_delete(&m, w, id);
                if (dice(&seed, 10) == 0)
                    OK(fk_xwriter_commit(w, &err));
            }
            OK(fk_xwriter_commit(w, &err));
            fk_xwriter_close(&w);
        }
        OK(fk_xreader_open(dirs, 3, &r, &err));
        model_is(&m, r);
        fk_xreader_close(&r);
        snprintf(merged, sizeof merged, "%s.rows", dir);
        OK(fk_xmerge(dirs, 3, merged, 0, &err));
        r = reader_of(merged);
        model_is(&m, r);
        fk_xreader_close(&r);
    }
}

/* More words than the batch begins with room for, alike in their first bytes; docid d has every dth
 * of them, some of them twice. */
static void a_batch_takes_any_number_of_words(void **state) {
    enum { WORDS = 5000, DOCS = 4 };
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    char path[300];
    struct fk_xwriter *w;
    snprintf(path, sizeof path, "%s.words", dir);
    OK(fk_xwriter_create(path, &w, &err));
    for (uint32_t id = 1; id <= DOCS; id++) {
        struct fk_buf words = FK_BUF_INIT;
        struct fk_xdoc *doc;
        OK(fk_xdoc_new(&doc, &err));
        for (unsigned k = 0; k < WORDS; k += id)
            for (unsigned times = 0; times <= k % 2; times++) {
                char word[32];
                const int n = snprintf(word, sizeof word, "common to all %u", k);
                fk_buf_byte(&words, (uint8_t)n);
                fk_buf_add(&words, word, (size_t)n);
            }
        OK(fk_xdoc_words(doc, words.data, words.len, &err));
        OK(fk_xwriter_put(w, id, doc, &err));
        fk_xdoc_free(&doc);
        fk_buf_free(&words);
    }
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    r = reader_of(path);
    for (unsigned k = 0; k < WORDS; k++) {
        char word[32];
        uint32_t docids[DOCS + 1];
        size_t count, want = 0;
        const int n = snprintf(word, sizeof word, "common to all %u", k);
        OK(fk_xreader_with_term(r, word, (size_t)n, docids, DOCS + 1, &count, &err));
        for (uint32_t id = 1; id <= DOCS; id++)
            if (k % id == 0) {
                assert_true(want < count);
                assert_int_equal(docids[want++], id);
            }
        assert_int_equal(count, want);
    }
    fk_xreader_close(&r);
}

static void words_that_are_none_are_refused(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"\0", 1}, {"\1", 1}, {"\1a\3bc", 5}, {"\1a\0\1b", 5}};
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(dir, &w, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_xdoc *doc;
        OK(fk_xdoc_new(&doc, &err));
        OK(fk_xdoc_words(doc, bad[i].bytes, bad[i].len, &err));
        assert_int_equal(fk_xwriter_put(w, 5, doc, &err), FK_INVALID);
        fk_xdoc_free(&doc);
    }
    fk_xwriter_close(&w);
}

/* A document that comes from the database, and goes back with another record. */
static void words_stay_where_a_document_is_put_back(void **state) {
    (void)state;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    struct fk_xdoc *doc;
    OK(fk_xwriter_open(dir, &w, &err));
    OK(fk_xwriter_document(w, 7, &doc, &err));
    OK(fk_xdoc_term(doc, "XVnew", 5, &err));
    OK(fk_xwriter_put(w, 7, doc, &err));
    OK(fk_xwriter_commit(w, &err));
    fk_xdoc_free(&doc);
    fk_xwriter_close(&w);
    r = reader_of(dir);
    expect(r, T("apple"), "8 7 3 ");
    expect(r, T("XVnew"), "7 ");
    fk_xreader_close(&r);
}

/* ---- records */

static void record_put(struct fk_xwriter *w, uint32_t docid, const char *record) {
    struct fk_xdoc *doc;
    OK(fk_xwriter_document(w, docid, &doc, &err));
    OK(fk_xdoc_data(doc, record, strlen(record), &err));
    OK(fk_xwriter_put(w, docid, doc, &err));
    fk_xdoc_free(&doc);
}

static void record_is(struct fk_xreader *r, uint32_t docid, const char *want) {
    struct fk_buf record = FK_BUF_INIT;
    OK(fk_xreader_data(r, docid, &record, &err));
    assert_string_equal(fk_buf_cstr(&record), want);
    fk_buf_free(&record);
}

static void record_in_hand_is(struct fk_xwriter *w, uint32_t docid, const char *want) {
    struct fk_buf record = FK_BUF_INIT;
    struct fk_xdoc *doc;
    OK(fk_xwriter_document(w, docid, &doc, &err));
    OK(fk_xdoc_data_get(doc, &record, &err));
    assert_string_equal(fk_buf_cstr(&record), want);
    fk_buf_free(&record);
    fk_xdoc_free(&doc);
}

static void a_record_is_changed_in_its_place_and_nothing_else_is(void **state) {
    (void)state;
    char copy[300];
    struct fk_buf record = FK_BUF_INIT;
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(dir, &w, &err));
    record_in_hand_is(w, 7, "apple red");
    record_put(w, 7, "once");
    record_in_hand_is(w, 7, "once");
    record_in_hand_is(w, 8, "green apple red");
    OK(fk_xwriter_commit(w, &err));
    record_put(w, 7, "twice");
    record_put(w, 8, "");
    OK(fk_xwriter_delete(w, 900, &err));
    OK(fk_xwriter_commit(w, &err));
    record_in_hand_is(w, 7, "twice");
    record_put(w, 3, "is dropped");
    fk_xwriter_close(&w);
    snprintf(copy, sizeof copy, "%s.records", dir);
    const char *const from[] = {dir};
    OK(fk_xmerge(from, 1, copy, 0, &err));
    const char *const dirs[] = {dir, copy};
    for (size_t i = 0; i < 2; i++) {
        r = reader_of(dirs[i]);
        record_is(r, 3, "red apple pie");
        record_is(r, 7, "twice");
        record_is(r, 8, "");
        assert_int_equal(fk_xreader_data(r, 900, &record, &err), FK_NOT_FOUND);
        assert_int_equal(fk_xreader_data(r, 4, &record, &err), FK_NOT_FOUND);
        struct fk_buf row = FK_BUF_INIT;
        OK(fk_xreader_text(r, 7, FK_TEXTS_ROWS, "", &row, &err));
        assert_string_equal(fk_buf_cstr(&row), "apple red");
        fk_buf_free(&row);
        expect(r, T("apple"), "8 7 3 ");
        fk_xreader_close(&r);
    }
    fk_buf_free(&record);
}

/* ---- positions of common words */

enum { MANY = 9000 };
static const char *const many_texts[] = {"red apple pie", "apple red pie", "apple pie red",
                                         "red\fapple pie", "plum"};

static void many_put(const char *path, uint32_t from, uint32_t to) {
    struct fk_xwriter *w;
    OK(fk_xwriter_create(path, &w, &err));
    for (uint32_t id = from; id < to; id++) {
        struct fk_xdoc *doc;
        const char *text = many_texts[id % 5];
        OK(fk_xdoc_new(&doc, &err));
        for (const char *at = text; *at;) {
            const size_t len = strcspn(at, " \f");
            OK(fk_xdoc_word(doc, at, len, &err));
            at += len + (at[len] != 0);
        }
        OK(fk_xdoc_text(doc, FK_TEXTS_ROWS, "", text, strlen(text), &err));
        OK(fk_xwriter_put(w, id, doc, &err));
        fk_xdoc_free(&doc);
    }
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
}

static uint64_t phrase_count(struct fk_xreader *r, const char *const *words, size_t n) {
    const size_t lens[3] = {strlen(words[0]), strlen(words[1]), n > 2 ? strlen(words[2]) : 0};
    static struct fk_xhits hits;
    struct fk_xquery *q = fk_xquery_phrase(words, lens, n);
    OK(fk_xreader_search(r, q, 0, 0, 1000, &hits, &err));
    fk_xquery_free(&q);
    return hits.total;
}

static void merged_of(const char *name, char path[300], bool (*has)(const char *)) {
    char parts[2][300];
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    for (unsigned i = 0; i < 2; i++)
        snprintf(parts[i], sizeof parts[i], "%s.%s%u", dir, name, i);
    many_put(parts[0], 1, MANY / 2);
    many_put(parts[1], MANY / 2, MANY + 1);
    const char *const dirs[] = {parts[0], parts[1]};
    snprintf(path, 300, "%s.%s", dir, name);
    OK(fk_xmerge(dirs, 2, path, 0, &err));
    assert_true(has(path));
}

static bool has_positions(const char *path) {
    char file[320];
    snprintf(file, sizeof file, "%s/positions", path);
    return access(file, F_OK) == 0;
}

/* By positions, and by texts once these are void: the same. */
static void phrases_of_common_words_are_found_by_positions(void **state) {
    (void)state;
    char path[300], file[320];
    static const char *const asked[][3] = {{"red", "apple", "pie"}, {"apple", "pie"},
                                           {"red", "pie"},          {"pie", "red"},
                                           {"apple", "apple"},      {"plum", "pie"}};
    static const uint64_t want[] = {MANY / 5, 3 * MANY / 5, MANY / 5, MANY / 5, 0, 0};
    merged_of("stand", path, has_positions);
    for (unsigned way = 0; way < 2; way++) {
        struct fk_xreader *r = reader_of(path);
        for (size_t i = 0; i < sizeof want / sizeof *want; i++)
            assert_int_equal(phrase_count(r, asked[i], asked[i][2] ? 3 : 2), want[i]);
        fk_xreader_close(&r);
        snprintf(file, sizeof file, "%s/positions.void", path);
        FILE *mark = fopen(file, "w");
        assert_non_null(mark);
        assert_int_equal(fclose(mark), 0);
    }
}

static void positions_do_not_bring_back_what_was_deleted_or_changed(void **state) {
    (void)state;
    char path[300], again[320];
    const char *const pie[] = {"apple", "pie"};
    const char *const from[] = {path};
    struct fk_xwriter *w;
    merged_of("gone", path, has_positions);
    OK(fk_xwriter_open(path, &w, &err));
    OK(fk_xwriter_delete(w, 5, &err)); /* red apple pie */
    OK(fk_xwriter_commit(w, &err));
    struct fk_xreader *r = reader_of(path);
    assert_int_equal(phrase_count(r, pie, 2), 3 * MANY / 5 - 1);
    fk_xreader_close(&r);
    put(w, 10, "pie apple", 0); /* it was red apple pie */
    put(w, 9, "apple pie", 0);  /* it was plum */
    put(w, 14, "apple pie", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    r = reader_of(path);
    assert_int_equal(phrase_count(r, pie, 2), 3 * MANY / 5);
    fk_xreader_close(&r);
    snprintf(again, sizeof again, "%s.again", path);
    OK(fk_xmerge(from, 1, again, 0, &err));
    r = reader_of(again);
    assert_int_equal(phrase_count(r, pie, 2), 3 * MANY / 5);
    fk_xreader_close(&r);
}

/* They are of rows. */
static void positions_stay_where_a_record_is_changed(void **state) {
    (void)state;
    char path[300], file[320];
    struct fk_xwriter *w;
    merged_of("records", path, has_positions);
    OK(fk_xwriter_open(path, &w, &err));
    record_put(w, 5, "another");
    OK(fk_xwriter_commit(w, &err));
    snprintf(file, sizeof file, "%s/positions.void", path);
    assert_int_not_equal(access(file, F_OK), 0);
    put(w, 10, "pie apple", 0);
    OK(fk_xwriter_commit(w, &err));
    assert_int_equal(access(file, F_OK), 0);
    fk_xwriter_close(&w);
}

/* Every byte of the head, and some of the lists. */
static void changed_positions_are_damage_and_no_fewer_hits(void **state) {
    (void)state;
    char path[300], file[320];
    const char *const pie[] = {"apple", "pie"};
    const size_t lens[] = {5, 3};
    static struct fk_xhits hits;
    merged_of("flipped", path, has_positions);
    snprintf(file, sizeof file, "%s/positions", path);
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    for (long at = 0; at < size; at += at < 300 ? 1 : 997) {
        fseek(f, at, SEEK_SET);
        const int byte = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(byte ^ 0x10, f);
        fflush(f);
        struct fk_xreader *r = reader_of(path);
        struct fk_xquery *q = fk_xquery_phrase(pie, lens, 2);
        const enum fk_status st = fk_xreader_search(r, q, 0, 0, 1, &hits, &err);
        if (st == FK_OK) /* in a list that was not asked for */
            assert_int_equal(hits.total, 3 * MANY / 5);
        else
            assert_int_equal(st, FK_CORRUPT);
        if (at < 8)
            assert_int_equal(st, FK_CORRUPT);
        fk_xquery_free(&q);
        fk_xreader_close(&r);
        fseek(f, at, SEEK_SET);
        fputc(byte, f);
        fflush(f);
    }
    assert_int_equal(fclose(f), 0);
}

/* ---- the order of documents */

/* Document n has the word "all", of "two", "three", "rare" those that n fits, and a value out of a
 * thousand, in no order and often the same; each 50th has none. */
static uint64_t key_of_many(uint32_t n) {
    return n % 50 == 0 ? 0 : 1 + n * 2654435761u % 1000;
}

static bool has_word(uint32_t n, size_t word) {
    return word == 0 || (word == 1 && n % 2 == 0) || (word == 2 && n % 3 == 1) ||
           (word == 3 && n % 997 == 5);
}
static const char *const order_words[] = {"all", "two", "three", "rare"};

static void order_put(struct fk_xwriter *w, uint32_t n, uint64_t key) {
    struct fk_xdoc *doc;
    uint8_t value[8];
    OK(fk_xdoc_new(&doc, &err));
    for (size_t k = 0; k < 4; k++)
        if (has_word(n, k))
            OK(fk_xdoc_word(doc, order_words[k], strlen(order_words[k]), &err));
    for (size_t k = 0; k < 8; k++)
        value[k] = (uint8_t)(key >> (56 - 8 * k));
    if (key)
        OK(fk_xdoc_value(doc, 0, value, 8, &err));
    if (n % 7 == 0)
        OK(fk_xdoc_term(doc, "XKseven", 7, &err));
    OK(fk_xwriter_put(w, n, doc, &err));
    fk_xdoc_free(&doc);
}

static void ordered_of(const char *name, char path[300]) {
    char parts[2][300];
    struct fk_xreader *r = database();
    fk_xreader_close(&r);
    for (uint32_t i = 0; i < 2; i++) {
        struct fk_xwriter *w;
        snprintf(parts[i], sizeof parts[i], "%s.%s%u", dir, name, i);
        OK(fk_xwriter_create(parts[i], &w, &err));
        for (uint32_t n = i * MANY / 2 + 1; n <= (i + 1) * MANY / 2; n++)
            order_put(w, n, key_of_many(n));
        OK(fk_xwriter_commit(w, &err));
        fk_xwriter_close(&w);
    }
    const char *const dirs[] = {parts[0], parts[1]};
    snprintf(path, 300, "%s.%s", dir, name);
    OK(fk_xmerge(dirs, 2, path, 0, &err));
}

static bool has_order(const char *path) {
    char file[320];
    snprintf(file, sizeof file, "%s/order", path);
    if (access(file, F_OK) != 0)
        return false;
    snprintf(file, sizeof file, "%s/order.void", path);
    return access(file, F_OK) != 0;
}

/* What comes first, and what comes behind it, to the last page, as the key of each document says;
 * a document whose key is UINT64_MAX is none. */
static void pages_are_as(struct fk_xreader *r, const uint64_t *keys, size_t word, size_t want) {
    static const char *const flags[] = {"XKseven"};
    struct fk_xsurvey s = {.want = want, .flags = flags, .flag_count = 1};
    struct fk_xquery *q = T(order_words[word]);
    struct fk_xhit last = {UINT64_MAX, UINT32_MAX};
    uint64_t total = 0, seven = 0, given = 0;
    for (uint32_t n = 1; n <= MANY; n++)
        if (keys[n] != UINT64_MAX && has_word(n, word)) {
            total++;
            seven += n % 7 == 0;
        }
    do {
        OK(fk_xreader_survey(r, q, &s, &err));
        assert_int_equal(s.total, total);
        assert_int_equal(s.with[0], seven);
        for (size_t i = 0; i < s.hit_count; i++) {
            const struct fk_xhit h = s.hits[i];
            assert_true(has_word(h.docid, word) && keys[h.docid] == h.key);
            assert_true(h.key < last.key || (h.key == last.key && h.docid < last.docid));
            last = h;
            given++;
        }
        s.has_after = true;
        s.after = last;
    } while (s.hit_count == want);
    assert_int_equal(given, total); /* each once, since they descend */
    fk_xsurvey_free(&s);
    fk_xquery_free(&q);
}

static void first_hits_are_those_of_the_values(void **state) {
    (void)state;
    static const size_t wants[] = {1, 7, 250, 1000, 20000};
    static uint64_t keys[MANY + 1];
    char path[300];
    ordered_of("order", path);
    for (uint32_t n = 1; n <= MANY; n++)
        keys[n] = key_of_many(n);
    for (unsigned way = 0; way < 2; way++) { /* by the order, and by values */
        assert_int_equal(has_order(path), way == 0);
        struct fk_xreader *r = reader_of(path);
        for (size_t word = 0; word < 4; word++)
            for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
                if (wants[i] > 20 || word == 3) /* pages of a few of thousands take long */
                    pages_are_as(r, keys, word, wants[i]);
        fk_xreader_close(&r);
        OK(fk_order_void(path, &err));
    }
}

static void the_order_goes_on_without_what_was_deleted(void **state) {
    (void)state;
    static uint64_t keys[MANY + 1];
    char path[300];
    struct fk_xwriter *w;
    ordered_of("less", path);
    for (uint32_t n = 1; n <= MANY; n++)
        keys[n] = key_of_many(n);
    OK(fk_xwriter_open(path, &w, &err));
    for (uint32_t n = 2; n <= MANY; n += 5) {
        OK(fk_xwriter_delete(w, n, &err));
        keys[n] = UINT64_MAX;
    }
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    assert_true(has_order(path));
    struct fk_xreader *r = reader_of(path);
    static uint64_t hidden[MANY];
    size_t n_hidden = 0;
    for (size_t word = 0; word < 4; word++)
        pages_are_as(r, keys, word, 500);
    for (uint32_t n = 3; n <= MANY; n += 4) {
        hidden[n_hidden++] = n;
        keys[n] = UINT64_MAX;
    }
    OK(fk_xreader_hide(r, hidden, n_hidden, &err));
    for (size_t word = 0; word < 4; word++)
        pages_are_as(r, keys, word, 500);
    fk_xreader_close(&r);
}

/* One that is put back as it was leaves the order; another time, or a new document, ends it. */
static void a_value_that_is_changed_in_its_place_is_heeded(void **state) {
    (void)state;
    static uint64_t keys[MANY + 1];
    char path[300];
    struct fk_xwriter *w;
    for (unsigned what = 0; what < 3; what++) {
        char name[16];
        snprintf(name, sizeof name, "moved%u", what);
        ordered_of(name, path);
        for (uint32_t n = 1; n <= MANY; n++)
            keys[n] = key_of_many(n);
        OK(fk_xwriter_open(path, &w, &err));
        if (what == 2) {
            OK(fk_xwriter_delete(w, 4001, &err));
            OK(fk_xwriter_commit(w, &err));
        }
        keys[4001] = what == 1 ? 5000 : keys[4001];
        order_put(w, 4000, keys[4000]);
        order_put(w, 4001, keys[4001]);
        order_put(w, 4002, keys[4002]);
        OK(fk_xwriter_commit(w, &err));
        fk_xwriter_close(&w);
        assert_int_equal(has_order(path), what == 0);
        struct fk_xreader *r = reader_of(path);
        pages_are_as(r, keys, 0, 500);
        fk_xreader_close(&r);
    }
}

static void a_changed_order_is_damage_and_no_other_order(void **state) {
    (void)state;
    char path[300], file[320];
    unsigned damaged = 0;
    ordered_of("turned", path);
    snprintf(file, sizeof file, "%s/order", path);
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    struct fk_xhits right, hits;
    struct fk_xreader *r = reader_of(path);
    struct fk_xquery *q = T("all");
    OK(fk_xreader_search(r, q, 0, 0, 300, &right, &err));
    fk_xreader_close(&r);
    for (long at = 0; at < size; at += at < 300 ? 7 : 997) {
        fseek(f, at, SEEK_SET);
        const int byte = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(byte ^ 0x10, f);
        fflush(f);
        r = reader_of(path);
        const enum fk_status st = fk_xreader_search(r, q, 0, 0, 300, &hits, &err);
        if (st == FK_OK) /* in a block that was not asked for */
            assert_memory_equal(hits.docids, right.docids, 300 * sizeof *hits.docids);
        else
            assert_int_equal(st, FK_CORRUPT);
        damaged += st == FK_CORRUPT;
        fk_xreader_close(&r);
        fseek(f, at, SEEK_SET);
        fputc(byte, f);
        fflush(f);
    }
    fk_xquery_free(&q);
    assert_int_equal(fclose(f), 0);
    assert_true(damaged > 40);
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
        cmocka_unit_test(lists_have_what_was_put_and_nothing_that_was_deleted),
        cmocka_unit_test(phrases_of_common_words_are_found_by_positions),
        cmocka_unit_test(positions_do_not_bring_back_what_was_deleted_or_changed),
        cmocka_unit_test(positions_stay_where_a_record_is_changed),
        cmocka_unit_test(changed_positions_are_damage_and_no_fewer_hits),
        cmocka_unit_test(first_hits_are_those_of_the_values),
        cmocka_unit_test(the_order_goes_on_without_what_was_deleted),
        cmocka_unit_test(a_value_that_is_changed_in_its_place_is_heeded),
        cmocka_unit_test(a_changed_order_is_damage_and_no_other_order),
        cmocka_unit_test(a_batch_takes_any_number_of_words),
        cmocka_unit_test(words_that_are_none_are_refused),
        cmocka_unit_test(words_stay_where_a_document_is_put_back),
        cmocka_unit_test(a_record_is_changed_in_its_place_and_nothing_else_is),
        cmocka_unit_test(a_merged_copy_has_the_same_documents_and_no_deleted_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
