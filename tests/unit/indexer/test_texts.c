/* The text store of a shard: what is forgotten is in no block of a copy, and damage is never taken
 * for a text. */
#include "indexer/store/texts_priv.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <zstd.h>

enum { DOCUMENTS = 200, TEXT = 1000 };

static struct fk_err err;
#define OK(call) assert_int_equal(call, FK_OK)

static void new_dir(char out[256]) {
    static int serial;
    const char *base = getenv("TEST_DIR");
    snprintf(out, 256, "%s/texts%d.%d", base ? base : "/tmp", getpid(), serial++);
    OK(fk_make_dir(out, 0700, &err));
}

/* Text of a message: words that no other has. */
static size_t text_of(uint32_t docid, char out[TEXT]) {
    size_t len = 0;
    for (unsigned i = 0; len + 20 < TEXT; i++)
        len += (size_t)snprintf(out + len, TEXT - len, "w%uof%u ", i * 7919u, docid);
    return len;
}

static void blob_of(uint32_t docid, struct fk_buf *blob) {
    char text[TEXT];
    const size_t len = text_of(docid, text);
    fk_buf_reset(blob);
    fk_texts_field_add(blob, "", text, len);
}

static void add(struct fk_texts_writer *w, uint32_t from, uint32_t to) {
    struct fk_buf blob = FK_BUF_INIT;
    for (unsigned k = 0; k < FK_TEXTS_KINDS; k++)
        for (uint32_t id = from; id < to; id++) {
            blob_of(id, &blob);
            OK(fk_texts_add(w, (enum fk_texts_kind)k, id, blob.data, blob.len, &err));
        }
    fk_buf_free(&blob);
}

static void make(const char *dir) {
    struct fk_texts_writer *w;
    OK(fk_texts_begin(dir, &w, &err));
    add(w, 1, DOCUMENTS + 1);
    OK(fk_texts_end(&w, false, &err));
}

static void file_read(const char *dir, const char *name, struct fk_buf *out) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    fk_buf_reset(out);
    OK(fk_read_file(path, 1 << 24, out, &err));
}

static void file_write(const char *dir, const char *name, const void *data, size_t len) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* All that the blocks of a store unpack to, whatever the list says of them. */
static void unpack_all(const char *dir, struct fk_buf *out) {
    struct fk_buf file = FK_BUF_INIT;
    fk_buf_reset(out);
    file_read(dir, "text", &file);
    for (size_t at = 0; at < file.len;) {
        const size_t packed = ZSTD_findFrameCompressedSize(file.data + at, file.len - at);
        assert_false(ZSTD_isError(packed));
        const size_t raw = (size_t)ZSTD_getFrameContentSize(file.data + at, packed);
        assert_true(fk_buf_reserve(out, raw));
        assert_int_equal(ZSTD_decompress(out->data + out->len, raw, file.data + at, packed), raw);
        out->len += raw;
        at += packed;
    }
    fk_buf_free(&file);
}

static bool has_words_of(const struct fk_buf *b, uint32_t docid) {
    char word[32];
    const int n = snprintf(word, sizeof word, "w0of%u ", docid);
    return memmem(b->data, b->len, word, (size_t)n) != NULL;
}

/* ---- */

static void a_copy_has_the_texts_of_the_living_alone(void **state) {
    (void)state;
    char from[256], to[256];
    struct fk_texts *texts;
    struct fk_texts_writer *w;
    struct fk_buf plain = FK_BUF_INIT;
    uint32_t living[DOCUMENTS];
    size_t n = 0;
    new_dir(from);
    new_dir(to);
    make(from);
    unpack_all(from, &plain);
    for (uint32_t id = 1; id <= DOCUMENTS; id++) {
        assert_true(has_words_of(&plain, id));
        if (id != 1 && id != 77 && id != DOCUMENTS) /* ends of blocks, and the midst of one */
            living[n++] = id;
    }
    OK(fk_texts_open(from, &texts, &err));
    OK(fk_texts_begin(to, &w, &err));
    for (unsigned k = 0; k < FK_TEXTS_KINDS; k++)
        OK(fk_texts_copy(w, (enum fk_texts_kind)k, texts, living, n, &err));
    OK(fk_texts_end(&w, false, &err));
    fk_texts_close(&texts);
    unpack_all(to, &plain);
    for (uint32_t id = 1; id <= DOCUMENTS; id++)
        assert_int_equal(has_words_of(&plain, id), id != 1 && id != 77 && id != DOCUMENTS);
    fk_buf_free(&plain);
}

