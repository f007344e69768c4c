/* pool.c - starting, feeding, watching and replacing boxed readers. */
#include "indexer/pool_priv.h"
#include "base/apart.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "indexer/reading/programs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 64,
    JOBS_A_WORKER = 500, /* and those that it had been given by then */
    LOOK_MS = 100,       /* how often a busy reader's clock is looked at */
    WALL_FACTOR = 5      /* a loaded machine gives a reader its CPU time later */
};

struct task {
    struct fk_job job;
    unsigned reasons;
    enum fk_job_depth depth;
    bool is_repeated; /* since the runner was gone */
    bool has_waited;  /* behind another, over which its reader may have died later */
};

struct worker {
    struct fk_apart process;
    struct fk_apart runner; /* the reader speaks to it; the pool looks whether it is there */
    unsigned jobs;          /* that it was given */
    struct task tasks[FK_POOL_TASKS];
    unsigned count;                 /* of them, in the order in which it has them */
    int64_t since_ms, cpu_since_ms; /* the first of them */
};

struct fk_pool {
    struct fk_index_options options;
    struct worker workers[WORKERS_MAX];
    unsigned count;
    struct fk_frame frame; /* the last answer's: its room is the largest there is */
};

/* ---- one reader */

static enum fk_status worker_start(struct fk_pool *pool, struct worker *w, struct fk_err *err) {
    static const char *const argv[] = {"fumikura", "index-worker", NULL};
    struct fk_buf setup = FK_BUF_INIT;
    fk_put_u64(&setup, pool->options.memory_bytes);
    enum fk_status st = fk_apart_start(pool->options.worker, argv, FK_POOL_SETUP, &setup,
                                       FK_POOL_HELLO, &w->process, err);
    fk_buf_free(&setup);
    w->jobs = 0;
    if (st == FK_OK && fcntl(w->process.sock, F_SETFL, O_NONBLOCK) != 0)
        st = fk_fail_sys(err, errno, "its socket");
    if (st == FK_DENIED)
        return fk_err_prefix(err, "messages are not indexed");
    return st == FK_OK ? FK_OK : fk_err_prefix(err, "an index reader");
}

/* A runner of programs for the reader, where there is none yet. */
static enum fk_status runner_start(struct fk_pool *pool, struct worker *w, struct fk_err *err) {
    static const char *const argv[] = {"fumikura", "index-extract", NULL};
    const struct fk_buf nothing = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (pool->options.names_only || w->runner.pid)
        return FK_OK;
    FK_TRY(fk_apart_start(pool->options.worker, argv, FK_RUNNER_SETUP, &nothing, FK_RUNNER_HELLO,
                          &w->runner, err));
    st = fk_frame_send(w->process.sock, FK_POOL_RUNNER, 0, NULL, 0, w->runner.sock, err);
done:
    return st == FK_OK || st == FK_NOT_FOUND ? st : fk_err_prefix(err, "a runner of programs");
}

static void worker_end(struct worker *w) {
    fk_apart_end(&w->process);
    fk_apart_end(&w->runner);
}

static void passwords_put(const struct fk_passwords *configured, const struct fk_passwords *own,
                          struct fk_buf *b) {
    const struct fk_passwords *both[2] = {configured, own};
    size_t count = (configured ? configured->count : 0) + (own ? own->count : 0);
    count = count < FK_PASSWORDS_MAX ? count : FK_PASSWORDS_MAX;
    fk_put_u16(b, (uint16_t)count);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; both[k] && i < both[k]->count && count > 0; i++, count--) {
            fk_put_u64(b, both[k]->at[i].origin);
            fk_put_cstr(b, both[k]->at[i].word);
        }
}

static enum fk_status task_send(const struct fk_pool *pool, struct worker *w, const struct task *t,
                                struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u8(&b, (uint8_t)t->job.kind);
    fk_put_u8(&b, (uint8_t)t->depth);
    fk_put_u64(&b, t->job.offset);
    fk_put_u64(&b, t->job.len);
    passwords_put(pool->options.passwords, t->job.passwords, &b);
    w->jobs++;
    enum fk_status st = fk_frame_send(w->process.sock, FK_POOL_JOB, (uint32_t)t->job.id, b.data,
                                      b.len, t->job.fd, err);
    fk_buf_free(&b);
    return st;
}

/* The first of its tasks is looked at from now on. */
static void first_begins(struct worker *w) {
    w->since_ms = fk_monotonic_ms();
    w->cpu_since_ms = fk_apart_cpu_ms(&w->process);
}

/* All that a reader has to do, to one that has been given none of it. */
static enum fk_status tasks_hand_over(struct fk_pool *pool, struct worker *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (w->process.pid && w->jobs >= JOBS_A_WORKER)
        worker_end(w);
    if (!w->process.pid)
        FK_TRY(worker_start(pool, w, err));
    (void)fk_apart_is_gone(&w->runner);
    FK_TRY(runner_start(pool, w, err));
    first_begins(w);
    for (unsigned i = 0; st == FK_OK && i < w->count; i++)
        st = task_send(pool, w, &w->tasks[i], err);
done:
    return st;
}

