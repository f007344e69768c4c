/* model.c - see model.h */
#include "tests/unit/support/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOUR_MS = 3600000 };

static void *room(void *array, size_t count, size_t *cap, size_t size) {
    if (count < *cap)
        return array;
    *cap = *cap ? 2 * *cap : 64;
    array = realloc(array, *cap * size);
    if (!array)
        abort();
    return array;
}

void model_free(struct model *m) {
    for (size_t i = 0; i < m->hold_count; i++)
        free(m->holds[i].mails);
    free(m->holds);
    free(m->mails);
    free(m->copies);
    *m = (struct model){0};
}

void model_took_entry(struct model *m, const char *kind, uint64_t seq, int64_t time_ms) {
    static const char *const changing[] = {"hold", "release", "class", "policy", "key"};
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        if (strcmp(kind, changing[i]) == 0)
            m->basis = seq;
    if (time_ms > m->latest_ms)
        m->latest_ms = time_ms;
}

/* Received: when the archive took it, but not before anything that it had taken already. */
struct model_mail *model_took_mail(struct model *m, const struct model_mail *mail) {
    m->mails = room(m->mails, m->mail_count, &m->mail_cap, sizeof *m->mails);
    struct model_mail *at = &m->mails[m->mail_count++];
    *at = *mail;
    at->received_ms = m->latest_ms;
    return at;
}

void model_took_hold(struct model *m, uint64_t seq, const char *name, const uint64_t *mails,
                     size_t count) {
    m->holds = room(m->holds, m->hold_count, &m->hold_cap, sizeof *m->holds);
    struct model_hold *h = &m->holds[m->hold_count++];
    *h = (struct model_hold){.seq = seq, .count = count};
    snprintf(h->name, sizeof h->name, "%s", name);
    h->mails = malloc(count * sizeof *mails + 1);
    if (!h->mails)
        abort();
    memcpy(h->mails, mails, count * sizeof *mails);
}

void model_took_copy(struct model *m, const struct model_copy *copy) {
    m->copies = room(m->copies, m->copy_count, &m->copy_cap, sizeof *m->copies);
    m->copies[m->copy_count++] = *copy;
}

/* The mark was made now; an officer who accepts the clock also begins "received" anew. */
void model_took_mark(struct model *m, int64_t trusted_ms, bool accepted) {
    m->mark = m->now;
    m->mark_trusted_ms = trusted_ms;
    if (accepted)
        m->latest_ms = m->now.wall_ms;
}

/* ---- time: docs/decisions/0005 */

int64_t model_vouched(const struct model *m) {
    int64_t by_wall = m->now.wall_ms - m->mark.wall_ms, by_machine;
    if (m->mark.boot == 0) /* nobody knows which start the genesis entry was made in */
        by_machine = 0;
    else if (m->mark.boot == m->now.boot)
        by_machine = m->now.up_ms - m->mark.up_ms;
    else
        by_machine = m->now.up_ms;
    int64_t passed = by_wall < by_machine ? by_wall : by_machine;
    return passed > 0 ? m->mark_trusted_ms + passed : m->mark_trusted_ms;
}

int64_t model_time(const struct model *m) {
    int64_t vouched = model_vouched(m);
    return vouched < m->now.wall_ms ? vouched : m->now.wall_ms;
}

bool model_wants_mark(const struct model *m) {
    return m->mark.boot != m->now.boot || m->now.up_ms - m->mark.up_ms >= HOUR_MS ||
           m->now.wall_ms < m->mark.wall_ms;
}

static bool same_class(const struct model_class *a, const struct model_class *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->source, b->source) == 0 &&
           a->period.years == b->period.years && a->period.months == b->period.months &&
           a->period.days == b->period.days && a->fiscal == b->fiscal;
}

