/* The list of an index's databases: what is read back, what is refused, how few there are. */
#include "indexer/store/shards_priv.h"
#include "base/atomic_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;
#define OK(call) assert_int_equal(call, FK_OK)

static const char *file(void) {
    static char path[256];
    const char *base = getenv("TEST_DIR");
    snprintf(path, sizeof path, "%s/current", base ? base : "/tmp");
    return path;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    struct fk_shards s = {.mark = 901, .version = 2}, back = {.mark = 0};
    const struct fk_shard shards[] = {{3, 1, 512, 480, false, true},
                                      {9, 513, 900, 388, true, false}};
    for (int i = 0; i < 2; i++)
        OK(fk_shards__add(&s, &shards[i], &err));
    for (uint64_t seq = 40; seq <= 42; seq++)
        fk_seqs_add(&s.superseded, seq);
    OK(fk_shards__write(&s, file(), &err));
    OK(fk_shards__read(file(), &back, &err));
    assert_int_equal(back.mark, 901);
    assert_int_equal(back.version, 2);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.at[0].number, 3);
    assert_int_equal(back.at[1].first, 513);
    assert_int_equal(back.at[1].last, 900);
    assert_int_equal(back.at[1].documents, 388);
    assert_false(back.at[0].wants_renewal);
    assert_true(back.at[1].wants_renewal && fk_shards__want_renewal(&back));
    assert_true(back.at[0].has_purged && !back.at[1].has_purged);
    assert_true(back.superseded.count == 3 && fk_seqs_has(&back.superseded, 41));
    assert_true(fk_shards__has(&back, 9) && !fk_shards__has(&back, 4));
    fk_shards__free(&back);
    fk_shards__free(&s);
}

static void what_is_no_list_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "db.3\n",
        "mark: 5\n",
        "version: 2\nmark: x\n",
        "version: 2\nmark: 5\nshard: 0 1-2 2\n",
        "version: 2\nmark: 5\nshard: 3 2-1 1\n",
        "version: 2\nmark: 5\nshard: 3 1-2 3\n",
        "version: 2\nmark: 5\nshard: 3 1-2\n",
        "version: 2\nmark: 5\nshard: 3 1-2 2 more\n",
        "version: 2\nmark: 5\nshard: 3 1-2 2 forgotten forgotten\n",
        "version: 2\nmark: 5\nshard: 3 1-3 2\nshard: 4 3-4 2\n",
        "version: 2\nmark: 5\nshard: 3 1-5 2\n",
        "version: 2\nmark: 5\ncolour: 3\n",
        "version: 2\nmark: 5\nshard: 3 1-2 2 forgotten purged\n",
        "version: 2\nmark: 5\nshard: 3 1-2 2 purgedforgotten\n",
        "version: 2\nmark: 5\nsuperseded: 4,x\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_shards s = {.mark = 7};
        OK(fk_atomic_put(file(), 0600, bad[i], strlen(bad[i]), &err));
        if (fk_shards__read(file(), &s, &err) != FK_CORRUPT)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(s.mark, 7);
    }
}

static void one_is_put_where_its_seqs_belong(void **state) {
    (void)state;
    struct fk_shards s = FK_SHARDS_NONE;
    const struct fk_shard first = {1, 1, 5, 5, false, false}, last = {2, 9, 9, 1, false, false},
                          between = {3, 7, 7, 1, false, false}, over = {4, 5, 6, 2, false, false};
    OK(fk_shards__add(&s, &first, &err));
    OK(fk_shards__add(&s, &last, &err));
    assert_null(fk_shards__of(&s, 7));
    OK(fk_shards__insert(&s, &between, &err));
    assert_int_equal(fk_shards__insert(&s, &over, &err), FK_INVALID);
    assert_int_equal(s.count, 3);
    assert_int_equal(fk_shards__of(&s, 7)->number, 3);
    assert_int_equal(fk_shards__of(&s, 5)->number, 1);
    assert_int_equal(s.at[2].number, 2);
    fk_shards__free(&s);
}

/* Batches of these sizes, one after another, merged as is due; *moved: documents that merges wrote.
 */
static void grow(struct fk_shards *s, size_t batches, uint32_t (*size)(size_t), uint64_t *moved,
                 size_t *most) {
    uint32_t seq = 1;
    unsigned number = 0;
    for (size_t i = 0; i < batches; i++) {
        const uint32_t n = size(i);
        const struct fk_shard one = {++number, seq, seq + n - 1, n, false, false};
        seq += n;
        OK(fk_shards__add(s, &one, &err));
        for (size_t from; (from = fk_shards__due(s)) < s->count;) {
            fk_shards__merged(s, from, s->count, ++number);
            *moved += s->at[from].documents;
            assert_true(s->at[from].documents <= FK_SHARD_DOCUMENTS);
        }
        if (s->count > *most)
            *most = s->count;
    }
}
static uint32_t one(size_t i) {
    (void)i;
    return 1;
}
static uint32_t two_hundred(size_t i) {
    (void)i;
    return 200;
}
static uint32_t now_and_then_many(size_t i) {
    return i % 97 == 0 ? 200 : i % 1009 == 0 ? 3000 : 1 + (uint32_t)(i * 2654435761u >> 29);
}

static void shards_stay_few_and_a_message_is_seldom_merged(void **state) {
    (void)state;
    static const struct {
        size_t batches;
        uint32_t (*size)(size_t);
    } rows[] = {{200000, one}, {5000, two_hundred}, {200000, now_and_then_many}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fk_shards s = {.version = 2};
        uint64_t moved = 0, documents = 0;
        size_t most = 0;
        grow(&s, rows[i].batches, rows[i].size, &moved, &most);
        for (size_t k = 0; k < s.count; k++)
            documents += s.at[k].documents;
        const uint64_t levels = 6; /* 8^6 is over what a merge may make */
        assert_true(moved <= levels * documents);
        assert_true(most <= levels * FK_SHARDS_FAN + documents / 16384);
        fk_shards__free(&s);
    }
}

static void a_shard_without_documents_goes(void **state) {
    (void)state;
    struct fk_shards s = {.mark = 100, .version = 2};
    const struct fk_shard shards[] = {
        {1, 1, 9, 9, false, false}, {2, 10, 19, 0, true, false}, {3, 20, 29, 5, true, true}};
    for (int i = 0; i < 3; i++)
        OK(fk_shards__add(&s, &shards[i], &err));
    fk_shards__merged(&s, 1, 2, 4);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.at[1].number, 3);
    fk_shards__merged(&s, 1, 2, 5);
    assert_int_equal(s.at[1].number, 5);
    assert_int_equal(s.at[1].first, 20);
    assert_false(fk_shards__want_renewal(&s));
    fk_shards__free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(one_is_put_where_its_seqs_belong),
        cmocka_unit_test(shards_stay_few_and_a_message_is_seldom_merged),
        cmocka_unit_test(a_shard_without_documents_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
