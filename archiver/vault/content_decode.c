/* content_decode.c - stored parts back to plain bytes. With a recipe the parts before the last are
 * its store, which comes by in order, and between its bytes those of the chunks are put. */
#include "archiver/vault/bench_priv.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

struct decoder {
    struct fk_bench *bench;
    struct fk_decoding *d;
    uint32_t parts; /* of the zstd frame, or of what is stored as it is */
    size_t hint;    /* 0 at the end of the frame, as ZSTD_decompressStream says */
    /* with a recipe */
    size_t line;   /* the one that is being made; count: all are */
    uint64_t left; /* how many bytes of the store it still takes */
    struct fk_run_writer run;
};

static enum fk_status damaged(struct decoder *de, const char *check, struct fk_err *err,
                              const char *text) {
    de->d->check = check;
    return fk_fail(err, FK_CORRUPT, "%s", text);
}

static enum fk_status plain_out(struct decoder *de, const uint8_t *data, size_t len,
                                struct fk_err *err) {
    fk_bench__hash_add(de->bench, data, len);
    de->d->bytes += len;
    return de->d->plain ? de->d->plain(de->d->ctx, data, len, err) : FK_OK;
}

/* ---- making what a recipe says */

/* Bytes of a raw or base64 line. */
static enum fk_status made_out(struct decoder *de, const struct fk_recipe_line *l,
                               const uint8_t *data, size_t len, struct fk_err *err) {
    struct fk_buf *w = &de->bench->window;
    if (l->what == FK_RECIPE_RAW)
        return plain_out(de, data, len, err);
    fk_buf_reset(w);
    if (!fk_buf_reserve(w, fk_run__bound(&de->run, len)))
        return fk_fail(err, FK_NOMEM, "no memory to write base64");
    w->len = fk_run__write(&de->run, data, len, w->data);
    return plain_out(de, w->data, w->len, err);
}

static enum fk_status line_end(struct decoder *de, const struct fk_recipe_line *l,
                               struct fk_err *err) {
    uint8_t end[8];
    return l->what == FK_RECIPE_BASE64 ? plain_out(de, end, fk_run__write_end(&de->run, end), err)
                                       : FK_OK;
}

static enum fk_status chunk_damaged(struct decoder *de, const struct fk_recipe_line *l,
                                    const char *what, struct fk_err *err) {
    de->d->check = "chunk";
    return fk_fail(err, FK_CORRUPT, "chunk %" PRIu64 " %s", l->number, what);
}

/* Its bytes, decrypted and unpacked, in *data until the next chunk; NULL: it is skipped. */
static enum fk_status chunk_read(struct decoder *de, const struct fk_recipe_line *l,
                                 const uint8_t **data, struct fk_err *err) {
    struct fk_bench *b = de->bench;
    struct fk_stored_chunk *c = &b->chunk;
    struct fk_part_name name = {de->d->ledger, c->id, l->key, 0, true, 0};
    *data = NULL;
    fk_buf_reset(&c->stored);
    c->skip = false;
    enum fk_status st = de->d->chunk(de->d->ctx, l->number, c, err);
    if (st == FK_NOT_FOUND) { /* the recipe says that it is there */
        st = FK_CORRUPT;
        if (err)
            err->status = st;
    }
    if (st == FK_CORRUPT)
        de->d->check = "chunk";
    if (st != FK_OK || c->skip)
        return st;
    name.codec = c->codec;
    if (!fk_bench__decrypt(b, &name, c->stored.data, c->stored.len))
        return chunk_damaged(
            de, l, "does not decrypt: its bytes or its key are not what was written", err);
    size_t len = c->stored.len - FK_TAG_BYTES;
    *data = c->stored.data;
    if (de->d->tags_only)
        return FK_OK;
    if (c->codec == FK_CODEC_ZSTD) {
        fk_buf_reset(&b->text);
        if (!fk_buf_reserve(&b->text, FK_CHUNK_MAX))
            return fk_fail(err, FK_NOMEM, "no memory to unpack a chunk");
        len = ZSTD_decompressDCtx(b->unpack_chunk, b->text.data, FK_CHUNK_MAX, c->stored.data, len);
        *data = b->text.data;
    }
    if (c->codec > FK_CODEC_ZSTD || len != l->bytes) /* an error of zstd is no length either */
        return chunk_damaged(de, l, "does not unpack to as many bytes as the recipe says", err);
    return FK_OK;
}

