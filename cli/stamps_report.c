/* stamps_report.c - judges the stamps of a period by themselves, then by what came after them. */
#include "cli/stamps_report.h"
#include "archiver/vault/stamps.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t no_stamp = SIZE_MAX;

struct judged {
    struct fk_stamp_seen seen;
    char reason[400]; /* why it does not hold; "" where it does */
    size_t by; /* what vouches for it since its certificates ended; no_stamp: nothing has to */
    bool in_period;
};
struct report {
    const struct fk_cli *cli;
    struct fk_lend *lend;
    const struct cli_stamps_report *r;
    struct judged *at; /* in order of anchors */
    size_t count, cap;
    bool in_period; /* what is read now */
    int64_t now_ms;
};

/* ---- each by itself */

/* Nothing that an entry has can have come after the time of a stamp over it. */
static enum fk_status order_check(struct report *p, struct judged *j, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_entry e;
    char stamped[FK_TIME_SIZE], received[FK_TIME_SIZE];
    enum fk_status st = FK_OK;
    if (!j->seen.size)
        goto done;
    FK_TRY(fk_lend_lines(p->lend, j->seen.size - 1, &lines, err));
    const uint8_t *lf = memchr(lines.data, '\n', lines.len);
    FK_TRY(fk_entry_read(lines.data, lf ? (size_t)(lf + 1 - lines.data) : lines.len, &e, err));
    if (j->seen.time_ms + FK_STAMP_CLOCKS_MS >= e.time_ms)
        goto done;
    fk_time_format(stamped, j->seen.time_ms);
    fk_time_format(received, e.time_ms);
    snprintf(j->reason, sizeof j->reason,
             "time/%s.tsr says %s, before entry %" PRIu64 " under it was received (%s)",
             j->seen.name, stamped, e.seq, received);
done:
    fk_buf_free(&lines);
    return st;
}

static enum fk_status stamp_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    struct report *p = ctx;
    struct fk_err why = FK_ERR_INIT;
    const char *roots = p->cli->config->timestamp_roots;
    const struct fk_stamps_place place = {p->cli->dir, *roots ? roots : NULL, false};
    (void)line;
    (void)len;
    if (!fk_entry_is(e, "anchor"))
        return FK_OK;
    if (p->count == p->cap) {
        const size_t cap = p->cap ? p->cap * 2 : 64;
        struct judged *at = realloc(p->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for the list of time stamps");
        p->at = at;
        p->cap = cap;
    }
    struct judged *j = &p->at[p->count++];
    *j = (struct judged){.in_period = p->in_period, .by = no_stamp};
    enum fk_status st = fk_stamps_check(&place, e, &j->seen, &why);
    if (st == FK_CORRUPT)
        snprintf(j->reason, sizeof j->reason, "%.390s", why.text);
    else if (st != FK_OK)
        return fk_fail(err, st, "%s", why.text);
    return *j->reason ? FK_OK : order_check(p, j, err);
}

/* ---- by what came after */

static bool vouches_for(const struct judged *c, const struct judged *j) {
    char wanted[FK_STAMP_NAME_MAX + 8];
    if (c == j || *c->reason || c->seen.time_ms > j->seen.ends_ms)
        return false;
    if (!c->seen.is_renewal)
        return c->seen.size > j->seen.anchor;
    int len = snprintf(wanted, sizeof wanted, "  %s.tsr\n", j->seen.name);
    return c->seen.list.len &&
           memmem(c->seen.list.data, c->seen.list.len, wanted, (size_t)len) != NULL;
}

static bool has_ended(const struct report *p, const struct judged *j) {
    return !*j->reason && j->seen.ends_ms && j->seen.ends_ms < p->now_ms;
}

/* Anchors ascend, and what vouches for a stamp has an anchor after its own: judged before it here.
 * Renewals are preferred, then the one whose own certificates last longest. */
static void covers_find(struct report *p) {
    for (size_t i = p->count; i-- > 0;) {
        struct judged *j = &p->at[i];
        char ended[FK_TIME_SIZE];
        if (!has_ended(p, j))
            continue;
        for (size_t k = i + 1; k < p->count; k++) {
            const struct judged *c = &p->at[k], *best = j->by == no_stamp ? NULL : &p->at[j->by];
            if (vouches_for(c, j) && (!best || c->seen.is_renewal > best->seen.is_renewal ||
                                      (c->seen.is_renewal == best->seen.is_renewal &&
                                       c->seen.ends_ms > best->seen.ends_ms)))
                j->by = k;
        }
        fk_time_format(ended, j->seen.ends_ms);
        if (j->by == no_stamp)
            snprintf(j->reason, sizeof j->reason,
                     "the certificates of time/%s.tsr ended at %s, and nothing that holds vouched "
                     "for it before",
                     j->seen.name, ended);
    }
}

