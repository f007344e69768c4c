/*
 * matches.h - all that matches a query, newest first, in one pass: for lists that are kept and for
 * groups, where pages would ask the same again and again.
 *
 *     struct fk_matches all = FK_MATCHES_INIT;
 *     FK_TRY(fk_matches_read(reader, query, &gone, FK_SLOT_CONVERSATION, &all, err));
 *     ... all.at[0 .. all.count): by time of receipt, then by docid, the greatest first ...
 *     fk_matches_free(&all);
 *
 * 24 bytes a match. Errors: FK_NOMEM, FK_INVALID over FK_MATCHES_MAX, what the index gives.
 * Threads: one.
 */
#ifndef FK_SEARCH_MATCHES_H
#define FK_SEARCH_MATCHES_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#include "indexer/store/xapian_shim.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_MATCHES_MAX = 2000000 };

struct fk_match {
    int64_t received_ms;
    uint64_t key; /* of the slot, 8 bytes of it; 0: it has none */
    uint32_t docid;
    uint32_t others; /* of its group (collapse.h) */
};
struct fk_matches {
    struct fk_match *at;
    size_t count, cap;
};
#define FK_MATCHES_INIT                                                                            \
    { NULL, 0, 0 }

/* gone: docids that are as if they were not there, sorted. */
FK_CHECKED enum fk_status fk_matches_read(struct fk_xreader *reader, const struct fk_xquery *query,
                                          const struct fk_seqs *gone, unsigned key_slot,
                                          struct fk_matches *out, struct fk_err *err);
void fk_matches_free(struct fk_matches *m);

#ifdef __cplusplus
}
#endif
#endif
