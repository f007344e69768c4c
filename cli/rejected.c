/* rejected.c - lists of rejections: made of a log, and `fumikura rejected`. A rejection is handled
 * as the value of its line, which begins with its time: sorted, and equal where it is the same. */
#include "cli/rejected.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 << 20, LIST_MAX = 4 << 20, WORDS_MAX = 2000, OF_MAX = 32 << 10 };

/* ---- lines */

struct lines {
    struct fk_buf text; /* each with a NUL behind it */
    size_t *at, count, cap;
};

static enum fk_status lines_add(struct lines *l, const void *line, size_t len, struct fk_err *err) {
    if (l->text.len > TEXT_MAX)
        return fk_fail(err, FK_FULL,
                       "the rejections of this time are over %d MiB, which is the limit of one "
                       "recording; take it in parts with --since and --until",
                       TEXT_MAX >> 20);
    if (l->count == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 1024;
        size_t *at = realloc(l->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for rejections");
        l->at = at;
        l->cap = cap;
    }
    l->at[l->count++] = l->text.len;
    fk_buf_add(&l->text, line, len);
    fk_buf_byte(&l->text, 0);
    return l->text.failed ? fk_fail(err, FK_NOMEM, "no memory for rejections") : FK_OK;
}

static const char *line_at(const struct lines *l, size_t i) {
    return (const char *)l->text.data + l->at[i];
}

static const struct lines *sorting; /* qsort has no pointer of ours */

static int line_order(const void *a, const void *b) {
    const char *base = (const char *)sorting->text.data;
    return strcmp(base + *(const size_t *)a, base + *(const size_t *)b);
}

/* Ascending, each once. */
static void lines_sort(struct lines *l) {
    size_t kept = 0;
    sorting = l;
    if (l->count)
        qsort(l->at, l->count, sizeof *l->at, line_order);
    for (size_t i = 0; i < l->count; i++)
        if (!kept || strcmp(line_at(l, kept - 1), line_at(l, i)) != 0)
            l->at[kept++] = l->at[i];
    l->count = kept;
}

/* Without those that the others have; both sorted. */
static void lines_subtract(struct lines *l, const struct lines *known) {
    size_t kept = 0;
    for (size_t i = 0, k = 0; i < l->count; i++) {
        int order = 1;
        while (k < known->count && (order = strcmp(line_at(known, k), line_at(l, i))) < 0)
            k++;
        if (k == known->count || order != 0)
            l->at[kept++] = l->at[i];
    }
    l->count = kept;
}

static void lines_free(struct lines *l) {
    fk_buf_wipe(&l->text);
    free(l->at);
}

static bool time_of(const char *line, char time[FK_TIME_SIZE], int64_t *ms) {
    snprintf(time, FK_TIME_SIZE, "%s", line);
    return fk_time_parse(time, ms);
}

/* ---- lists that the ledger has */

struct lists {
    int64_t from_ms, to_ms; /* of this time alone */
    struct fk_seqs seqs;
    struct stretch {
        int64_t from_ms, to_ms;
        bool is_gone; /* disposed of */
    } * stretches;    /* one a seq */
    size_t cap;
    uint64_t gone;
};

static bool is_list(const struct fk_entry *e, int64_t *from_ms, int64_t *to_ms) {
    char what[16], from[FK_TIME_SIZE], to[FK_TIME_SIZE];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "rejected") == 0 && fk_entry_field(e, "from", from, sizeof from) &&
           fk_entry_field(e, "to", to, sizeof to) && fk_time_parse(from, from_ms) &&
           fk_time_parse(to, to_ms);
}

static enum fk_status list_find(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                struct fk_err *err) {
    struct lists *l = ctx;
    int64_t from, to;
    (void)line;
    (void)len;
    if (!is_list(e, &from, &to) || from > l->to_ms || to < l->from_ms)
        return FK_OK;
    if (l->seqs.count == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 64;
        struct stretch *stretches = realloc(l->stretches, cap * sizeof *stretches);
        if (!stretches)
            return fk_fail(err, FK_NOMEM, "no memory for rejections");
        l->stretches = stretches;
        l->cap = cap;
    }
    l->stretches[l->seqs.count] = (struct stretch){from, to, false};
    fk_seqs_add(&l->seqs, e->seq); /* ascending, as the ledger is */
    return l->seqs.failed ? fk_fail(err, FK_NOMEM, "no memory for rejections") : FK_OK;
}