static bool any_has_ended(const struct report *p) {
    for (size_t i = 0; i < p->count; i++)
        if (has_ended(p, &p->at[i]))
            return true;
    return false;
}

/* ---- saying it */

static void stamp_json(const struct report *p, const struct judged *j, const char *when,
                       const char *until) {
    const char *verdict = *j->reason ? "broken" : j->by != no_stamp ? "renewed" : "holds";
    cli_json_line(json_pack(
        "{s:{s:s, s:o, s:s, s:o, s:o, s:s?, s:b, s:s, s:s?, s:o}}", "stamp", "name", j->seen.name,
        "authority", cli_json_text(j->seen.signer, strlen(j->seen.signer)), "stamped", when, "size",
        cli_json_number(j->seen.size), "anchor", cli_json_number(j->seen.anchor), "until",
        j->seen.ends_ms ? until : NULL, "crl", (int)j->seen.has_crl, "verdict", verdict, "by",
        j->by != no_stamp ? p->at[j->by].seen.name : NULL, "reason",
        *j->reason ? cli_json_text(j->reason, strlen(j->reason)) : json_null()));
}

static void stamp_text(const struct report *p, const struct judged *j, const char *when,
                       const char *until) {
    printf("stamp %s by ", *j->seen.name ? j->seen.name : "-");
    cli_print_text(*j->seen.signer ? j->seen.signer : "-");
    printf(" at %s, the first %" PRIu64 " entries, anchor %" PRIu64 ": ", when, j->seen.size,
           j->seen.anchor);
    if (*j->reason) {
        printf("does not hold: ");
        cli_print_text(j->reason);
    } else if (j->by != no_stamp) {
        char renewed[FK_TIME_SIZE];
        fk_time_format(renewed, p->at[j->by].seen.time_ms);
        printf("holds: its certificates ended at %s, and %s vouched for it at %s", until,
               p->at[j->by].seen.name, renewed);
    } else {
        printf("holds%s%s", j->seen.ends_ms ? ", its certificates until " : "",
               j->seen.ends_ms ? until : "");
    }
    printf("%s\n", *j->reason || j->seen.has_crl ? "" : "; no revocation list is kept");
}

static void stamp_print(const struct report *p, const struct judged *j) {
    char when[FK_TIME_SIZE], until[FK_TIME_SIZE];
    fk_time_format(when, j->seen.time_ms);
    fk_time_format(until, j->seen.ends_ms);
    if (*j->reason) {
        struct fk_finding f = {.seq = j->seen.anchor, .check = "stamp"};
        snprintf(f.text, sizeof f.text, "%s", j->reason);
        p->r->finding(p->r->ctx, &f);
    }
    if (p->r->json)
        stamp_json(p, j, when, until);
    else
        stamp_text(p, j, when, until);
}

static uint64_t sum_print(const struct report *p) {
    uint64_t good = 0, bad = 0;
    const bool judged = *p->cli->config->timestamp_roots;
    for (size_t i = 0; i < p->count; i++) {
        good += p->at[i].in_period && !*p->at[i].reason;
        bad += p->at[i].in_period && *p->at[i].reason;
    }
    const bool any = good + bad;
    if (p->r->json && (any || p->r->is_period))
        cli_json_line(json_pack("{s:{s:o, s:o, s:b}}", "stamps", "good", cli_json_number(good),
                                "bad", cli_json_number(bad), "judged", (int)judged));
    else if (any)
        printf("%" PRIu64 " time stamps hold, %" PRIu64 " do not%s\n", good, bad,
               judged ? "" : "; who signed them was not judged (timestamp-roots)");
    else if (p->r->is_period)
        printf("no entry of the period holds a time stamp\n");
    return bad;
}

enum fk_status cli_stamps_report(const struct fk_cli *cli, struct fk_lend *lend,
                                 const struct cli_stamps_report *r, struct fk_err *err) {
    struct report p = {.cli = cli, .lend = lend, .r = r, .in_period = true, .now_ms = fk_now_ms()};
    enum fk_status st;
    FK_TRY(cli_ledger_walk(lend, r->from, r->to, stamp_take, &p, err));
    p.in_period = false;
    if (any_has_ended(&p) && r->to != UINT64_MAX)
        FK_TRY(cli_ledger_walk(lend, r->to + 1, UINT64_MAX, stamp_take, &p, err));
    covers_find(&p);
    for (size_t i = 0; i < p.count; i++)
        if (p.at[i].in_period)
            stamp_print(&p, &p.at[i]);
    const uint64_t bad = sum_print(&p);
    st = bad ? fk_fail(err, FK_CORRUPT, "%" PRIu64 " time stamps do not hold", bad) : FK_OK;
done:
    for (size_t i = 0; i < p.count; i++)
        fk_buf_free(&p.at[i].seen.list);
    free(p.at);
    return st;
}
