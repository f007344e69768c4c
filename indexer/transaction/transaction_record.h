/*
 * transaction_record.h - what a document's data (index.h) has of the transaction that a message is
 * about: an order, invoice, receipt, quotation, contract or delivery, with its day, its amount, the
 * other party and the number of the document; as it was found in the message, and as people
 * corrected it later.
 *
 *     struct fk_transaction t = FK_TRANSACTION_INIT;
 *     FK_TRY(fk_transaction_read(data, len, &t, err));
 *     if (t.is_one) ... t.now[FK_TXN_AMOUNT].value ...     "1234567 JPY included", NULL for none
 * done:
 *     fk_transaction_free(&t);
 *
 * Before all captures stand, one line for each thing that was found (at most FK_TXN_FOUND_MAX)
 *
 *     txn: ITEM %09 VALUE %09 CONFIDENCE %09 FIELD %09 OFFSET %09 LENGTH %09 RULE %09 PATH %09 TEXT
 *     txn-left-out: COUNT                 over that, or not looked at (a text over its limit)
 *
 * ITEM: kind, date, amount, counterparty, number. FIELD: subject, body, attachment, file, from, and
 * for an attachment PATH. OFFSET and LENGTH are bytes of that text, decoded as UTF-8; TEXT is what
 * stands there. RULE: what the confidence (0 to 100) comes from (docs/transactions.md). And below
 * the captures that an entry `fact what=transaction` names, one line for each item of it
 *
 *     correction: ENTRY %09 TIME %09 PERSON %09 ITEM %09 WAS %09 NOW %09 REASON
 *
 * NOW is the value, "-" for none, or "=" for what was found. The newest entry counts.
 *
 * Values: kind one of fk_txn_kinds; date 2024-04-01; amount as amount.h has it; the others text.
 * Ownership: all text belongs to the struct. Errors: FK_NOMEM. A line of another form is passed
 * over. Threads: any.
 */
#ifndef FK_INDEXER_TRANSACTION_RECORD_H
#define FK_INDEXER_TRANSACTION_RECORD_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_txn_item {
    FK_TXN_KIND,
    FK_TXN_DATE,
    FK_TXN_AMOUNT,
    FK_TXN_COUNTERPARTY,
    FK_TXN_NUMBER,
    FK_TXN_ITEMS
};
extern const char *const fk_txn_items[FK_TXN_ITEMS]; /* "kind", "date", ... */
/* "invoice", "order", "receipt", "quotation", "contract", "delivery"; and in Japanese. */
enum { FK_TXN_KINDS = 6 };
extern const char *const fk_txn_kinds[FK_TXN_KINDS], *const fk_txn_kinds_ja[FK_TXN_KINDS];
/* Its place in the lists above, by either name or another that people use; -1 for none. */
int fk_txn_kind_of(const char *word);

enum { FK_TXN_FOUND_MAX = 64, FK_TXN_TEXT_MAX = 300 };

struct fk_txn_found {
    enum fk_txn_item item;
    const char *value, *field, *rule, *path, *text;
    unsigned confidence;
    uint64_t offset, len;
};
struct fk_txn_change {
    uint64_t entry;
    enum fk_txn_item item;
    const char *time, *person, *was, *now, *reason;
};
struct fk_txn_value {
    const char *value; /* NULL: none */
    unsigned confidence;
    bool is_corrected;               /* by a person: confidence is 100 */
    const struct fk_txn_found *from; /* NULL where it is corrected */
};
struct fk_transaction {
    bool is_one; /* something was found, or set */
    struct fk_txn_value now[FK_TXN_ITEMS];
    struct fk_txn_found *found; /* by item, the best first */
    size_t found_count;
    struct fk_txn_change *changes; /* by entry */
    size_t change_count;
    uint64_t left_out;
    struct fk_arena *arena;
};
#define FK_TRANSACTION_INIT                                                                        \
    { .found = NULL }

FK_CHECKED enum fk_status fk_transaction_read(const void *data, size_t len,
                                              struct fk_transaction *out, struct fk_err *err);
void fk_transaction_free(struct fk_transaction *t);

/* Is it a value of that item, in the form above? */
bool fk_txn_is_value(enum fk_txn_item item, const char *value);
/* 20240401 of such a date. */
uint32_t fk_txn_date_number(const char *value);

/* Numbers in the order of their bytes, for value slots and terms: of amounts the sign is counted
 * away. */
uint64_t fk_txn_amount_rank(int64_t hundredths);
enum { FK_TXN_AMOUNT_DIGITS = 19, FK_TXN_DATE_DIGITS = 8 };
/* The number of a document as it is compared: letters, digits and kanji, folded. Appended. */
FK_CHECKED enum fk_status fk_txn_number_normal(const char *number, size_t len, struct fk_buf *out,
                                               struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
