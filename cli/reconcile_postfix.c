/* reconcile_postfix.c - the log first, then the ledger: what a reply names was durable before it.
 */
#include "cli/reconcile.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/ledger.h"

#include <stdlib.h>
#include <string.h>

static const int64_t HOUR_MS = 3600000;

const char *cli_truth_text(enum cli_truth truth) {
    static const char *const texts[] = {
        [TRUTH_ABSENT] = "the ledger has no such entry",
        [TRUTH_GOOD] = "as the ledger has it",
        [TRUTH_OTHER_C256] = "the ledger's entry has another content",
        [TRUTH_NO_MAIL] = "the ledger's entry is no message",
        [TRUTH_SOURCE] = "the ledger's entry is of another source",
        [TRUTH_TWICE] = "another message of the log names the same entry",
    };
    return texts[truth];
}

/* ---- reading the log */

static enum fk_status copies_learn(void *ctx, const struct fk_maillog_line *l, struct fk_err *err) {
    struct cli_reconcile *r = ctx;
    return l->kept ? fk_mailtrace_copy(r->trace, l->to.at, l->to.len, err) : FK_OK;
}

/* Lines of messages that came before the time asked for are left out, so that a long log can be
 * taken in parts; lines after it are not: they say how a message of that time ended. */
static enum fk_status line_take(void *ctx, const struct fk_maillog_line *l, struct fk_err *err) {
    struct cli_reconcile *r = ctx;
    if (l->time_ms < r->since_ms)
        return FK_OK;
    if (l->time_ms > r->until_ms &&
        (l->event == FK_MAILLOG_RECEIVED || l->event == FK_MAILLOG_REFUSED ||
         fk_mailtrace_find(r->trace, l) == UINT32_MAX))
        return FK_OK;
    return fk_mailtrace_take(r->trace, l, err);
}

static enum fk_status files_read(struct cli_reconcile *r, fk_maillog_fn fn, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < r->file_count && st == FK_OK; i++)
        st = fk_maillog_file(r->files[i], r->cli->config->zone_minutes, fn, r, &r->sums[i], err);
    return st;
}

static bool has_stdin(const struct cli_reconcile *r) {
    for (size_t i = 0; i < r->file_count; i++)
        if (strcmp(r->files[i], "-") == 0)
            return true;
    return false;
}

/* stdin is read once: with a milter it may have no copies, and without one they were named. */
static enum fk_status log_read(struct cli_reconcile *r, struct fk_err *err) {
    enum fk_status st;
    if (r->trace->copy_count == 0 && !has_stdin(r)) {
        FK_TRY(files_read(r, copies_learn, err));
        if (r->trace->copy_count == 0 && !r->milter)
            FK_TRY(fk_fail(err, FK_INVALID,
                           "no line of this log has a reply of Fumikura (\"kept seq=...\"), so it "
                           "does not say which address gets the copies; name it with --copy "
                           "ADDRESS, or say --milter"));
    }
    FK_TRY(files_read(r, line_take, err));
    if (r->milter)
        FK_TRY(cli_reconcile_milter(r, err));
    st = fk_mailtrace_settle(r->trace, err);
done:
    return st;
}

/* ---- asking the ledger */

struct walk {
    struct cli_reconcile *r;
    size_t at; /* the first reply whose seq is not behind */
};

static bool c256_is(const struct fk_entry *e, const uint8_t want[8]) {
    char hex[65];
    uint8_t is[8];
    if (!fk_entry_field(e, "c256", hex, sizeof hex) || strlen(hex) != 64)
        return false;
    hex[16] = 0;
    return fk_unhex(is, hex, 8) && memcmp(is, want, 8) == 0;
}

static bool source_fits(const struct cli_reconcile *r, const struct fk_entry *e) {
    char source[64];
    return !r->source ||
           (fk_entry_field(e, "source", source, sizeof source) && strcmp(source, r->source) == 0);
}

