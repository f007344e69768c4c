/*
 * stamps_priv.h - DIR/time, between stamps.c (makes), stamps_files.c (names and files), renewal.c
 * and stamps_check.c.
 */
#ifndef FK_VAULT_STAMPS_PRIV_H
#define FK_VAULT_STAMPS_PRIV_H
#include "archiver/vault/stamp.h"
#include "archiver/vault/stamps.h"

enum { FK_STAMP_FILE_MAX = 24 << 20, FK_RENEWAL_LIST_MAX = 256 << 20 };

void fk_stamps__name(char out[FK_STAMP_NAME_MAX], uint64_t size, int64_t time_ms, const char *url);
/* What a name says; false where it is none of a stamp's. id: "" where it tells none. */
bool fk_stamps__name_read(const char *name, size_t len, uint64_t *size_out, int64_t *ms_out,
                          char id_out[FK_STAMP_ID + 1]);
/* "renewal-N", N from 1. */
bool fk_stamps__renewal_read(const char *name, size_t len, unsigned *n_out);

/* What DIR/time has of ours, "NAME.SUFFIX" each, in order of names. */
struct fk_stamps_files {
    char (*at)[FK_STAMP_NAME_MAX + 16];
    size_t count, cap;
};
FK_CHECKED enum fk_status fk_stamps__files(const char *dir, struct fk_stamps_files *out,
                                           struct fk_err *err);
void fk_stamps__files_free(struct fk_stamps_files *f);

FK_CHECKED enum fk_status fk_stamps__put(const char *dir, const char *name, const char *suffix,
                                         const struct fk_buf *b, struct fk_err *err);
/* Appended; FK_NOT_FOUND: it is not there. */
FK_CHECKED enum fk_status fk_stamps__get(const char *dir, const char *name, const char *suffix,
                                         struct fk_buf *b, struct fk_err *err);
bool fk_stamps__has(const char *dir, const char *name, const char *suffix);

/* What an authority gave for some bytes. */
struct fk_stamp_taken {
    struct fk_buf request, reply, crls; /* crls: empty where there are none or none could be had */
    struct fk_stamp stamp;
};
FK_CHECKED enum fk_status fk_stamps__take(const struct fk_stamping *s, const void *data, size_t len,
                                          struct fk_stamp_taken *out, struct fk_err *err);
/* Writes .tsq, .crl and, last, .tsr, and appends the anchor. made: name, size; the rest is filled
 * in. */
FK_CHECKED enum fk_status fk_stamps__anchor(const struct fk_stamping *s,
                                            const struct fk_stamp_taken *t,
                                            struct fk_stamp_made *made, struct fk_err *err);
void fk_stamps__taken_free(struct fk_stamp_taken *t);

/* Every file that a renewal's list names is there and as it was; what it lists of DIR/time is
 * appended to own. FK_CORRUPT names the first that is not. tiles: whether those of the log are
 * looked for too. */
FK_CHECKED enum fk_status fk_renewal__check(const char *dir, const char *name,
                                            const struct fk_buf *list, bool tiles,
                                            struct fk_buf *own, struct fk_err *err);

#endif
