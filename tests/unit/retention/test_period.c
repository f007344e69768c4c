/* test_period.c - the calendar of periods, against dates worked out by hand and by the C library.
 */
#include "base/clock.h"
#include "retention/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

enum { JST = 540 };

static int64_t at(const char *text) {
    int64_t ms = 0;
    if (!fk_time_parse(text, &ms))
        fail_msg("%s is no time", text);
    return ms;
}

static struct fk_period period(const char *text) {
    struct fk_period p = {0, 0, 0};
    if (!fk_period_parse(text, &p))
        fail_msg("%s is no period", text);
    return p;
}

static void assert_time(const char *name, int64_t got, const char *want) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, got);
    if (strcmp(text, want) != 0)
        fail_msg("%s: %s, not %s", name, text, want);
}

static void periods_are_read_and_written(void **state) {
    (void)state;
    static const struct {
        const char *text, *again;
    } good[] = {{"P7Y", "P7Y"},         {"P5Y2M", "P5Y2M"},
                {"P30D", "P30D"},       {"P0D", "P0D"},
                {"P1Y2M3D", "P1Y2M3D"}, {"P0Y", "P0D"},
                {"P007D", "P7D"},       {"P9999Y9999M9999D", "P9999Y9999M9999D"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct fk_period p = period(good[i].text);
        char text[FK_PERIOD_SIZE];
        fk_period_format(text, &p);
        assert_string_equal(text, good[i].again);
    }
    static const char *const bad[] = {"",    "P",     "7Y",   "P7",   "P7X",     "P-7Y",  "P7Y ",
                                      "p7Y", "P2M5Y", "P7YP", "PT5H", "P12345D", "P1.5Y", "P7y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_period p = {1, 2, 3};
        if (fk_period_parse(bad[i], &p) || p.years != 1)
            fail_msg("\"%s\" was taken for a period", bad[i]);
    }
}

static void days_of_the_year_are_read(void **state) {
    (void)state;
    unsigned m = 0, d = 0;
    assert_true(fk_month_day_parse("03-31", &m, &d));
    assert_int_equal(m, 3);
    assert_int_equal(d, 31);
    assert_true(fk_month_day_parse("02-29", &m, &d));
    static const char *const bad[] = {"",      "3-31",  "00-01", "13-01",
                                      "04-31", "02-30", "03-00", "0331"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(fk_month_day_parse(bad[i], &m, &d));
}

static void periods_end_as_the_civil_code_says(void **state) {
    (void)state;
    static const struct {
        const char *name, *from, *period, *until;
    } cases[] = {
        {"the first day does not count", "2026-11-24T01:00:00.000Z", "P7Y",
         "2033-11-24T15:00:00.000Z"},
        {"the last moment of a day in Japan", "2026-11-24T14:59:59.999Z", "P7Y",
         "2033-11-24T15:00:00.000Z"},
        {"the first moment of the next", "2026-11-24T15:00:00.000Z", "P7Y",
         "2033-11-25T15:00:00.000Z"},
        {"30 days", "2026-11-24T01:00:00.000Z", "P30D", "2026-12-24T15:00:00.000Z"},
        {"none: when the day is over", "2026-11-24T01:00:00.000Z", "P0D",
         "2026-11-24T15:00:00.000Z"},
        {"no corresponding day: with the month", "2026-01-30T01:00:00.000Z", "P1M",
         "2026-02-28T15:00:00.000Z"},
        {"from the leap day's eve", "2024-02-28T01:00:00.000Z", "P1Y", "2025-02-28T15:00:00.000Z"},
        {"from the leap day", "2024-02-29T01:00:00.000Z", "P1Y", "2025-02-28T15:00:00.000Z"},
        {"four years to a leap day", "2024-02-28T01:00:00.000Z", "P4Y", "2028-02-28T15:00:00.000Z"},
        {"months over the year's end", "2026-11-30T01:00:00.000Z", "P14M",
         "2028-01-31T15:00:00.000Z"},
        {"months, then days", "2026-01-30T01:00:00.000Z", "P1M10D", "2026-03-10T15:00:00.000Z"},
        {"before 1970", "1965-06-30T01:00:00.000Z", "P5Y", "1970-06-30T15:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_period p = period(cases[i].period);
        assert_time(cases[i].name, fk_period_end(at(cases[i].from), &p, JST), cases[i].until);
    }
}

static void fiscal_years_are_counted_from_the_day_after_their_end(void **state) {
    (void)state;
    static const struct {
        const char *name, *from, *end, *period, *until;
    } cases[] = {
        {"tax, year ends in March", "2026-11-24T01:00:00.000Z", "03-31", "P7Y2M",
         "2034-05-31T15:00:00.000Z"},
        {"on the last day", "2027-03-31T14:59:59.999Z", "03-31", "P7Y2M",
         "2034-05-31T15:00:00.000Z"},
        {"on the first", "2027-03-31T15:00:00.000Z", "03-31", "P7Y2M", "2035-05-31T15:00:00.000Z"},
        {"calendar year", "2026-01-01T00:00:00.000Z", "12-31", "P10Y", "2036-12-31T15:00:00.000Z"},
        {"end of February, leap", "2027-06-01T00:00:00.000Z", "02-29", "P2M",
         "2028-04-30T15:00:00.000Z"},
        {"end of February, not leap", "2026-06-01T00:00:00.000Z", "02-29", "P2M",
         "2027-04-30T15:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_period p = period(cases[i].period);
        unsigned m = 0, d = 0;
        assert_true(fk_month_day_parse(cases[i].end, &m, &d));
        assert_time(cases[i].name, fk_period_end_fiscal(at(cases[i].from), &p, JST, m, d),
                    cases[i].until);
    }
}

/* The corresponding day by timegm, which turns a day that is not there into one of the next month.
 */
static int64_t slow_end(int64_t ms, const struct fk_period *p, int zone) {
    time_t local = (time_t)((ms + zone * 60000 + 86400000) / 1000);
    struct tm tm;
    gmtime_r(&local, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mon += (int)p->months;
    tm.tm_year += (int)p->years + tm.tm_mon / 12;
    tm.tm_mon %= 12;
    int month = tm.tm_mon;
    time_t end = timegm(&tm);
    while (gmtime_r(&end, &tm)->tm_mon != month && tm.tm_mday != 1)
        end -= 86400;
    return ((int64_t)end + (int64_t)p->days * 86400) * 1000 - zone * 60000;
}

static void forty_thousand_days_agree_with_the_c_library(void **state) {
    (void)state;
    unsigned seed = 20261124;
    for (int64_t day = 0; day < 40000; day++) {
        struct fk_period p = {(unsigned)rand_r(&seed) % 30, (unsigned)rand_r(&seed) % 30,
                              (unsigned)rand_r(&seed) % 40};
        int zone = rand_r(&seed) % 3 * 330 - 300;
        int64_t ms = day * 86400000 + 43200000 + rand_r(&seed) % 1000;
        assert_int_equal(fk_period_end(ms, &p, zone), slow_end(ms, &p, zone));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_are_read_and_written),
        cmocka_unit_test(days_of_the_year_are_read),
        cmocka_unit_test(periods_end_as_the_civil_code_says),
        cmocka_unit_test(fiscal_years_are_counted_from_the_day_after_their_end),
        cmocka_unit_test(forty_thousand_days_agree_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
