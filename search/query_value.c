/* query_value.c - dates and sizes as people write them, into counted periods and bytes. */
#include "search/query_priv.h"

/* Days since 1970-01-01 of the proleptic Gregorian calendar, and back (Hinnant's days_from_civil:
 * years that begin in March put the leap day last). */
int64_t fk_query__day_of(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void fk_query__date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t first_second(enum fk_q_unit unit, int64_t count) {
    switch (unit) {
    case FK_UNIT_YEAR:
        return fk_query__day_of(count, 1, 1) * 86400;
    case FK_UNIT_MONTH:
        return fk_query__day_of(count / 12, count % 12 + 1, 1) * 86400;
    case FK_UNIT_DAY:
        return count * 86400;
    case FK_UNIT_MINUTE:
        return count * 60;
    default:
        return count;
    }
}

int64_t fk_q_when_first_ms(const struct fk_q_when *when, int zone_minutes) {
    return (first_second(when->unit, when->count) - (int64_t)zone_minutes * 60) * 1000;
}

int64_t fk_q_when_last_ms(const struct fk_q_when *when, int zone_minutes) {
    return (first_second(when->unit, when->count + 1) - (int64_t)zone_minutes * 60) * 1000 - 1;
}

void fk_query__print_when(const struct fk_q_when *when, struct fk_buf *out) {
    if (when->unit == FK_UNIT_OPEN)
        return;
    int64_t second = first_second(when->unit, when->count);
    int64_t days = (second >= 0 ? second : second - 86399) / 86400;
    int64_t year, month, day;
    fk_query__date_of(days, &year, &month, &day);
    second -= days * 86400;
    fk_buf_printf(out, "%04d", (int)year);
    if (when->unit >= FK_UNIT_MONTH)
        fk_buf_printf(out, "-%02d", (int)month);
    if (when->unit >= FK_UNIT_DAY)
        fk_buf_printf(out, "-%02d", (int)day);
    if (when->unit >= FK_UNIT_MINUTE)
        fk_buf_printf(out, "T%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60));
    if (when->unit >= FK_UNIT_SECOND)
        fk_buf_printf(out, ":%02d", (int)(second % 60));
}

/* One to `most` digits. */
static bool take_number(const char **at, int most, int64_t *out) {
    int digits = 0;
    int64_t n = 0;
    for (; digits < most && **at >= '0' && **at <= '9'; digits++)
        n = n * 10 + (*(*at)++ - '0');
    *out = n;
    return digits > 0;
}

/* "-", "/" or ".", or the Japanese counter that follows a year, month or day. */
static bool take_separator(const char **at, const char *counter) {
    if (**at == '-' || **at == '/' || **at == '.')
        return (*at)++, true;
    size_t n = strlen(counter);
    if (strncmp(*at, counter, n) == 0)
        return *at += n, **at >= '0' && **at <= '9';
    return false;
}

struct fk_q_when fk_query__day(int64_t days) {
    return (struct fk_q_when){FK_UNIT_DAY, days};
}

enum { YEAR_FIRST = 1900, YEAR_LAST = 2999 };

int64_t fk_query__days_in_month(int64_t year, int64_t month) {
    return fk_query__day_of(year + month / 12, month % 12 + 1, 1) -
           fk_query__day_of(year, month, 1);
}

/* 2024  2024-04  2024-04-01  20240401  2024-04-01T09:30  2024-04-01T09:30:15  2024/4/1 2024年4月1日
 */
bool fk_query__when(const char *at, struct fk_q_when *out) {
    int64_t year, month, day, hour, minute, second;
    bool packed = strspn(at, "0123456789") == 8;
    const char *whole = at;
    if (!take_number(&at, 4, &year) || at - whole != 4 || year < YEAR_FIRST || year > YEAR_LAST)
        return false;
    *out = (struct fk_q_when){FK_UNIT_YEAR, year};
    if (*at == 0 || strcmp(at, "年") == 0)
        return true;
    if (!packed && !take_separator(&at, "年"))
        return false;
    if (!take_number(&at, 2, &month) || month < 1 || month > 12)
        return false;
    *out = (struct fk_q_when){FK_UNIT_MONTH, year * 12 + month - 1};
    if (*at == 0 || strcmp(at, "月") == 0)
        return true;
    if (!packed && !take_separator(&at, "月"))
        return false;
    if (!take_number(&at, 2, &day) || day < 1 || day > fk_query__days_in_month(year, month))
        return false;
    if (strncmp(at, "日", strlen("日")) == 0)
        at += strlen("日");
    *out = (struct fk_q_when){FK_UNIT_DAY, fk_query__day_of(year, month, day)};
    if (*at == 0)
        return true;
    if (*at != 'T' && *at != 't' && *at != ' ')
        return false;
    at++;
    if (!take_number(&at, 2, &hour) || hour > 23 || *at++ != ':' || !take_number(&at, 2, &minute) ||
        minute > 59)
        return false;
    minute += fk_query__day_of(year, month, day) * 1440 + hour * 60;
    *out = (struct fk_q_when){FK_UNIT_MINUTE, minute};
    if (*at == 0)
        return true;
    if (*at++ != ':' || !take_number(&at, 2, &second) || second > 59 || *at != 0)
        return false;
    *out = (struct fk_q_when){FK_UNIT_SECOND, minute * 60 + second};
    return true;
}

void fk_query__split_range(char *value, char **to) {
    char *dots = strstr(value, ".."), *wave = strchr(value, '~');
    *to = NULL;
    if (dots != NULL) {
        *dots = 0;
        *to = dots + 2;
    } else if (wave != NULL) {
        *wave = 0;
        *to = wave + 1;
    }
}

static bool step(struct fk_q_when *when, int by) {
    when->count += by;
    struct fk_q_when first = {FK_UNIT_YEAR, YEAR_FIRST}, last = {FK_UNIT_YEAR, YEAR_LAST};
    return fk_q_when_first_ms(when, 0) >= fk_q_when_first_ms(&first, 0) &&
           fk_q_when_last_ms(when, 0) <= fk_q_when_last_ms(&last, 0);
}

static bool time_bound(const char *value, enum fk_query__op op, int64_t today,
                       struct fk_q_node *node, const char **expected) {
    struct fk_query__period p;
    if (!fk_query__period(value, today, &p, expected) || (op == OP_GT && !step(&p.to, 1)) ||
        (op == OP_LT && !step(&p.from, -1)))
        return false;
    if (op == OP_IS || op == OP_GE)
        node->from = p.from;
    if ((op == OP_IS && !p.is_age) || op == OP_LE)
        node->to = p.to;
    if (op == OP_GT)
        node->from = p.to;
    if (op == OP_LT)
        node->to = p.from;
    return true;
}

bool fk_query__time_value(const char *value, enum fk_query__op op, int64_t today,
                          struct fk_q_node *node, const char **expected) {
    char copy[80], *to;
    *expected =
        "a date such as 2024-04-01, 2024-04, 2024, 2024-04-01T09:30, 令和6年4月, today, 7d, "
        "or from..to, in the years 1900 to 2999";
    if (strlen(value) >= sizeof copy)
        return false;
    memcpy(copy, value, strlen(value) + 1);
    fk_query__split_range(copy, &to);
    if (to == NULL)
        return time_bound(copy, op, today, node, expected);
    if (op != OP_IS) {
        *expected = "one date: from..to goes with a colon, as in date:2024-01..2024-03";
        return false;
    }
    if ((copy[0] == 0 && *to == 0) ||
        (copy[0] != 0 && !time_bound(copy, OP_GE, today, node, expected)) ||
        (*to != 0 && !time_bound(to, OP_LE, today, node, expected)))
        return false;
    *expected = "a range whose first date is not after its last";
    return copy[0] == 0 || *to == 0 ||
           fk_q_when_first_ms(&node->from, 0) <= fk_q_when_last_ms(&node->to, 0);
}

bool fk_query_moment(const char *text, bool last, int zone_minutes, int64_t *ms_out) {
    struct fk_q_node node = {.text = NULL};
    const char *expected;
    if (!fk_query__time_value(text, last ? OP_LE : OP_GE, FK_NO_DAY, &node, &expected))
        return false;
    *ms_out = last ? fk_q_when_last_ms(&node.to, zone_minutes)
                   : fk_q_when_first_ms(&node.from, zone_minutes);
    return true;
}

/* Digits, then a unit of 1024s: K, M, G, T, also as KB, KiB. */
static bool take_size(const char *at, uint64_t *out) {
    uint64_t n = 0;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
            return false;
    if (*at == ' ')
        at++;
    static const char units[] = "KMGT";
    const char *unit = *at != 0 ? strchr(units, *at & ~0x20) : NULL;
    if (unit != NULL) {
        at++;
        if (*at == 'i')
            at++;
        unsigned bits = (unsigned)(unit - units + 1) * 10;
        if (n >> (64 - bits) != 0)
            return false;
        n <<= bits;
    }
    if (*at == 'B' || *at == 'b')
        at++;
    *out = n;
    return *at == 0;
}

static bool size_bound(const char *value, enum fk_query__op op, struct fk_q_node *node) {
    uint64_t n;
    if (!take_size(value, &n) || (op == OP_GT && n++ == UINT64_MAX) || (op == OP_LT && n-- == 0))
        return false;
    if (op == OP_IS || op == OP_GE || op == OP_GT)
        node->least = n;
    if (op == OP_IS || op == OP_LE || op == OP_LT)
        node->most = n;
    return true;
}

bool fk_query__size_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                          const char **expected) {
    char copy[80], *to;
    *expected = "a size such as 5000, 200K, 10M, or from..to";
    node->least = 0;
    node->most = UINT64_MAX;
    if (strlen(value) >= sizeof copy)
        return false;
    memcpy(copy, value, strlen(value) + 1);
    fk_query__split_range(copy, &to);
    if (to == NULL)
        return size_bound(copy, op, node);
    if (op != OP_IS) {
        *expected = "one size: from..to goes with a colon, as in size:1..5000";
        return false;
    }
    if ((copy[0] == 0 && *to == 0) || (copy[0] != 0 && !size_bound(copy, OP_GE, node)) ||
        (*to != 0 && !size_bound(to, OP_LE, node)))
        return false;
    *expected = "a range whose first size is not over its last";
    return node->least <= node->most;
}
