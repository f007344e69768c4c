/* trace_table.c - see trace_table.h */
#include "archiver/intake/trace_table.h"
#include "archiver/intake/csv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { BUCKETS_BEGIN = 1 << 12, NONE = FK_CSV_CELLS };

struct columns {
    size_t time, id, event, source, status;
};
struct table {
    const char *path;
    enum fk_trace_kind kind;
    int64_t since_ms, until_ms;
    struct fk_trace_table *to;
    struct columns at;
    bool named; /* the columns are known */
    struct fk_trace_sum sum;
};

/* ---- words */

/* The same letters and digits in the same order. */
static bool name_is(struct fk_words w, const char *name) {
    size_t i = 0;
    for (; *name; name++, i++) {
        while (i < w.len && !isalnum((unsigned char)w.at[i]))
            i++;
        if (i >= w.len || tolower((unsigned char)w.at[i]) != *name)
            return false;
    }
    while (i < w.len && !isalnum((unsigned char)w.at[i]))
        i++;
    return i == w.len;
}

static bool is_one_of(struct fk_words w, const char *const *names) {
    for (; *names; names++)
        if (name_is(w, *names))
            return true;
    return false;
}

static size_t column(const struct fk_csv *csv, const char *const *names) {
    for (; *names; names++)
        for (size_t i = 0; i < csv->count; i++)
            if (name_is(csv->cell[i], *names))
                return i;
    return NONE;
}

static struct fk_words cell(const struct fk_csv *csv, size_t i) {
    return i < csv->count ? csv->cell[i] : (struct fk_words){"", 0};
}

/* 2026-11-24T01:02:03.456Z, and what spreadsheets and PowerShell make of it: 11/24/2026 1:02:03 AM.
 */
static bool time_read(struct fk_words w, int64_t *ms_out) {
    char text[48] = "", noon[2] = "";
    struct tm tm = {0};
    int n = 0;
    memcpy(text, w.at, w.len < sizeof text ? w.len : sizeof text - 1);
    if (sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6) {
        n = 0;
        if (sscanf(text, "%2d/%2d/%4d %2d:%2d:%2d%n", &tm.tm_mon, &tm.tm_mday, &tm.tm_year,
                   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6)
            return false;
        if (sscanf(text + n, " %1[AaPp]", noon) == 1)
            tm.tm_hour = tm.tm_hour % 12 + (toupper((unsigned char)*noon) == 'P' ? 12 : 0);
    }
    if (tm.tm_year < 1990 || tm.tm_year > 9999 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
        tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *ms_out = (int64_t)timegm(&tm) * 1000;
    return true;
}

/* ---- messages */

static uint64_t hash(struct fk_words w) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < w.len; i++)
        h = (h ^ (unsigned char)w.at[i]) * UINT64_C(1099511628211);
    return h >> 7;
}

static void rehash(struct fk_trace_table *t) {
    size_t n = t->bucket_count ? t->bucket_count * 2 : BUCKETS_BEGIN;
    uint32_t *buckets = calloc(n, sizeof *buckets);
    if (!buckets)
        return;
    free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = n;
    for (size_t i = 0; i < t->count; i++) {
        const char *id = fk_trace_id(t, i);
        size_t b = hash((struct fk_words){id, strlen(id)}) & (n - 1);
        t->messages[i].chain = buckets[b];
        buckets[b] = (uint32_t)i + 1;
    }
}

