/* written_date.c - see written_date.h */
#include "indexer/transaction/written_date.h"
#include "indexer/transaction/lexicon_priv.h"
#include "indexer/transaction/numeral.h"

#include <string.h>
#include <time.h>

struct text {
    const char *text;
    size_t len;
};

static uint32_t glyph(const struct text *t, size_t at, size_t *next) {
    return fk_glyph(t->text, t->len, at, next);
}

/* ---- the calendar */

static unsigned days_in(unsigned year, unsigned month) {
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool fk_date_is_real(unsigned year, unsigned month, unsigned day) {
    return year >= FK_DATE_YEAR_FIRST && year <= FK_DATE_YEAR_LAST && month >= 1 && month <= 12 &&
           day >= 1 && day <= days_in(year, month);
}

uint32_t fk_date_number(unsigned year, unsigned month, unsigned day) {
    return fk_date_is_real(year, month, day) ? year * 10000 + month * 100 + day : 0;
}

unsigned fk_date_year_near(unsigned month, unsigned day, int64_t near_ms, int zone_minutes) {
    const time_t second = (time_t)(near_ms / 1000 + (int64_t)zone_minutes * 60);
    struct tm tm;
    if (!gmtime_r(&second, &tm) || tm.tm_year < 0)
        return 0;
    const int year = tm.tm_year + 1900;
    const int of_year = (int)(month * 31 + day), near = (tm.tm_mon + 1) * 31 + tm.tm_mday;
    return (unsigned)(of_year - near > 186 ? year - 1 : near - of_year > 186 ? year + 1 : year);
}

struct era {
    const char *name;
    unsigned first; /* the year before its year 1 */
    uint32_t begin; /* its first day */
};
static const struct era eras[] = {
    {"令和", 2018, 20190501}, {"平成", 1988, 19890108}, {"昭和", 1925, 19261225},
    {"大正", 1911, 19120730}, {"㋿", 2018, 20190501},  {"㍻", 1988, 19890108},
    {"㍼", 1925, 19261225},   {"㍽", 1911, 19120730},
};
/* A digit follows at once. */
static const struct era letters[] = {
    {"r", 2018, 20190501}, {"h", 1988, 19890108}, {"s", 1925, 19261225}};

/* ---- numbers of dates */

/* One or two digits, or a kanji number up to 99; 元 is 1 where that may be. */
static bool number_read(const struct text *t, size_t at, bool may_be_first, unsigned *out,
                        size_t *end) {
    size_t next, next2;
    uint32_t c = glyph(t, at, &next);
    while (c == ' ' && next - at < 4) {
        at = next;
        c = glyph(t, at, &next);
    }
    if (may_be_first && c == 0x5143) { /* 元 */
        *out = 1;
        *end = next;
        return true;
    }
    if (fk_glyph_is_digit(c)) {
        *out = c - '0';
        *end = next;
        const uint32_t second = glyph(t, next, &next2);
        if (!fk_glyph_is_digit(second))
            return true;
        *out = *out * 10 + (second - '0');
        *end = next2;
        return !fk_glyph_is_digit(glyph(t, next2, &next));
    }
    struct fk_numeral n;
    if (!fk_numeral_read(t->text, t->len, at, &n) || n.has_digits || n.hundredths > 9900)
        return false;
    *out = (unsigned)(n.hundredths / 100);
    *end = n.end;
    return true;
}

/* Four digits, or as many kanji (二〇二四), or 二千二十四. */
static bool year_read(const struct text *t, size_t at, unsigned *out, size_t *end) {
    size_t next = at;
    unsigned year = 0, n = 0;
    struct fk_numeral kanji;
    for (uint32_t c = glyph(t, at, &next); n < 5 && fk_glyph_is_digit(c); c = glyph(t, at, &next)) {
        year = year * 10 + (c - '0');
        at = next;
        n++;
    }
    if (n == 0 && fk_numeral_read(t->text, t->len, at, &kanji) && !kanji.has_digits &&
        kanji.hundredths < 1000000) {
        year = (unsigned)(kanji.hundredths / 100);
        at = kanji.end;
        n = 4;
    }
    *out = year;
    *end = at;
    return n == 4 && year >= FK_DATE_YEAR_FIRST && year <= FK_DATE_YEAR_LAST;
}

static size_t blanks_pass(const struct text *t, size_t at) {
    size_t next;
    for (int i = 0; i < 2 && glyph(t, at, &next) == ' '; i++)
        at = next;
    return at;
}

/* One of 年 / - . : which, or 0. */
static uint32_t separator_read(const struct text *t, size_t at, uint32_t kanji, size_t *end) {
    size_t next;
    uint32_t c = glyph(t, at, &next);
    if (c == ' ' && glyph(t, blanks_pass(t, at), &next) == kanji)
        c = kanji;
    *end = next;
    return c == kanji || c == '/' || c == '-' || c == '.' ? c : 0;
}

/* A date does not go on: 2024-04-01-3 is a number of something. */
static bool is_over(const struct text *t, size_t at) {
    size_t next, next2;
    const uint32_t c = glyph(t, at, &next);
    if (fk_glyph_is_digit(c))
        return false;
    return !((c == '-' || c == '/' || c == '.') && fk_glyph_is_digit(glyph(t, next, &next2)));
}

/* What follows the year: month, the same separator, day; or 月 and 日. */
static bool month_and_day(const struct text *t, size_t at, uint32_t separator,
                          struct fk_written_date *out) {
    size_t end, next;
    const bool is_kanji = separator == 0x5e74; /* 年 */
    if (!number_read(t, at, false, &out->month, &end))
        return false;
    const uint32_t second = separator_read(t, end, 0x6708, &next); /* 月 */
    if (!second || (is_kanji ? second != 0x6708 : second != separator))
        return false;
    if (!number_read(t, next, false, &out->day, &end))
        return false;
    if (is_kanji && glyph(t, blanks_pass(t, end), &next) == 0x65e5) /* 日 */
        end = next;
    else if (is_kanji)
        return false;
    out->end = end;
    return is_over(t, end);
}

static bool western_read(const struct text *t, size_t at, struct fk_written_date *out) {
    size_t end, next;
    if (!year_read(t, at, &out->year, &end))
        return false;
    const uint32_t separator = separator_read(t, end, 0x5e74, &next);
    return separator && month_and_day(t, next, separator, out) &&
           fk_date_is_real(out->year, out->month, out->day);
}

/* The era that stands there, and where its year begins. */
static const struct era *era_at(const struct text *t, size_t at, size_t *year_at) {
    static struct fk_lexicon lexicon = FK_LEXICON(eras, name);
    size_t next;
    const uint32_t c = fk_glyph_lower(glyph(t, at, &next));
    if (!fk_glyph_is_letter(c)) {
        const size_t i = fk_lexicon_first(&lexicon, t->text, t->len, at, year_at);
        return i == FK_LEXICON_NONE ? NULL : &eras[i];
    }
    *year_at = next;
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (c == (uint8_t)letters[i].name[0] && fk_glyph_is_digit(glyph(t, *year_at, &next)))
            return &letters[i];
    return NULL;
}

static bool era_read(const struct text *t, size_t at, struct fk_written_date *out) {
    size_t year_at, end, next;
    unsigned year;
    const struct era *e = era_at(t, at, &year_at);
    if (!e || !number_read(t, year_at, true, &year, &end) || year == 0)
        return false;
    const uint32_t separator = separator_read(t, end, 0x5e74, &next);
    if (!separator || !month_and_day(t, next, separator, out))
        return false;
    out->year = e->first + year;
    return fk_date_number(out->year, out->month, out->day) >= e->begin;
}

/* 4月1日 */
static bool yearless_read(const struct text *t, size_t at, struct fk_written_date *out) {
    out->year = 0;
    return month_and_day(t, at, 0x5e74, out) && out->month >= 1 && out->month <= 12 &&
           out->day >= 1 && out->day <= days_in(2000, out->month);
}

/* ---- English */

static unsigned month_name(const struct text *t, size_t at, size_t *end) {
    static const struct {
        const char *name;
        unsigned month;
    } names[] = {{"january", 1},   {"jan", 1},   {"february", 2},  {"feb", 2},      {"march", 3},
                 {"mar", 3},       {"april", 4}, {"apr", 4},       {"may", 5},      {"june", 6},
                 {"jun", 6},       {"july", 7},  {"jul", 7},       {"august", 8},   {"aug", 8},
                 {"september", 9}, {"sept", 9},  {"sep", 9},       {"october", 10}, {"oct", 10},
                 {"november", 11}, {"nov", 11},  {"december", 12}, {"dec", 12}};
    static struct fk_lexicon lexicon = FK_LEXICON(names, name);
    size_t next;
    const size_t i = fk_lexicon_first(&lexicon, t->text, t->len, at, end);
    if (i == FK_LEXICON_NONE)
        return 0;
    if (glyph(t, *end, &next) == '.')
        *end = next;
    return names[i].month;
}

static size_t between_pass(const struct text *t, size_t at, const char *signs) {
    size_t next;
    for (int i = 0; i < 3; i++) {
        const uint32_t c = glyph(t, at, &next);
        if (c == 0 || c > 0x7f || !strchr(signs, (int)c))
            break;
        at = next;
    }
    return at;
}

/* "1st" */
static size_t ordinal_pass(const struct text *t, size_t at) {
    static const char *const endings[] = {"st", "nd", "rd", "th"};
    size_t next, next2;
    const uint32_t a = fk_glyph_lower(glyph(t, at, &next)),
                   b = fk_glyph_lower(glyph(t, next, &next2));
    for (size_t i = 0; i < 4; i++)
        if (a == (uint8_t)endings[i][0] && b == (uint8_t)endings[i][1])
            return next2;
    return at;
}

/* April 1, 2024 */
static bool month_first(const struct text *t, size_t at, struct fk_written_date *out) {
    size_t end;
    out->month = month_name(t, at, &end);
    if (!out->month || !number_read(t, between_pass(t, end, " "), false, &out->day, &end))
        return false;
    end = between_pass(t, ordinal_pass(t, end), ", ");
    return year_read(t, end, &out->year, &out->end) && is_over(t, out->end) &&
           fk_date_is_real(out->year, out->month, out->day);
}

/* 1 April 2024, 1-Apr-2024 */
static bool day_first(const struct text *t, size_t at, struct fk_written_date *out) {
    size_t end;
    if (!number_read(t, at, false, &out->day, &end))
        return false;
    out->month = month_name(t, between_pass(t, ordinal_pass(t, end), " -"), &end);
    return out->month && year_read(t, between_pass(t, end, " -,"), &out->year, &out->end) &&
           is_over(t, out->end) && fk_date_is_real(out->year, out->month, out->day);
}

/* 04/13/2024 or 13/04/2024: where either could be the month it is no date for us. */
static bool slashes_read(const struct text *t, size_t at, struct fk_written_date *out) {
    unsigned a, b;
    size_t end, next;
    if (!number_read(t, at, false, &a, &end) || glyph(t, end, &next) != '/' ||
        !number_read(t, next, false, &b, &end) || glyph(t, end, &next) != '/' ||
        !year_read(t, next, &out->year, &out->end) || !is_over(t, out->end))
        return false;
    if (a <= 12 && b <= 12 && a != b)
        return false;
    out->month = a <= 12 ? a : b;
    out->day = a <= 12 ? b : a;
    return fk_date_is_real(out->year, out->month, out->day);
}

typedef bool form(const struct text *, size_t, struct fk_written_date *);

bool fk_written_date_read(const char *text, size_t len, size_t at, struct fk_written_date *out) {
    /* Those that may begin with a letter, and the others. */
    static form *const of_letters[] = {era_read, month_first, NULL};
    static form *const of_others[] = {western_read, era_read,      day_first,
                                      slashes_read, yearless_read, NULL};
    const struct text t = {text, len};
    size_t before_at, next;
    const uint32_t before = fk_glyph_before(text, len, at, &before_at);
    if (fk_glyph_is_digit(before) || fk_glyph_is_letter(before))
        return false;
    if (before == '-' || before == '/' || before == '.' || before == '_') {
        const uint32_t last = fk_glyph_before(text, len, before_at, &before_at);
        if (fk_glyph_is_digit(last) || fk_glyph_is_letter(last))
            return false;
    }
    const bool is_letter = fk_glyph_is_letter(glyph(&t, at, &next));
    for (form *const *read = is_letter ? of_letters : of_others; *read; read++) {
        struct fk_written_date d = {0, 0, 0, 0};
        if ((*read)(&t, at, &d)) {
            *out = d;
            return true;
        }
    }
    return false;
}
