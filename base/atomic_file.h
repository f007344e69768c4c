/*
 * atomic_file.h - a file that is either wholly there or not at all, whatever happens.
 *
 *     struct fk_atomic_file *f;
 *     FK_TRY(fk_atomic_begin("/dir/name", 0600, &f, err));
 *     FK_TRY(fk_atomic_write(f, data, len, err));
 *     st = fk_atomic_commit(&f, err);      write, fsync, close, rename, fsync of the directory
 * done:
 *     fk_atomic_abort(&f);                 nothing left to do after a commit
 *
 * The file is written as "name.new" beside its place. An old file of that name is replaced; the
 * old content's blocks are not overwritten (see fk_destroy_file).
 */
#ifndef FK_BASE_ATOMIC_FILE_H
#define FK_BASE_ATOMIC_FILE_H
#include "base/status.h"
#include <stddef.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_atomic_file;

FK_CHECKED enum fk_status fk_atomic_begin(const char *path, mode_t mode,
                                          struct fk_atomic_file **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_atomic_write(struct fk_atomic_file *f, const void *data, size_t len,
                                          struct fk_err *err);
/* What was written so far is on the disk: for large files, so that commit does not wait for all. */
FK_CHECKED enum fk_status fk_atomic_flush(struct fk_atomic_file *f, struct fk_err *err);
/* Frees *f in every case. After FK_OK the file survives a power cut. */
FK_CHECKED enum fk_status fk_atomic_commit(struct fk_atomic_file **f, struct fk_err *err);
void fk_atomic_abort(struct fk_atomic_file **f);

/* All of the above for bytes at hand. */
FK_CHECKED enum fk_status fk_atomic_put(const char *path, mode_t mode, const void *data, size_t len,
                                        struct fk_err *err);

/* Overwrites a file with zeros, syncs, removes it and syncs its directory; content when it is not
 * there. What a journaling file system, a snapshot or an SSD may still hold: docs/retention.md. */
FK_CHECKED enum fk_status fk_destroy_file(const char *path, struct fk_err *err);
/* The first step of it, for many files: to be synced by the caller (fk_sync_fs) before any of them
 * is removed, or the zeros may never reach the disk. */
FK_CHECKED enum fk_status fk_overwrite_file(const char *path, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
