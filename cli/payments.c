/* payments.c - see payments.h. Rows are cut before they are decoded: no byte of a character of two
 * is a comma, a quote or a line end in Shift_JIS. A file is Shift_JIS where it is not UTF-8. */
#include "cli/payments.h"
#include "archiver/intake/csv.h"
#include "base/arena.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/transaction_record.h"
#include "indexer/transaction/written_date.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/ustring.h>

enum column { DATE, AMOUNT, PARTY, NUMBER, CURRENCY, COLUMNS };
enum { CELL_MAX = 1000, QUOTED = 40 };

struct reading {
    const char *path;
    struct cli_payments *out;
    size_t at[COLUMNS]; /* index of the cell, SIZE_MAX: there is none */
    struct fk_buf text, folded;
    uint64_t line;
    size_t column; /* being read, from 1 */
    struct fk_err *err;
};

static enum fk_status wrong(const struct reading *r, const char *text, const char *what) {
    return fk_fail(r->err, FK_INVALID, "%s, line %" PRIu64 ", column %zu: \"%.*s\" is %s", r->path,
                   r->line, r->column, QUOTED, text, what);
}

/* ---- characters */

static bool is_utf8(const char *text, size_t len) {
    UErrorCode code = U_ZERO_ERROR;
    int32_t units = 0;
    (void)u_strFromUTF8(NULL, 0, &units, text, (int32_t)len, &code);
    return code == U_BUFFER_OVERFLOW_ERROR || U_SUCCESS(code);
}

/* Appends the cell as UTF-8; false where it has bytes that are none of Shift_JIS. */
static bool sjis_decode(const char *cell, size_t len, struct fk_buf *out) {
    static const char name[] =
        "ibm-943_P15A-2003"; /* as messages are read (indexer/reading/charset.c) */
    UErrorCode code = U_ZERO_ERROR;
    UConverter *from = ucnv_open(name, &code), *to = ucnv_open("UTF-8", &code);
    bool good = U_SUCCESS(code) && fk_buf_reserve(out, 4 * len + 8);
    if (good) {
        ucnv_setToUCallBack(from, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &code);
        char *at = (char *)out->data + out->len;
        const char *end = (const char *)out->data + out->cap, *in = cell;
        ucnv_convertEx(to, from, &at, end, &in, cell + len, NULL, NULL, NULL, NULL, true, true,
                       &code);
        good = U_SUCCESS(code) && in == cell + len;
        if (good)
            out->len = (size_t)(at - (char *)out->data);
    }
    ucnv_close(from);
    ucnv_close(to);
    return good;
}

/* The cell's text without blanks around it, in r->text. */
static enum fk_status cell_read(struct reading *r, const struct fk_csv *csv, size_t i) {
    const char *cell = csv->cell[i].at;
    size_t len = csv->cell[i].len;
    r->column = i + 1;
    fk_buf_reset(&r->text);
    if (len > CELL_MAX)
        return wrong(r, "", "over 1000 bytes");
    if (r->out->is_sjis && !sjis_decode(cell, len, &r->text))
        return fk_fail(r->err, FK_INVALID,
                       "%s, line %" PRIu64 ", column %zu: neither UTF-8 nor Shift_JIS", r->path,
                       r->line, r->column);
    if (!r->out->is_sjis)
        fk_buf_add(&r->text, cell, len);
    while (r->text.len && r->text.data[r->text.len - 1] <= ' ')
        r->text.len--;
    size_t blanks = 0;
    while (blanks < r->text.len && r->text.data[blanks] <= ' ')
        blanks++;
    if (blanks)
        memmove(r->text.data, r->text.data + blanks, r->text.len - blanks);
    r->text.len -= blanks;
    if (r->text.len && memchr(r->text.data, 0, r->text.len))
        return wrong(r, "", "no text: it has a NUL (a UTF-16 file? save it as UTF-8)");
    (void)fk_buf_cstr(&r->text);
    return r->text.failed ? fk_fail(r->err, FK_NOMEM, "no memory for a cell") : FK_OK;
}

