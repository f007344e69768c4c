/*
 * table.h - a dump of a database's table, looked up by the number in its column "id".
 *
 * The form is that of `mysql --batch`: lines of fields between tabs, the first with the columns'
 * names, and \t \n \0 \\ for what would end a field. Only where each line begins is remembered (16
 * bytes a row); lines are read again when they are asked for.
 *
 *     FK_TRY(fk_table_open(path, names, count, &table, err));
 *     for (bool more = fk_table_find(table, id); more; more = fk_table_next(table, id))
 *         ... fk_table_value(table, 1) ...
 *
 * Errors: FK_NOT_FOUND no such file; FK_CORRUPT with the line: no such column, an id that is no
 * number, a line over FK_TABLE_LINE_MAX. Ownership: values are borrowed until the next row.
 * Threads: one at a time.
 */
#ifndef FK_INTAKE_TABLE_H
#define FK_INTAKE_TABLE_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_TABLE_LINE_MAX = 1 << 20, FK_TABLE_COLUMNS = 8 };

struct fk_table;
/* names[0] is "id", or has the part of it where rows have none (all rows then have the id 0). */
FK_CHECKED enum fk_status fk_table_open(const char *path, const char *const *names, size_t count,
                                        struct fk_table **out, struct fk_err *err);
/* The first row with that id, and the next one; false: there is none, or it cannot be read. */
bool fk_table_find(struct fk_table *t, uint64_t id);
bool fk_table_next(struct fk_table *t, uint64_t id);
/* Every row, by ascending id: row 0 to count-1. */
size_t fk_table_count(const struct fk_table *t);
bool fk_table_row(struct fk_table *t, size_t row, uint64_t *id_out);
/* Of the row at hand: the column names[i], its escapes undone. "" for NULL. */
const char *fk_table_value(const struct fk_table *t, size_t i);
void fk_table_close(struct fk_table **t);

#ifdef __cplusplus
}
#endif
#endif
