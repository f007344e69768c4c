/* dispose.c - verdicts into dispose entries, in batches that fit a line. */
#include "retention/dispose.h"
#include "base/clock.h"
#include "base/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_BYTES_MAX = 60000, ATTEMPTS = 8 }; /* a line has 65,535 bytes */
static const int64_t MARK_EVERY_MS = 3600000;

static enum fk_status record_policy(struct fk_keep *keep, const struct fk_buf *rules,
                                    const char *person, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_receipt receipt;
    struct fk_buf body = FK_BUF_INIT;
    fk_fields_add_str(&body, "person", person);
    fk_buf_add(&body, rules->data, rules->len);
    if (body.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for the retention rules");
    else
        st = fk_keep_append(keep, &(struct fk_record){"policy", "", &body}, &receipt, err);
    fk_buf_free(&body);
    return st;
}

enum fk_status fk_retention_rules(struct fk_keep *keep, struct fk_lend *lend,
                                  const struct fk_policy *policy, const char *person,
                                  struct fk_roll **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_roll *roll = NULL;
    struct fk_buf rules = FK_BUF_INIT;
    fk_policy_text(policy, &rules);
    FK_TRY(fk_roll_read(lend, &roll, err));
    bool same = roll->policy.len == rules.len &&
                (rules.len == 0 || memcmp(roll->policy.data, rules.data, rules.len) == 0);
    bool never_any = roll->policy_seq == 0 && policy->count == 0;
    if (!same && !never_any) {
        FK_TRY(record_policy(keep, &rules, person, err));
        fk_roll_free(&roll);
        FK_TRY(fk_roll_read(lend, &roll, err));
    }
    *out = roll;
    roll = NULL;
done:
    fk_roll_free(&roll);
    fk_buf_free(&rules);
    return st;
}

int64_t fk_retention_time(const struct fk_roll *roll) {
    struct fk_clock_reading now;
    fk_clock_read(&now);
    return fk_trusted_time(&roll->clock, &now);
}

static enum fk_status append_mark(struct fk_keep *keep, struct fk_roll *roll, const char *what,
                                  const struct fk_clock_mark *mark, const struct fk_buf *body,
                                  struct fk_err *err) {
    char fields[200], trusted[FK_TIME_SIZE];
    struct fk_receipt receipt;
    fk_time_format(trusted, mark->trusted_ms);
    snprintf(fields, sizeof fields, "what=%s trusted=%s boot=%s up=%lld", what, trusted,
             *mark->at.boot ? mark->at.boot : "none", (long long)mark->at.up_ms);
    enum fk_status st =
        fk_keep_append(keep, &(struct fk_record){"admin", fields, body}, &receipt, err);
    if (st == FK_OK)
        roll->clock = *mark;
    return st;
}

enum fk_status fk_retention_mark_clock(struct fk_keep *keep, struct fk_roll *roll,
                                       struct fk_err *err) {
    struct fk_clock_mark mark;
    fk_clock_read(&mark.at);
    mark.trusted_ms = fk_trusted_advance(&roll->clock, &mark.at);
    const struct fk_clock_reading *last = &roll->clock.at;
    if (strcmp(mark.at.boot, last->boot) == 0 && mark.at.up_ms - last->up_ms < MARK_EVERY_MS &&
        mark.at.wall_ms >= last->wall_ms)
        return FK_OK;
    return append_mark(keep, roll, "clock", &mark, NULL, err);
}

enum fk_status fk_retention_accept_clock(struct fk_keep *keep, struct fk_roll *roll,
                                         const char *person, const char *reason,
                                         struct fk_err *err) {
    struct fk_clock_mark mark;
    struct fk_buf body = FK_BUF_INIT;
    fk_clock_read(&mark.at);
    mark.trusted_ms = mark.at.wall_ms;
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "reason", reason);
    enum fk_status st = body.failed ? fk_fail(err, FK_NOMEM, "no memory for the reason")
                                    : append_mark(keep, roll, "accept-clock", &mark, &body, err);
    fk_buf_free(&body);
    return st;
}

/* The messages of one class that are due and not yet in an entry. */
struct batch {
    struct fk_seqs seqs;
    size_t list_bytes; /* the list as text is not longer */
};

