/* query_period.c - periods that people name otherwise than by a Gregorian date: relative to today,
 * in Japanese eras, by fiscal years (April to March). Each becomes days, months or years. */
#include "search/query_priv.h"

#include <stdio.h>

/* ---- relative to today */

enum { WEEK = FK_UNIT_SECOND + 1, FISCAL }; /* beside the units of fk_q_unit */
struct word {
    const char *word;
    int unit, back;
};
static const struct word words[] = {
    {"today", FK_UNIT_DAY, 0},
    {"yesterday", FK_UNIT_DAY, 1},
    {"this week", WEEK, 0},
    {"last week", WEEK, 1},
    {"this month", FK_UNIT_MONTH, 0},
    {"last month", FK_UNIT_MONTH, 1},
    {"this year", FK_UNIT_YEAR, 0},
    {"last year", FK_UNIT_YEAR, 1},
    {"this fiscal year", FISCAL, 0},
    {"last fiscal year", FISCAL, 1},
    {"今日", FK_UNIT_DAY, 0},
    {"本日", FK_UNIT_DAY, 0},
    {"昨日", FK_UNIT_DAY, 1},
    {"一昨日", FK_UNIT_DAY, 2},
    {"今週", WEEK, 0},
    {"先週", WEEK, 1},
    {"先々週", WEEK, 2},
    {"今月", FK_UNIT_MONTH, 0},
    {"先月", FK_UNIT_MONTH, 1},
    {"先々月", FK_UNIT_MONTH, 2},
    {"今年", FK_UNIT_YEAR, 0},
    {"本年", FK_UNIT_YEAR, 0},
    {"昨年", FK_UNIT_YEAR, 1},
    {"去年", FK_UNIT_YEAR, 1},
    {"一昨年", FK_UNIT_YEAR, 2},
    {"今年度", FISCAL, 0},
    {"本年度", FISCAL, 0},
    {"昨年度", FISCAL, 1},
    {"前年度", FISCAL, 1},
};

/* Case does not matter, and last-month and last_month are "last month". */
static bool is_word(const char *text, const char *word) {
    for (; *text && *word; text++, word++) {
        const char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
        if (c != *word && !(*word == ' ' && (c == '-' || c == '_')))
            return false;
    }
    return *text == 0 && *word == 0;
}

static void fiscal_year(int64_t year, struct fk_query__period *out) {
    out->from = (struct fk_q_when){FK_UNIT_MONTH, year * 12 + 3};
    out->to = (struct fk_q_when){FK_UNIT_MONTH, year * 12 + 14};
}

static void period_before(int unit, int back, int64_t today, struct fk_query__period *out) {
    int64_t year, month, day;
    fk_query__date_of(today, &year, &month, &day);
    if (unit == WEEK) { /* of ISO 8601: it begins on Monday; 1970-01-01 was a Thursday */
        const int64_t monday = today - ((today + 3) % 7 + 7) % 7 - 7 * back;
        out->from = fk_query__day(monday);
        out->to = fk_query__day(monday + 6);
    } else if (unit == FISCAL)
        fiscal_year(year - (month < 4) - back, out);
    else {
        const int64_t count = unit == FK_UNIT_DAY     ? today
                              : unit == FK_UNIT_MONTH ? year * 12 + month - 1
                                                      : year;
        out->from = out->to = (struct fk_q_when){(enum fk_q_unit)unit, count - back};
    }
}

static bool take_word(const char *text, int64_t today, struct fk_query__period *out) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(text, words[i].word))
            return period_before(words[i].unit, words[i].back, today, out), true;
    return false;
}

/* "7d", "2w", "3m", "1y": the day so long ago; of a month that is too short, its last. */
static bool take_age(const char *text, int64_t today, struct fk_query__period *out) {
    int64_t n = 0, year, month, day;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 4 || text[digits] == 0 || text[digits + 1] != 0)
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (text[i] - '0');
    const char unit = (char)(text[digits] | 0x20);
    if (!strchr("dwmy", unit))
        return false;
    if (unit == 'm' || unit == 'y') {
        fk_query__date_of(today, &year, &month, &day);
        const int64_t months = year * 12 + month - 1 - n * (unit == 'y' ? 12 : 1);
        if (months < 1900 * 12)
            return false;
        const int64_t most = fk_query__days_in_month(months / 12, months % 12 + 1);
        today = fk_query__day_of(months / 12, months % 12 + 1, day < most ? day : most);
    } else
        today -= n * (unit == 'w' ? 7 : 1);
    if (today < fk_query__day_of(1900, 1, 1))
        return false;
    out->from = out->to = fk_query__day(today);
    out->is_age = true;
    return true;
}

/* ---- eras */

struct era {
    const char *names[3];
    int year, month, day; /* its first */
    const char *over;     /* where one names a day that it does not have */
};
static const struct era eras[] = {
    {{"令和", "R", "㋿"}, 2019, 5, 1, "a date of 令和, which began on 2019-05-01"},
    {{"平成", "H", "㍻"}, 1989, 1, 8, "a date of 平成, which lasted from 1989-01-08 to 2019-04-30"},
    {{"昭和", "S", "㍼"},
     1926,
     12,
     25,
     "a date of 昭和, which lasted from 1926-12-25 to 1989-01-07"},
    {{"大正", "T", "㍽"},
     1912,
     7,
     30,
     "a date of 大正, which lasted from 1912-07-30 to 1926-12-24"},
};
enum { ERAS = sizeof eras / sizeof *eras };

