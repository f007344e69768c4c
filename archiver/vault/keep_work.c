/*
 * keep_work.c - queues, threads and the group commit. What a job says was checked by keep_main.c;
 * what is in its memory file is checked here, where it is read anyway.
 */
#include "archiver/vault/keep_work_priv.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_mirror_priv.h"
#include "archiver/vault/keep_seal_priv.h"
#include "base/beat.h"
#include "base/io.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LARGE_BYTES = 4 << 20,  /* written out while it is prepared, and slow */
    READY_BYTES = 16 << 20, /* prepared and not yet committed: threads pause over it */
    GROUP_JOBS = 256,       /* in one transaction */
    GATHER_US = 2000,
    ERASE_AGAIN_US = 5000000,
    THREADS_MAX = 64
};

struct queue {
    struct fk_job *first, **last;
};

struct fk_work {
    struct fk_pen *pen;
    struct fk_work_options options;
    fk_work_finished_fn finished;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t to_prepare, to_commit;
    struct queue small, large, ready;
    struct queue sealing; /* who waits for a segment to be sealed; the committer's */
    struct fk_sealer *sealer;
    struct fk_mirrorer *mirror; /* NULL: there is none */
    struct fk_beat *beat;       /* while there is something to be kept */
    bool seal_wanted;
    struct queue rekeying; /* who waits for a rotation of the key-encryption key; the committer's */
    bool rekey_wanted;
    bool erase_left; /* a disposal was cut short, for want of room maybe; the committer's */
    struct timespec erase_at; /* when it is tried again */
    uint64_t segment, sealed; /* the active one, and the newest that was sealed; the committer's */
    unsigned small_open;      /* small jobs queued or being prepared */
    unsigned large_queued, large_running;
    uint64_t in_flight, ready_bytes;
    bool stopping, committed_all, spoiled;
    pthread_t threads[THREADS_MAX], committer;
    unsigned started;
    bool committer_started;
};

/* ---- jobs and queues */

struct fk_job *fk_job_new(void) {
    struct fk_job *j = calloc(1, sizeof *j);
    if (j)
        j->escrow.fd = -1;
    return j;
}

void fk_job_free(struct fk_job **jp) {
    struct fk_job *j = *jp;
    if (!j)
        return;
    fk_sheet_free(&j->sheet);
    fk_healing_free(&j->heal.at);
    if (j->has_content)
        fk_memfile_unmap(j->map, j->map_len);
    fk_buf_free(&j->fields);
    fk_seqs_free(&j->seqs);
    fk_close(&j->escrow.fd);
    fk_buf_free(&j->escrow.lines);
    fk_buf_free(&j->escrow.body);
    OPENSSL_cleanse(j->escrow.key, sizeof j->escrow.key);
    free(j);
    *jp = NULL;
}

static void queue_init(struct queue *q) {
    q->first = NULL;
    q->last = &q->first;
}

static void queue_put(struct queue *q, struct fk_job *j) {
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
}

static struct fk_job *queue_take(struct queue *q) {
    struct fk_job *j = q->first;
    if (j && !(q->first = j->next))
        q->last = &q->first;
    return j;
}

static bool job_is_large(const struct fk_job *j) {
    return j->map_len > LARGE_BYTES || j->type == FK_KEEP_HEAL; /* it reads a segment */
}

/* Not a sheet among others in a transaction. */
static bool job_is_alone(const struct fk_job *j) {
    return j->type >= FK_KEEP_DISPOSE && j->type <= FK_KEEP_HEAL;
}

static void job_fail(struct fk_job *j, const struct fk_err *err) {
    j->receipt.status = err->status;
    snprintf(j->receipt.text, sizeof j->receipt.text, "%.199s", err->text);
}

/* What was needed to keep it: who waits for the mirror holds no memory. */
static void job_let_go(struct fk_work *w, struct fk_job *j) {
    fk_sheet_free(&j->sheet);
    if (j->has_content)
        fk_memfile_unmap(j->map, j->map_len);
    j->has_content = false;
    pthread_mutex_lock(&w->lock);
    w->in_flight -= j->map_len;
    pthread_mutex_unlock(&w->lock);
    j->map_len = 0;
}

