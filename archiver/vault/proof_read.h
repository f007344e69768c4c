/*
 * proof_read.h - a C2SP tlog-proof (c2sp.org/tlog-proof@v1) read and checked, as prover.h writes
 * it.
 *
 * Errors: FK_CORRUPT with what is wrong. Threads: any.
 */
#ifndef FK_VAULT_PROOF_READ_H
#define FK_VAULT_PROOF_READ_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_entry_proof {
    uint64_t index;
    struct fk_proof proof;
    const char *note; /* the checkpoint, borrowed from the text */
    size_t note_len;
};
FK_CHECKED enum fk_status fk_entry_proof_read(const void *text, size_t len,
                                              struct fk_entry_proof *out, struct fk_err *err);
/* That this line, with its LF, is the entry, under a checkpoint that v signed; which goes to out.
 */
FK_CHECKED enum fk_status fk_entry_proof_check(const struct fk_entry_proof *p, const void *line,
                                               size_t len, const struct fk_verifier *v,
                                               struct fk_checkpoint *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