/* ---- the row of headers */

static const struct {
    const char *name; /* folded, without blanks */
    enum column column;
} headers[] = {
    {"日付", DATE},
    {"支払日", DATE},
    {"お支払日", DATE},
    {"支払年月日", DATE},
    {"取引日", DATE},
    {"取引年月日", DATE},
    {"振込日", DATE},
    {"決済日", DATE},
    {"出金日", DATE},
    {"計上日", DATE},
    {"date", DATE},
    {"paymentdate", DATE},
    {"paidon", DATE},
    {"金額", AMOUNT},
    {"支払金額", AMOUNT},
    {"支払額", AMOUNT},
    {"取引金額", AMOUNT},
    {"振込金額", AMOUNT},
    {"出金金額", AMOUNT},
    {"出金額", AMOUNT},
    {"決済金額", AMOUNT},
    {"amount", AMOUNT},
    {"paidamount", AMOUNT},
    {"取引先", PARTY},
    {"取引先名", PARTY},
    {"支払先", PARTY},
    {"支払先名", PARTY},
    {"振込先", PARTY},
    {"相手先", PARTY},
    {"仕入先", PARTY},
    {"受取人", PARTY},
    {"counterparty", PARTY},
    {"payee", PARTY},
    {"vendor", PARTY},
    {"supplier", PARTY},
    {"番号", NUMBER},
    {"請求書番号", NUMBER},
    {"請求番号", NUMBER},
    {"注文番号", NUMBER},
    {"発注番号", NUMBER},
    {"書類番号", NUMBER},
    {"number", NUMBER},
    {"invoicenumber", NUMBER},
    {"invoiceno", NUMBER},
    {"invoiceno.", NUMBER},
    {"ponumber", NUMBER},
    {"ordernumber", NUMBER},
    {"reference", NUMBER},
    {"通貨", CURRENCY},
    {"currency", CURRENCY},
};
static const char *const column_names[COLUMNS] = {"date", "amount", "counterparty", "number",
                                                  "currency"};

static enum fk_status header_find(struct reading *r, bool *found, enum column *out) {
    struct fk_buf *f = &r->folded;
    size_t n = 0;
    *found = false;
    fk_buf_reset(f);
    enum fk_status st = fk_terms_fold((const char *)r->text.data, r->text.len, f, r->err);
    if (st != FK_OK)
        return st;
    for (size_t i = 0; i < f->len; i++)
        if (f->data[i] != ' ' && f->data[i] != '_')
            f->data[n++] = f->data[i];
    f->len = n;
    const char *name = fk_buf_cstr(f);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (strcmp(headers[i].name, name) == 0) {
            *found = true;
            *out = headers[i].column;
        }
    return FK_OK;
}

static enum fk_status headers_read(struct reading *r, const struct fk_csv *csv) {
    enum fk_status st = FK_OK;
    for (size_t c = 0; c < COLUMNS; c++)
        r->at[c] = SIZE_MAX;
    for (size_t i = 0; i < csv->count; i++) {
        enum column c;
        bool found;
        FK_TRY(cell_read(r, csv, i));
        if (r->text.len >= 3 && memcmp(r->text.data, "\xef\xbb\xbf", 3) == 0) {
            memmove(r->text.data, r->text.data + 3, r->text.len - 3);
            r->text.len -= 3;
            (void)fk_buf_cstr(&r->text);
        }
        FK_TRY(header_find(r, &found, &c));
        if (found && r->at[c] != SIZE_MAX) {
            st = fk_fail(r->err, FK_INVALID,
                         "%s, line %" PRIu64 ": columns %zu and %zu are both of the %s; leave one "
                         "of them out",
                         r->path, r->line, r->at[c] + 1, i + 1, column_names[c]);
            goto done;
        }
        if (found)
            r->at[c] = i;
    }
    for (size_t c = DATE; c <= AMOUNT; c++)
        if (r->at[c] == SIZE_MAX)
            FK_TRY(
                fk_fail(r->err, FK_INVALID,
                        "%s, line %" PRIu64 ": no column of the %s; the first row names the "
                        "columns: date (日付, 支払日), amount (金額, 支払金額), and as far as "
                        "there are such counterparty (取引先, 支払先), number (番号, 請求書番号), "
                        "currency (通貨)",
                        r->path, r->line, column_names[c]));
done:
    return st;
}

