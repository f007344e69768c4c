/*
 * package.h - an evidence package: messages as they were received, each with its salt, envelope,
 * entry and proof, one checkpoint for all, the newest time stamp that covers it, and how to verify
 * all that with coreutils, xxd and openssl (docs/evidence.md, text/VERIFY.md). A bag (bag.h). What
 * was found of where they are from goes along: the entry's content, sealed for each of its
 * messages, and of a plain package what it says of those that are in it.
 *
 *     FK_TRY(fk_package_target(&options, err));       before anything is recorded
 *     ... a checkpoint over all that goes in, the survey of what was found ...
 *     FK_TRY(fk_package_write(keep, lend, &options, &out, err));
 *
 * Acts (what=export, naming the seqs) are in the ledger before a content is asked for; the `export`
 * entry (what=package) after all of it was read back. Nothing has an entry that is not whole, and
 * what is not whole is removed again; a crash leaves the acts and a bag without a tagmanifest.
 *
 * Errors: FK_INVALID the target; FK_FULL no room on it; FK_NOT_FOUND a content is disposed of since
 * it was found. Threads: one.
 */
#ifndef FK_TAPE_PACKAGE_H
#define FK_TAPE_PACKAGE_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/note.h"
#include "tape-export/tape.h"
#ifdef __cplusplus
extern "C" {
#endif

/* What an entry (fact what=auth) says of where a message is from. */
struct fk_package_fact {
    uint64_t entry, message;
};
struct fk_package_options {
    const char *to, *vault;              /* vault: its directory */
    const char *keys_to;                 /* NULL: in the clear; else sealed, and their keys there */
    const char *person, *reason, *query; /* reason, query: NULL for none */
    bool mbox;                           /* all of them in one mbox too, for mail programs */
    const struct fk_seqs *messages;      /* that have a content */
    const struct fk_package_fact
        *facts; /* by entry, then message; their entries are in `entries` too */
    size_t fact_count;
    const struct fk_seqs *entries; /* of which the line goes in alone: disposed of, and why */
    const struct fk_checkpoint *checkpoint; /* covers all of them */
    const struct fk_buf *note;              /* the same as it was signed */
    const struct fk_buf *vkey, *pem;        /* the log's key, to be compared */
    const struct fk_buf *report_text, *report_json;
    fk_tape_progress_fn progress;
    void *ctx;
};
struct fk_package_made {
    uint64_t entry, act; /* of the export entry; of the first act */
    uint64_t messages, bytes, files;
    char manifest[65], stamp[48]; /* stamp: name of the time stamp that is in it, "" for none */
};
FK_CHECKED enum fk_status fk_package_target(const struct fk_package_options *options,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_package_write(struct fk_keep *keep, struct fk_lend *lend,
                                           const struct fk_package_options *options,
                                           struct fk_package_made *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
