/*
 * witnessing.h - a log's side of C2SP tlog-witness: asks a witness on another machine to cosign the
 * newest checkpoint, and publishes what comes back.
 *
 *     FK_TRY(fk_witnessing_parse(text, len, &w, err));         "URL KEY", as in the configuration
 *     FK_TRY(fk_witnessing_ask(dir, &w, err));                 when fk_witnessing_is_due
 *     fk_witnessing_note(dir, &w, &c, &note, &when, err);      the newest that it cosigned
 *
 * It reads log/, which is public, and has neither vault nor key. What the witness answers is
 * believed only as far as its signature goes; what it says it has seen is told to people as its
 * word.
 *
 * Errors: FK_RETRY the witness is away or busy; FK_DENIED it has seen another past of this log, or
 * more of it (docs/evidence.md says what to do); FK_INVALID it does not know the log, or answers
 * what is no cosignature by its key; FK_NOT_FOUND no checkpoint yet. Threads: one.
 */
#ifndef FK_VAULT_WITNESSING_H
#define FK_VAULT_WITNESSING_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_WITNESSES_MAX = 8, FK_WITNESS_URL_MAX = 512, FK_WITNESS_SECONDS = 10 };

struct fk_witnessing {
    char url[FK_WITNESS_URL_MAX]; /* the submission prefix */
    struct fk_verifier key;
    uint64_t known; /* entries of the last checkpoint that it is known to have cosigned */
};
FK_CHECKED enum fk_status fk_witnessing_parse(const char *text, size_t len,
                                              struct fk_witnessing *out, struct fk_err *err);

/* Whether the newest checkpoint is still without its cosignature. */
FK_CHECKED enum fk_status fk_witnessing_is_due(const char *dir, const struct fk_witnessing *w,
                                               bool *out, struct fk_err *err);
/* One round, FK_WITNESS_SECONDS at most for each of at most two requests. FK_OK: the cosignature is
 * in log/checkpoint, unless a newer one stands there by now, and in log/cosigned.ID. */
FK_CHECKED enum fk_status fk_witnessing_ask(const char *dir, struct fk_witnessing *w,
                                            struct fk_err *err);
/* log/cosigned.ID, the log's signature and the witness's checked; appended to note, of which
 * nothing counts on failure. */
FK_CHECKED enum fk_status fk_witnessing_note(const char *dir, const struct fk_witnessing *w,
                                             struct fk_checkpoint *out, struct fk_buf *note,
                                             int64_t *time_s_out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
