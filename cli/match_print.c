/* match_print.c - what came of a comparison of payments with mail, for people in two languages, as
 * objects, and as a table. */
#include "cli/csv_cell.h"
#include "cli/json.h"
#include "cli/match.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/transaction_record.h"
#include "search/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const classes[MATCH_CLASSES] = {"agrees", "differs", "payment_without_mail",
                                                   "mail_without_payment"};
static const char *const classes_ja[MATCH_CLASSES] = {"一致", "差異", "支払のみ", "請求のみ"};
static const char *const bases[] = {"", "number", "amount and counterparty", "amount",
                                    "counterparty"};
static const struct {
    unsigned bit;
    const char *word, *ja;
} differences[] = {{DIFFERS_AMOUNT, "amount", "金額"},
                   {DIFFERS_CURRENCY, "currency", "通貨"},
                   {DIFFERS_PARTY, "counterparty", "取引先"},
                   {DIFFERS_DAY, "day", "日付"},
                   {DIFFERS_NUMBER, "number", "番号"}};

static void date_print(uint32_t date, char out[16]) {
    (void)snprintf(out, 16, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100, date % 100);
}

/* "1,234,567" */
static void grouped(int64_t hundredths, char out[2 * FK_AMOUNT_TEXT]) {
    char figure[FK_AMOUNT_TEXT];
    fk_figure_print(hundredths, figure);
    const size_t sign = *figure == '-', whole = strcspn(figure, ".") - sign;
    size_t n = 0;
    for (size_t i = 0; figure[i]; i++) {
        if (i > sign && i < sign + whole && (sign + whole - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = figure[i];
    }
    out[n] = 0;
}

static const struct cli_claim *claim_of(const struct cli_match *x, size_t payment) {
    const struct cli_matched *f = &x->m.found[payment];
    return f->basis == BY_NOTHING ? NULL : &x->m.claims[f->claim];
}

static const char *date_of(const struct cli_match *x, size_t claim, char out[16]) {
    if (*x->shown[claim].date)
        return x->shown[claim].date;
    date_print(x->m.claims[claim].date, out);
    return out;
}

/* ---- text */

static void amount_text(int64_t hundredths, const char *currency) {
    char figure[2 * FK_AMOUNT_TEXT];
    grouped(hundredths, figure);
    printf("%s %s", figure, currency);
}

static void word_text(const char *text) {
    printf("\t");
    cli_print_text(*text ? text : "-");
}

static void payment_text(const struct cli_match *x, size_t i) {
    const struct cli_payment *p = &x->payments.at[i];
    char date[16];
    date_print(p->date, date);
    printf("\tline %" PRIu64 "\t%s\t", p->line, date);
    amount_text(p->hundredths, p->currency);
    word_text(p->counterparty);
    word_text(p->number);
}

static void claim_text(const struct cli_match *x, size_t i) {
    const struct cli_claim *c = &x->m.claims[i];
    char date[16];
    printf("\tseq %" PRIu64 "\t%s\t", x->shown[i].seq, date_of(x, i, date));
    if (c->has_amount)
        amount_text(c->hundredths, c->currency);
    else
        printf("no amount found");
    word_text(x->shown[i].counterparty);
    word_text(x->shown[i].number);
    word_text(x->shown[i].subject);
}

static void class_text(enum cli_match_class class) {
    static const char *const words[MATCH_CLASSES] = {"agrees", "differs", "no mail", "not paid"};
    printf("%s %s", words[class], classes_ja[class]);
}

static void differences_text(const struct cli_match *x, size_t i) {
    const unsigned differs = cli_matching_differs(&x->m, i);
    const struct cli_claim *c = claim_of(x, i);
    const char *between = "\t";
    for (size_t d = 0; d < sizeof differences / sizeof *differences; d++) {
        if (!(differs & differences[d].bit))
            continue;
        printf("%s%s %s", between, differences[d].word, differences[d].ja);
        between = ", ";
    }
    if (!(differs & DIFFERS_AMOUNT) || !c->has_amount || differs & DIFFERS_CURRENCY)
        return;
    printf("\tdifference 差額 ");
    amount_text(c->paid - c->hundredths, c->currency);
    if (c->payments > 1) {
        printf(" (%zu payments, ", c->payments);
        amount_text(c->paid, c->currency);
        printf(")");
    }
}

static void payments_text(const struct cli_match *x, enum cli_match_class class) {
    for (size_t i = 0; i < x->m.payment_count; i++) {
        if (cli_match_class_of(x, i) != class)
            continue;
        class_text(class);
        payment_text(x, i);
        if (class != MATCH_NO_MAIL) {
            claim_text(x, x->m.found[i].claim);
            printf("\tby %s", bases[x->m.found[i].basis]);
        }
        if (class == MATCH_DIFFERS)
            differences_text(x, i);
        printf("\n");
    }
}

static void unpaid_text(const struct cli_match *x) {
    for (size_t i = 0; i < x->m.claim_count; i++) {
        const struct cli_claim *c = &x->m.claims[i];
        if (c->payments)
            continue;
        if (c->is_beside)
            printf("beside 同一取引\tline %" PRIu64, x->payments.at[c->of].line);
        else
            class_text(MATCH_NOT_PAID);
        claim_text(x, i);
        printf("\n");
    }
}

static void sums_text(const struct cli_match *x) {
    for (size_t i = 0; i < x->sum_count; i++) {
        const struct cli_match_sum *s = &x->sums[i];
        for (unsigned class = 0; class < MATCH_CLASSES; class ++) {
            if (!s->paid[class] && !s->asked[class])
                continue;
            printf("sum 合計\t");
            class_text((enum cli_match_class) class);
            if (class != MATCH_NOT_PAID) {
                printf("\tpaid 支払 ");
                amount_text(s->paid[class], s->currency);
            }
            if (class != MATCH_NO_MAIL) {
                printf("\tasked 請求 ");
                amount_text(s->asked[class], s->currency);
            }
            if (class == MATCH_DIFFERS) {
                printf("\tdifference 差額 ");
                amount_text(s->paid[class] - s->asked[class], s->currency);
            }
            printf("\n");
        }
    }
}

static void coverage_text(const struct cli_match *x) {
    const struct fk_search_coverage *c = fk_search_coverage(x->search);
    printf("%zu payments of %s, %zu messages found by %s: %" PRIu64 " agree, %" PRIu64
           " differ, %" PRIu64 " without mail, %" PRIu64 " messages without payment, %" PRIu64
           " beside another; act seq=%" PRIu64 ".\n",
           x->m.payment_count, x->path, x->m.claim_count, fk_search_canonical(x->search),
           x->counts[MATCH_AGREES], x->counts[MATCH_DIFFERS], x->counts[MATCH_NO_MAIL],
           x->counts[MATCH_NOT_PAID], x->beside, x->act);
    if (x->unpriced)
        printf("In %" PRIu64 " of the messages no amount was found (fumikura transaction SEQ "
               "--set amount=).\n",
               x->unpriced);
    if (c->unread || c->partial_hits)
        printf("Not searched: %" PRIu64 " messages that the index has not read yet; only partly "
               "searchable: %" PRIu64 " of those found.\n",
               c->unread, c->partial_hits);
    printf(
        "This sets what was found in mail against this list. It does not show that a payment "
        "was due, nor invoices that came by other ways.\n"
        "この結果は、メールから見つかった金額等をこの一覧と突き合わせたものです。支払義務の有無や、"
        "メール以外で届いた請求については何も示しません。\n");
}

static void text_print(const struct cli_match *x) {
    payments_text(x, MATCH_DIFFERS);
    payments_text(x, MATCH_NO_MAIL);
    unpaid_text(x);
    payments_text(x, MATCH_AGREES);
    sums_text(x);
    coverage_text(x);
}

/* ---- JSON */

static json_t *figure_json(int64_t hundredths) {
    char figure[FK_AMOUNT_TEXT];
    fk_figure_print(hundredths, figure);
    return json_string(figure);
}

static json_t *text_json(const char *text) {
    return *text ? cli_json_text(text, strlen(text)) : json_null();
}

static json_t *payment_json(const struct cli_match *x, size_t i) {
    const struct cli_payment *p = &x->payments.at[i];
    char date[16];
    date_print(p->date, date);
    return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o}", "line", cli_json_number(p->line), "date",
                     date, "amount", figure_json(p->hundredths), "currency", p->currency,
                     "counterparty", text_json(p->counterparty), "number", text_json(p->number));
}