/* Good, damaged, or not there: never another text. */
static enum fk_status look_at_all(const char *dir) {
    struct fk_texts *texts = NULL;
    struct fk_buf want = FK_BUF_INIT;
    enum fk_status st = fk_texts_open(dir, &texts, &err);
    for (unsigned k = 0; st == FK_OK && k < FK_TEXTS_KINDS; k++)
        for (uint32_t id = 1; st == FK_OK && id <= DOCUMENTS; id++) {
            const uint8_t *blob;
            size_t len;
            st = fk_texts_get(texts, (enum fk_texts_kind)k, id, &blob, &len, &err);
            blob_of(id, &want);
            if (st == FK_OK && (len != want.len || memcmp(blob, want.data, len) != 0))
                fail_msg("message %u has a text that is not its own", id);
        }
    fk_texts_close(&texts);
    fk_buf_free(&want);
    return st;
}

static void a_flipped_bit_is_damage(void **state) {
    (void)state;
    static const char *const names[] = {"text.list", "text"};
    char dir[256];
    new_dir(dir);
    make(dir);
    OK(look_at_all(dir));
    for (size_t i = 0; i < 2; i++) {
        struct fk_buf good = FK_BUF_INIT;
        size_t harmless = 0;
        file_read(dir, names[i], &good);
        for (size_t at = 0; at < good.len; at += i ? 61 : 1) {
            good.data[at] ^= (uint8_t)(1u << at % 8);
            file_write(dir, names[i], good.data, good.len);
            const enum fk_status st = look_at_all(dir);
            if (st != FK_CORRUPT && st != FK_OK)
                fail_msg("%s, byte %zu: %d, %s", names[i], at, st, err.text);
            harmless += st == FK_OK; /* a bit of zstd's own that says nothing */
            good.data[at] ^= (uint8_t)(1u << at % 8);
        }
        assert_true(harmless <= (i ? good.len / 61 / 50 : 0));
        file_write(dir, names[i], good.data, good.len);
        fk_buf_free(&good);
    }
    OK(look_at_all(dir));
}

static void what_is_cut_short_is_damage(void **state) {
    (void)state;
    static const char *const names[] = {"text.list", "text"};
    char dir[256];
    new_dir(dir);
    make(dir);
    for (size_t i = 0; i < 2; i++) {
        struct fk_buf good = FK_BUF_INIT;
        file_read(dir, names[i], &good);
        for (size_t len = 0; len < good.len; len += i ? 997 : 1) {
            file_write(dir, names[i], good.data, len);
            assert_int_equal(look_at_all(dir), FK_CORRUPT);
        }
        file_write(dir, names[i], good.data, good.len);
        fk_buf_free(&good);
    }
    OK(look_at_all(dir));
}

static void what_is_missing_is_said_so(void **state) {
    (void)state;
    static const char *const names[] = {"text.list", "text"};
    for (size_t i = 0; i < 2; i++) {
        char dir[256], path[300];
        new_dir(dir);
        make(dir);
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(look_at_all(dir), FK_NOT_FOUND);
        assert_non_null(strstr(err.text, path));
    }
}

/* Nothing that a crash left is given back to the disk as it is: it stays in the file, which is
 * overwritten as a whole when the shard goes. */
static void what_a_crash_left_stays_in_the_file(void **state) {
    (void)state;
    char dir[256], path[300];
    struct fk_texts_writer *w;
    struct stat before, after;
    new_dir(dir);
    make(dir);
    snprintf(path, sizeof path, "%s/text", dir);
    OK(fk_texts_begin(dir, &w, &err));
    add(w, 1, DOCUMENTS + 1);
    fk_texts_abort(&w);
    assert_int_equal(stat(path, &before), 0);
    OK(fk_texts_begin(dir, &w, &err));
    add(w, 3, 5); /* once more, and less than was left */
    OK(fk_texts_end(&w, true, &err));
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size >= before.st_size);
    OK(look_at_all(dir));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_the_texts_of_the_living_alone),
        cmocka_unit_test(a_flipped_bit_is_damage),
        cmocka_unit_test(what_is_cut_short_is_damage),
        cmocka_unit_test(what_is_missing_is_said_so),
        cmocka_unit_test(what_a_crash_left_stays_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
