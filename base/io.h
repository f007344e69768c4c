/*
 * io.h - reading and writing in full, with EINTR and short counts handled once.
 *
 * Errors: FK_NOT_FOUND when a file does not exist, FK_CORRUPT when it ends too early, FK_FULL on
 * ENOSPC, FK_IO otherwise; the sentence names `what` (a path, or what the descriptor is).
 * Threads: any; a descriptor belongs to one struct of the caller's.
 */
#ifndef FK_BASE_IO_H
#define FK_BASE_IO_H
#include "base/buf.h"
#include "base/status.h"
#include <limits.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_write_full(int fd, const void *data, size_t len, const char *what,
                                        struct fk_err *err);
FK_CHECKED enum fk_status fk_read_full(int fd, void *data, size_t len, const char *what,
                                       struct fk_err *err);
FK_CHECKED enum fk_status fk_pread_full(int fd, void *data, size_t len, off_t at, const char *what,
                                        struct fk_err *err);
/* Appends a whole file to b; FK_INVALID when it is larger than max_bytes. */
FK_CHECKED enum fk_status fk_read_file(const char *path, size_t max_bytes, struct fk_buf *b,
                                       struct fk_err *err);
/* The same of what somebody else may have put there, on a medium say: files, and nothing else. A
 * link is not followed, and a pipe or a device does not make anybody wait. FK_CORRUPT: there is
 * something, and it is no plain file. */
FK_CHECKED enum fk_status fk_open_plain(int at, const char *path, const char *what, int *out,
                                        struct fk_err *err);
FK_CHECKED enum fk_status fk_read_plain(const char *path, size_t max_bytes, struct fk_buf *b,
                                        struct fk_err *err);
/* fsync of the directory itself, so that a new or renamed entry in it survives a power cut. */
FK_CHECKED enum fk_status fk_sync_dir(const char *dir, struct fk_err *err);
/* All that was written to the file system of dir, with names: one wait where many files changed. */
FK_CHECKED enum fk_status fk_sync_fs(const char *dir, struct fk_err *err);
/* mkdir that is content when the directory is there already. */
FK_CHECKED enum fk_status fk_make_dir(const char *path, mode_t mode, struct fk_err *err);
/* "dir/name" into out; FK_INVALID when it does not fit. */
FK_CHECKED enum fk_status fk_join_path(char *out, size_t size, const char *dir, const char *name,
                                       struct fk_err *err);
/* Where a path leads, links followed, or would lead if its last part were made. FK_INVALID when
 * that part would have no directory to be in. */
FK_CHECKED enum fk_status fk_resolve_path(const char *path, char out[PATH_MAX], struct fk_err *err);
/* Closes *fd where it is open and sets it to -1; for descriptors whose close cannot lose data. */
void fk_close(int *fd);

#ifdef __cplusplus
}
#endif
#endif
