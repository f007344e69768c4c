/* trusted.c - how far time is vouched for. */
#include "retention/trusted.h"
#include "base/clock.h"

#include <string.h>

void fk_clock_read(struct fk_clock_reading *out) {
    out->wall_ms = fk_now_ms();
    out->up_ms = fk_boottime_ms();
    fk_boot_id(out->boot);
}

int64_t fk_trusted_advance(const struct fk_clock_mark *mark, const struct fk_clock_reading *now) {
    int64_t wall = now->wall_ms - mark->at.wall_ms;
    int64_t up = now->up_ms;
    /* The genesis entry is a mark of no known start: it may have been in this one, a moment ago. */
    if (!*mark->at.boot || !*now->boot)
        up = 0;
    else if (strcmp(mark->at.boot, now->boot) == 0)
        up -= mark->at.up_ms;
    int64_t passed = wall < up ? wall : up;
    return mark->trusted_ms + (passed > 0 ? passed : 0);
}

int64_t fk_trusted_time(const struct fk_clock_mark *mark, const struct fk_clock_reading *now) {
    int64_t vouched = fk_trusted_advance(mark, now);
    return now->wall_ms < vouched ? now->wall_ms : vouched;
}
