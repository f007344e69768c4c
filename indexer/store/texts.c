/* texts.c - see texts_priv.h. A block is read and unpacked whole, and the last one of each kind is
 * kept. */
#include "indexer/store/texts_priv.h"
#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { LIST_MAX = 256 << 20, LEVEL = 3, SMALL = FK_TEXTS_BLOCK / 2, ENTRY_BYTES = 29 };
static const char magic[8] = "FKTEXT1\n";

struct block {
    uint32_t first, last, count; /* docids, and how many */
    uint32_t packed, raw;        /* bytes */
    uint64_t at;
};
/* Blocks of a kind in the order of the file. */
struct blocks {
    struct block *at;
    size_t count, cap;
    size_t sorted; /* the first so many ascend, and none of the rest comes after them */
};
struct unpacked {
    size_t block; /* which; SIZE_MAX none */
    uint8_t *raw;
    size_t cap;
};
struct fk_texts {
    char path[PATH_MAX];
    int data;
    uint64_t bytes; /* of the data that the list speaks of */
    struct blocks blocks[FK_TEXTS_KINDS];
    struct unpacked kept[FK_TEXTS_KINDS];
    struct fk_buf packed;
    ZSTD_DCtx *zstd;
};

static bool blocks_add(struct blocks *b, const struct block *one) {
    if (b->count == b->cap) {
        const size_t cap = b->cap ? 2 * b->cap : 64;
        void *at = realloc(b->at, cap * sizeof *b->at);
        if (!at)
            return false;
        b->at = at;
        b->cap = cap;
    }
    if (b->sorted == b->count && (b->count == 0 || b->at[b->count - 1].last < one->first))
        b->sorted++;
    b->at[b->count++] = *one;
    return true;
}

/* ---- fields of a blob */

bool fk_texts_field_next(const uint8_t *blob, size_t len, size_t *at, struct fk_text_field *out) {
    const size_t left = len - *at;
    if (left < 1 || left < 1u + blob[*at] + 4u)
        return false;
    const uint8_t *p = blob + *at, *size = p + 1 + p[0];
    const size_t n = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    if (n > left - 1 - p[0] - 4)
        return false;
    *out = (struct fk_text_field){(const char *)p + 1, p[0], size + 4, n};
    *at += 1 + p[0] + 4 + n;
    return true;
}

bool fk_texts_field(const uint8_t *blob, size_t len, const char *prefix, size_t prefix_len,
                    const uint8_t **text_out, size_t *text_len_out) {
    struct fk_text_field f;
    for (size_t at = 0; fk_texts_field_next(blob, len, &at, &f);)
        if (f.prefix_len == prefix_len && memcmp(f.prefix, prefix, prefix_len) == 0) {
            *text_out = f.text;
            *text_len_out = f.len;
            return true;
        }
    return false;
}

void fk_texts_field_add(struct fk_buf *blob, const char *prefix, const void *text, size_t len) {
    const size_t n = strlen(prefix);
    fk_put_u8(blob, (uint8_t)n);
    fk_buf_add(blob, prefix, n);
    fk_put_bytes(blob, text, len);
}

/* ---- reading */

static enum fk_status damaged(const struct fk_texts *t, const char *how, struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "%s %s", t->path, how);
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* There are tens of thousands in a million messages, and each search reads them. */
static bool entry_take(struct fk_texts *t, struct fk_reader *r) {
    const uint8_t *e = fk_get_raw(r, ENTRY_BYTES);
    if (!e)
        return false;
    const uint8_t kind = e[0];
    const struct block b = {.first = be32(e + 1),
                            .last = be32(e + 5),
                            .count = be32(e + 9),
                            .at = (uint64_t)be32(e + 13) << 32 | be32(e + 17),
                            .packed = be32(e + 21),
                            .raw = be32(e + 25)};
    return kind < FK_TEXTS_KINDS && b.first <= b.last && b.count > 0 &&
           b.count - 1 <= b.last - b.first && b.at <= t->bytes && b.packed <= t->bytes - b.at &&
           b.raw >= 8 * (uint64_t)b.count &&
           b.raw <= FK_TEXTS_BLOB_MAX + (uint64_t)FK_TEXTS_BLOCK &&
           blocks_add(&t->blocks[kind], &b);
}

