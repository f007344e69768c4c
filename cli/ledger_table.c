/* ledger_table.c - `export --format ledger`: the transactions that a query finds, as the table that
 * a tax inspector asks for (電子帳簿保存法: 取引年月日, 取引金額, 取引先; docs/transactions.md). It
 * is made whole, recorded in an act with its SHA-256, and only then given out. */
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/digest.h"
#include "cli/config.h"
#include "cli/csv_cell.h"
#include "cli/export.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/transaction_record.h"
#include "search/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 1000000, TABLE_MAX = 1 << 30 };

struct row {
    uint32_t day; /* 0: none, at the end */
    uint64_t seq;
    size_t at, len; /* in text */
};
struct table {
    struct cli_export *x;
    struct row *rows;
    size_t count, cap;
    struct fk_buf text, out, value;
    uint64_t undated, unpriced, nameless, corrected;
    char sha256[2 * FK_SHA256_BYTES + 1];
    uint64_t act;
};

/* ---- a row */

static void field_cell(struct table *t, const struct fk_hit *hit, const char *name) {
    fk_buf_reset(&t->value);
    (void)fk_fields_find(hit->fields, hit->fields_len, name, &t->value);
    cli_csv_cell(&t->text, t->value.len ? (const char *)t->value.data : "", t->value.len, false);
}

static void text_cell(struct table *t, const char *text) {
    cli_csv_cell(&t->text, text, strlen(text), false);
}

static void amount_cells(struct table *t, const char *value) {
    static const char *const taxes[] = {"", "税込", "税抜"};
    struct fk_amount a;
    char figure[FK_AMOUNT_TEXT] = "";
    const bool is_one = value && fk_amount_parse(value, &a);
    if (is_one)
        fk_figure_print(a.hundredths, figure);
    text_cell(t, figure);
    text_cell(t, is_one ? a.currency : "");
    text_cell(t, is_one ? taxes[a.tax] : "");
}

/* The least of those three that the law asks for and that are there. */
static unsigned confidence_of(const struct fk_transaction *f) {
    unsigned least = 101;
    for (unsigned i = FK_TXN_DATE; i <= FK_TXN_COUNTERPARTY; i++)
        if (f->now[i].value && f->now[i].confidence < least)
            least = f->now[i].confidence;
    return least;
}

static void cells_write(struct table *t, const struct fk_hit *hit, const struct fk_transaction *f) {
    const struct fk_txn_value *now = f->now;
    char text[FK_TIME_SIZE + 8];
    const int kind = now[FK_TXN_KIND].value ? fk_txn_kind_of(now[FK_TXN_KIND].value) : -1;
    const unsigned confidence = confidence_of(f);
    bool corrected = false;
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++)
        corrected |= now[i].is_corrected;
    t->undated += !now[FK_TXN_DATE].value;
    t->unpriced += !now[FK_TXN_AMOUNT].value;
    t->nameless += !now[FK_TXN_COUNTERPARTY].value;
    t->corrected += corrected;
    text_cell(t, now[FK_TXN_DATE].value ? now[FK_TXN_DATE].value : "");
    amount_cells(t, now[FK_TXN_AMOUNT].value);
    text_cell(t, now[FK_TXN_COUNTERPARTY].value ? now[FK_TXN_COUNTERPARTY].value : "");
    text_cell(t, kind >= 0 ? fk_txn_kinds_ja[kind] : "");
    text_cell(t, now[FK_TXN_NUMBER].value ? now[FK_TXN_NUMBER].value : "");
    field_cell(t, hit, "subject");
    field_cell(t, hit, "from");
    field_cell(t, hit, "to");
    fk_time_local(text, hit->received_ms, t->x->cli->config->zone_minutes);
    text_cell(t, text);
    (void)snprintf(text, sizeof text, "%" PRIu64, hit->seq);
    text_cell(t, text);
    field_cell(t, hit, "key");
    text[0] = 0;
    if (confidence <= 100)
        (void)snprintf(text, sizeof text, "%u", confidence);
    text_cell(t, text);
    cli_csv_cell(&t->text, corrected ? "有" : "無", strlen("有"), true);
}

