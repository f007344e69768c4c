/* reconcile_table.c - Exchange's and Microsoft 365's tables, whose messages are known by Message-ID
 * alone: held against the index, since a Message-ID stands in no line of the ledger. */
#include "archiver/intake/trace_table.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"
#include "cli/reconcile.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hour {
    int64_t hour_ms;
    uint64_t found, missing;
};
struct tables {
    struct cli_reconcile *r;
    struct fk_trace_table table;
    struct fk_trace_sum *sums;
    struct hour *hours;
    size_t hour_count;
    uint64_t found, missing, refused, journal, disposed, nameless, bad;
    uint64_t mark; /* the index has read the entries before it, */
    struct fk_head head;
};

static const int64_t HOUR_MS = 3600000;

/* ---- comparing */

static enum fk_status files_read(struct tables *x, struct fk_err *err) {
    struct cli_reconcile *r = x->r;
    enum fk_status st = FK_OK;
    enum fk_trace_kind kind = r->mode == RECONCILE_M365 ? FK_TRACE_M365 : FK_TRACE_EXCHANGE;
    x->sums = calloc(r->file_count, sizeof *x->sums);
    if (!x->sums)
        return fk_fail(err, FK_NOMEM, "no memory for a list of files");
    for (size_t i = 0; i < r->file_count && st == FK_OK; i++) {
        st = fk_trace_table_read(r->files[i], kind, r->since_ms, r->until_ms, &x->table,
                                 &x->sums[i], err);
        x->nameless += x->sums[i].nameless;
        x->bad += x->sums[i].bad;
    }
    return st;
}

static enum fk_status disposal_count(void *ctx, const struct fk_entry *e, const char *line,
                                     size_t len, struct fk_err *err) {
    struct tables *x = ctx;
    struct fk_seqs of = {0};
    size_t of_len;
    const char *list = fk_entry_field_at(e, "of", &of_len);
    (void)line, (void)len, (void)err;
    if (fk_entry_is(e, "dispose") && list && fk_seqs_parse(list, of_len, (size_t)e->seq, &of))
        x->disposed += of.count;
    fk_seqs_free(&of);
    return FK_OK;
}

static bool is_judged(const struct fk_trace_message *m) {
    return m->passed && !m->journal;
}

static enum fk_status index_ask(struct tables *x, struct fk_err *err) {
    struct fk_xreader *reader = NULL;
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_index_open(x->r->cli->dir, &reader, &x->mark, err));
    for (size_t i = 0; i < x->table.count; i++) {
        struct fk_trace_message *m = &x->table.messages[i];
        uint64_t n = 0;
        const char *id = fk_trace_id(&x->table, i);
        size_t len = strlen(id);
        fk_buf_reset(&term);
        fk_buf_str(&term, FK_P_MSGID);
        fk_buf_add(&term, id, len < FK_WHOLE_MAX ? len : FK_WHOLE_MAX);
        if (term.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a Message-ID"));
        FK_TRY(fk_xreader_term_count(reader, fk_buf_cstr(&term), term.len, &n, err));
        m->found = n > 0;
        x->journal += m->journal;
        x->refused += !m->passed && !m->journal;
        x->found += is_judged(m) && m->found;
        x->missing += is_judged(m) && !m->found;
    }
done:
    (void)fk_index_blame(st, x->r->cli->dir, err);
    fk_buf_free(&term);
    fk_xreader_close(&reader);
    return st;
}

static int hour_order(const void *a, const void *b) {
    const struct hour *x = a, *y = b;
    return x->hour_ms < y->hour_ms ? -1 : x->hour_ms > y->hour_ms;
}

static enum fk_status hours_count(struct tables *x, struct fk_err *err) {
    size_t kept = 0;
    x->hours = calloc(x->table.count + 1, sizeof *x->hours);
    if (!x->hours)
        return fk_fail(err, FK_NOMEM, "no memory for a table of hours");
    for (size_t i = 0; i < x->table.count; i++) {
        const struct fk_trace_message *m = &x->table.messages[i];
        if (is_judged(m))
            x->hours[x->hour_count++] =
                (struct hour){m->first_ms - m->first_ms % HOUR_MS, m->found, !m->found};
    }
    qsort(x->hours, x->hour_count, sizeof *x->hours, hour_order);
    for (size_t i = 0; i < x->hour_count; i++)
        if (kept && x->hours[kept - 1].hour_ms == x->hours[i].hour_ms) {
            x->hours[kept - 1].found += x->hours[i].found;
            x->hours[kept - 1].missing += x->hours[i].missing;
        } else {
            x->hours[kept++] = x->hours[i];
        }
    x->hour_count = kept;
    return FK_OK;
}

static void number_add(struct fk_buf *b, const char *name, uint64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    fk_fields_add_str(b, name, text);
}

static enum fk_status act_append(struct tables *x, struct fk_err *err) {
    struct cli_reconcile *r = x->r;
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128], hex[2 * FK_SHA256_BYTES + 1];
    enum fk_status st;
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (r->reason)
        fk_fields_add_str(&body, "reason", r->reason);
    for (size_t i = 0; i < r->file_count; i++) {
        fk_fields_add_str(&body, "file", r->files[i]);
        fk_hex(hex, x->sums[i].digest, FK_SHA256_BYTES);
        fk_fields_add_str(&body, "sha256", hex);
    }
    number_add(&body, "found", x->found);
    number_add(&body, "not-found", x->missing);
    number_add(&body, "refused", x->refused);
    number_add(&body, "journal-reports", x->journal);
    struct fk_record record = {.kind = "act", .fields = "what=reconcile", .body = &body};
    FK_TRY(fk_keep_open(r->cli->dir, &r->keep, err));
    FK_TRY(fk_keep_append(r->keep, &record, &receipt, err));
    r->act = receipt.seq;
