/* transaction_terms.c - see transactions_priv.h. What is searched is what is valid now, and beside
 * it what else may well be meant: of every file the best amount and day, so that two invoices in
 * one message are both found; all numbers and names that are no mere guess. A correction is the
 * only value of its item. */
#include "base/clock.h"
#include "base/pack.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/transaction_record.h"
#include "indexer/transactions_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BESIDES = 60, NAME_BESIDES = 20, KIND_BESIDES = 50 };

/* ---- lines */

bool fk_transactions__are_in(const struct fk_entry *e) {
    char what[16];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "transaction") == 0;
}

bool fk_transactions__is_line(const struct fk_field *f) {
    return fk_field_is(f, "correction");
}

static void part_add(struct fk_buf *line, const struct fk_buf *text) {
    for (size_t i = 0; i < text->len && i < FK_TXN_TEXT_MAX; i++)
        fk_buf_byte(line, text->data[i] < ' ' ? ' ' : text->data[i]);
}

/* "set: ITEM VALUE", behind "was: ITEM VALUE" of the same item. */
static void change_add(uint64_t entry, const char *time, const struct fk_buf *person,
                       const struct fk_buf *reason, const struct fk_buf *was,
                       const struct fk_buf *set, struct fk_buf *lines) {
    struct fk_buf line = FK_BUF_INIT, value = FK_BUF_INIT;
    const uint8_t *blank = set->len ? memchr(set->data, ' ', set->len) : NULL;
    const size_t item = blank ? (size_t)(blank - set->data) : 0;
    if (item == 0)
        return;
    fk_buf_printf(&line, "%llu\t%s\t", (unsigned long long)entry, time);
    part_add(&line, person);
    fk_buf_printf(&line, "\t%.*s\t", (int)item, (const char *)set->data);
    if (was->len > item + 1 && memcmp(was->data, set->data, item + 1) == 0) {
        fk_buf_add(&value, was->data + item + 1, was->len - item - 1);
        part_add(&line, &value);
    } else {
        fk_buf_str(&line, "-");
    }
    fk_buf_reset(&value);
    fk_buf_add(&value, blank + 1, set->len - item - 1);
    fk_buf_byte(&line, '\t');
    part_add(&line, &value);
    fk_buf_byte(&line, '\t');
    part_add(&line, reason);
    fk_fields_add(lines, "correction", line.data, line.len);
    lines->failed |= line.failed || value.failed;
    fk_buf_free(&line);
    fk_buf_free(&value);
}

void fk_transactions__read(uint64_t entry, int64_t time_ms, const void *body, size_t len,
                           struct fk_buf *lines) {
    struct fk_buf person = FK_BUF_INIT, reason = FK_BUF_INIT, was = FK_BUF_INIT, set = FK_BUF_INIT;
    struct fk_fields it = fk_fields_begin(body, len);
    char time[FK_TIME_SIZE];
    unsigned sets = 0;
    fk_time_format(time, time_ms);
    (void)fk_fields_find(body, len, "person", &person);
    (void)fk_fields_find(body, len, "reason", &reason);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (fk_field_is(&f, "was")) {
            fk_buf_reset(&was);
            fk_field_value(&f, &was);
        } else if (fk_field_is(&f, "set") && sets++ < FK_TXN_ITEMS) {
            fk_buf_reset(&set);
            fk_field_value(&f, &set);
            change_add(entry, time, &person, &reason, &was, &set, lines);
        }
    }
    lines->failed |= person.failed || reason.failed || was.failed || set.failed;
    fk_buf_free(&person);
    fk_buf_free(&reason);
    fk_buf_free(&was);
    fk_buf_free(&set);
}

static void line_copy(const struct fk_field *f, struct fk_buf *out) {
    fk_buf_add(out, f->name, (size_t)(f->value + f->value_len + 1 - f->name));
}

/* ---- our own names */

static bool is_below(const char *domain, const char *own) {
    const size_t len = strlen(domain), own_len = strlen(own);
    return len > own_len && domain[len - own_len - 1] == '.' &&
           strcasecmp(domain + len - own_len, own) == 0;
}

static enum fk_status own_find(const char *name, size_t len, char *const *own, bool *out,
                               struct fk_err *err) {
    struct fk_buf normal = FK_BUF_INIT, ours = FK_BUF_INIT, text = FK_BUF_INIT;
    enum fk_status st;
    *out = false;
    fk_buf_add(&text, name, len);
    FK_TRY(fk_company_normal(name, len, &normal, err));
    for (; !*out && *own; own++) {
        fk_buf_reset(&ours);
        FK_TRY(fk_company_normal(*own, strlen(*own), &ours, err));
        *out = ours.len > 0 &&
               ((ours.len == normal.len && memcmp(ours.data, normal.data, ours.len) == 0) ||
                is_below(fk_buf_cstr(&text), *own));
    }
done:
    fk_buf_free(&normal);
    fk_buf_free(&ours);
    fk_buf_free(&text);
    return st;
}

/* The line with confidence 0 and another rule: ITEM VALUE CONFIDENCE FIELD OFFSET LENGTH RULE ...
 */