static enum cli_truth truth_of(const struct cli_reconcile *r, const struct fk_entry *e, size_t at) {
    const struct fk_mailtrace *t = r->trace;
    const struct fk_kept_reply *k = &t->replies[at];
    if (!fk_entry_is(e, "mail"))
        return TRUTH_NO_MAIL;
    if (!k->unsaid && !c256_is(e, k->c256))
        return TRUTH_OTHER_C256;
    if (!source_fits(r, e))
        return TRUTH_SOURCE;
    if ((at > 0 && t->replies[at - 1].seq == k->seq && t->replies[at - 1].message != k->message) ||
        (at + 1 < t->reply_count && t->replies[at + 1].seq == k->seq &&
         t->replies[at + 1].message != k->message))
        return TRUTH_TWICE;
    return TRUTH_GOOD;
}

static enum fk_status gap_add(struct cli_reconcile *r, const struct fk_entry *e,
                              struct fk_err *err) {
    char from[FK_TIME_SIZE], to[FK_TIME_SIZE];
    struct cli_gap g = {.seq = e->seq};
    if (!fk_entry_field(e, "from", from, sizeof from) || !fk_entry_field(e, "to", to, sizeof to) ||
        !fk_time_parse(from, &g.from_ms) || !fk_time_parse(to, &g.to_ms))
        return FK_OK; /* of a later version */
    if (r->gap_count == r->gap_cap) {
        size_t more = r->gap_cap ? r->gap_cap * 2 : 16;
        struct cli_gap *gaps = realloc(r->gaps, more * sizeof *gaps);
        if (!gaps)
            return fk_fail(err, FK_NOMEM, "no memory for gaps");
        r->gaps = gaps;
        r->gap_cap = more;
    }
    r->gaps[r->gap_count++] = g;
    return FK_OK;
}

static enum fk_status entry_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    struct walk *w = ctx;
    struct cli_reconcile *r = w->r;
    const struct fk_mailtrace *t = r->trace;
    bool named = false;
    (void)line;
    (void)len;
    for (; w->at < t->reply_count && t->replies[w->at].seq <= e->seq; w->at++)
        if (t->replies[w->at].seq == e->seq) {
            r->truths[w->at] = (uint8_t)truth_of(r, e, w->at);
            named = true;
        }
    if (fk_entry_is(e, "mail") && !named && e->time_ms >= t->oldest_ms &&
        e->time_ms <= t->newest_ms && source_fits(r, e))
        r->unnamed++;
    return fk_entry_is(e, "gap") ? gap_add(r, e, err) : FK_OK;
}

static enum fk_status ledger_ask(struct cli_reconcile *r, struct fk_err *err) {
    struct walk w = {.r = r};
    struct fk_head head;
    enum fk_status st;
    r->truths = calloc(r->trace->reply_count + 1, 1);
    r->wrong = calloc(r->trace->count + 1, 1);
    r->first_reply = calloc(r->trace->count + 1, sizeof *r->first_reply);
    if (!r->truths || !r->wrong || !r->first_reply)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for what the ledger says"));
    FK_TRY(fk_lend_head(r->lend, &head, err));
    r->next_seq = head.next_seq;
    FK_TRY(cli_ledger_walk(r->lend, 0, head.next_seq - 1, entry_take, &w, err));
    /* A message with several replies was sent again: one true one is enough, and any wrong one is
     * still to be told. */
    for (size_t i = 0; i < r->trace->reply_count; i++) {
        uint32_t m = r->trace->replies[i].message;
        bool good = r->truths[i] == TRUTH_GOOD;
        if (!good && !r->wrong[m]) {
            r->wrong[m] = (uint8_t)(r->truths[i] + 1);
            r->first_reply[m] = (uint32_t)i + 1;
        } else if (good && !r->first_reply[m]) {
            r->first_reply[m] = (uint32_t)i + 1;
        }
    }
done:
    return st;
}

/* ---- counting */

bool cli_reconcile_counts(const struct cli_reconcile *r, size_t message) {
    const struct fk_traced *m = &r->trace->messages[message];
    return m->first_ms >= r->since_ms && m->first_ms <= r->until_ms;
}

static int hour_order(const void *a, const void *b) {
    const struct cli_hour *x = a, *y = b;
    if (x->hour_ms != y->hour_ms)
        return x->hour_ms < y->hour_ms ? -1 : 1;
    return (int)x->source - (int)y->source;
}

