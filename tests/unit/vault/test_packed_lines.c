/* A sealed segment's lines, packed in blocks: all come back, in any order; a damaged block is named
 * and costs its own lines alone; a segment that an older version sealed is read as ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "archiver/vault/lines_priv.h"
#include "base/pack.h"
#include "tests/unit/support/vaults.h"

/* ---- blocks */

static void lines_make(struct fk_buf *out, uint32_t count, size_t len) {
    fk_buf_reset(out);
    for (uint32_t i = 0; i < count; i++) {
        fk_buf_printf(out, "fumikura/1 seq=%" PRIu32 " ", i);
        for (size_t n = 0; n < len; n++)
            fk_buf_byte(out, (uint8_t)('a' + (i * 7 + n * n) % 26));
        fk_buf_byte(out, '\n');
    }
    assert_false(out->failed);
}

static void a_block_gives_its_lines_back(void **state) {
    (void)state;
    static const struct {
        uint32_t count;
        size_t len;
    } cases[] = {{1, 0}, {1, 65000}, {2, 65000}, {FK_LINES_COUNT, 200}, {160, 400}};
    struct fk_buf plain = FK_BUF_INIT, value = FK_BUF_INIT, again = FK_BUF_INIT;
    uint32_t start[FK_LINES_COUNT + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lines_make(&plain, cases[i].count, cases[i].len);
        fk_buf_reset(&value);
        assert_int_equal(fk_lines__pack(&plain, cases[i].count, &value, NULL), FK_OK);
        assert_int_equal(fk_lines__count(value.data), cases[i].count);
        assert_int_equal(fk_lines__unpack(value.data, value.len, &again, start, NULL), FK_OK);
        assert_int_equal(again.len, plain.len);
        assert_memory_equal(again.data, plain.data, plain.len);
        for (uint32_t n = 0; n < cases[i].count; n++)
            assert_memory_equal(again.data + start[n], "fumikura/1 ", 11);
        assert_int_equal(start[cases[i].count], plain.len);
    }
    fk_buf_free(&plain);
    fk_buf_free(&value);
    fk_buf_free(&again);
}

static void no_turned_bit_gives_other_lines(void **state) {
    (void)state;
    struct fk_buf plain = FK_BUF_INIT, value = FK_BUF_INIT, again = FK_BUF_INIT;
    uint32_t start[FK_LINES_COUNT + 1];
    lines_make(&plain, 5, 60);
    assert_int_equal(fk_lines__pack(&plain, 5, &value, NULL), FK_OK);
    for (size_t bit = 0; bit < 8 * value.len; bit++) {
        value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (fk_lines__unpack(value.data, value.len, &again, start, NULL) == FK_OK) {
            assert_int_equal(again.len, plain.len);
            assert_memory_equal(again.data, plain.data, plain.len);
            assert_int_equal(fk_lines__count(value.data), 5);
        }
        value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < value.len; len++)
        assert_int_equal(fk_lines__unpack(value.data, len, &again, start, NULL), FK_CORRUPT);
    fk_buf_free(&plain);
    fk_buf_free(&value);
    fk_buf_free(&again);
}

/* count, then frames of so many bytes each. */
static void value_make(struct fk_buf *out, uint32_t count, size_t bytes, unsigned frames) {
    struct fk_buf plain = FK_BUF_INIT;
    fk_buf_reset(out);
    fk_put_u32(out, count);
    for (size_t i = 0; i < bytes; i++)
        fk_buf_byte(&plain, i + 1 == bytes ? '\n' : 'a');
    for (unsigned i = 0; i < frames; i++) {
        assert_true(fk_buf_reserve(out, ZSTD_compressBound(bytes)));
        out->len +=
            ZSTD_compress(out->data + out->len, ZSTD_compressBound(bytes), plain.data, bytes, 3);
    }
    fk_buf_free(&plain);
}

