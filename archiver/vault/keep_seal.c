/* keep_seal.c - one thread that does nothing but fk_pen_seal_run. */
#include "archiver/vault/keep_seal_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum state { IDLE, RUNNING, RUN, ENDING };

struct fk_sealer {
    struct fk_pen *pen;
    void (*told)(void *ctx);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    enum state state;
    struct fk_pace pace;
    struct fk_sealing *job; /* the thread's while RUNNING, the committer's otherwise */
};

static void *seal_thread(void *arg) {
    enum { NICER = 10 }; /* mail that comes in goes first where both want the CPU */
    struct fk_sealer *s = arg;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICER); /* or it is as others are */
    pthread_mutex_lock(&s->lock);
    while (s->state != ENDING) {
        if (s->state != RUNNING) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        enum fk_status st = fk_pen_seal_run(s->job, &s->pace, NULL);
        (void)st; /* kept in the job: fk_pen_seal_end gives it */
        pthread_mutex_lock(&s->lock);
        s->state = RUN;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        s->told(s->ctx);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static enum state state_of(struct fk_sealer *s) {
    pthread_mutex_lock(&s->lock);
    enum state now = s->state;
    pthread_mutex_unlock(&s->lock);
    return now;
}

static void state_set(struct fk_sealer *s, enum state state) {
    pthread_mutex_lock(&s->lock);
    s->state = state;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void fk_sealer_hurry(struct fk_sealer *s, bool hurry) {
    __atomic_store_n(&s->pace.hurry, hurry, __ATOMIC_RELEASE);
}

bool fk_sealer_is_busy(struct fk_sealer *s) {
    return state_of(s) == RUNNING;
}

bool fk_sealer_is_due(struct fk_sealer *s) {
    return state_of(s) == RUN;
}

enum fk_status fk_sealer_step(struct fk_sealer *s, uint64_t *number_out, struct fk_err *err) {
    if (state_of(s) == RUN) {
        enum fk_status st = fk_pen_seal_end(s->pen, &s->job, number_out, err);
        state_set(s, IDLE);
        if (st != FK_OK && st != FK_RETRY) /* FK_RETRY: keys were destroyed meanwhile; begin anew */
            return st;
    }
    enum fk_status st = fk_pen_seal_begin(s->pen, &s->job, err);
    if (st == FK_OK)
        state_set(s, RUNNING);
    return st;
}

enum fk_status fk_sealer_new(struct fk_pen *pen, uint64_t bytes_per_s, void (*told)(void *ctx),
                             void *ctx, struct fk_sealer **out, struct fk_err *err) {
    struct fk_sealer *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory to seal");
    s->pen = pen;
    s->pace.bytes_per_s = bytes_per_s;
    s->told = told;
    s->ctx = ctx;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    int rc = pthread_create(&s->thread, NULL, seal_thread, s);
    if (rc) {
        free(s);
        return fk_fail_sys(err, rc, "cannot start a thread");
    }
    *out = s;
    return FK_OK;
}

void fk_sealer_free(struct fk_sealer **sp) {
    struct fk_sealer *s = *sp;
    uint64_t number;
    if (!s)
        return;
    __atomic_store_n(&s->pace.give_up, true, __ATOMIC_RELEASE);
    pthread_mutex_lock(&s->lock);
    while (s->state == RUNNING)
        pthread_cond_wait(&s->changed, &s->lock);
    bool left = s->state == RUN;
    s->state = ENDING;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    if (left)
        (void)!fk_pen_seal_end(s->pen, &s->job, &number, NULL); /* closed still: the next pen's */
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
    *sp = NULL;
}
