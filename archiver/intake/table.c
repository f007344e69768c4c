/* table.c - one pass to find the lines, then each as it is wanted. */
#include "archiver/intake/table.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    uint64_t id;
    off_t at;
};
struct fk_table {
    char *path;
    FILE *file;
    size_t count, columns, place[FK_TABLE_COLUMNS]; /* place: in a line, of each that is wanted */
    bool has_id;
    struct row *rows;
    size_t row_count, row_cap, row;
    char *line;
    size_t line_cap;
    char *value[FK_TABLE_COLUMNS];
};

static void unescape(char *s) {
    char *to = s;
    if (strcmp(s, "NULL") == 0)
        *s = 0;
    for (; *s; s++) {
        if (*s != '\\' || !s[1]) {
            *to++ = *s;
            continue;
        }
        s++;
        *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s == '0' ? ' ' : *s;
    }
    *to = 0;
}

/* The line at hand into its fields; false: it has too few. */
static bool line_split(struct fk_table *t) {
    size_t column = 0, found = 0;
    char *at = t->line, *tab;
    do {
        if ((tab = strchr(at, '\t')))
            *tab = 0;
        for (size_t i = 0; i < t->count; i++)
            if (t->place[i] == column) {
                t->value[i] = at;
                found++;
            }
        column++;
        at = tab ? tab + 1 : at;
    } while (tab);
    for (size_t i = 0; i < t->count && found == t->count; i++)
        unescape(t->value[i]);
    return found == t->count;
}

static enum fk_status line_read(struct fk_table *t, bool *end, struct fk_err *err) {
    errno = 0;
    ssize_t n = getline(&t->line, &t->line_cap, t->file);
    *end = n < 0;
    if (n < 0)
        return feof(t->file) ? FK_OK : fk_fail_sys(err, errno, "%s: cannot read", t->path);
    if (n > FK_TABLE_LINE_MAX)
        return fk_fail(err, FK_CORRUPT, "%s: a line of over %d bytes", t->path, FK_TABLE_LINE_MAX);
    while (n && (t->line[n - 1] == '\n' || t->line[n - 1] == '\r'))
        t->line[--n] = 0;
    return FK_OK;
}

static enum fk_status header_read(struct fk_table *t, const char *const *names,
                                  struct fk_err *err) {
    bool end;
    enum fk_status st = line_read(t, &end, err);
    if (st != FK_OK)
        return st;
    if (end)
        return fk_fail(err, FK_CORRUPT, "%s: empty; its first line is to have the columns' names",
                       t->path);
    for (size_t i = 0; i < t->count; i++) {
        size_t column = 0;
        bool found = false;
        const char *at = t->line;
        for (;; column++) {
            size_t len = strcspn(at, "\t");
            if (strlen(names[i]) == len && memcmp(at, names[i], len) == 0) {
                found = true;
                break;
            }
            if (!at[len])
                break;
            at += len + 1;
        }
        if (!found)
            return fk_fail(err, FK_CORRUPT, "%s: line 1: there is no column \"%s\"", t->path,
                           names[i]);
        t->place[i] = column;
    }
    return FK_OK;
}

static bool id_read(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && errno == 0;
}

static enum fk_status rows_find(struct fk_table *t, struct fk_err *err) {
    for (uint64_t number = 2;; number++) {
        bool end;
        off_t at = ftello(t->file);
        uint64_t id = 0;
        enum fk_status st = line_read(t, &end, err);
        if (st != FK_OK || end)
            return st;
        if (!*t->line)
            continue;
        if (!line_split(t) || (t->has_id && !id_read(t->value[0], &id)))
            return fk_fail(err, FK_CORRUPT, "%s: line %" PRIu64 ": not of the form", t->path,
                           number);
        if (t->row_count == t->row_cap) {
            size_t cap = t->row_cap ? 2 * t->row_cap : 1024;
            struct row *more = realloc(t->rows, cap * sizeof *more);
            if (!more)
                return fk_fail(err, FK_NOMEM, "%s: no memory for its rows", t->path);
            t->rows = more;
            t->row_cap = cap;
        }
        t->rows[t->row_count++] = (struct row){id, at};
    }
}

static int by_id(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->at < y->at ? -1 : x->at > y->at;
}

enum fk_status fk_table_open(const char *path, const char *const *names, size_t count,
                             struct fk_table **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_table *t = calloc(1, sizeof *t);
    if (!t || !(t->path = strdup(path)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for %s", path));
    t->count = count < FK_TABLE_COLUMNS ? count : FK_TABLE_COLUMNS;
    t->has_id = strcmp(names[0], "id") == 0;
    if (!(t->file = fopen(path, "re")))
        FK_TRY(errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: there is no such file", path)
                               : fk_fail_sys(err, errno, "%s: cannot open", path));
    FK_TRY(header_read(t, names, err));
    FK_TRY(rows_find(t, err));
    if (t->row_count)
        qsort(t->rows, t->row_count, sizeof *t->rows, by_id);
    *out = t;
    t = NULL;
done:
    fk_table_close(&t);
    return st;
}

size_t fk_table_count(const struct fk_table *t) {
    return t->row_count;
}

bool fk_table_row(struct fk_table *t, size_t row, uint64_t *id_out) {
    bool end;
    if (row >= t->row_count || fseeko(t->file, t->rows[row].at, SEEK_SET) != 0 ||
        line_read(t, &end, NULL) != FK_OK || end || !line_split(t))
        return false;
    t->row = row;
    *id_out = t->rows[row].id;
    return true;
}

bool fk_table_find(struct fk_table *t, uint64_t id) {
    size_t low = 0, high = t->row_count;
    uint64_t got;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->row_count && t->rows[low].id == id && fk_table_row(t, low, &got);
}

bool fk_table_next(struct fk_table *t, uint64_t id) {
    uint64_t got;
    size_t row = t->row + 1;
    return row < t->row_count && t->rows[row].id == id && fk_table_row(t, row, &got);
}

const char *fk_table_value(const struct fk_table *t, size_t i) {
    return t->value[i];
}

void fk_table_close(struct fk_table **tp) {
    struct fk_table *t = *tp;
    if (!t)
        return;
    if (t->file)
        (void)fclose(t->file); /* only read */
    free(t->rows);
    free(t->line);
    free(t->path);
    free(t);
    *tp = NULL;
}
