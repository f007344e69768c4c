/* delivery.c - facts out of a log: collected by message, sorted, one entry each. */
#include "cli/delivery.h"
#include "archiver/vault/delivered.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 << 20, FACTS_SHOWN_MAX = 1000 };

/* One delivery: recipient, then the words of its line, in `text`. */
struct one {
    uint64_t seq;
    int64_t time_ms;
    uint32_t message, at, to_len, status_len, dsn_len, relay_len, reply_len;
};
/* A message whose next queue id's deliveries are its own: it was copied before a filter. */
struct onward {
    char next[FK_QUEUE_ID_MAX + 1];
    uint32_t message;
};
struct recording {
    struct cli_reconcile *r;
    struct fk_buf text;
    struct one *ones;
    size_t count, cap;
    struct onward *onwards;
    size_t onward_count;
    struct fk_seqs final, open; /* messages that have such a fact already; final: or are gone */
};

/* ---- what the ledger has already */

static bool is_delivery(const struct fk_entry *e, struct fk_seqs *of) {
    char what[16];
    size_t len;
    const char *list = fk_entry_field_at(e, "of", &len);
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "delivery") == 0 && list && fk_seqs_parse(list, len, (size_t)e->seq, of);
}

static enum fk_status known_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    struct recording *x = ctx;
    struct fk_seqs of = {0};
    char state[8];
    (void)line;
    (void)len;
    size_t list_len;
    const char *list = fk_entry_field_at(e, "of", &list_len);
    if (fk_entry_is(e, "dispose")) { /* of what is gone nothing is to be known anew */
        if (list && fk_seqs_parse(list, list_len, (size_t)e->seq, &of))
            for (size_t i = 0; i < of.count; i++)
                fk_seqs_add(&x->final, of.at[i]);
    } else if (is_delivery(e, &of)) {
        bool final = fk_entry_field(e, "state", state, sizeof state) && strcmp(state, "final") == 0;
        for (size_t i = 0; i < of.count; i++)
            fk_seqs_add(final ? &x->final : &x->open, of.at[i]);
    }
    fk_seqs_free(&of);
    return x->final.failed || x->open.failed ? fk_fail(err, FK_NOMEM, "no memory for facts")
                                             : FK_OK;
}

/* ---- collecting */

static int onward_order(const void *a, const void *b) {
    return strcmp(((const struct onward *)a)->next, ((const struct onward *)b)->next);
}

static bool is_true(const struct cli_reconcile *r, uint32_t m) {
    return !r->wrong[m] && r->first_reply[m] && fk_mailtrace_fate(r->trace, m) == FK_FATE_KEPT;
}

static enum fk_status onwards_make(struct recording *x, struct fk_err *err) {
    const struct fk_mailtrace *t = x->r->trace;
    x->onwards = calloc(t->count + 1, sizeof *x->onwards);
    if (!x->onwards)
        return fk_fail(err, FK_NOMEM, "no memory for deliveries");
    for (size_t i = 0; i < t->count; i++)
        if (*t->messages[i].next && is_true(x->r, (uint32_t)i)) {
            struct onward *o = &x->onwards[x->onward_count++];
            memcpy(o->next, t->messages[i].next, sizeof o->next);
            o->message = (uint32_t)i;
        }
    qsort(x->onwards, x->onward_count, sizeof *x->onwards, onward_order);
    return FK_OK;
}

/* The kept message that a delivery is of; UINT32_MAX for none. */
static uint32_t message_of(const struct recording *x, const struct fk_maillog_line *l) {
    uint32_t m = fk_mailtrace_find(x->r->trace, l);
    struct onward key;
    if (m != UINT32_MAX && is_true(x->r, m))
        return m;
    memcpy(key.next, l->queue_id, sizeof key.next);
    const struct onward *o =
        bsearch(&key, x->onwards, x->onward_count, sizeof *x->onwards, onward_order);
    return o ? o->message : UINT32_MAX;
}

