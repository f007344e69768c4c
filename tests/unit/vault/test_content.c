/* What a decoder is handed by whoever has a content's key: frames that are none, or more than one,
 * and recipes and chunks that promise something else than they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/vault/bench_priv.h"

static const uint8_t ledger[FK_LEDGER_BYTES] = {1}, id[FK_CONTENT_ID_BYTES] = {2};
static const uint8_t key[FK_KEY_BYTES] = {3};

/* Parts as they would be stored, and one chunk. */
static struct fk_buf parts[2], chunk;
static uint8_t chunk_codec;

static enum fk_status stored(void *ctx, uint32_t part, struct fk_buf *out, struct fk_err *err) {
    (void)ctx, (void)err;
    fk_buf_add(out, parts[part].data, parts[part].len);
    return FK_OK;
}

static enum fk_status chunk_give(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    (void)ctx;
    if (number != 1)
        return fk_fail(err, FK_NOT_FOUND, "chunk is missing");
    memcpy(out->id, id, sizeof id);
    out->codec = chunk_codec;
    fk_buf_add(&out->stored, chunk.data, chunk.len);
    return FK_OK;
}

static void sealed(struct fk_bench *b, uint8_t codec, bool last, uint32_t part, const void *data,
                   size_t len, struct fk_buf *out) {
    const struct fk_part_name name = {ledger, id, key, codec, last, part};
    fk_buf_reset(out);
    assert_int_equal(fk_bench__encrypt(b, &name, data, len, out, NULL), FK_OK);
}

static void frame_add(struct fk_buf *out, size_t len) {
    uint8_t *plain = calloc(1, len ? len : 1);
    assert_non_null(plain);
    assert_true(fk_buf_reserve(out, ZSTD_compressBound(len)));
    size_t n = ZSTD_compress(out->data + out->len, out->cap - out->len, plain, len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
    free(plain);
}

/* The check that is named; "" when it is decoded. */
static const char *decoded(struct fk_bench *b, uint8_t codec, uint32_t count, uint64_t *bytes) {
    static char check[16];
    struct fk_err err = FK_ERR_INIT;
    struct fk_decoding d = {.ledger = ledger,
                            .id = id,
                            .key = key,
                            .codec = codec,
                            .parts = count,
                            .stored = stored,
                            .chunk = chunk_give};
    enum fk_status st = fk_content__decode(b, &d, &err);
    *bytes = d.bytes;
    if (st == FK_OK)
        return "";
    assert_int_equal(st, FK_CORRUPT);
    assert_int_equal(err.status, st);
    assert_true(err.text[0]);
    snprintf(check, sizeof check, "%s", d.check ? d.check : "none");
    return check;
}

static void a_frame_is_one_frame_and_nothing_else(void **state) {
    (void)state;
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'e', 'v', 'i', 'l'};
    struct fk_bench *b = NULL;
    struct fk_buf f = FK_BUF_INIT;
    uint64_t bytes;
    assert_int_equal(fk_bench__new(&b, NULL), FK_OK);
    for (int kind = 0; kind < 7; kind++) {
        fk_buf_reset(&f);
        if (kind == 5)
            fk_buf_add(&f, skippable, sizeof skippable);
        frame_add(&f, kind == 6 ? 3 : 1000);
        if (kind == 1)
            fk_buf_str(&f, "x"); /* a byte after it */
        if (kind == 2)
            frame_add(&f, 1000); /* another */
        if (kind == 3)
            f.len--; /* cut short */
        if (kind == 4)
            fk_buf_add(&f, skippable, sizeof skippable);
        sealed(b, FK_CODEC_ZSTD, true, 0, f.data, f.len, &parts[0]);
        const char *check = decoded(b, FK_CODEC_ZSTD, 1, &bytes);
        if (strcmp(check, kind == 0 ? "" : "codec") != 0)
            fail_msg("kind %d: \"%s\"", kind, check);
    }
    sealed(b, FK_CODEC_STORED, true, 0, "a", 1, &parts[0]); /* shorter than a salt */
    assert_string_equal(decoded(b, FK_CODEC_STORED, 1, &bytes), "codec");
    assert_string_equal(decoded(b, 3, 1, &bytes), "codec");
    assert_string_equal(decoded(b, FK_CODEC_RECIPE, 1, &bytes), "recipe");
    fk_buf_free(&f);
    fk_bench__free(&b);
}

