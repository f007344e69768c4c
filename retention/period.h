/*
 * period.h - how long, and from which day: ISO 8601 periods and the calendar they are counted in.
 *
 * Counting is that of the Japanese Civil Code, articles 140 and 143, which is also everybody's:
 * the first day does not count; a period of years and months ends with the day before the
 * corresponding one, or, where the month has no such day, with the month. So all is in whole days
 * of a zone, and nothing is due on the day it came.
 *
 *     received 2026-11-24 10:00, P7Y              -> may go from 2033-11-25 00:00 on
 *     the same, year ends 03-31, P7Y2M from there -> may go from 2034-06-01 00:00 on
 *
 * Zones are fixed offsets in minutes east of UTC. Threads: any; all functions are pure.
 */
#ifndef FK_RETENTION_PERIOD_H
#define FK_RETENTION_PERIOD_H
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_period {
    unsigned years, months, days; /* each at most 9999 */
};

/* "P7Y", "P5Y2M", "P30D": P, then some of nY nM nD in this order, at least one. */
bool fk_period_parse(const char *text, struct fk_period *out);
/* The shortest form; "P0D" for none. */
#define FK_PERIOD_SIZE 20
void fk_period_format(char out[FK_PERIOD_SIZE], const struct fk_period *p);

/* "03-31". The 29th of February stands for the last day of February. */
bool fk_month_day_parse(const char *text, unsigned *month_out, unsigned *day_out);

/* The first moment at which what came at `at_ms` may go: the period counted from the day after it.
 */
int64_t fk_period_end(int64_t at_ms, const struct fk_period *p, int zone_minutes);
/* The same, counted from the day after the end of the fiscal year in which at_ms falls. */
int64_t fk_period_end_fiscal(int64_t at_ms, const struct fk_period *p, int zone_minutes,
                             unsigned month, unsigned day);

#ifdef __cplusplus
}
#endif
#endif
