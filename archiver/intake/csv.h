/*
 * csv.h - rows of a table with commas (RFC 4180): quoted cells, "" for a quote, line ends in cells.
 *
 *     struct fk_csv csv = {.file = f};
 *     while ((st = fk_csv_next(&csv, err)) == FK_OK) ... csv.cell[i], csv.count ...
 *     fk_csv_free(&csv);
 *
 * A row over 1 MiB or 256 cells, and one whose quote is never closed, is passed over and counted.
 * Ownership: cells are borrowed until the next call. Errors: logfile.h's; the end is FK_NOT_FOUND.
 */
#ifndef FK_INTAKE_CSV_H
#define FK_INTAKE_CSV_H
#include "archiver/intake/logfile.h"
#include "archiver/intake/maillog.h"
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_CSV_CELLS = 256, FK_CSV_ROW_MAX = 1 << 20 };

struct fk_csv {
    struct fk_logfile *file;
    struct fk_words cell[FK_CSV_CELLS];
    size_t count;
    uint64_t bad; /* rows passed over */
    struct fk_buf row;
};
FK_CHECKED enum fk_status fk_csv_next(struct fk_csv *csv, struct fk_err *err);
void fk_csv_free(struct fk_csv *csv);

#ifdef __cplusplus
}
#endif
#endif
