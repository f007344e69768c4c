/*
 * trusted.h - the time that may make things due (docs/decisions: a clock set forward destroys
 * nothing).
 *
 * The wall clock alone is not believed: whoever sets it ten years forward for a minute would have
 * ten years of mail disposed of. Trusted time runs from one mark in the ledger to the next and
 * advances by the lesser of what the wall clock and CLOCK_BOOTTIME say has passed. After a restart
 * of the machine only the time since that start is vouched for; the rest is added when an officer
 * accepts the clock, which is a mark of its own with a name and a reason.
 *
 * A mark is an `admin` entry: what=clock or what=accept-clock, trusted=T boot=ID up=MS; its wall
 * time is the entry's. Threads: any.
 */
#ifndef FK_RETENTION_TRUSTED_H
#define FK_RETENTION_TRUSTED_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_clock_reading {
    int64_t wall_ms, up_ms; /* up: CLOCK_BOOTTIME */
    char boot[37];          /* which start of the machine; "" unknown */
};
struct fk_clock_mark {
    int64_t trusted_ms;
    struct fk_clock_reading at;
};

void fk_clock_read(struct fk_clock_reading *out);
/* The vouched time at `now`; never before the mark's. */
int64_t fk_trusted_advance(const struct fk_clock_mark *mark, const struct fk_clock_reading *now);
/* What a verdict is made with: the wall clock, but not past the vouched time. */
int64_t fk_trusted_time(const struct fk_clock_mark *mark, const struct fk_clock_reading *now);

#ifdef __cplusplus
}
#endif
#endif