static bool is_chunk(const struct fk_recipe *r, size_t i) {
    return i < r->count && r->line[i].what == FK_RECIPE_CHUNK;
}

/* On to the line de->line; those that are made of chunks are made at once. */
static enum fk_status lines_begin(struct decoder *de, struct fk_err *err) {
    const struct fk_recipe *r = &de->bench->recipe;
    enum fk_status st = FK_OK;
    while (de->line < r->count && st == FK_OK) {
        const struct fk_recipe_line *l = &r->line[de->line], *c;
        const uint8_t *data;
        de->run = (struct fk_run_writer){.width = l->width, .crlf = l->crlf};
        de->left = l->bytes;
        if (!is_chunk(r, de->line + 1))
            return FK_OK;
        de->left = 0;
        while (is_chunk(r, ++de->line)) {
            c = &r->line[de->line];
            FK_TRY(chunk_read(de, c, &data, err));
            if (data)
                FK_TRY(made_out(de, l, data, (size_t)c->bytes, err));
        }
        st = line_end(de, l, err);
    }
done:
    return st;
}

static enum fk_status store_out(struct decoder *de, const uint8_t *data, size_t len,
                                struct fk_err *err) {
    const struct fk_recipe *r = &de->bench->recipe;
    enum fk_status st = FK_OK;
    while (len && st == FK_OK) {
        if (de->line == r->count)
            return damaged(de, "recipe", err, "the store has more bytes than the recipe takes");
        const struct fk_recipe_line *l = &r->line[de->line];
        size_t n = len < de->left ? len : (size_t)de->left;
        FK_TRY(made_out(de, l, data, n, err));
        data += n;
        len -= n;
        de->left -= n;
        if (de->left)
            break;
        FK_TRY(line_end(de, l, err));
        de->line++;
        st = lines_begin(de, err);
    }
done:
    return st;
}

static enum fk_status unpacked_out(struct decoder *de, const uint8_t *data, size_t len,
                                   struct fk_err *err) {
    return de->d->codec == FK_CODEC_RECIPE ? store_out(de, data, len, err)
                                           : plain_out(de, data, len, err);
}

/* ---- parts */