static void what_is_no_block_is_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t count;
        size_t bytes;
        unsigned frames;
        const char *says;
    } cases[] = {{0, 10, 1, "how many lines"},
                 {FK_LINES_COUNT + 1, 1000, 1, "how many lines"},
                 {2, 10, 1, "does not have 2 lines"},
                 {1, FK_LINES_PLAIN_MAX + 1, 1, "how long its lines are"},
                 {1, 1 << 30, 0, "how long its lines are"},
                 {1, 10, 2, "zstd cannot unpack it"}};
    struct fk_buf value = FK_BUF_INIT, plain = FK_BUF_INIT;
    uint32_t start[FK_LINES_COUNT + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_err err = FK_ERR_INIT;
        value_make(&value, cases[i].count, cases[i].frames ? cases[i].bytes : 1, cases[i].frames);
        fk_buf_str(&value, cases[i].frames ? "" : "no frame of zstd");
        assert_int_equal(fk_lines__unpack(value.data, value.len, &plain, start, &err), FK_CORRUPT);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu: %s", i, err.text);
    }
    fk_buf_free(&value);
    fk_buf_free(&plain);
}

/* ---- segments */

enum { SMALL = 600, LARGE = 5, ALL = 1 + SMALL + LARGE };

/* A vault with a sealed segment of several blocks, ALL lines; lines: all of them, one after
 * another. */
static void vault_fill(char dir[PATH_MAX], struct fk_buf *lines) {
    static char field[60000];
    uint64_t number;
    snprintf(dir, PATH_MAX, "%s", vault_new());
    struct fk_pen *pen = vault_pen(dir, 0);
    for (uint64_t done = 0; done < SMALL; done += 60)
        assert_int_equal(vault_mails(pen, done, 60, 100, -1), FK_OK);
    snprintf(field, sizeof field, "what=test words=%0*d", (int)sizeof field - 20, 1);
    for (int i = 0; i < LARGE; i++)
        vault_entry(pen, "act", field, NULL);
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    fk_pen_close(&pen); /* LMDB takes an environment once a process */
    struct fk_desk *desk = vault_desk(dir);
    for (uint64_t seq = 0; seq < ALL; seq++)
        assert_int_equal(fk_desk_line(desk, seq, lines, NULL), FK_OK);
    fk_desk_close(&desk);
    pen = vault_pen(dir, 0);
    assert_int_equal(fk_pen_seal_next(pen, &number, NULL), FK_OK);
    fk_pen_close(&pen);
}

static void expect_lines(const char *dir, const struct fk_buf *lines, uint64_t count) {
    struct fk_desk *desk = vault_desk(dir);
    struct fk_buf forward = FK_BUF_INIT, one = FK_BUF_INIT;
    for (uint64_t seq = 0; seq < count; seq++)
        assert_int_equal(fk_desk_line(desk, seq, &forward, NULL), FK_OK);
    assert_int_equal(forward.len, lines->len);
    assert_memory_equal(forward.data, lines->data, lines->len);
    for (uint64_t i = 0, seq = 0; i < count; i++, seq = (seq * 389 + 101) % count) {
        char wanted[48];
        fk_buf_reset(&one);
        assert_int_equal(fk_desk_line(desk, seq, &one, NULL), FK_OK);
        snprintf(wanted, sizeof wanted, "fumikura/1 seq=%" PRIu64 " ", seq);
        assert_int_equal(strncmp(fk_buf_cstr(&one), wanted, strlen(wanted)), 0);
    }
    fk_buf_free(&forward);
    fk_buf_free(&one);
    fk_desk_close(&desk);
}

static void sealed_lines_are_read_in_any_order(void **state) {
    (void)state;
    char dir[PATH_MAX];
    struct fk_buf lines = FK_BUF_INIT;
    vault_fill(dir, &lines);
    expect_lines(dir, &lines, ALL);
    vault_expect_sound(dir);
    vault_remove(dir);
    fk_buf_free(&lines);
}

static int meta_put(MDB_txn *txn, MDB_dbi meta, const char *name, const char *value) {
    MDB_val key = {strlen(name), (void *)(uintptr_t)name},
            data = {strlen(value), (void *)(uintptr_t)value};
    return mdb_put(txn, meta, &key, &data, 0);
}

/* Gives the sealed file the form that it had before lines were packed; damage: a byte of the first
 * block is changed instead. */
