/*
 * seed.h - the file of a key that signs: one line "FORMAT name=NAME seed=<64 hex>", mode 0600.
 *
 * FORMAT tells a log's key from a witness's, so that neither is taken for the other. The file is
 * the lock: who has it open by fk_seed_load is the only one who signs with it, until he closes it.
 *
 * Errors: FK_NOT_FOUND no such file; FK_DENIED others can read it; FK_RETRY another process signs
 * with it; FK_CORRUPT not of the form; FK_INVALID there is one already. Threads: any.
 */
#ifndef FK_VAULT_SEED_H
#define FK_VAULT_SEED_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Makes 32 random bytes and writes them down. */
FK_CHECKED enum fk_status fk_seed_make(const char *path, const char *format, const char *name,
                                       struct fk_err *err);
/* *lock_out is yours to close, also the signer to free; both only with FK_OK. */
FK_CHECKED enum fk_status fk_seed_load(const char *path, const char *format, enum fk_key_type type,
                                       int *lock_out, struct fk_signer **out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