static void hours_merge(struct cli_reconcile *r) {
    size_t kept = 0;
    if (!r->hours)
        return;
    qsort(r->hours, r->hour_count, sizeof *r->hours, hour_order);
    for (size_t i = 0; i < r->hour_count; i++) {
        struct cli_hour *to = kept ? &r->hours[kept - 1] : NULL;
        const struct cli_hour *from = &r->hours[i];
        if (!to || hour_order(to, from) != 0) {
            r->hours[kept++] = *from;
            continue;
        }
        for (size_t f = 0; f < FK_FATES; f++)
            to->fates[f] += from->fates[f];
        to->wrong += from->wrong;
        to->refusals += from->refusals;
    }
    r->hour_count = kept;
}

/* What is full is merged, and grows when that leaves less than half of it free. */
static bool hours_make_room(struct cli_reconcile *r) {
    hours_merge(r);
    if (r->hours && r->hour_count * 2 < r->hour_cap)
        return true;
    size_t more = r->hour_cap ? r->hour_cap * 2 : 256;
    struct cli_hour *hours = realloc(r->hours, more * sizeof *hours);
    if (!hours)
        return false;
    r->hours = hours;
    r->hour_cap = more;
    return true;
}

/* The cell of a time: the one used last, mostly; else a new one, merged with its like later. */
static struct cli_hour *hour_of(struct cli_reconcile *r, int64_t ms, uint8_t source) {
    int64_t hour = ms - ((ms % HOUR_MS) + HOUR_MS) % HOUR_MS;
    struct cli_hour *last = r->hour_count ? &r->hours[r->hour_count - 1] : NULL;
    if (last && last->hour_ms == hour && last->source == source)
        return last;
    if ((!r->hours || r->hour_count == r->hour_cap) && !hours_make_room(r))
        return NULL;
    last = &r->hours[r->hour_count++];
    *last = (struct cli_hour){.hour_ms = hour, .source = source};
    return last;
}

static enum fk_status count(struct cli_reconcile *r, struct fk_err *err) {
    const struct fk_mailtrace *t = r->trace;
    struct cli_hour *h;
    for (size_t i = 0; i < t->count; i++) {
        if (!cli_reconcile_counts(r, i))
            continue;
        enum fk_fate fate = fk_mailtrace_fate(t, i);
        if (!(h = hour_of(r, t->messages[i].first_ms, t->messages[i].source)))
            return fk_fail(err, FK_NOMEM, "no memory for a table of hours");
        h->fates[fate]++;
        r->fates[fate]++;
        h->wrong += r->wrong[i] != 0;
        r->wrong_count += r->wrong[i] != 0;
    }
    for (size_t i = 0; i < t->refusal_count; i++) {
        if (!(h = hour_of(r, t->refusals[i].time_ms, t->refusals[i].source)))
            return fk_fail(err, FK_NOMEM, "no memory for a table of hours");
        h->refusals++;
        r->refusals++;
    }
    hours_merge(r);
    for (size_t i = 0; i < r->hour_count; i++)
        for (size_t g = 0; g < r->gap_count; g++)
            r->hours[i].gap |= r->gaps[g].from_ms < r->hours[i].hour_ms + HOUR_MS &&
                               r->gaps[g].to_ms > r->hours[i].hour_ms;
    return FK_OK;
}

uint64_t cli_reconcile_missing(const struct cli_reconcile *r) {
    uint64_t n = 0;
    for (int f = 0; f < FK_FATES; f++)
        if (fk_fate_is_missing((enum fk_fate)f))
            n += r->fates[f];
    return n;
}

enum fk_status cli_reconcile_postfix(struct cli_reconcile *r, struct fk_err *err) {
    enum fk_status st;
    r->sums = calloc(r->file_count, sizeof *r->sums);
    if (!r->sums)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a list of files"));
    FK_TRY(fk_lend_open(r->cli->dir, &r->lend, err));
    FK_TRY(log_read(r, err));
    FK_TRY(ledger_ask(r, err));
    st = count(r, err);
done:
    return st;
}

void cli_reconcile_free(struct cli_reconcile *r) {
    fk_mailtrace_free(&r->trace);
    free(r->sums);
    free(r->truths);
    free(r->wrong);
    free(r->first_reply);
    free(r->hours);
    free(r->gaps);
}
