/* The log's tiles (archiver/vault/tiles.h): one file changed in any way is found by whoever reads
 * what is in it, and nothing that was changed is given out.
 *
 * Input: a byte, which file; then changes (patch.h) of it. */
#include "archiver/vault/tiles.h"
#include "base/io.h"
#include "tests/fuzz/support/patch.h"

enum { SIZE = 600 };
static char log_dir[2048];
static fk_hash root;
static struct file {
    char path[64];
    struct fk_buf data;
} files[16];
static size_t file_count;

static size_t line_of(uint64_t i, char out[64]) {
    return (size_t)snprintf(out, 64, "line %llu of a log\n", (unsigned long long)i);
}

static void file_note(int level, uint64_t n, unsigned width) {
    struct file *f = &files[file_count++];
    char name[48], path[4096];
    fk_tile_path(name, sizeof name, level, n, width);
    snprintf(f->path, sizeof f->path, "log/%s", name);
    snprintf(path, sizeof path, "%s/%s", fuzz_dir(), f->path);
    DONE(fk_read_file(path, 1 << 20, &f->data, NULL));
}

static void log_make(void) {
    struct fk_tilewriter *w = NULL;
    char line[64];
    snprintf(log_dir, sizeof log_dir, "%s/log", fuzz_dir());
    DONE(fk_make_dir(log_dir, 0700, NULL));
    fk_sha256("", 0, root);
    DONE(fk_tilewriter_open(log_dir, 0, root, &w, NULL));
    for (uint64_t i = 0; i < SIZE; i++)
        DONE(fk_tilewriter_add(w, line, line_of(i, line), NULL));
    DONE(fk_tilewriter_flush(w, NULL));
    fk_frontier_root(fk_tilewriter_frontier(w), root);
    fk_tilewriter_close(&w);
    for (int level = -1; level <= 0; level++) {
        file_note(level, 0, 256);
        file_note(level, 1, 256);
        file_note(level, 2, SIZE - 512);
    }
    file_note(1, 0, 2);
}

static enum fk_status all_read(struct fk_err *err) {
    struct fk_tiles *t = NULL;
    struct fk_buf out = FK_BUF_INIT, want = FK_BUF_INIT;
    struct fk_proof p;
    char line[64];
    fk_hash leaf;
    enum fk_status st;
    FK_TRY(fk_tiles_open(log_dir, SIZE, root, &t, err));
    for (uint64_t n = 0, i = 0; n < 3; n++) {
        fk_buf_reset(&out);
        fk_buf_reset(&want);
        FK_TRY(fk_tiles_bundle(t, n, &out, err));
        for (; i < SIZE && i < 256 * (n + 1); i++)
            fk_buf_add(&want, line, line_of(i, line));
        MUST(fuzz_same(out.data, out.len, want.data, want.len));
    }
    for (uint64_t i = 3; i < SIZE; i += 99) {
        FK_TRY(fk_tree_inclusion(fk_tiles_source(t), i, SIZE, &p, err));
        fk_tree_leaf(line, line_of(i, line), leaf);
        MUST(fk_tree_check_inclusion(leaf, i, SIZE, &p, root));
        fk_buf_reset(&out);
        FK_TRY(fk_tiles_line(t, i, &out, err));
        MUST(fuzz_same(out.data, out.len, line, strlen(line)));
    }
done:
    fk_tiles_close(&t);
    fk_buf_free(&out);
    fk_buf_free(&want);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf b = FK_BUF_INIT;
    if (!file_count)
        log_make();
    const struct file *f = &files[fuzz_byte(&in) % file_count];
    fk_buf_add(&b, f->data.data, f->data.len);
    fuzz_patch(&b, &in);
    (void)fuzz_file(f->path, b.data, b.len);
    const bool is_good = fuzz_same(b.data, b.len, f->data.data, f->data.len);
    MUST(fuzz_took(all_read(&err), &err) == is_good);
    MUST(is_good || err.status == FK_CORRUPT);
    (void)fuzz_file(f->path, f->data.data, f->data.len);
    fk_buf_free(&b);
    return 0;
}
