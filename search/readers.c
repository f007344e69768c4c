/* readers.c - see readers.h. */
#include "search/readers.h"
#include "base/clock.h"
#include "base/io.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct fk_readers {
    char dir[PATH_MAX], current[PATH_MAX];
    int64_t idle_ms;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct fk_reader_kept kept[FK_READERS_KEPT]; /* the first `count` of them */
    size_t count;
    bool is_over;
    pthread_t looker; /* closes what is kept for nothing */
};

/* ---- which index it is */

/* Whether the name leads to this very file; -1 is none. */
static bool is_current(const struct fk_readers *r, int current) {
    struct stat named, own;
    return current >= 0 && fstat(current, &own) == 0 && stat(r->current, &named) == 0 &&
           named.st_dev == own.st_dev && named.st_ino == own.st_ino;
}

/* The list that is there before and after the reader was opened is the one that it was opened by:
 * as long as it is open here, no file that takes its place has its number. */
static enum fk_status open_anew(struct fk_readers *r, struct fk_reader_kept *out,
                                struct fk_err *err) {
    struct fk_reader_kept k = FK_READER_KEPT;
    k.current = open(r->current, O_RDONLY | O_CLOEXEC);
    const enum fk_status st = fk_index_open(r->dir, &k.reader, &k.mark, err);
    if (st != FK_OK || !is_current(r, k.current))
        fk_close(&k.current);
    if (st == FK_OK)
        *out = k;
    return st;
}

void fk_readers_drop(struct fk_reader_kept *k) {
    fk_xreader_close(&k->reader);
    fk_close(&k->current);
    k->mark = 0;
}

/* ---- what is kept */

static bool is_kept_for_something(const struct fk_readers *r, const struct fk_reader_kept *k) {
    return fk_monotonic_ms() - k->given_ms < r->idle_ms && is_current(r, k->current);
}

static void drop_others(struct fk_readers *r) {
    size_t left = 0;
    for (size_t i = 0; i < r->count; i++)
        if (is_kept_for_something(r, &r->kept[i]))
            r->kept[left++] = r->kept[i];
        else
            fk_readers_drop(&r->kept[i]);
    r->count = left;
}

static struct timespec next_look(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += FK_READERS_LOOK_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

static void *look(void *ctx) {
    struct fk_readers *r = ctx;
    (void)pthread_mutex_lock(&r->lock);
    while (!r->is_over) {
        const struct timespec until = next_look();
        if (r->count == 0)
            (void)pthread_cond_wait(&r->changed, &r->lock);
        else
            (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
        drop_others(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

enum fk_status fk_readers_take(struct fk_readers *r, struct fk_reader_kept *out,
                               struct fk_err *err) {
    bool found = false;
    (void)pthread_mutex_lock(&r->lock);
    drop_others(r);
    if (r->count > 0) {
        *out = r->kept[--r->count];
        found = true;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return found ? FK_OK : open_anew(r, out, err);
}

void fk_readers_give(struct fk_readers *r, struct fk_reader_kept *k) {
    (void)pthread_mutex_lock(&r->lock);
    if (k->reader && r->count < FK_READERS_KEPT && is_current(r, k->current)) {
        k->given_ms = fk_monotonic_ms();
        r->kept[r->count++] = *k;
        *k = (struct fk_reader_kept)FK_READER_KEPT;
        (void)pthread_cond_signal(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    fk_readers_drop(k);
}

/* ---- all of them */

static enum fk_status begin(struct fk_readers *r, struct fk_err *err) {
    pthread_condattr_t by_clock;
    (void)pthread_condattr_init(&by_clock);
    (void)pthread_condattr_setclock(&by_clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->changed, &by_clock);
    (void)pthread_condattr_destroy(&by_clock);
    const int rc = pthread_create(&r->looker, NULL, look, r);
    if (rc == 0)
        return FK_OK;
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
    return fk_fail_sys(err, rc, "cannot begin a thread for readers of the index");
}

enum fk_status fk_readers_new(const char *dir, int64_t idle_ms, struct fk_readers **out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_readers *r = calloc(1, sizeof *r);
    if (!r)
        return fk_fail(err, FK_NOMEM, "out of memory for readers of the index");
    FK_TRY(fk_join_path(r->current, sizeof r->current, dir, "index/current", err));
    r->idle_ms = idle_ms;
    memcpy(r->dir, dir, strlen(dir) + 1); /* shorter than that */
    FK_TRY(begin(r, err));
    *out = r;
    r = NULL;
done:
    free(r);
    return st;
}

void fk_readers_free(struct fk_readers **readers) {
    struct fk_readers *r = *readers;
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->is_over = true;
    (void)pthread_cond_signal(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->looker, NULL);
    for (size_t i = 0; i < r->count; i++)
        fk_readers_drop(&r->kept[i]);
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    *readers = NULL;
}