/* A reader that was gone before it got the message says nothing about the message, nor does one
 * whose socket is full, who answers what it has not taken: another one gets it whole. That one may
 * die of it as soon as it has it, which is found out where answers are waited for. */
static enum fk_status tasks_send(struct fk_pool *pool, struct worker *w, struct fk_err *err) {
    enum fk_status st = tasks_hand_over(pool, w, err);
    if (st == FK_NOT_FOUND || st == FK_RETRY) {
        worker_end(w);
        st = tasks_hand_over(pool, w, err);
    }
    return st == FK_NOT_FOUND ? FK_OK : st;
}

/* One more, to a reader that has others. What has become of it is found out where the first one's
 * answer is waited for, and so is that its runner is gone: it gets no other before that. */
static enum fk_status last_send(struct fk_pool *pool, struct worker *w, struct fk_err *err) {
    enum fk_status st = task_send(pool, w, &w->tasks[w->count - 1], err);
    if (st == FK_RETRY) {
        worker_end(w);
        return tasks_send(pool, w, err);
    }
    return st == FK_NOT_FOUND ? FK_OK : st;
}

/* ---- the pool */

enum fk_status fk_pool__open(const struct fk_index_options *options, struct fk_pool **out,
                             struct fk_err *err) {
    struct fk_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return fk_fail(err, FK_NOMEM, "index readers: out of memory");
    pool->options = *options;
    pool->frame = (struct fk_frame)FK_FRAME_INIT;
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pool->count = options->workers ? options->workers : cpus > 0 ? (unsigned)cpus : 1;
    if (pool->count > WORKERS_MAX)
        pool->count = WORKERS_MAX;
    for (unsigned i = 0; i < pool->count; i++)
        pool->workers[i].process.sock = pool->workers[i].runner.sock = -1;
    enum fk_status st = worker_start(pool, &pool->workers[0], err);
    if (st == FK_OK)
        *out = pool;
    else
        fk_pool__close(&pool);
    return st;
}

void fk_pool__close(struct fk_pool **pool) {
    if (!*pool)
        return;
    for (unsigned i = 0; i < (*pool)->count; i++) {
        struct worker *w = &(*pool)->workers[i];
        worker_end(w);
        for (unsigned k = 0; k < w->count; k++)
            fk_close(&w->tasks[k].job.fd);
    }
    fk_frame_free(&(*pool)->frame);
    free(*pool);
    *pool = NULL;
}

unsigned fk_pool__idle(const struct fk_pool *pool) {
    unsigned n = 0;
    for (unsigned i = 0; i < pool->count; i++)
        n += pool->workers[i].count == 0;
    return n;
}

bool fk_pool__is_busy(const struct fk_pool *pool) {
    return fk_pool__idle(pool) < pool->count;
}

/* One whose time is over does what it has, and is replaced then. */
static unsigned room_of(const struct worker *w) {
    return w->count > 0 && w->jobs >= JOBS_A_WORKER ? 0 : FK_POOL_TASKS - w->count;
}

unsigned fk_pool__free(const struct fk_pool *pool) {
    unsigned n = 0;
    for (unsigned i = 0; i < pool->count; i++)
        n += room_of(&pool->workers[i]);
    return n;
}

/* One that runs before one that must be started, and that before one that has something to do. */
static unsigned reluctance(const struct worker *w) {
    return 2 * w->count + !w->process.pid;
}

enum fk_status fk_pool__submit(struct fk_pool *pool, const struct fk_job *job, struct fk_err *err) {
    struct worker *w = NULL;
    for (unsigned i = 0; i < pool->count; i++) {
        struct worker *one = &pool->workers[i];
        if (room_of(one) > 0 && (!w || reluctance(one) < reluctance(w)))
            w = one;
    }
    if (!w) {
        int fd = job->fd;
        fk_close(&fd);
        return fk_fail(err, FK_INVALID, "every index reader is busy");
    }
    w->tasks[w->count] =
        (struct task){.job = *job,
                      .depth = pool->options.names_only ? FK_READ_NO_FILES : FK_READ_ALL,
                      .has_waited = w->count > 0};
    w->count++;
    return w->count == 1 ? tasks_send(pool, w, err) : last_send(pool, w, err);
}

/* What came of the first task. The reader has the next one, or is to be given it. */
static void give(struct worker *w, struct fk_job_result *out) {
    struct task *first = &w->tasks[0];
    *out = (struct fk_job_result){.id = first->job.id, .reasons = first->reasons};
    fk_close(&first->job.fd);
    w->count--;
    for (unsigned i = 0; i < w->count; i++)
        w->tasks[i] = w->tasks[i + 1];
}

