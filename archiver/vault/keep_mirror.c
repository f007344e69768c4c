/* keep_mirror.c - a thread that copies, a thread that answers. */
#include "archiver/vault/keep_mirror_priv.h"
#include "archiver/vault/mirror.h"
#include "archiver/vault/mirror_state.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 1000, TOLD_MS = 1000 };

struct waiter {
    struct waiter *next;
    struct fk_job *job;
    uint64_t step; /* the one that has it for certain */
    bool tidy;     /* and files and keys are to have followed */
};

struct fk_mirrorer {
    struct fk_pen *pen;
    struct fk_mirrorer_options options;
    pthread_mutex_t asking; /* the pen; taken alone, or after lock */
    pthread_mutex_t lock;
    pthread_cond_t to_copy, to_answer;
    pthread_t copier, usher;
    bool wanted, stepping, untidy, ending, copier_ended;
    bool abandoned;               /* changed with both locks held */
    uint64_t begun, done, tidied; /* steps */
    uint64_t parts;               /* of steps and of tidying, so far */
    uint64_t next;                /* entries before it are in the mirror, when a part ended last */
    int64_t busy_ms;              /* since when a step or a part of tidying has run; 0: none */
    bool late;                    /* that was told of */
    bool away;
    struct fk_err why;
    int64_t again_ms; /* when it is tried next */
    struct waiter *first, **last;
    /* the copier's */
    struct fk_mirror *mirror;
    struct fk_mirror_state state, told;
    int64_t told_ms;
    pthread_mutex_t telling; /* DIR/run/mirror; taken alone */
};

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms) {
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(cond, lock, &t);
}

/* ---- what the copier asks of the pen: nothing more once it has been given up */

static enum fk_status given_up(struct fk_mirrorer *m, struct fk_err *err) {
    return m->abandoned ? fk_fail(err, FK_RETRY, "the pen has been put down") : FK_OK;
}

static enum fk_status slice_ask(void *ctx, const struct fk_mark *from, struct fk_slice *out,
                                struct fk_err *err) {
    struct fk_mirrorer *m = ctx;
    pthread_mutex_lock(&m->asking);
    enum fk_status st = given_up(m, err);
    if (st == FK_OK)
        st = fk_pen_slice(m->pen, from, out, err);
    pthread_mutex_unlock(&m->asking);
    return st;
}

static enum fk_status digest_ask(void *ctx, uint64_t seq, uint8_t out[FK_SHA256_BYTES],
                                 struct fk_err *err) {
    struct fk_mirrorer *m = ctx;
    pthread_mutex_lock(&m->asking);
    enum fk_status st = given_up(m, err);
    if (st == FK_OK)
        st = fk_pen_digest(m->pen, seq, out, err);
    pthread_mutex_unlock(&m->asking);
    return st;
}

/* ---- copying */

static enum fk_status bring(struct fk_mirrorer *m, bool step, bool *more, struct fk_err *err) {
    const struct fk_mirror_source source = {m->options.vault, slice_ask, digest_ask, m};
    enum fk_status st = FK_OK;
    if (!m->mirror)
        FK_TRY(fk_mirror_open(m->options.dir, &source, &m->mirror, err));
    st = step ? fk_mirror_step(m->mirror, &m->state.next_seq, more, err)
              : fk_mirror_tidy(m->mirror, more, err);
done:
    if (st != FK_OK)
        fk_mirror_close(&m->mirror); /* opened anew, it is read from its disk */
    return st;
}

static enum fk_status state_put(struct fk_mirrorer *m, struct fk_mirror_state *s) {
    s->time_ms = fk_now_ms();
    pthread_mutex_lock(&m->telling);
    enum fk_status st = fk_mirror_state_write(m->options.vault, s, NULL);
    pthread_mutex_unlock(&m->telling);
    return st;
}

