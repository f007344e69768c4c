/*
 * keep_mirror_priv.h - the mirror behind the committer's back: one thread copies, another one
 * answers who waits for it, so that a disk or host that hangs holds nobody longer than
 * FK_MIRROR_HANGS_MS.
 *
 *     fk_mirrorer_wake(m);               after each commit
 *     fk_mirrorer_wait(m, job, false);   instead of finishing it: finished once the mirror has it
 *
 * A mirror that fails is away: it is tried again every FK_MIRROR_AGAIN_MS, and what waits, or comes
 * to wait, is told so at once. DIR/run/mirror says how far it is (fk_mirror_state_read).
 *
 * Threads: any; `finished` is called from a thread of its own.
 */
#ifndef FK_VAULT_KEEP_MIRROR_PRIV_H
#define FK_VAULT_KEEP_MIRROR_PRIV_H
#include "archiver/vault/keep_work_priv.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_MIRROR_HANGS_MS = 30000, FK_MIRROR_AGAIN_MS = 10000 };

struct fk_mirrorer;
struct fk_mirrorer_options {
    const char *dir, *vault;
    void (*finished)(void *ctx,
                     struct fk_job *job);     /* receipt.status is FK_RETRY when it is away */
    void (*stepped)(void *ctx);               /* it may have become current, or gone away */
    void (*notice)(const struct fk_err *err); /* or NULL */
    void *ctx;
};
FK_CHECKED enum fk_status fk_mirrorer_new(struct fk_pen *pen,
                                          const struct fk_mirrorer_options *options,
                                          struct fk_mirrorer **out, struct fk_err *err);
/* Brings over what is durable, unless it is away, and ends. */
void fk_mirrorer_free(struct fk_mirrorer **m);
void fk_mirrorer_wake(struct fk_mirrorer *m);
/* tidy: until keys that were destroyed are destroyed there too. */
void fk_mirrorer_wait(struct fk_mirrorer *m, struct fk_job *job, bool tidy);
/* CURRENT: it has all, files and keys too, that was there when it was woken last. AWAY, with a
 * sentence: it failed when it was tried last, or has not come to an end for FK_MIRROR_HANGS_MS. */
enum fk_mirrorer_state { FK_MIRROR_CURRENT, FK_MIRROR_BEHIND, FK_MIRROR_AWAY };
enum fk_mirrorer_state fk_mirrorer_look(struct fk_mirrorer *m, struct fk_err *why);

#ifdef __cplusplus
}
#endif
#endif
