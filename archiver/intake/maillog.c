/* maillog.c - a line from its left end to its right, field by field. */
#include "archiver/intake/maillog.h"
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t DAY_MS = 86400000;

/* ---- words */

static bool is(struct fk_words w, const char *text) {
    return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

static bool begins(struct fk_words w, const char *text) {
    size_t n = strlen(text);
    return w.len >= n && memcmp(w.at, text, n) == 0;
}

static struct fk_words rest(struct fk_words w, size_t n) {
    return n <= w.len ? (struct fk_words){w.at + n, w.len - n} : (struct fk_words){w.at, 0};
}

/* Takes `text` off the left end; false where it does not stand there. */
static bool take(struct fk_words *w, const char *text) {
    if (!begins(*w, text))
        return false;
    *w = rest(*w, strlen(text));
    return true;
}

/* Takes what stands before c, and c; false where there is no c. */
static bool take_to(struct fk_words *w, char c, struct fk_words *out) {
    const char *at = w->len ? memchr(w->at, c, w->len) : NULL;
    if (!at)
        return false;
    *out = (struct fk_words){w->at, (size_t)(at - w->at)};
    *w = rest(*w, out->len + 1);
    return true;
}

static bool take_number(struct fk_words *w, size_t digits, int *out) {
    int n = 0;
    if (w->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (w->at[i] < '0' || w->at[i] > '9')
            return false;
        n = n * 10 + (w->at[i] - '0');
    }
    *w = rest(*w, digits);
    *out = n;
    return true;
}

/* ---- times */

static bool take_clock(struct fk_words *w, struct tm *tm) {
    return take_number(w, 2, &tm->tm_hour) && take(w, ":") && take_number(w, 2, &tm->tm_min) &&
           take(w, ":") && take_number(w, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60 &&
           tm->tm_sec < 61;
}

static bool day_is(const struct tm *tm) {
    return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

static int64_t ms_of(struct tm tm, int zone_minutes) {
    return ((int64_t)timegm(&tm) - (int64_t)zone_minutes * 60) * 1000;
}

static bool take_fraction(struct fk_words *w, int *ms_out) {
    int scale = 100;
    *ms_out = 0;
    if (!take(w, "."))
        return true;
    if (!w->len || *w->at < '0' || *w->at > '9')
        return false;
    for (; w->len && *w->at >= '0' && *w->at <= '9'; *w = rest(*w, 1), scale /= 10)
        *ms_out += (*w->at - '0') * scale;
    return true;
}

static bool take_zone(struct fk_words *w, int *minutes_out) {
    int hours, minutes;
    if (take(w, "Z"))
        return *minutes_out = 0, true;
    bool west = begins(*w, "-");
    if (!take(w, west ? "-" : "+") || !take_number(w, 2, &hours))
        return false;
    (void)take(w, ":");
    if (!take_number(w, 2, &minutes) || hours > 15 || minutes > 59)
        return false;
    *minutes_out = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool take_rfc3339(struct fk_words *w, int64_t *ms_out) {
    struct tm tm = {0};
    struct fk_words at = *w;
    int ms, zone;
    if (!take_number(&at, 4, &tm.tm_year) || !take(&at, "-") || !take_number(&at, 2, &tm.tm_mon) ||
        !take(&at, "-") || !take_number(&at, 2, &tm.tm_mday) ||
        (!take(&at, "T") && !take(&at, " ")) || !take_clock(&at, &tm) || !take_fraction(&at, &ms) ||
        !take_zone(&at, &zone) || !take(&at, " "))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (!day_is(&tm))
        return false;
    *ms_out = ms_of(tm, zone) + ms;
    *w = at;
    return true;
}

static int month_of(const char *name) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (memcmp(names + 3 * i, name, 3) == 0)
            return i;
    return -1;
}

/* The newest year in which this is not after newest_ms (by more than a day: clocks differ). */
static bool take_traditional(struct fk_words *w, const struct fk_maillog_when *when,
                             int64_t *ms_out) {
    struct tm tm = {0}, now;
    struct fk_words at = *w;
    if (at.len < 4 || (tm.tm_mon = month_of(at.at)) < 0)
        return false;
    at = rest(at, 3);
    if (!take(&at, " ") ||
        !(take(&at, " ") ? take_number(&at, 1, &tm.tm_mday) : take_number(&at, 2, &tm.tm_mday)))
        return false;
    if (!take(&at, " ") || !take_clock(&at, &tm) || !take(&at, " ") || !day_is(&tm))
        return false;
    time_t newest = (time_t)(when->newest_ms / 1000);
    gmtime_r(&newest, &now);
    for (tm.tm_year = now.tm_year + 1; tm.tm_year > now.tm_year - 8; tm.tm_year--) {
        struct tm day = tm;
        int64_t ms = ms_of(tm, when->zone_minutes);
        (void)timegm(&day); /* 29 February is none in most years */
        if (day.tm_mday == tm.tm_mday && ms <= when->newest_ms + DAY_MS) {
            *ms_out = ms;
            *w = at;
            return true;
        }
    }
    return false;
}

/* ---- tags and queue ids */

static bool is_daemon(struct fk_words w) {
    static const char *const names[] = {
        "smtpd",   "pickup", "cleanup", "qmgr",  "nqmgr",   "smtp",      "lmtp",       "local",
        "virtual", "pipe",   "bounce",  "error", "discard", "postsuper", "postscreen", "qmqpd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(w, names[i]))
            return true;
    return false;
}

static bool tag_read(struct fk_words tag, struct fk_maillog_line *out) {
    const char *first = tag.len ? memchr(tag.at, '/', tag.len) : NULL;
    if (!first)
        return false;
    const char *last = memrchr(tag.at, '/', tag.len);
    out->instance = (struct fk_words){tag.at, (size_t)(first - tag.at)};
    out->daemon = rest(tag, (size_t)(last + 1 - tag.at));
    return out->instance.len && is_daemon(out->daemon);
}

/* Short ones are hexadecimal; long ones are of digits and consonants with a z before the inode
 * (postconf(5), enable_long_queue_ids). So "warning" and "statistics" are none. */
static bool is_queue_id(struct fk_words w) {
    bool hex = true, z = false, vowel = false;
    if (w.len < 5 || w.len > FK_QUEUE_ID_MAX)
        return false;
    for (size_t i = 0; i < w.len; i++) {
        char c = w.at[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z'))
            return false;
        hex &= digit || (c >= 'A' && c <= 'F');
        vowel |= strchr("AEIOUaeiou", c) != NULL;
        z |= c == 'z';
    }
    return hex || (z && !vowel && w.len >= 10);
}

static bool id_put(struct fk_words w, char out[FK_QUEUE_ID_MAX + 1]) {
    if (!is_queue_id(w))
        return false;
    memcpy(out, w.at, w.len);
    out[w.len] = 0;
    return true;
}

/* The queue id at the left end, as far as it goes. */
static void id_take(struct fk_words w, char out[FK_QUEUE_ID_MAX + 1]) {
    size_t n = 0;
    while (n < w.len && ((w.at[n] >= '0' && w.at[n] <= '9') || (w.at[n] >= 'A' && w.at[n] <= 'Z') ||
                         (w.at[n] >= 'a' && w.at[n] <= 'z')))
        n++;
    (void)id_put((struct fk_words){w.at, n}, out);
}

static void id_behind(struct fk_words text, const char *mark, char out[FK_QUEUE_ID_MAX + 1]) {
    const char *at = text.len ? memmem(text.at, text.len, mark, strlen(mark)) : NULL;
    if (at)
        id_take(rest(text, (size_t)(at - text.at) + strlen(mark)), out);
}

/* ---- deliveries */

/* <ADDRESS>, where ADDRESS may begin with a quoted part that has anything in it. */
static bool take_address(struct fk_words *w, struct fk_words *out) {
    size_t i = 0;
    if (!take(w, "<"))
        return false;
    if (w->len && *w->at == '"')
        for (i = 1; i < w->len && w->at[i] != '"'; i++)
            i += w->at[i] == '\\';
    while (i < w->len && w->at[i] != '>')
        i++;
    if (i >= w->len)
        return false;
    *out = (struct fk_words){w->at, i};
    *w = rest(*w, i + 1);
    return true;
}

/* "250 2.0.0 kept seq=N c256=HHHHHHHHHHHHHHHH", and nothing else: what receive answers. */
static bool kept_read(struct fk_words reply, struct fk_maillog_line *out) {
    uint64_t seq = 0;
    char hex[17] = "";
    if (!take(&reply, "250 2.0.0 kept seq="))
        return false;
    size_t n = 0;
    for (; n < reply.len && n < 19 && reply.at[n] >= '0' && reply.at[n] <= '9'; n++)
        seq = seq * 10 + (uint64_t)(reply.at[n] - '0');
    reply = rest(reply, n);
    if (n == 0 || !take(&reply, " c256=") || reply.len != 16)
        return false;
    memcpy(hex, reply.at, 16);
    if (!fk_unhex(out->c256, hex, 8))
        return false;
    out->seq = seq;
    return true;
}

static enum fk_maillog_result delivery_read(struct fk_words w, struct fk_maillog_line *out) {
    struct fk_words name, value;
    if (!take_address(&w, &out->to))
        return FK_MAILLOG_BAD;
    while (take(&w, ", ")) {
        if (!take_to(&w, '=', &name))
            return FK_MAILLOG_BAD;
        if (is(name, "orig_to")) {
            if (!take_address(&w, &value))
                return FK_MAILLOG_BAD;
            continue;
        }
        if (is(name, "status"))
            break;
        const char *comma = w.len ? memchr(w.at, ',', w.len) : NULL;
        if (!comma)
            return FK_MAILLOG_BAD;
        value = (struct fk_words){w.at, (size_t)(comma - w.at)};
        w = rest(w, value.len);
        if (is(name, "relay"))
            out->relay = value;
        else if (is(name, "dsn"))
            out->dsn = value;
    }
    if (!take_to(&w, ' ', &out->status) || !out->status.len || !take(&w, "(") || !w.len ||
        w.at[w.len - 1] != ')')
        return FK_MAILLOG_BAD;
    out->reply = (struct fk_words){w.at, w.len - 1};
    out->event = FK_MAILLOG_DELIVERY;
    out->kept = is(out->status, "sent") && kept_read(out->reply, out);
    if (is(out->status, "sent")) {
        id_behind(out->reply, "queued as ", out->next);
        if (!*out->next)
            id_behind(out->reply, "forwarded as ", out->next);
    }
    return FK_MAILLOG_TAKEN;
}

/* ---- events */

static enum fk_maillog_result event_read(struct fk_words w, struct fk_maillog_line *out) {
    if (begins(w, "milter-reject: ") || begins(w, "reject: ")) {
        out->event = FK_MAILLOG_REFUSED;
        out->reply = w;
        return FK_MAILLOG_TAKEN;
    }
    if (is(out->daemon, "smtpd") || is(out->daemon, "qmqpd")) {
        if (begins(w, "client="))
            out->event = FK_MAILLOG_RECEIVED;
    } else if (is(out->daemon, "pickup")) {
        if (begins(w, "uid=")) {
            out->event = FK_MAILLOG_RECEIVED;
            const char *orig = memmem(w.at, w.len, "> orig_id=", 10);
            if (orig) {
                id_take(rest(w, (size_t)(orig - w.at) + 10), out->next);
                out->event = FK_MAILLOG_REQUEUED;
            }
        }
    } else if (is(out->daemon, "qmgr") || is(out->daemon, "nqmgr")) {
        struct fk_words from, at = w;
        if (is(w, "removed"))
            out->event = FK_MAILLOG_REMOVED;
        else if (take(&at, "from=") && !take_address(&at, &from))
            return FK_MAILLOG_BAD;
        else if (begins(at, ", size="))
            out->event = FK_MAILLOG_QUEUED;
        else if (begins(at, ", status=expired"))
            out->event = FK_MAILLOG_EXPIRED;
    } else if (is(out->daemon, "postsuper")) {
        if (is(w, "removed"))
            out->event = FK_MAILLOG_DELETED;
    } else if (is(out->daemon, "bounce")) {
        id_behind(w, " notification: ", out->next);
        if (*out->next)
            out->event = FK_MAILLOG_NOTICE;
    }
    if (out->event == FK_MAILLOG_OTHER && take(&w, "to="))
        return delivery_read(w, out);
    return FK_MAILLOG_TAKEN;
}

enum fk_maillog_result fk_maillog_read_parts(int64_t time_ms, struct fk_words host,
                                             struct fk_words tag, struct fk_words message,
                                             struct fk_maillog_line *out) {
    struct fk_words id;
    *out = (struct fk_maillog_line){.time_ms = time_ms, .host = host};
    if (!tag_read(tag, out))
        return FK_MAILLOG_FOREIGN;
    if (take(&message, "NOQUEUE: ")) {
        if (!begins(message, "reject: ") && !begins(message, "milter-reject: "))
            return FK_MAILLOG_FOREIGN;
        out->event = FK_MAILLOG_REFUSED;
        out->reply = message;
        return FK_MAILLOG_TAKEN;
    }
    if (!take_to(&message, ':', &id) || !is_queue_id(id) || !take(&message, " "))
        return FK_MAILLOG_FOREIGN;
    (void)id_put(id, out->queue_id);
    return event_read(message, out);
}

enum fk_maillog_result fk_maillog_read(const char *text, size_t len,
                                       const struct fk_maillog_when *when,
                                       struct fk_maillog_line *out) {
    struct fk_words w = {text, len}, host, tag, priority;
    int64_t ms;
    if (begins(w, "<") && w.len > 4 && memchr(w.at, '>', 5))
        (void)take_to(&w, '>', &priority);
    if (!take_rfc3339(&w, &ms) && !take_traditional(&w, when, &ms))
        return FK_MAILLOG_FOREIGN;
    if (!take_to(&w, ' ', &host) || !take_to(&w, ':', &tag) || !take(&w, " "))
        return FK_MAILLOG_FOREIGN;
    const char *pid = tag.len ? memchr(tag.at, '[', tag.len) : NULL;
    if (pid)
        tag.len = (size_t)(pid - tag.at);
    return fk_maillog_read_parts(ms, host, tag, w, out);
}
