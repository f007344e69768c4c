/*
 * prover.h - proofs out of DIR/log under one checkpoint, as the files that others check: for who
 * hands over many of them. fk_logbook_proof is one of these alone.
 *
 *     FK_TRY(fk_prover_open(dir, &checkpoint, &note, &prover, err));
 *     FK_TRY(fk_prover_entry(prover, seq, &text, err));
 *     fk_prover_close(&prover);
 *
 * Errors: FK_CORRUPT names the tile that is not what the checkpoint proves; FK_INVALID the
 * checkpoint does not cover it. Ownership: note stays the caller's, as long as the prover is open.
 * Threads: one.
 */
#ifndef FK_VAULT_PROVER_H
#define FK_VAULT_PROVER_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_prover;
FK_CHECKED enum fk_status fk_prover_open(const char *dir, const struct fk_checkpoint *c,
                                         const struct fk_buf *note, struct fk_prover **out,
                                         struct fk_err *err);
/* A c2sp.org/tlog-proof@v1 that the entry is in the tree, appended. */
FK_CHECKED enum fk_status fk_prover_entry(struct fk_prover *p, uint64_t seq, struct fk_buf *out,
                                          struct fk_err *err);
/* That the tree over `old` entries is how this one began, as C2SP tlog-witness has it (addition.h),
 * appended. */
FK_CHECKED enum fk_status fk_prover_since(struct fk_prover *p, uint64_t old, struct fk_buf *out,
                                          struct fk_err *err);
void fk_prover_close(struct fk_prover **prover);

#ifdef __cplusplus
}
#endif
#endif
