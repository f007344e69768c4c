/* beat.c - see beat.h. */
#include "base/beat.h"
#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { STEP_NS = 500000 };

struct fk_beat {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t until_ms; /* monotonic */
    unsigned resting; /* threads that wait for changed */
    bool stopping;
    pthread_t threads[FK_BEAT_CPUS];
    unsigned started;
};

/* False: it ends. */
static bool is_to_beat(struct fk_beat *b) {
    pthread_mutex_lock(&b->lock);
    while (!b->stopping && fk_monotonic_ms() >= b->until_ms) {
        b->resting++;
        pthread_cond_wait(&b->changed, &b->lock);
        b->resting--;
    }
    const bool goes_on = !b->stopping;
    pthread_mutex_unlock(&b->lock);
    return goes_on;
}

static void *beat_thread(void *arg) {
    const struct timespec step = {.tv_nsec = STEP_NS};
    while (is_to_beat(arg))
        (void)nanosleep(&step, NULL);
    return NULL;
}

static void start_on(struct fk_beat *b, int cpu) {
    cpu_set_t one;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (pthread_attr_setaffinity_np(&attr, sizeof one, &one) == 0 &&
        pthread_create(&b->threads[b->started], &attr, beat_thread, b) == 0) {
        (void)pthread_setname_np(b->threads[b->started], "beat");
        b->started++;
    }
    (void)pthread_attr_destroy(&attr);
}

struct fk_beat *fk_beat_new(void) {
    struct fk_beat *b = calloc(1, sizeof *b);
    cpu_set_t allowed;
    if (b == NULL)
        return NULL;
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->changed, NULL);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return b;
    for (int cpu = 0; cpu < CPU_SETSIZE && b->started < FK_BEAT_CPUS; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            start_on(b, cpu);
    return b;
}

void fk_beat_go_on(struct fk_beat *b) {
    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    b->until_ms = fk_monotonic_ms() + FK_BEAT_MS;
    if (b->resting > 0)
        pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void fk_beat_free(struct fk_beat **beat) {
    struct fk_beat *b = *beat;
    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; i < b->started; i++)
        (void)pthread_join(b->threads[i], NULL);
    (void)pthread_mutex_destroy(&b->lock);
    (void)pthread_cond_destroy(&b->changed);
    free(b);
    *beat = NULL;
}
