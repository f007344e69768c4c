/* ledger.c - lines by the megabyte, split; dates by halving. */
#include "cli/ledger.h"

#include <string.h>

static enum fk_status block_walk(const struct fk_buf *block, uint64_t last, uint64_t *next,
                                 cli_entry_fn fn, void *ctx, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *at = (const char *)block->data, *end = at + block->len;
    while (at < end && *next <= last) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (!lf)
            return fk_fail(err, FK_CORRUPT, "the line of entry %llu has no end",
                           (unsigned long long)*next);
        struct fk_entry e;
        FK_TRY(fk_entry_read(at, (size_t)(lf + 1 - at), &e, err));
        FK_TRY(fn(ctx, &e, at, (size_t)(lf + 1 - at), err));
        *next = e.seq + 1;
        at = lf + 1;
    }
done:
    return st;
}

enum fk_status cli_ledger_walk(struct fk_lend *lend, uint64_t first, uint64_t last, cli_entry_fn fn,
                               void *ctx, struct fk_err *err) {
    struct fk_buf block = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (uint64_t next = first, before = next + 1; next <= last && next != before;) {
        before = next;
        fk_buf_reset(&block);
        st = fk_lend_lines(lend, next, &block, err);
        if (st == FK_NOT_FOUND) { /* past the head */
            st = FK_OK;
            break;
        }
        FK_TRY(st);
        FK_TRY(block_walk(&block, last, &next, fn, ctx, err));
    }
done:
    fk_buf_free(&block);
    return st;
}

static enum fk_status time_of(struct fk_lend *lend, uint64_t seq, int64_t *out,
                              struct fk_err *err) {
    struct fk_buf block = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st;
    FK_TRY(fk_lend_lines(lend, seq, &block, err));
    const char *lf = memchr(block.data, '\n', block.len);
    FK_TRY(fk_entry_read(block.data, lf ? (size_t)(lf + 1 - (const char *)block.data) : block.len,
                         &e, err));
    *out = e.time_ms;
done:
    fk_buf_free(&block);
    return st;
}

enum fk_status cli_ledger_seq_at(struct fk_lend *lend, int64_t ms, uint64_t *out,
                                 struct fk_err *err) {
    struct fk_head head;
    enum fk_status st;
    uint64_t low = 0;
    FK_TRY(fk_lend_head(lend, &head, err));
    for (uint64_t high = head.next_seq; low < high;) {
        uint64_t middle = low + (high - low) / 2;
        int64_t time;
        FK_TRY(time_of(lend, middle, &time, err));
        if (time < ms)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
done:
    return st;
}