static enum fk_status list_parse(struct fk_texts *t, struct fk_buf *b, struct fk_err *err) {
    struct fk_reader r;
    uint8_t sum[FK_SHA256_BYTES];
    if (b->len < sizeof magic + 12 + sizeof sum)
        return damaged(t, "has a list that is none", err);
    b->len -= sizeof sum;
    fk_sha256(b->data, b->len, sum);
    if (memcmp(b->data, magic, sizeof magic) != 0 || memcmp(b->data + b->len, sum, sizeof sum) != 0)
        return damaged(t, "has a list that was changed", err);
    fk_reader_init(&r, b->data + sizeof magic, b->len - sizeof magic);
    t->bytes = fk_get_u64(&r);
    for (uint32_t n = fk_get_u32(&r); n > 0; n--)
        if (!entry_take(t, &r))
            return damaged(t, "has a list that is none", err);
    return fk_reader_done(&r) ? FK_OK : damaged(t, "has a list that is none", err);
}

static enum fk_status data_open(struct fk_texts *t, struct fk_err *err) {
    struct stat s;
    t->data = open(t->path, O_RDONLY | O_CLOEXEC);
    if (t->data < 0 && errno == ENOENT)
        return fk_fail(err, FK_NOT_FOUND, "%s is not there", t->path);
    if (t->data < 0 || fstat(t->data, &s) != 0)
        return fk_fail_sys(err, errno, "cannot open %s", t->path);
    return (uint64_t)s.st_size < t->bytes ? damaged(t, "is cut short", err) : FK_OK;
}

enum fk_status fk_texts_open(const char *dir, struct fk_texts **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf list = FK_BUF_INIT;
    struct fk_texts *t = calloc(1, sizeof *t);
    if (!t)
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    t->data = -1;
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        t->kept[k].block = SIZE_MAX;
    FK_TRY(fk_join_path(t->path, sizeof t->path, dir, "text.list", err));
    FK_TRY(fk_read_file(t->path, LIST_MAX, &list, err));
    FK_TRY(fk_join_path(t->path, sizeof t->path, dir, "text", err));
    FK_TRY(list_parse(t, &list, err));
    FK_TRY(data_open(t, err));
    *out = t;
    t = NULL;
done:
    fk_buf_free(&list);
    fk_texts_close(&t);
    return st;
}

void fk_texts_close(struct fk_texts **texts) {
    struct fk_texts *t = *texts;
    if (!t)
        return;
    fk_close(&t->data);
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++) {
        free(t->blocks[k].at);
        free(t->kept[k].raw);
    }
    fk_buf_free(&t->packed);
    ZSTD_freeDCtx(t->zstd);
    free(t);
    *texts = NULL;
}