/* ---- a row */

static bool packed_date(const char *text, uint32_t *out) {
    if (strlen(text) != 8 || strspn(text, "0123456789") != 8)
        return false;
    const unsigned long n = strtoul(text, NULL, 10);
    *out = fk_date_number((unsigned)(n / 10000), (unsigned)(n / 100 % 100), (unsigned)(n % 100));
    return *out != 0;
}

static enum fk_status date_read(struct reading *r, struct cli_payment *p) {
    const char *text = (const char *)r->text.data;
    struct fk_written_date d;
    if (packed_date(text, &p->date))
        return FK_OK;
    if (fk_written_date_read(text, r->text.len, 0, &d) && d.year) {
        const char *rest = text + d.end; /* a time of day may follow */
        if (!*rest ||
            ((*rest == ' ' || *rest == 'T') && strspn(rest, " T0123456789:.Z+-") == strlen(rest))) {
            p->date = fk_date_number(d.year, d.month, d.day);
            return FK_OK;
        }
    }
    return wrong(r, text, "no date such as 2024-04-30");
}

static enum fk_status amount_read(struct reading *r, struct cli_payment *p) {
    const char *text = (const char *)r->text.data;
    struct fk_amount a;
    if (!fk_amount_read(text, r->text.len, 0, &a) || text[a.end])
        return wrong(r, text, "no amount such as 1,234,567");
    p->hundredths = a.hundredths;
    memcpy(p->currency, *a.currency ? a.currency : "JPY", sizeof p->currency);
    return FK_OK;
}