static void lists_free(struct lists *l) {
    fk_seqs_free(&l->seqs);
    free(l->stretches);
}

static enum fk_status act_append(struct fk_keep *keep, const struct lists *l, const char *reason,
                                 const char *query, uint64_t *act_out, struct fk_err *err) {
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    fk_buf_str(&fields, "what=show of=");
    fk_seqs_format(&l->seqs, &fields);
    if (fields.len > OF_MAX)
        FK_TRY(fk_fail(err, FK_FULL,
                       "%zu lists of rejections are more than one act can name; ask for a shorter "
                       "time with --since and --until",
                       l->seqs.count));
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (reason)
        fk_fields_add_str(&body, "reason", reason);
    if (query && *query)
        fk_fields_add_str(&body, "query", query);
    if (fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an act"));
    FK_TRY(fk_keep_append(keep, &(struct fk_record){"act", fk_buf_cstr(&fields), &body}, &receipt,
                          err));
    *act_out = receipt.seq;
done:
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

typedef enum fk_status (*rejected_fn)(void *ctx, uint64_t entry, const struct fk_buf *line,
                                      struct fk_err *err);

static enum fk_status list_read(const struct fk_content *c, uint64_t entry, rejected_fn fn,
                                void *ctx, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(c->bytes, c->len);
    struct fk_buf line = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (struct fk_field f; st == FK_OK && fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "rejected"))
            continue;
        fk_buf_reset(&line);
        fk_field_value(&f, &line);
        (void)fk_buf_cstr(&line);
        st = line.failed ? fk_fail(err, FK_NOMEM, "no memory for rejections")
                         : fn(ctx, entry, &line, err);
    }
    fk_buf_wipe(&line);
    return st;
}

static enum fk_status lists_read(struct fk_lend *lend, struct lists *l, uint64_t act,
                                 rejected_fn fn, void *ctx, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; st == FK_OK && i < l->seqs.count; i++) {
        struct fk_content content = {.fd = -1};
        st = fk_lend_content(lend, l->seqs.at[i], act, &content, err);
        if (st == FK_NOT_FOUND) {
            st = FK_OK;
            l->stretches[i].is_gone = true;
            l->gone++;
        } else if (st == FK_OK)
            st = list_read(&content, l->seqs.at[i], fn, ctx, err);
        fk_content_free(&content);
    }
    return st;
}

/* ---- recording */

struct recording {
    struct cli_reconcile *r;
    struct lines found, known;
};

static enum fk_status line_take(void *ctx, const struct fk_maillog_line *l, struct fk_err *err) {
    struct recording *x = ctx;
    struct fk_buf line = FK_BUF_INIT;
    char time[FK_TIME_SIZE];
    if (l->event != FK_MAILLOG_REFUSED || l->time_ms < x->r->since_ms ||
        l->time_ms > x->r->until_ms)
        return FK_OK;
    fk_time_format(time, l->time_ms);
    fk_buf_printf(&line, "%s %.*s/%.*s %s ", time, (int)l->host.len, l->host.at,
                  (int)l->instance.len, l->instance.at, *l->queue_id ? l->queue_id : "-");
    const size_t words = line.len;
    fk_buf_add(&line, l->reply.at, l->reply.len < WORDS_MAX ? l->reply.len : WORDS_MAX);
    for (size_t i = words; i < line.len && !line.failed; i++)
        if (!line.data[i])
            line.data[i] = '?';
    enum fk_status st = line.failed ? fk_fail(err, FK_NOMEM, "no memory for rejections")
                                    : lines_add(&x->found, line.data, line.len, err);
    fk_buf_wipe(&line);
    return st;
}

static enum fk_status known_take(void *ctx, uint64_t entry, const struct fk_buf *line,
                                 struct fk_err *err) {
    struct recording *x = ctx;
    (void)entry;
    return lines_add(&x->known, line->data, line->len, err);
}

/* Of a time whose list is disposed of nothing is to be known anew. */
static void gone_drop(struct lines *found, const struct lists *l) {
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        char time[FK_TIME_SIZE];
        int64_t ms;
        bool is_gone = !time_of(line_at(found, i), time, &ms);
        for (size_t k = 0; k < l->seqs.count && !is_gone; k++)
            is_gone = l->stretches[k].is_gone && ms >= l->stretches[k].from_ms &&
                      ms <= l->stretches[k].to_ms;
        if (!is_gone)
            found->at[kept++] = found->at[i];
    }
    found->count = kept;
}

