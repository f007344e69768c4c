/* mailtrace.c - lines into messages: a hash of queue ids, and stretches of time. */
#include "archiver/intake/mailtrace.h"
#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A server in trouble may write the lines of one message a little out of order. */
enum { SLACK_MS = 2000, BUCKETS_BEGIN = 1 << 12 };

enum {
    RECEIVED = 1 << 0,
    QUEUED = 1 << 1,
    REMOVED = 1 << 2,
    DELETED = 1 << 3,
    KEPT = 1 << 4,
    COPY_SEEN = 1 << 5,
    COPY_BOUNCED = 1 << 6,
    COPY_ELSEWHERE = 1 << 7,
    EXPIRED = 1 << 8,
    OWN = 1 << 9,
    REFUSED = 1 << 10,
    FORWARDED = 1 << 11 /* its next one was kept */
};

const char *fk_fate_name(enum fk_fate fate) {
    static const char *const names[FK_FATES] = {"kept",    "forwarded", "refused",  "own",
                                                "partial", "queued",    "no-copy",  "bounced",
                                                "expired", "deleted",   "elsewhere"};
    return names[fate];
}

bool fk_fate_is_missing(enum fk_fate fate) {
    return fate >= FK_FATE_NO_COPY;
}

static enum fk_status no_memory(struct fk_err *err) {
    return fk_fail(err, FK_NOMEM, "no memory for what the log says");
}

enum fk_status fk_mailtrace_new(struct fk_mailtrace **out, struct fk_err *err) {
    struct fk_mailtrace *t = calloc(1, sizeof *t);
    if (t)
        t->buckets = calloc(BUCKETS_BEGIN, sizeof *t->buckets);
    if (!t || !t->buckets) {
        free(t);
        return no_memory(err);
    }
    t->bucket_count = BUCKETS_BEGIN;
    t->oldest_ms = INT64_MAX;
    t->newest_ms = INT64_MIN;
    *out = t;
    return FK_OK;
}

void fk_mailtrace_free(struct fk_mailtrace **tp) {
    struct fk_mailtrace *t = *tp;
    if (!t)
        return;
    for (size_t i = 0; i < t->copy_count; i++)
        free(t->copies[i]);
    free(t->messages);
    free(t->replies);
    free(t->refusals);
    free(t->buckets);
    free(t);
    *tp = NULL;
}

/* Room for one more in *array, up to the limit. */
static enum fk_status grow(void *array, size_t count, size_t *cap, size_t size, const char *what,
                           struct fk_err *err) {
    void **at = array;
    if (count < *cap)
        return FK_OK;
    if (count >= FK_MAILTRACE_MAX)
        return fk_fail(err, FK_FULL,
                       "the log has over %d %s, which is the limit of one comparison; take it in "
                       "parts with --since and --until",
                       FK_MAILTRACE_MAX, what);
    size_t more = *cap ? *cap * 2 : 1024;
    if (more > FK_MAILTRACE_MAX)
        more = FK_MAILTRACE_MAX;
    void *data = realloc(*at, more * size);
    if (!data)
        return no_memory(err);
    *at = data;
    *cap = more;
    return FK_OK;
}

/* ---- addresses that get the copies */

bool fk_mailtrace_is_copy(const struct fk_mailtrace *t, struct fk_words address) {
    for (size_t i = 0; i < t->copy_count; i++)
        if (strlen(t->copies[i]) == address.len &&
            strncasecmp(t->copies[i], address.at, address.len) == 0)
            return true;
    return false;
}

enum fk_status fk_mailtrace_copy(struct fk_mailtrace *t, const char *address, size_t len,
                                 struct fk_err *err) {
    if (fk_mailtrace_is_copy(t, (struct fk_words){address, len}))
        return FK_OK;
    if (t->copy_count == FK_MAILTRACE_COPIES)
        return fk_fail(err, FK_FULL,
                       "over %d addresses have replies of the archive in this log; name the one "
                       "that gets the copies with --copy",
                       FK_MAILTRACE_COPIES);
    char *copy = strndup(address, len);
    if (!copy)
        return no_memory(err);
    t->copies[t->copy_count++] = copy;
    return FK_OK;
}

/* ---- messages by queue id */

