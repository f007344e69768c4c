/*
 * signet.h - the log's signing key, and its memory of what it has signed.
 *
 * The signer sees sizes and roots, never an entry. It signs a head only if a consistency proof
 * shows that the last one it signed is a prefix of it, and remembers the new one durably before it
 * gives the signature out. So whoever restores yesterday's vault, or rewrites its past, gets no
 * signature over that (docs/decisions/0004).
 *
 *     secrets/log-key    "fumikura-log-key/1 name=ORIGIN seed=<64 hex>", mode 0600
 *     secrets/log-head   the last note that was signed; absent before the first
 *
 * ORIGIN is "fumikura/" and the ledger's id, of a restored vault with "/" and the time of the
 * restoration behind it: a verifier pins it together with the key.
 *
 *     FK_TRY(fk_signet_open(secrets_dir, &sign, err));
 *     head = fk_signet_head(sign);
 *     FK_TRY(fk_signet_next(sign, size, root, &proof, &note, err));       proof: head->size to size
 *
 * One process at a time has the key (flock on it): FK_RETRY for a second.
 *
 * Errors: FK_NOT_FOUND there is no key; FK_DENIED a smaller head, one that is not consistent, or a
 * key that others can read; FK_CORRUPT a secret that is not of the form; FK_FULL, FK_IO the head
 * could not be remembered, so nothing was signed. Threads: one at a time.
 */
#ifndef FK_VAULT_SIGNET_H
#define FK_VAULT_SIGNET_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_signet;

/* "fumikura/LEDGER/20261124T010203Z", for a log that begins anew. */
enum { FK_ORIGIN_SIZE = 80 };
void fk_signet_origin(char out[FK_ORIGIN_SIZE], const char *ledger);
/* Makes the key of a new log; FK_INVALID when there is one. */
FK_CHECKED enum fk_status fk_signet_init(const char *secrets_dir, const char *origin,
                                         struct fk_err *err);
/* Puts the key and what it signed aside, as log-key.TIME and log-head.TIME, and makes a new key. */
FK_CHECKED enum fk_status fk_signet_renew(const char *secrets_dir, const char *origin,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_signet_open(const char *secrets_dir, struct fk_signet **out,
                                         struct fk_err *err);
void fk_signet_close(struct fk_signet **sign);

/* Borrowed: what was signed last (size 0 and the empty root before the first), and the key. */
const struct fk_checkpoint *fk_signet_head(const struct fk_signet *sign);
const struct fk_verifier *fk_signet_verifier(const struct fk_signet *sign);
/* Appends the note. The same head again is signed again: silence would be an alarm. */
FK_CHECKED enum fk_status fk_signet_next(struct fk_signet *sign, uint64_t size, const fk_hash root,
                                         const struct fk_proof *proof, struct fk_buf *note,
                                         struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