static enum fk_status known_read(struct recording *x, struct fk_err *err) {
    struct cli_reconcile *r = x->r;
    struct lists l = {0};
    char time[FK_TIME_SIZE];
    uint64_t act = 0;
    enum fk_status st = FK_OK;
    if (!time_of(line_at(&x->found, 0), time, &l.from_ms) ||
        !time_of(line_at(&x->found, x->found.count - 1), time, &l.to_ms))
        FK_TRY(fk_fail(err, FK_INVALID, "a rejection has no time: %.40s", line_at(&x->found, 0)));
    FK_TRY(cli_ledger_walk(r->lend, 0, r->next_seq - 1, list_find, &l, err));
    if (!l.seqs.count)
        goto done;
    FK_TRY(act_append(r->keep, &l, "so that no rejection is recorded twice", NULL, &act, err));
    FK_TRY(lists_read(r->lend, &l, act, known_take, x, err));
    lines_sort(&x->known);
    lines_subtract(&x->found, &x->known);
    if (l.gone)
        gone_drop(&x->found, &l);
done:
    lists_free(&l);
    return st;
}

/* One entry of the lines [from, to). */
static enum fk_status list_append(struct recording *x, size_t from, size_t to,
                                  const struct fk_buf *body, struct fk_err *err) {
    char fields[256], first[FK_TIME_SIZE], last[FK_TIME_SIZE];
    struct fk_receipt receipt;
    int64_t ms;
    (void)time_of(line_at(&x->found, from), first, &ms);
    (void)time_of(line_at(&x->found, to - 1), last, &ms);
    snprintf(fields, sizeof fields,
             "what=rejected source=rejected floor=P0D act=%" PRIu64 " from=%s to=%s count=%zu",
             x->r->act, first, last, to - from);
    return body->failed ? fk_fail(err, FK_NOMEM, "no memory for rejections")
                        : fk_keep_append(x->r->keep, &(struct fk_record){"fact", fields, body},
                                         &receipt, err);
}

static enum fk_status lists_append(struct recording *x, uint64_t *recorded_out,
                                   struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (size_t from = 0, i = 0; st == FK_OK && i < x->found.count; i++) {
        fk_fields_add_str(&body, "rejected", line_at(&x->found, i));
        if (body.len < LIST_MAX && i + 1 < x->found.count)
            continue;
        st = list_append(x, from, i + 1, &body, err);
        if (st == FK_OK)
            *recorded_out += i + 1 - from;
        from = i + 1;
        fk_buf_reset(&body);
        cli_progress("recording", from, x->found.count);
    }
    cli_progress_end();
    fk_buf_wipe(&body);
    return st;
}

enum fk_status cli_rejected_record(struct cli_reconcile *r, uint64_t *recorded_out,
                                   struct fk_err *err) {
    struct recording x = {.r = r};
    struct fk_maillog_sum sum;
    enum fk_status st = FK_OK;
    *recorded_out = 0;
    for (size_t i = 0; i < r->file_count; i++)
        FK_TRY(
            fk_maillog_file(r->files[i], r->cli->config->zone_minutes, line_take, &x, &sum, err));
    lines_sort(&x.found);
    if (!x.found.count)
        goto done;
    FK_TRY(known_read(&x, err));
    st = lists_append(&x, recorded_out, err);
done:
    lines_free(&x.found);
    lines_free(&x.known);
    return st;
}

/* ---- `fumikura rejected` */

struct listing {
    struct fk_cli *cli;
    struct lists lists;
    char **words;
    size_t word_count;
    const char *reason;
    bool json;
    uint64_t total, shown, act;
};

static int options_read(struct listing *l, int argc, char **argv) {
    static const struct option options[] = {{"since", required_argument, NULL, 's'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    const int zone = l->cli->config->zone_minutes;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 's' && !cli_date(optarg, false, zone, &l->lists.from_ms))
            return cli_usage("rejected", "--since takes a date such as 2026-11-24, not %s", optarg);
        else if (o == 'u' && !cli_date(optarg, true, zone, &l->lists.to_ms))
            return cli_usage("rejected", "--until takes a date such as 2026-11-24, not %s", optarg);
        else if (o == 'r')
            l->reason = optarg;
        else if (o == 'j')
            l->json = true;
        else if (o == '?')
            return cli_usage("rejected", "a text that begins with - stands after --");
    }
    l->words = argv + optind;
    l->word_count = (size_t)(argc - optind);
    return 0;
}

