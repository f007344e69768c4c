/* The order of documents of a shard (indexer/store/order_priv.h): whatever bytes the file has, what
 * is read of it is what they say by a second reader, or damage; and but for sums that are made anew
 * it is an order that was written, block by block.
 *
 * Input: a byte, which order; a byte (1: the file gets the length that its number of documents
 * wants, 2: sums of its blocks are made anew, 4: the sum of its head); a byte, which other order;
 * two bytes, from where on the file is that other one; then changes (patch.h) of it. */
#include "indexer/store/order_priv.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/pack.h"
#include "tests/fuzz/support/patch.h"

#include <unistd.h>

enum { BEGIN = 16, ENTRY = 12, BLOCK = 256 * ENTRY, FITTED_MAX = 2000 };

static struct order {
    struct fk_xhit hits[600];
    size_t count;
    unsigned slot;
    struct fk_buf file;
} orders[] = {{.count = 600},
              {.count = 600},
              {.count = 257, .slot = 7},
              {.count = 256},
              {.count = 1, .slot = 0xfffffffe},
              {.count = 0}};
enum { ORDERS = sizeof orders / sizeof *orders };

static void orders_make(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/order", fuzz_dir());
    for (uint32_t k = 0; k < ORDERS; k++) {
        struct order *o = &orders[k];
        for (uint32_t i = 0; i < o->count; i++)
            o->hits[i] = (struct fk_xhit){(1000 - i / 3) * 0x123456789abc, 7000 - 9 * i + k};
        DONE(fk_order_write(fuzz_dir(), o->slot, o->hits, o->count, NULL));
        DONE(fk_read_file(path, 1 << 20, &o->file, NULL));
        MUST(unlink(path) == 0);
    }
}

/* ---- a second reader, from docs/format-index.md */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t number(const uint8_t *at) {
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static size_t blocks_of(size_t count) {
    return count / 256 + (count % 256 != 0);
}

static size_t head_of(size_t count) { /* bytes before the blocks */
    return BEGIN + 32 * blocks_of(count) + 32;
}

static bool is_sum(const uint8_t *sum, const uint8_t *bytes, size_t n) {
    uint8_t is[FK_SHA256_BYTES];
    fk_sha256(bytes, n, is);
    return memcmp(sum, is, sizeof is) == 0;
}

static bool opens(const struct fk_buf *b) {
    if (b->len < BEGIN || memcmp(b->data, "FKORDR1\n", 8) != 0)
        return false;
    const size_t count = number(b->data + 8), head = head_of(count);
    return b->len == head + ENTRY * count && is_sum(b->data + head - 32, b->data, head - 32);
}

static struct fk_xhit entry(const uint8_t *at) {
    return (struct fk_xhit){(uint64_t)number(at) << 32 | number(at + 4), (uint32_t)number(at + 8)};
}

/* ---- what is done to the file */

static void sums_renew(struct fk_buf *b, unsigned how) {
    if (b->len < BEGIN)
        return;
    const size_t count = number(b->data + 8), head = head_of(count);
    if (how & 1 && count <= FITTED_MAX) {
        const size_t wanted = head + ENTRY * count;
        MUST(fk_buf_reserve(b, wanted));
        if (b->len < wanted)
            memset(b->data + b->len, 0, wanted - b->len);
        b->len = wanted;
    }
    if (head > b->len)
        return;
    for (size_t at = head, k = 0; how & 2 && at < b->len && k < blocks_of(count); k++, at += BLOCK)
        fk_sha256(b->data + at, smaller(BLOCK, b->len - at), b->data + BEGIN + 32 * k);
    if (how & 4)
        fk_sha256(b->data, head - 32, b->data + head - 32);
}

static void file_make(struct fuzz_input *in, unsigned *how, struct fk_buf *out) {
    const struct fk_buf *one = &orders[fuzz_byte(in) % ORDERS].file;
    *how = fuzz_byte(in) % 8;
    const struct fk_buf *other = &orders[fuzz_byte(in) % ORDERS].file;
    size_t from = (size_t)fuzz_byte(in) << 8;
    from |= fuzz_byte(in);
    fk_buf_add(out, one->data, smaller(from, one->len));
    if (from < other->len)
        fk_buf_add(out, other->data + from, other->len - from);
    fuzz_patch(out, in);
    sums_renew(out, *how);
}

/* ---- what must hold */

static bool is_same(const struct fk_xhit *a, const struct fk_xhit *b) {
    return a->key == b->key && a->docid == b->docid;
}

/* That which has this head. */
static const struct order *written(const struct fk_buf *file, size_t head) {
    for (size_t k = 0; k < ORDERS; k++)
        if (orders[k].file.len == file->len && memcmp(orders[k].file.data, file->data, head) == 0)
            return &orders[k];
    return NULL;
}

/* was: the order that the file is, where no sum was made anew. */
static void block_check(const struct fk_order *o, size_t k, const struct fk_buf *file,
                        const struct order *was) {
    struct fk_xhit hits[FK_ORDER_BLOCK];
    struct fk_err err = FK_ERR_INIT;
    const size_t count = number(file->data + 8), n = smaller(256, count - 256 * k);
    const uint8_t *bytes = file->data + head_of(count) + BLOCK * k;
    const bool is_good = is_sum(file->data + BEGIN + 32 * k, bytes, n * ENTRY);
    size_t got = 0;
    MUST(fuzz_took(fk_order_read(o, k, hits, &got, &err), &err) == is_good);
    MUST(is_good ? got == n : err.status == FK_CORRUPT);
    for (size_t i = 0; i < got; i++) {
        const struct fk_xhit said = entry(bytes + ENTRY * i);
        MUST(is_same(&hits[i], &said));
        MUST(!was || is_same(&hits[i], &was->hits[256 * k + i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    struct fk_buf file = FK_BUF_INIT;
    struct fk_order *o = NULL;
    struct fk_err err = FK_ERR_INIT;
    unsigned how;
    if (!orders[0].file.len)
        orders_make();
    file_make(&in, &how, &file);
    (void)fuzz_file("order", file.data, file.len);
    if (fuzz_took(fk_order_open(fuzz_dir(), &o, &err), &err)) {
        MUST(opens(&file));
        const size_t count = number(file.data + 8);
        const bool is_anew = (how & 6) != 0;
        const struct order *was = is_anew ? NULL : written(&file, head_of(count));
        MUST(is_anew || was);
        MUST(fk_order_slot(o) == number(file.data + 12));
        MUST(fk_order_blocks(o) == blocks_of(count));
        for (size_t k = 0; k < blocks_of(count); k++)
            block_check(o, k, &file, was);
    } else
        MUST(!opens(&file) && err.status == FK_CORRUPT && !o);
    fk_order_close(&o);
    fk_buf_free(&file);
    return 0;
}
