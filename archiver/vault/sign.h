/*
 * sign.h - how the log asks for signatures. The key is in a process of its own (sign_main.h), which
 * sees sizes, roots and proofs, never an entry, and signs nothing that does not continue what it
 * signed before (signet.h).
 *
 *     FK_TRY(fk_sign_attach(sock, &sign, err));            from serve; fk_sign_open for one command
 *     FK_TRY(fk_sign_head(sign, &head, err));              what was signed last
 *     FK_TRY(fk_sign_next(sign, &next, &proof, &note, err));    proof: head.size to next.size
 *
 * Errors: as signet.h; FK_RETRY the signer is away (fk_sign_reattach when there is one again).
 * Threads: a struct fk_sign belongs to one thread.
 */
#ifndef FK_VAULT_SIGN_H
#define FK_VAULT_SIGN_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_sign;

/* Starts a signer for the occasion. FK_RETRY: the server's has the key. */
FK_CHECKED enum fk_status fk_sign_open(const char *dir, struct fk_sign **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_sign_attach(int sock, struct fk_sign **out, struct fk_err *err);
void fk_sign_reattach(struct fk_sign *sign, int sock); /* takes the descriptor */
void fk_sign_close(struct fk_sign **sign);

struct fk_sign_head {
    struct fk_checkpoint checkpoint; /* size 0 and the empty root before the first */
    struct fk_verifier verifier;
};
FK_CHECKED enum fk_status fk_sign_head(struct fk_sign *sign, struct fk_sign_head *out,
                                       struct fk_err *err);
/* Appends the signed note over size and root. */
FK_CHECKED enum fk_status fk_sign_next(struct fk_sign *sign, uint64_t size, const fk_hash root,
                                       const struct fk_proof *proof, struct fk_buf *note,
                                       struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
