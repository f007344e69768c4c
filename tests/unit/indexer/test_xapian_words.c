/* Words and their posting lists, against a table of what was put. */
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

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
        r = shard_new();
        fk_xreader_close(&r);
        for (unsigned i = 0; i < 3; i++) {
            snprintf(paths[i], sizeof paths[i], "%s.rows%u", shard_dir, i);
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
        snprintf(merged, sizeof merged, "%s.rows", shard_dir);
        OK(fk_xmerge(dirs, 3, merged, 0, &err));
        r = shard_reader(merged);
        model_is(&m, r);
        fk_xreader_close(&r);
    }
}

/* More words than the batch begins with room for, alike in their first bytes; docid d has every dth
 * of them, some of them twice. */
static void a_batch_takes_any_number_of_words(void **state) {
    enum { WORDS = 5000, DOCS = 4 };
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char path[300];
    struct fk_xwriter *w;
    snprintf(path, sizeof path, "%s.words", shard_dir);
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
    r = shard_reader(path);
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
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(shard_dir, &w, &err));
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
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    struct fk_xdoc *doc;
    OK(fk_xwriter_open(shard_dir, &w, &err));
    OK(fk_xwriter_document(w, 7, &doc, &err));
    OK(fk_xdoc_term(doc, "XVnew", 5, &err));
    OK(fk_xwriter_put(w, 7, doc, &err));
    OK(fk_xwriter_commit(w, &err));
    fk_xdoc_free(&doc);
    fk_xwriter_close(&w);
    r = shard_reader(shard_dir);
    shard_expect(r, T("apple"), "8 7 3 ");
    shard_expect(r, T("XVnew"), "7 ");
    fk_xreader_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_have_what_was_put_and_nothing_that_was_deleted),
        cmocka_unit_test(a_batch_takes_any_number_of_words),
        cmocka_unit_test(words_that_are_none_are_refused),
        cmocka_unit_test(words_stay_where_a_document_is_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