static uint32_t words_add(struct recording *x, struct fk_words w) {
    fk_buf_add(&x->text, w.at, w.len);
    return (uint32_t)w.len;
}

static enum fk_status one_add(struct recording *x, uint64_t seq, uint32_t message,
                              const struct fk_maillog_line *l, struct fk_err *err) {
    if (x->text.len > TEXT_MAX)
        return fk_fail(err, FK_FULL,
                       "the deliveries of this log are over %d MiB, which is the limit of one "
                       "recording; take it in parts with --since and --until",
                       TEXT_MAX >> 20);
    if (x->count == x->cap) {
        size_t more = x->cap ? x->cap * 2 : 1024;
        struct one *ones = realloc(x->ones, more * sizeof *ones);
        if (!ones)
            return fk_fail(err, FK_NOMEM, "no memory for deliveries");
        x->ones = ones;
        x->cap = more;
    }
    struct one *o = &x->ones[x->count++];
    *o = (struct one){
        .seq = seq, .time_ms = l->time_ms, .message = message, .at = (uint32_t)x->text.len};
    o->to_len = words_add(x, l->to);
    o->status_len = words_add(x, l->status);
    o->dsn_len = words_add(x, l->dsn);
    o->relay_len = words_add(x, l->relay);
    o->reply_len = words_add(x, l->reply);
    return x->text.failed ? fk_fail(err, FK_NOMEM, "no memory for deliveries") : FK_OK;
}

static enum fk_status line_take(void *ctx, const struct fk_maillog_line *l, struct fk_err *err) {
    struct recording *x = ctx;
    struct cli_reconcile *r = x->r;
    if (l->event != FK_MAILLOG_DELIVERY || fk_mailtrace_is_copy(r->trace, l->to))
        return FK_OK;
    uint32_t m = message_of(x, l);
    if (m == UINT32_MAX || !cli_reconcile_counts(r, m) || *l->next)
        return FK_OK; /* "queued as": the next queue id has the deliveries */
    uint64_t seq = r->trace->replies[r->first_reply[m] - 1].seq;
    bool over = r->trace->messages[m].end_ms != 0;
    if (fk_seqs_has(&x->final, seq) || (!over && fk_seqs_has(&x->open, seq)))
        return FK_OK;
    return one_add(x, seq, m, l, err);
}

/* ---- entries */

static const struct recording *sorting; /* qsort has no pointer of ours */