static json_t *claim_json(const struct cli_match *x, size_t i) {
    const struct cli_claim *c = &x->m.claims[i];
    const struct cli_claim_shown *s = &x->shown[i];
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq", cli_json_number(s->seq),
                     "kind", c->kind >= 0 ? json_string(fk_txn_kinds[c->kind]) : json_null(),
                     "date", text_json(s->date), "amount",
                     c->has_amount ? figure_json(c->hundredths) : json_null(), "currency",
                     c->has_amount ? json_string(c->currency) : json_null(), "counterparty",
                     text_json(s->counterparty), "number", text_json(s->number), "subject",
                     text_json(s->subject));
}

static void pair_json(const struct cli_match *x, size_t i) {
    const enum cli_match_class class = cli_match_class_of(x, i);
    const struct cli_claim *c = claim_of(x, i);
    json_t *o = json_pack("{s:s, s:o}", "type", classes[class], "payment", payment_json(x, i));
    if (c) {
        const unsigned differs = cli_matching_differs(&x->m, i);
        json_t *list = json_array();
        for (size_t d = 0; d < sizeof differences / sizeof *differences; d++)
            if (differs & differences[d].bit)
                json_array_append_new(list, json_string(differences[d].word));
        json_object_set_new(o, "mail", claim_json(x, x->m.found[i].claim));
        json_object_set_new(o, "by", json_string(bases[x->m.found[i].basis]));
        json_object_set_new(o, "differs", list);
        json_object_set_new(o, "payments", cli_json_number(c->payments));
        json_object_set_new(o, "paid", figure_json(c->paid));
        json_object_set_new(o, "difference",
                            c->has_amount && !(differs & DIFFERS_CURRENCY)
                                ? figure_json(c->paid - c->hundredths)
                                : json_null());
    }
    cli_json_line(o);
}