/* The newest block that may have it; SIZE_MAX none. `below`: of those before this one only. */
static size_t block_of(const struct blocks *b, uint32_t docid, size_t below) {
    for (size_t i = below; i-- > b->sorted;)
        if (docid >= b->at[i].first && docid <= b->at[i].last)
            return i;
    size_t low = 0, high = b->sorted < below ? b->sorted : below;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (b->at[middle].last < docid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->sorted && low < below && docid >= b->at[low].first ? low : SIZE_MAX;
}

static enum fk_status block_read(struct fk_texts *t, enum fk_texts_kind kind, size_t i,
                                 struct fk_err *err) {
    const struct block *b = &t->blocks[kind].at[i];
    struct unpacked *u = &t->kept[kind];
    if (u->block == i)
        return FK_OK;
    u->block = SIZE_MAX;
    fk_buf_reset(&t->packed);
    if (u->cap < b->raw) {
        uint8_t *raw = realloc(u->raw, b->raw);
        if (!raw)
            return fk_fail(err, FK_NOMEM, "the index: out of memory");
        u->raw = raw;
        u->cap = b->raw;
    }
    if (!t->zstd)
        t->zstd = ZSTD_createDCtx();
    if (!t->zstd || !fk_buf_reserve(&t->packed, b->packed))
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    enum fk_status st =
        fk_pread_full(t->data, t->packed.data, b->packed, (off_t)b->at, t->path, err);
    if (st != FK_OK)
        return st == FK_CORRUPT ? damaged(t, "is cut short", err) : st;
    if (ZSTD_decompressDCtx(t->zstd, u->raw, b->raw, t->packed.data, b->packed) != b->raw)
        return damaged(t, "was changed", err);
    u->block = i;
    return FK_OK;
}

/* In a block: for each document docid and length, then the texts. */
static bool block_find(const struct block *b, const uint8_t *raw, uint32_t docid,
                       const uint8_t **blob_out, size_t *len_out) {
    struct fk_reader r;
    uint64_t at = 8 * (uint64_t)b->count;
    fk_reader_init(&r, raw, (size_t)at);
    for (uint32_t i = 0; i < b->count; i++) {
        const uint32_t id = fk_get_u32(&r), n = fk_get_u32(&r);
        if (id == docid && at + n <= b->raw) {
            *blob_out = raw + at;
            *len_out = n;
            return true;
        }
        at += n;
    }
    return false;
}

enum fk_status fk_texts_get(struct fk_texts *t, enum fk_texts_kind kind, uint32_t docid,
                            const uint8_t **blob_out, size_t *len_out, struct fk_err *err) {
    const struct blocks *b = &t->blocks[kind];
    enum fk_status st;
    for (size_t i = block_of(b, docid, b->count); i != SIZE_MAX; i = block_of(b, docid, i)) {
        st = block_read(t, kind, i, err);
        if (st != FK_OK)
            return st;
        if (block_find(&b->at[i], t->kept[kind].raw, docid, blob_out, len_out))
            return FK_OK;
    }
    return fk_fail(err, FK_NOT_FOUND, "%s has no text of message %u", t->path, docid);
}

/* ---- writing */

struct pending {
    struct fk_buf head, body; /* docid and length of each; the texts */
    struct block block;
};
struct fk_texts_writer {
    char dir[PATH_MAX], path[PATH_MAX];
    int data;
    uint64_t bytes;
    struct fk_texts *before; /* what is there already; NULL nothing */
    struct blocks blocks[FK_TEXTS_KINDS];
    struct pending pending[FK_TEXTS_KINDS];
    struct fk_buf packed;
    ZSTD_CCtx *zstd;
};

void fk_texts_abort(struct fk_texts_writer **writer) {
    struct fk_texts_writer *w = *writer;
    if (!w)
        return;
    fk_close(&w->data);
    fk_texts_close(&w->before);
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++) {
        free(w->blocks[k].at);
        fk_buf_free(&w->pending[k].head);
        fk_buf_free(&w->pending[k].body);
    }
    fk_buf_free(&w->packed);
    ZSTD_freeCCtx(w->zstd);
    free(w);
    *writer = NULL;
}

/* What is there stays named. What a crash left behind it is written over, and where it is longer it
 * stays in the file: cut off, it would be on the disk in no file that is ever overwritten. */
static enum fk_status go_on(struct fk_texts_writer *w, struct fk_err *err) {
    enum fk_status st = fk_texts_open(w->dir, &w->before, err);
    if (st == FK_NOT_FOUND)
        return FK_OK;
    FK_TRY(st);
    w->bytes = w->before->bytes;
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        for (size_t i = 0; i < w->before->blocks[k].count; i++)
            if (!blocks_add(&w->blocks[k], &w->before->blocks[k].at[i]))
                FK_TRY(fk_fail(err, FK_NOMEM, "the index: out of memory"));
done:
    return st;
}

