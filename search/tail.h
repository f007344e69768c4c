/*
 * tail.h - what the ledger says beyond the index's mark: messages not yet searched, and messages
 * that are disposed of but not yet forgotten.
 *
 * Errors: those of lend. Ownership: disposed is the caller's, free with fk_seqs_free. Threads: as
 * lend.
 */
#ifndef FK_SEARCH_TAIL_H
#define FK_SEARCH_TAIL_H
#include "archiver/vault/fields.h"
#include "archiver/vault/lend.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_tail {
    uint64_t head, mails;
    struct fk_seqs disposed; /* sorted */
};
FK_CHECKED enum fk_status fk_tail_read(struct fk_lend *lend, uint64_t mark, struct fk_tail *out,
                                       struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
