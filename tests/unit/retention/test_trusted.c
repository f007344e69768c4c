/* test_trusted.c - no setting of the clock makes time pass; only time does, or an officer. */
#include "retention/trusted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define DAY 86400000LL
#define T0 (20000 * DAY)

/* A mark made at T0 in start A, up for 10 days; a reading; what may be believed. */
static void time_advances_by_the_lesser_of_both_clocks(void **state) {
    (void)state;
    static const struct {
        const char *name, *mark_boot, *boot;
        int64_t wall, up, vouched, trusted;
    } cases[] = {
        {"both agree", "A", "A", T0 + DAY, 11 * DAY, T0 + DAY, T0 + DAY},
        {"clock set forward ten years", "A", "A", T0 + 3650 * DAY, 11 * DAY, T0 + DAY, T0 + DAY},
        {"clock set back", "A", "A", T0 - 5 * DAY, 11 * DAY, T0, T0 - 5 * DAY},
        {"restarted, up for two days", "A", "B", T0 + 9 * DAY, 2 * DAY, T0 + 2 * DAY, T0 + 2 * DAY},
        {"restarted, set back within", "A", "B", T0 + DAY, 2 * DAY, T0 + DAY, T0 + DAY},
        {"from genesis nothing is known", "", "A", T0 + 9 * DAY, 20 * DAY, T0, T0},
        {"no boot id to be had", "A", "", T0 + 9 * DAY, 20 * DAY, T0, T0},
        {"up time that goes back", "A", "A", T0 + DAY, 9 * DAY, T0, T0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_clock_mark mark = {T0, {T0, 10 * DAY, ""}};
        struct fk_clock_reading now = {cases[i].wall, cases[i].up, ""};
        snprintf(mark.at.boot, sizeof mark.at.boot, "%s", cases[i].mark_boot);
        snprintf(now.boot, sizeof now.boot, "%s", cases[i].boot);
        if (fk_trusted_advance(&mark, &now) != cases[i].vouched)
            fail_msg("%s: vouched for %lld days", cases[i].name,
                     (long long)(fk_trusted_advance(&mark, &now) - T0) / DAY);
        if (fk_trusted_time(&mark, &now) != cases[i].trusted)
            fail_msg("%s: trusted %lld days", cases[i].name,
                     (long long)(fk_trusted_time(&mark, &now) - T0) / DAY);
    }
}

static void a_forward_clock_between_two_marks_is_not_made_up_for(void **state) {
    (void)state;
    struct fk_clock_mark mark = {T0, {T0, DAY, "A"}};
    /* Marked while the clock was a year ahead, a day later; then set right, and another day. */
    struct fk_clock_reading ahead = {T0 + 366 * DAY, 2 * DAY, "A"};
    mark = (struct fk_clock_mark){fk_trusted_advance(&mark, &ahead), ahead};
    assert_int_equal(mark.trusted_ms, T0 + DAY);
    struct fk_clock_reading right = {T0 + 2 * DAY, 3 * DAY, "A"};
    assert_int_equal(fk_trusted_time(&mark, &right), T0 + DAY); /* late by a day, never early */
}

static void this_machine_can_be_read(void **state) {
    (void)state;
    struct fk_clock_reading now;
    fk_clock_read(&now);
    assert_true(now.wall_ms > 0 && now.up_ms > 0);
    assert_int_equal(strlen(now.boot), 36);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_advances_by_the_lesser_of_both_clocks),
        cmocka_unit_test(a_forward_clock_between_two_marks_is_not_made_up_for),
        cmocka_unit_test(this_machine_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
