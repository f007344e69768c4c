/* order.c - see order_priv.h. */
#include "indexer/store/order_priv.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/store/aside_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNT_MAX = 1 << 28, /* documents */
    BEGIN_BYTES = 8 + 4 + 4,
    ENTRY_BYTES = 8 + 4,
    BLOCK_BYTES = FK_ORDER_BLOCK * ENTRY_BYTES
};
static const char magic[8] = "FKORDR1\n";

static size_t blocks_of(size_t n) {
    return (n + FK_ORDER_BLOCK - 1) / FK_ORDER_BLOCK;
}

/* Bytes before the blocks. */
static size_t head_bytes(size_t n) {
    return BEGIN_BYTES + (blocks_of(n) + 1) * FK_SHA256_BYTES;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- writing */

static void sums_put(struct fk_buf *head, const struct fk_buf *entries) {
    uint8_t sum[FK_SHA256_BYTES];
    for (size_t at = 0; at < entries->len; at += BLOCK_BYTES) {
        fk_sha256(entries->data + at, smaller(BLOCK_BYTES, entries->len - at), sum);
        fk_buf_add(head, sum, sizeof sum);
    }
    if (head->failed)
        return;
    fk_sha256(head->data, head->len, sum);
    fk_buf_add(head, sum, sizeof sum);
}

enum fk_status fk_order_write(const char *dir, unsigned slot, const struct fk_xhit *all, size_t n,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf head = FK_BUF_INIT, entries = FK_BUF_INIT;
    char path[PATH_MAX];
    int fd = -1;
    if (n > COUNT_MAX)
        return fk_fail(err, FK_INVALID, "an order of %zu documents", n);
    fk_buf_add(&head, magic, sizeof magic);
    fk_put_u32(&head, (uint32_t)n);
    fk_put_u32(&head, slot);
    for (size_t i = 0; i < n; i++) {
        fk_put_u64(&entries, all[i].key);
        fk_put_u32(&entries, all[i].docid);
    }
    sums_put(&head, &entries);
    if (head.failed || entries.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "the order of documents: out of memory"));
    FK_TRY(fk_aside_create(dir, "order", path, &fd, err));
    FK_TRY(fk_write_full(fd, head.data, head.len, path, err));
    FK_TRY(fk_write_full(fd, entries.data, entries.len, path, err));
done:
    fk_close(&fd);
    fk_buf_free(&head);
    fk_buf_free(&entries);
    return st;
}

/* ---- reading */

struct fk_order {
    char path[PATH_MAX];
    int fd;
    unsigned slot;
    size_t count;
    uint8_t *sums; /* of the blocks */
};

static enum fk_status damaged(const struct fk_order *o, struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "%s was changed or is cut short", o->path);
}

/* All before the blocks, which is held against its sum before any of it is believed but its length.
 */
static enum fk_status head_read(struct fk_order *o, uint64_t bytes, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint8_t begin[BEGIN_BYTES], sum[FK_SHA256_BYTES], *head = NULL;
    struct fk_reader r;
    if (bytes < sizeof begin)
        return damaged(o, err);
    FK_TRY(fk_pread_full(o->fd, begin, sizeof begin, 0, o->path, err));
    fk_reader_init(&r, begin + sizeof magic, sizeof begin - sizeof magic);
    o->count = fk_get_u32(&r);
    o->slot = fk_get_u32(&r);
    const size_t len = o->count <= COUNT_MAX ? head_bytes(o->count) : 0;
    if (memcmp(begin, magic, sizeof magic) != 0 || len == 0 ||
        bytes != len + (uint64_t)o->count * ENTRY_BYTES)
        FK_TRY(damaged(o, err));
    head = malloc(len);
    if (!head)
        FK_TRY(fk_fail(err, FK_NOMEM, "the index: out of memory"));
    FK_TRY(fk_pread_full(o->fd, head, len, 0, o->path, err));
    fk_sha256(head, len - sizeof sum, sum);
    if (memcmp(sum, head + len - sizeof sum, sizeof sum) != 0 ||
        memcmp(begin, head, sizeof begin) != 0)
        FK_TRY(damaged(o, err));
    memmove(head, head + sizeof begin, len - sizeof begin);
    o->sums = head;
    head = NULL;
done:
    free(head);
    return st;
}

enum fk_status fk_order_open(const char *dir, struct fk_order **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t bytes = 0;
    struct fk_order *o = calloc(1, sizeof *o);
    if (!o)
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    o->fd = -1;
    FK_TRY(fk_aside_open(dir, "order", o->path, &o->fd, &bytes, err));
    FK_TRY(head_read(o, bytes, err));
    *out = o;
    o = NULL;
done:
    fk_order_close(&o);
    return st;
}

void fk_order_close(struct fk_order **order) {
    if (!*order)
        return;
    fk_close(&(*order)->fd);
    free((*order)->sums);
    free(*order);
    *order = NULL;
}

unsigned fk_order_slot(const struct fk_order *o) {
    return o->slot;
}

size_t fk_order_blocks(const struct fk_order *o) {
    return blocks_of(o->count);
}

enum fk_status fk_order_read(const struct fk_order *o, size_t block, struct fk_xhit *out,
                             size_t *n_out, struct fk_err *err) {
    uint8_t bytes[BLOCK_BYTES], sum[FK_SHA256_BYTES];
    struct fk_reader r;
    enum fk_status st = FK_OK;
    const size_t n = smaller(FK_ORDER_BLOCK, o->count - block * FK_ORDER_BLOCK);
    const uint64_t at = head_bytes(o->count) + (uint64_t)block * BLOCK_BYTES;
    FK_TRY(fk_pread_full(o->fd, bytes, n * ENTRY_BYTES, (off_t)at, o->path, err));
    fk_sha256(bytes, n * ENTRY_BYTES, sum);
    if (memcmp(sum, o->sums + block * FK_SHA256_BYTES, sizeof sum) != 0)
        FK_TRY(damaged(o, err));
    fk_reader_init(&r, bytes, n * ENTRY_BYTES);
    for (size_t i = 0; i < n; i++) {
        out[i].key = fk_get_u64(&r);
        out[i].docid = fk_get_u32(&r);
    }
    *n_out = n;
done:
    return st;
}

enum fk_status fk_order_void(const char *dir, struct fk_err *err) {
    return fk_aside_void(dir, "order", err);
}