static void job_finish(struct fk_work *w, struct fk_job *j) {
    job_let_go(w, j);
    w->finished(w->ctx, j);
}

/* A mail that could not be answered with a 250 is better refused before it is an entry. */
static void mirror_check(struct fk_work *w, const struct fk_job *j, struct fk_err *err) {
    struct fk_err why;
    if (w->mirror && w->options.mirror_sync && j->type == FK_KEEP_MAIL &&
        fk_mirrorer_look(w->mirror, &why) == FK_MIRROR_AWAY)
        (void)fk_fail(err, FK_RETRY, "the mirror is away: %s", why.text);
}

void fk_work_add(struct fk_work *w, struct fk_job *j) {
    struct fk_err err = FK_ERR_INIT;
    mirror_check(w, j, &err);
    fk_beat_go_on(w->beat);
    pthread_mutex_lock(&w->lock);
    if (w->in_flight + j->map_len > w->options.in_flight_bytes)
        fk_fail(&err, FK_FULL, "more than %llu bytes are in flight (in-flight); try again",
                (unsigned long long)w->options.in_flight_bytes);
    w->in_flight += j->map_len;
    if (err.status == FK_OK) {
        if (job_is_alone(j) && j->type != FK_KEEP_HEAL) {
            queue_put(&w->ready, j);
            pthread_cond_signal(&w->to_commit);
        } else if (job_is_large(j)) {
            queue_put(&w->large, j);
            w->large_queued++;
            pthread_cond_broadcast(&w->to_prepare);
        } else {
            queue_put(&w->small, j);
            w->small_open++;
            pthread_cond_signal(&w->to_prepare);
        }
    }
    pthread_mutex_unlock(&w->lock);
    if (err.status != FK_OK) {
        job_fail(j, &err);
        job_finish(w, j);
    }
}

bool fk_work_is_spoiled(struct fk_work *w) {
    pthread_mutex_lock(&w->lock);
    bool spoiled = w->spoiled;
    pthread_mutex_unlock(&w->lock);
    return spoiled;
}

static void spoil(struct fk_work *w) {
    pthread_mutex_lock(&w->lock);
    w->spoiled = true;
    pthread_mutex_unlock(&w->lock);
}

/* ---- preparing */

/* The envelope block is ours, so its form is held to; the message is bytes. */
static enum fk_status envelope_check(const struct fk_job *j, struct fk_err *err) {
    const uint8_t *block = j->map + j->message_bytes;
    size_t len = j->map_len - j->message_bytes;
    if (len < FK_ENVELOPE_FIRST_LINE)
        return fk_fail(err, FK_INVALID, "the envelope block has %zu bytes", len);
    struct fk_buf fields = {.data = (uint8_t *)(uintptr_t)block + FK_ENVELOPE_FIRST_LINE,
                            .len = len - FK_ENVELOPE_FIRST_LINE};
    struct fk_buf expected = FK_BUF_INIT;
    fk_envelope_finish(&expected, &fields, j->message_bytes);
    bool nomem = expected.failed;
    bool same = !nomem && expected.len == len && memcmp(expected.data, block, len) == 0;
    fk_buf_free(&expected);
    if (nomem)
        return fk_fail(err, FK_NOMEM, "no memory to check an envelope block");
    struct fk_fields it = fk_fields_begin(fields.data, fields.len);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        ;
    if (!same || it.bad)
        return fk_fail(err, FK_INVALID, "the envelope block is not of the form");
    return FK_OK;
}

static void content_describe(const struct fk_job *j, struct fk_draft *d) {
    if (!j->has_content)
        return;
    if (j->type == FK_KEEP_MAIL) {
        d->content[d->pieces++] = (struct iovec){(void *)(uintptr_t)(j->map + j->message_bytes),
                                                 j->map_len - j->message_bytes};
        d->content[d->pieces++] = (struct iovec){(void *)(uintptr_t)j->map, j->message_bytes};
    } else {
        d->content[d->pieces++] = (struct iovec){(void *)(uintptr_t)j->map, j->map_len};
    }
}