static void sealed_change(const char *dir, bool damage) {
    char path[PATH_MAX];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi lines, entries, meta;
    MDB_cursor *cursor;
    MDB_val key, value;
    struct fk_buf plain = FK_BUF_INIT, copy = FK_BUF_INIT;
    uint32_t start[FK_LINES_COUNT + 1];
    snprintf(path, sizeof path, "%.4000s/segments/00000001.sealed", dir);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 64 << 20), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "lines", 0, &lines), 0);
    assert_int_equal(mdb_cursor_open(txn, lines, &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    if (damage) {
        fk_buf_add(&copy, value.mv_data, value.mv_size);
        copy.data[copy.len / 2] ^= 0x10;
        MDB_val changed = {copy.len, copy.data};
        assert_int_equal(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT), 0);
    } else {
        assert_int_equal(mdb_dbi_open(txn, "entries", MDB_CREATE, &entries), 0);
        do {
            uint64_t last = fk_be64_read(key.mv_data);
            uint32_t count = fk_lines__count(value.mv_data);
            assert_int_equal(fk_lines__unpack(value.mv_data, value.mv_size, &plain, start, NULL),
                             FK_OK);
            for (uint32_t i = 0; i < count; i++) {
                uint8_t seq[8];
                fk_be64(seq, last - (count - 1) + i);
                MDB_val one = {sizeof seq, seq},
                        line = {start[i + 1] - start[i], plain.data + start[i]};
                assert_int_equal(mdb_put(txn, entries, &one, &line, 0), 0);
            }
        } while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0);
    }
    mdb_cursor_close(cursor);
    if (!damage) {
        assert_int_equal(mdb_drop(txn, lines, 1), 0);
        assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
        assert_int_equal(meta_put(txn, meta, "format", "1"), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    fk_buf_free(&plain);
    fk_buf_free(&copy);
}

static void a_segment_of_an_older_version_is_read(void **state) {
    (void)state;
    char dir[PATH_MAX];
    struct fk_buf lines = FK_BUF_INIT;
    vault_fill(dir, &lines);
    sealed_change(dir, false);
    expect_lines(dir, &lines, ALL);
    vault_remove(dir);
    fk_buf_free(&lines);
}

struct found {
    unsigned lines;
    uint64_t last;
    char text[500];
};

static void finding_take(void *ctx, const struct fk_finding *f) {
    struct found *found = ctx;
    if (strcmp(f->check, "line") != 0)
        return;
    found->lines++;
    found->last = f->seq;
    snprintf(found->text, sizeof found->text, "%s", f->text);
}

static void a_damaged_block_costs_its_own_lines(void **state) {
    (void)state;
    char dir[PATH_MAX];
    struct fk_buf lines = FK_BUF_INIT, one = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    const struct fk_verify_range all = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum = {0};
    struct found found = {.lines = 0};
    vault_fill(dir, &lines);
    sealed_change(dir, true);
    struct fk_desk *desk = vault_desk(dir);
    assert_int_equal(fk_desk_line(desk, 7, &one, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "table lines: the block of entries 0 to "));
    assert_int_equal(fk_desk_line(desk, SMALL, &one, &err), FK_OK);
    assert_int_equal(fk_desk_verify(desk, &all, finding_take, NULL, &found, &sum, &err),
                     FK_CORRUPT);
    assert_in_range(found.lines, 100, FK_LINES_COUNT);
    assert_int_equal(found.last + 1, found.lines); /* from 0 on, each once */
    assert_non_null(strstr(found.text, "the block of entries 0 to "));
    fk_desk_close(&desk);
    vault_remove(dir);
    fk_buf_free(&lines);
    fk_buf_free(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_block_gives_its_lines_back),
                                       cmocka_unit_test(no_turned_bit_gives_other_lines),
                                       cmocka_unit_test(what_is_no_block_is_refused),
                                       cmocka_unit_test(sealed_lines_are_read_in_any_order),
                                       cmocka_unit_test(a_segment_of_an_older_version_is_read),
                                       cmocka_unit_test(a_damaged_block_costs_its_own_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
