/* transaction_record.c - see transaction_record.h */
#include "indexer/transaction/transaction_record.h"
#include "archiver/vault/fields.h"
#include "base/arena.h"
#include "indexer/text/glyph_priv.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/numeral.h"
#include "indexer/transaction/written_date.h"

#include <stdlib.h>
#include <string.h>

const char *const fk_txn_items[FK_TXN_ITEMS] = {"kind", "date", "amount", "counterparty", "number"};
const char *const fk_txn_kinds[FK_TXN_KINDS] = {"invoice",   "order",    "receipt",
                                                "quotation", "contract", "delivery"};
const char *const fk_txn_kinds_ja[FK_TXN_KINDS] = {"請求書", "注文書", "領収書",
                                                   "見積書", "契約書", "納品書"};

int fk_txn_kind_of(const char *word) {
    static const struct {
        const char *word;
        int kind;
    } others[] = {{"請求", 0},      {"bill", 0},  {"注文", 1},     {"発注", 1},
                  {"発注書", 1},    {"po", 1},    {"領収", 2},     {"領収証", 2},
                  {"見積", 3},      {"quote", 3}, {"estimate", 3}, {"契約", 4},
                  {"agreement", 4}, {"納品", 5},  {"検収", 5},     {"検収書", 5}};
    for (int i = 0; i < FK_TXN_KINDS; i++)
        if (strcasecmp(word, fk_txn_kinds[i]) == 0 || strcmp(word, fk_txn_kinds_ja[i]) == 0)
            return i;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(word, others[i].word) == 0)
            return others[i].kind;
    return -1;
}

uint64_t fk_txn_amount_rank(int64_t hundredths) {
    return (uint64_t)hundredths + FK_NUMERAL_MAX + 1;
}

uint32_t fk_txn_date_number(const char *value) {
    unsigned part[3] = {0, 0, 0};
    for (size_t i = 0; i < 10; i++) {
        const bool is_dash = i == 4 || i == 7;
        if (is_dash ? value[i] != '-' : value[i] < '0' || value[i] > '9')
            return 0;
        if (!is_dash) {
            unsigned *p = &part[i < 4 ? 0 : i < 7 ? 1 : 2];
            *p = *p * 10 + (unsigned)(value[i] - '0');
        }
    }
    return value[10] ? 0 : fk_date_number(part[0], part[1], part[2]);
}

enum fk_status fk_txn_number_normal(const char *number, size_t len, struct fk_buf *out,
                                    struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    size_t next;
    enum fk_status st = fk_terms_fold(number, len, &folded, err);
    const char *text = (const char *)folded.data;
    for (size_t at = 0; st == FK_OK && at < folded.len; at = next) {
        const uint32_t c = fk_glyph(text, folded.len, at, &next);
        if (fk_glyph_is_letter(c) || fk_glyph_is_digit(c) || fk_glyph_is_kanji(c) ||
            fk_glyph_is_kana(c))
            fk_buf_add(out, text + at, next - at);
    }
    if (st == FK_OK && (folded.failed || out->failed))
        st = fk_fail(err, FK_NOMEM, "out of memory for a number");
    fk_buf_free(&folded);
    return st;
}

bool fk_txn_is_value(enum fk_txn_item item, const char *value) {
    struct fk_amount amount;
    const size_t len = strlen(value);
    if (len == 0 || len > FK_TXN_TEXT_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)value[i] < ' ' || value[i] == 0x7f)
            return false;
    switch (item) {
    case FK_TXN_KIND:
        for (int i = 0; i < FK_TXN_KINDS; i++)
            if (strcmp(value, fk_txn_kinds[i]) == 0)
                return true;
        return false;
    case FK_TXN_DATE:
        return fk_txn_date_number(value) != 0;
    case FK_TXN_AMOUNT:
        return fk_amount_parse(value, &amount);
    default:
        return strcmp(value, "-") != 0 && strcmp(value, "=") != 0;
    }
}

/* ---- lines */

enum { PARTS_MAX = 9 };

/* The value's parts between tabs, each ended by a NUL; false where they are not so many. */
static bool parts_split(const struct fk_field *f, struct fk_arena *arena, struct fk_buf *value,
                        size_t count, char *part[PARTS_MAX], bool *failed) {
    fk_buf_reset(value);
    fk_field_value(f, value);
    if (value->failed || value->len == 0 || memchr(value->data, 0, value->len)) {
        *failed |= value->failed;
        return false;
    }
    char *at = fk_arena_copy(arena, (const char *)value->data, value->len);
    if (!at) {
        *failed = true;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        part[i] = at;
        at = at ? strchr(at, '\t') : NULL;
        if (!at && i + 1 < count)
            return false;
        if (at)
            *at++ = 0;
    }
    return at == NULL;
}

static bool number_of(const char *text, uint64_t most, uint64_t *out) {
    if (!*text || strlen(text) > 19 || strspn(text, "0123456789") != strlen(text))
        return false;
    *out = strtoull(text, NULL, 10);
    return *out <= most;
}

static bool item_of(const char *word, enum fk_txn_item *out) {
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++)
        if (strcmp(word, fk_txn_items[i]) == 0)
            return *out = (enum fk_txn_item)i, true;
    return false;
}

static bool found_of(char *part[PARTS_MAX], struct fk_txn_found *out) {
    uint64_t confidence;
    *out = (struct fk_txn_found){
        .value = part[1], .field = part[3], .rule = part[6], .path = part[7], .text = part[8]};
    const bool good = item_of(part[0], &out->item) && fk_txn_is_value(out->item, part[1]) &&
                      number_of(part[2], 100, &confidence) &&
                      number_of(part[4], UINT32_MAX, &out->offset) &&
                      number_of(part[5], UINT32_MAX, &out->len);
    if (good)
        out->confidence = (unsigned)confidence;
    return good;
}