static enum fk_status row_add(struct table *t, const struct fk_hit *hit, struct fk_err *err) {
    struct fk_transaction f = FK_TRANSACTION_INIT;
    enum fk_status st;
    if (t->count == ROWS_MAX || t->text.len > TABLE_MAX)
        return fk_fail(err, FK_FULL,
                       "a table has at most %d rows and %d MiB; take a shorter period", ROWS_MAX,
                       TABLE_MAX >> 20);
    if (t->count == t->cap) {
        const size_t cap = t->cap ? 2 * t->cap : 256;
        void *rows = realloc(t->rows, cap * sizeof *t->rows);
        if (!rows)
            return fk_fail(err, FK_NOMEM, "no memory for a table");
        t->rows = rows;
        t->cap = cap;
    }
    FK_TRY(fk_transaction_read(hit->fields, hit->fields_len, &f, err));
    struct row *r = &t->rows[t->count++];
    const char *date = f.now[FK_TXN_DATE].value;
    *r = (struct row){date ? fk_txn_date_number(date) : 0, hit->seq, t->text.len, 0};
    cells_write(t, hit, &f);
    r->len = t->text.len - r->at;
    if (t->text.failed || t->value.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a table");
done:
    fk_transaction_free(&f);
    return st;
}

static int row_order(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->day != y->day)
        return (x->day ? x->day : UINT32_MAX) < (y->day ? y->day : UINT32_MAX) ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void table_write(struct table *t) {
    static const char *const heads[] = {"取引年月日", "取引金額",   "通貨",       "税区分",
                                        "取引先",     "書類の種類", "書類番号",   "件名",
                                        "差出人",     "宛先",       "受信日時",   "記録番号",
                                        "SHA-256",    "確度",       "訂正の有無", NULL};
    uint8_t sum[FK_SHA256_BYTES];
    if (t->count)
        qsort(t->rows, t->count, sizeof *t->rows, row_order);
    fk_buf_str(&t->out, CLI_CSV_MARK);
    cli_csv_row(&t->out, heads);
    for (size_t i = 0; i < t->count; i++)
        fk_buf_add(&t->out, t->text.data + t->rows[i].at, t->rows[i].len);
    if (!t->out.failed)
        fk_sha256(t->out.data, t->out.len, sum);
    fk_hex(t->sha256, sum, sizeof sum);
}

/* ---- recorded, then given out */

static void number_add(struct fk_buf *b, const char *name, uint64_t n) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    fk_fields_add_str(b, name, text);
}

static enum fk_status act_append(struct table *t, struct fk_search *search, struct fk_err *err) {
    struct cli_export *x = t->x;
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    fk_fields_add_str(&body, "person", x->person);
    fk_fields_add_str(&body, "via", "cli");
    if (x->reason)
        fk_fields_add_str(&body, "reason", x->reason);
    fk_fields_add_str(&body, "query", fk_search_canonical(search));
    number_add(&body, "search", fk_search_coverage(search)->act);
    number_add(&body, "rows", t->count);
    number_add(&body, "undated", t->undated);
    number_add(&body, "without-amount", t->unpriced);
    fk_fields_add_str(&body, "sha256", t->sha256);
    if (x->to)
        fk_fields_add_str(&body, "to", x->to);
    enum fk_status st =
        body.failed ? fk_fail(err, FK_NOMEM, "no memory for an act")
                    : fk_keep_append(x->keep, &(struct fk_record){"act", "what=ledger", &body},
                                     &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        t->act = receipt.seq;
    return st;
}

static enum fk_status give_out(struct table *t, struct fk_err *err) {
    if (t->x->to)
        return fk_atomic_put(t->x->to, 0600, t->out.data, t->out.len, err);
    return fwrite(t->out.data, 1, t->out.len, stdout) == t->out.len && fflush(stdout) == 0
               ? FK_OK
               : fk_fail_sys(err, errno, "cannot write the table");
}

static void tell(const struct table *t, const struct fk_search *search) {
    const struct fk_search_coverage *c = fk_search_coverage(search);
    if (t->x->json) {
        cli_json_line(json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "to", t->x->to, "rows",
            cli_json_number(t->count), "undated", cli_json_number(t->undated), "without_amount",
            cli_json_number(t->unpriced), "without_counterparty", cli_json_number(t->nameless),
            "corrected", cli_json_number(t->corrected), "sha256", t->sha256, "act",
            cli_json_number(t->act), "coverage", fk_json_coverage(search)));
        return;
    }
    fprintf(stderr,
            "%zu rows for %s: %" PRIu64 " without a day, %" PRIu64 " without an amount, %" PRIu64
            " without a counterparty, %" PRIu64 " corrected; SHA-256 %s; act seq=%" PRIu64 "\n",
            t->count, fk_search_canonical(search), t->undated, t->unpriced, t->nameless,
            t->corrected, t->sha256, t->act);
    if (c->unread)
        fprintf(stderr,
                "fumikura: note: %" PRIu64 " messages are not in it, as the index has not read "
                "them yet (fumikura index --wait)\n",
                c->unread);
    if (c->partial_hits)
        fprintf(stderr,
                "fumikura: note: %" PRIu64 " of its messages are only partly searchable: what they "
                "are about may stand where it was not looked\n",
                c->partial_hits);
}

enum fk_status cli_export_ledger(struct cli_export *x, struct fk_err *err) {
    struct table t = {.x = x};
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_hit hit;
    enum fk_status st;
    if (x->to)
        FK_TRY(cli_new_file_check(x->to, err));
    FK_TRY(fk_keep_open(x->cli->dir, &x->keep, err));
    FK_TRY(fk_lend_open(x->cli->dir, &x->lend, err));
    x->search.query = x->query.len ? fk_buf_cstr(&x->query) : "txn:any";
    x->search.person = x->person;
    x->search.reason = x->reason;
    x->search.via = "cli";
    FK_TRY(fk_search_open(x->cli->dir, x->keep, x->lend, &x->search, &search, &fault, err));
    while ((st = fk_search_next(search, &hit, err)) == FK_OK)
        FK_TRY(row_add(&t, &hit, err));
    if (st != FK_NOT_FOUND)
        goto done;
    table_write(&t);
    if (t.out.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a table"));
    FK_TRY(act_append(&t, search, err));
    FK_TRY(give_out(&t, err));
    tell(&t, search);
done:
    fk_search_close(&search);
    free(t.rows);
    fk_buf_wipe(&t.text);
    fk_buf_wipe(&t.out);
    fk_buf_wipe(&t.value);
    return st;
}
