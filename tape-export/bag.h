/*
 * bag.h - a bag (BagIt 1.0, RFC 8493) of many small files, written in one go: an evidence package.
 * Tapes, which are few large files that may be gone on with, are volume.h's.
 *
 *     FK_TRY(fk_bag_begin(dir, "Label: value\n", &bag, err));      an empty directory, or none yet
 *     FK_TRY(fk_bag_put(bag, "data/7.eml", pieces, n, err));       names as manifest.h takes them
 *     FK_TRY(fk_bag_end(bag, info, &sum, err));       manifests, all of it read back, durable
 *     fk_bag_close(&bag);                             before an end: removes all that was written
 *
 * Whether it is whole shows in tagmanifest-sha256.txt, which is written last: one that a crash cut
 * short has none, and its bag-info.txt says "being written". Files are mode 0600, directories 0700:
 * what is in a package is for whom it is handed to. Manifests go to the disk as they grow, so
 * memory does not grow with the number of files. Nothing is synced before the end, where the file
 * system is, once.
 *
 * Errors: FK_INVALID the directory is not empty, or no directory; FK_FULL no room; FK_IO;
 * FK_CORRUPT a file reads back as something else. Ownership: dir is borrowed. Threads: one.
 */
#ifndef FK_TAPE_BAG_H
#define FK_TAPE_BAG_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_bag;
struct fk_piece {
    const void *data;
    size_t len;
};
struct fk_bag_sum {
    uint64_t files, bytes; /* below data/ */
    char manifest[65];     /* SHA-256 of manifest-sha256.txt */
};
typedef void (*fk_bag_progress_fn)(void *ctx, const char *doing, uint64_t done, uint64_t all);

/* That dir is an empty directory or can be made one: asked before anything is recorded. */
FK_CHECKED enum fk_status fk_bag_target(const char *dir, struct fk_err *err);
FK_CHECKED enum fk_status fk_bag_begin(const char *dir, const char *info, struct fk_bag **out,
                                       struct fk_err *err);
/* A directory of the bag, "data/time" say; data is there already. */
FK_CHECKED enum fk_status fk_bag_folder(struct fk_bag *b, const char *name, struct fk_err *err);
FK_CHECKED enum fk_status fk_bag_put(struct fk_bag *b, const char *name,
                                     const struct fk_piece *pieces, size_t count,
                                     struct fk_err *err);
/* The same of a file that grows while others are put. */
struct fk_bag_file;
FK_CHECKED enum fk_status fk_bag_open(struct fk_bag *b, const char *name, struct fk_bag_file **out,
                                      struct fk_err *err);
FK_CHECKED enum fk_status fk_bag_add(struct fk_bag_file *f, const void *data, size_t len,
                                     struct fk_err *err);
/* Listed. Frees *f in every case. */
FK_CHECKED enum fk_status fk_bag_shut(struct fk_bag *b, struct fk_bag_file **f, struct fk_err *err);
void fk_bag_drop(struct fk_bag_file **f); /* removes what is not shut */
/* info: lines for bag-info.txt, beside those that every bag has. */
FK_CHECKED enum fk_status fk_bag_end(struct fk_bag *b, const char *info,
                                     fk_bag_progress_fn progress, void *ctx, struct fk_bag_sum *out,
                                     struct fk_err *err);
void fk_bag_close(struct fk_bag **bag);

#ifdef __cplusplus
}
#endif
#endif