static enum fk_status job_prepare(struct fk_work *w, struct fk_job *j, struct fk_err *err) {
    const struct fk_heal_order order = {w->options.mirror, j->heal.segment};
    enum fk_status st = j->type == FK_KEEP_MAIL ? envelope_check(j, err) : FK_OK;
    if (st != FK_OK)
        return st;
    if (j->type == FK_KEEP_HEAL)
        return fk_pen_heal_look(w->pen, &order, &j->heal.at, err);
    struct fk_draft d = {.kind = j->kind,
                         .fields = fk_buf_cstr(&j->fields),
                         .is_mail = j->type == FK_KEEP_MAIL,
                         .compare = j->type == FK_KEEP_DISPOSE,
                         .basis = j->basis};
    if (j->fields.failed)
        return fk_fail(err, FK_NOMEM, "no memory for an entry");
    content_describe(j, &d);
    return fk_pen_prepare(w->pen, &d, &j->sheet, err);
}

/* The next job that this thread may take; NULL when there is none. Small ones first; large ones
 * leave one thread free. */
static struct fk_job *next_to_prepare(struct fk_work *w) {
    struct fk_job *j = queue_take(&w->small);
    if (!j && (w->options.threads == 1 || w->large_running + 1 < w->options.threads))
        if ((j = queue_take(&w->large))) {
            w->large_queued--;
            w->large_running++;
        }
    return j;
}

static void prepared(struct fk_work *w, struct fk_job *j, enum fk_status st) {
    pthread_mutex_lock(&w->lock);
    if (job_is_large(j))
        w->large_running--;
    else
        w->small_open--;
    if (st == FK_OK) {
        queue_put(&w->ready, j);
        w->ready_bytes += job_is_large(j) ? 0 : j->map_len;
    }
    pthread_cond_signal(&w->to_commit);
    if (w->large.first)
        pthread_cond_signal(&w->to_prepare); /* it may have waited for its turn */
    pthread_mutex_unlock(&w->lock);
}