static void own_line(const struct fk_buf *value, struct fk_buf *out) {
    struct fk_buf line = FK_BUF_INIT;
    unsigned part = 0;
    for (size_t i = 0; i < value->len; i++) {
        const bool is_tab = value->data[i] == '\t';
        if (is_tab)
            part++;
        if (is_tab || (part != 2 && part != 6))
            fk_buf_byte(&line, value->data[i]);
        if (is_tab && part == 2)
            fk_buf_byte(&line, '0');
        if (is_tab && part == 6)
            fk_buf_str(&line, "our own");
    }
    fk_fields_add(out, "txn", line.data, line.len);
    out->failed |= line.failed;
    fk_buf_free(&line);
}

enum fk_status fk_transactions__own_copy(const void *lines, size_t len, char *const *own_companies,
                                         struct fk_buf *out, struct fk_err *err) {
    static const char party[] = "counterparty\t";
    struct fk_fields it = fk_fields_begin(lines, len);
    struct fk_buf value = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        bool is_own = false;
        fk_buf_reset(&value);
        if (fk_field_is(&f, "txn"))
            fk_field_value(&f, &value);
        if (own_companies && value.len > sizeof party &&
            memcmp(value.data, party, sizeof party - 1) == 0) {
            const char *name = (const char *)value.data + sizeof party - 1;
            const char *tab = memchr(name, '\t', value.len - (sizeof party - 1));
            if (tab)
                FK_TRY(own_find(name, (size_t)(tab - name), own_companies, &is_own, err));
        }
        if (is_own)
            own_line(&value, out);
        else
            line_copy(&f, out);
    }
done:
    fk_buf_free(&value);
    return st;
}

static uint64_t number_of(const struct fk_field *f) {
    return strtoull(f->value, NULL, 10); /* a blank or an escape follows */
}

/* They stand behind the capture's line, its verdicts and its deliveries, by entry. */
void fk_transactions__replace(const struct fk_buf *data, uint64_t capture, uint64_t entry,
                              const struct fk_buf *lines, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    bool is_due = false, is_of_it = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_ours = fk_transactions__is_line(&f);
        const bool is_before = fk_field_is(&f, "verdict") || fk_field_is(&f, "delivery") ||
                               fk_field_is(&f, "delivery-left-out");
        if (is_due && !is_before && !(is_ours && number_of(&f) <= entry)) {
            fk_buf_add(out, lines->data, lines->len);
            is_due = false;
        }
        if (fk_field_is(&f, "capture"))
            is_due = is_of_it = number_of(&f) == capture;
        if (!is_of_it || !is_ours || number_of(&f) != entry)
            line_copy(&f, out);
    }
    if (is_due)
        fk_buf_add(out, lines->data, lines->len);
    out->failed |= data->failed || lines->failed;
}

/* ---- terms */

static enum fk_status term_put(struct fk_xdoc *doc, const char *prefix, const void *text,
                               size_t len, struct fk_err *err) {
    char term[FK_WHOLE_MAX + 8];
    const size_t n = strlen(prefix), fits = len < FK_WHOLE_MAX ? len : FK_WHOLE_MAX;
    if (fits == 0)
        return FK_OK;
    memcpy(term, prefix, n);
    memcpy(term + n, text, fits);
    return fk_xdoc_term(doc, term, n + fits, err);
}

static enum fk_status word_put(struct fk_xdoc *doc, const char *prefix, const char *word,
                               struct fk_err *err) {
    return term_put(doc, prefix, word, strlen(word), err);
}

/* The first 1, 2 ... digits of a number. */
static enum fk_status digits_put(struct fk_xdoc *doc, const char *prefix, uint64_t rank, int width,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%0*llu", width, (unsigned long long)rank);
    for (int n = 1; st == FK_OK && n <= width; n++)
        st = term_put(doc, prefix, digits, (size_t)n, err);
    return st;
}

static enum fk_status slot_put(struct fk_xdoc *doc, unsigned slot, bool is_there, uint64_t rank,
                               struct fk_err *err) {
    uint8_t bytes[8];
    fk_be64(bytes, rank);
    return fk_xdoc_value(doc, slot, bytes, is_there ? sizeof bytes : 0, err);
}

struct tokens {
    struct fk_xdoc *doc;
    enum fk_status st;
    struct fk_err *err;
};

static void token_put(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    if (t->st == FK_OK)
        t->st = term_put(t->doc, FK_P_TXN_PARTY_IN, token->text, token->len, t->err);
}

static enum fk_status party_put(struct fk_xdoc *doc, const char *name, struct fk_err *err) {
    struct fk_buf normal = FK_BUF_INIT;
    struct tokens t = {doc, FK_OK, err};
    uint32_t next;
    enum fk_status st;
    FK_TRY(fk_company_normal(name, strlen(name), &normal, err));
    FK_TRY(term_put(doc, FK_P_TXN_PARTY, normal.data, normal.len, err));
    FK_TRY(fk_terms_of_text((const char *)normal.data, normal.len, 1, token_put, &t, &next, err));
    FK_TRY(t.st);
    /* Its words as they stand apart: Acme Trading is found by trading. */
    FK_TRY(fk_terms_of_text(name, strlen(name), 1, token_put, &t, &next, err));
    st = t.st;
done:
    fk_buf_free(&normal);
    return st;
}

