/* A message kept and given back (archiver/vault/content_priv.h, runs_priv.h): sifted for base64,
 * cut into chunks, packed, encrypted, and decoded to the same bytes and digests, however it comes
 * in. Each run found is the bytes that its decoded form makes again.
 *
 * Input: a byte (sift, cut, level), one (bytes a piece), then the message; its first half comes
 * three times, so that there is something to be found again. */
#include "archiver/vault/bench_priv.h"
#include "tests/fuzz/support/fuzz.h"

static const uint8_t ledger[16] = {1};
static struct fk_bench *bench;
static struct fk_chunks *chunks;

enum { PARTS = 64 };
struct kept {
    struct fk_buf stored;
    size_t part[PARTS + 1], parts; /* where they begin: of the content itself */
    struct fk_buf own, chunk[FK_RECIPE_CHUNKS_MAX / 64];
    uint8_t chunk_id[FK_RECIPE_CHUNKS_MAX / 64][FK_CONTENT_ID_BYTES],
        chunk_codec[FK_RECIPE_CHUNKS_MAX / 64];
    size_t chunk_count;
    struct fk_buf plain;
};

static enum fk_status part_take(void *ctx, size_t len, int which, struct fk_err *err) {
    struct kept *k = ctx;
    (void)err;
    const uint8_t *part = k->stored.data + k->stored.len - len;
    if (which == FK_PART_OWN) {
        MUST(k->parts < PARTS);
        k->part[k->parts++] = k->own.len;
        fk_buf_add(&k->own, part, len);
    } else {
        MUST((size_t)which == k->chunk_count && k->chunk_count < FK_RECIPE_CHUNKS_MAX / 64);
        fk_buf_add(&k->chunk[k->chunk_count++], part, len);
    }
    return FK_OK;
}

static enum fk_status stored(void *ctx, uint32_t part, struct fk_buf *out, struct fk_err *err) {
    const struct kept *k = ctx;
    (void)err;
    const size_t end = part + 1 < k->parts ? k->part[part + 1] : k->own.len;
    fk_buf_add(out, k->own.data + k->part[part], end - k->part[part]);
    return FK_OK;
}

static enum fk_status chunk_give(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    const struct kept *k = ctx;
    (void)err;
    MUST(number >= 1 && number <= k->chunk_count);
    memcpy(out->id, k->chunk_id[number - 1], sizeof out->id);
    out->codec = k->chunk_codec[number - 1];
    fk_buf_add(&out->stored, k->chunk[number - 1].data, k->chunk[number - 1].len);
    return FK_OK;
}

static enum fk_status plain_take(void *ctx, const uint8_t *data, size_t len, struct fk_err *err) {
    struct kept *k = ctx;
    (void)err;
    fk_buf_add(&k->plain, data, len);
    return FK_OK;
}

/* Fresh chunks get numbers as the pen gives them: the content's own begin at 1, each vault is new.
 */
static void recipe_finish(struct kept *k, struct fk_encoding *e) {
    for (size_t i = 0; i < e->fresh_count; i++) {
        e->recipe.line[e->fresh[i].line].number = i + 1;
        memcpy(k->chunk_id[i], e->fresh[i].id, FK_CONTENT_ID_BYTES);
        k->chunk_codec[i] = e->fresh[i].codec;
    }
    const struct fk_recipe_part p = {ledger, e->id, e->key, (uint32_t)k->parts, &e->recipe};
    k->part[k->parts] = k->own.len;
    DONE(fk_content__recipe(bench, &p, &k->own, NULL));
    k->parts++;
}

static void kept_check(const struct fk_buf *message, uint8_t how, size_t piece) {
    struct kept *k = calloc(1, sizeof *k);
    struct iovec pieces[64];
    size_t count = 0;
    MUST(k);
    for (size_t at = 0; at < message->len; at += pieces[count++].iov_len) {
        const size_t left = message->len - at;
        pieces[count] =
            (struct iovec){message->data + at, count == 63 || piece >= left ? left : piece};
    }
    fk_chunks__begin(chunks, true); /* nothing is known of the message before */
    struct fk_encoding e = {.ledger = ledger,
                            .level = how >> 2 & 3,
                            .sift = how & 1,
                            .chunks = how & 2 ? chunks : NULL,
                            .pieces = pieces,
                            .piece_count = count,
                            .stored = &k->stored,
                            .part = part_take,
                            .ctx = k};
    DONE(fk_content__encode(bench, &e, NULL));
    if (e.codec == FK_CODEC_RECIPE)
        recipe_finish(k, &e);
    struct fk_decoding d = {.ledger = ledger,
                            .id = e.id,
                            .key = e.key,
                            .codec = e.codec,
                            .parts = (uint32_t)k->parts,
                            .stored = stored,
                            .chunk = chunk_give,
                            .plain = plain_take,
                            .ctx = k};
    DONE(fk_content__decode(bench, &d, NULL));
    MUST(k->plain.len == message->len + FK_SALT_BYTES);
    MUST(message->len == 0 ||
         memcmp(k->plain.data + FK_SALT_BYTES, message->data, message->len) == 0);
    MUST(memcmp(&d.digests, &e.digests, sizeof d.digests) == 0);
    fk_recipe__free(&e.recipe);
    free(e.fresh);
    fk_buf_free(&k->stored);
    fk_buf_free(&k->own);
    fk_buf_free(&k->plain);
    for (size_t i = 0; i < k->chunk_count; i++)
        fk_buf_free(&k->chunk[i]);
    free(k);
}

static void runs_check(const struct fk_buf *m) {
    struct fk_run run;
    uint8_t plain[4096], text[8192];
    for (size_t from = 0; fk_run__find(m->data, m->len, from, &run); from = run.at + run.len) {
        struct fk_run_reader r = {m->data + run.at, m->data + run.at + run.len, run.width,
                                  run.crlf};
        struct fk_run_writer w = {.width = run.width, .crlf = run.crlf};
        size_t n, at = run.at, bytes = 0;
        MUST(run.at >= from && run.len <= m->len - run.at);
        while ((n = fk_run__read(&r, plain, sizeof plain)) > 0) {
            bytes += n;
            const size_t bound = fk_run__bound(&w, n), made = fk_run__write(&w, plain, n, text);
            MUST(made <= bound && made <= run.at + run.len - at &&
                 memcmp(m->data + at, text, made) == 0);
            at += made;
        }
        const size_t made = fk_run__write_end(&w, text);
        MUST(made == run.at + run.len - at && memcmp(m->data + at, text, made) == 0 &&
             bytes == run.plain);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in);
    const size_t piece = ((size_t)fuzz_byte(&in) + 1) * 64;
    struct fk_buf message = FK_BUF_INIT;
    if (!bench) {
        DONE(fk_bench__new(&bench, NULL));
        DONE(fk_chunks__new(&chunks, NULL));
    }
    fk_buf_add(&message, in.at, in.len);
    for (int i = 0; i < 2 && how & 16; i++)
        fk_buf_add(&message, in.at, in.len / 2);
    for (int i = 0; i < 7 && how & 32 && message.len && message.len < 40000;
         i++) { /* long enough to be cut */
        MUST(fk_buf_reserve(&message, message.len));
        memcpy(message.data + message.len, message.data, message.len);
        message.len *= 2;
    }
    runs_check(&message);
    kept_check(&message, how, piece);
    fk_buf_free(&message);
    return 0;
}
