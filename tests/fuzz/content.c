/* Stored parts (archiver/vault/content_priv.h): whoever has written to the disk and knows the key
 * has them decrypt to anything, so each is encrypted here, after it was made up. They decode, or
 * the check is named; digests and lengths are those of what came out, in bounded memory.
 *
 * Input: a byte (codec, whether only tags are looked at), then parts and chunks, each behind a byte
 * (of a chunk: its codec, 0x80 set) and two of length. */
#include "archiver/vault/bench_priv.h"
#include "tests/fuzz/support/fuzz.h"

enum { PARTS = 16, OUT_MAX = 1 << 20 };

static const uint8_t ledger[16] = {1}, id[FK_CONTENT_ID_BYTES] = {2}, key[FK_KEY_BYTES] = {3};
static struct fk_bench *bench;

struct store {
    struct fk_buf part[PARTS], chunk[PARTS];
    uint8_t chunk_codec[PARTS];
    uint32_t parts, chunks;
    struct fk_digest *sha;
    uint64_t bytes;
};

static enum fk_status stored(void *ctx, uint32_t part, struct fk_buf *out, struct fk_err *err) {
    const struct store *s = ctx;
    (void)err;
    MUST(part < s->parts);
    fk_buf_add(out, s->part[part].data, s->part[part].len);
    return FK_OK;
}

static enum fk_status chunk(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                            struct fk_err *err) {
    const struct store *s = ctx;
    if (number == 0 || number > s->chunks)
        return fk_fail(err, FK_NOT_FOUND, "no such chunk");
    memcpy(out->id, id, sizeof id);
    out->codec = s->chunk_codec[number - 1];
    fk_buf_add(&out->stored, s->chunk[number - 1].data, s->chunk[number - 1].len);
    return FK_OK;
}

static enum fk_status plain(void *ctx, const uint8_t *data, size_t len, struct fk_err *err) {
    struct store *s = ctx;
    s->bytes += len;
    fk_digest_add(s->sha, data, len);
    return s->bytes > OUT_MAX ? fk_fail(err, FK_FULL, "enough") : FK_OK;
}

static void encrypted(struct fk_buf *out, const uint8_t *k, uint8_t codec, bool last, uint32_t part,
                      const struct fuzz_input *in) {
    const struct fk_part_name name = {ledger, id, k, codec, last, part};
    DONE(fk_bench__encrypt(bench, &name, in->at, in->len, out, NULL));
}

static struct fuzz_input piece_next(struct fuzz_input *in) {
    size_t n = (size_t)fuzz_byte(in) << 8;
    n |= fuzz_byte(in);
    const struct fuzz_input piece = {in->at, n < in->len ? n : in->len};
    in->at += piece.len;
    in->len -= piece.len;
    return piece;
}

static void store_make(struct store *s, uint8_t codec, struct fuzz_input in) {
    struct fuzz_input part[PARTS];
    while (in.len && s->parts < PARTS && s->chunks < PARTS) {
        const uint8_t kind = fuzz_byte(&in);
        const struct fuzz_input piece = piece_next(&in);
        if (kind & 0x80) {
            s->chunk_codec[s->chunks] = kind & 3;
            encrypted(&s->chunk[s->chunks++], key, kind & 3, true, 0,
                      &piece); /* its key is in the recipe */
        } else
            part[s->parts++] = piece;
    }
    for (uint32_t i = 0; i < s->parts; i++)
        encrypted(&s->part[i], key, codec, i + 1 == s->parts, i, &part[i]);
}

static void decode_check(struct store *s, uint8_t codec, bool tags_only) {
    struct fk_decoding d = {.ledger = ledger,
                            .id = id,
                            .key = key,
                            .codec = codec,
                            .parts = s->parts,
                            .tags_only = tags_only,
                            .stored = stored,
                            .chunk = chunk,
                            .plain = plain,
                            .ctx = s};
    struct fk_err err = FK_ERR_INIT;
    uint8_t sum[FK_SHA256_BYTES];
    DONE(fk_digest_new(FK_SHA256, &s->sha, NULL));
    const enum fk_status st = fk_content__decode(bench, &d, &err);
    if (!fuzz_took(st, &err)) {
        MUST(st == FK_FULL || (st == FK_CORRUPT && d.check));
        MUST(s->bytes <= OUT_MAX + FK_BENCH_STEP * 2);
    } else if (!tags_only) {
        fk_digest_end(s->sha, sum);
        MUST(d.bytes == s->bytes && d.bytes >= FK_SALT_BYTES);
        MUST(memcmp(sum, d.digests.c256, sizeof sum) == 0);
    }
    fk_digest_free(&s->sha);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in), codec = how & 3;
    struct store s = {.parts = 0};
    if (!bench)
        DONE(fk_bench__new(&bench, NULL));
    store_make(&s, codec, in);
    if (s.parts)
        decode_check(&s, codec, how & 4);
    for (uint32_t i = 0; i < PARTS; i++) {
        fk_buf_free(&s.part[i]);
        fk_buf_free(&s.chunk[i]);
    }
    return 0;
}
