/* run_beside.c - a long step on the databases, while the readers read what comes after it. */
#include "indexer/run_priv.h"

#include <pthread.h>

enum { LOOK_MS = 10 }; /* at whether the step has ended */

struct beside {
    fk_run_step *step;
    void *ctx;
    enum fk_status st;
    struct fk_err err;
    bool has_ended; /* atomic */
};

static void *beside_main(void *arg) {
    struct beside *b = arg;
    b->st = b->step(b->ctx, &b->err);
    __atomic_store_n(&b->has_ended, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Until the step has ended, or the readers have nothing to do. */
static enum fk_status read_ahead(struct run *r, const struct beside *b, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && !__atomic_load_n(&b->has_ended, __ATOMIC_ACQUIRE)) {
        st = fk_run__take_what_fits(r, err);
        if (st == FK_OK && !fk_pool__is_busy(r->pool))
            break;
        if (st == FK_OK)
            st = fk_run__answer_wait(r, LOOK_MS, err);
    }
    return st;
}

enum fk_status fk_run__beside(struct run *r, fk_run_step *step, void *ctx, struct fk_err *err) {
    struct beside b = {.step = step, .ctx = ctx, .err = FK_ERR_INIT};
    pthread_t thread;
    if (!r->has_more || pthread_create(&thread, NULL, beside_main, &b) != 0)
        return step(ctx, err);
    const enum fk_status read = read_ahead(r, &b, err);
    (void)pthread_join(thread, NULL);
    if (b.st == FK_OK)
        return read;
    *err = b.err;
    return b.st;
}