enum fk_status fk_texts_begin(const char *dir, struct fk_texts_writer **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_texts_writer *w = calloc(1, sizeof *w);
    if (!w)
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    w->data = -1;
    w->zstd = ZSTD_createCCtx();
    if (!w->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
        FK_TRY(fk_fail(err, FK_NOMEM, "the index: out of memory"));
    FK_TRY(fk_join_path(w->dir, sizeof w->dir, dir, "", err));
    FK_TRY(fk_join_path(w->path, sizeof w->path, dir, "text", err));
    FK_TRY(go_on(w, err));
    w->data = open(w->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (w->data < 0 || lseek(w->data, (off_t)w->bytes, SEEK_SET) < 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot write %s", w->path));
    *out = w;
    w = NULL;
done:
    fk_texts_abort(&w);
    return st;
}

static enum fk_status block_put(struct fk_texts_writer *w, enum fk_texts_kind kind,
                                struct block *block, const void *packed, size_t len,
                                struct fk_err *err) {
    enum fk_status st = fk_write_full(w->data, packed, len, w->path, err);
    if (st != FK_OK)
        return st;
    block->at = w->bytes;
    block->packed = (uint32_t)len;
    w->bytes += len;
    return blocks_add(&w->blocks[kind], block) ? FK_OK
                                               : fk_fail(err, FK_NOMEM, "the index: out of memory");
}

static enum fk_status pending_put(struct fk_texts_writer *w, enum fk_texts_kind kind,
                                  struct fk_err *err) {
    struct pending *p = &w->pending[kind];
    if (p->block.count == 0)
        return FK_OK;
    fk_buf_add(&p->head, p->body.data, p->body.len);
    const size_t room = ZSTD_compressBound(p->head.len);
    fk_buf_reset(&w->packed);
    if (p->head.failed || p->body.failed || !fk_buf_reserve(&w->packed, room))
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    const size_t len = ZSTD_compress2(w->zstd, w->packed.data, room, p->head.data, p->head.len);
    if (ZSTD_isError(len))
        return fk_fail(err, FK_NOMEM, "packing texts for the index: %s", ZSTD_getErrorName(len));
    p->block.raw = (uint32_t)p->head.len;
    enum fk_status st = block_put(w, kind, &p->block, w->packed.data, len, err);
    fk_buf_reset(&p->head);
    fk_buf_reset(&p->body);
    p->block = (struct block){.count = 0};
    return st;
}

enum fk_status fk_texts_add(struct fk_texts_writer *w, enum fk_texts_kind kind, uint32_t docid,
                            const void *blob, size_t len, struct fk_err *err) {
    struct pending *p = &w->pending[kind];
    if (len > FK_TEXTS_BLOB_MAX)
        return fk_fail(err, FK_INVALID, "the text of message %u is over the index's limit", docid);
    if (p->block.count++ == 0)
        p->block.first = docid;
    p->block.last = docid;
    fk_put_u32(&p->head, docid);
    fk_put_u32(&p->head, (uint32_t)len);
    fk_buf_add(&p->body, blob, len);
    /* Behind what is there each has a block of its own, that is looked into for no other. */
    return p->body.len >= FK_TEXTS_BLOCK || w->before ? pending_put(w, kind, err) : FK_OK;
}

/* Whether a block can be copied as it is: it is worth one, and all of its documents are wanted.
 * Seen is seen: it is unpacked for that, and so found to be good. */
static enum fk_status look_whole(struct fk_texts *t, enum fk_texts_kind kind, size_t i,
                                 const uint32_t *docids, size_t n, bool *out, struct fk_err *err) {
    const struct blocks *b = &t->blocks[kind];
    struct fk_reader r;
    *out = b->sorted == b->count && b->at[i].raw >= SMALL && n >= b->at[i].count;
    if (!*out)
        return FK_OK;
    t->kept[kind].block = SIZE_MAX; /* `packed` is to be this one's */
    enum fk_status st = block_read(t, kind, i, err);
    if (st != FK_OK)
        return st;
    fk_reader_init(&r, t->kept[kind].raw, b->at[i].raw);
    for (uint32_t k = 0; k < b->at[i].count && *out; k++) {
        *out = fk_get_u32(&r) == docids[k];
        (void)fk_get_u32(&r);
    }
    return FK_OK;
}

enum fk_status fk_texts_copy(struct fk_texts_writer *w, enum fk_texts_kind kind,
                             struct fk_texts *from, const uint32_t *docids, size_t n,
                             struct fk_err *err) {
    enum fk_status st = FK_OK;
    const struct blocks *b = &from->blocks[kind];
    for (size_t i = 0; st == FK_OK && i < n;) {
        const size_t at = block_of(b, docids[i], b->count);
        const uint8_t *blob;
        size_t len;
        bool is_whole = false;
        if (at != SIZE_MAX)
            FK_TRY(look_whole(from, kind, at, docids + i, n - i, &is_whole, err));
        if (is_whole) {
            struct block whole = b->at[at];
            FK_TRY(pending_put(w, kind, err));
            FK_TRY(block_put(w, kind, &whole, from->packed.data, whole.packed, err));
            i += whole.count;
            continue;
        }
        st = fk_texts_get(from, kind, docids[i], &blob, &len, err);
        if (st == FK_NOT_FOUND)
            st = damaged(from, "lacks a text", err);
        FK_TRY(st);
        FK_TRY(fk_texts_add(w, kind, docids[i++], blob, len, err));
    }
done:
    return st;
}

size_t fk_texts_loose(const struct fk_texts_writer *w) {
    size_t n = 0;
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        n += w->blocks[k].count - w->blocks[k].sorted;
    return n;
}

static void list_form(const struct fk_texts_writer *w, struct fk_buf *out) {
    uint8_t sum[FK_SHA256_BYTES];
    size_t count = 0;
    fk_buf_add(out, magic, sizeof magic);
    fk_put_u64(out, w->bytes);
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        count += w->blocks[k].count;
    fk_put_u32(out, (uint32_t)count);
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        for (size_t i = 0; i < w->blocks[k].count; i++) {
            const struct block *b = &w->blocks[k].at[i];
            fk_put_u8(out, (uint8_t)k);
            fk_put_u32(out, b->first);
            fk_put_u32(out, b->last);
            fk_put_u32(out, b->count);
            fk_put_u64(out, b->at);
            fk_put_u32(out, b->packed);
            fk_put_u32(out, b->raw);
        }
    if (out->failed)
        return;
    fk_sha256(out->data, out->len, sum);
    fk_buf_add(out, sum, sizeof sum);
}

/* For a shard that nobody reads yet. */
static enum fk_status list_write(const char *path, const struct fk_buf *list, struct fk_err *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fk_fail_sys(err, errno, "cannot write %s", path);
    enum fk_status st = fk_write_full(fd, list->data, list->len, path, err);
    if (close(fd) != 0 && st == FK_OK)
        st = fk_fail_sys(err, errno, "cannot write %s", path);
    return st;
}

enum fk_status fk_texts_end(struct fk_texts_writer **writer, bool in_place, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_texts_writer *w = *writer;
    struct fk_buf list = FK_BUF_INIT;
    char path[PATH_MAX];
    for (size_t k = 0; k < FK_TEXTS_KINDS; k++)
        FK_TRY(pending_put(w, (enum fk_texts_kind)k, err));
    list_form(w, &list);
    if (list.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "the index: out of memory"));
    FK_TRY(fk_join_path(path, sizeof path, w->dir, "text.list", err));
    if (in_place && fdatasync(w->data) != 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot write %s", w->path));
    FK_TRY(in_place ? fk_atomic_put(path, 0600, list.data, list.len, err)
                    : list_write(path, &list, err));
done:
    fk_buf_free(&list);
    fk_texts_abort(writer);
    return st;
}
