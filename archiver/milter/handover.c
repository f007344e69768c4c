/*
 * handover.c - a queue with a loop at its end.
 *
 * A message is on the stack of the thread that gives it, in the queue, then in a slot whose number
 * is its id with the pen, then answered: the thread may go on only then. Queue, slots and `inside`
 * are under the lock; the pen's end belongs to the loop.
 */
#include "archiver/milter/handover.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a thread that has left may still take to write its answer to the mail server. */
enum { STOP_MS = 30000, SOON_MS = 100, ANSWER_MS = 1000 };

struct given {
    const struct fk_mail *mail;
    struct fk_receipt receipt;
    bool answered;
    struct given *next;
};

struct fk_handover {
    struct fk_keep *keep;
    int wake; /* eventfd: the queue has something, or it is to stop */
    pthread_mutex_t lock;
    pthread_cond_t answers;
    struct given *first, **last; /* the queue */
    struct given *slots[FK_KEEP_IN_FLIGHT];
    uint32_t free[FK_KEEP_IN_FLIGHT];
    size_t free_count;
    unsigned inside;
    int64_t left_ms; /* when the last of them left; 0 where none has */
    bool away, stopping;
    bool ended; /* nobody brings messages any more */
    struct fk_err end;
    int64_t stop_ms;
    int stop_asked; /* set by a signal handler */
};

enum fk_status fk_handover_new(struct fk_keep *keep, struct fk_handover **out, struct fk_err *err) {
    struct fk_handover *h = calloc(1, sizeof *h);
    if (!h)
        return fk_fail(err, FK_NOMEM, "no memory to hand messages over");
    h->keep = keep;
    h->last = &h->first;
    h->away = fk_keep_fd(keep) < 0;
    for (uint32_t i = FK_KEEP_IN_FLIGHT; i--;)
        h->free[h->free_count++] = i;
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake < 0 || pthread_mutex_init(&h->lock, NULL) != 0 ||
        pthread_cond_init(&h->answers, NULL) != 0) {
        free(h);
        return fk_fail(err, FK_NOMEM, "no memory to hand messages over");
    }
    *out = h;
    return FK_OK;
}

/* A full counter wakes as well. */
static void wake(struct fk_handover *h) {
    const uint64_t one = 1;
    (void)!write(h->wake, &one, sizeof one);
}

/* ---- of any thread */

bool fk_handover_enter(struct fk_handover *h) {
    pthread_mutex_lock(&h->lock);
    bool open = !h->away && !h->stopping;
    h->inside += open;
    pthread_mutex_unlock(&h->lock);
    return open;
}

void fk_handover_leave(struct fk_handover *h) {
    pthread_mutex_lock(&h->lock);
    h->inside--;
    h->left_ms = fk_monotonic_ms();
    bool last = h->stopping && !h->inside;
    pthread_mutex_unlock(&h->lock);
    if (last)
        wake(h);
}

void fk_handover_give(struct fk_handover *h, const struct fk_mail *mail, struct fk_receipt *out) {
    struct given g = {.mail = mail};
    pthread_mutex_lock(&h->lock);
    *h->last = &g;
    h->last = &g.next;
    wake(h);
    while (!g.answered)
        pthread_cond_wait(&h->answers, &h->lock);
    pthread_mutex_unlock(&h->lock);
    *out = g.receipt;
}

void fk_handover_end(struct fk_handover *h, enum fk_status why, const char *text) {
    pthread_mutex_lock(&h->lock);
    h->ended = true;
    if (why != FK_OK)
        (void)fk_fail(&h->end, why, "%s", text);
    pthread_mutex_unlock(&h->lock);
    wake(h);
}

void fk_handover_stop(struct fk_handover *h) {
    const int problem = errno;
    __atomic_store_n(&h->stop_asked, 1, __ATOMIC_RELAXED);
    wake(h);
    errno = problem;
}

/* ---- the loop; the lock is held where a name ends in "_locked" */

static void answer_locked(struct fk_handover *h, struct given *g, const struct fk_receipt *r) {
    g->receipt = *r;
    g->answered = true;
    pthread_cond_broadcast(&h->answers);
}

static struct given *queue_take_locked(struct fk_handover *h) {
    struct given *g = h->first;
    h->first = g->next;
    if (!h->first)
        h->last = &h->first;
    return g;
}

