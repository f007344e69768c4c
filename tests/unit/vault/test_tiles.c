/* test_tiles.c - tiles grown in any steps are the same tiles, and no byte of them can lie. */
#include "archiver/vault/tiles.h"
#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char base[256];
static int dirs_made;

static int make_base(void **state) {
    (void)state;
    const char *dir = getenv("TEST_DIR");
    snprintf(base, sizeof base, "%s", dir ? dir : "/tmp");
    return 0;
}

static void fresh_dir(char out[512]) {
    snprintf(out, 512, "%s/log-%d-%d", base, (int)getpid(), dirs_made++);
}

static size_t line_of(uint64_t i, char out[128]) {
    return (size_t)snprintf(out, 128, "fumikura/1 seq=%llu of a test\n", (unsigned long long)i);
}

/* Grows to `size`, flushing and pruning at each multiple of `step`. */
static void grow(const char *dir, uint64_t size, uint64_t step, fk_hash root) {
    struct fk_tilewriter *w = NULL;
    fk_sha256("", 0, root);
    assert_int_equal(fk_tilewriter_open(dir, 0, root, &w, NULL), FK_OK);
    for (uint64_t i = 0; i < size; i++) {
        char line[128];
        size_t len = line_of(i, line);
        assert_int_equal(fk_tilewriter_add(w, line, len, NULL), FK_OK);
        if ((i + 1) % step == 0 || i + 1 == size) {
            assert_int_equal(fk_tilewriter_flush(w, NULL), FK_OK);
            assert_int_equal(fk_tilewriter_prune(w, NULL), FK_OK);
            fk_frontier_root(fk_tilewriter_frontier(w), root);
            fk_tilewriter_close(&w); /* and once more from the disk */
            assert_int_equal(fk_tilewriter_open(dir, i + 1, root, &w, NULL), FK_OK);
        }
    }
    fk_tilewriter_close(&w);
}

static int files;
static int count_file(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)path;
    (void)s;
    (void)f;
    files += type == FTW_F;
    return 0;
}

static void proofs_from_tiles_hold_at_every_kind_of_size(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 777, 66000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        char dir[512], line[128];
        fk_hash root, leaf;
        struct fk_tiles *t = NULL;
        struct fk_proof p;
        uint64_t n = sizes[s];
        fresh_dir(dir);
        grow(dir, n, n > 1000 ? 9973 : 100, root);
        assert_int_equal(fk_tiles_open(dir, n, root, &t, NULL), FK_OK);
        for (uint64_t i = 0; i<n; i += n> 1000 ? 977 : 1) {
            struct fk_buf b = FK_BUF_INIT;
            size_t len = line_of(i, line);
            fk_tree_leaf(line, len, leaf);
            assert_int_equal(fk_tree_inclusion(fk_tiles_source(t), i, n, &p, NULL), FK_OK);
            assert_true(fk_tree_check_inclusion(leaf, i, n, &p, root));
            assert_int_equal(fk_tiles_line(t, i, &b, NULL), FK_OK);
            assert_int_equal(b.len, len);
            assert_memory_equal(b.data, line, len);
            fk_buf_free(&b);
        }
        fk_tiles_close(&t);
    }
}

static void steps_leave_no_trace(void **state) {
    (void)state;
    char one[512], many[512], path[700];
    fk_hash a, b;
    fresh_dir(one);
    fresh_dir(many);
    grow(one, 1000, 1000, a);
    grow(many, 1000, 7, b);
    assert_memory_equal(a, b, sizeof a);
    files = 0;
    assert_int_equal(nftw(one, count_file, 16, FTW_PHYS), 0);
    int expected = files;
    files = 0;
    assert_int_equal(nftw(many, count_file, 16, FTW_PHYS), 0);
    assert_int_equal(files, expected);
    snprintf(path, sizeof path, "%s/tile/0/003.p/232", many);
    assert_int_equal(access(path, R_OK), 0);
}

static const char *flip_dir;
static uint64_t flip_size;
static uint8_t *flip_root;
static int flipped, caught;

/* Opens and proves everything; FK_OK only if nothing was found. */
static enum fk_status read_all(const char *dir, uint64_t n, const fk_hash root) {
    struct fk_tiles *t = NULL;
    enum fk_status st = fk_tiles_open(dir, n, root, &t, NULL);
    for (uint64_t i = 0; st == FK_OK && i < n; i++) {
        struct fk_buf b = FK_BUF_INIT;
        struct fk_proof p;
        st = fk_tiles_line(t, i, &b, NULL);
        if (st == FK_OK)
            st = fk_tree_inclusion(fk_tiles_source(t), i, n, &p, NULL);
        fk_buf_free(&b);
    }
    fk_tiles_close(&t);
    return st;
}

static int flip_in(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)f;
    if (type != FTW_F)
        return 0;
    int fd = open(path, O_RDWR);
    off_t step = s->st_size / 5 + 1;
    for (off_t at = 0; at < s->st_size; at += step) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        flipped++;
        caught += read_all(flip_dir, flip_size, flip_root) == FK_CORRUPT;
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    return 0;
}

static void a_flipped_byte_in_any_tile_is_named(void **state) {
    (void)state;
    char dir[512];
    fk_hash root;
    fresh_dir(dir);
    grow(dir, 700, 700, root);
    assert_int_equal(read_all(dir, 700, root), FK_OK);
    flip_dir = dir, flip_size = 700, flip_root = root;
    assert_int_equal(nftw(dir, flip_in, 16, FTW_PHYS), 0);
    assert_true(flipped >= 30);
    assert_int_equal(caught, flipped);
}

static void a_missing_or_short_tile_is_named(void **state) {
    (void)state;
    char dir[512], path[700];
    fk_hash root;
    struct fk_tiles *t = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct fk_proof p;
    fresh_dir(dir);
    grow(dir, 700, 700, root);
    snprintf(path, sizeof path, "%s/tile/0/001", dir);
    assert_int_equal(truncate(path, 8191), 0);
    assert_int_equal(fk_tiles_open(dir, 700, root, &t, NULL), FK_OK);
    assert_int_equal(fk_tree_inclusion(fk_tiles_source(t), 300, 700, &p, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "tile/0/001"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fk_tree_inclusion(fk_tiles_source(t), 300, 700, &p, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "missing"));
    fk_tiles_close(&t);
    root[0] ^= 1;
    assert_int_equal(fk_tiles_open(dir, 700, root, &t, &err), FK_CORRUPT);
    struct fk_tilewriter *w = NULL;
    assert_int_equal(fk_tilewriter_open(dir, 700, root, &w, &err), FK_CORRUPT);
}

static void tile_numbers_are_written_in_groups_of_three(void **state) {
    (void)state;
    char p[96];
    fk_tile_path(p, sizeof p, 0, 5, 256);
    assert_string_equal(p, "tile/0/005");
    fk_tile_path(p, sizeof p, 2, 1234067, 256);
    assert_string_equal(p, "tile/2/x001/x234/067");
    fk_tile_path(p, sizeof p, -1, 1000, 12);
    assert_string_equal(p, "tile/entries/x001/000.p/12");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tile_numbers_are_written_in_groups_of_three),
        cmocka_unit_test(proofs_from_tiles_hold_at_every_kind_of_size),
        cmocka_unit_test(steps_leave_no_trace),
        cmocka_unit_test(a_flipped_byte_in_any_tile_is_named),
        cmocka_unit_test(a_missing_or_short_tile_is_named),
    };
    return cmocka_run_group_tests(tests, make_base, NULL);
}
