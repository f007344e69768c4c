/* The first hits by the order of documents, which merging makes, as by the values of them all. */
#include "indexer/store/order_priv.h"
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;

enum { MANY = 9000 };

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
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    for (uint32_t i = 0; i < 2; i++) {
        struct fk_xwriter *w;
        snprintf(parts[i], sizeof parts[i], "%s.%s%u", shard_dir, name, i);
        OK(fk_xwriter_create(parts[i], &w, &err));
        for (uint32_t n = i * MANY / 2 + 1; n <= (i + 1) * MANY / 2; n++)
            order_put(w, n, key_of_many(n));
        OK(fk_xwriter_commit(w, &err));
        fk_xwriter_close(&w);
    }
    const char *const dirs[] = {parts[0], parts[1]};
    snprintf(path, 300, "%s.%s", shard_dir, name);
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
        struct fk_xreader *r = shard_reader(path);
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
    struct fk_xreader *r = shard_reader(path);
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
        struct fk_xreader *r = shard_reader(path);
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
    struct fk_xreader *r = shard_reader(path);
    struct fk_xquery *q = T("all");
    OK(fk_xreader_search(r, q, 0, 0, 300, &right, &err));
    fk_xreader_close(&r);
    for (long at = 0; at < size; at += at < 300 ? 7 : 997) {
        shard_flip(f, at);
        r = shard_reader(path);
        const enum fk_status st = fk_xreader_search(r, q, 0, 0, 300, &hits, &err);
        if (st == FK_OK) /* in a block that was not asked for */
            assert_memory_equal(hits.docids, right.docids, 300 * sizeof *hits.docids);
        else
            assert_int_equal(st, FK_CORRUPT);
        damaged += st == FK_CORRUPT;
        fk_xreader_close(&r);
        shard_flip(f, at);
    }
    fk_xquery_free(&q);
    assert_int_equal(fclose(f), 0);
    assert_true(damaged > 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_hits_are_those_of_the_values),
        cmocka_unit_test(the_order_goes_on_without_what_was_deleted),
        cmocka_unit_test(a_value_that_is_changed_in_its_place_is_heeded),
        cmocka_unit_test(a_changed_order_is_damage_and_no_other_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