/* A pen that went away may have written the entry that it was asked for and not answered. */
struct unsure {
    uint64_t from; /* the entry has this seq or a later one */
    struct fk_seqs seqs;
};

/* One disposal, and what the attempts of it have in common. */
struct run {
    const struct fk_retention_desk *desk;
    const struct fk_buf *body;
    fk_disposal_fn tell;
    void *ctx;
    struct unsure unsure;
};

static bool same_seqs(const struct fk_seqs *a, const struct fk_seqs *b) {
    return a->count == b->count && a->count && memcmp(a->at, b->at, a->count * sizeof *a->at) == 0;
}

/* What an attempt before this one was not answered for, and the ledger has. It is asked for again:
 * a pen that says that nothing is left to do has destroyed the keys. */
static enum fk_status unsure_settle(struct run *run, const struct fk_roll *roll,
                                    struct fk_err *err) {
    struct unsure *u = &run->unsure;
    struct fk_receipt receipt;
    enum fk_status st = FK_OK;
    for (size_t i = roll->disposal_count; i-- > 0 && roll->disposals[i].seq >= u->from;) {
        const struct fk_disposed *d = &roll->disposals[i];
        if (!same_seqs(&d->seqs, &u->seqs))
            continue;
        FK_TRY(fk_keep_dispose(run->desk->keep, &d->seqs, roll->rules, d->rule, run->body, &receipt,
                               err));
        run->tell(run->ctx, &(struct fk_disposal){d->seq, d->basis, d->time_ms, d->rule, &d->seqs,
                                                  d->c256, roll});
        break;
    }
    fk_seqs_free(&u->seqs);
done:
    return st;
}

static int64_t time_of(struct fk_lend *lend, uint64_t seq) {
    struct fk_buf lines = FK_BUF_INIT;
    int64_t time_ms = fk_now_ms();
    if (fk_lend_lines(lend, seq, &lines, NULL) == FK_OK) {
        const uint8_t *lf = memchr(lines.data, '\n', lines.len);
        struct fk_entry read;
        if (lf && fk_entry_read(lines.data, (size_t)(lf - lines.data) + 1, &read, NULL) == FK_OK)
            time_ms = read.time_ms;
    }
    fk_buf_free(&lines);
    return time_ms;
}

static enum fk_status flush(struct run *run, const struct fk_roll *roll,
                            const struct fk_class *rule, struct batch *batch, struct fk_err *err) {
    struct fk_receipt receipt;
    if (batch->seqs.failed)
        return fk_fail(err, FK_NOMEM, "no memory for the list of what is due");
    if (batch->seqs.count == 0)
        return FK_OK;
    (void)fk_fault("verdict"); /* a test stops here, and has a hold come in between */
    enum fk_status st = fk_keep_dispose(run->desk->keep, &batch->seqs, roll->rules, rule->name,
                                        run->body, &receipt, err);
    if (st == FK_OK && receipt.seq) /* 0: somebody else has just disposed of all of them */
        run->tell(run->ctx, &(struct fk_disposal){receipt.seq, roll->rules,
                                                  time_of(run->desk->lend, receipt.seq), rule->name,
                                                  &batch->seqs, receipt.c256, roll});
    if (st == FK_RETRY) {
        fk_seqs_free(&run->unsure.seqs);
        run->unsure = (struct unsure){roll->head.next_seq, batch->seqs};
        batch->seqs = (struct fk_seqs){0};
    }
    fk_seqs_free(&batch->seqs);
    *batch = (struct batch){{0}, 0};
    return st;
}

static void put(struct batch *batch, uint64_t seq) {
    struct fk_seqs *s = &batch->seqs;
    if (s->count == 0 || s->at[s->count - 1] + 1 != seq)
        batch->list_bytes += 2 * (size_t)snprintf(NULL, 0, "%llu", (unsigned long long)seq) + 3;
    fk_seqs_add(s, seq);
}

