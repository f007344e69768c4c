/* ledger.c - lines by the megabyte, split. */
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
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    for (uint64_t next = first, before = next + 1; next <= last && next != before;) {
        before = next;
        fk_buf_reset(&block);
        st = fk_lend_lines(lend, next, &block, &why);
        if (st == FK_NOT_FOUND) { /* past the head: nothing to be said */
            st = FK_OK;
            break;
        }
        if (st != FK_OK)
            FK_TRY(fk_fail(err, st, "%s", why.text));
        FK_TRY(block_walk(&block, last, &next, fn, ctx, err));
    }
done:
    fk_buf_free(&block);
    return st;
}

struct span {
    int64_t since_ms, until_ms;
    uint64_t first, end;
};

static enum fk_status span_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                struct fk_err *err) {
    struct span *s = ctx;
    (void)line;
    (void)len;
    (void)err;
    if (e->time_ms < s->since_ms || e->time_ms > s->until_ms)
        return FK_OK;
    if (s->first == s->end)
        s->first = e->seq;
    s->end = e->seq + 1;
    return FK_OK;
}

enum fk_status cli_ledger_span(struct fk_lend *lend, int64_t since_ms, int64_t until_ms,
                               uint64_t *first_out, uint64_t *end_out, struct fk_err *err) {
    struct span s = {since_ms, until_ms, 0, 0};
    enum fk_status st = cli_ledger_walk(lend, 0, UINT64_MAX, span_take, &s, err);
    if (st == FK_OK) {
        *first_out = s.first;
        *end_out = s.end;
    }
    return st;
}
