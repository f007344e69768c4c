/* What is found of an order or invoice in any texts (indexer/transaction/transaction_find_priv.h):
 * its lines may leave the box, are values of their form, lead to where they stand, and the same
 * texts give the same; figures, days and names end within the text, and as text are read again as
 * they were. Input: texts apart at a byte 0xfe, the first byte of each says where it stands. */
#include "archiver/vault/fields.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/numeral.h"
#include "indexer/transaction/transaction_find_priv.h"
#include "indexer/transaction/written_date.h"
#include "tests/fuzz/support/fuzz.h"

static void amount_check(const char *text, size_t len, size_t at) {
    struct fk_amount a, again;
    char printed[FK_AMOUNT_TEXT];
    if (!fk_amount_read(text, len, at, &a))
        return;
    MUST(a.end > at && a.end <= len);
    MUST(a.hundredths <= FK_NUMERAL_MAX && a.hundredths >= -FK_NUMERAL_MAX);
    fk_amount_print(a.hundredths, a.currency, a.tax, printed);
    MUST(fk_amount_parse(printed, &again));
    MUST(again.hundredths == a.hundredths && again.tax == a.tax);
    MUST(strcmp(again.currency, *a.currency ? a.currency : "JPY") == 0);
}

static void parsers_check(const char *text, size_t len) {
    struct fk_numeral n;
    struct fk_written_date d;
    struct fk_company c;
    size_t name = 0;
    for (size_t at = 0; at < len; at++) {
        if (fk_numeral_read(text, len, at, &n))
            MUST(n.end > at && n.end <= len && n.hundredths >= 0 && n.hundredths <= FK_NUMERAL_MAX);
        if (fk_written_date_read(text, len, at, &d))
            MUST(d.end > at && d.end <= len && d.month >= 1 && d.month <= 12 &&
                 (d.year == 0 || fk_date_is_real(d.year, d.month, d.day)));
        amount_check(text, len, at);
    }
    for (size_t last = 0; fk_company_next(text, len, &name, &c); last = name)
        MUST(c.begin < c.end && c.end <= len && name > last && name <= len);
}

static void lines_check(const struct fk_txn_texts *t, const struct fk_buf *lines) {
    struct fk_transaction found = FK_TRANSACTION_INIT;
    struct fk_fields it = fk_fields_begin(lines->data, lines->len);
    size_t count = 0;
    for (struct fk_field f; fk_fields_next(&it, &f);)
        count += fk_field_is(&f, "txn");
    MUST(!it.bad && fk_facts__own_is_good(lines->data, lines->len));
    DONE(fk_transaction_read(lines->data, lines->len, &found, NULL));
    MUST(found.found_count == count && count <= FK_TXN_FOUND_MAX);
    for (size_t i = 0; i < found.found_count; i++) {
        const struct fk_txn_found *f = &found.found[i];
        bool stands = false;
        MUST(fuzz_is_utf8(f->value, strlen(f->value)));
        for (size_t p = 0; p < t->count; p++)
            stands |= f->offset + f->len <= t->part[p].text_len && f->len > 0;
        MUST(stands);
    }
    MUST(count == 0 || found.is_one);
    fk_transaction_free(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_txn_texts t = FK_TXN_TEXTS_INIT;
    struct fk_buf one = FK_BUF_INIT, two = FK_BUF_INIT;
    for (size_t at = 0; at < len;) {
        const uint8_t *end = memchr(data + at, 0xfe, len - at);
        const size_t n = end ? (size_t)(end - data) - at : len - at;
        const char *text = (const char *)data + at;
        if (n > 1) {
            fk_txn_texts__add(&t, (enum fk_txn_field)(data[at] % FK_TXN_FIELDS), "a/b.pdf",
                              data[at] & 64 ? 7 : 0, text + 1, n - 1);
            parsers_check(text + 1, n - 1);
        }
        at += n + 1;
    }
    MUST(t.bytes.len <= FK_TXN_ALL_BYTES + FK_TXN_PARTS * FK_TXN_TEXT_MAX);
    fk_txn_texts__find(&t, len & 1, INT64_C(1711933200000), &one);
    fk_txn_texts__find(&t, len & 1, INT64_C(1711933200000), &two);
    MUST(!one.failed && fuzz_same(one.data, one.len, two.data, two.len));
    lines_check(&t, &one);
    fk_txn_texts__free(&t);
    fk_buf_free(&one);
    fk_buf_free(&two);
    return 0;
}
