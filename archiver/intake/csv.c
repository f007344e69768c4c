/* csv.c - see csv.h; quotes are undone in place. */
#include "archiver/intake/csv.h"

#include <string.h>

static size_t quotes(const char *at, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += at[i] == '"';
    return n;
}

/* Whole rows into csv->row; false in *whole where it has no end or is too long. */
static enum fk_status row_read(struct fk_csv *csv, bool *whole, struct fk_err *err) {
    const char *line;
    size_t len, open;
    enum fk_status st = fk_logfile_next(csv->file, &line, &len, err);
    if (st != FK_OK)
        return st;
    fk_buf_reset(&csv->row);
    fk_buf_add(&csv->row, line, len);
    for (open = quotes(line, len) % 2; open && csv->row.len <= FK_CSV_ROW_MAX;) {
        st = fk_logfile_next(csv->file, &line, &len, err);
        if (st == FK_NOT_FOUND)
            break;
        if (st != FK_OK)
            return st;
        fk_buf_byte(&csv->row, '\n');
        fk_buf_add(&csv->row, line, len);
        open = (open + quotes(line, len)) % 2;
    }
    *whole = !open && csv->row.len <= FK_CSV_ROW_MAX;
    return csv->row.failed ? fk_fail(err, FK_NOMEM, "no memory for a row") : FK_OK;
}

/* One cell from *at on; leaves *at behind it. */
static struct fk_words cell_read(char **at, const char *end) {
    char *from = *at, *p = from, *to = from;
    bool quoted = p < end && *p == '"';
    p += quoted;
    for (; p < end; p++) {
        if (quoted && *p == '"') {
            if (p + 1 < end && p[1] == '"')
                p++;
            else {
                quoted = false;
                continue;
            }
        } else if (!quoted && *p == ',') {
            break;
        }
        *to++ = *p;
    }
    *at = p;
    return (struct fk_words){from, (size_t)(to - from)};
}

static bool row_split(struct fk_csv *csv) {
    char *at = (char *)csv->row.data;
    const char *end = at + csv->row.len;
    for (csv->count = 0; csv->count < FK_CSV_CELLS;) {
        csv->cell[csv->count++] = cell_read(&at, end);
        if (at == end)
            return true;
        at++;
    }
    return false;
}

enum fk_status fk_csv_next(struct fk_csv *csv, struct fk_err *err) {
    for (;;) {
        bool whole = false;
        enum fk_status st = row_read(csv, &whole, err);
        if (st != FK_OK)
            return st;
        (void)fk_buf_cstr(&csv->row); /* an empty row has memory too */
        if (whole && row_split(csv))
            return FK_OK;
        csv->bad++;
    }
}

void fk_csv_free(struct fk_csv *csv) {
    fk_buf_free(&csv->row);
}
