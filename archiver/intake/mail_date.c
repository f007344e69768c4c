/* mail_date.c - dates by the shape of their words, and the two header fields that have them. */
#include "archiver/intake/mail_date.h"

#include <string.h>
#include <strings.h>
#include <time.h>

struct date {
    int day, month, year, hour, minute, second, zone_minutes; /* month 1 to 12; 0: not yet seen */
    bool time, zone;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The number that a word of digits is; -1 where it is none, or has over 4 digits. */
static int number(const char *word, size_t len) {
    int n = 0;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(word[i]) || i == 4)
            return -1;
        else
            n = n * 10 + (word[i] - '0');
    return len ? n : -1;
}

static bool time_take(struct date *d, const char *word, size_t len) {
    int part[3] = {0, 0, 0}, n = 0;
    while (n < 3) {
        const char *colon = memchr(word, ':', len);
        size_t part_len = colon ? (size_t)(colon - word) : len;
        part[n] = part_len <= 2 ? number(word, part_len) : -1;
        if (part[n++] < 0)
            return false;
        if (!colon)
            break;
        word += part_len + 1;
        len -= part_len + 1;
    }
    if (n < 2 || part[0] > 23 || part[1] > 59 || part[2] > 60)
        return false;
    d->hour = part[0];
    d->minute = part[1];
    d->second = part[2] < 60 ? part[2] : 59; /* a leap second has no number of its own */
    return d->time = true;
}

static bool zone_take(struct date *d, const char *word, size_t len) {
    static const struct {
        const char *name;
        int minutes;
    } names[] = {{"GMT", 0},    {"UTC", 0},    {"UT", 0},     {"Z", 0},      {"JST", 540},
                 {"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300}, {"MST", -420},
                 {"MDT", -360}, {"PST", -480}, {"PDT", -420}, {"CET", 60},   {"CEST", 120}};
    if (len == 5 && (word[0] == '+' || word[0] == '-')) {
        int n = number(word + 1, 4);
        if (n < 0 || n % 100 > 59)
            return false;
        d->zone_minutes = (n / 100 * 60 + n % 100) * (word[0] == '-' ? -1 : 1);
        return d->zone = true;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == len && strncasecmp(word, names[i].name, len) == 0) {
            d->zone_minutes = names[i].minutes;
            return d->zone = true;
        }
    return false;
}

static bool month_take(struct date *d, const char *word, size_t len) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; len >= 3 && len <= 9 && i < 12; i++)
        if (strncasecmp(word, names + 3 * i, 3) == 0) {
            d->month = i + 1;
            return true;
        }
    return false;
}

/* RFC 5322, 4.3: years of two and three digits. */
static void year_or_day_take(struct date *d, int n, size_t digits) {
    if (!d->day && digits <= 2 && n >= 1 && n <= 31)
        d->day = n;
    else if (!d->year)
        d->year = digits >= 4 ? n : digits == 3 || n >= 50 ? 1900 + n : 2000 + n;
}

static void word_take(struct date *d, const char *word, size_t len) {
    int n = number(word, len);
    if (n >= 0)
        year_or_day_take(d, n, len);
    else if (!d->time && memchr(word, ':', len))
        (void)time_take(d, word, len); /* no time: the date will be found incomplete */
    else if (!d->month && month_take(d, word, len))
        return;
    else if (d->time && !d->zone)
        (void)zone_take(d, word, len); /* another word, a weekday say */
}

static bool date_make(const struct date *d, int64_t *ms_out) {
    static const int64_t end_s = 253402300800; /* year 10000, which fk_time_format cannot write */
    if (!d->day || !d->month || !d->time || d->year < 1970 || d->year > 9999)
        return false;
    struct tm tm = {.tm_mday = d->day,
                    .tm_mon = d->month - 1,
                    .tm_year = d->year - 1900,
                    .tm_hour = d->hour,
                    .tm_min = d->minute,
                    .tm_sec = d->second};
    time_t t = timegm(&tm);
    if (tm.tm_mday != d->day) /* 31 February */
        return false;
    const int64_t s = (int64_t)t - d->zone_minutes * 60;
    if (s < 0 || s >= end_s)
        return false;
    *ms_out = s * 1000;
    return true;
}

bool fk_mail_date_read(const char *text, size_t len, int64_t *ms_out) {
    struct date d = {0};
    unsigned depth = 0;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = 0;
        if (text[i] == '(')
            depth++;
        else if (text[i] == ')' && depth)
            depth--;
        if (depth)
            continue;
        while (i + n < len && !strchr(" \t\r\n,;()", text[i + n]))
            n++;
        if (n)
            word_take(&d, text + i, n);
    }
    return date_make(&d, ms_out);
}

/* The field that begins at `at`, with its continuation lines; the header's end where there is none.
 */
static size_t field_length(const char *at, size_t len) {
    size_t n = 0;
    do {
        const char *lf = memchr(at + n, '\n', len - n);
        n = lf ? (size_t)(lf - at) + 1 : len;
    } while (n < len && (at[n] == ' ' || at[n] == '\t'));
    return n;
}

static bool field_is(const char *at, size_t len, const char *name, size_t *value_out) {
    size_t n = strlen(name);
    if (len < n || strncasecmp(at, name, n) != 0)
        return false;
    while (n < len && (at[n] == ' ' || at[n] == '\t'))
        n++;
    *value_out = n + 1;
    return n < len && at[n] == ':';
}

static const char *last_semicolon(const char *at, size_t len) {
    const char *p = memrchr(at, ';', len);
    return p ? p + 1 : at;
}

static bool header_derive(const char *header, size_t len, int64_t *ms_out) {
    bool has_received = false, has_date = false;
    int64_t date = 0;
    for (size_t at = 0, n, value; at < len; at += n) {
        n = field_length(header + at, len - at);
        const char *field = header + at;
        if (field[0] == '\n' || (n >= 2 && field[0] == '\r' && field[1] == '\n'))
            break;
        if (!has_received && field_is(field, n, "Received", &value)) {
            has_received = true;
            const char *from = last_semicolon(field + value, n - value);
            if (fk_mail_date_read(from, (size_t)(field + n - from), ms_out))
                return true;
        } else if (!has_date && field_is(field, n, "Date", &value)) {
            has_date = fk_mail_date_read(field + value, n - value, &date);
        }
    }
    if (has_date)
        *ms_out = date;
    return has_date;
}

bool fk_mail_date_derive(const char *from_line, size_t from_len, const char *header, size_t len,
                         int64_t *ms_out) {
    /* "From ", the sender, then the date: the sender may look like part of one. */
    const char *date = from_line && from_len > 5 ? memchr(from_line + 5, ' ', from_len - 5) : NULL;
    if (date && fk_mail_date_read(date, (size_t)(from_line + from_len - date), ms_out))
        return true;
    return header_derive(header, len, ms_out);
}
