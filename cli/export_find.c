/* export_find.c - from a question to the entries that go into a package, and what there is to say
 * about what does not. */
#include "base/clock.h"
#include "cli/config.h"
#include "cli/export.h"
#include "cli/ledger.h"
#include "retention/roll.h"
#include "search/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum fk_status by_query(struct cli_export *x, struct fk_err *err) {
    enum fk_status st;
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_hit hit;
    x->search.query = fk_buf_cstr(&x->query);
    x->search.person = x->person;
    x->search.reason = x->reason;
    x->search.via = "cli";
    FK_TRY(fk_search_open(x->cli->dir, x->keep, x->lend, &x->search, &search, &fault, err));
    while ((st = fk_search_next(search, &hit, err)) == FK_OK)
        for (size_t i = 0; i < hit.captures->count; i++)
            fk_seqs_add(&x->named, hit.captures->at[i]);
    if (st != FK_NOT_FOUND)
        goto done;
    st = FK_OK;
    x->coverage = fk_json_coverage(search);
    fk_buf_str(&x->canonical, fk_search_canonical(search));
    if (fk_search_coverage(search)->unread > 0)
        fprintf(stderr,
                "fumikura: note: %" PRIu64 " messages were not searched, as the index has not read "
                "them yet (fumikura index --wait); the report says so\n",
                fk_search_coverage(search)->unread);
    if (x->named.count == 0)
        st = fk_fail(err, FK_NOT_FOUND, "\"%s\" finds no message: nothing to export",
                     fk_buf_cstr(&x->canonical));
done:
    fk_search_close(&search);
    return st;
}

enum fk_status cli_export_find(struct cli_export *x, struct fk_err *err) {
    enum fk_status st = x->by_seq ? FK_OK : by_query(x, err);
    if (st != FK_OK)
        return st;
    fk_seqs_sort(&x->named);
    return x->named.failed ? fk_fail(err, FK_NOMEM, "no memory for a list of messages") : FK_OK;
}

/* ---- the ledger, once from its first line to its last */

struct survey {
    struct cli_export *x;
    size_t at;            /* the next of named */
    struct fk_seqs dated; /* mails that came in the dates asked for */
    struct fk_seqs mails_named;
    uint64_t *evidence; /* for each of named the newest entry that says where it is from, or 0 */
};

/* Of what was asked for: it goes to messages until a dispose entry names it. */
static enum fk_status named_take(struct survey *s, const struct fk_entry *e, struct fk_err *err) {
    const struct fk_seqs *named = &s->x->named;
    if (s->at >= named->count || named->at[s->at] != e->seq)
        return FK_OK;
    s->at++;
    if (!fk_entry_is(e, "mail"))
        return fk_fail(err, FK_INVALID,
                       "entry %" PRIu64 " (%s) is no message; show --entry and --proof are for "
                       "those",
                       e->seq, e->kind);
    fk_seqs_add(&s->mails_named, e->seq);
    return FK_OK;
}

/* A disposal of what was found out about messages is none of messages. */
static bool is_of_facts(const struct fk_entry *e) {
    char rule[16];
    return fk_entry_field(e, "rule", rule, sizeof rule) && strcmp(rule, FK_RULE_FACTS) == 0;
}

static enum fk_status disposal_take(struct survey *s, const struct fk_entry *e,
                                    struct fk_err *err) {
    struct fk_seqs of = {0};
    size_t len;
    bool names_one = false;
    if (is_of_facts(e))
        return FK_OK;
    const char *text = fk_entry_field_at(e, "of", &len);
    if (!text || !fk_seqs_parse(text, len, SIZE_MAX, &of)) {
        fk_seqs_free(&of);
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a dispose entry without seqs", e->seq);
    }
    s->x->disposed += of.count;
    for (size_t i = 0; i < of.count; i++) {
        s->x->in_range += fk_seqs_has(&s->dated, of.at[i]);
        if (fk_seqs_has(&s->x->named, of.at[i])) {
            fk_seqs_add(&s->x->erased, of.at[i]);
            fk_seqs_add(&s->x->entries, of.at[i]);
            names_one = true;
        }
    }
    if (names_one)
        fk_seqs_add(&s->x->entries, e->seq);
    fk_seqs_free(&of);
    return FK_OK;
}

static int compare_seqs(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum fk_status evidence_take(struct survey *s, const struct fk_entry *e,
                                    struct fk_err *err) {
    const struct fk_seqs *named = &s->x->named;
    struct fk_seqs of = {0};
    char what[16];
    size_t len;
    if (!fk_entry_is(e, "fact") || !fk_entry_field(e, "what", what, sizeof what) ||
        strcmp(what, "auth") != 0)
        return FK_OK;
    const char *text = fk_entry_field_at(e, "of", &len);
    if (!text || !fk_seqs_parse(text, len, SIZE_MAX, &of)) {
        fk_seqs_free(&of);
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 " does not say what it is about", e->seq);
    }
    for (size_t i = 0; i < of.count; i++) {
        const uint64_t *at = named->count ? bsearch(&of.at[i], named->at, named->count,
                                                    sizeof *named->at, compare_seqs)
                                          : NULL;
        if (at)
            s->evidence[at - named->at] = e->seq;
    }
    fk_seqs_free(&of);
    return FK_OK;
}

