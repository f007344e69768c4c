/* import_piler.c - messages of a piler archive as pilerexport writes them, ID.eml, each with what
 * piler's tables know of it: its recipients, times, digest. What its users said of messages (tags,
 * notes, holds) and what it disposed of come out as lists. */
#include "archiver/intake/import_priv.h"
#include "archiver/intake/table.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METADATA, RCPT, TAG, NOTE, HOLD, TABLES };
enum { ID, ARRIVED, SENT, RETAINED, DELETED, PILER_ID, DIGEST }; /* columns of metadata */

static const struct {
    const char *file, *columns[FK_TABLE_COLUMNS];
    size_t count;
    bool needed;
} forms[TABLES] = {
    {"metadata.tsv",
     {"id", "arrived", "sent", "retained", "deleted", "piler_id", "digest"},
     7,
     true},
    {"rcpt.tsv", {"id", "to"}, 2, true},
    {"tag.tsv", {"id", "uid", "tag"}, 3, false},
    {"note.tsv", {"id", "uid", "note"}, 3, false},
    {"legal_hold.tsv", {"email"}, 1, false},
};

struct place {
    uint64_t id, seq;
};
struct piler {
    struct fk_import_run *run;
    struct fk_table *table[TABLES];
    struct fk_buf more;
    struct place *places; /* what is in the ledger; sorted at the end */
    size_t count, cap;
    bool failed; /* no memory */
};

/* 17 of ".../17.eml"; false for any other name. */
static bool id_of(const char *path, uint64_t *out) {
    const char *slash = strrchr(path, '/'), *at = slash ? slash + 1 : path;
    char *end;
    errno = 0;
    *out = strtoull(at, &end, 10);
    return *at >= '0' && *at <= '9' && errno == 0 && strcmp(end, ".eml") == 0;
}

static int64_t time_of(struct fk_table *t, size_t column) {
    char *end;
    const char *text = fk_table_value(t, column);
    errno = 0;
    long long s = strtoll(text, &end, 10);
    return *text && !*end && errno == 0 && s > 0 && s < 253402300800LL ? s * 1000 : 0;
}

static void time_add(struct piler *p, const char *name, int64_t ms) {
    char text[FK_TIME_SIZE];
    if (!ms)
        return;
    fk_time_format(text, ms);
    fk_fields_add_str(&p->more, name, text);
}

static bool is_sha256(const char *text) {
    return strlen(text) == 2 * FK_SHA256_BYTES &&
           strspn(text, "0123456789abcdef") == 2 * FK_SHA256_BYTES;
}

/* origin-rcpt is not rcpt-to: piler's table has header and envelope in one. */
static void describe(void *ctx, const char *path) {
    struct piler *p = ctx;
    struct fk_import_run *r = p->run;
    struct fk_table *t = p->table[METADATA], *rcpt = p->table[RCPT];
    uint64_t id;
    fk_buf_reset(&p->more);
    fk_buf_reset(&r->remark);
    r->derived_ms = 0;
    *r->expected = 0;
    r->more = &p->more;
    if (!id_of(path, &id) || !fk_table_find(t, id)) {
        fk_buf_str(&r->remark, "metadata.tsv has no row for it: without its recipients and times");
        return;
    }
    fk_fields_add_str(&p->more, "origin-id", fk_table_value(t, PILER_ID));
    r->derived_ms = time_of(t, ARRIVED);
    time_add(p, "origin-received", r->derived_ms);
    time_add(p, "origin-sent", time_of(t, SENT));
    time_add(p, "origin-retained", time_of(t, RETAINED));
    if (is_sha256(fk_table_value(t, DIGEST)))
        memcpy(r->expected, fk_table_value(t, DIGEST), sizeof r->expected);
    for (bool more = fk_table_find(rcpt, id); more; more = fk_table_next(rcpt, id))
        fk_fields_add_str(&p->more, "origin-rcpt", fk_table_value(rcpt, 1));
}

static void brought(void *ctx, const struct fk_import_item *item, uint64_t seq) {
    struct piler *p = ctx;
    uint64_t id;
    if (!id_of(item->path, &id))
        return;
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 1024;
        struct place *more = realloc(p->places, cap * sizeof *more);
        if (!more) {
            p->failed = true;
            return;
        }
        p->places = more;
        p->cap = cap;
    }
    p->places[p->count++] = (struct place){id, seq};
}

static int by_id(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool seq_of(const struct piler *p, uint64_t id, uint64_t *out) {
    const struct place key = {id, 0},
                       *found =
                           p->count ? bsearch(&key, p->places, p->count, sizeof key, by_id) : NULL;
    if (found)
        *out = found->seq;
    return found != NULL;
}

/* ---- lists */

/* Somebody's words in a line of fields between tabs. */
static void text_put(FILE *f, const char *text) {
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, f);
}

