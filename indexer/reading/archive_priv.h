/*
 * archive_priv.h - the files of an archive one by one, from memory to memory.
 *
 *     if (fk_archive__open(&a, file, form, password))
 *         while (fk_archive__next(&a, files) == FK_ARCHIVE_FILE)
 *             reason = fk_archive__data(&a, files, &data);
 *     fk_archive__close(&a);                       whether it opened or not
 */
#ifndef FK_INDEXER_ARCHIVE_PRIV_H
#define FK_INDEXER_ARCHIVE_PRIV_H
#include "base/buf.h"
#include "indexer/reading/files_priv.h"

struct archive;
struct archive_entry;
enum fk_archive_form {
    FK_ARCHIVE_ZIP,
    FK_ARCHIVE_ZIP_CUT, /* by what stands before each file, not by the directory at the end */
    FK_ARCHIVE_ANY,
    FK_ARCHIVE_BARE /* what is compressed, and whatever it is then */
};
/* Stays where it was opened: libarchive has its address. */
struct fk_archive {
    struct archive *archive;
    struct archive_entry *entry;
    struct fk_buf name;
    const char *bare_name;     /* of the one file in what is only compressed */
    size_t packed;             /* bytes of the archive */
    const uint8_t *bytes;      /* of a cut one, until they are asked for */
    bool is_padded;            /* what comes after its end was asked for */
    enum fk_archive_form form; /* as it was opened: a ZIP file without a directory is a cut one */
    bool has_password;
    bool is_unread; /* nobody has asked for the file at hand yet */
    bool is_cut;    /* it was not read to its end */
    bool has_lost;  /* heads of files that are damaged were passed over */
};
enum fk_archive_next {
    FK_ARCHIVE_FILE,
    FK_ARCHIVE_END,
    FK_ARCHIVE_DAMAGED,
    FK_ARCHIVE_ENCRYPTED,
    FK_ARCHIVE_OVER /* a limit: what comes behind can only be had by unpacking more than is unpacked
                     */
};

/* password: NULL for none. */
bool fk_archive__open(struct fk_archive *a, const struct fk_file *file, enum fk_archive_form form,
                      const char *password);
enum fk_archive_next fk_archive__next(struct fk_archive *a, const struct fk_files *f);
enum fk_reason fk_archive__reason(enum fk_archive_next next); /* why there is no file */
const char *fk_archive__name(struct fk_archive *a);           /* UTF-8; until the next */
/* Appends; 0, or why not all of it is there. */
enum fk_reason fk_archive__data(struct fk_archive *a, struct fk_files *f, struct fk_buf *out);
void fk_archive__close(struct fk_archive *a);

/* Every file of it, read as one that stands in the file at hand. */
FK_CHECKED enum fk_status fk_file__members(struct fk_files *f, const struct fk_file *file,
                                           enum fk_archive_form form, struct fk_err *err);

#endif
