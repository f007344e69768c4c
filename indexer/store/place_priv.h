/*
 * place_priv.h - DIR/index: which databases are in use, who writes them, and how they come and go.
 *
 *     lock           flock: who has the writing
 *     current        the databases in use, and the mark: shards_priv.h
 *     db.N           databases; any that current does not name is half made, or the remains of a
 *                    crash
 *     gone.N         out of use; overwritten once no search has it open
 *     blank.N        overwritten; removed once that is on the disk
 *     rebuild        there while a rebuild is asked for
 *
 * Errors: FK_RETRY another process has the writing. Threads: one.
 */
#ifndef FK_INDEXER_PLACE_PRIV_H
#define FK_INDEXER_PLACE_PRIV_H
#include "base/status.h"
#include "indexer/store/shards_priv.h"
#include <stdbool.h>

enum { FK_PLACE_PATH = 4096 };

struct fk_place {
    char index[FK_PLACE_PATH];
    int lock;
    struct fk_shards shards;   /* in use */
    struct fk_shards building; /* by a rebuild: in no file yet */
    bool is_new;               /* there was no `current`, or none that says anything */
    unsigned newest;           /* greatest number of a database; 0 none */
};
/* Takes the lock, makes what is missing, and puts remains out of use. */
FK_CHECKED enum fk_status fk_place__open(const char *dir, struct fk_place *out, struct fk_err *err);
void fk_place__close(struct fk_place *place);
/* Path of database N; out has FK_PLACE_PATH bytes. */
FK_CHECKED enum fk_status fk_place__path(const struct fk_place *place, unsigned number, char *out,
                                         struct fk_err *err);
/* Makes `current` name the shards, durably, and puts the others out of use. */
FK_CHECKED enum fk_status fk_place__use(struct fk_place *place, struct fk_err *err);
/* Puts every database out of use that is in neither list: not while one is being written. */
FK_CHECKED enum fk_status fk_place__retire_others(struct fk_place *place, struct fk_err *err);
/* What n shards take of the disk. */
FK_CHECKED enum fk_status fk_place__bytes(const struct fk_place *place, const struct fk_shard *from,
                                          size_t n, uint64_t *bytes_out, struct fk_err *err);
/* n shards copied into a new database N, which is on the disk then; without documents there is
 * none. */
FK_CHECKED enum fk_status fk_place__merge(const struct fk_place *place, const struct fk_shard *from,
                                          size_t n, unsigned number, struct fk_err *err);
/* Destroys what is out of use and not open; FK_RETRY when something was open. */
FK_CHECKED enum fk_status fk_place__destroy_gone(const struct fk_place *place, struct fk_err *err);

/* All of a list, in use or being built, as one. */
struct fk_xreader;
FK_CHECKED enum fk_status fk_place__reader(const struct fk_place *place,
                                           const struct fk_shards *shards, struct fk_xreader **out,
                                           struct fk_err *err);

bool fk_place__rebuild_waits(const struct fk_place *place);
FK_CHECKED enum fk_status fk_place__rebuild_done(const struct fk_place *place, struct fk_err *err);

#endif
