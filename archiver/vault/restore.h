/*
 * restore.h - a vault made of sealed segments and the key files of the vault that they come from,
 * or of a mirror and the key-encryption key.
 *
 * The segments are the first ones of a ledger, all of them up to some number. The new vault has its
 * entries up to the end of the last of these, and goes on from there in a segment of its own, which
 * begins with: seal entries for segments that have none in what was restored; a dispose entry for
 * messages that the ledger disposed of later, or whose key is not in the key files any more; an
 * admin entry that says what was done (what=restore). So the ledger keeps its id and parts from
 * the old one at a point that is written in it.
 *
 * Keys that a disposal was to destroy and that an old copy of the key files still has are destroyed
 * before this returns.
 *
 * A mirror has open segments as well: then the new vault goes on in the last of these, and has all
 * that the mirror has. Where a slice is damaged it ends before it (sum.whole).
 *
 * On failure nothing stays of what was made: dir is empty, or absent, as it was.
 *
 * Errors: FK_INVALID dir is not empty, or a segment or its keys are of another ledger; FK_DENIED
 * others can read the key files; FK_NOT_FOUND a key file is missing; FK_CORRUPT a segment is not
 * what its seal says in any of its copies, or none of its contents has a key (a copy of the keys
 * from before it was sealed, most likely). Threads: one.
 */
#ifndef FK_VAULT_RESTORE_H
#define FK_VAULT_RESTORE_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_restore_segment {
    char **paths; /* copies of the sealed file; the first one that is whole is taken */
    size_t path_count;
    const char *digest; /* SHA-256 of it, hex, from its seal entry */
    uint64_t first, last, bytes;
};
struct fk_restore {
    const char *dir, *keys; /* the new vault; the old one, of which keys/ and secrets/ are read */
    const char *ledger;     /* id, hex */
    const struct fk_restore_segment *segments; /* 1 .. count */
    size_t count;
    const char *mirror; /* or NULL: its key files are taken, and its rows after the segments */
    const struct fk_seqs *disposed; /* by entries that come after these segments */
    const char
        *manifest; /* into the admin entry: SHA-256 of the set's manifest; NULL of a mirror */
    const char *person;
    bool accept_missing; /* segments without any key too; a mirror's keys are its own */
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    /* A copy that was passed over for the next one; the sentence names it. */
    void (*damaged)(void *ctx, const char *sentence);
    void *ctx;
};
struct fk_restore_sum {
    uint64_t next_seq; /* after the entries made here */
    uint64_t restored; /* entries that came with the segments */
    uint64_t readable; /* contents that have their key */
    bool whole;        /* false: of a mirror that is damaged, entries after these may be lost */
    uint64_t erased;   /* contents without one, now named by a dispose entry */
};
/* Of a mirror: segments, count, disposed, manifest and ledger of the order are found out. */
FK_CHECKED enum fk_status fk_vault_restore_mirror(struct fk_restore *r, struct fk_restore_sum *out,
                                                  struct fk_err *err);
FK_CHECKED enum fk_status fk_vault_restore(const struct fk_restore *r, struct fk_restore_sum *out,
                                           struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