/* The reader is lost over its first message. *given: there is nothing more to try with it. */
static enum fk_status worker_lost(struct fk_pool *pool, struct worker *w, unsigned reason,
                                  bool *given, struct fk_job_result *out, struct fk_err *err) {
    struct task *first = &w->tasks[0];
    worker_end(w);
    if (reason == FK_REASON_CRASH && first->has_waited) {
        first->has_waited = false;
        return tasks_send(pool, w, err);
    }
    first->reasons |= reason;
    *given = first->depth == FK_READ_HEADERS;
    if (*given)
        give(w, out);
    else /* Files have a time of their own, but a library may not come back from one of them. */
        first->depth = first->depth == FK_READ_ALL ? FK_READ_NO_FILES : FK_READ_HEADERS;
    return w->count > 0 ? tasks_send(pool, w, err) : FK_OK;
}

/* An answer as bytes of our own: what came is looked at only after nobody can change it. */
static enum fk_status answer_copy(struct fk_frame *f, struct fk_buf *out, struct fk_err *err) {
    const uint8_t *data;
    size_t len;
    if (f->fd < 0) {
        fk_buf_add(out, f->payload.data, f->payload.len);
    } else {
        enum fk_status st = fk_memfile_map(f->fd, &data, &len, err);
        if (st != FK_OK)
            return st;
        const bool fits = len <= FK_POOL_OUTPUT_MAX;
        if (fits)
            fk_buf_add(out, data, len);
        fk_memfile_unmap(data, len);
        if (!fits)
            return fk_fail(err, FK_CORRUPT, "an index reader's answer is over the limit");
    }
    return out->failed ? fk_fail(err, FK_NOMEM, "an index reader's answer: out of memory") : FK_OK;
}

static enum fk_status answer_take(struct fk_pool *pool, struct worker *w, bool *given,
                                  struct fk_job_result *out, struct fk_err *err) {
    struct fk_frame *f = &pool->frame;
    struct task *first = &w->tasks[0];
    struct fk_buf answer = FK_BUF_INIT;
    enum fk_status st = fk_frame_recv(w->process.sock, f, err);
    if (st == FK_OK && (f->type != FK_POOL_ANSWER || f->id != (uint32_t)first->job.id))
        st = FK_CORRUPT;
    if (st == FK_OK)
        st = answer_copy(f, &answer, err);
    if (st == FK_OK && answer.len == 0 && first->job.kind == FK_JOB_TERMS)
        st = FK_CORRUPT; /* a message without anything has its form, too */
    fk_close(&f->fd);
    const bool is_without_programs = fk_apart_is_gone(&w->runner);
    if (st == FK_OK && is_without_programs && !first->is_repeated) {
        fk_buf_free(&answer); /* says that programs are missing, which they are not */
        worker_end(w);
        first->is_repeated = true;
        return tasks_send(pool, w, err);
    }
    if (st == FK_OK) {
        give(w, out);
        out->has_answer = *given = true;
        out->answer = answer;
        if (is_without_programs)
            worker_end(w);
        if (w->count > 0 && is_without_programs)
            return tasks_send(pool, w, err);
        if (w->count > 0)
            first_begins(w);
        return FK_OK;
    }
    fk_buf_free(&answer);
    return st == FK_NOMEM ? st : worker_lost(pool, w, FK_REASON_CRASH, given, out, err);
}

static bool is_overdue(const struct fk_pool *pool, const struct worker *w) {
    const int64_t limit = (int64_t)pool->options.seconds * 1000;
    return fk_monotonic_ms() - w->since_ms > limit * WALL_FACTOR ||
           fk_apart_cpu_ms(&w->process) - w->cpu_since_ms > limit;
}

/* One look at every busy reader, after waiting for any of them. */
static enum fk_status look(struct fk_pool *pool, int wait_ms, bool *given,
                           struct fk_job_result *out, struct fk_err *err) {
    struct pollfd p[WORKERS_MAX];
    for (unsigned i = 0; i < pool->count; i++)
        p[i] =
            (struct pollfd){pool->workers[i].count ? pool->workers[i].process.sock : -1, POLLIN, 0};
    if (poll(p, pool->count, wait_ms) < 0 && errno != EINTR)
        return fk_fail_sys(err, errno, "cannot wait for the index readers");
    for (unsigned i = 0; i < pool->count && !*given; i++) {
        struct worker *w = &pool->workers[i];
        enum fk_status st = FK_OK;
        if (w->count == 0)
            continue;
        if (p[i].revents)
            st = answer_take(pool, w, given, out, err);
        else if (is_overdue(pool, w))
            st = worker_lost(pool, w, FK_REASON_TIME, given, out, err);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

enum fk_status fk_pool__wait(struct fk_pool *pool, int wait_ms, struct fk_job_result *out,
                             struct fk_err *err) {
    const int64_t until = fk_monotonic_ms() + wait_ms;
    for (;;) {
        bool given = false;
        int64_t left = until - fk_monotonic_ms();
        left = left < 0 ? 0 : left;
        enum fk_status st = look(pool, (int)(left < LOOK_MS ? left : LOOK_MS), &given, out, err);
        if (st != FK_OK && given)
            fk_buf_free(&out->answer);
        if (st != FK_OK || given)
            return st;
        if (left == 0)
            return fk_fail(err, FK_RETRY, "no index reader is done yet");
    }
}
