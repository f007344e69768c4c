/*
 * catalogue.h - the sets and packages that the ledger knows: what its export entries say.
 *
 * Ownership: a catalogue owns its array. Errors: lend.h's. Threads: one.
 */
#ifndef FK_TAPE_CATALOGUE_H
#define FK_TAPE_CATALOGUE_H
#include "tape-export/tape.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_catalogue {
    struct fk_tape_set *at; /* where, person and segments NULL: they are in the bodies */
    size_t count, cap;
};
/* what: "tape", "package". */
FK_CHECKED enum fk_status fk_catalogue_read(struct fk_lend *lend, const char *what,
                                            struct fk_catalogue *out, struct fk_err *err);
/* The entry of a set with this manifest; NULL when none. */
const struct fk_tape_set *fk_catalogue_find(const struct fk_catalogue *c, const char *manifest);
void fk_catalogue_free(struct fk_catalogue *c);

#ifdef __cplusplus
}
#endif
#endif