static enum fk_status stream_unpack(struct decoder *de, const uint8_t *data, size_t len,
                                    struct fk_err *err) {
    struct fk_bench *b = de->bench;
    ZSTD_inBuffer in = {data, len, 0};
    bool full = false;
    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {b->packed.data, FK_BENCH_STEP, 0};
        if (de->hint == 0)
            return damaged(de, "codec", err, "there are bytes after the end of the zstd frame");
        de->hint = ZSTD_decompressStream(b->unpack, &out, &in);
        if (ZSTD_isError(de->hint)) {
            de->d->check = "codec";
            return fk_fail(err, FK_CORRUPT, "zstd cannot unpack: %s", ZSTD_getErrorName(de->hint));
        }
        full = out.pos == FK_BENCH_STEP && de->hint != 0;
        enum fk_status st = unpacked_out(de, b->packed.data, out.pos, err);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

/* A part's plain bytes are the first *len of buf. */
static enum fk_status part_open(struct decoder *de, uint32_t part, struct fk_buf *buf, size_t *len,
                                struct fk_err *err) {
    struct fk_decoding *d = de->d;
    const struct fk_part_name name = {d->ledger, d->id, d->key, d->codec, part + 1 == d->parts,
                                      part};
    fk_buf_reset(buf);
    enum fk_status st = d->stored(d->ctx, part, buf, err);
    if (st != FK_OK)
        return st;
    if (!fk_bench__decrypt(de->bench, &name, buf->data, buf->len)) {
        d->check = "gcm";
        return fk_fail(err, FK_CORRUPT,
                       "part %u of %u does not decrypt: its bytes, its key or its number is not "
                       "what was written",
                       part + 1, d->parts);
    }
    *len = buf->len - FK_TAG_BYTES;
    return FK_OK;
}

static enum fk_status part_decode(struct decoder *de, uint32_t part, struct fk_err *err) {
    struct fk_buf *buf = &de->bench->plain;
    size_t len;
    enum fk_status st = part_open(de, part, buf, &len, err);
    if (st != FK_OK || de->d->tags_only)
        return st;
    return de->d->codec == FK_CODEC_STORED ? plain_out(de, buf->data, len, err)
                                           : stream_unpack(de, buf->data, len, err);
}

static enum fk_status recipe_open(struct decoder *de, struct fk_err *err) {
    struct fk_bench *b = de->bench;
    size_t len;
    if (de->d->parts < 2)
        return damaged(de, "recipe", err, "a content with a recipe has at least two parts");
    de->parts = de->d->parts - 1;
    enum fk_status st = part_open(de, de->parts, &b->text, &len, err);
    if (st == FK_OK) {
        st = fk_recipe__read(b->text.data, len, &b->recipe, err);
        if (st == FK_CORRUPT)
            de->d->check = "recipe";
    }
    OPENSSL_cleanse(b->text.data, b->text.len);
    return st;
}

static enum fk_status chunk_tags(struct decoder *de, struct fk_err *err) {
    const struct fk_recipe *r = &de->bench->recipe;
    const uint8_t *data;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < r->count && st == FK_OK; i++)
        if (is_chunk(r, i))
            st = chunk_read(de, &r->line[i], &data, err);
    return st;
}

static enum fk_status end_check(struct decoder *de, struct fk_err *err) {
    const struct fk_decoding *d = de->d;
    bool recipe = d->codec == FK_CODEC_RECIPE;
    if (d->tags_only)
        return recipe ? chunk_tags(de, err) : FK_OK;
    if (d->bytes < FK_SALT_BYTES || (d->codec != FK_CODEC_STORED && de->hint != 0))
        return damaged(de, "codec", err, "the content ends too early");
    if (recipe && de->line != de->bench->recipe.count)
        return damaged(de, "recipe", err, "the store has fewer bytes than the recipe takes");
    return FK_OK;
}

static enum fk_status decode(struct decoder *de, struct fk_err *err) {
    struct fk_decoding *d = de->d;
    enum fk_status st;
    if (d->codec == FK_CODEC_RECIPE) {
        FK_TRY(recipe_open(de, err));
        if (!d->tags_only)
            FK_TRY(lines_begin(de, err));
    }
    for (uint32_t i = 0; i < de->parts; i++)
        FK_TRY(part_decode(de, i, err));
    st = end_check(de, err);
done:
    return st;
}

enum fk_status fk_content__decode(struct fk_bench *b, struct fk_decoding *d, struct fk_err *err) {
    struct decoder de = {.bench = b, .d = d, .parts = d->parts, .hint = 1};
    d->check = NULL;
    d->bytes = 0;
    if (d->codec > FK_CODEC_RECIPE)
        return damaged(&de, "codec", err, "its codec is not known to this program");
    fk_buf_reset(&b->packed);
    if (!fk_buf_reserve(&b->packed, FK_BENCH_STEP))
        return fk_fail(err, FK_NOMEM, "no memory to unpack a content");
    ZSTD_DCtx_reset(b->unpack, ZSTD_reset_session_only);
    fk_bench__hash_begin(b, d->c256_only);
    enum fk_status st = decode(&de, err);
    fk_bench__hash_end(b, &d->digests);
    fk_recipe__reset(&b->recipe);
    return st;
}
