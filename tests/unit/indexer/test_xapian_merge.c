/* Databases merged into one: the same documents, and positions of common words beside them. */
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;

static void a_merged_copy_has_the_same_documents_and_no_deleted_word(void **state) {
    (void)state;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    char second[300], copy[300];
    shard_second(second, sizeof second);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(shard_dir, &w, &err));
    OK(fk_xwriter_delete(w, 3, &err));
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    snprintf(copy, sizeof copy, "%s.copy", shard_dir);
    const char *const dirs[] = {shard_dir, second};
    OK(fk_xmerge(dirs, 2, copy, 0, &err));
    OK(fk_xreader_open(dirs, 2, &r, &err));
    struct fk_xreader *c = shard_reader(copy);
    struct fk_buf before = FK_BUF_INIT, after = FK_BUF_INIT;
    for (uint32_t id = 0; fk_xreader_next(r, id, &id, &err) == FK_OK;)
        OK(fk_xreader_dump(r, id, &before, &err));
    for (uint32_t id = 0; fk_xreader_next(c, id, &id, &err) == FK_OK;)
        OK(fk_xreader_dump(c, id, &after, &err));
    assert_string_equal(fk_buf_cstr(&before), fk_buf_cstr(&after));
    assert_non_null(strstr(fk_buf_cstr(&after), "term apple\n"));
    shard_expect(c, T("pie"), "902 ");
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
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    for (unsigned i = 0; i < 2; i++)
        snprintf(parts[i], sizeof parts[i], "%s.%s%u", shard_dir, name, i);
    many_put(parts[0], 1, MANY / 2);
    many_put(parts[1], MANY / 2, MANY + 1);
    const char *const dirs[] = {parts[0], parts[1]};
    snprintf(path, 300, "%s.%s", shard_dir, name);
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
        struct fk_xreader *r = shard_reader(path);
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
    struct fk_xreader *r = shard_reader(path);
    assert_int_equal(phrase_count(r, pie, 2), 3 * MANY / 5 - 1);
    fk_xreader_close(&r);
    shard_put(w, 10, "pie apple", 0); /* it was red apple pie */
    shard_put(w, 9, "apple pie", 0);  /* it was plum */
    shard_put(w, 14, "apple pie", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    r = shard_reader(path);
    assert_int_equal(phrase_count(r, pie, 2), 3 * MANY / 5);
    fk_xreader_close(&r);
    snprintf(again, sizeof again, "%s.again", path);
    OK(fk_xmerge(from, 1, again, 0, &err));
    r = shard_reader(again);
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
    shard_record_put(w, 5, "another");
    OK(fk_xwriter_commit(w, &err));
    snprintf(file, sizeof file, "%s/positions.void", path);
    assert_int_not_equal(access(file, F_OK), 0);
    shard_put(w, 10, "pie apple", 0);
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
        shard_flip(f, at);
        struct fk_xreader *r = shard_reader(path);
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
        shard_flip(f, at);
    }
    assert_int_equal(fclose(f), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merged_copy_has_the_same_documents_and_no_deleted_word),
        cmocka_unit_test(phrases_of_common_words_are_found_by_positions),
        cmocka_unit_test(positions_do_not_bring_back_what_was_deleted_or_changed),
        cmocka_unit_test(positions_stay_where_a_record_is_changed),
        cmocka_unit_test(changed_positions_are_damage_and_no_fewer_hits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
