/*
 * transaction_find_priv.h - what an order, invoice, receipt, quotation, contract or delivery note
 * says of itself, looked for in the texts of a message. Runs in the box only (sink_terms.c).
 *
 *     struct fk_txn_texts texts = FK_TXN_TEXTS_INIT;
 *     fk_txn_texts__add(&texts, FK_TXN_IN_BODY, "", 0, text, len);  as the reading goes on
 *     fk_txn_texts__find(&texts, has_date, date_ms, &lines);     lines of transaction_record.h
 *     fk_txn_texts__free(&texts);
 *
 * Texts are kept until the end, since what the message is may stand in the last of them: of each
 * FK_TXN_PART_BYTES, of all FK_TXN_ALL_BYTES and FK_TXN_PARTS of them; what is not looked at is
 * counted in the lines, where there is a transaction. Nothing is appended where it is none.
 *
 * Ownership: texts are copied. lines->failed tells of no memory. Threads: one at a time.
 */
#ifndef FK_INDEXER_TRANSACTION_FIND_PRIV_H
#define FK_INDEXER_TRANSACTION_FIND_PRIV_H
#include "base/buf.h"
#include "indexer/transaction/transaction_record.h"

enum fk_txn_field {
    FK_TXN_IN_SUBJECT,
    FK_TXN_IN_BODY,
    FK_TXN_IN_ATTACHMENT, /* its text; path says which */
    FK_TXN_IN_FILE,       /* its name */
    FK_TXN_IN_FROM,       /* "Name <address>" */
    FK_TXN_IN_TO,
    FK_TXN_FIELDS
};
enum { FK_TXN_PART_BYTES = 256 << 10, FK_TXN_ALL_BYTES = 2 << 20, FK_TXN_PARTS = 64 };

struct fk_txn_part {
    enum fk_txn_field field;
    size_t path, path_len, text, text_len; /* in bytes */
};
struct fk_txn_texts {
    struct fk_txn_part part[FK_TXN_PARTS];
    size_t count;
    struct fk_buf bytes;
    uint64_t left_out; /* texts that were cut or not taken */
};
#define FK_TXN_TEXTS_INIT                                                                          \
    { .bytes = FK_BUF_INIT }

void fk_txn_texts__add(struct fk_txn_texts *t, enum fk_txn_field field, const char *path,
                       size_t path_len, const char *text, size_t len);
/* date_ms: of the message, for days without a year. */
void fk_txn_texts__find(const struct fk_txn_texts *t, bool has_date, int64_t date_ms,
                        struct fk_buf *lines);
void fk_txn_texts__free(struct fk_txn_texts *t);

/* ---- between the files of the finder */

/* A word that says what follows it. */
struct fk_txn_label {
    const char *word;
    enum fk_txn_item item;
    int weight; /* confidence of what follows directly */
};
/* Whether a label, or a word for a kind, may begin with this character (glyph_priv.h). */
bool fk_txn_label__may_begin(uint32_t c);
bool fk_txn_kind__may_begin(uint32_t c);
/* The longest label at `at`, and its end; NULL for none. */
const struct fk_txn_label *fk_txn_label__at(const char *text, size_t len, size_t at, size_t *end);
/* May what begins at `to` belong to a label that ended at `from`? */
bool fk_txn_label__reaches(const char *text, size_t len, size_t from, size_t to);
/* Words for what a message is: the kind and how much that says in a subject or file name, and in
 * a text; -1 for none. */
int fk_txn_kind__at(const char *text, size_t len, size_t at, size_t *end, int *in_subject,
                    int *in_text);

enum { FK_TXN_CANDIDATES = 512, FK_TXN_RULE = 64 };
struct fk_txn_candidate {
    enum fk_txn_item item;
    int confidence;
    const struct fk_txn_part *part;
    size_t begin, end; /* in the part's text */
    char rule[FK_TXN_RULE];
    char value[FK_TXN_TEXT_MAX + 1];
};
struct fk_txn_search {
    const struct fk_txn_texts *texts;
    bool has_date;
    int64_t date_ms;
    struct fk_txn_candidate *at;
    size_t count;
    uint64_t left_out;
};
/* The same value once, with its best reason. */
void fk_txn_candidate__add(struct fk_txn_search *s, const struct fk_txn_candidate *c);
void fk_txn_scan__kinds(struct fk_txn_search *s, const struct fk_txn_part *part);
void fk_txn_scan__figures(struct fk_txn_search *s, const struct fk_txn_part *part);
void fk_txn_scan__companies(struct fk_txn_search *s, const struct fk_txn_part *part);

static inline const char *fk_txn_text(const struct fk_txn_search *s, const struct fk_txn_part *p) {
    return (const char *)s->texts->bytes.data + p->text;
}

#endif
