/*
 * logbook.h - DIR/log as it grows: the ledger's lines as tiles (tiles.h), and the newest
 * checkpoint.
 *
 *     log/checkpoint     the newest signed note, and below it the cosignatures that came since
 *     log/cosigned.ID    the newest that a witness cosigned, by its key id
 *     log/vkey, key.pem  the log's public key: for convenience; a verifier has it from elsewhere
 *     log/tile/...
 *
 * One at a time a vault (flock on log/lock). Each advance asks the desk for a head that is on the
 * disk, adds the lines up to it, makes the tiles durable, gets the signature, and only then
 * replaces the checkpoint and removes the partial tiles that it replaces. A crash anywhere leaves
 * the last checkpoint with its tiles. Its cost is that of the new lines and the tree's height.
 *
 * Where it stands is what the signer signed last. The chain (prev=) of the next line must hold to
 * the last line in the tiles, so a ledger that was put back from a backup and has grown again is
 * told from the one that was signed. Tiles that are missing or damaged are made anew from the
 * ledger; the signer then sees whether they are those it signed.
 *
 * Errors: FK_DENIED the ledger is shorter than what was signed, or is another one (docs/evidence.md
 * says what to do); FK_RETRY the desk or the signer is away, or another process has the log;
 * FK_FULL, FK_IO. After any of them the logbook is to be opened anew. Threads: one.
 */
#ifndef FK_VAULT_LOGBOOK_H
#define FK_VAULT_LOGBOOK_H
#include "archiver/vault/lend.h"
#include "archiver/vault/sign.h"
#include "archiver/vault/tree.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_logbook;
/* lend and sign stay the caller's. notice, which may be NULL, hears of tiles that are made anew. */
FK_CHECKED enum fk_status fk_logbook_open(const char *dir, struct fk_lend *lend,
                                          struct fk_sign *sign,
                                          void (*notice)(const struct fk_err *err),
                                          struct fk_logbook **out, struct fk_err *err);
void fk_logbook_close(struct fk_logbook **log);
/* Entries that the last checkpoint covers. */
uint64_t fk_logbook_size(const struct fk_logbook *log);
/* A checkpoint over all that is in the ledger now; the same size again is signed again. */
FK_CHECKED enum fk_status fk_logbook_advance(struct fk_logbook *log, struct fk_err *err);

/* Adds a witness's line, which has been checked, to its checkpoint: to log/checkpoint where that is
 * still the one over c, and to a copy of it or, where it is not, of note as log/cosigned.ID. Any
 * process may; whoever replaces log/checkpoint does so under a lock of its own, log/publish. */
FK_CHECKED enum fk_status fk_logbook_cosigned(const char *dir, const struct fk_checkpoint *c,
                                              const struct fk_buf *note,
                                              const struct fk_verifier *witness,
                                              const struct fk_buf *line, struct fk_err *err);

/* The checkpoint in a file, its signature checked; its note appended to note (may be NULL). */
FK_CHECKED enum fk_status fk_logbook_read(const char *path, const struct fk_verifier *v,
                                          struct fk_checkpoint *out, struct fk_buf *note,
                                          struct fk_err *err);
/* For readers: the newest checkpoint, its note appended to note (may be NULL), its signature
 * checked against log/vkey, or v where given. FK_NOT_FOUND: none yet. */
FK_CHECKED enum fk_status fk_logbook_newest(const char *dir, const struct fk_verifier *v,
                                            struct fk_checkpoint *out, struct fk_buf *note,
                                            struct fk_err *err);
/* What the signer remembers having signed last, read from its file. FK_NOT_FOUND: nothing yet. */
FK_CHECKED enum fk_status fk_logbook_signed(const char *dir, struct fk_checkpoint *out,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_logbook_verifier(const char *dir, struct fk_verifier *out,
                                              struct fk_err *err);
/* That the first old entries are a prefix of those under c. FK_INVALID: there are fewer. */
FK_CHECKED enum fk_status fk_logbook_consistency(const char *dir, uint64_t old,
                                                 const struct fk_checkpoint *c,
                                                 struct fk_proof *out, struct fk_err *err);
/* A c2sp.org/tlog-proof@v1 of one entry under a checkpoint, appended. */
FK_CHECKED enum fk_status fk_logbook_proof(const char *dir, uint64_t seq,
                                           const struct fk_checkpoint *c, const struct fk_buf *note,
                                           struct fk_buf *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