bool model_wants_rules(const struct model *m) {
    const struct model_rules *a = &m->configured, *b = &m->recorded;
    if (!m->any_recorded)
        return a->count > 0;
    bool same = a->count == b->count && a->zone_minutes == b->zone_minutes &&
                a->fiscal_month == b->fiscal_month && a->fiscal_day == b->fiscal_day;
    for (int i = 0; same && i < a->count; i++)
        same = same_class(&a->classes[i], &b->classes[i]);
    return !same;
}

/* ---- the calendar: Civil Code, articles 140 and 143 */

static struct tm day_of(int64_t ms, int zone_minutes) {
    struct tm day;
    time_t local = (time_t)(ms / 1000) + zone_minutes * 60;
    gmtime_r(&local, &day);
    return (struct tm){.tm_year = day.tm_year, .tm_mon = day.tm_mon, .tm_mday = day.tm_mday};
}

static void settle(struct tm *day) {
    time_t t = timegm(day);
    gmtime_r(&t, day);
}

/* The first moment after the period, which begins with this day. */
static int64_t over(struct tm day, const struct model_period *p, int zone_minutes) {
    int wanted = day.tm_mday;
    day.tm_year += p->years;
    day.tm_mon += p->months;
    settle(&day);
    if (day.tm_mday != wanted) /* there is no such day: timegm has gone on into the next month */
        day.tm_mday = 1;
    day.tm_mday += p->days;
    return (int64_t)(timegm(&day) - zone_minutes * 60) * 1000;
}

static struct tm next_day(struct tm day) {
    day.tm_mday++;
    settle(&day);
    return day;
}

/* The day a fiscal year ends on, in that year; the 29th of February is the month's last. */
static struct tm fiscal_end(int year, const struct model_rules *r) {
    struct tm day = {.tm_year = year, .tm_mon = r->fiscal_month - 1, .tm_mday = r->fiscal_day};
    if (r->fiscal_month == 2 && r->fiscal_day == 29)
        day = (struct tm){.tm_year = year, .tm_mon = 2, .tm_mday = 0};
    settle(&day);
    return day;
}

static struct tm first_day(const struct model_rules *r, bool fiscal, int64_t received_ms) {
    struct tm day = day_of(received_ms, r->zone_minutes);
    if (!fiscal)
        return next_day(day);
    struct tm end = fiscal_end(day.tm_year, r);
    if (timegm(&end) < timegm(&day))
        end = fiscal_end(day.tm_year + 1, r);
    return next_day(end);
}

/* ---- what must follow */

const struct model_hold *model_holder(const struct model *m, uint64_t mail) {
    for (size_t i = 0; i < m->hold_count; i++)
        for (size_t k = 0; !m->holds[i].released && k < m->holds[i].count; k++)
            if (m->holds[i].mails[k] == mail)
                return &m->holds[i];
    return NULL;
}

static const struct model_class *class_of(const struct model_rules *r, const char *source) {
    for (int i = 0; i < r->count; i++)
        if (!*r->classes[i].source || strcmp(r->classes[i].source, source) == 0)
            return &r->classes[i];
    return NULL;
}

enum model_fate model_fate(const struct model *m, const struct model_mail *mail,
                           const struct model_class **rule, int64_t *until_ms) {
    const struct model_rules *r = &m->configured;
    const struct model_class *c = *rule = class_of(r, mail->source);
    *until_ms = MODEL_NEVER;
    if (c) {
        int64_t by_rule =
            over(first_day(r, c->fiscal, mail->received_ms), &c->period, r->zone_minutes);
        int64_t by_floor =
            over(first_day(r, false, mail->received_ms), &mail->floor, r->zone_minutes);
        *until_ms = by_rule > by_floor ? by_rule : by_floor;
    }
    if (model_holder(m, mail->seq))
        return MODEL_HELD;
    return c && model_time(m) >= *until_ms ? MODEL_DUE : MODEL_KEPT;
}

struct model_mail *model_mail(const struct model *m, uint64_t seq) {
    for (size_t i = 0; i < m->mail_count; i++)
        if (m->mails[i].seq == seq)
            return &m->mails[i];
    return NULL;
}
