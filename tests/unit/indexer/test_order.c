/* The order of documents in a file, and its bits changed one by one: what is read is what was
 * written, or damage. */
#include "indexer/store/order_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;
static char dir[300], file[320];
#define OK(call) assert_int_equal(call, FK_OK)

enum { SLOT = 3, DOCS = FK_ORDER_BLOCK + 7 };

static struct fk_xhit at(size_t i) {
    return (struct fk_xhit){UINT64_MAX - i * 0x123456789abc, (uint32_t)(i * 2654435761u)};
}

static void make(size_t n) {
    static struct fk_xhit all[DOCS];
    const char *base = getenv("TEST_DIR");
    snprintf(dir, sizeof dir, "%s/order.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/order", dir);
    for (size_t i = 0; i < n; i++)
        all[i] = at(i);
    OK(fk_order_write(dir, SLOT, all, n, &err));
}

/* All that is in it; what it was that failed otherwise. */
static enum fk_status read_all(size_t *n_out) {
    struct fk_order *o = NULL;
    static struct fk_xhit block[FK_ORDER_BLOCK];
    enum fk_status st = fk_order_open(dir, &o, &err);
    *n_out = 0;
    for (size_t b = 0; st == FK_OK && b < fk_order_blocks(o); b++) {
        size_t n;
        st = fk_order_read(o, b, block, &n, &err);
        for (size_t i = 0; st == FK_OK && i < n; i++) {
            const struct fk_xhit want = at((*n_out)++);
            assert_true(block[i].key == want.key && block[i].docid == want.docid);
        }
    }
    if (st == FK_OK)
        assert_int_equal(fk_order_slot(o), SLOT);
    fk_order_close(&o);
    return st;
}

static void what_was_written_is_read_until_it_is_void(void **state) {
    (void)state;
    static const size_t numbers[] = {0, 1, FK_ORDER_BLOCK, FK_ORDER_BLOCK + 1, DOCS};
    size_t n;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        make(numbers[i]);
        OK(read_all(&n));
        assert_int_equal(n, numbers[i]);
        OK(fk_order_void(dir, &err));
        assert_int_equal(read_all(&n), FK_NOT_FOUND);
        assert_int_equal(access(file, F_OK), 0); /* to be overwritten with its shard */
    }
}

static void where_there_is_none_nothing_is_void(void **state) {
    (void)state;
    char path[330];
    size_t n;
    make(1);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(read_all(&n), FK_NOT_FOUND);
    OK(fk_order_void(dir, &err));
    snprintf(path, sizeof path, "%s.void", file);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_changed_bit_is_damage(void **state) {
    (void)state;
    struct stat s;
    size_t n;
    make(DOCS);
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &s), 0);
    for (long bit = 0; bit < 8 * s.st_size; bit += bit < 1000 ? 1 : 3) {
        fseek(f, bit / 8, SEEK_SET);
        const int byte = fgetc(f);
        fseek(f, bit / 8, SEEK_SET);
        fputc(byte ^ 1 << bit % 8, f);
        fflush(f);
        assert_int_equal(read_all(&n), FK_CORRUPT);
        fseek(f, bit / 8, SEEK_SET);
        fputc(byte, f);
        fflush(f);
    }
    assert_int_equal(fclose(f), 0);
    OK(read_all(&n));
}

static void one_that_is_longer_or_cut_short_is_damage(void **state) {
    (void)state;
    struct stat s;
    size_t n;
    make(DOCS);
    assert_int_equal(stat(file, &s), 0);
    assert_int_equal(truncate(file, s.st_size + 12), 0);
    assert_int_equal(read_all(&n), FK_CORRUPT);
    for (off_t left = s.st_size - 1; left >= 0; left -= left > 100 ? 61 : 1) {
        assert_int_equal(truncate(file, left), 0);
        assert_int_equal(read_all(&n), FK_CORRUPT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_until_it_is_void),
        cmocka_unit_test(where_there_is_none_nothing_is_void),
        cmocka_unit_test(a_changed_bit_is_damage),
        cmocka_unit_test(one_that_is_longer_or_cut_short_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