static json_t *sums_json(const struct cli_match *x) {
    json_t *list = json_array();
    for (size_t i = 0; i < x->sum_count; i++) {
        json_t *o = json_pack("{s:s}", "currency", x->sums[i].currency);
        for (unsigned class = 0; class < MATCH_CLASSES; class ++)
            json_object_set_new(o, classes[class],
                                json_pack("{s:o, s:o}", "paid", figure_json(x->sums[i].paid[class]),
                                          "asked", figure_json(x->sums[i].asked[class])));
        json_array_append_new(list, o);
    }
    return list;
}

static void json_print(const struct cli_match *x) {
    for (size_t i = 0; i < x->m.payment_count; i++)
        pair_json(x, i);
    for (size_t i = 0; i < x->m.claim_count; i++) {
        const struct cli_claim *c = &x->m.claims[i];
        if (c->payments)
            continue;
        json_t *o =
            json_pack("{s:s, s:o}", "type", c->is_beside ? "beside" : classes[MATCH_NOT_PAID],
                      "mail", claim_json(x, i));
        if (c->is_beside)
            json_object_set_new(o, "line", cli_json_number(x->payments.at[c->of].line));
        cli_json_line(o);
    }
    json_t *o = json_pack("{s:s, s:o, s:o}", "type", "summary", "payments",
                          cli_json_number(x->m.payment_count), "messages",
                          cli_json_number(x->m.claim_count));
    for (unsigned class = 0; class < MATCH_CLASSES; class ++)
        json_object_set_new(o, classes[class], cli_json_number(x->counts[class]));
    json_object_set_new(o, "beside", cli_json_number(x->beside));
    json_object_set_new(o, "without_amount", cli_json_number(x->unpriced));
    json_object_set_new(o, "encoding", json_string(x->payments.is_sjis ? "Shift_JIS" : "UTF-8"));
    json_object_set_new(o, "sums", sums_json(x));
    json_object_set_new(o, "act", cli_json_number(x->act));
    json_object_set_new(o, "coverage", fk_json_coverage(x->search));
    cli_json_line(o);
}

/* ---- a table */

