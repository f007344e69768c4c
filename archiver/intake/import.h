/*
 * import.h - brings in what lies in files: EML, mbox, Maildir, and directories of them.
 *
 * A file whose first line is a From_ line is an mbox, unless its name ends in .eml; every other
 * file is one message, its bytes as they are. In a Maildir the files of new/ and cur/ are messages
 * and its subdirectories are looked at too; its other files belong to mail programs. In any other
 * directory files and subdirectories are taken in the order of their names, except those that begin
 * with a dot. What is so passed over is told, and is no failure.
 *
 * Up to 256 messages are with the pen at a time, so that they share its commits; they are told in
 * the order in which they were found. A pen that goes away is opened again and asked once more: a
 * message it had kept without saying so is then kept twice, never lost.
 *
 * What cannot be read is told and the rest goes on; a full disk ends the import.
 */
#ifndef FK_INTAKE_IMPORT_H
#define FK_INTAKE_IMPORT_H
#include "archiver/vault/keep.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_import_options {
    const char *dir;            /* the vault */
    const char *source, *floor; /* of each entry */
    uint64_t size_limit;        /* a message over it is refused */
    void (*kept)(void *ctx, const char *path, const struct fk_receipt *receipt);
    void (*refused)(void *ctx, const char *path, const char *reason);
    /* How many names of a directory were not looked at, the first of them, and the rule; once a
     * directory. NULL: not wanted. */
    void (*skipped)(void *ctx, const char *dir, uint64_t count, const char *first,
                    const char *rule);
    void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes); /* NULL: not wanted */
    void *ctx;
};
struct fk_import_sum {
    uint64_t kept, refused;
};

/* FK_OK also when some were refused. Errors: those of fk_keep_open; FK_FULL no room; FK_IO and
 * FK_RETRY the pen could not be brought to keep a message. Whatever was told kept is kept. */
FK_CHECKED enum fk_status fk_import(const struct fk_import_options *options,
                                    const char *const *paths, size_t count,
                                    struct fk_import_sum *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