static const struct era *take_era(const char **at) {
    for (size_t i = 0; i < ERAS; i++)
        for (size_t k = 0; k < 3; k++) {
            const char *name = eras[i].names[k];
            const size_t n = strlen(name);
            char first = **at;
            if (n == 1 && first >= 'a' && first <= 'z')
                first = (char)(first - 32);
            if (n == 1 ? first != name[0] || (*at)[1] < '0' || (*at)[1] > '9'
                       : strncmp(*at, name, n) != 0)
                continue;
            *at += n;
            return &eras[i];
        }
    return NULL;
}

static int64_t first_day(const struct era *e) {
    return fk_query__day_of(e->year, e->month, e->day);
}

/* The days of it that are within the era. */
static bool within(const struct era *e, struct fk_query__period *p) {
    const int64_t day_ms = 86400000;
    const int64_t first = first_day(e), last = e == eras ? INT64_MAX : first_day(e - 1) - 1;
    const int64_t from = fk_q_when_first_ms(&p->from, 0), to = fk_q_when_last_ms(&p->to, 0);
    if (to < first * day_ms || (e != eras && from >= (last + 1) * day_ms))
        return false;
    const bool is_cut = from < first * day_ms || (e != eras && to >= (last + 1) * day_ms);
    if (!is_cut)
        return true;
    p->from = fk_query__day(from < first * day_ms ? first : from / day_ms);
    p->to = fk_query__day(e != eras && to >= (last + 1) * day_ms ? last : (to + 1) / day_ms - 1);
    return true;
}

/* ---- numbers in kanji, and the rest of a date */

/* 一 二 ... 九 〇 as digits, and 十, 二十三 as people write days. */
static void arabic(const char *text, char *out, size_t size) {
    static const char *const digits[] = {"〇", "一", "二", "三", "四",
                                         "五", "六", "七", "八", "九"};
    size_t n = 0;
    bool in_number = false;
    while (*text && n + 4 < size) {
        int digit = -1;
        for (int i = 0; i < 10 && digit < 0; i++)
            if (strncmp(text, digits[i], strlen(digits[i])) == 0)
                digit = i;
        const bool is_ten = strncmp(text, "十", strlen("十")) == 0;
        if (digit >= 0) {
            out[n++] = (char)('0' + digit);
            text += strlen(digits[digit]);
        } else if (is_ten) {
            text += strlen("十");
            if (!in_number)
                out[n++] = '1';
            bool more = false; /* a digit after it takes the place of its zero */
            for (int i = 1; i < 10; i++)
                more |= strncmp(text, digits[i], strlen(digits[i])) == 0;
            if (!more)
                out[n++] = '0';
        } else
            out[n++] = *text++;
        in_number = digit >= 0 || is_ten;
    }
    out[n] = 0;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* "2024年度", "FY2024" */
static bool take_fiscal(const char *text, struct fk_query__period *out) {
    char year[8];
    const bool is_english = strncasecmp(text, "fy", 2) == 0;
    if (!is_english && !ends_with(text, "年度"))
        return false;
    if (is_english)
        text += 2;
    snprintf(year, sizeof year, "%.4s", text);
    if (strspn(year, "0123456789") != 4 || strcmp(text + 4, is_english ? "" : "年度") != 0)
        return false;
    const int64_t n =
        (year[0] - '0') * 1000 + (year[1] - '0') * 100 + (year[2] - '0') * 10 + (year[3] - '0');
    if (n < 1900 || n > 2998)
        return false;
    fiscal_year(n, out);
    return true;
}

static bool take_gregorian(const char *text, struct fk_query__period *out) {
    if (take_fiscal(text, out))
        return true;
    if (!fk_query__when(text, &out->from))
        return false;
    out->to = out->from;
    return true;
}

static bool take_wareki(const char *text, struct fk_query__period *out, const char **expected) {
    char gregorian[80];
    int year = 0, digits = 0;
    const struct era *e = take_era(&text);
    if (e == NULL)
        return false;
    if (strncmp(text, "元", strlen("元")) == 0) {
        year = 1;
        text += strlen("元");
    } else
        for (; digits < 2 && *text >= '0' && *text <= '9'; digits++)
            year = year * 10 + (*text++ - '0');
    if (year == 0)
        return false;
    snprintf(gregorian, sizeof gregorian, "%04d%s", e->year + year - 1, text);
    if (!take_gregorian(gregorian, out))
        return false;
    *expected = e->over;
    if (ends_with(text, "年度")) /* of the year in which an era ends, also what is after it */
        return fk_q_when_last_ms(&out->to, 0) >= first_day(e) * 86400000 &&
               (e == eras || fk_q_when_first_ms(&out->from, 0) < first_day(e - 1) * 86400000);
    return within(e, out);
}

bool fk_query__period(const char *text, int64_t today, struct fk_query__period *out,
                      const char **expected) {
    char plain[80];
    *out = (struct fk_query__period){.is_age = false};
    if (today != FK_NO_DAY && (take_word(text, today, out) || take_age(text, today, out)))
        return true;
    arabic(text, plain, sizeof plain);
    return take_gregorian(plain, out) || take_wareki(plain, out, expected);
}