/* seq, user, words; of messages that are not here the id in piler. */
static void said_list(struct piler *p, int table, FILE *f) {
    struct fk_table *t = p->table[table];
    uint64_t id, seq;
    for (size_t i = 0; t && i < fk_table_count(t); i++) {
        if (!fk_table_row(t, i, &id))
            continue;
        if (seq_of(p, id, &seq))
            fprintf(f, "%" PRIu64 "\t", seq);
        else
            fprintf(f, "piler:%" PRIu64 "\t", id);
        text_put(f, fk_table_value(t, 1));
        fputc('\t', f);
        text_put(f, fk_table_value(t, 2));
        fputc('\n', f);
    }
}

static void holds_list(struct piler *p, FILE *f) {
    struct fk_table *t = p->table[HOLD];
    uint64_t id;
    for (size_t i = 0; t && i < fk_table_count(t); i++)
        if (fk_table_row(t, i, &id)) {
            text_put(f, fk_table_value(t, 0));
            fputc('\n', f);
        }
}

/* What piler has disposed of, and what it should have given and did not. */
static void absent_list(struct piler *p, FILE *gone, FILE *missing) {
    struct fk_table *t = p->table[METADATA];
    uint64_t id, seq;
    for (size_t i = 0; i < fk_table_count(t); i++) {
        if (!fk_table_row(t, i, &id) || seq_of(p, id, &seq))
            continue;
        const bool deleted = strcmp(fk_table_value(t, DELETED), "0") != 0;
        FILE *f = deleted ? gone : missing;
        fprintf(f, "%" PRIu64 "\t", id);
        text_put(f, fk_table_value(t, PILER_ID));
        fputc('\t', f);
        text_put(f, fk_table_value(t, ARRIVED));
        fputc('\n', f);
        if (deleted)
            continue;
        char at[40];
        snprintf(at, sizeof at, "id %" PRIu64, id);
        fk_import__refuse(&p->run->window, "metadata.tsv", at,
                          "not deleted in piler, and not among what was imported of its export");
    }
}

static enum fk_status list_open(const char *dir, const char *name, FILE **out, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    if (st == FK_OK && !(*out = fopen(path, "wxe")))
        st = fk_fail_sys(err, errno, "%s: cannot make", path);
    return st;
}

static enum fk_status lists_write(struct piler *p, const char *dir, struct fk_err *err) {
    static const char *const names[] = {"tags.tsv", "notes.tsv", "holds", "disposed.tsv",
                                        "missing.tsv"};
    enum { LISTS = 5 };
    FILE *f[LISTS] = {0};
    enum fk_status st = FK_OK;
    if (p->failed)
        return fk_fail(err, FK_NOMEM, "no memory for the lists of a piler archive");
    if (p->count)
        qsort(p->places, p->count, sizeof *p->places, by_id);
    for (int i = 0; i < LISTS; i++)
        FK_TRY(list_open(dir, names[i], &f[i], err));
    said_list(p, TAG, f[0]);
    said_list(p, NOTE, f[1]);
    holds_list(p, f[2]);
    absent_list(p, f[3], f[4]);
done:
    for (int i = 0; i < LISTS; i++) {
        bool good = !f[i] || !ferror(f[i]);
        if (f[i] && (fclose(f[i]) != 0 || !good) && st == FK_OK)
            st = fk_fail(err, FK_IO, "%s/%s: cannot write", dir, names[i]);
    }
    return st;
}

/* ---- all of it */

static enum fk_status tables_open(struct piler *p, const char *dir, struct fk_err *err) {
    char path[PATH_MAX];
    for (int i = 0; i < TABLES; i++) {
        enum fk_status st = fk_join_path(path, sizeof path, dir, forms[i].file, err);
        if (st == FK_OK)
            st = fk_table_open(path, forms[i].columns, forms[i].count, &p->table[i], err);
        if (st != FK_OK && (st != FK_NOT_FOUND || forms[i].needed))
            return st;
    }
    return FK_OK;
}

enum fk_status fk_import_piler(const struct fk_import_options *options, const char *dir,
                               const char *lists, struct fk_import_sum *out, struct fk_err *err) {
    struct fk_err unheard = FK_ERR_INIT;
    struct piler p = {.more = FK_BUF_INIT};
    enum fk_status st, ended;
    if (!err)
        err = &unheard;
    FK_TRY(tables_open(&p, dir, err));
    FK_TRY(fk_make_dir(lists, 0700, err));
    FK_TRY(fk_import__run_new(options, &p.run, err));
    p.run->describe = describe;
    p.run->describe_ctx = p.run->window.brought_ctx = &p;
    p.run->window.brought = brought;
    fk_import__subdirectories_read(p.run, dir);
    if (p.run->st == FK_OK)
        p.run->st = fk_import__window_drain(&p.run->window, err);
    if (p.run->st == FK_OK)
        p.run->st = lists_write(&p, lists, err);
    ended = fk_import__run_end(&p.run, out);
    st = ended;
done:
    for (int i = 0; i < TABLES; i++)
        fk_table_close(&p.table[i]);
    fk_buf_free(&p.more);
    free(p.places);
    return st;
}