done:
    fk_buf_free(&body);
    return st;
}

/* ---- saying it */

static void text_print(const struct tables *x) {
    const int zone = x->r->cli->config->zone_minutes;
    char when[FK_TIME_SIZE];
    for (size_t i = 0; i < x->table.count; i++) {
        const struct fk_trace_message *m = &x->table.messages[i];
        if (!is_judged(m) || m->found)
            continue;
        fk_time_local(when, m->first_ms, zone);
        printf("missing  <");
        cli_print_text(fk_trace_id(&x->table, i));
        printf(">  %s\n", when);
    }
    for (size_t i = 0; i < x->hour_count; i++) {
        fk_time_local(when, x->hours[i].hour_ms, zone);
        printf("%.13s  found %" PRIu64 "  missing %" PRIu64 "\n", when, x->hours[i].found,
               x->hours[i].missing);
    }
    printf("%" PRIu64 " messages are in the archive, %" PRIu64
           " are not found in it. Not judged: %" PRIu64 " that were only refused, %" PRIu64
           " journal reports, %" PRIu64 " events without a Message-ID, %" PRIu64
           " rows that could not be read.\n",
           x->found, x->missing, x->refused, x->journal, x->nameless, x->bad);
    printf("The index has read to seq %" PRIu64 " of %" PRIu64 ". %" PRIu64
           " messages of the ledger are disposed of; their Message-IDs are not known any more.\n",
           x->mark, x->head.next_seq, x->disposed);
    printf("Recorded as entry %" PRIu64 ".\n", x->r->act);
    printf("This shows which Message-IDs of this table the archive has. Two messages with one "
           "Message-ID are told as one, and mail that is not in the table is not judged.\n"
           "この結果が示すのは、この表にある Message-ID のうちアーカイブにあるものです。同じ "
           "Message-ID を持つ二通は一通と数え、表にないメールについては何も示しません。\n");
}

static json_t *time_json(int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, ms);
    return json_string(text);
}

static void files_json(const struct tables *x) {
    for (size_t i = 0; i < x->r->file_count; i++) {
        char hex[2 * FK_SHA256_BYTES + 1];
        fk_hex(hex, x->sums[i].digest, FK_SHA256_BYTES);
        cli_json_line(json_pack("{s:s, s:o, s:s, s:o, s:o}", "type", "file", "path",
                                cli_json_text(x->r->files[i], strlen(x->r->files[i])), "sha256",
                                hex, "lines", cli_json_number(x->sums[i].rows), "unreadable",
                                cli_json_number(x->sums[i].bad)));
    }
}

static void json_print(const struct tables *x) {
    files_json(x);
    for (size_t i = 0; i < x->table.count; i++) {
        const struct fk_trace_message *m = &x->table.messages[i];
        const char *id = fk_trace_id(&x->table, i);
        if (is_judged(m) && !m->found)
            cli_json_line(json_pack("{s:s, s:o, s:o}", "type", "missing", "message_id",
                                    cli_json_text(id, strlen(id)), "time", time_json(m->first_ms)));
    }
    for (size_t i = 0; i < x->hour_count; i++)
        cli_json_line(json_pack(
            "{s:s, s:o, s:o, s:o}", "type", "hour", "hour", time_json(x->hours[i].hour_ms), "kept",
            cli_json_number(x->hours[i].found), "missing", cli_json_number(x->hours[i].missing)));
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "type", "summary", "kept",
                          cli_json_number(x->found), "missing", cli_json_number(x->missing),
                          "rejected", cli_json_number(x->refused), "journal",
                          cli_json_number(x->journal), "nameless", cli_json_number(x->nameless));
    json_object_set_new(o, "disposed", cli_json_number(x->disposed));
    json_object_set_new(o, "mark", cli_json_number(x->mark));
    json_object_set_new(o, "head", cli_json_number(x->head.next_seq));
    json_object_set_new(o, "act", cli_json_number(x->r->act));
    cli_json_line(o);
}

enum fk_status cli_reconcile_table(struct cli_reconcile *r, bool *findings_out,
                                   struct fk_err *err) {
    struct tables x = {.r = r};
    enum fk_status st;
    FK_TRY(files_read(&x, err));
    FK_TRY(cli_index_follow(r->cli, err));
    FK_TRY(fk_lend_open(r->cli->dir, &r->lend, err));
    FK_TRY(fk_lend_head(r->lend, &x.head, err));
    FK_TRY(cli_ledger_walk(r->lend, 0, UINT64_MAX, disposal_count, &x, err));
    FK_TRY(index_ask(&x, err));
    FK_TRY(hours_count(&x, err));
    FK_TRY(act_append(&x, err));
    *findings_out = x.missing > 0;
    if (r->json)
        json_print(&x);
    else
        text_print(&x);
done:
    fk_trace_table_free(&x.table);
    free(x.sums);
    free(x.hours);
    return st;
}