static enum fk_status number_put(struct fk_xdoc *doc, const char *number, struct fk_err *err) {
    struct fk_buf normal = FK_BUF_INIT;
    enum fk_status st = fk_txn_number_normal(number, strlen(number), &normal, err);
    if (st == FK_OK)
        st = term_put(doc, FK_P_TXN_NUMBER, normal.data, normal.len, err);
    fk_buf_free(&normal);
    return st;
}

static enum fk_status amount_put(struct fk_xdoc *doc, const char *value, bool is_main,
                                 struct fk_err *err) {
    struct fk_amount a;
    enum fk_status st;
    if (!fk_amount_parse(value, &a))
        return FK_OK;
    const uint64_t rank = fk_txn_amount_rank(a.hundredths);
    FK_TRY(word_put(doc, FK_P_TXN_CURRENCY, a.currency, err));
    st = is_main ? slot_put(doc, FK_SLOT_TXN_AMOUNT, true, rank, err)
                 : digits_put(doc, FK_P_TXN_AMOUNT, rank, FK_TXN_AMOUNT_DIGITS, err);
done:
    return st;
}

static enum fk_status value_put(struct fk_xdoc *doc, enum fk_txn_item item, const char *value,
                                bool is_main, struct fk_err *err) {
    switch (item) {
    case FK_TXN_KIND:
        return word_put(doc, FK_P_TXN, value, err);
    case FK_TXN_DATE:
        return is_main ? slot_put(doc, FK_SLOT_TXN_DATE, true, fk_txn_date_number(value), err)
                       : digits_put(doc, FK_P_TXN_DATE, fk_txn_date_number(value),
                                    FK_TXN_DATE_DIGITS, err);
    case FK_TXN_AMOUNT:
        return amount_put(doc, value, is_main, err);
    case FK_TXN_COUNTERPARTY:
        return party_put(doc, value, err);
    default:
        return number_put(doc, value, err);
    }
}

static bool is_same_part(const struct fk_txn_found *a, const struct fk_txn_found *b) {
    return strcmp(a->field, b->field) == 0 && strcmp(a->path, b->path) == 0;
}

/* Of amounts and days the best of each file; of the others all that are no mere guess. */
static bool is_besides(const struct fk_transaction *t, const struct fk_txn_found *f) {
    if (f->item == FK_TXN_KIND)
        return f->confidence >= KIND_BESIDES;
    if (f->item == FK_TXN_COUNTERPARTY)
        return f->confidence >= NAME_BESIDES;
    if (f->confidence < BESIDES)
        return false;
    if (f->item == FK_TXN_NUMBER)
        return true;
    for (const struct fk_txn_found *o = t->found; o < f; o++)
        if (o->item == f->item && is_same_part(o, f))
            return false;
    return true;
}

static enum fk_status all_put(struct fk_xdoc *doc, const struct fk_transaction *t,
                              struct fk_err *err) {
    enum fk_status st;
    bool is_corrected = false;
    FK_TRY(word_put(doc, FK_P_TXN, "any", err));
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++) {
        is_corrected |= t->now[i].is_corrected;
        if (t->now[i].value)
            FK_TRY(value_put(doc, (enum fk_txn_item)i, t->now[i].value, true, err));
    }
    if (is_corrected)
        FK_TRY(word_put(doc, FK_P_TXN, "corrected", err));
    for (const struct fk_txn_found *f = t->found; f < t->found + t->found_count; f++)
        if (!t->now[f->item].is_corrected && t->now[f->item].from != f && is_besides(t, f))
            FK_TRY(value_put(doc, f->item, f->value, false, err));
done:
    return st;
}

enum fk_status fk_transactions__put(struct fk_xdoc *doc, const void *data, size_t len,
                                    struct fk_err *err) {
    static const char *const prefixes[] = {FK_P_TXN,        FK_P_TXN_PARTY,    FK_P_TXN_PARTY_IN,
                                           FK_P_TXN_NUMBER, FK_P_TXN_CURRENCY, FK_P_TXN_AMOUNT,
                                           FK_P_TXN_DATE};
    struct fk_transaction t = FK_TRANSACTION_INIT;
    enum fk_status st;
    FK_TRY(fk_transaction_read(data, len, &t, err));
    if (!t.found_count && !t.change_count)
        goto done;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        FK_TRY(fk_xdoc_drop_terms(doc, prefixes[i], err));
    FK_TRY(slot_put(doc, FK_SLOT_TXN_DATE, false, 0, err));
    FK_TRY(slot_put(doc, FK_SLOT_TXN_AMOUNT, false, 0, err));
    if (t.is_one)
        st = all_put(doc, &t, err);
done:
    fk_transaction_free(&t);
    return st;
}
