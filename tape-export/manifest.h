/*
 * manifest.h - which files a set has and what they hash to: the manifests of BagIt (RFC 8493),
 * which are at once what `sha256sum -c` and `sha512sum -c` read.
 *
 *     fk_manifest_add(&m, "data/README", &sum, err);
 *     fk_manifest_write(&m, FK_SHA256, &text);
 *
 *     FK_TRY(fk_manifest_read(&m, FK_SHA256, text, len, err));   then the same for FK_SHA512
 *
 * Names are printable ASCII without \ and %, relative, without . and .. and empty parts: those that
 * we write, and no others are read, so that no manifest leads out of its set. Ownership: a manifest
 * owns its names. Errors: FK_CORRUPT names the line. Threads: one.
 */
#ifndef FK_TAPE_MANIFEST_H
#define FK_TAPE_MANIFEST_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Both digests of one run of bytes. */
struct fk_sum {
    char sha256[65], sha512[129]; /* hex; "" unknown */
    uint64_t bytes;
};
struct fk_summer;
FK_CHECKED enum fk_status fk_summer_new(struct fk_summer **out, struct fk_err *err);
void fk_summer_add(struct fk_summer *s, const void *data, size_t len);
/* The sum of what was added; the summer is then at its beginning again. */
void fk_summer_end(struct fk_summer *s, struct fk_sum *out);
void fk_summer_free(struct fk_summer **s);
/* The sum of what fd has from its start on. FK_IO names `what`. */
FK_CHECKED enum fk_status fk_summer_file(struct fk_summer *s, int fd, const char *what,
                                         struct fk_sum *out, struct fk_err *err);

struct fk_listed {
    char *name;
    struct fk_sum sum;   /* as listed; bytes 0 where it was read from a manifest */
    struct fk_sum found; /* as read back: for who compares */
};
struct fk_manifest {
    struct fk_listed *at; /* ascending by name */
    size_t count, cap;
};
FK_CHECKED enum fk_status fk_manifest_add(struct fk_manifest *m, const char *name,
                                          const struct fk_sum *sum, struct fk_err *err);
/* NULL: not listed. Borrowed until the next addition. */
struct fk_listed *fk_manifest_find(const struct fk_manifest *m, const char *name);
void fk_manifest_write(const struct fk_manifest *m, enum fk_digest_kind kind, struct fk_buf *out);
FK_CHECKED enum fk_status fk_manifest_read(struct fk_manifest *m, enum fk_digest_kind kind,
                                           const void *text, size_t len, struct fk_err *err);
void fk_manifest_free(struct fk_manifest *m);

#ifdef __cplusplus
}
#endif
#endif
