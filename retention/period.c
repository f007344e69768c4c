/* period.c - civil dates as day numbers, and periods on them. */
#include "retention/period.h"

#include <stdio.h>
#include <string.h>

static const int64_t DAY_MS = 86400000;

struct date {
    int64_t year;
    unsigned month, day;
};

static bool leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in(int64_t year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01. Years begin in March, so that the leap day is the last of its year and a
 * month's first day is a linear formula; 146,097 days are an era of 400 years. */
static int64_t day_number(struct date d) {
    int64_t year = d.month > 2 ? d.year : d.year - 1;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year =
        (153 * (int64_t)(d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct date date_of(int64_t number) {
    int64_t n = number + 719468;
    int64_t era = (n >= 0 ? n : n - 146096) / 146097;
    int64_t of_era = n - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned m = (unsigned)((5 * of_year + 2) / 153);
    struct date d = {year + era * 400, m < 10 ? m + 3 : m - 9,
                     (unsigned)(of_year - (153 * m + 2) / 5 + 1)};
    if (d.month <= 2)
        d.year++;
    return d;
}

static int64_t local_day(int64_t ms, int zone_minutes) {
    int64_t local = ms + (int64_t)zone_minutes * 60000;
    return (local >= 0 ? local : local - (DAY_MS - 1)) / DAY_MS;
}

/* The period counted from the beginning of day `from`, as the beginning of the day after its end.
 */
static int64_t end_of(int64_t from, const struct fk_period *p, int zone_minutes) {
    struct date d = date_of(from);
    int64_t months = (int64_t)d.month - 1 + p->months;
    d.year += p->years + months / 12;
    d.month = (unsigned)(months % 12) + 1;
    int64_t number;
    if (d.day > days_in(d.year, d.month)) /* no corresponding day: it ends with the month */
        number = day_number((struct date){d.year, d.month, days_in(d.year, d.month)}) + 1;
    else
        number = day_number(d);
    return (number + p->days) * DAY_MS - (int64_t)zone_minutes * 60000;
}

int64_t fk_period_end(int64_t at_ms, const struct fk_period *p, int zone_minutes) {
    return end_of(local_day(at_ms, zone_minutes) + 1, p, zone_minutes);
}

int64_t fk_period_end_fiscal(int64_t at_ms, const struct fk_period *p, int zone_minutes,
                             unsigned month, unsigned day) {
    int64_t today = local_day(at_ms, zone_minutes);
    struct date d = date_of(today);
    int64_t end = 0;
    for (int64_t year = d.year; year <= d.year + 1; year++) {
        unsigned last = days_in(year, month);
        end = day_number((struct date){year, month, day < last ? day : last});
        if (end >= today)
            break;
    }
    return end_of(end + 1, p, zone_minutes);
}

/* Up to four digits, then the unit; moves *at past them. False: not there, and nothing moved. */
static bool take(const char **at, char unit, unsigned *out) {
    unsigned n = 0;
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 4 || (*at)[digits] != unit)
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (unsigned)((*at)[i] - '0');
    *at += digits + 1;
    *out = n;
    return true;
}

bool fk_period_parse(const char *text, struct fk_period *out) {
    struct fk_period p = {0, 0, 0};
    if (*text++ != 'P')
        return false;
    bool any = take(&text, 'Y', &p.years);
    any = take(&text, 'M', &p.months) || any;
    any = take(&text, 'D', &p.days) || any;
    if (!any || *text)
        return false;
    *out = p;
    return true;
}

void fk_period_format(char out[FK_PERIOD_SIZE], const struct fk_period *p) {
    char years[8] = "", months[8] = "", days[8] = "";
    if (p->years)
        snprintf(years, sizeof years, "%uY", p->years % 10000);
    if (p->months)
        snprintf(months, sizeof months, "%uM", p->months % 10000);
    if (p->days || (!p->years && !p->months))
        snprintf(days, sizeof days, "%uD", p->days % 10000);
    snprintf(out, FK_PERIOD_SIZE, "P%s%s%s", years, months, days);
}

bool fk_month_day_parse(const char *text, unsigned *month_out, unsigned *day_out) {
    unsigned month, day;
    if (strlen(text) != 5 || text[2] != '-' || strspn(text, "0123456789") != 2 ||
        strspn(text + 3, "0123456789") != 2)
        return false;
    month = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
    day = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
    if (month < 1 || month > 12 || day < 1 || day > days_in(2000, month))
        return false;
    *month_out = month;
    *day_out = day;
    return true;
}