static int compare_facts(const void *a, const void *b) {
    const struct fk_package_fact *x = a, *y = b;
    const int order = (x->entry > y->entry) - (x->entry < y->entry);
    return order ? order : (x->message > y->message) - (x->message < y->message);
}

/* Of what goes in; the entries' lines go in too. */
static enum fk_status facts_list(struct survey *s, struct fk_err *err) {
    struct cli_export *x = s->x;
    x->facts = calloc(x->named.count + 1, sizeof *x->facts);
    if (!x->facts)
        return fk_fail(err, FK_NOMEM, "no memory for a list of entries");
    for (size_t i = 0; i < x->named.count; i++)
        if (s->evidence[i] && fk_seqs_has(&x->messages, x->named.at[i])) {
            x->facts[x->fact_count++] = (struct fk_package_fact){s->evidence[i], x->named.at[i]};
            fk_seqs_add(&x->entries, s->evidence[i]);
        }
    qsort(x->facts, x->fact_count, sizeof *x->facts, compare_facts);
    fk_seqs_sort(&x->entries);
    return FK_OK;
}

static enum fk_status survey_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                  struct fk_err *err) {
    struct survey *s = ctx;
    const struct fk_search_options *o = &s->x->search;
    (void)line;
    (void)len;
    if (fk_entry_is(e, "mail")) {
        s->x->mails++;
        if (e->time_ms >= o->since_ms && e->time_ms <= o->until_ms)
            fk_seqs_add(&s->dated, e->seq);
    } else if (fk_entry_is(e, "dispose")) {
        enum fk_status st = disposal_take(s, e, err);
        if (st != FK_OK)
            return st;
    } else {
        enum fk_status st = evidence_take(s, e, err);
        if (st != FK_OK)
            return st;
    }
    return named_take(s, e, err);
}

enum fk_status cli_export_survey(struct cli_export *x, struct fk_err *err) {
    enum fk_status st;
    struct survey s = {.x = x};
    s.evidence = calloc(x->named.count + 1, sizeof *s.evidence);
    if (!s.evidence)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a list of entries"));
    FK_TRY(fk_lend_head(x->lend, &x->head, err));
    FK_TRY(cli_ledger_walk(x->lend, 0, x->head.next_seq - 1, survey_take, &s, err));
    if (s.at < x->named.count)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "there is no entry %" PRIu64 "; the last is %" PRIu64,
                       x->named.at[s.at], x->head.next_seq - 1));
    fk_seqs_sort(&x->erased);
    fk_seqs_sort(&x->entries);
    for (size_t i = 0; i < s.mails_named.count; i++)
        if (!fk_seqs_has(&x->erased, s.mails_named.at[i]))
            fk_seqs_add(&x->messages, s.mails_named.at[i]);
    FK_TRY(facts_list(&s, err));
    if (x->messages.failed || x->erased.failed || x->entries.failed || s.dated.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a list of messages");
done:
    fk_seqs_free(&s.dated);
    fk_seqs_free(&s.mails_named);
    free(s.evidence);
    return st;
}

/* ---- the report */

static json_t *ranges_json(const struct fk_seqs *s) {
    struct fk_buf b = FK_BUF_INIT;
    fk_seqs_format(s, &b);
    json_t *text = json_string(fk_buf_cstr(&b));
    fk_buf_free(&b);
    return text;
}

static json_t *text_or_null(const char *text) {
    return text ? cli_json_text(text, strlen(text)) : json_null();
}

static json_t *report_object(const struct cli_export *x, const char *now) {
    json_t *o = json_object();
    json_object_set_new(o, "format", json_string("fumikura-export/1"));
    json_object_set_new(o, "ledger", json_string(x->head.ledger));
    json_object_set_new(o, "time", json_string(now));
    json_object_set_new(o, "person", text_or_null(x->person));
    json_object_set_new(o, "reason", text_or_null(x->reason));
    json_object_set_new(o, "form", json_string(x->sealed ? "sealed" : "plain"));
    json_object_set_new(o, "checkpoint", cli_json_number(x->checkpoint.size));
    json_object_set_new(o, "messages", cli_json_number(x->messages.count));
    json_object_set_new(o, "seqs", ranges_json(&x->messages));
    json_object_set_new(o, "auth", json_integer((json_int_t)x->fact_count));
    json_object_set_new(o, "disposed_seqs", ranges_json(&x->erased));
    json_object_set_new(o, "ledger_entries", cli_json_number(x->head.next_seq));
    json_object_set_new(o, "ledger_mails", cli_json_number(x->mails));
    json_object_set_new(o, "ledger_disposed", cli_json_number(x->disposed));
    json_object_set_new(o, "disposed_in_range", cli_json_number(x->in_range));
    json_object_set_new(o, "coverage", x->coverage ? json_incref(x->coverage) : json_null());
    return o;
}

