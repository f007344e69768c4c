/*
 * log_verify.h - a checkpoint held against the ledger, and the log's files against a checkpoint.
 *
 * A checkpoint from outside (a mail, a printed page, a witness, an old tape) says what the ledger's
 * first N entries were. Where they are others, the first entry that differs is named if the tiles
 * of DIR/log still give the checkpoint's root; otherwise all that can be said is that the two have
 * parted.
 *
 * Findings are told as lend.h's verify tells them: check "truncated" (the ledger is shorter),
 * "fork" (it is another one), "tile" (a file of the log is missing or changed), "note" (the
 * checkpoint is none, or its signature is wrong). FK_CORRUPT when there was one. Costs: all entries
 * up to the checkpoint's size are hashed. Threads: one.
 */
#ifndef FK_VAULT_LOG_VERIFY_H
#define FK_VAULT_LOG_VERIFY_H
#include "archiver/vault/lend.h"
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_log_compare(const char *dir, struct fk_lend *lend,
                                         const struct fk_checkpoint *c, fk_finding_fn finding,
                                         void *ctx, struct fk_err *err);
/* The newest checkpoint of DIR/log, its signature, every tile and every bundle; content when there
 * is no checkpoint yet. */
FK_CHECKED enum fk_status fk_log_verify(const char *dir, struct fk_lend *lend,
                                        fk_finding_fn finding, void *ctx, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
