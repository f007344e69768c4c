/*
 * transactions_priv.h - transactions (transaction_record.h) as terms and values of a document, and
 * entries `fact what=transaction` as lines of it.
 *
 * Such an entry is taken as one of deliveries is (deliveries_priv.h): it waits with the others, and
 * its lines stand below each capture that it names, behind those of deliveries.
 *
 * Threads: one.
 */
#ifndef FK_INDEXER_TRANSACTIONS_PRIV_H
#define FK_INDEXER_TRANSACTIONS_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/fields.h"
#include "indexer/store/xapian_shim.h"

/* Lines of a message's own, appended to out; of those that were found as the counterparty, names
 * that are our own (NULL-terminated: companies, as people write them, and domains) get confidence
 * 0. */
FK_CHECKED enum fk_status fk_transactions__own_copy(const void *lines, size_t len,
                                                    char *const *own_companies, struct fk_buf *out,
                                                    struct fk_err *err);
bool fk_transactions__are_in(const struct fk_entry *e);
bool fk_transactions__is_line(const struct fk_field *f);
/* The entry's body as lines, appended; lines->failed tells. */
void fk_transactions__read(uint64_t entry, int64_t time_ms, const void *body, size_t len,
                           struct fk_buf *lines);
/* A document's data with these lines, which are of that entry, in the place of those that the
 * capture had of it before. Appended to out; out->failed tells. */
void fk_transactions__replace(const struct fk_buf *data, uint64_t capture, uint64_t entry,
                              const struct fk_buf *lines, struct fk_buf *out);
/* Puts the terms and values that follow from the data in the place of those that are there. */
FK_CHECKED enum fk_status fk_transactions__put(struct fk_xdoc *doc, const void *data, size_t len,
                                               struct fk_err *err);

#endif
