/*
 * witness.h - a witness of other machines' logs (C2SP tlog-witness): what it cosigned last of each,
 * and what it cosigns next.
 *
 *     DIR/witness-key    "fumikura-witness-key/1 name=NAME seed=<64 hex>", mode 0600
 *     DIR/vkey           its verifier key, to be given to those who configure it; never read here
 *     DIR/logs           a verifier key a line, "#" begins a comment: the logs that it knows
 *     DIR/heads/HEX      by SHA-256 of an origin: the checkpoint that was cosigned last, with the
 *                        log's signature and its own
 *
 * The memory is those files, read and replaced within each request, one request at a time. Its
 * invariants:
 *
 *   1. A cosignature leaves only after its checkpoint is durable in heads/, also one over the size
 *      that is there already: what is there may have been left by a write whose sync failed.
 *   2. A checkpoint replaces another only if a consistency proof shows that it continues it.
 *   3. Times in cosignatures never go back, whatever the clock does.
 *   4. A head that is not cosigned by its own key, or a DIR without heads/, is trouble, and not a
 *      log that was never seen.
 *
 *     FK_TRY(fk_witness_open(dir, &w, err));
 *     FK_TRY(fk_witness_add(w, body, len, &answer, err));
 *
 * Errors: those of seed.h; FK_CORRUPT a file of DIR is not of its form; FK_IO, FK_FULL the memory
 * could not be written, and nothing was cosigned. Threads: any.
 */
#ifndef FK_VAULT_WITNESS_H
#define FK_VAULT_WITNESS_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_witness;

/* Makes DIR with a key and without logs. FK_INVALID: it has a key already, or the name is none. */
FK_CHECKED enum fk_status fk_witness_init(const char *dir, const char *name, struct fk_err *err);
/* One at a time a DIR. */
FK_CHECKED enum fk_status fk_witness_open(const char *dir, struct fk_witness **out,
                                          struct fk_err *err);
void fk_witness_close(struct fk_witness **w);
const struct fk_verifier *fk_witness_verifier(const struct fk_witness *w); /* borrowed */

/* The answers that the specification has, by their HTTP status. */
enum fk_witness_verdict {
    FK_WITNESS_COSIGNED = 200,  /* text is the signature line */
    FK_WITNESS_MALFORMED = 400, /* text of this and the others is a sentence with its LF */
    FK_WITNESS_UNSIGNED = 403,
    FK_WITNESS_UNKNOWN = 404,
    FK_WITNESS_CONFLICT = 409, /* text is the size that was cosigned last, with its LF */
    FK_WITNESS_INCONSISTENT = 422
};
struct fk_witness_answer {
    enum fk_witness_verdict verdict;
    char origin[FK_NAME_MAX]; /* "" unless the checkpoint is one, signed by a log that is known */
    uint64_t size, known;     /* of the checkpoint, and what was cosigned last before it */
    bool has_parted;          /* it does not continue that: the log shows another past, or less */
    struct fk_buf text;       /* yours to free */
};
/* body is add-checkpoint's (addition.h). FK_OK: there is an answer, whatever it is. */
FK_CHECKED enum fk_status fk_witness_add(struct fk_witness *w, const void *body, size_t len,
                                         struct fk_witness_answer *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