enum { CELLS = 16 };
struct cells {
    const char *at[CELLS + 1];
    char line[24], paid_on[16], paid[FK_AMOUNT_TEXT], seq[24], date[16], asked[FK_AMOUNT_TEXT],
        off[FK_AMOUNT_TEXT], what[100];
};

static void claim_cells(const struct cli_match *x, size_t i, struct cells *c) {
    const struct cli_claim *claim = &x->m.claims[i];
    (void)snprintf(c->seq, sizeof c->seq, "%" PRIu64, x->shown[i].seq);
    if (claim->has_amount)
        fk_figure_print(claim->hundredths, c->asked);
    c->at[7] = c->seq;
    c->at[8] = date_of(x, i, c->date);
    c->at[9] = c->asked;
    c->at[10] = x->shown[i].counterparty;
    c->at[11] = claim->kind >= 0 ? fk_txn_kinds_ja[claim->kind] : "";
    c->at[12] = x->shown[i].number;
    c->at[13] = x->shown[i].subject;
}

static void payment_cells(const struct cli_match *x, size_t i, struct cells *c) {
    const struct cli_payment *p = &x->payments.at[i];
    (void)snprintf(c->line, sizeof c->line, "%" PRIu64, p->line);
    date_print(p->date, c->paid_on);
    fk_figure_print(p->hundredths, c->paid);
    c->at[1] = c->line;
    c->at[2] = c->paid_on;
    c->at[3] = c->paid;
    c->at[4] = p->currency;
    c->at[5] = p->counterparty;
    c->at[6] = p->number;
}

static void cells_begin(struct cells *c, const char *class) {
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < CELLS; i++)
        c->at[i] = "";
    c->at[0] = class;
}

static void cells_print(const struct cells *c, struct fk_buf *row) {
    fk_buf_reset(row);
    cli_csv_row(row, c->at);
    (void)fwrite(row->data, 1, row->len, stdout);
}

static void pair_cells(const struct cli_match *x, size_t i, struct cells *c) {
    const struct cli_claim *claim = claim_of(x, i);
    cells_begin(c, classes_ja[cli_match_class_of(x, i)]);
    payment_cells(x, i, c);
    if (!claim)
        return;
    const unsigned differs = cli_matching_differs(&x->m, i);
    claim_cells(x, x->m.found[i].claim, c);
    if (claim->has_amount && !(differs & DIFFERS_CURRENCY))
        fk_figure_print(claim->paid - claim->hundredths, c->off);
    for (size_t d = 0; d < sizeof differences / sizeof *differences; d++)
        if (differs & differences[d].bit)
            (void)snprintf(c->what + strlen(c->what), sizeof c->what - strlen(c->what), "%s%s",
                           *c->what ? "・" : "", differences[d].ja);
    c->at[14] = c->off;
    c->at[15] = c->what;
}

static void csv_print(const struct cli_match *x) {
    static const char *const heads[CELLS + 1] = {
        "区分",       "支払行",   "支払日", "支払金額",   "通貨",     "支払先", "番号", "記録番号",
        "取引年月日", "請求金額", "取引先", "書類の種類", "書類番号", "件名",   "差額", "相違点"};
    struct fk_buf row = FK_BUF_INIT;
    struct cells c;
    fk_buf_str(&row, CLI_CSV_MARK);
    cli_csv_row(&row, heads);
    (void)fwrite(row.data, 1, row.len, stdout);
    for (size_t i = 0; i < x->m.payment_count; i++) {
        pair_cells(x, i, &c);
        cells_print(&c, &row);
    }
    for (size_t i = 0; i < x->m.claim_count; i++) {
        if (x->m.claims[i].payments)
            continue;
        cells_begin(&c, x->m.claims[i].is_beside ? "同一取引" : classes_ja[MATCH_NOT_PAID]);
        if (x->m.claims[i].is_beside)
            payment_cells(x, x->m.claims[i].of, &c);
        claim_cells(x, i, &c);
        cells_print(&c, &row);
    }
    fk_buf_free(&row);
}

void cli_match_print(const struct cli_match *x) {
    if (x->json)
        json_print(x);
    else if (x->csv)
        csv_print(x);
    else
        text_print(x);
}