static enum fk_status currency_read(struct reading *r, struct cli_payment *p) {
    const char *text = (const char *)r->text.data;
    const bool is_yen = strcmp(text, "円") == 0;
    if (!*text)
        return FK_OK;
    if (!is_yen && strlen(text) != 3)
        return wrong(r, text, "no currency such as JPY");
    for (size_t i = 0; !is_yen && i < 3; i++) {
        p->currency[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
        if (p->currency[i] < 'A' || p->currency[i] > 'Z')
            return wrong(r, text, "no currency such as JPY");
    }
    return FK_OK;
}

static enum fk_status column_read(struct reading *r, enum column c, struct cli_payment *p) {
    const char **text = c == PARTY ? &p->counterparty : &p->number;
    switch (c) {
    case DATE:
        return date_read(r, p);
    case AMOUNT:
        return amount_read(r, p);
    case CURRENCY:
        return currency_read(r, p);
    default:
        *text = fk_arena_copy(r->out->arena, (const char *)r->text.data, r->text.len);
        return *text ? FK_OK : fk_fail(r->err, FK_NOMEM, "no memory for payments");
    }
}

static bool is_blank(const struct fk_csv *csv) {
    for (size_t i = 0; i < csv->count; i++)
        for (size_t k = 0; k < csv->cell[i].len; k++)
            if ((uint8_t)csv->cell[i].at[k] > ' ')
                return false;
    return true;
}

static enum fk_status row_read(struct reading *r, const struct fk_csv *csv) {
    struct cli_payments *out = r->out;
    enum fk_status st = FK_OK;
    if (is_blank(csv))
        return FK_OK;
    if (out->count == CLI_PAYMENTS_MAX)
        return fk_fail(r->err, FK_FULL, "%s has over %d payments: match it in parts", r->path,
                       CLI_PAYMENTS_MAX);
    if (out->count == out->cap) {
        const size_t cap = out->cap ? 2 * out->cap : 1024;
        void *at = realloc(out->at, cap * sizeof *out->at);
        if (!at)
            return fk_fail(r->err, FK_NOMEM, "no memory for payments");
        out->at = at;
        out->cap = cap;
    }
    struct cli_payment p = {.line = r->line, .counterparty = "", .number = ""};
    for (unsigned c = 0; c < COLUMNS; c++) {
        if (r->at[c] == SIZE_MAX)
            continue;
        r->column = r->at[c] + 1;
        if (r->at[c] >= csv->count)
            FK_TRY(fk_fail(r->err, FK_INVALID,
                           "%s, line %" PRIu64 ": %zu cells, and the %s is the %zu.", r->path,
                           r->line, csv->count, column_names[c], r->column));
        FK_TRY(cell_read(r, csv, r->at[c]));
        FK_TRY(column_read(r, (enum column)c, &p));
    }
    out->at[out->count++] = p;
done:
    return st;
}

/* ---- the file */

static enum fk_status rows_walk(const char *path, struct cli_payments *out,
                                enum fk_status (*row)(void *, const struct fk_csv *, uint64_t),
                                void *ctx, struct fk_err *err) {
    enum fk_status st;
    struct fk_logfile *f = NULL;
    struct fk_csv csv = {.file = NULL};
    uint64_t line;
    FK_TRY(fk_logfile_open(path, &f, err));
    csv.file = f;
    for (;;) {
        line = fk_logfile_number(f);
        st = fk_csv_next(&csv, err);
        if (csv.bad || fk_logfile_cut(f))
            FK_TRY(fk_fail(err, FK_INVALID,
                           "%s, line %" PRIu64 ": a quote that is never closed, over %d cells, or "
                           "a line over %d bytes",
                           path, line, FK_CSV_CELLS, FK_LOGFILE_LINE_MAX));
        if (st != FK_OK)
            break;
        FK_TRY(row(ctx, &csv, line));
    }
    if (st == FK_NOT_FOUND) {
        fk_logfile_digest(f, out->sha256);
        st = FK_OK;
    }
done:
    fk_csv_free(&csv);
    fk_logfile_close(&f);
    return st;
}

struct rows {
    struct reading *r;
    bool has_headers, is_utf8;
};

static enum fk_status row_look(void *ctx, const struct fk_csv *csv, uint64_t line) {
    struct rows *rows = ctx;
    (void)line;
    for (size_t i = 0; i < csv->count; i++)
        rows->is_utf8 = rows->is_utf8 && is_utf8(csv->cell[i].at, csv->cell[i].len);
    return FK_OK;
}

static enum fk_status row_take(void *ctx, const struct fk_csv *csv, uint64_t line) {
    struct rows *rows = ctx;
    rows->r->line = line;
    if (rows->has_headers)
        return row_read(rows->r, csv);
    if (is_blank(csv))
        return FK_OK;
    rows->has_headers = true;
    return headers_read(rows->r, csv);
}

enum fk_status cli_payments_read(const char *path, struct cli_payments *out, struct fk_err *err) {
    struct reading r = {.path = path, .out = out, .err = err};
    struct rows rows = {&r, false, true};
    uint8_t first[FK_SHA256_BYTES];
    enum fk_status st;
    out->arena = fk_arena_new(0);
    if (!out->arena)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for payments"));
    if (strcmp(path, "-") == 0)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "payments are read twice, for their characters first: "
                       "name a file, not stdin"));
    FK_TRY(rows_walk(path, out, row_look, &rows, err));
    memcpy(first, out->sha256, sizeof first);
    out->is_sjis = !rows.is_utf8;
    FK_TRY(rows_walk(path, out, row_take, &rows, err));
    if (memcmp(first, out->sha256, sizeof first) != 0)
        FK_TRY(fk_fail(err, FK_INVALID, "%s changed while it was read", path));
    if (!rows.has_headers)
        st = fk_fail(err, FK_INVALID, "%s has no row", path);
done:
    fk_buf_free(&r.text);
    fk_buf_free(&r.folded);
    return st;
}

void cli_payments_free(struct cli_payments *p) {
    free(p->at);
    fk_arena_free(&p->arena);
    *p = (struct cli_payments)CLI_PAYMENTS_INIT;
}
