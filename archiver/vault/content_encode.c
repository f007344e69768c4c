/* content_encode.c - salt, digests, recipe, zstd, cipher. What has no base64 in it and is not large
 * is packed as it is. Otherwise a recipe says how the plain bytes come together: the store has what
 * is small, decoded where it was base64; the rest goes into chunks, each a content of its own.
 *
 * A store of up to FK_PACK_WHOLE_MAX is packed at one go, which is faster; what is larger is
 * streamed, so that memory does not grow with it. What is hashed and what is packed are the same
 * bytes in the same memory. */
#include "archiver/vault/bench_priv.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUN_CUT_MIN = 4096,   /* decoded; a shorter one packs better with what is around it */
    RUN_TEXT_MAX = 65536, /* a longer one is cut even if it is text */
    RAW_CUT_MIN = 131072, /* bytes that are no base64 */
    SAMPLE_BYTES = 8192,  /* that show whether bytes can be packed */
    QUICK_LEVEL = 3       /* for those that cannot: zstd takes 20 times as long over them at 6 */
};

struct encoder {
    struct fk_bench *bench;
    struct fk_encoding *e;
    bool whole; /* the store is gathered in bench->plain, and packed at the end */
    bool cut;
    uint32_t next; /* number of the next part: counted here, so that none is used twice */
};

static size_t total_bytes(const struct fk_encoding *e) {
    size_t total = FK_SALT_BYTES;
    for (size_t i = 0; i < e->piece_count; i++)
        total += e->pieces[i].iov_len;
    return total;
}

static enum fk_status part_add(struct encoder *en, const uint8_t *data, size_t len, bool last,
                               struct fk_err *err) {
    struct fk_encoding *e = en->e;
    const struct fk_part_name name = {e->ledger, e->id, e->key, e->codec, last, en->next};
    enum fk_status st = fk_bench__encrypt(en->bench, &name, data, len, e->stored, err);
    en->next++;
    return st == FK_OK && e->part ? e->part(e->ctx, len + FK_TAG_BYTES, FK_PART_OWN, err) : st;
}

static enum fk_status zstd_fail(struct fk_err *err, size_t rc) {
    return fk_fail(err, FK_NOMEM, "zstd cannot pack: %s", ZSTD_getErrorName(rc));
}

/* ---- the store */

/* Packs data into parts of full size; with `end` whatever is left as one more, which is last only
 * where no recipe follows. */
static enum fk_status stream_pack(struct encoder *en, const void *data, size_t len, bool end,
                                  struct fk_err *err) {
    struct fk_bench *b = en->bench;
    ZSTD_inBuffer in = {data, len, 0};
    for (;;) {
        ZSTD_outBuffer out = {b->packed.data, FK_PART_MAX, b->packed.len};
        size_t rc = ZSTD_compressStream2(b->pack, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(rc))
            return zstd_fail(err, rc);
        b->packed.len = out.pos;
        bool finished = end ? rc == 0 : in.pos == in.size && out.pos < FK_PART_MAX;
        if (out.pos == FK_PART_MAX || (end && finished)) {
            bool last = end && finished && en->e->codec != FK_CODEC_RECIPE;
            enum fk_status st = part_add(en, b->packed.data, out.pos, last, err);
            if (st != FK_OK)
                return st;
            b->packed.len = 0;
        }
        if (finished)
            return FK_OK;
    }
}

static enum fk_status store_add(struct encoder *en, const uint8_t *data, size_t len,
                                struct fk_err *err) {
    if (!en->whole)
        return stream_pack(en, data, len, false, err);
    fk_buf_add(&en->bench->plain, data, len);
    return en->bench->plain.failed ? fk_fail(err, FK_NOMEM, "no memory to pack a content") : FK_OK;
}