static int one_order(const void *a, const void *b) {
    const struct one *x = a, *y = b;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    uint32_t n = x->to_len < y->to_len ? x->to_len : y->to_len;
    int rc = memcmp(sorting->text.data + x->at, sorting->text.data + y->at, n);
    if (rc || x->to_len != y->to_len)
        return rc ? rc : x->to_len < y->to_len ? -1 : 1;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static const char *to_of(const struct recording *x, const struct one *o) {
    return (const char *)x->text.data + o->at;
}

static bool is_deferred(const struct recording *x, const struct one *o) {
    return o->status_len == 8 && memcmp(to_of(x, o) + o->to_len, "deferred", 8) == 0;
}

static bool same_recipient(const struct recording *x, const struct one *a, const struct one *b) {
    return a->seq == b->seq && a->to_len == b->to_len &&
           memcmp(to_of(x, a), to_of(x, b), a->to_len) == 0;
}

/* The same line of another file, or a deferral that a newer one of its recipient follows. */
static bool is_passed_over(const struct recording *x, size_t i) {
    const struct one *o = &x->ones[i], *next = i + 1 < x->count ? o + 1 : NULL;
    if (!next || !same_recipient(x, o, next))
        return false;
    if (is_deferred(x, o) && is_deferred(x, next))
        return true;
    size_t len = o->to_len + o->status_len + o->dsn_len + o->relay_len + o->reply_len;
    return o->time_ms == next->time_ms && o->status_len == next->status_len &&
           o->dsn_len == next->dsn_len && o->relay_len == next->relay_len &&
           o->reply_len == next->reply_len && memcmp(to_of(x, o), to_of(x, next), len) == 0;
}

static void word_put(struct fk_buf *b, const char *at, uint32_t len) {
    if (len)
        fk_buf_add(b, at, len);
    else
        fk_buf_str(b, "-");
    fk_buf_str(b, " ");
}

static void one_put(const struct recording *x, const struct one *o, struct fk_buf *body) {
    struct fk_buf line = FK_BUF_INIT;
    char time[FK_TIME_SIZE];
    const char *to = to_of(x, o), *status = to + o->to_len, *dsn = status + o->status_len;
    const char *relay = dsn + o->dsn_len, *reply = relay + o->relay_len;
    fk_time_format(time, o->time_ms);
    word_put(&line, status, o->status_len);
    word_put(&line, dsn, o->dsn_len);
    fk_buf_printf(&line, "%s ", time);
    word_put(&line, relay, o->relay_len);
    fk_buf_add(&line, to, o->to_len);
    fk_fields_add(body, "delivery", line.data, line.len);
    fk_fields_add(body, "reply", reply, o->reply_len);
    body->failed |= line.failed;
    fk_buf_free(&line);
}

static enum fk_status fact_append(struct recording *x, size_t from, size_t to, struct fk_err *err) {
    const struct one *o = &x->ones[from];
    const struct fk_traced *m = &x->r->trace->messages[o->message];
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[128];
    enum fk_status st;
    snprintf(fields, sizeof fields, "what=delivery of=%" PRIu64 " act=%" PRIu64 " state=%s", o->seq,
             x->r->act, m->end_ms ? "final" : "open");
    fk_fields_add_str(&body, "queue-id", m->queue_id);
    for (size_t i = from; i < to; i++)
        if (!is_passed_over(x, i))
            one_put(x, &x->ones[i], &body);
    if (body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a fact"));
    st = fk_keep_append(x->r->keep, &(struct fk_record){"fact", fields, &body}, &receipt, err);
done:
    fk_buf_wipe(&body);
    return st;
}

static enum fk_status facts_append(struct recording *x, uint64_t *recorded_out,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    sorting = x;
    if (x->count)
        qsort(x->ones, x->count, sizeof *x->ones, one_order);
    for (size_t i = 0, end; i < x->count; i = end) {
        for (end = i + 1; end < x->count && x->ones[end].seq == x->ones[i].seq;)
            end++;
        FK_TRY(fact_append(x, i, end, err));
        ++*recorded_out;
        cli_progress("recording", end, x->count);
    }
done:
    cli_progress_end();
    return st;
}

enum fk_status cli_delivery_record(struct cli_reconcile *r, uint64_t *recorded_out,
                                   struct fk_err *err) {
    struct recording x = {.r = r};
    struct fk_maillog_sum sum;
    enum fk_status st;
    *recorded_out = 0;
    FK_TRY(cli_ledger_walk(r->lend, 0, r->next_seq - 1, known_take, &x, err));
    fk_seqs_sort(&x.final);
    fk_seqs_sort(&x.open);
    FK_TRY(onwards_make(&x, err));
    for (size_t i = 0; i < r->file_count; i++)
        FK_TRY(
            fk_maillog_file(r->files[i], r->cli->config->zone_minutes, line_take, &x, &sum, err));
    st = facts_append(&x, recorded_out, err);
done:
    fk_buf_wipe(&x.text);
    free(x.ones);
    free(x.onwards);
    fk_seqs_free(&x.final);
    fk_seqs_free(&x.open);
    return st;
}

/* ---- showing */

struct showing {
    uint64_t seq;
    struct fk_seqs facts;
};

static enum fk_status fact_find(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                struct fk_err *err) {
    struct showing *s = ctx;
    struct fk_seqs of = {0};
    (void)line;
    (void)len;
    if (is_delivery(e, &of) && fk_seqs_has(&of, s->seq) && s->facts.count < FACTS_SHOWN_MAX)
        fk_seqs_add(&s->facts, e->seq);
    fk_seqs_free(&of);
    return s->facts.failed ? fk_fail(err, FK_NOMEM, "no memory for facts") : FK_OK;
}

static enum fk_status act_append(const struct fk_cli *cli, const struct showing *s,
                                 const char *reason, uint64_t *act_out, struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    fk_buf_printf(&fields, "what=show of=%" PRIu64 ",", s->seq);
    fk_seqs_format(&s->facts, &fields); /* facts stand behind their message */
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (reason)
        fk_fields_add_str(&body, "reason", reason);
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    FK_TRY(fk_keep_append(keep, &(struct fk_record){"act", fk_buf_cstr(&fields), &body}, &receipt,
                          err));
    *act_out = receipt.seq;
done:
    fk_keep_close(&keep);
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

static void delivery_text(const struct fk_delivered *d, int zone) {
    char when[FK_TIME_SIZE] = "-";
    int64_t ms;
    if (fk_time_parse(d->time, &ms))
        fk_time_local(when, ms, zone);
    cli_print_text(d->to);
    printf("\t");
    cli_print_text(d->status);
    printf(" ");
    cli_print_text(d->dsn);
    printf("\t%s\t", when);
    cli_print_text(d->relay);
    printf("\t");
    cli_print_text(d->reply);
    printf("\n");
}

static json_t *text_json(const char *text) {
    return cli_json_text(text, strlen(text));
}

static json_t *delivery_json(uint64_t fact, const struct fk_delivered *d) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "entry", cli_json_number(fact), "to",
                     text_json(d->to), "status", text_json(d->status), "dsn", text_json(d->dsn),
                     "time", text_json(d->time), "relay", text_json(d->relay), "reply",
                     text_json(d->reply));
}

static enum fk_status fact_print(const struct fk_content *c, uint64_t fact, int zone, json_t *list,
                                 struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(c->bytes, c->len);
    struct fk_delivered d = FK_DELIVERED_INIT;
    while (fk_delivered_next(&it, &d)) {
        if (list)
            json_array_append_new(list, delivery_json(fact, &d));
        else
            delivery_text(&d, zone);
    }
    const bool failed = d.failed;
    fk_delivered_free(&d);
    return failed ? fk_fail(err, FK_NOMEM, "no memory for deliveries") : FK_OK;
}

enum fk_status cli_delivery_show(const struct fk_cli *cli, struct fk_lend *lend, uint64_t seq,
                                 const char *reason, bool json, struct fk_err *err) {
    struct showing s = {.seq = seq};
    json_t *list = json ? json_array() : NULL;
    uint64_t act = 0, shown = 0;
    enum fk_status st;
    FK_TRY(cli_ledger_walk(lend, seq + 1, UINT64_MAX, fact_find, &s, err));
    if (!s.facts.count)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "nothing is recorded of the delivery of entry %" PRIu64
                       "; \"fumikura reconcile --postfix --record LOG\" does that",
                       seq));
    FK_TRY(act_append(cli, &s, reason, &act, err));
    for (size_t i = 0; i < s.facts.count; i++) {
        struct fk_content content = {.fd = -1};
        st = fk_lend_content(lend, s.facts.at[i], act, &content, err);
        if (st == FK_NOT_FOUND) { /* disposed of, with its message */
            st = FK_OK;
            continue;
        }
        FK_TRY(st);
        st = fact_print(&content, s.facts.at[i], cli->config->zone_minutes, list, err);
        fk_content_free(&content);
        FK_TRY(st);
        shown++;
    }
    if (!shown)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "what was recorded of the delivery of entry %" PRIu64 " is disposed of",
                       seq));
    if (json)
        cli_json_line(json_pack("{s:o, s:o, s:O}", "seq", cli_json_number(seq), "act",
                                cli_json_number(act), "deliveries", list));
done:
    json_decref(list);
    fk_seqs_free(&s.facts);
    return st;
}
