/*
 * certificate.h - which copies of messages a disposal did not reach, and what became of them since.
 *
 * A bundle of keys that was made before the disposal opens each message that was there when it was
 * made; a package in the open has its messages whatever becomes of keys. Both are out until a fact
 * entry (what=destroyed, of=SEQ) says that they are no more. A tape has ciphertext and no key:
 * nothing is to be done about it. Copies that were destroyed before the disposal are not named,
 * nor are those made after it, which cannot have the messages.
 *
 *     fk_copies_each(roll, disposal->seq, &disposal->seqs, fn, ctx);
 *
 * Threads: any.
 */
#ifndef FK_RETENTION_CERTIFICATE_H
#define FK_RETENTION_CERTIFICATE_H
#include "retention/roll.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_copy_kind { FK_COPY_BUNDLE, FK_COPY_PACKAGE, FK_COPY_TAPE };
struct fk_copy {
    enum fk_copy_kind kind;
    uint64_t seq; /* of the entry that recorded it: its number */
    int64_t time_ms;
    uint64_t destroyed; /* the entry that says so; 0: still out (a tape: always) */
};
typedef void (*fk_copy_fn)(void *ctx, const struct fk_copy *copy);
/* Bundles, packages, tapes, each in order. entry: of the disposal; seqs: sorted, what it took. */
void fk_copies_each(const struct fk_roll *roll, uint64_t entry, const struct fk_seqs *seqs,
                    fk_copy_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