static enum fk_status whole_pack(struct encoder *en, struct fk_err *err) {
    struct fk_bench *b = en->bench;
    struct fk_encoding *e = en->e;
    bool recipe = e->codec == FK_CODEC_RECIPE;
    if (!fk_buf_reserve(&b->packed, ZSTD_compressBound(b->plain.len)))
        return fk_fail(err, FK_NOMEM, "no memory to pack a content");
    size_t rc = ZSTD_compress2(b->pack, b->packed.data, b->packed.cap, b->plain.data, b->plain.len);
    if (ZSTD_isError(rc))
        return zstd_fail(err, rc);
    const uint8_t *data = b->packed.data;
    size_t left = rc;
    if (!recipe && rc >= b->plain.len) {
        e->codec = FK_CODEC_STORED;
        data = b->plain.data;
        left = b->plain.len;
    }
    if (!fk_buf_reserve(e->stored, left + (left / FK_PART_MAX + 1) * FK_TAG_BYTES))
        return fk_fail(err, FK_NOMEM, "no memory for %zu bytes of ciphertext", left);
    enum fk_status st;
    do {
        size_t n = left < FK_PART_MAX ? left : FK_PART_MAX;
        st = part_add(en, data, n, n == left && !recipe, err);
        data += n;
        left -= n;
    } while (left && st == FK_OK);
    return st;
}

/* ---- chunks */

static struct fk_fresh_chunk *fresh_add(struct fk_encoding *e) {
    if (e->fresh_count == e->fresh_cap) {
        size_t cap = e->fresh_cap ? 2 * e->fresh_cap : 8;
        struct fk_fresh_chunk *fresh = realloc(e->fresh, cap * sizeof *fresh);
        if (!fresh)
            return NULL;
        e->fresh = fresh;
        e->fresh_cap = cap;
    }
    return &e->fresh[e->fresh_count++];
}

/* Whether the first of them shrink by a fourth. */
static bool packs_well(struct fk_bench *b, const uint8_t *data, size_t len) {
    size_t n = len < SAMPLE_BYTES ? len : SAMPLE_BYTES;
    if (!fk_buf_reserve(&b->text, ZSTD_compressBound(n)))
        return false;
    ZSTD_CCtx_setParameter(b->pack_chunk, ZSTD_c_compressionLevel, QUICK_LEVEL);
    size_t rc = ZSTD_compress2(b->pack_chunk, b->text.data, b->text.cap, data, n);
    return !ZSTD_isError(rc) && rc < n - n / 4;
}

static enum fk_status chunk_store(struct encoder *en, const uint8_t *data, size_t len,
                                  const uint8_t mac[FK_SHA256_BYTES], struct fk_recipe_line *line,
                                  struct fk_err *err) {
    struct fk_bench *b = en->bench;
    struct fk_encoding *e = en->e;
    struct fk_fresh_chunk *f = fresh_add(e);
    if (!f || !fk_buf_reserve(&b->text, ZSTD_compressBound(len)))
        return fk_fail(err, FK_NOMEM, "no memory for a chunk");
    f->line = e->recipe.count - 1;
    memcpy(f->mac, mac, sizeof f->mac);
    fk_random(f->id, sizeof f->id);
    fk_random(line->key, sizeof line->key);
    const int level = packs_well(b, data, len) ? e->level : QUICK_LEVEL;
    ZSTD_CCtx_setParameter(b->pack_chunk, ZSTD_c_compressionLevel, level);
    size_t rc = ZSTD_compress2(b->pack_chunk, b->text.data, b->text.cap, data, len);
    if (ZSTD_isError(rc))
        return zstd_fail(err, rc);
    f->codec = rc < len ? FK_CODEC_ZSTD : FK_CODEC_STORED;
    const struct fk_part_name name = {e->ledger, f->id, line->key, f->codec, true, 0};
    size_t n = f->codec == FK_CODEC_ZSTD ? rc : len;
    enum fk_status st = fk_bench__encrypt(b, &name, f->codec == FK_CODEC_ZSTD ? b->text.data : data,
                                          n, e->stored, err);
    return st == FK_OK && e->part
               ? e->part(e->ctx, n + FK_TAG_BYTES, (int)(e->fresh_count - 1), err)
               : st;
}