/* For status: at once when it comes or goes, once a second while it follows. */
static void state_tell(struct fk_mirrorer *m) {
    int64_t now = fk_monotonic_ms();
    struct fk_mirror_state *s = &m->state;
    bool turned = s->away != m->told.away || strcmp(s->trouble, m->told.trouble) != 0;
    if (!turned && (s->next_seq == m->told.next_seq || now - m->told_ms < TOLD_MS))
        return;
    m->told_ms = now;
    if (state_put(m, s) == FK_OK) /* else status says less, and it is tried again in a second */
        m->told = *s;
}

static void part_ended(struct fk_mirrorer *m, bool step, enum fk_status st, bool more,
                       const struct fk_err *err) {
    bool turned = (st != FK_OK) != m->away || (m->away && strcmp(err->text, m->why.text) != 0);
    struct fk_err say = *err;
    m->parts++;
    m->next = m->state.next_seq;
    m->stepping = step && st == FK_OK && more;
    if (step && st == FK_OK && !more)
        m->done = m->begun;
    if (step)
        m->untidy = true;
    else if (st == FK_OK && !more) {
        m->untidy = false;
        m->tidied = m->done;
    }
    if (!m->stepping) { /* a step counts as one, however many its parts */
        m->busy_ms = 0;
        m->late = false;
    }
    m->away = st != FK_OK;
    m->why = *err;
    m->again_ms = fk_monotonic_ms() + FK_MIRROR_AGAIN_MS;
    m->state.away = m->away;
    snprintf(m->state.trouble, sizeof m->state.trouble, "%s", m->away ? err->text : "");
    pthread_cond_broadcast(&m->to_answer);
    pthread_mutex_unlock(&m->lock);
    if (turned && m->options.notice && st != FK_OK) {
        fk_err_prefix(&say, "the mirror is away");
        m->options.notice(&say);
    }
    m->options.stepped(m->options.ctx);
    state_tell(m);
    pthread_mutex_lock(&m->lock);
}

/* Until there is something to do, or nothing more to be done. */
static bool step_wait(struct fk_mirrorer *m) {
    for (;;) {
        int64_t now = fk_monotonic_ms();
        bool told = m->state.next_seq == m->told.next_seq;
        bool more = m->wanted || m->stepping || m->untidy;
        if (m->ending && (m->away || !more))
            return false;
        if (m->away ? now >= m->again_ms : more)
            return true;
        if (!told && now - m->told_ms >= TOLD_MS) {
            pthread_mutex_unlock(&m->lock);
            state_tell(m);
            pthread_mutex_lock(&m->lock);
        } else if (told && !m->away)
            pthread_cond_wait(&m->to_copy, &m->lock);
        else
            wait_until(&m->to_copy, &m->lock, now + LOOK_MS);
    }
}

