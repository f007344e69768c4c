/*
 * deliveries_priv.h - what a mail server's log says became of messages (entries `fact
 * what=delivery`, later than the message), in the documents of those messages.
 *
 * Below the line of the capture that it is of, behind its verdicts (verdicts_priv.h), a document's
 * data has for each delivery
 *
 *     delivery: ENTRY STATUS DSN TIME RELAY RECIPIENT      ENTRY: the seq of the fact
 *     delivery-left-out: ENTRY COUNT                       over FK_FACTS_MAX bytes of an entry
 *
 * without the words of the reply, which stay in the vault. Terms are FK_P_DELIVERY and what
 * delivery_term.h says: a status where it is the newest word on a recipient, by all captures;
 * recipients, codes and hosts of every line; and "log". So it stays with its capture, and goes with
 * it, as verdicts do.
 *
 * Facts come by the thousand, one a message: they are collected, and put all at once.
 *
 * Ownership: fk_told__free. Threads: one.
 */
#ifndef FK_INDEXER_DELIVERIES_PRIV_H
#define FK_INDEXER_DELIVERIES_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/fields.h"
#include "archiver/vault/lend.h"
#include "indexer/store/known_priv.h"
#include "indexer/store/place_priv.h"
#include "indexer/store/xapian_shim.h"

/* Facts that wait, by entry. */
struct fk_told_one {
    uint64_t entry, of;
    int64_t time_ms;        /* of the entry */
    bool is_of_transaction; /* a correction (transactions_priv.h), which comes by this way too */
};
struct fk_told {
    struct fk_told_one *at;
    size_t count, cap;
};
/* one: as those of all captures that it is of. */
FK_CHECKED enum fk_status fk_told__add(struct fk_told *t, const struct fk_told_one *one,
                                       const struct fk_seqs *of, struct fk_err *err);
void fk_told__free(struct fk_told *t);

bool fk_deliveries__are_in(const struct fk_entry *e);
bool fk_deliveries__is_line(const struct fk_field *f);
/* A document's data with these lines, which are of that entry, in the place of those that the
 * capture had of it before. Appended to out; out->failed tells. */
void fk_deliveries__replace(const struct fk_buf *data, uint64_t capture, uint64_t entry,
                            const struct fk_buf *lines, struct fk_buf *out);
/* Single terms of delivery_term.h; status NULL for none. What is no address with an @ inside gives
 * none, nor does a host that has no point in it. */
FK_CHECKED enum fk_status fk_deliveries__word(struct fk_xdoc *doc, const char *prefix,
                                              const char *word, struct fk_err *err);
FK_CHECKED enum fk_status fk_deliveries__recipient(struct fk_xdoc *doc, const char *prefix,
                                                   const char *status, const char *address,
                                                   struct fk_err *err);
FK_CHECKED enum fk_status fk_deliveries__host(struct fk_xdoc *doc, const char *prefix,
                                              const char *host, struct fk_err *err);
/* The terms of all captures in a document's data. */
FK_CHECKED enum fk_status fk_deliveries__terms(struct fk_xdoc *doc, const void *data, size_t len,
                                               struct fk_err *err);
/* Puts the facts into the documents that have the captures they are about, which are in the shards.
 * Doing it again changes nothing. */
FK_CHECKED enum fk_status fk_deliveries__put(const struct fk_place *place, struct fk_shards *list,
                                             struct fk_known *known, struct fk_lend *lend,
                                             const struct fk_told *told, struct fk_err *err);

#endif
