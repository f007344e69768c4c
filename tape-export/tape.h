/*
 * tape.h - sets of sealed segments on a directory that stands for a tape (docs/tape.md).
 *
 * A set is a bag (BagIt 1.0, RFC 8493) that needs none of our programs to be verified: sealed
 * segment files, the whole ledger as text, the log's checkpoint and time stamps, the format page,
 * manifests for sha256sum and sha512sum, and how to read it all in Japanese and English. It never
 * has a key.
 *
 *     FK_TRY(fk_tape_write(keep, lend, &options, &set, err));
 *     FK_TRY(fk_tape_verify(dir, NULL, &watch, &sum, err));
 *     FK_TRY(fk_tape_list(keep, lend, person, fn, ctx, err));
 *
 * Writing: a look at the target, seal, data, manifests, all of it read again from the medium and
 * compared, and only then the `export` entry in the ledger: what has an entry was complete.
 *
 * Errors: FK_FULL no room on the target, the partial file is removed; FK_INVALID the target has
 * something else on it; FK_NOT_FOUND nothing to write; FK_CORRUPT what was read back, or what the
 * vault has, is not what it should be. Nothing is recorded in any of these. Threads: one.
 */
#ifndef FK_TAPE_TAPE_H
#define FK_TAPE_TAPE_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef void (*fk_tape_progress_fn)(void *ctx, const char *doing, uint64_t done, uint64_t all);

struct fk_tape_options {
    const char *to, *person;
    const char *vault;        /* its directory, where no set is written; NULL: not looked at */
    bool since_last;          /* only segments that no set recorded before has */
    bool resume;              /* go on with a set that was interrupted; files that are right stay */
    size_t ledger_file_bytes; /* 0: FK_LEDGER_FILE_BYTES */
    /* A signed checkpoint to go along, and its key as C2SP has it and as PEM; NULL for none. */
    const struct fk_buf *checkpoint, *vkey, *pem;
    fk_tape_progress_fn progress;
    /* Of time stamps of the vault that are not whole, and are left out; NULL: not told. */
    void (*left_out)(void *ctx, const char *place, const char *sentence);
    void *ctx;
};
struct fk_tape_set {
    uint64_t entry, first, last; /* of the export entry; seqs that its segments have */
    int64_t time_ms;
    char manifest[65];                     /* SHA-256 of manifest-sha256.txt */
    char form[16];                         /* of a package: "plain", "sealed"; "" of a tape */
    uint64_t destroyed;                    /* the fact that it is no more; 0: not said */
    const char *where, *person, *segments; /* borrowed in a callback; NULL after fk_tape_write */
    uint64_t segment_count, bytes;         /* after fk_tape_write only */
};
FK_CHECKED enum fk_status fk_tape_write(struct fk_keep *keep, struct fk_lend *lend,
                                        const struct fk_tape_options *options,
                                        struct fk_tape_set *out, struct fk_err *err);

/* Whether a set may be written to options->to: what fk_tape_write asks first, for who does
 * something before it. Seals nothing. */
FK_CHECKED enum fk_status fk_tape_target(struct fk_lend *lend,
                                         const struct fk_tape_options *options, struct fk_err *err);

/* Sets that the ledger has, oldest first. Reading where they are is recorded as an act. */
typedef enum fk_status (*fk_tape_set_fn)(void *ctx, const struct fk_tape_set *set,
                                         struct fk_err *err);
FK_CHECKED enum fk_status fk_tape_list(struct fk_keep *keep, struct fk_lend *lend,
                                       const char *person, fk_tape_set_fn fn, void *ctx,
                                       struct fk_err *err);

/* check: "layout", "manifest", "missing", "extra", "type", "digest", "size", "chain", "seal",
 * "segments", "export", "head", "checkpoint", "stamp" (docs/tape.md); place: the file, or "entry
 * N". */
struct fk_tape_finding {
    const char *check, *place, *text;
};
struct fk_tape_watch {
    void (*finding)(void *ctx, const struct fk_tape_finding *finding);
    fk_tape_progress_fn progress;
    void *ctx;
    const char *roots; /* whom time stamps are trusted by, from outside the set; NULL: not judged */
};
struct fk_tape_sum {
    uint64_t files, bytes, entries, segments, findings;
    char ledger[33], manifest[65];
    uint64_t signed_entries;  /* that the set's checkpoint covers; 0 where it has none */
    uint64_t stamps, anchors; /* time stamps on the set that hold; entries that speak of one */
    uint64_t export_entry;    /* that names this set, where a vault was asked; UINT64_MAX else */
};
/* Reads all of it. lend NULL: without a vault. FK_CORRUPT at the end when there was a finding; *out
 * is filled then too. */
FK_CHECKED enum fk_status fk_tape_verify(const char *dir, struct fk_lend *lend,
                                         const struct fk_tape_watch *watch, struct fk_tape_sum *out,
                                         struct fk_err *err);

/* Makes a vault of the segments on one or more sets that together have them from the first on, and
 * of the key files of OLDVAULT (archiver/vault/restore.h). What the newest set has of the ledger
 * after the last of these segments is lines without contents: it is counted, and is lost. */
struct fk_tape_restore {
    char *const *sets;
    size_t set_count;
    const char *keys, *to, *person;
    bool accept_missing;
    fk_tape_progress_fn progress;
    /* A file of a time stamp that is not as its set lists it, or cannot be put back. */
    void (*left_out)(void *ctx, const char *place, const char *sentence);
    /* A copy of a segment that is damaged, where another set has the segment too; NULL: not told.
     */
    void (*damaged)(void *ctx, const char *sentence);
    void *ctx;
};
struct fk_tape_restored {
    uint64_t segments, restored, readable, erased, next_seq;
    uint64_t stamp_files;                  /* of time stamps */
    uint64_t lost, lost_mails, lost_rules; /* entries; of them mails; holds, releases, policies */
};
FK_CHECKED enum fk_status fk_tape_restore(const struct fk_tape_restore *order,
                                          struct fk_tape_restored *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