/* False where the first of the queue has to wait. Without a socket nothing waits: the sender is to
 * hear of it now. */
static bool first_send_locked(struct fk_handover *h) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_receipt failed = {.status = FK_RETRY};
    if (fk_keep_fd(h->keep) >= 0) {
        if (!h->free_count)
            return false;
        uint32_t id = h->free[h->free_count - 1];
        failed.status = fk_keep_send_mail(h->keep, id, h->first->mail, &err);
        if (failed.status == FK_OK) {
            h->slots[id] = queue_take_locked(h);
            h->free_count--;
            return true;
        }
        if (failed.status == FK_RETRY)
            return false; /* full, or dead and about to say so */
    }
    snprintf(failed.text, sizeof failed.text, "%s", err.text);
    answer_locked(h, queue_take_locked(h), &failed);
    return true;
}

static void receipts_take_locked(struct fk_handover *h) {
    struct fk_receipt r;
    while (fk_keep_next_receipt(h->keep, 0, &r, NULL) == FK_OK) {
        if (r.id >= FK_KEEP_IN_FLIGHT || !h->slots[r.id])
            continue; /* not one of ours: the pen's fault, and nobody waits for it */
        answer_locked(h, h->slots[r.id], &r);
        h->slots[r.id] = NULL;
        h->free[h->free_count++] = r.id;
    }
}

/* Receipts first: they make room. */
static void turn(struct fk_handover *h) {
    pthread_mutex_lock(&h->lock);
    receipts_take_locked(h);
    h->away = fk_keep_fd(h->keep) < 0;
    while (h->first && first_send_locked(h))
        ;
    pthread_mutex_unlock(&h->lock);
}

static void stop_begin(struct fk_handover *h) {
    if (h->stop_ms)
        return;
    h->stop_ms = fk_monotonic_ms();
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_mutex_unlock(&h->lock);
}

static enum fk_status child_look(struct fk_handover *h, struct fk_child *child,
                                 struct fk_err *err) {
    struct fk_child_event event;
    enum fk_status st = fk_child_next(child, 0, &event, err);
    if (st != FK_OK)
        return st;
    if (event.what == FK_CHILD_STOP)
        stop_begin(h);
    else if (event.what == FK_CHILD_SOCKET && strcmp(event.name, "keep") == 0)
        fk_keep_reattach(h->keep, event.fd);
    else if (event.what == FK_CHILD_SOCKET)
        fk_close(&event.fd);
    return FK_OK;
}

static enum fk_status wait(struct fk_handover *h, struct fk_child *child, struct fk_err *err) {
    struct pollfd set[4] = {{h->wake, POLLIN, 0},
                            {fk_keep_fd(h->keep), POLLIN, 0},
                            {child->control, POLLIN, 0},
                            {child->signals, POLLIN, 0}};
    uint64_t count;
    bool soon = h->stop_ms || h->first; /* the socket's room comes without an event */
    if (poll(set, 4, soon ? SOON_MS : -1) < 0 && errno != EINTR)
        return fk_fail_sys(err, errno, "cannot wait for messages");
    (void)!read(h->wake, &count, sizeof count);
    if (__atomic_load_n(&h->stop_asked, __ATOMIC_RELAXED))
        stop_begin(h);
    return set[2].revents || set[3].revents ? child_look(h, child, err) : FK_OK;
}

static bool is_done(struct fk_handover *h, struct fk_err *err, enum fk_status *st) {
    pthread_mutex_lock(&h->lock);
    const int64_t now = fk_monotonic_ms();
    bool ended = h->ended;
    bool empty = !h->inside && (!h->left_ms || now - h->left_ms > ANSWER_MS);
    pthread_mutex_unlock(&h->lock);
    if (ended && h->end.status != FK_OK)
        *st = fk_fail(err, h->end.status, "%s", h->end.text);
    bool late = h->stop_ms && now - h->stop_ms > STOP_MS;
    return ended || late || (h->stop_ms && empty);
}

enum fk_status fk_handover_run(struct fk_handover *h, struct fk_child *child, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && !is_done(h, err, &st)) {
        turn(h);
        if (fk_keep_fd(h->keep) < 0 && child->control < 0 && !h->stop_ms)
            return fk_fail(err, FK_RETRY, "the pen has gone, and nobody will bring another");
        st = wait(h, child, err);
    }
    return st;
}
