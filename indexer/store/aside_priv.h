/*
 * aside_priv.h - files beside a database that it can do without: made when shards are merged, and
 * void once the database is changed in its place in what they say.
 *
 *     NAME          what it says
 *     NAME.void     is there once that counts no more
 *
 * A file that counts no more stays, to be overwritten with all others of its shard: removed, its
 * bytes would be on the disk in no file.
 *
 * Errors: FK_NOT_FOUND it is not there, or counts no more; FK_IO. Threads: any.
 */
#ifndef FK_INDEXER_ASIDE_PRIV_H
#define FK_INDEXER_ASIDE_PRIV_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* To be closed by the caller; path is the file's name, PATH_MAX bytes. */
FK_CHECKED enum fk_status fk_aside_open(const char *dir, const char *name, char *path, int *fd_out,
                                        uint64_t *bytes_out, struct fk_err *err);
/* A new one, likewise; the caller syncs. */
FK_CHECKED enum fk_status fk_aside_create(const char *dir, const char *name, char *path,
                                          int *fd_out, struct fk_err *err);
/* From then on it counts no more, where there is one. On the disk on return. */
FK_CHECKED enum fk_status fk_aside_void(const char *dir, const char *name, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