#define KEY_HEX "0300000000000000000000000000000000000000000000000000000000000000"

static void a_recipe_gives_what_it_says_or_nothing(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        size_t store, chunk; /* bytes that are in them */
        const char *check;
        uint64_t bytes;
    } cases[] = {
        {"raw 40\n", 40, 0, "", 40},
        {"raw 39\n", 40, 0, "recipe", 0},
        {"raw 41\n", 40, 0, "recipe", 0},
        {"raw 32\nbase64 8 4 lf\n", 40, 0, "", 32 + 12 + 2},
        {"raw 40\nraw 500\nchunk 1 500 " KEY_HEX "\n", 40, 500, "", 540},
        {"raw 500\nchunk 1 500 " KEY_HEX "\nraw 40\n", 40, 500, "", 540},
        {"raw 40\nraw 500\nchunk 1 500 " KEY_HEX "\n", 40, 501, "chunk", 0},
        {"raw 40\nraw 500\nchunk 1 500 " KEY_HEX "\n", 40, 499, "chunk", 0},
        {"raw 40\nraw 500\nchunk 2 500 " KEY_HEX "\n", 40, 500, "chunk", 0},
        {"raw 40\nraw 9\nchunk 1 9 " KEY_HEX "\n", 40, 64 << 20, "chunk", 0}, /* a bomb */
        {"chunk 1 500 " KEY_HEX "\n", 40, 500, "recipe", 0},
        {"", 40, 0, "recipe", 0},
    };
    struct fk_bench *b = NULL;
    struct fk_buf f = FK_BUF_INIT, text = FK_BUF_INIT;
    uint64_t bytes;
    assert_int_equal(fk_bench__new(&b, NULL), FK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fk_buf_reset(&f);
        frame_add(&f, cases[i].store);
        sealed(b, FK_CODEC_RECIPE, false, 0, f.data, f.len, &parts[0]);
        fk_buf_reset(&text);
        fk_buf_str(&text, "fumikura-recipe/1\n");
        fk_buf_str(&text, cases[i].lines);
        sealed(b, FK_CODEC_RECIPE, true, 1, text.data, text.len, &parts[1]);
        fk_buf_reset(&f);
        frame_add(&f, cases[i].chunk);
        chunk_codec = FK_CODEC_ZSTD;
        sealed(b, chunk_codec, true, 0, f.data, f.len, &chunk);
        const char *check = decoded(b, FK_CODEC_RECIPE, 2, &bytes);
        if (strcmp(check, cases[i].check) != 0 || (!*check && bytes != cases[i].bytes))
            fail_msg("%s: \"%s\", %llu bytes", cases[i].lines, check, (unsigned long long)bytes);
    }
    chunk.data[3] ^= 1; /* a chunk that was turned does not decrypt, nor one of another codec */
    sealed(b, FK_CODEC_RECIPE, true, 1, "fumikura-recipe/1\nraw 40\nraw 9\nchunk 1 9 " KEY_HEX "\n",
           strlen("fumikura-recipe/1\nraw 40\nraw 9\nchunk 1 9 " KEY_HEX "\n"), &parts[1]);
    assert_string_equal(decoded(b, FK_CODEC_RECIPE, 2, &bytes), "chunk");
    chunk.data[3] ^= 1;
    chunk_codec = FK_CODEC_STORED;
    assert_string_equal(decoded(b, FK_CODEC_RECIPE, 2, &bytes), "chunk");
    fk_buf_free(&f);
    fk_buf_free(&text);
    fk_buf_free(&parts[0]);
    fk_buf_free(&parts[1]);
    fk_buf_free(&chunk);
    fk_bench__free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_one_frame_and_nothing_else),
        cmocka_unit_test(a_recipe_gives_what_it_says_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