static void *copy_thread(void *arg) {
    struct fk_mirrorer *m = arg;
    bool stepped = false;
    pthread_mutex_lock(&m->lock);
    while (step_wait(m)) {
        struct fk_err err = FK_ERR_INIT;
        /* in turns, so that under load files follow too */
        bool more = true, fresh = m->away || (m->wanted && !(m->untidy && stepped));
        bool step = m->stepping || fresh;
        if (!m->stepping && fresh) {
            m->wanted = false;
            m->begun++;
        }
        if (!m->busy_ms)
            m->busy_ms = fk_monotonic_ms();
        stepped = step;
        pthread_cond_broadcast(&m->to_answer);
        pthread_mutex_unlock(&m->lock);
        enum fk_status st = bring(m, step, &more, &err);
        pthread_mutex_lock(&m->lock);
        if (m->abandoned)
            break;
        part_ended(m, step, st, more, &err);
    }
    bool abandoned = m->abandoned;
    pthread_mutex_unlock(&m->lock);
    if (!abandoned) {
        m->told.next_seq = UINT64_MAX; /* the last word */
        m->told_ms = 0;
        state_tell(m);
    }
    fk_mirror_close(&m->mirror);
    pthread_mutex_lock(&m->lock);
    m->copier_ended = true;
    pthread_cond_broadcast(&m->to_answer);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- answering */

static void answer(struct fk_mirrorer *m, struct waiter *w, enum fk_status st,
                   const struct fk_err *why) {
    struct fk_receipt *r = &w->job->receipt;
    if (st != FK_OK) {
        r->status = FK_RETRY;
        snprintf(r->text, sizeof r->text,
                 "kept as entry %" PRIu64 ", but the mirror has it not yet: %.120s", r->seq,
                 why->text);
    }
    m->options.finished(m->options.ctx, w->job);
    free(w);
}

/* It hangs, or has much to catch up with: mail is not to wait for that. */
static bool is_late(const struct fk_mirrorer *m) {
    return m->busy_ms && fk_monotonic_ms() - m->busy_ms >= FK_MIRROR_HANGS_MS;
}

static bool is_away(const struct fk_mirrorer *m, struct fk_err *why) {
    if (m->away)
        *why = m->why;
    else if (is_late(m))
        (void)fk_fail(why, FK_IO,
                      "%s: it has not caught up for %d s: it hangs, or has much to catch up with",
                      m->options.dir, FK_MIRROR_HANGS_MS / 1000);
    return m->away || is_late(m);
}

/* FK_RETRY: it is not known yet. */
static enum fk_status waiter_look(struct fk_mirrorer *m, const struct waiter *w,
                                  struct fk_err *why) {
    if ((w->tidy ? m->tidied : m->done) >= w->step)
        return FK_OK;
    if (is_away(m, why))
        return FK_IO;
    if (m->copier_ended)
        return fk_fail(why, FK_IO, "it is being stopped");
    return FK_RETRY;
}

/* The copier cannot tell that it hangs: said here, once. */
static void late_tell(struct fk_mirrorer *m) {
    struct fk_mirror_state state = {.next_seq = m->next, .away = true};
    struct fk_err why = FK_ERR_INIT;
    if (m->late || m->away || !is_away(m, &why))
        return;
    m->late = true;
    snprintf(state.trouble, sizeof state.trouble, "%s", why.text);
    pthread_mutex_unlock(&m->lock);
    (void)!state_put(m, &state);
    if (m->options.notice) {
        fk_err_prefix(&why, "the mirror is away");
        m->options.notice(&why);
    }
    m->options.stepped(m->options.ctx);
    pthread_mutex_lock(&m->lock);
}

/* Takes out the first that can be answered; NULL: none can. */
static struct waiter *waiter_take(struct fk_mirrorer *m, enum fk_status *st, struct fk_err *why) {
    for (struct waiter **p = &m->first; *p; p = &(*p)->next) {
        struct waiter *w = *p;
        if ((*st = waiter_look(m, w, why)) == FK_RETRY)
            continue;
        if (!(*p = w->next))
            m->last = p;
        return w;
    }
    return NULL;
}

static void *usher_thread(void *arg) {
    struct fk_mirrorer *m = arg;
    pthread_mutex_lock(&m->lock);
    while (m->first || !m->ending) {
        struct fk_err why = FK_ERR_INIT;
        enum fk_status st;
        struct waiter *w = waiter_take(m, &st, &why);
        if (w) {
            pthread_mutex_unlock(&m->lock);
            answer(m, w, st, &why);
            pthread_mutex_lock(&m->lock);
        } else if (m->first || m->busy_ms) {
            wait_until(&m->to_answer, &m->lock, fk_monotonic_ms() + LOOK_MS);
            late_tell(m);
        } else {
            pthread_cond_wait(&m->to_answer, &m->lock);
        }
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- asking */

void fk_mirrorer_wake(struct fk_mirrorer *m) {
    pthread_mutex_lock(&m->lock);
    m->wanted = true;
    pthread_cond_signal(&m->to_copy);
    pthread_mutex_unlock(&m->lock);
}

void fk_mirrorer_wait(struct fk_mirrorer *m, struct fk_job *job, bool tidy) {
    struct waiter *w = calloc(1, sizeof *w);
    if (!w) {
        job->receipt.status = FK_NOMEM;
        snprintf(job->receipt.text, sizeof job->receipt.text,
                 "kept, but no memory to wait for the mirror");
        m->options.finished(m->options.ctx, job);
        return;
    }
    w->job = job;
    w->tidy = tidy;
    pthread_mutex_lock(&m->lock);
    w->step = m->begun + 1;
    *m->last = w;
    m->last = &w->next;
    m->wanted = true;
    pthread_cond_signal(&m->to_copy);
    pthread_cond_signal(&m->to_answer);
    pthread_mutex_unlock(&m->lock);
}

enum fk_mirrorer_state fk_mirrorer_look(struct fk_mirrorer *m, struct fk_err *why) {
    enum fk_mirrorer_state state = FK_MIRROR_CURRENT;
    pthread_mutex_lock(&m->lock);
    if (is_away(m, why))
        state = FK_MIRROR_AWAY;
    else if (m->wanted || m->stepping || m->untidy || m->tidied != m->begun)
        state = FK_MIRROR_BEHIND;
    pthread_mutex_unlock(&m->lock);
    return state;
}

/* ---- starting and stopping */

enum fk_status fk_mirrorer_new(struct fk_pen *pen, const struct fk_mirrorer_options *options,
                               struct fk_mirrorer **out, struct fk_err *err) {
    struct fk_mirrorer *m = calloc(1, sizeof *m);
    pthread_condattr_t monotonic;
    if (!m)
        return fk_fail(err, FK_NOMEM, "no memory for the mirror");
    m->pen = pen;
    m->options = *options;
    m->last = &m->first;
    m->wanted = true;
    m->told.next_seq = UINT64_MAX;
    if (fk_mirror_state_read(options->vault, &m->state, NULL) != FK_OK)
        m->state.next_seq = 0; /* what it had when it was looked at last is the best guess */
    m->next = m->state.next_seq;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->telling, NULL);
    pthread_mutex_init(&m->asking, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->to_copy, &monotonic);
    pthread_cond_init(&m->to_answer, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int rc = pthread_create(&m->copier, NULL, copy_thread, m);
    if (rc) {
        free(m);
        return fk_fail_sys(err, rc, "cannot start a thread");
    }
    if ((rc = pthread_create(&m->usher, NULL, usher_thread, m))) {
        pthread_mutex_lock(&m->lock);
        m->ending = true;
        pthread_cond_signal(&m->to_copy);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->copier, NULL);
        free(m);
        return fk_fail_sys(err, rc, "cannot start a thread");
    }
    *out = m;
    return FK_OK;
}

/* A copier that hangs in a call of the system is left to the end of the process, which is near: it
 * does not touch the pen any more. */
static bool copier_end(struct fk_mirrorer *m) {
    int64_t until = fk_monotonic_ms() + FK_MIRROR_HANGS_MS;
    uint64_t parts = m->parts;
    while (!m->copier_ended && fk_monotonic_ms() < until) {
        wait_until(&m->to_answer, &m->lock, fk_monotonic_ms() + LOOK_MS);
        if (m->parts != parts)
            until = fk_monotonic_ms() + FK_MIRROR_HANGS_MS;
        parts = m->parts;
    }
    pthread_mutex_lock(&m->asking);
    m->abandoned = !m->copier_ended;
    pthread_mutex_unlock(&m->asking);
    return m->copier_ended;
}

void fk_mirrorer_free(struct fk_mirrorer **mp) {
    struct fk_mirrorer *m = *mp;
    if (!m)
        return;
    *mp = NULL;
    pthread_mutex_lock(&m->lock);
    m->ending = m->wanted = true;
    pthread_cond_broadcast(&m->to_copy);
    pthread_cond_broadcast(&m->to_answer);
    bool ended = copier_end(m);
    pthread_cond_broadcast(&m->to_answer);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->usher, NULL);
    if (!ended) {
        pthread_detach(m->copier);
        return;
    }
    pthread_join(m->copier, NULL);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->asking);
    pthread_mutex_destroy(&m->telling);
    pthread_cond_destroy(&m->to_copy);
    pthread_cond_destroy(&m->to_answer);
    free(m);
}