static uint64_t hash_add(uint64_t h, const void *data, size_t len) {
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static const uint64_t HASH_BEGIN = UINT64_C(14695981039346656037);

static size_t bucket_of(const struct fk_mailtrace *t, const char *queue_id, unsigned source) {
    uint64_t h = hash_add(HASH_BEGIN, queue_id, strlen(queue_id));
    unsigned char s = (unsigned char)source;
    return (size_t)(hash_add(h, &s, 1) >> 7) & (t->bucket_count - 1);
}

static enum fk_status source_of(struct fk_mailtrace *t, const struct fk_maillog_line *l,
                                uint8_t *out, struct fk_err *err) {
    char name[sizeof t->sources[0]];
    int host = (int)(l->host.len > 40 ? 40 : l->host.len);
    int instance = (int)(l->instance.len > 20 ? 20 : l->instance.len);
    snprintf(name, sizeof name, "%.*s/%.*s", host, l->host.at, instance, l->instance.at);
    for (size_t i = 0; i < t->source_count; i++)
        if (strcmp(t->sources[i], name) == 0) {
            *out = (uint8_t)i;
            return FK_OK;
        }
    if (t->source_count == FK_MAILTRACE_SOURCES)
        return fk_fail(err, FK_FULL, "the log is of over %d hosts and instances; take it in parts",
                       FK_MAILTRACE_SOURCES);
    memcpy(t->sources[t->source_count], name, sizeof name);
    *out = (uint8_t)t->source_count++;
    return FK_OK;
}

static void rehash(struct fk_mailtrace *t) {
    uint32_t *more = calloc(t->bucket_count * 2, sizeof *more);
    if (!more)
        return; /* slower, and still right */
    free(t->buckets);
    t->buckets = more;
    t->bucket_count *= 2;
    for (size_t i = 0; i < t->count; i++) {
        size_t b = bucket_of(t, t->messages[i].queue_id, t->messages[i].source);
        t->messages[i].chain = t->buckets[b];
        t->buckets[b] = (uint32_t)i + 1;
    }
}

static bool is_birth(enum fk_maillog_event e) {
    return e == FK_MAILLOG_RECEIVED || e == FK_MAILLOG_REQUEUED;
}

static bool is_end(enum fk_maillog_event e) {
    return e == FK_MAILLOG_REMOVED || e == FK_MAILLOG_DELETED;
}

/* Whether a line of that time and kind fits into a message's stretch. */
static bool fits(const struct fk_traced *m, int64_t ms, enum fk_maillog_event e) {
    if (m->end_ms && ms > m->end_ms + SLACK_MS)
        return false; /* the id was free again */
    if ((m->flags & RECEIVED) && ms < m->first_ms - SLACK_MS)
        return false; /* before it began */
    if (is_birth(e) && ms > m->first_ms + SLACK_MS)
        return false; /* another one begins */
    if (is_birth(e) && (m->flags & RECEIVED) && ms != m->first_ms)
        return false; /* the id came again within the slack */
    if (is_end(e) && ms < m->last_ms - SLACK_MS)
        return false; /* an earlier one ends */
    return true;
}

static uint32_t find(const struct fk_mailtrace *t, unsigned source,
                     const struct fk_maillog_line *l) {
    uint32_t best = UINT32_MAX;
    for (uint32_t at = t->buckets[bucket_of(t, l->queue_id, source)]; at;
         at = t->messages[at - 1].chain) {
        const struct fk_traced *m = &t->messages[at - 1];
        if (m->source == source && strcmp(m->queue_id, l->queue_id) == 0 &&
            fits(m, l->time_ms, l->event) &&
            (best == UINT32_MAX || m->first_ms > t->messages[best].first_ms))
            best = at - 1;
    }
    return best;
}

uint32_t fk_mailtrace_find(const struct fk_mailtrace *t, const struct fk_maillog_line *l) {
    char name[sizeof t->sources[0]];
    int host = (int)(l->host.len > 40 ? 40 : l->host.len);
    int instance = (int)(l->instance.len > 20 ? 20 : l->instance.len);
    snprintf(name, sizeof name, "%.*s/%.*s", host, l->host.at, instance, l->instance.at);
    for (size_t i = 0; i < t->source_count && *l->queue_id; i++)
        if (strcmp(t->sources[i], name) == 0)
            return find(t, (unsigned)i, l);
    return UINT32_MAX;
}

static enum fk_status message_of(struct fk_mailtrace *t, uint8_t source,
                                 const struct fk_maillog_line *l, uint32_t *out,
                                 struct fk_err *err) {
    uint32_t at = find(t, source, l);
    if (at == UINT32_MAX) {
        enum fk_status st =
            grow(&t->messages, t->count, &t->cap, sizeof *t->messages, "messages", err);
        if (st != FK_OK)
            return st;
        if (t->count >= t->bucket_count)
            rehash(t);
        size_t b = bucket_of(t, l->queue_id, source);
        at = (uint32_t)t->count++;
        struct fk_traced *m = &t->messages[at];
        *m = (struct fk_traced){.first_ms = l->time_ms,
                                .last_ms = l->time_ms,
                                .source = source,
                                .chain = t->buckets[b]};
        memcpy(m->queue_id, l->queue_id, sizeof m->queue_id);
        t->buckets[b] = at + 1;
    }
    *out = at;
    return FK_OK;
}

/* ---- lines */

static enum fk_status refusal_add(struct fk_mailtrace *t, uint8_t source,
                                  const struct fk_maillog_line *l, struct fk_err *err) {
    enum fk_status st =
        grow(&t->refusals, t->refusal_count, &t->refusal_cap, sizeof *t->refusals, "refusals", err);
    if (st != FK_OK)
        return st;
    /* The reply is what the line said behind its queue id. */
    uint64_t h = hash_add(HASH_BEGIN, &l->time_ms, sizeof l->time_ms);
    h = hash_add(h, l->reply.at, l->reply.len);
    t->refusals[t->refusal_count++] = (struct fk_refusal){h, l->time_ms, source};
    return FK_OK;
}

/* c256: NULL where nobody said it. */
static enum fk_status reply_add(struct fk_mailtrace *t, uint32_t at, uint64_t seq,
                                const uint8_t *c256, struct fk_err *err) {
    enum fk_status st =
        grow(&t->replies, t->reply_count, &t->reply_cap, sizeof *t->replies, "replies", err);
    if (st != FK_OK)
        return st;
    struct fk_kept_reply *r = &t->replies[t->reply_count++];
    *r = (struct fk_kept_reply){.seq = seq, .message = at, .unsaid = !c256};
    if (c256)
        memcpy(r->c256, c256, sizeof r->c256);
    t->messages[at].flags |= KEPT;
    return FK_OK;
}

enum fk_status fk_mailtrace_kept(struct fk_mailtrace *t, uint32_t message, uint64_t seq,
                                 struct fk_err *err) {
    return reply_add(t, message, seq, NULL, err);
}

static enum fk_status delivery_take(struct fk_mailtrace *t, uint32_t at,
                                    const struct fk_maillog_line *l, struct fk_err *err) {
    struct fk_traced *m = &t->messages[at];
    if (*l->next)
        memcpy(m->next, l->next, sizeof m->next);
    if (!fk_mailtrace_is_copy(t, l->to))
        return FK_OK;
    m->flags |= COPY_SEEN;
    bool sent = l->status.len == 4 && memcmp(l->status.at, "sent", 4) == 0;
    bool bounced = l->status.len == 7 && memcmp(l->status.at, "bounced", 7) == 0;
    if (bounced)
        m->flags |= COPY_BOUNCED;
    if (sent && !l->kept && !*l->next)
        m->flags |= COPY_ELSEWHERE;
    if (!l->kept)
        return FK_OK;
    return reply_add(t, at, l->seq, l->c256, err);
}

/* A notice's message may have come before the line that names it, or comes after. */
static enum fk_status notice_take(struct fk_mailtrace *t, uint8_t source,
                                  const struct fk_maillog_line *l, struct fk_err *err) {
    struct fk_maillog_line of = *l;
    uint32_t at;
    memcpy(of.queue_id, l->next, sizeof of.queue_id);
    of.event = FK_MAILLOG_OTHER;
    enum fk_status st = message_of(t, source, &of, &at, err);
    if (st == FK_OK)
        t->messages[at].flags |= OWN;
    return st;
}

/* The one that had this message before. */
static void requeued_take(struct fk_mailtrace *t, uint8_t source, const struct fk_maillog_line *l) {
    struct fk_maillog_line of = *l;
    memcpy(of.queue_id, l->next, sizeof of.queue_id);
    of.event = FK_MAILLOG_OTHER;
    of.time_ms = l->time_ms;
    uint32_t at = find(t, source, &of);
    if (at != UINT32_MAX)
        memcpy(t->messages[at].next, l->queue_id, sizeof t->messages[at].next);
}

enum fk_status fk_mailtrace_take(struct fk_mailtrace *t, const struct fk_maillog_line *l,
                                 struct fk_err *err) {
    enum fk_status st;
    uint8_t source = 0;
    uint32_t at;
    FK_TRY(source_of(t, l, &source, err));
    if (l->time_ms < t->oldest_ms)
        t->oldest_ms = l->time_ms;
    if (l->time_ms > t->newest_ms)
        t->newest_ms = l->time_ms;
    if (l->event == FK_MAILLOG_REFUSED && !*l->queue_id) {
        st = refusal_add(t, source, l, err);
        goto done;
    }
    FK_TRY(message_of(t, source, l, &at, err));
    struct fk_traced *m = &t->messages[at];
    if (l->time_ms < m->first_ms || is_birth(l->event))
        m->first_ms = l->time_ms;
    if (l->time_ms > m->last_ms)
        m->last_ms = l->time_ms;
    switch (l->event) {
    case FK_MAILLOG_REQUEUED:
        requeued_take(t, source, l);
        /* fall through */
    case FK_MAILLOG_RECEIVED:
        m->flags |= RECEIVED;
        break;
    case FK_MAILLOG_QUEUED:
        m->flags |= QUEUED;
        break;
    case FK_MAILLOG_EXPIRED:
        m->flags |= EXPIRED;
        break;
    case FK_MAILLOG_DELETED:
        m->flags |= DELETED;
        /* fall through */
    case FK_MAILLOG_REMOVED:
        m->flags |= REMOVED;
        m->end_ms = l->time_ms;
        break;
    case FK_MAILLOG_REFUSED:
        m->flags |= REFUSED;
        break;
    case FK_MAILLOG_DELIVERY:
        st = delivery_take(t, at, l, err);
        break;
    case FK_MAILLOG_NOTICE:
        st = notice_take(t, source, l, err);
        break;
    case FK_MAILLOG_OTHER:
        break;
    }
done:
    return st;
}

/* ---- the end */

static int reply_order(const void *a, const void *b) {
    const struct fk_kept_reply *x = a, *y = b;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    if (x->message != y->message)
        return x->message < y->message ? -1 : 1;
    return memcmp(x->c256, y->c256, sizeof x->c256);
}

static int refusal_order(const void *a, const void *b) {
    const struct fk_refusal *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Sorted, each once; what is left. */
static size_t unique(void *array, size_t n, size_t size, int (*order)(const void *, const void *)) {
    char *at = array;
    size_t kept = 0;
    if (n)
        qsort(at, n, size, order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || order(at + (kept - 1) * size, at + i * size) != 0)
            memmove(at + kept++ * size, at + i * size, size);
    return kept;
}

static int id_order(const void *a, const void *b) {
    return strcmp((const char *)a, (const char *)b);
}

/* A message whose next one was kept was kept; a few steps, as a filter and another may follow. */
static enum fk_status forwards_follow(struct fk_mailtrace *t, struct fk_err *err) {
    enum { STEPS = 4 };
    enum fk_status st = FK_OK;
    char(*ids)[FK_QUEUE_ID_MAX + 1] = NULL;
    for (int step = 0; step < STEPS; step++) {
        size_t n = 0, changed = 0;
        free(ids);
        ids = calloc(t->count ? t->count : 1, sizeof *ids);
        if (!ids)
            FK_TRY(no_memory(err));
        for (size_t i = 0; i < t->count; i++)
            if (t->messages[i].flags & (KEPT | FORWARDED))
                memcpy(ids[n++], t->messages[i].queue_id, sizeof *ids);
        qsort(ids, n, sizeof *ids, id_order);
        for (size_t i = 0; i < t->count; i++) {
            struct fk_traced *m = &t->messages[i];
            if (*m->next && !(m->flags & (KEPT | FORWARDED)) &&
                bsearch(m->next, ids, n, sizeof *ids, id_order)) {
                m->flags |= FORWARDED;
                changed++;
            }
        }
        if (!changed)
            break;
    }
done:
    free(ids);
    return st;
}

enum fk_status fk_mailtrace_settle(struct fk_mailtrace *t, struct fk_err *err) {
    t->reply_count = unique(t->replies, t->reply_count, sizeof *t->replies, reply_order);
    t->refusal_count = unique(t->refusals, t->refusal_count, sizeof *t->refusals, refusal_order);
    return forwards_follow(t, err);
}

enum fk_fate fk_mailtrace_fate(const struct fk_mailtrace *t, size_t message) {
    const unsigned f = t->messages[message].flags;
    if (f & KEPT)
        return FK_FATE_KEPT;
    if (f & FORWARDED)
        return FK_FATE_FORWARDED;
    if ((f & OWN) && !(f & RECEIVED))
        return FK_FATE_OWN;
    if ((f & RECEIVED) && !(f & (QUEUED | REMOVED)))
        return FK_FATE_REFUSED;
    if (!(f & RECEIVED))
        return FK_FATE_PARTIAL;
    if (!(f & REMOVED))
        return FK_FATE_QUEUED;
    if (f & COPY_ELSEWHERE)
        return FK_FATE_ELSEWHERE;
    if (f & DELETED)
        return FK_FATE_DELETED;
    if (f & EXPIRED)
        return FK_FATE_EXPIRED;
    if (f & COPY_BOUNCED)
        return FK_FATE_BOUNCED;
    return FK_FATE_NO_COPY;
}