static enum fk_status chunk_add(struct encoder *en, const uint8_t *data, size_t len,
                                struct fk_err *err) {
    struct fk_encoding *e = en->e;
    uint8_t mac[FK_SHA256_BYTES];
    struct fk_chunk_known known;
    enum fk_status st = fk_chunks__mac(e->chunks, data, len, mac, err);
    struct fk_recipe_line *line = fk_recipe__chunk(&e->recipe, len);
    if (st != FK_OK)
        return st;
    if (!line)
        return fk_fail(err, FK_NOMEM, "no memory for a recipe");
    if (!fk_chunks__find(e->chunks, mac, &known))
        return chunk_store(en, data, len, mac, line, err);
    line->number = known.number;
    memcpy(line->key, known.key, sizeof line->key);
    OPENSSL_cleanse(known.key, sizeof known.key);
    if (e->epoch && e->epoch != known.epoch)
        return fk_fail(err, FK_RETRY, "the chunks were forgotten while a content was packed");
    e->epoch = known.epoch;
    return FK_OK;
}

/* How many chunks len bytes can come to at the most. */
static bool chunks_fit(const struct encoder *en, size_t len) {
    return en->cut && en->e->recipe.chunks + len / FK_CHUNK_MIN + 2 <= FK_RECIPE_CHUNKS_MAX;
}

/* ---- what a message is made of */

static enum fk_status raw_add(struct encoder *en, const uint8_t *data, size_t len,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (len < RAW_CUT_MIN || !chunks_fit(en, len)) {
        fk_recipe__raw(&en->e->recipe, len);
        while (len && st == FK_OK) {
            size_t n = len < FK_BENCH_STEP ? len : FK_BENCH_STEP;
            st = store_add(en, data, n, err);
            data += n;
            len -= n;
        }
        return st;
    }
    fk_recipe__raw_line(&en->e->recipe, len);
    while (len && st == FK_OK) {
        size_t n = fk_chunks__cut(en->e->chunks, data, len);
        st = chunk_add(en, data, n, err);
        data += n;
        len -= n;
    }
    return st;
}

/* Text packs best beside the rest of its message, and is mostly of this message alone: it is cut
 * only when it comes a second time. */
static enum fk_status run_stays(struct encoder *en, const uint8_t *data, size_t len, bool *out,
                                struct fk_err *err) {
    uint8_t mac[FK_SHA256_BYTES];
    *out = false;
    if (len >= RUN_TEXT_MAX || !packs_well(en->bench, data, len))
        return FK_OK;
    enum fk_status st = fk_chunks__mac(en->e->chunks, data, len, mac, err);
    if (st == FK_OK)
        *out = !fk_chunks__seen(en->e->chunks, mac);
    return st;
}

/* Decoded a window at a time; with cut, whole chunks are taken off its front. */
static enum fk_status run_add(struct encoder *en, const uint8_t *data, const struct fk_run *run,
                              struct fk_err *err) {
    enum { WINDOW = 4 * FK_CHUNK_MAX };
    struct fk_run_reader r = {data + run->at, data + run->at + run->len, run->width, run->crlf};
    struct fk_buf *w = &en->bench->window;
    bool cut = run->plain >= RUN_CUT_MIN && chunks_fit(en, run->plain);
    enum fk_status st = FK_OK;
    fk_recipe__run(&en->e->recipe, run);
    fk_buf_reset(w);
    if (!fk_buf_reserve(w, run->plain < WINDOW ? run->plain + FK_RUN_WIDTH_MAX : WINDOW))
        return fk_fail(err, FK_NOMEM, "no memory to read base64");
    w->len = fk_run__read(&r, w->data, w->cap);
    if (cut && r.at == r.end) {
        bool stays = false;
        st = run_stays(en, w->data, w->len, &stays, err);
        cut = !stays;
    }
    for (size_t from = 0; st == FK_OK;) {
        if (w->len - from < FK_CHUNK_MAX && r.at < r.end) {
            w->len -= from;
            memmove(w->data, w->data + from, w->len);
            from = 0;
            w->len += fk_run__read(&r, w->data + w->len, w->cap - w->len);
        }
        size_t left = w->len - from;
        if (left == 0)
            break;
        size_t n = cut ? fk_chunks__cut(en->e->chunks, w->data + from, left) : left;
        st = cut ? chunk_add(en, w->data + from, n, err) : store_add(en, w->data + from, n, err);
        from += n;
    }
    return st;
}

