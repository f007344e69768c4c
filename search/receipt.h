/*
 * receipt.h - a search's receipt: what was asked, how it was understood, what was covered and what
 * was found, bound to the ledger. docs/format-receipt.md has every line.
 *
 *     struct fk_search_receipt receipt = FK_SEARCH_RECEIPT_INIT;
 *     options.receipt = &receipt;
 *     FK_TRY(fk_search_open(dir, keep, lend, &options, &search, &fault, err));
 *
 * Open makes the statement and puts its digest into the act's line. Who writes the file puts the
 * act's line and its proof behind it (cli/receipt.c). Reading trusts nothing: every field once, in
 * its order and of its form, else FK_INVALID with the line; what the fields say is held against the
 * ledger by who reads it (cli/rerun.c).
 *
 * Ownership: fk_search_receipt_free, fk_receipt_file_free. Threads: any.
 */
#ifndef FK_SEARCH_RECEIPT_H
#define FK_SEARCH_RECEIPT_H
#include "archiver/vault/fields.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_RECEIPT_MAX = 64 << 20, /* bytes of a file */
    FK_RECEIPT_HITS_MAX = 2000000,
    FK_RECEIPT_SPELLINGS_MAX = 8192 /* bytes of other spellings, about; then "and more" */
};

struct fk_search_receipt {
    uint64_t checkpoint_size; /* by the caller: of the log's newest, 0 where there is none */
    uint8_t checkpoint_root[FK_SHA256_BYTES];
    struct fk_buf statement;
    char digest[2 * FK_SHA256_BYTES + 1]; /* SHA-256 of it, hex */
};
#define FK_SEARCH_RECEIPT_INIT                                                                     \
    { .statement = FK_BUF_INIT }
void fk_search_receipt_free(struct fk_search_receipt *r);

/* Seqs in their order, "12-9,20,3-5": runs that go up or down by one. */
struct fk_receipt_list {
    uint64_t *at;
    size_t count, cap;
    bool failed;
};
void fk_receipt_list_add(struct fk_receipt_list *l, uint64_t seq);
void fk_receipt_list_format(const struct fk_receipt_list *l, struct fk_buf *out);
/* False where it is not such a list, or has a seq twice or too many. */
bool fk_receipt_list_parse(const char *text, size_t len, struct fk_receipt_list *out);
/* SHA-256 of each seq in decimal with an LF behind it. */
FK_CHECKED enum fk_status fk_receipt_list_digest(const struct fk_receipt_list *l,
                                                 char out[2 * FK_SHA256_BYTES + 1],
                                                 struct fk_err *err);
void fk_receipt_list_free(struct fk_receipt_list *l);

/* What a statement says. Text belongs to it. */
struct fk_receipt_file {
    struct fk_buf text;       /* of the whole file */
    size_t statement_len;     /* the statement is its beginning */
    size_t line_at, line_len; /* the act's line, with its LF */
    size_t proof_at;          /* to the end */
    char ledger[33];
    int64_t time_ms;
    struct fk_buf query, canonical, user, version; /* user: "" where there was none */
    struct fk_buf stood_for;                       /* its lines "expansion: ..." */
    bool has_user;
    int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX where open */
    int zone_minutes;
    uint64_t terms, head, mark, unread, documents, partial, partial_hits, partial_scope;
    uint64_t total, captures;
    uint64_t checkpoint_size; /* 0: there was none */
    uint8_t checkpoint_root[FK_SHA256_BYTES];
    struct fk_receipt_list hits; /* newest capture of each */
    struct fk_seqs hit_captures; /* all of theirs */
    struct fk_seqs hits_partly;  /* of the hits, those that are only partly searchable */
    struct fk_seqs missed;       /* newest captures of the partial_scope */
    char hits_digest[2 * FK_SHA256_BYTES + 1];
    char digest[2 * FK_SHA256_BYTES + 1]; /* of the statement, computed */
};
#define FK_RECEIPT_FILE_INIT                                                                       \
    { .text = FK_BUF_INIT }
/* Takes text's bytes over, also where it fails. */
FK_CHECKED enum fk_status fk_receipt_read(struct fk_buf *text, struct fk_receipt_file *out,
                                          struct fk_err *err);
void fk_receipt_file_free(struct fk_receipt_file *f);

#ifdef __cplusplus
}
#endif
#endif
