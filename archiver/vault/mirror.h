/*
 * mirror.h - a second directory that has what a vault has (docs/mirror.md, docs/format-mirror.md).
 *
 *     FK_TRY(fk_mirror_init(dir, vault_dir, err));       once
 *     FK_TRY(fk_mirror_open(dir, &source, &m, err));     the pen's process; again after a failure
 *     FK_TRY(fk_mirror_step(m, &next, &more, err));      again and again, while there is more
 *     FK_TRY(fk_mirror_tidy(m, &more, err));             in between, while there is more
 *     fk_mirror_close(&m);
 *
 * A step brings over all entries and contents that were durable in the vault when it began. Tidying
 * follows changes of files: sealed segments take the place of rows, and keys that do not count any
 * more are destroyed. After a failure the mirror is closed and opened anew: what it has is read
 * from its disk again then.
 *
 * Errors: FK_NOT_FOUND no mirror there (its disk is not mounted, most likely); FK_INVALID of
 * another vault; FK_CORRUPT it has entries that the vault has not, or others: it is never written
 * to then; FK_RETRY another process writes it; FK_FULL, FK_IO. Threads: one.
 */
#ifndef FK_VAULT_MIRROR_H
#define FK_VAULT_MIRROR_H
#include "archiver/vault/lend.h"
#include "archiver/vault/slice.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Where it comes from: the functions are those of pen.h. */
struct fk_mirror_source {
    const char *dir; /* the vault */
    enum fk_status (*slice)(void *ctx, const struct fk_mark *from, struct fk_slice *out,
                            struct fk_err *err);
    enum fk_status (*digest)(void *ctx, uint64_t seq, uint8_t out[FK_SHA256_BYTES],
                             struct fk_err *err);
    void *ctx;
};
struct fk_mirror;

/* Makes the directory where it is missing, and the marker in it. FK_INVALID: something else is in
 * it. Content where it is a mirror of that vault already. */
FK_CHECKED enum fk_status fk_mirror_init(const char *dir, const char *vault_dir,
                                         struct fk_err *err);
FK_CHECKED enum fk_status fk_mirror_open(const char *dir, const struct fk_mirror_source *source,
                                         struct fk_mirror **out, struct fk_err *err);
void fk_mirror_close(struct fk_mirror **m);
/* A part of it. *more false: nothing is left. next_out: entries before it are in the mirror; set on
 * failure too. */
FK_CHECKED enum fk_status fk_mirror_step(struct fk_mirror *m, uint64_t *next_out, bool *more,
                                         struct fk_err *err);
/* A part of it, some ten milliseconds of writing; *more false: files were as the last step saw
 * them. */
FK_CHECKED enum fk_status fk_mirror_tidy(struct fk_mirror *m, bool *more, struct fk_err *err);

/* Whether the mirror could heal the vault: its sealed files against their seal entries, every slice
 * of its rows, its key files against the vault's. Reads only; beside a server too, where what is
 * brought over in that moment may be told as missing. *out is set on FK_CORRUPT too: there were
 * findings. */
struct fk_mirror_verified {
    uint64_t sealed, rows, keys, findings; /* files that were read */
};
FK_CHECKED enum fk_status fk_mirror_verify(const char *dir, const char *vault_dir,
                                           struct fk_lend *lend, fk_finding_fn finding, void *ctx,
                                           struct fk_mirror_verified *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
