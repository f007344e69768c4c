/* lines.c - lines one by one, or packed: count (4), then one zstd frame of them. */
#include "archiver/vault/lines_priv.h"
#include "base/pack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    COUNT_BYTES = 4,
    LEVEL = 3, /* hex packs no better at 6 to 12, 4 % better at 15 (1,792 lines measured) */
    VALUE_MAX = COUNT_BYTES + ZSTD_COMPRESSBOUND(FK_LINES_PLAIN_MAX)
};

/* ---- blocks */

enum fk_status fk_lines__pack(const struct fk_buf *plain, uint32_t count, struct fk_buf *out,
                              struct fk_err *err) {
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(plain->len);
    size_t len = 0;
    bool ok = c && !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL)) &&
              !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
    fk_put_u32(out, count);
    ok = ok && fk_buf_reserve(out, room);
    if (ok)
        len = ZSTD_compress2(c, out->data + out->len, room, plain->data, plain->len);
    ZSTD_freeCCtx(c);
    if (!ok || ZSTD_isError(len))
        return fk_fail(err, FK_NOMEM, "no memory to pack %" PRIu32 " lines", count);
    out->len += len;
    return FK_OK;
}

uint32_t fk_lines__count(const uint8_t head[4]) {
    uint32_t count = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 |
                     (uint32_t)head[3];
    return count <= FK_LINES_COUNT ? count : 0;
}

static bool lines_split(const struct fk_buf *plain, uint32_t count,
                        uint32_t start[FK_LINES_COUNT + 1]) {
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *lf =
            at < plain->len ? memchr(plain->data + at, '\n', plain->len - at) : NULL;
        if (!lf)
            return false;
        start[i] = (uint32_t)at;
        at = (size_t)(lf - plain->data) + 1;
    }
    start[count] = (uint32_t)at;
    return at == plain->len;
}

enum fk_status fk_lines__unpack(const void *value, size_t len, struct fk_buf *plain,
                                uint32_t start[FK_LINES_COUNT + 1], struct fk_err *err) {
    const uint8_t *frame = (const uint8_t *)value + COUNT_BYTES;
    uint32_t count = len > COUNT_BYTES ? fk_lines__count(value) : 0;
    fk_buf_reset(plain);
    if (!count)
        return fk_fail(err, FK_CORRUPT, "does not say how many lines it has");
    len -= COUNT_BYTES;
    unsigned long long size = ZSTD_getFrameContentSize(frame, len);
    if (size < count || size > FK_LINES_PLAIN_MAX) /* its two error values are over that */
        return fk_fail(err, FK_CORRUPT, "does not say how long its lines are");
    if (!fk_buf_reserve(plain, (size_t)size))
        return fk_fail(err, FK_NOMEM, "no memory to read it");
    size_t got = ZSTD_decompress(plain->data, (size_t)size, frame, len);
    if (ZSTD_isError(got))
        return fk_fail(err, FK_CORRUPT, "zstd cannot unpack it: %s", ZSTD_getErrorName(got));
    plain->len = got;
    if (!lines_split(plain, count, start))
        return fk_fail(err, FK_CORRUPT, "does not have %" PRIu32 " lines", count);
    return FK_OK;
}

/* ---- a segment's */

enum fk_status fk_lines__open(struct fk_pages *p, struct fk_lines **out, struct fk_err *err) {
    struct fk_lines *l = calloc(1, sizeof *l);
    if (!l)
        return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
    enum fk_status st = fk_cursor__open(p, "lines", &l->table, err);
    l->packed = st == FK_OK;
    if (st == FK_NOT_FOUND)
        st = fk_cursor__open(p, "entries", &l->table, err);
    if (st == FK_OK)
        *out = l;
    else
        fk_lines__close(&l);
    return st;
}

void fk_lines__close(struct fk_lines **lp) {
    struct fk_lines *l = *lp;
    if (!l)
        return;
    fk_cursor__close(&l->table);
    fk_buf_free(&l->plain);
    free(l);
    *lp = NULL;
}

static enum fk_status corrupt(const struct fk_lines *l, const char *what, struct fk_err *err) {
    const struct fk_cursor *c = l->table;
    if (!l->packed)
        return fk_fail(err, FK_CORRUPT, "%s: table %s: %s", c->pages->path, c->table, what);
    return fk_fail(err, FK_CORRUPT,
                   "%s: table %s: the block of entries %" PRIu64 " to %" PRIu64 ": %s",
                   c->pages->path, c->table, l->first, l->last, what);
}