static bool change_of(char *part[PARTS_MAX], struct fk_txn_change *out) {
    *out = (struct fk_txn_change){
        .time = part[1], .person = part[2], .was = part[4], .now = part[5], .reason = part[6]};
    return number_of(part[0], UINT64_MAX - 1, &out->entry) && item_of(part[3], &out->item) &&
           (strcmp(part[5], "-") == 0 || strcmp(part[5], "=") == 0 ||
            fk_txn_is_value(out->item, part[5]));
}

/* ---- all of them */

static unsigned tax_order(const char *value) {
    struct fk_amount a;
    return !fk_amount_parse(value, &a) ? 0 : a.tax == FK_TAX_INCLUDED ? 2 : a.tax == FK_TAX_UNKNOWN;
}

static int64_t figure_of(const char *value) {
    struct fk_amount a;
    return fk_amount_parse(value, &a) ? a.hundredths : 0;
}

/* Of equally good amounts the one with tax, then the greater one, is what was paid. */
static int found_order(const void *a, const void *b) {
    const struct fk_txn_found *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->item == FK_TXN_AMOUNT && tax_order(x->value) != tax_order(y->value))
        return tax_order(x->value) > tax_order(y->value) ? -1 : 1;
    if (x->item == FK_TXN_AMOUNT && figure_of(x->value) != figure_of(y->value))
        return figure_of(x->value) > figure_of(y->value) ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(x->value, y->value);
}

static int change_order(const void *a, const void *b) {
    const struct fk_txn_change *x = a, *y = b;
    if (x->entry != y->entry)
        return x->entry < y->entry ? -1 : 1;
    return (int)x->item - (int)y->item;
}

/* One entry stands below each capture that it is of. */
static void changes_thin(struct fk_transaction *t) {
    size_t kept = 0;
    if (t->change_count)
        qsort(t->changes, t->change_count, sizeof *t->changes, change_order);
    for (size_t i = 0; i < t->change_count; i++)
        if (!kept || change_order(&t->changes[kept - 1], &t->changes[i]) != 0)
            t->changes[kept++] = t->changes[i];
    t->change_count = kept;
}

static void values_decide(struct fk_transaction *t) {
    if (t->found_count)
        qsort(t->found, t->found_count, sizeof *t->found, found_order);
    for (size_t i = t->found_count; i-- > 0;) {
        const struct fk_txn_found *f = &t->found[i];
        t->now[f->item] = (struct fk_txn_value){f->value, f->confidence, false, f};
    }
    for (size_t i = 0; i < t->change_count; i++) {
        const struct fk_txn_change *c = &t->changes[i];
        struct fk_txn_value *v = &t->now[c->item];
        const struct fk_txn_found *f = t->found;
        while (f < t->found + t->found_count && f->item != c->item)
            f++;
        if (f == t->found + t->found_count)
            f = NULL;
        if (strcmp(c->now, "=") == 0)
            *v = f ? (struct fk_txn_value){f->value, f->confidence, false, f}
                   : (struct fk_txn_value){NULL, 0, false, NULL};
        else
            *v = (struct fk_txn_value){strcmp(c->now, "-") == 0 ? NULL : c->now, 100, true, NULL};
    }
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++)
        t->is_one |= t->now[i].value != NULL;
}

static bool grow(void *array, size_t count, size_t *cap, size_t item) {
    void **p = array, *q;
    if (count < *cap)
        return true;
    q = realloc(*p, (*cap * 2 + 16) * item);
    if (!q)
        return false;
    *p = q;
    *cap = *cap * 2 + 16;
    return true;
}

enum fk_status fk_transaction_read(const void *data, size_t len, struct fk_transaction *out,
                                   struct fk_err *err) {
    struct fk_transaction t = {.arena = fk_arena_new(0)};
    struct fk_buf value = FK_BUF_INIT;
    struct fk_fields it = fk_fields_begin(data, len);
    size_t found_cap = 0, change_cap = 0;
    bool is_of_capture = false, failed = t.arena == NULL;
    char *part[PARTS_MAX];
    for (struct fk_field f; !failed && fk_fields_next(&it, &f);) {
        is_of_capture |= fk_field_is(&f, "capture");
        if (!is_of_capture && fk_field_is(&f, "txn") && t.found_count < FK_TXN_FOUND_MAX) {
            failed = !grow(&t.found, t.found_count, &found_cap, sizeof *t.found);
            if (!failed && parts_split(&f, t.arena, &value, 9, part, &failed))
                t.found_count += found_of(part, &t.found[t.found_count]);
        } else if (!is_of_capture && fk_field_is(&f, "txn-left-out")) {
            t.left_out = strtoull(f.value, NULL, 10);
        } else if (is_of_capture && fk_field_is(&f, "correction")) {
            failed = !grow(&t.changes, t.change_count, &change_cap, sizeof *t.changes);
            if (!failed && parts_split(&f, t.arena, &value, 7, part, &failed))
                t.change_count += change_of(part, &t.changes[t.change_count]);
        }
    }
    fk_buf_free(&value);
    if (failed) {
        fk_transaction_free(&t);
        return fk_fail(err, FK_NOMEM, "out of memory for a transaction");
    }
    changes_thin(&t);
    values_decide(&t);
    *out = t;
    return FK_OK;
}

void fk_transaction_free(struct fk_transaction *t) {
    free(t->found);
    free(t->changes);
    fk_arena_free(&t->arena);
    *t = (struct fk_transaction)FK_TRANSACTION_INIT;
}
