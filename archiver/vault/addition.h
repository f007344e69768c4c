/*
 * addition.h - what a log sends a witness: the body of C2SP tlog-witness's add-checkpoint.
 *
 *     old SIZE
 *     HASH in base64, at most 63 times    the consistency proof from SIZE
 *                                         an empty line
 *     ...                                 the checkpoint, a signed note
 *
 * Errors: FK_CORRUPT not of the form. The note itself is not looked at. Threads: any.
 */
#ifndef FK_VAULT_ADDITION_H
#define FK_VAULT_ADDITION_H
#include "archiver/vault/tree.h"
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_ADDITION_MAX = 81920 }; /* bytes: a note of 64 KiB, 63 hashes, one size */

struct fk_addition {
    uint64_t old;
    struct fk_proof proof;
    const char *note; /* borrowed */
    size_t note_len;
};
/* Appended. */
void fk_addition_format(const struct fk_addition *a, struct fk_buf *out);
/* out->note points into body. */
FK_CHECKED enum fk_status fk_addition_parse(const char *body, size_t len, struct fk_addition *out,
                                            struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
