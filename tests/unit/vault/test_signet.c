/* test_signet.c - a signer cannot be talked into a smaller, another, or an unremembered head. */
#include "archiver/vault/signet.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { LEAVES = 40 };
static fk_hash honest[LEAVES], other[LEAVES];
static char base[256];
static int dirs_made;

static int setup(void **state) {
    (void)state;
    const char *dir = getenv("TEST_DIR");
    snprintf(base, sizeof base, "%s", dir ? dir : "/tmp");
    for (int i = 0; i < LEAVES; i++) {
        int j = i + (i == 7) * 1000; /* the forger's entry 7 differs */
        fk_tree_leaf(&i, sizeof i, honest[i]);
        fk_tree_leaf(&j, sizeof j, other[i]);
    }
    return 0;
}

static enum fk_status leaf_hash(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                struct fk_err *err) {
    fk_hash *leaves = ctx;
    struct fk_frontier f = {0};
    (void)err;
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        fk_frontier_add(&f, leaves[i]);
    fk_frontier_root(&f, out);
    return FK_OK;
}

static struct fk_signet *fresh(char dir[512]) {
    struct fk_signet *s = NULL;
    snprintf(dir, 512, "%s/secrets-%d-%d", base, (int)getpid(), dirs_made++);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(fk_signet_init(dir, "fumikura/00112233445566778899aabbccddeeff", NULL), FK_OK);
    assert_int_equal(fk_signet_open(dir, &s, NULL), FK_OK);
    return s;
}

static enum fk_status advance(struct fk_signet *s, fk_hash *leaves, uint64_t size,
                              struct fk_buf *note, struct fk_err *err) {
    struct fk_tree_source source = {leaf_hash, leaves};
    struct fk_proof proof = {0};
    fk_hash root;
    uint64_t old = fk_signet_head(s)->size;
    assert_int_equal(fk_tree_root(&source, size, root, NULL), FK_OK);
    if (old <= size)
        assert_int_equal(fk_tree_consistency(&source, old, size, &proof, NULL), FK_OK);
    return fk_signet_next(s, size, root, &proof, note, err);
}

static void growth_is_signed_and_remembered(void **state) {
    (void)state;
    char dir[512];
    struct fk_signet *s = fresh(dir);
    for (uint64_t n = 0; n <= LEAVES; n += 5) {
        struct fk_buf note = FK_BUF_INIT;
        struct fk_checkpoint c;
        assert_int_equal(advance(s, honest, n, &note, NULL), FK_OK);
        assert_int_equal(advance(s, honest, n, &note, NULL), FK_OK); /* idle: the same again */
        assert_int_equal(
            fk_checkpoint_open(note.data, note.len / 2, fk_signet_verifier(s), &c, NULL), FK_OK);
        assert_true(c.size == n);
        fk_buf_free(&note);
        fk_signet_close(&s);
        assert_int_equal(fk_signet_open(dir, &s, NULL), FK_OK);
        assert_true(fk_signet_head(s)->size == n);
    }
    fk_signet_close(&s);
}

static void a_smaller_or_other_head_is_refused(void **state) {
    (void)state;
    char dir[512];
    struct fk_buf note = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    struct fk_signet *s = fresh(dir);
    assert_int_equal(advance(s, honest, 20, &note, NULL), FK_OK);
    size_t len = note.len;
    assert_int_equal(advance(s, honest, 19, &note, &err), FK_DENIED);
    assert_non_null(strstr(err.text, "older copy"));
    assert_int_equal(advance(s, other, 20, &note, &err), FK_DENIED);
    assert_int_equal(advance(s, other, 33, &note, &err), FK_DENIED);
    assert_non_null(strstr(err.text, "does not continue"));
    assert_int_equal(note.len, len);
    assert_int_equal(advance(s, honest, 33, &note, NULL), FK_OK);
    fk_buf_free(&note);
    fk_signet_close(&s);
}

static void what_cannot_be_remembered_is_not_signed(void **state) {
    (void)state;
    char dir[512], path[600];
    struct fk_buf note = FK_BUF_INIT;
    struct fk_signet *s = fresh(dir);
    assert_int_equal(advance(s, honest, 3, &note, NULL), FK_OK);
    fk_buf_reset(&note);
    snprintf(path, sizeof path, "%s/log-head.new", dir);
    assert_int_equal(mkdir(path, 0700), 0); /* nothing can be created under that name */
    assert_int_not_equal(advance(s, honest, 9, &note, NULL), FK_OK);
    assert_int_equal(note.len, 0);
    assert_true(fk_signet_head(s)->size == 3);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(advance(s, honest, 9, &note, NULL), FK_OK);
    fk_buf_free(&note);
    fk_signet_close(&s);
}

static void secrets_that_are_wrong_are_named(void **state) {
    (void)state;
    char dir[512], path[600];
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_signet *s = fresh(dir);
    assert_int_equal(advance(s, honest, 5, &note, NULL), FK_OK);
    fk_buf_free(&note);
    fk_signet_close(&s);
    assert_int_equal(fk_signet_init(dir, "00112233445566778899aabbccddeeff", &err), FK_INVALID);
    snprintf(path, sizeof path, "%s/log-key", dir);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(fk_signet_open(dir, &s, &err), FK_DENIED);
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(path, sizeof path, "%s/log-head", dir);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fputs("G", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(fk_signet_open(dir, &s, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "log-head"));
    snprintf(path, sizeof path, "%s/log-key", dir);
    assert_int_equal(truncate(path, 50), 0);
    assert_int_equal(fk_signet_open(dir, &s, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "log-key"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_signed_and_remembered),
        cmocka_unit_test(a_smaller_or_other_head_is_refused),
        cmocka_unit_test(what_cannot_be_remembered_is_not_signed),
        cmocka_unit_test(secrets_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
