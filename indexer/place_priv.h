/*
 * place_priv.h - DIR/index: which database is in use, who writes it, and how one takes another's
 * place.
 *
 *     lock           flock: who has the writing
 *     current        one line: the name of the database in use, db.N
 *     db.N           databases; any but the current one is half made, or the remains of a crash
 *     gone.N         out of use; destroyed (overwritten and removed) once no search has it open
 *     rebuild        there while a rebuild is asked for
 *
 * Errors: FK_RETRY another process has the writing. Threads: one.
 */
#ifndef FK_INDEXER_PLACE_PRIV_H
#define FK_INDEXER_PLACE_PRIV_H
#include "base/status.h"
#include <stdbool.h>

enum { FK_PLACE_PATH = 4096 };

struct fk_place {
    char index[FK_PLACE_PATH];
    int lock;
    unsigned current, newest; /* numbers of databases; 0 none */
};
/* Takes the lock, makes what is missing, and puts remains out of use. */
FK_CHECKED enum fk_status fk_place__open(const char *dir, struct fk_place *out, struct fk_err *err);
void fk_place__close(struct fk_place *place);
/* Path of database N; out has FK_PLACE_PATH bytes. */
FK_CHECKED enum fk_status fk_place__path(const struct fk_place *place, unsigned number, char *out,
                                         struct fk_err *err);
/* Makes database N the current one, durably, and puts every other out of use. */
FK_CHECKED enum fk_status fk_place__use(struct fk_place *place, unsigned number,
                                        struct fk_err *err);
/* Destroys what is out of use and not open; FK_RETRY when something was open. */
FK_CHECKED enum fk_status fk_place__destroy_gone(const struct fk_place *place, struct fk_err *err);

bool fk_place__rebuild_waits(const struct fk_place *place);
FK_CHECKED enum fk_status fk_place__rebuild_done(const struct fk_place *place, struct fk_err *err);

#endif
