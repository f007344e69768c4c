/*
 * volume.h - a directory that stands for a tape: its state, and files written to it in full.
 *
 * A file is written under another name, synced, closed and renamed; what cannot be finished is
 * removed. Nothing is read back here: fk_tape_verify does that.
 *
 *     FK_TRY(fk_volume_look(dir, &state, err));
 *     FK_TRY(fk_volume_put(&volume, "data/format.md", text, len, err));
 *
 *     FK_TRY(fk_volume_begin(&volume, "data/ledger/0.txt", &file, err));
 *     FK_TRY(fk_volume_add(file, data, len, err));
 *     FK_TRY(fk_volume_end(&volume, &file, err));
 *     fk_volume_drop(&file);                       nothing left to do after an end
 *
 * Errors: FK_FULL no room; FK_INVALID no directory; FK_DENIED it may not be read; FK_IO the rest.
 * Threads: one.
 */
#ifndef FK_TAPE_VOLUME_H
#define FK_TAPE_VOLUME_H
#include "tape-export/manifest.h"
#ifdef __cplusplus
extern "C" {
#endif

/* The last file of a set is tagmanifest-sha256.txt, the first bag-info.txt. */
enum fk_volume_state {
    FK_VOLUME_EMPTY,
    FK_VOLUME_INTERRUPTED,
    FK_VOLUME_COMPLETE,
    FK_VOLUME_FOREIGN
};
struct fk_volume_look {
    enum fk_volume_state state;
    char ledger[33];   /* whose set it is; "" foreign */
    char foreign[256]; /* a name there that is none of ours */
};
/* That dir is a directory which may be read: FK_INVALID there is none, FK_DENIED it may not. */
FK_CHECKED enum fk_status fk_volume_check(const char *dir, struct fk_err *err);
/* The sentence and status for a directory that gave this errno. */
enum fk_status fk_volume_fail(const char *dir, int errnum, struct fk_err *err);
/* A directory that is not there counts as empty and is made. */
FK_CHECKED enum fk_status fk_volume_look(const char *dir, struct fk_volume_look *out,
                                         struct fk_err *err);

/* "Label: value" lines of bag-info.txt; false when there is no such line. */
bool fk_bag_info_find(const void *text, size_t len, const char *label, char *out, size_t size);

struct fk_volume {
    const char *dir;
    struct fk_manifest payload, tags; /* data/..., and all else */
    struct fk_summer *summer;
};
struct fk_volume_file;
FK_CHECKED enum fk_status fk_volume_begin(struct fk_volume *v, const char *name,
                                          struct fk_volume_file **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_volume_add(struct fk_volume_file *f, const void *data, size_t len,
                                        struct fk_err *err);
/* Durable and listed. Frees *f in every case. */
FK_CHECKED enum fk_status fk_volume_end(struct fk_volume *v, struct fk_volume_file **f,
                                        struct fk_err *err);
void fk_volume_drop(struct fk_volume_file **f);
FK_CHECKED enum fk_status fk_volume_put(struct fk_volume *v, const char *name, const void *data,
                                        size_t len, struct fk_err *err);
/* Lists a file that is there from an earlier attempt; FK_NOT_FOUND when it is not, or hashes to
 * something else. */
FK_CHECKED enum fk_status fk_volume_reuse(struct fk_volume *v, const char *name, const char *sha256,
                                          struct fk_err *err);
void fk_volume_free(struct fk_volume *v);

#ifdef __cplusplus
}
#endif
#endif