static enum fk_status piece_add(struct encoder *en, const uint8_t *data, size_t len,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_run run;
    size_t at = 0;
    while (en->e->sift && en->e->recipe.runs < FK_RECIPE_RUNS_MAX &&
           fk_run__find(data, len, at, &run)) {
        FK_TRY(raw_add(en, data + at, run.at - at, err));
        FK_TRY(run_add(en, data, &run, err));
        at = run.at + run.len;
    }
    st = raw_add(en, data + at, len - at, err);
done:
    return st;
}

static void pieces_hash(struct fk_bench *b, struct fk_encoding *e, const uint8_t *salt) {
    fk_bench__hash_begin(b, false);
    fk_bench__hash_add(b, salt, FK_SALT_BYTES);
    for (size_t i = 0; i < e->piece_count; i++) {
        const uint8_t *data = e->pieces[i].iov_base;
        for (size_t left = e->pieces[i].iov_len; left;) {
            size_t n = left < FK_BENCH_STEP ? left : FK_BENCH_STEP;
            fk_bench__hash_add(b, data, n); /* both digests while it is in the cache */
            data += n;
            left -= n;
        }
    }
    fk_bench__hash_end(b, &e->digests);
}

static enum fk_status encode(struct encoder *en, const uint8_t *salt, struct fk_err *err) {
    struct fk_encoding *e = en->e;
    enum fk_status st;
    fk_recipe__raw(&e->recipe, FK_SALT_BYTES);
    FK_TRY(store_add(en, salt, FK_SALT_BYTES, err));
    for (size_t i = 0; i < e->piece_count; i++)
        FK_TRY(piece_add(en, e->pieces[i].iov_base, e->pieces[i].iov_len, err));
    if (e->recipe.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a recipe"));
    if (en->whole && fk_recipe__is_plain(&e->recipe))
        e->codec = FK_CODEC_ZSTD;
    st = en->whole ? whole_pack(en, err) : stream_pack(en, "", 0, true, err);
done:
    return st;
}

enum fk_status fk_content__encode(struct fk_bench *b, struct fk_encoding *e, struct fk_err *err) {
    uint8_t random[FK_SALT_BYTES + FK_KEY_BYTES + FK_CONTENT_ID_BYTES];
    struct encoder en = {.bench = b, .e = e, .whole = total_bytes(e) <= FK_PACK_WHOLE_MAX};
    en.cut = e->sift && e->chunks && fk_chunks__epoch(e->chunks) != 0;
    fk_random(random, sizeof random);
    memcpy(e->key, random + FK_SALT_BYTES, FK_KEY_BYTES);
    memcpy(e->id, random + FK_SALT_BYTES + FK_KEY_BYTES, FK_CONTENT_ID_BYTES);
    ZSTD_CCtx_reset(b->pack, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(b->pack, ZSTD_c_compressionLevel, e->level);
    ZSTD_CCtx_reset(b->pack_chunk, ZSTD_reset_session_and_parameters);
    fk_buf_reset(&b->plain);
    fk_buf_reset(&b->packed);
    fk_recipe__reset(&e->recipe);
    e->fresh_count = 0;
    e->epoch = 0;
    e->codec = e->sift ? FK_CODEC_RECIPE : FK_CODEC_ZSTD;
    pieces_hash(b, e, random);
    enum fk_status st = en.whole || fk_buf_reserve(&b->packed, FK_PART_MAX)
                            ? encode(&en, random, err)
                            : fk_fail(err, FK_NOMEM, "no memory to pack a content");
    OPENSSL_cleanse(random, sizeof random);
    return st;
}

enum fk_status fk_content__recipe(struct fk_bench *b, const struct fk_recipe_part *p,
                                  struct fk_buf *stored, struct fk_err *err) {
    const struct fk_part_name name = {p->ledger, p->id, p->key, FK_CODEC_RECIPE, true, p->part};
    fk_buf_reset(&b->text);
    fk_recipe__text(p->recipe, &b->text);
    enum fk_status st = FK_OK;
    if (b->text.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a recipe");
    else if (b->text.len > FK_PART_MAX) /* the limits of lines and chunks do not allow it */
        st = fk_fail(err, FK_INVALID, "a recipe of %zu bytes is over one part", b->text.len);
    if (st == FK_OK)
        st = fk_bench__encrypt(b, &name, b->text.data, b->text.len, stored, err);
    OPENSSL_cleanse(b->text.data, b->text.len);
    return st;
}
