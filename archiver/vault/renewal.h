/*
 * renewal.h - old time stamps vouched for anew, before certificates or algorithms age.
 *
 *     time/renewal-N.sha512      what is vouched for, in the form of `sha512sum -c`, run in
 * DIR/time: every file of earlier stamps and renewals; with all, every full tile and bundle of
 * entries (../log/tile/...) too time/renewal-N.tsq, .tsr, .crl   the stamp over that list
 * (stamps.h) time/renewal-N.checkpoint, .entries   with all: the newest checkpoint, and the lines
 * under it that are in no full bundle. Full tiles never change, partial ones go
 *
 * All is for the day SHA-256 ages: entries bind contents by SHA-512 too. Anchored as a stamp is;
 * size is that of the largest checkpoint listed. N counts from 1.
 *
 * A renewal is due when the chain of a stamp that no list has ends within a given time and a newer
 * stamp has a chain that ends later: before the authority has another certificate nothing would be
 * gained. Errors: as stamps.h. Threads: one.
 */
#ifndef FK_VAULT_RENEWAL_H
#define FK_VAULT_RENEWAL_H
#include "archiver/vault/stamps.h"
#ifdef __cplusplus
extern "C" {
#endif

/* FK_NOT_FOUND: there is nothing to renew. */
FK_CHECKED enum fk_status fk_renewal_make(const struct fk_stamping *s, bool all,
                                          struct fk_stamp_made *out, struct fk_err *err);

/* What the files in DIR/time say of themselves: nothing is verified. Milliseconds since 1970. */
struct fk_renewal_state {
    char first[FK_STAMP_NAME_MAX]; /* of those in no list, the one that ends first; "" for none */
    int64_t first_ends_ms, newest_ends_ms; /* 0: unknown */
    unsigned renewals;
    int64_t renewed_ms; /* time of the newest; 0 for none */
};
FK_CHECKED enum fk_status fk_renewal_look(const char *dir, struct fk_renewal_state *out,
                                          struct fk_err *err);
bool fk_renewal_is_due(const struct fk_renewal_state *state, int64_t before_ms);

#ifdef __cplusplus
}
#endif
#endif