static uint64_t covered(const struct cli_export *x, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(x->coverage, name));
}

static void coverage_print(const struct cli_export *x, struct fk_buf *t) {
    const char *user = json_string_value(json_object_get(x->coverage, "user"));
    const char *since = json_string_value(json_object_get(x->coverage, "since"));
    const char *until = json_string_value(json_object_get(x->coverage, "until"));
    fk_buf_printf(t, "Query, as understood: %s\n",
                  json_string_value(json_object_get(x->coverage, "query")));
    fk_buf_printf(t, "User: %s. Received since: %s. Until: %s.\n", user ? user : "any",
                  since ? since : "the beginning", until ? until : "now");
    fk_buf_printf(t,
                  "It found %" PRIu64 " messages, captured %" PRIu64
                  " times; each capture is in this package. The search is entry %" PRIu64 ".\n",
                  covered(x, "total"), covered(x, "captures"), covered(x, "act"));
    fk_buf_printf(t,
                  "Searched: %" PRIu64 " messages, captured %" PRIu64
                  " times, entries before %" PRIu64 " of %" PRIu64
                  ". Not searched, as the index had not read them yet: %" PRIu64 " messages.\n",
                  covered(x, "documents"), covered(x, "index_captures"), covered(x, "index_mark"),
                  covered(x, "ledger_entries"), covered(x, "unread"));
    if (json_is_true(json_object_get(x->coverage, "expansion_cut")))
        fk_buf_str(t, "A word with a * stands for more words than were looked for: there may be "
                      "further messages that are not in this package.\n");
    fk_buf_printf(t,
                  "Only partly searchable (encrypted, damaged, too deep): %" PRIu64
                  " of the messages, %" PRIu64
                  " of the hits. A word in such a part was not found.\n",
                  covered(x, "partial"), covered(x, "partial_hits"));
}

static void text_print(const struct cli_export *x, const char *now, struct fk_buf *t) {
    struct fk_buf ranges = FK_BUF_INIT;
    fk_buf_printf(t, "Fumikura evidence package (%s), made %s by %s\nArchive (ledger): %s\n",
                  x->sealed ? "sealed" : "plain", now, x->person, x->head.ledger);
    if (x->reason)
        fk_buf_printf(t, "Reason: %s\n", x->reason);
    fk_buf_str(t, "\nWhat was asked for\n\n");
    if (x->coverage)
        coverage_print(x, t);
    else
        fk_buf_str(t, "Entries by number; nothing was searched.\n");
    fk_seqs_format(&x->messages, &ranges);
    fk_buf_printf(t, "\nWhat is in it\n\nMessages: %zu (entries %s)\n", x->messages.count,
                  x->messages.count ? fk_buf_cstr(&ranges) : "none");
    fk_buf_reset(&ranges);
    fk_seqs_format(&x->erased, &ranges);
    fk_buf_printf(t, "Disposed of, so without content (data/entries): %zu (entries %s)\n",
                  x->erased.count, x->erased.count ? fk_buf_cstr(&ranges) : "none");
    fk_buf_printf(t,
                  "What was found, when they came, of where they are from: of %zu (VERIFY.md).\n",
                  x->fact_count);
    fk_buf_printf(t, "All proofs are under one checkpoint over the first %" PRIu64 " entries.\n",
                  x->checkpoint.size);
    fk_buf_printf(t,
                  "\nWhat is not in it\n\nThe ledger had %" PRIu64 " entries, %" PRIu64
                  " of them mail. %" PRIu64 " contents had been disposed of, %" PRIu64
                  " of them of mail that came in within the dates above; a search does not find "
                  "those.\nWhat was sent and never reached the archive is in no ledger: compare "
                  "with the mail server's log.\n",
                  x->head.next_seq, x->mails, x->disposed, x->in_range);
    fk_buf_free(&ranges);
}

enum fk_status cli_export_report(struct cli_export *x, struct fk_err *err) {
    char now[FK_TIME_SIZE];
    fk_time_format(now, fk_now_ms());
    text_print(x, now, &x->report_text);
    bool printed = fk_json_print(report_object(x, now), &x->report_json);
    fk_buf_byte(&x->report_json, '\n');
    return !printed || x->report_text.failed || x->report_json.failed
               ? fk_fail(err, FK_NOMEM, "no memory for the report")
               : FK_OK;
}

void cli_export_free(struct cli_export *x) {
    fk_buf_free(&x->query);
    fk_buf_free(&x->canonical);
    fk_buf_free(&x->note);
    fk_buf_free(&x->report_text);
    fk_buf_free(&x->report_json);
    fk_seqs_free(&x->named);
    fk_seqs_free(&x->messages);
    fk_seqs_free(&x->entries);
    fk_seqs_free(&x->erased);
    free(x->facts);
    json_decref(x->coverage);
    fk_lend_close(&x->lend);
    fk_keep_close(&x->keep);
}