static void *prepare_thread(void *arg) {
    struct fk_work *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct fk_job *j = w->ready_bytes > READY_BYTES ? NULL : next_to_prepare(w);
        if (!j) {
            if (w->committed_all)
                break;
            pthread_cond_wait(&w->to_prepare, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        struct fk_err err = FK_ERR_INIT;
        enum fk_status st = job_prepare(w, j, &err);
        if (st == FK_IO && j->type != FK_KEEP_HEAL)
            spoil(w);
        if (st != FK_OK)
            job_fail(j, &err);
        prepared(w, j, st);
        if (st != FK_OK)
            job_finish(w, j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- committing */

static struct timespec time_after(int64_t us) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += us / 1000000;
    t.tv_nsec += us % 1000000 * 1000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool all_is_done(const struct fk_work *w) {
    return w->stopping && !w->small_open && !w->large_queued && !w->large_running &&
           !w->sealing.first && !fk_sealer_is_busy(w->sealer) && !w->rekeying.first;
}

/* Each step waits until the mirror has the one before; while that is away only who waits is told.
 */
static bool mirror_lets_rekey(const struct fk_work *w) {
    struct fk_err why;
    enum fk_mirrorer_state state =
        w->mirror ? fk_mirrorer_look(w->mirror, &why) : FK_MIRROR_CURRENT;
    return state == FK_MIRROR_CURRENT || (state == FK_MIRROR_AWAY && w->rekeying.first);
}

/* A server that stops leaves the rest of a rotation that nobody waits for to the next one. */
static bool rekey_is_due(const struct fk_work *w) {
    return w->rekey_wanted && (!w->stopping || w->rekeying.first) && mirror_lets_rekey(w);
}

static bool erase_is_due(const struct fk_work *w) {
    struct timespec now = time_after(0);
    return w->erase_left && !w->stopping &&
           (now.tv_sec > w->erase_at.tv_sec ||
            (now.tv_sec == w->erase_at.tv_sec && now.tv_nsec >= w->erase_at.tv_nsec));
}

static void wait_for_work(struct fk_work *w) {
    if (w->erase_left && !w->stopping)
        (void)pthread_cond_timedwait(&w->to_commit, &w->lock, &w->erase_at);
    else
        pthread_cond_wait(&w->to_commit, &w->lock);
}

/* All that is ready, as a list; false when there will be no more. The list is empty when it is the
 * sealer that has something to end, a rotation of the key-encryption key its next step, or a
 * disposal that was cut short. */
static bool ready_take(struct fk_work *w, struct fk_job **list_out) {
    pthread_mutex_lock(&w->lock);
    while (!w->ready.first && !fk_sealer_is_due(w->sealer) && !rekey_is_due(w) &&
           !erase_is_due(w) && !all_is_done(w))
        wait_for_work(w);
    struct timespec until = time_after(GATHER_US);
    while (w->ready.first && w->small_open && w->ready_bytes <= READY_BYTES)
        if (pthread_cond_timedwait(&w->to_commit, &w->lock, &until) == ETIMEDOUT)
            break;
    *list_out = w->ready.first;
    queue_init(&w->ready);
    if (w->ready_bytes > READY_BYTES)
        pthread_cond_broadcast(&w->to_prepare);
    w->ready_bytes = 0;
    bool due = rekey_is_due(w) || erase_is_due(w);
    pthread_mutex_unlock(&w->lock);
    return *list_out || due || fk_sealer_is_due(w->sealer);
}

/* A large one was prepared into a segment that has been closed since: back to its queue. */
static void prepare_again(struct fk_work *w, struct fk_job *j) {
    fk_sheet_free(&j->sheet);
    pthread_mutex_lock(&w->lock);
    if (job_is_large(j)) {
        queue_put(&w->large, j);
        w->large_queued++;
    } else {
        queue_put(&w->small, j);
        w->small_open++;
    }
    pthread_cond_broadcast(&w->to_prepare);
    pthread_mutex_unlock(&w->lock);
}

static void committed(struct fk_work *w, struct fk_job *j) {
    struct fk_sheet *s = j->sheet;
    if (s->status == FK_RETRY && j->type == FK_KEEP_MAIL) {
        prepare_again(w, j);
        return;
    }
    j->receipt.status = s->status;
    j->receipt.seq = s->seq;
    memcpy(j->receipt.c256, s->c256, sizeof j->receipt.c256);
    memcpy(j->receipt.text, s->text, sizeof j->receipt.text);
    if (s->status == FK_OK && j->type == FK_KEEP_MAIL && w->mirror && w->options.mirror_sync) {
        job_let_go(w, j);
        fk_mirrorer_wait(w->mirror, j, false);
    } else {
        job_finish(w, j);
    }
}

static void group_commit(struct fk_work *w, struct fk_job **jobs, size_t n) {
    struct fk_sheet *sheets[GROUP_JOBS];
    struct fk_err err = FK_ERR_INIT;
    for (size_t i = 0; i < n; i++)
        sheets[i] = jobs[i]->sheet;
    enum fk_status st = fk_pen_commit(w->pen, sheets, n, &err);
    if (st == FK_IO)
        spoil(w);
    for (size_t i = 0; i < n; i++)
        if (st == FK_OK) {
            committed(w, jobs[i]);
        } else {
            job_fail(jobs[i], &err);
            job_finish(w, jobs[i]);
        }
}

static enum fk_status dispose_commit(struct fk_work *w, struct fk_job *j, struct fk_err *err) {
    enum fk_status st;
    struct fk_seqs left = {0};
    FK_TRY(fk_pen_has_content(w->pen, &j->seqs, &left, err));
    if (!left.count)
        goto done; /* all of them are disposed of already; receipt.seq stays 0 */
    fk_buf_str(&j->fields, "of=");
    fk_seqs_format(&left, &j->fields);
    fk_buf_printf(&j->fields, " basis=%llu rule=%s", (unsigned long long)j->basis, j->rule);
    FK_TRY(job_prepare(w, j, err));
    FK_TRY(fk_pen_commit(w->pen, &j->sheet, 1, err));
    if (j->sheet->status != FK_OK)
        FK_TRY(fk_fail(err, j->sheet->status, "%s", j->sheet->text));
    j->receipt.seq = j->sheet->seq;
    memcpy(j->receipt.c256, j->sheet->c256, sizeof j->receipt.c256);
    st = fk_pen_erase(w->pen, err);
    if (st != FK_OK)
        fk_err_prefix(err, "not done yet (entry %llu)", (unsigned long long)j->receipt.seq);
done:
    fk_seqs_free(&left);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_INVALID, "%s", err->text);
    return st;
}

/* After each round of the committer, and by itself: what a full disk has cut short. Nobody waits
 * for it any more, and until it is done who has the disk can read what the ledger says is gone. */
static void erasing_look(struct fk_work *w) {
    struct fk_err err = FK_ERR_INIT;
    bool was_left = w->erase_left;
    w->erase_left = fk_pen_is_erasing(w->pen);
    if (!w->erase_left)
        return;
    enum fk_status st = fk_pen_erase(w->pen, &err);
    w->erase_left = st != FK_OK;
    w->erase_at = time_after(ERASE_AGAIN_US);
    if (st == FK_IO)
        spoil(w);
    if (st != FK_OK && !was_left && w->options.notice) {
        fk_err_prefix(&err, "a disposal is not done yet, and is tried again");
        w->options.notice(&err);
    }
}

/* ---- sealing */

/* The sealer has run, or the mirror has followed: the committer is to look. */
static void look_told(void *ctx) {
    struct fk_work *w = ctx;
    pthread_mutex_lock(&w->lock);
    pthread_cond_signal(&w->to_commit);
    pthread_mutex_unlock(&w->lock);
}

static void sealing_answer(struct fk_work *w, enum fk_status st, const struct fk_err *err) {
    for (struct fk_job *j; (j = queue_take(&w->sealing));) {
        j->receipt.seq = w->sealed;
        if (st != FK_OK)
            job_fail(j, err);
        job_finish(w, j);
    }
    w->sealed = 0;
    fk_sealer_hurry(w->sealer, false);
    w->seal_wanted = false;
}

/* After each round of the committer: what rotation has closed is sealed, one after another. */
static void sealing_look(struct fk_work *w) {
    struct fk_err err = FK_ERR_INIT;
    uint64_t segment = fk_pen_segment(w->pen);
    if (segment != w->segment) {
        w->seal_wanted = true;
        w->rekey_wanted |= fk_pen_is_rekeying(w->pen); /* given up for want of room, maybe */
    }
    w->segment = segment;
    if (fk_sealer_is_busy(w->sealer) || !(w->seal_wanted || fk_sealer_is_due(w->sealer)))
        return;
    enum fk_status st = fk_sealer_step(w->sealer, &w->sealed, &err);
    if (st != FK_OK && st != FK_NOT_FOUND && w->options.notice)
        w->options.notice(&err); /* the segment stays closed, and is tried again later */
    if (st != FK_OK)
        sealing_answer(w, st == FK_NOT_FOUND ? FK_OK : st, &err);
}

/* ---- the key-encryption key */

static void rekey_answer(struct fk_work *w, enum fk_status st, const struct fk_err *why) {
    struct fk_job *j = queue_take(&w->rekeying);
    struct fk_err err = *why;
    if (st == FK_IO)
        spoil(w);
    if (st != FK_OK && !j && w->options.notice)
        w->options.notice(&err);
    if (st != FK_OK && j && j->receipt.seq)
        fk_err_prefix(&err, "entry %llu orders it, and the next pen goes on with it",
                      (unsigned long long)j->receipt.seq);
    if (j && st != FK_OK)
        job_fail(j, &err);
    if (j)
        job_finish(w, j);
    /* with the mirror back it goes on by itself */
    w->rekey_wanted = w->rekeying.first != NULL || (w->mirror && fk_pen_is_rekeying(w->pen));
}

static enum fk_status rekey_order(struct fk_work *w, struct fk_job *j, struct fk_err *err) {
    uint64_t seq = 0;
    enum fk_status st = fk_pen_rekey(w->pen, j->map, j->has_content ? j->map_len : 0, &seq, err);
    j->receipt.seq = seq;
    return st;
}

/* After each round of the committer: one step, so that mail waits for one segment at most. What a
 * crash left is completed before what is asked now is begun. */
static void rekey_look(struct fk_work *w) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_job *j = w->rekeying.first;
    bool done = false;
    enum fk_status st = FK_OK;
    enum fk_mirrorer_state mirror =
        w->mirror ? fk_mirrorer_look(w->mirror, &err) : FK_MIRROR_CURRENT;
    if (!w->rekey_wanted || mirror == FK_MIRROR_BEHIND || (mirror == FK_MIRROR_AWAY && !j))
        return;
    if (mirror == FK_MIRROR_AWAY)
        st = fk_fail(&err, FK_RETRY, "the mirror is away, and would be left with the old key");
    else if (fk_pen_is_rekeying(w->pen))
        st = fk_pen_rekey_step(w->pen, &done, &err);
    else if (j)
        st = rekey_order(w, j, &err);
    else
        w->rekey_wanted = false;
    if (st != FK_OK || (done && j && j->receipt.seq))
        rekey_answer(w, st, &err);
}

/* Between two commits: nothing else changes keys meanwhile, and mail waits as long as it takes to
 * write them, which is 88 bytes a message. */
static enum fk_status escrow_commit(struct fk_work *w, struct fk_job *j, struct fk_err *err) {
    const struct fk_escrow_order order = {j->escrow.key, fk_buf_cstr(&j->escrow.lines),
                                          j->escrow.body.data, j->escrow.body.len};
    return fk_pen_escrow(w->pen, &order, j->escrow.fd, &j->receipt.seq, err);
}

static enum fk_status alone_do(struct fk_work *w, struct fk_job *j, struct fk_err *err) {
    switch (j->type) {
    case FK_KEEP_SEAL:
        return fk_pen_rotate(w->pen, err);
    case FK_KEEP_ESCROW:
        return escrow_commit(w, j, err);
    case FK_KEEP_HEAL:
        return fk_pen_heal(w->pen, j->heal.at, j->map, j->has_content ? j->map_len : 0,
                           &j->receipt.seq, err);
    default:
        return dispose_commit(w, j, err);
    }
}

static void alone_commit(struct fk_work *w, struct fk_job *j) {
    struct fk_err err = FK_ERR_INIT;
    if (j->type == FK_KEEP_REKEY) {
        queue_put(&w->rekeying, j);
        w->rekey_wanted = true;
        return;
    }
    enum fk_status st = alone_do(w, j, &err);
    if (st == FK_OK && (j->type == FK_KEEP_DISPOSE || j->type == FK_KEEP_ESCROW) && w->mirror) {
        fk_mirrorer_wait(w->mirror, j, true); /* keys go there as well; a bundle is known there */
        return;
    }
    if (st == FK_IO && j->type != FK_KEEP_SEAL)
        spoil(w);
    if (st == FK_OK && j->type == FK_KEEP_SEAL) {
        queue_put(&w->sealing, j);
        fk_sealer_hurry(w->sealer, true);
        w->seal_wanted = true;
        return;
    }
    if (st != FK_OK)
        job_fail(j, &err);
    job_finish(w, j);
}

static void list_commit(struct fk_work *w, struct fk_job *list) {
    struct fk_job *group[GROUP_JOBS], *next;
    size_t n = 0;
    for (struct fk_job *j = list; j; j = next) {
        next = j->next;
        bool alone = job_is_alone(j);
        if (!alone)
            group[n++] = j;
        if (n && (alone || !next || n == GROUP_JOBS)) {
            group_commit(w, group, n);
            n = 0;
        }
        if (alone)
            alone_commit(w, j);
    }
}

static void *commit_thread(void *arg) {
    struct fk_work *w = arg;
    sealing_look(w);
    for (struct fk_job *list; ready_take(w, &list);) {
        list_commit(w, list);
        erasing_look(w);
        rekey_look(w);
        sealing_look(w);
        if (w->mirror)
            fk_mirrorer_wake(w->mirror);
    }
    return NULL;
}

/* ---- the mirror */

/* What it has been told of is done in the vault whatever becomes of the mirror: only a mail is to
 * come again. */
static void mirrored(void *ctx, struct fk_job *j) {
    struct fk_work *w = ctx;
    struct fk_err err = FK_ERR_INIT;
    if (j->receipt.status != FK_OK && j->type != FK_KEEP_MAIL) {
        (void)fk_fail(&err, FK_RETRY, "%s until it has caught up",
                      j->type == FK_KEEP_ESCROW ? "a bundle of keys: the mirror does not know of it"
                                                : "a disposal: the mirror may still have the keys");
        if (w->options.notice)
            w->options.notice(&err);
        j->receipt.status = FK_OK;
        j->receipt.text[0] = 0;
    }
    job_finish(w, j);
}

static enum fk_status mirror_start(struct fk_work *w, struct fk_err *err) {
    const struct fk_mirrorer_options options = {w->options.mirror, w->options.vault,  mirrored,
                                                look_told,         w->options.notice, w};
    return w->options.mirror ? fk_mirrorer_new(w->pen, &options, &w->mirror, err) : FK_OK;
}

/* ---- starting and stopping */

static enum fk_status threads_start(struct fk_work *w, struct fk_err *err) {
    enum fk_status st =
        fk_sealer_new(w->pen, w->options.seal_bytes_per_s, look_told, w, &w->sealer, err);
    if (st == FK_OK)
        st = mirror_start(w, err);
    if (st != FK_OK)
        return st;
    int rc = pthread_create(&w->committer, NULL, commit_thread, w);
    if (rc)
        return fk_fail_sys(err, rc, "cannot start a thread");
    w->committer_started = true;
    for (; w->started < w->options.threads; w->started++)
        if ((rc = pthread_create(&w->threads[w->started], NULL, prepare_thread, w)))
            return fk_fail_sys(err, rc, "cannot start a thread");
    return FK_OK;
}

enum fk_status fk_work_start(struct fk_pen *pen, const struct fk_work_options *options,
                             fk_work_finished_fn finished, void *ctx, struct fk_work **out,
                             struct fk_err *err) {
    struct fk_work *w = calloc(1, sizeof *w);
    if (!w)
        return fk_fail(err, FK_NOMEM, "no memory to work");
    w->pen = pen;
    w->options = *options;
    if (w->options.threads > THREADS_MAX)
        w->options.threads = THREADS_MAX;
    w->finished = finished;
    w->ctx = ctx;
    queue_init(&w->small);
    queue_init(&w->large);
    queue_init(&w->ready);
    queue_init(&w->sealing);
    queue_init(&w->rekeying);
    w->seal_wanted = w->rekey_wanted =
        true; /* a crash may have left a closed segment, an old key */
    w->segment = fk_pen_segment(pen);
    w->beat = fk_beat_new();
    pthread_condattr_t monotonic;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->to_prepare, NULL);
    pthread_cond_init(&w->to_commit, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum fk_status st = threads_start(w, err);
    if (st == FK_OK)
        *out = w;
    else
        fk_work_stop(&w);
    return st;
}

void fk_work_stop(struct fk_work **wp) {
    struct fk_work *w = *wp;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->to_commit);
    pthread_mutex_unlock(&w->lock);
    if (w->committer_started)
        pthread_join(w->committer, NULL);
    pthread_mutex_lock(&w->lock);
    w->committed_all = true;
    pthread_cond_broadcast(&w->to_prepare);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->started; i++)
        pthread_join(w->threads[i], NULL);
    fk_sealer_free(&w->sealer);
    fk_mirrorer_free(&w->mirror);
    fk_beat_free(&w->beat);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->to_prepare);
    pthread_cond_destroy(&w->to_commit);
    free(w);
    *wp = NULL;
}
