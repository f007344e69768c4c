/* clock.c - wall time, and times as text. */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t as_tests_set_it(int64_t now, const char *variable) {
#ifdef FK_TESTING
    const char *set = getenv(variable);
    if (set && *set)
        return *set == '+' || *set == '-' ? now + atoll(set) : atoll(set);
#else
    (void)variable;
#endif
    return now;
}

int64_t fk_now_ms(void) {
    return as_tests_set_it(read_clock(CLOCK_REALTIME), "FUMIKURA_TEST_CLOCK");
}

int64_t fk_monotonic_ms(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t fk_boottime_ms(void) {
    return as_tests_set_it(read_clock(CLOCK_BOOTTIME), "FUMIKURA_TEST_BOOTTIME");
}

void fk_boot_id(char out[37]) {
    char text[64] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f) {
        if (!fgets(text, sizeof text, f))
            text[0] = 0;
        (void)fclose(f); /* only read */
    }
#ifdef FK_TESTING
    const char *set = getenv("FUMIKURA_TEST_BOOT");
    if (set && *set)
        snprintf(text, sizeof text, "%s", set);
#endif
    text[strcspn(text, "\n")] = 0;
    snprintf(out, 37, "%.36s", text);
}

static void split(int64_t ms, struct tm *tm, int *milli) {
    int64_t rest = ms % 1000;
    if (rest < 0)
        rest += 1000;
    time_t seconds = (time_t)((ms - rest) / 1000);
    gmtime_r(&seconds, tm);
    *milli = (int)rest;
}

void fk_time_format(char out[FK_TIME_SIZE], int64_t ms) {
    struct tm tm;
    int milli;
    split(ms, &tm, &milli);
    char text[80];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, milli);
    memcpy(out, text, FK_TIME_SIZE - 1);
    out[FK_TIME_SIZE - 1] = 0;
}

bool fk_time_parse(const char *text, int64_t *ms_out) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
    }
    struct tm tm = {0};
    int milli;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &milli) != 7)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    char again[FK_TIME_SIZE];
    int64_t ms = (int64_t)timegm(&tm) * 1000 + milli;
    fk_time_format(again, ms);
    if (memcmp(again, text, FK_TIME_SIZE - 1) != 0) /* 31 February and the like */
        return false;
    *ms_out = ms;
    return true;
}

void fk_time_local(char out[FK_TIME_SIZE], int64_t ms, int offset_minutes) {
    struct tm tm;
    int milli;
    split(ms + (int64_t)offset_minutes * 60000, &tm, &milli);
    char text[80];
    snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, 20);
}
