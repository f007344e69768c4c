/*
 * clock.h - the time, in one place, so that tests can set it.
 *
 * In builds made with FK_TESTING the variable FUMIKURA_TEST_CLOCK holds either milliseconds to add
 * ("+86400000", "-1") or an absolute time in milliseconds; FUMIKURA_TEST_BOOTTIME the same for
 * fk_boottime_ms, FUMIKURA_TEST_BOOT another boot id. In other builds they have no effect.
 * Threads: any.
 */
#ifndef FK_BASE_CLOCK_H
#define FK_BASE_CLOCK_H
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Milliseconds since 1970, UTC. */
int64_t fk_now_ms(void);
/* Milliseconds of CLOCK_MONOTONIC and CLOCK_BOOTTIME: never set back. */
int64_t fk_monotonic_ms(void);
int64_t fk_boottime_ms(void);
/* Which start of the machine this is: the kernel's random id of it; "" where there is none. */
void fk_boot_id(char out[37]);

/* "2026-11-24T01:02:03.456Z": 24 characters and a NUL. Years 0 to 9999. */
#define FK_TIME_SIZE 25
void fk_time_format(char out[FK_TIME_SIZE], int64_t ms);
/* Exactly that form; false otherwise. */
bool fk_time_parse(const char *text, int64_t *ms_out);
/* For people: "2026-11-24 10:02:03" at an offset in minutes (JST is 540). */
void fk_time_local(char out[FK_TIME_SIZE], int64_t ms, int offset_minutes);

#ifdef __cplusplus
}
#endif
#endif