static enum fk_status message_of(struct table *x, struct fk_words id, struct fk_trace_message **out,
                                 struct fk_err *err) {
    struct fk_trace_table *t = x->to;
    if (t->count >= t->bucket_count)
        rehash(t);
    if (!t->bucket_count)
        return fk_fail(err, FK_NOMEM, "no memory for a table");
    size_t b = hash(id) & (t->bucket_count - 1);
    for (uint32_t at = t->buckets[b]; at; at = t->messages[at - 1].chain)
        if (strlen(fk_trace_id(t, at - 1)) == id.len &&
            memcmp(fk_trace_id(t, at - 1), id.at, id.len) == 0) {
            *out = &t->messages[at - 1];
            return FK_OK;
        }
    if (t->count >= FK_TRACE_MAX)
        return fk_fail(err, FK_FULL,
                       "%s: over %d messages, which is the limit of one comparison; take it in "
                       "parts with --since and --until",
                       x->path, FK_TRACE_MAX);
    if (t->count == t->cap) {
        size_t more = t->cap ? t->cap * 2 : 1024;
        void *data = realloc(t->messages, more * sizeof *t->messages);
        if (!data)
            return fk_fail(err, FK_NOMEM, "no memory for a table");
        t->messages = data;
        t->cap = more;
    }
    size_t at = t->ids.len;
    fk_buf_add(&t->ids, id.at, id.len);
    fk_buf_byte(&t->ids, 0);
    if (t->ids.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a table");
    struct fk_trace_message *m = &t->messages[t->count];
    *m = (struct fk_trace_message){.id = at, .first_ms = INT64_MAX, .chain = t->buckets[b]};
    t->buckets[b] = (uint32_t)++t->count;
    *out = m;
    return FK_OK;
}

/* What is no Message-ID as the index has it: brackets, blanks, control characters, a NUL. */
static struct fk_words id_clean(struct fk_words w) {
    char *to = (char *)(uintptr_t)w.at; /* of our own row */
    size_t n = 0;
    for (size_t i = 0; i < w.len; i++)
        if ((unsigned char)w.at[i] > ' ' && w.at[i] != 0x7f)
            to[n++] = w.at[i];
    w.len = n;
    if (w.len && *w.at == '<')
        w = (struct fk_words){w.at + 1, w.len - 1};
    if (w.len && w.at[w.len - 1] == '>')
        w.len--;
    return w;
}

/* ---- rows */

/* Events of a message that came in or went on; all others (refusals, health checks, moderation)
 * alone do not make the archive responsible for it. */
static bool row_passed(const struct table *x, const struct fk_csv *csv) {
    static const char *const events[] = {"receive",  "submit",           "deliver", "send",
                                         "expand",   "sendexternal",     "resolve", "transfer",
                                         "redirect", "duplicatedeliver", NULL};
    static const char *const refused[] = {"failed", "filteredasspam", "quarantined", "fail", NULL};
    if (x->kind == FK_TRACE_EXCHANGE)
        return is_one_of(cell(csv, x->at.event), events);
    return x->at.status == NONE || !is_one_of(cell(csv, x->at.status), refused);
}

static bool row_is_journal(const struct table *x, const struct fk_csv *csv) {
    static const char *const events[] = {"journal", "journalreport", "journaling", NULL};
    return x->kind == FK_TRACE_EXCHANGE && (is_one_of(cell(csv, x->at.event), events) ||
                                            is_one_of(cell(csv, x->at.source), events));
}

static enum fk_status row_take(struct table *x, const struct fk_csv *csv, struct fk_err *err) {
    struct fk_trace_message *m = NULL;
    int64_t ms;
    if (!time_read(cell(csv, x->at.time), &ms) || x->at.id >= csv->count) {
        x->sum.bad++;
        return FK_OK;
    }
    if (ms < x->since_ms || ms > x->until_ms)
        return FK_OK;
    struct fk_words id = id_clean(cell(csv, x->at.id));
    if (!id.len) {
        x->sum.nameless += row_passed(x, csv);
        return FK_OK;
    }
    enum fk_status st = message_of(x, id, &m, err);
    if (st != FK_OK)
        return st;
    if (ms < m->first_ms)
        m->first_ms = ms;
    m->passed |= row_passed(x, csv);
    m->journal |= row_is_journal(x, csv);
    return FK_OK;
}

static enum fk_status names_take(struct table *x, const struct fk_csv *csv, struct fk_err *err) {
    static const char *const times[] = {
        "datetime", "received", "origintimestamputc", "receivedtime", "dateutc", "date", NULL};
    static const char *const ids[] = {"messageid", NULL};
    static const char *const events[] = {"eventid", NULL};
    static const char *const sources[] = {"source", NULL};
    static const char *const statuses[] = {"status", "deliverystatus", NULL};
    x->at = (struct columns){column(csv, times), column(csv, ids), column(csv, events),
                             column(csv, sources), column(csv, statuses)};
    if (x->at.time == NONE || x->at.id == NONE)
        return fk_fail(err, FK_INVALID,
                       "%s: no column of %s; expected names such as %s in its first row", x->path,
                       x->at.id == NONE ? "Message-IDs" : "times",
                       x->kind == FK_TRACE_EXCHANGE ? "\"#Fields: date-time,...,event-id,...,"
                                                      "message-id,...\""
                                                    : "\"Received,SenderAddress,...,MessageId\"");
    if (x->kind == FK_TRACE_EXCHANGE && x->at.event == NONE)
        return fk_fail(err, FK_INVALID, "%s: no column event-id; is it a message tracking log?",
                       x->path);
    x->named = true;
    return FK_OK;
}

static bool cut(struct fk_words *w, const char *prefix) {
    size_t n = strlen(prefix);
    if (w->len < n || memcmp(w->at, prefix, n) != 0)
        return false;
    *w = (struct fk_words){w->at + n, w->len - n};
    return true;
}

static enum fk_status line_take(struct table *x, struct fk_csv *csv, struct fk_err *err) {
    struct fk_words *first = &csv->cell[0];
    if (x->sum.rows++ == 0) {
        if (first->len > 1 &&
            (memcmp(first->at, "\xff\xfe", 2) == 0 || memcmp(first->at, "\xfe\xff", 2) == 0))
            return fk_fail(err, FK_INVALID,
                           "%s: is UTF-16; \"iconv -f UTF-16 -t UTF-8\" makes it readable",
                           x->path);
        (void)cut(first, "\xef\xbb\xbf");
    }
    if (cut(first, "#Fields:")) {
        while (cut(first, " "))
            ;
        return names_take(x, csv, err);
    }
    if ((first->len && *first->at == '#') || (csv->count == 1 && !first->len))
        return FK_OK; /* #Software:, #TYPE, an empty line */
    return x->named ? row_take(x, csv, err) : names_take(x, csv, err);
}

enum fk_status fk_trace_table_read(const char *path, enum fk_trace_kind kind, int64_t since_ms,
                                   int64_t until_ms, struct fk_trace_table *table,
                                   struct fk_trace_sum *out, struct fk_err *err) {
    struct table x = {
        .path = path, .kind = kind, .since_ms = since_ms, .until_ms = until_ms, .to = table};
    struct fk_csv csv = {.file = NULL};
    enum fk_status st;
    FK_TRY(fk_logfile_open(path, &csv.file, err));
    while ((st = fk_csv_next(&csv, err)) == FK_OK)
        FK_TRY(line_take(&x, &csv, err));
    if (st != FK_NOT_FOUND)
        goto done;
    st = FK_OK;
    if (!x.named)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: has no row of names, and so no messages", path));
    x.sum.bad += csv.bad;
    fk_logfile_digest(csv.file, x.sum.digest);
    *out = x.sum;
done:
    fk_logfile_close(&csv.file);
    fk_csv_free(&csv);
    return st;
}

void fk_trace_table_free(struct fk_trace_table *t) {
    free(t->messages);
    free(t->buckets);
    fk_buf_free(&t->ids);
}
