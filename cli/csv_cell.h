/*
 * csv_cell.h - cells of a table (RFC 4180) for spreadsheets, which take what begins with = + - @ or
 * a tab for a formula, in full width too: such a cell gets a ' before it, unless it is a figure.
 * What is no UTF-8 becomes U+FFFD, a control character a blank.
 */
#ifndef FK_CLI_CSV_CELL_H
#define FK_CLI_CSV_CELL_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

/* A byte order mark, by which spreadsheets know UTF-8. */
#define CLI_CSV_MARK "\xef\xbb\xbf"
/* In quotes, with a comma or CRLF behind it. */
void cli_csv_cell(struct fk_buf *out, const char *text, size_t len, bool is_last);
/* NULL-terminated cells as a row. */
void cli_csv_row(struct fk_buf *out, const char *const *cells);

#ifdef __cplusplus
}
#endif
#endif