/* The cursor has moved: which seqs are there. */
static enum fk_status here(struct fk_lines *l, struct fk_err *err) {
    struct fk_cursor *c = l->table;
    struct fk_buf head = FK_BUF_INIT;
    l->valid = c->valid;
    l->unpacked = l->damaged = false;
    if (!c->valid)
        return FK_OK;
    l->valid = false;
    l->first = l->last = c->key_len == 8 ? fk_be64_read(c->key) : 0;
    if (c->key_len != 8)
        return corrupt(l, "a key is not a number", err);
    if (l->packed) {
        uint32_t count = 0;
        enum fk_status st = c->value_len > COUNT_BYTES && c->value_len <= VALUE_MAX
                                ? fk_value__read(c, 0, COUNT_BYTES, &head, err)
                                : FK_OK;
        if (head.len == COUNT_BYTES)
            count = fk_lines__count(head.data);
        fk_buf_free(&head);
        if (st != FK_OK)
            return st;
        if (!count || count - 1 > l->last)
            return corrupt(l, "does not say how many lines it has", err);
        l->first = l->last - (count - 1);
    }
    l->seq = l->first;
    l->valid = true;
    return FK_OK;
}

enum fk_status fk_lines__first(struct fk_lines *l, struct fk_err *err) {
    enum fk_status st = fk_cursor__first(l->table, err);
    l->valid = false;
    return st == FK_OK ? here(l, err) : st;
}

enum fk_status fk_lines__last(struct fk_lines *l, struct fk_err *err) {
    enum fk_status st = fk_cursor__last(l->table, err);
    l->valid = false;
    if (st == FK_OK)
        st = here(l, err);
    l->seq = l->last;
    return st;
}

/* A block's key is its last seq, so that the first key that is not less is the right one's. */
enum fk_status fk_lines__seek(struct fk_lines *l, uint64_t seq, struct fk_err *err) {
    uint8_t key[8];
    if (l->packed && l->valid && seq >= l->first && seq <= l->last) {
        l->seq = seq;
        return FK_OK;
    }
    fk_be64(key, seq);
    enum fk_status st = fk_cursor__seek(l->table, key, sizeof key, err);
    l->valid = false;
    if (st == FK_OK)
        st = here(l, err);
    if (st == FK_OK && l->valid && seq > l->first)
        l->seq = seq;
    return st;
}

enum fk_status fk_lines__next(struct fk_lines *l, struct fk_err *err) {
    if (l->packed && l->seq < l->last) {
        l->seq++;
        return FK_OK;
    }
    enum fk_status st = fk_cursor__next(l->table, err);
    l->valid = false;
    return st == FK_OK ? here(l, err) : st;
}

static enum fk_status block_read(struct fk_lines *l, struct fk_err *err) {
    struct fk_buf value = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = fk_value__read(l->table, 0, l->table->value_len, &value, err);
    if (st == FK_OK) {
        st = fk_lines__unpack(value.data, value.len, &l->plain, l->start, &why);
        if (st == FK_CORRUPT)
            st = corrupt(l, why.text, err);
        else if (st != FK_OK)
            st = fk_fail(err, st, "%s: %s", l->table->pages->path, why.text);
    }
    l->unpacked = st == FK_OK;
    l->damaged = st == FK_CORRUPT;
    fk_buf_free(&value);
    return st;
}

enum fk_status fk_lines__read(struct fk_lines *l, struct fk_buf *out, struct fk_err *err) {
    struct fk_cursor *c = l->table;
    enum fk_status st = FK_OK;
    if (!l->packed)
        return fk_value__read(c, 0, c->value_len, out, err);
    if (l->damaged)
        return corrupt(l, "cannot be read", err);
    if (!l->unpacked)
        st = block_read(l, err);
    if (st != FK_OK)
        return st;
    const uint32_t *at = l->start + (l->seq - l->first);
    fk_buf_add(out, l->plain.data + at[0], at[1] - at[0]);
    return out->failed ? fk_fail(err, FK_NOMEM, "%s: no memory to read it", c->pages->path) : FK_OK;
}
