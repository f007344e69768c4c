/* Readers that are kept: the same one as long as the index is the same, and none of an index that
 * is no longer current. The index is a real one. */
#include "search/readers.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/terms.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;
static char vault[256];
#define OK(call) assert_int_equal(call, FK_OK)

static void shard_make(unsigned number) {
    char path[300];
    struct fk_xwriter *w;
    struct fk_xdoc *doc;
    snprintf(path, sizeof path, "%s/index/db.%u", vault, number);
    OK(fk_xwriter_create(path, &w, &err));
    OK(fk_xdoc_new(&doc, &err));
    OK(fk_xwriter_put(w, number, doc, &err));
    OK(fk_xwriter_commit(w, &err));
    fk_xdoc_free(&doc);
    fk_xwriter_close(&w);
}

/* Shards from 1 to n are the index. */
static void index_is(unsigned n) {
    char path[300], text[300];
    int len = snprintf(text, sizeof text, "version: %d\nmark: %u\n", FK_TERMS_VERSION, n + 1);
    for (unsigned i = 1; i <= n; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "shard: %u %u-%u 1\n", i, i, i);
    snprintf(path, sizeof path, "%s/index/current", vault);
    OK(fk_atomic_put(path, 0600, text, (size_t)len, &err));
}

static void vault_make(void) {
    const char *base = getenv("TEST_DIR");
    char path[300];
    snprintf(vault, sizeof vault, "%s/readers.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(vault));
    snprintf(path, sizeof path, "%s/index", vault);
    OK(fk_make_dir(path, 0700, &err));
    for (unsigned i = 1; i <= 3; i++)
        shard_make(i);
    index_is(1);
}

/* Files of the index that this process has open. */
static unsigned files_open(void) {
    char path[400], name[600];
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(name, sizeof name, "/proc/self/fd/%s", e->d_name);
        const ssize_t len = readlink(name, path, sizeof path - 1);
        path[len > 0 ? len : 0] = 0;
        n += strstr(path, "/readers.") != NULL;
    }
    (void)closedir(d);
    return n;
}

static uint64_t documents(const struct fk_reader_kept *k) {
    uint64_t n = 0;
    OK(fk_xreader_count(k->reader, &n, &err));
    return n;
}

static void one_is_kept_as_long_as_the_index_is_the_same(void **state) {
    (void)state;
    struct fk_readers *readers;
    struct fk_reader_kept a = FK_READER_KEPT, b = FK_READER_KEPT;
    vault_make();
    OK(fk_readers_new(vault, FK_READERS_IDLE_MS, &readers, &err));
    OK(fk_readers_take(readers, &a, &err));
    assert_int_equal(a.mark, 2);
    assert_int_equal(documents(&a), 1);
    const struct fk_xreader *const first = a.reader;
    OK(fk_readers_take(readers, &b, &err)); /* at the same time: another */
    assert_ptr_not_equal(b.reader, first);
    fk_readers_drop(&b);
    fk_readers_give(readers, &a);
    assert_null(a.reader);
    OK(fk_readers_take(readers, &a, &err));
    assert_ptr_equal(a.reader, first);
    assert_int_equal(a.mark, 2);
    fk_readers_drop(&a);
    assert_int_equal(files_open(), 0);
    fk_readers_free(&readers);
}

static void none_is_given_of_an_index_that_is_no_longer_current(void **state) {
    (void)state;
    struct fk_readers *readers;
    struct fk_reader_kept a = FK_READER_KEPT;
    vault_make();
    OK(fk_readers_new(vault, FK_READERS_IDLE_MS, &readers, &err));
    for (unsigned i = 0; i < 200; i++) { /* numbers of files are used again by then */
        OK(fk_readers_take(readers, &a, &err));
        assert_int_equal(documents(&a), i % 2 + 1);
        assert_int_equal(a.mark, i % 2 + 2);
        if (i % 3)
            fk_readers_give(readers, &a);
        index_is((i + 1) % 2 + 1);
        if (i % 3 == 0)
            fk_readers_give(readers, &a); /* it was given up while it was in use */
    }
    fk_readers_free(&readers);
    assert_int_equal(files_open(), 0);
}

/* Nobody asks, and the files are let go: they are to be overwritten. */
static void what_is_out_of_use_is_let_go_soon(void **state) {
    (void)state;
    struct fk_readers *readers;
    struct fk_reader_kept a = FK_READER_KEPT;
    vault_make();
    OK(fk_readers_new(vault, FK_READERS_IDLE_MS, &readers, &err));
    OK(fk_readers_take(readers, &a, &err));
    fk_readers_give(readers, &a);
    assert_true(files_open() > 0);
    index_is(2);
    for (unsigned i = 0; i < 100 && files_open() > 0; i++)
        (void)usleep(FK_READERS_LOOK_MS * 1000);
    assert_int_equal(files_open(), 0);
    fk_readers_free(&readers);
}

static void what_nobody_asks_for_is_let_go(void **state) {
    (void)state;
    struct fk_readers *readers;
    struct fk_reader_kept a = FK_READER_KEPT;
    vault_make();
    OK(fk_readers_new(vault, 1, &readers, &err));
    OK(fk_readers_take(readers, &a, &err));
    fk_readers_give(readers, &a);
    for (unsigned i = 0; i < 100 && files_open() > 0; i++)
        (void)usleep(FK_READERS_LOOK_MS * 1000);
    assert_int_equal(files_open(), 0);
    fk_readers_free(&readers);
}

static void without_an_index_there_is_none(void **state) {
    (void)state;
    char path[300];
    struct fk_readers *readers;
    struct fk_reader_kept a = FK_READER_KEPT;
    vault_make();
    snprintf(path, sizeof path, "%s/index/current", vault);
    assert_int_equal(unlink(path), 0);
    OK(fk_readers_new(vault, FK_READERS_IDLE_MS, &readers, &err));
    assert_int_equal(fk_readers_take(readers, &a, &err), FK_NOT_FOUND);
    assert_null(a.reader);
    index_is(3);
    OK(fk_readers_take(readers, &a, &err));
    assert_int_equal(documents(&a), 3);
    fk_readers_give(readers, &a);
    fk_readers_free(&readers);
    assert_int_equal(files_open(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_kept_as_long_as_the_index_is_the_same),
        cmocka_unit_test(none_is_given_of_an_index_that_is_no_longer_current),
        cmocka_unit_test(what_is_out_of_use_is_let_go_soon),
        cmocka_unit_test(what_nobody_asks_for_is_let_go),
        cmocka_unit_test(without_an_index_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
