/*
 * logfile.h - lines of a log or table that somebody hands in: a file or stdin, plain or compressed
 * (whatever libarchive knows: gzip, xz, bzip2, zstd), never all of it in memory.
 *
 *     FK_TRY(fk_logfile_open(path, &f, err));             "-" is stdin
 *     while ((st = fk_logfile_next(f, &line, &len, err)) == FK_OK) ...
 *     if (st != FK_NOT_FOUND) ...                          the end is FK_NOT_FOUND
 *     fk_logfile_digest(f, digest);                        of the bytes as they lie in the file
 *
 * A line over FK_LOGFILE_LINE_MAX bytes is given cut off to that, and counted. A last line without
 * its end is given too. Ownership: a line is borrowed until the next call. Errors: FK_NOT_FOUND
 * there is no such file (open only); FK_CORRUPT compressed data that is none; FK_IO. Threads: one.
 */
#ifndef FK_INTAKE_LOGFILE_H
#define FK_INTAKE_LOGFILE_H
#include "base/digest.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_LOGFILE_LINE_MAX = 65536 };

struct fk_logfile;
FK_CHECKED enum fk_status fk_logfile_open(const char *path, struct fk_logfile **out,
                                          struct fk_err *err);
/* Without its LF or CRLF. */
FK_CHECKED enum fk_status fk_logfile_next(struct fk_logfile *f, const char **line_out,
                                          size_t *len_out, struct fk_err *err);
/* Of the next call's line, from 1. */
uint64_t fk_logfile_number(const struct fk_logfile *f);
uint64_t fk_logfile_cut(const struct fk_logfile *f);       /* lines that were too long */
int64_t fk_logfile_changed_ms(const struct fk_logfile *f); /* of the file; now, for stdin */
/* After the end only. */
void fk_logfile_digest(struct fk_logfile *f, uint8_t out[FK_SHA256_BYTES]);
void fk_logfile_close(struct fk_logfile **f);

#ifdef __cplusplus
}
#endif
#endif