static enum fk_status dispose_by(struct run *run, const struct fk_roll *roll, struct batch *batches,
                                 struct fk_err *err) {
    const struct fk_policy *policy = run->desk->policy;
    enum fk_status st = FK_OK;
    int64_t now = fk_retention_time(roll);
    for (size_t i = 0; i < roll->mail_count && st == FK_OK; i++) {
        struct fk_verdict v = fk_decide(&roll->mails[i], policy, &roll->holds, now);
        if (v.kind != FK_DUE)
            continue;
        struct batch *batch = &batches[v.rule - policy->classes];
        put(batch, roll->mails[i].seq);
        if (batch->list_bytes > LIST_BYTES_MAX)
            st = flush(run, roll, v.rule, batch, err);
    }
    for (size_t c = 0; c < policy->count && st == FK_OK; c++)
        st = flush(run, roll, &policy->classes[c], &batches[c], err);
    for (size_t c = 0; c < policy->count; c++)
        fk_seqs_free(&batches[c].seqs);
    return st;
}

/* What is known of messages that are gone goes too. It is judged by what the ledger says at this
 * moment: a run that was cut short after the messages is completed by the next one. */
static enum fk_status facts_dispose(struct run *run, const struct fk_roll *roll,
                                    struct fk_err *err) {
    struct fk_receipt receipt;
    struct batch batch = {{0}, 0};
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < roll->fact_count; i++) {
        const struct fk_later_fact *f = &roll->facts[i];
        bool gone = f->of.count > 0 && !fk_seqs_has(&roll->facts_disposed, f->seq);
        for (size_t j = 0; gone && j < f->of.count; j++)
            gone = fk_seqs_has(&roll->disposed, f->of.at[j]);
        if (gone)
            put(&batch, f->seq);
        if (batch.seqs.count && (batch.list_bytes > LIST_BYTES_MAX || i + 1 == roll->fact_count)) {
            FK_TRY(fk_keep_dispose(run->desk->keep, &batch.seqs, roll->rules, FK_RULE_FACTS,
                                   run->body, &receipt, err));
            fk_seqs_free(&batch.seqs);
            batch = (struct batch){{0}, 0};
        }
    }
done:
    fk_seqs_free(&batch.seqs);
    return st;
}

static enum fk_status attempt(struct run *run, struct fk_err *err) {
    const struct fk_retention_desk *desk = run->desk;
    enum fk_status st = FK_OK;
    struct fk_roll *roll = NULL;
    struct batch *batches = calloc(desk->policy->count + 1, sizeof *batches);
    if (!batches) {
        st = fk_fail(err, FK_NOMEM, "no memory for a disposal");
        goto done;
    }
    FK_TRY(fk_retention_rules(desk->keep, desk->lend, desk->policy, desk->person, &roll, err));
    FK_TRY(unsure_settle(run, roll, err));
    if (roll->class_seq) {
        st = fk_fail(err, FK_INVALID,
                     "entry %llu classes messages by hand; this version cannot judge that, so "
                     "nothing is disposed of",
                     (unsigned long long)roll->class_seq);
        goto done;
    }
    bool has_facts = roll->fact_count > 0;
    FK_TRY(dispose_by(run, roll, batches, err));
    if (has_facts) {
        (void)fk_fault("facts"); /* a test dies here: the messages are gone, the facts are not */
        fk_roll_free(&roll);
        FK_TRY(fk_roll_read(desk->lend, &roll, err));
        st = facts_dispose(run, roll, err);
    }
done:
    free(batches);
    fk_roll_free(&roll);
    return st;
}

enum fk_status fk_retention_dispose(const struct fk_retention_desk *desk, fk_disposal_fn tell,
                                    void *ctx, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct run run = {.desk = desk, .body = &body, .tell = tell, .ctx = ctx};
    fk_fields_add_str(&body, "person", desk->person);
    fk_fields_add_str(&body, "reason", desk->reason);
    enum fk_status st = body.failed ? fk_fail(err, FK_NOMEM, "no memory for the reason") : FK_RETRY;
    for (unsigned n = 0; n < ATTEMPTS && st == FK_RETRY; n++) {
        if (n > 1) /* the first is a hold that came in between; more is a pen that is away */
            usleep(100000u << n);
        st = attempt(&run, err);
    }
    fk_seqs_free(&run.unsure.seqs);
    fk_buf_free(&body);
    return st;
}
