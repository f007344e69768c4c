/*
 * keep_seal_priv.h - sealing behind the committer's back: its slow part runs on a thread of its
 * own.
 *
 *     fk_sealer_step(sealer, &number, err)     by the committer, whenever fk_sealer_is_busy says
 * no: FK_OK         a segment is being sealed; `told` is called when the next step is due
 *         FK_NOT_FOUND  all that was closed is sealed
 *         other         it failed; the segment stays closed until somebody steps again
 *
 * Threads: all but `told` by the committer.
 */
#ifndef FK_VAULT_KEEP_SEAL_PRIV_H
#define FK_VAULT_KEEP_SEAL_PRIV_H
#include "archiver/vault/pen.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_sealer;
/* bytes_per_s as in struct fk_pace. */
FK_CHECKED enum fk_status fk_sealer_new(struct fk_pen *pen, uint64_t bytes_per_s,
                                        void (*told)(void *ctx), void *ctx, struct fk_sealer **out,
                                        struct fk_err *err);
/* Gives up what is running. */
void fk_sealer_free(struct fk_sealer **sealer);
/* Somebody waits, or no longer does: then the rate counts again. */
void fk_sealer_hurry(struct fk_sealer *sealer, bool hurry);
bool fk_sealer_is_busy(struct fk_sealer *sealer);
/* Something has run and is to be ended by a step. */
bool fk_sealer_is_due(struct fk_sealer *sealer);
/* number_out: of a segment that this step found sealed; untouched otherwise. */
FK_CHECKED enum fk_status fk_sealer_step(struct fk_sealer *sealer, uint64_t *number_out,
                                         struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
