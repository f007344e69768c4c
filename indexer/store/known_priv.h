/*
 * known_priv.h - which messages an index has already, by the SHA-256 of their bytes: those of its
 * shards, and those of the batch that is being put.
 *
 *     FK_TRY(fk_known__find(&k, place, list, writer, key, read, &found, err));
 *     if (found.doc) ... found.docid, found.is_in_batch ...
 *     fk_known__found_free(&found);                       before the next that changes the index
 *     FK_TRY(fk_known__add(&k, key, docid, err));         into the batch
 *     fk_known__batch_end(&k);                            it is committed, or dropped
 *     fk_known__changed(&k);                              shards came, went, or were written to
 *
 * A look-up costs one in each shard. Errors: those of the shim. Threads: one.
 */
#ifndef FK_INDEXER_KNOWN_PRIV_H
#define FK_INDEXER_KNOWN_PRIV_H
#include "base/digest.h"
#include "indexer/store/place_priv.h"
#include "indexer/store/xapian_shim.h"

struct fk_known {
    struct fk_xreader *reader; /* NULL: to be opened */
    struct fk_known_entry {
        uint8_t key[FK_SHA256_BYTES];
        uint32_t docid;
    } * batch;
    size_t count, cap;
};
struct fk_known_found {
    struct fk_xdoc *doc; /* NULL: the index has no such message */
    uint32_t docid;
    bool is_in_batch;
};

/* read: as in struct fk_answer; a document with another, or none, is not found. */
FK_CHECKED enum fk_status fk_known__find(struct fk_known *k, const struct fk_place *place,
                                         const struct fk_shards *list, struct fk_xwriter *writer,
                                         const uint8_t key[FK_SHA256_BYTES], const char *read,
                                         struct fk_known_found *out, struct fk_err *err);
void fk_known__found_free(struct fk_known_found *found);
/* The reader over the list; borrowed until fk_known__changed. */
FK_CHECKED enum fk_status fk_known__reader(struct fk_known *k, const struct fk_place *place,
                                           const struct fk_shards *list, struct fk_xreader **out,
                                           struct fk_err *err);
FK_CHECKED enum fk_status fk_known__add(struct fk_known *k, const uint8_t key[FK_SHA256_BYTES],
                                        uint32_t docid, struct fk_err *err);
void fk_known__batch_end(struct fk_known *k);
void fk_known__changed(struct fk_known *k);
void fk_known__free(struct fk_known *k);

#endif
