/* test_beat.c - one thread a CPU that wakes while it is told to, and rests otherwise. */
#include "base/beat.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

struct seen {
    unsigned threads;
    unsigned long waits; /* of all of them: how often they went to sleep */
    cpu_set_t cpus;
};

static bool is_beat(const char *tid) {
    char path[300], name[32] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", tid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    const bool read = fgets(name, sizeof name, f) != NULL;
    (void)fclose(f);
    return read && strcmp(name, "beat\n") == 0;
}

static void look_at(const char *tid, struct seen *seen) {
    char path[300], line[200];
    unsigned long n;
    cpu_set_t one;
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
            seen->waits += n;
    (void)fclose(f);
    assert_int_equal(sched_getaffinity(atoi(tid), sizeof one, &one), 0);
    assert_int_equal(CPU_COUNT(&one), 1);
    CPU_OR(&seen->cpus, &seen->cpus, &one);
    seen->threads++;
}

static struct seen look(void) {
    struct seen seen = {0};
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (is_beat(e->d_name))
            look_at(e->d_name, &seen);
    (void)closedir(d);
    return seen;
}

static void sleep_ms(long ms) {
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static unsigned cpus_allowed(cpu_set_t *out) {
    assert_int_equal(sched_getaffinity(0, sizeof *out, out), 0);
    const int n = CPU_COUNT(out);
    return n < FK_BEAT_CPUS ? (unsigned)n : FK_BEAT_CPUS;
}

/* A loaded machine wakes them late; a beat that is not told to go on does not wake at all. */
static void it_beats_while_it_is_told_to(void **state) {
    (void)state;
    cpu_set_t allowed;
    const unsigned cpus = cpus_allowed(&allowed);
    struct fk_beat *beat = fk_beat_new();
    assert_non_null(beat);
    sleep_ms(200);
    const struct seen before = look();
    assert_int_equal(before.threads, cpus);
    assert_int_equal(CPU_COUNT(&before.cpus), cpus);
    sleep_ms(200);
    assert_int_equal(look().waits, before.waits);
    for (int i = 0; i < 100 && look().waits < before.waits + 50 * cpus; i++) {
        fk_beat_go_on(beat);
        sleep_ms(10);
    }
    assert_true(look().waits >= before.waits + 50 * cpus);
    sleep_ms(20 * FK_BEAT_MS);
    const struct seen after = look();
    sleep_ms(200);
    assert_int_equal(look().waits, after.waits);
    fk_beat_go_on(beat);
    fk_beat_free(&beat);
    assert_null(beat);
    assert_int_equal(look().threads, 0);
}

static void none_is_passed_over(void **state) {
    (void)state;
    struct fk_beat *none = NULL;
    fk_beat_go_on(none);
    fk_beat_free(&none);
    assert_null(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_beats_while_it_is_told_to),
        cmocka_unit_test(none_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
