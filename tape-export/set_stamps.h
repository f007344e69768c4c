/*
 * set_stamps.h - the time stamps of a set: data/time is what the vault's DIR/time has (stamps.h),
 * beside the log that they are over.
 *
 * Written: all of it but the files of stamps that are not whole, which are told. So a renewal finds
 * what it lists. Verified: each stamp that an anchor entry of the set's ledger holds and of which
 * the set has files, by itself, as `verify` does it in a vault, and that its checkpoint is over the
 * ledger that is here. Whether it can be shown today is not judged: that takes the vault's
 * renewals, and a set is of its day.
 *
 * Errors: as stamps.h; nothing found is one. Threads: one.
 */
#ifndef FK_TAPE_SET_STAMPS_H
#define FK_TAPE_SET_STAMPS_H
#include "archiver/vault/stamps.h"
#include "tape-export/ledger_text.h"
#ifdef __cplusplus
extern "C" {
#endif

#define FK_SET_TIME "data/time"

struct fk_set_point { /* a number of entries that something was signed over */
    uint64_t size;
    bool has_root;
    fk_hash root;
    int64_t newest_ms; /* of the last of them */
};
struct fk_set_anchor {
    struct fk_entry entry;
    char *fields; /* the entry's */
};
/* What is taken from the ledger while it is read. Zeroed, filled, freed. */
struct fk_set_stamps {
    const struct fk_ledger_text *text; /* whose tree gives the roots */
    struct fk_set_point *points;       /* ascending once they are sorted */
    size_t point_count, point_cap, passed;
    struct fk_set_anchor *at;
    size_t count, cap;
};
/* Before the reading: a size of which the root is wanted; and all that data/time asks for. */
FK_CHECKED enum fk_status fk_set_stamps_want(struct fk_set_stamps *s, uint64_t size,
                                             struct fk_err *err);
FK_CHECKED enum fk_status fk_set_stamps_begin(struct fk_set_stamps *s, struct fk_ledger_text *text,
                                              const struct fk_manifest *payload,
                                              struct fk_err *err);
/* After it. NULL: the ledger does not go so far. */
const struct fk_set_point *fk_set_stamps_end(struct fk_set_stamps *s, uint64_t size);
void fk_set_stamps_free(struct fk_set_stamps *s);

typedef void (*fk_set_stamps_fn)(void *ctx, const char *place, const char *sentence);
struct fk_set_stamps_sum {
    uint64_t here, good; /* of which the set has files; of them, those that hold */
};
void fk_set_stamps_check(struct fk_set_stamps *s, const char *dir, const char *roots,
                         const struct fk_manifest *payload, fk_set_stamps_fn finding, void *ctx,
                         struct fk_set_stamps_sum *out);

/* Copies those of the first `head` entries, and tells of what is left out. */
struct fk_set_stamps_order {
    const char *vault;
    struct fk_lend *lend;
    uint64_t head;
    fk_set_stamps_fn left_out;
    void *ctx;
};
FK_CHECKED enum fk_status fk_set_stamps_write(const struct fk_set_stamps_order *order,
                                              struct fk_volume *volume, struct fk_err *err);
/* Copies those of a set into the vault at `to`, each that is as the set's manifest says and not
 * there yet; tells of the others. */
FK_CHECKED enum fk_status fk_set_stamps_restore(const char *set, const char *to,
                                                fk_set_stamps_fn left_out, void *ctx,
                                                uint64_t *files, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
