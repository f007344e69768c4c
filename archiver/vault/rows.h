/*
 * rows.h - the rows file of an open segment in a mirror: slices, one after another
 * (docs/format-mirror.md).
 *
 * Errors: FK_CORRUPT with file and byte; FK_FULL, FK_IO. Threads: one a file.
 */
#ifndef FK_VAULT_ROWS_H
#define FK_VAULT_ROWS_H
#include "archiver/vault/slice.h"
#include "base/digest.h"
#include "base/status.h"
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_rows_head {
    struct fk_mark to;
    uint64_t first, bytes; /* bytes: of rows, after the line */
    bool closed;
    uint8_t sha256[FK_SHA256_BYTES];
    size_t line; /* length of the line, LF included */
};
struct fk_rows_end {
    struct fk_mark mark; /* after the last whole slice; generation 0 where there is none */
    bool closed;
    off_t bytes, size; /* of whole slices; of the file */
    off_t newest;      /* where the last slice that has an entry begins; -1: none has */
    bool damaged;      /* what comes after is no torn slice: others follow it */
};

/* Appends a slice; durable on return. */
FK_CHECKED enum fk_status fk_rows_append(int fd, const char *path, const struct fk_slice *s,
                                         struct fk_err *err);
/* How far a file goes. Looks at every line and at the rows of the last slice only: the others were
 * synced before it was begun. */
FK_CHECKED enum fk_status fk_rows_scan(int fd, const char *path, uint64_t segment,
                                       struct fk_rows_end *out, struct fk_err *err);
/* The slice at a byte, its digest checked; rows is reset first. FK_CORRUPT: there is no whole one.
 */
FK_CHECKED enum fk_status fk_rows_read(int fd, const char *path, off_t at,
                                       struct fk_rows_head *head, struct fk_buf *rows,
                                       struct fk_err *err);

/* Rows in order; false at the end, or where they are not of the form (then it->bad). */
struct fk_row {
    enum fk_row_table table;
    uint64_t key;
    const uint8_t *value;
    size_t len;
};
struct fk_rows_it {
    const uint8_t *at, *end;
    bool bad;
};
struct fk_rows_it fk_rows_begin(const struct fk_buf *rows);
bool fk_rows_next(struct fk_rows_it *it, struct fk_row *out);

#ifdef __cplusplus
}
#endif
#endif
