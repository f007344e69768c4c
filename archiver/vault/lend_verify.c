/* lend_verify.c - a verification as a stream of findings and progress, by a desk that does nothing
 * else: it takes minutes, and when the asker goes away it is to end. */
#include "archiver/vault/lend_request_priv.h"
#include "base/clock.h"

#include <poll.h>
#include <unistd.h>

enum { PROGRESS_MS = 100 };

/* Nothing is held that would have to be given back: files are read, and no lock is taken. */
static void end_with_asker(const struct fk_lend_request *q) {
    struct pollfd p = {fk_peer_fd(q->peer), POLLOUT, 0};
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)))
        _exit(fk_status_exit(FK_RETRY));
}

static void finding_tell(void *ctx, const struct fk_finding *f) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u64(&b, f->seq);
    fk_put_u64(&b, f->segment);
    fk_put_cstr(&b, f->check);
    fk_put_cstr(&b, f->text);
    fk_lend__send(ctx, FK_LEND_FINDING, &b);
    fk_buf_free(&b);
}

static void progress_tell(void *ctx, uint64_t done, uint64_t all) {
    static int64_t last_ms;
    int64_t now = fk_monotonic_ms();
    if (now - last_ms < PROGRESS_MS && done < all)
        return;
    last_ms = now;
    end_with_asker(ctx);
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u64(&b, done);
    fk_put_u64(&b, all);
    fk_lend__send(ctx, FK_LEND_PROGRESS, &b);
    fk_buf_free(&b);
}

enum fk_status fk_lend__verify(struct fk_lend_request *q, struct fk_err *err) {
    const struct fk_verify_range range = {q->number[0], q->number[1], q->number[2]};
    struct fk_verify_sum sum = {0};
    if (!q->l->alone)
        return fk_fail(err, FK_INVALID, "a server's desk does not verify; ask for a desk apart");
    enum fk_status st =
        fk_desk_verify(q->l->desk, &range, finding_tell, progress_tell, q, &sum, err);
    if (st != FK_OK && !(st == FK_CORRUPT && sum.findings))
        return st;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u64(&b, sum.entries);
    fk_put_u64(&b, sum.contents);
    fk_put_u64(&b, sum.disposed);
    fk_put_u64(&b, sum.unfinished);
    fk_put_u64(&b, sum.bytes);
    fk_put_u64(&b, sum.findings);
    fk_put_u64(&b, sum.next_seq);
    fk_put_u32(&b, (uint32_t)st);
    fk_put_cstr(&b, st == FK_OK ? "" : err->text);
    fk_lend__send(q, FK_LEND_SUM, &b);
    fk_buf_free(&b);
    return FK_OK;
}