/* "TIME LOG QUEUE-ID TEXT": the blanks become NULs. */
static bool line_split(char *line, char *word[4]) {
    word[0] = line;
    for (int i = 1; i < 4; i++) {
        char *blank = strchr(word[i - 1], ' ');
        if (!blank)
            return false;
        *blank = 0;
        word[i] = blank + 1;
    }
    return true;
}

static void line_text(char *word[4], int64_t ms, int zone) {
    char when[FK_TIME_SIZE];
    fk_time_local(when, ms, zone);
    printf("%s\t", when);
    cli_print_text(word[1]);
    printf("\t");
    cli_print_text(word[2]);
    printf("\t");
    cli_print_text(word[3]);
    printf("\n");
}

static enum fk_status line_show(void *ctx, uint64_t entry, const struct fk_buf *line,
                                struct fk_err *err) {
    struct listing *l = ctx;
    char *word[4], time[FK_TIME_SIZE];
    int64_t ms;
    (void)err;
    if (!time_of((const char *)line->data, time, &ms) || ms < l->lists.from_ms ||
        ms > l->lists.to_ms)
        return FK_OK;
    l->total++;
    for (size_t i = 0; i < l->word_count; i++)
        if (!strcasestr((const char *)line->data, l->words[i]))
            return FK_OK;
    if (!line_split((char *)line->data, word))
        return FK_OK;
    l->shown++;
    if (l->json)
        cli_json_line(json_pack(
            "{s:o, s:s, s:o, s:o, s:o}", "entry", cli_json_number(entry), "time", time, "log",
            cli_json_text(word[1], strlen(word[1])), "queue_id",
            strcmp(word[2], "-") == 0 ? json_null() : cli_json_text(word[2], strlen(word[2])),
            "text", cli_json_text(word[3], strlen(word[3]))));
    else
        line_text(word, ms, l->cli->config->zone_minutes);
    return FK_OK;
}

static void coverage_print(const struct listing *l) {
    if (l->json) {
        cli_json_line(json_pack("{s:{s:o, s:o, s:o, s:o, s:o}}", "coverage", "shown",
                                cli_json_number(l->shown), "recorded", cli_json_number(l->total),
                                "lists", cli_json_number(l->lists.seqs.count), "disposed",
                                cli_json_number(l->lists.gone), "act", cli_json_number(l->act)));
        return;
    }
    (void)fflush(stdout);
    fprintf(stderr,
            "%" PRIu64 " of %" PRIu64 " rejections of that time, from %zu lists, of which %" PRIu64
            " are disposed of; act seq=%" PRIu64 ". What the log did not say is not here.\n",
            l->shown, l->total, l->lists.seqs.count, l->lists.gone, l->act);
}

static enum fk_status list(struct listing *l, struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_keep *keep = NULL;
    struct fk_buf query = FK_BUF_INIT;
    enum fk_status st;
    for (size_t i = 0; i < l->word_count; i++)
        fk_buf_printf(&query, "%s%s", i ? " " : "", l->words[i]);
    FK_TRY(fk_keep_open(l->cli->dir, &keep, err));
    FK_TRY(fk_lend_open(l->cli->dir, &lend, err));
    FK_TRY(cli_ledger_walk(lend, 0, UINT64_MAX, list_find, &l->lists, err));
    if (!l->lists.seqs.count)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "no rejections of that time are recorded; \"fumikura reconcile --postfix "
                       "--record-rejected LOG\" does that"));
    FK_TRY(act_append(keep, &l->lists, l->reason, fk_buf_cstr(&query), &l->act, err));
    FK_TRY(lists_read(lend, &l->lists, l->act, line_show, l, err));
    coverage_print(l);
done:
    fk_buf_free(&query);
    fk_lend_close(&lend);
    fk_keep_close(&keep);
    return st;
}

int cmd_rejected(struct fk_cli *cli, int argc, char **argv) {
    struct listing l = {.cli = cli, .lists = {.from_ms = INT64_MIN, .to_ms = INT64_MAX}};
    struct fk_err err = FK_ERR_INIT;
    int rc = options_read(&l, argc, argv);
    if (rc == 0 && list(&l, &err) != FK_OK)
        rc = cli_fail(&err);
    lists_free(&l.lists);
    return cli_finish(rc);
}
