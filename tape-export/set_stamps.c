/* set_stamps.c - time stamps onto a set, checked there, and back. */
#include "tape-export/set_stamps.h"
#include "archiver/vault/note.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = FK_SET_TIME "/";
enum { PREFIX = sizeof prefix - 1, FILE_MAX = 256 << 20 };

/* ---- while the ledger is read */

enum fk_status fk_set_stamps_want(struct fk_set_stamps *s, uint64_t size, struct fk_err *err) {
    if (s->point_count == s->point_cap) {
        const size_t cap = s->point_cap ? s->point_cap * 2 : 64;
        struct fk_set_point *points = realloc(s->points, cap * sizeof *points);
        if (!points)
            return fk_fail(err, FK_NOMEM, "no memory for the list of checkpoints");
        s->points = points;
        s->point_cap = cap;
    }
    s->points[s->point_count++] = (struct fk_set_point){.size = size};
    return FK_OK;
}

static int by_size(const void *a, const void *b) {
    const uint64_t x = ((const struct fk_set_point *)a)->size,
                   y = ((const struct fk_set_point *)b)->size;
    return (x > y) - (x < y);
}

static void points_sort(struct fk_set_stamps *s) {
    size_t kept = 0;
    if (s->point_count)
        qsort(s->points, s->point_count, sizeof *s->points, by_size);
    for (size_t i = 0; i < s->point_count; i++)
        if (s->points[i].size && (!kept || s->points[kept - 1].size != s->points[i].size))
            s->points[kept++] = s->points[i];
    s->point_count = kept;
}

static enum fk_status anchor_take(struct fk_set_stamps *s, const struct fk_entry *e,
                                  struct fk_err *err) {
    if (s->count == s->cap) {
        const size_t cap = s->cap ? s->cap * 2 : 64;
        struct fk_set_anchor *at = realloc(s->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for the list of time stamps");
        s->at = at;
        s->cap = cap;
    }
    char *fields = strndup(e->fields, e->fields_len);
    if (!fields)
        return fk_fail(err, FK_NOMEM, "no memory for the list of time stamps");
    s->at[s->count] = (struct fk_set_anchor){*e, fields};
    s->at[s->count++].entry.fields = fields;
    return FK_OK;
}

/* The tree has all entries before e. */
static enum fk_status entry_see(void *ctx, const struct fk_entry *e, struct fk_err *err) {
    struct fk_set_stamps *s = ctx;
    if (s->passed < s->point_count && s->points[s->passed].size == e->seq)
        (void)fk_set_stamps_end(s, e->seq);
    if (s->passed < s->point_count && s->points[s->passed].size == e->seq + 1)
        s->points[s->passed].newest_ms = e->time_ms;
    return fk_entry_is(e, "anchor") ? anchor_take(s, e, err) : FK_OK;
}

enum fk_status fk_set_stamps_begin(struct fk_set_stamps *s, struct fk_ledger_text *text,
                                   const struct fk_manifest *payload, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < payload->count; i++) {
        const char *file = payload->at[i].name + PREFIX;
        if (strncmp(payload->at[i].name, prefix, PREFIX) == 0 && fk_stamps_is_file(file) &&
            *file >= '0' && *file <= '9')
            FK_TRY(fk_set_stamps_want(s, strtoull(file, NULL, 10), err));
    }
    points_sort(s);
    text->root_at = s->point_count ? s->points[s->point_count - 1].size : 0;
    text->each = entry_see;
    text->ctx = s;
    s->text = text;
done:
    return st;
}

const struct fk_set_point *fk_set_stamps_end(struct fk_set_stamps *s, uint64_t size) {
    const struct fk_set_point wanted = {.size = size};
    struct fk_set_point *p = s->passed < s->point_count ? &s->points[s->passed] : NULL;
    if (p && p->size == s->text->next_seq) {
        fk_frontier_root(&s->text->tree, p->root);
        p->has_root = true;
        s->passed++;
    }
    p = s->point_count ? bsearch(&wanted, s->points, s->point_count, sizeof *p, by_size) : NULL;
    return p && p->has_root ? p : NULL;
}

void fk_set_stamps_free(struct fk_set_stamps *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->at[i].fields);
    free(s->at);
    free(s->points);
    *s = (struct fk_set_stamps){.count = 0};
}

/* ---- on the set */

static bool has_file(const struct fk_manifest *payload, const char *name, const char *suffix) {
    char file[FK_STAMP_NAME_MAX + 40];
    snprintf(file, sizeof file, "%s%s%s", prefix, name, suffix);
    return fk_manifest_find(payload, file) != NULL;
}

/* A set of before there were any, and a stamp that the vault had lost, have none of them. */
static bool has_any(const struct fk_manifest *payload, const char *name) {
    return has_file(payload, name, ".tsr") || has_file(payload, name, ".tsq") ||
           has_file(payload, name, ".checkpoint") || has_file(payload, name, ".sha512");
}

static enum fk_status root_check(struct fk_set_stamps *s, const char *dir,
                                 const struct fk_stamp_seen *seen, struct fk_err *err) {
    char path[PATH_MAX], file[FK_STAMP_NAME_MAX + 40];
    struct fk_buf note = FK_BUF_INIT;
    struct fk_checkpoint c;
    const struct fk_set_point *p = fk_set_stamps_end(s, seen->size);
    enum fk_status st;
    snprintf(file, sizeof file, "%s%s.checkpoint", prefix, seen->name);
    FK_TRY(fk_join_path(path, sizeof path, dir, file, err));
    FK_TRY(fk_read_plain(path, FILE_MAX, &note, err));
    FK_TRY(fk_checkpoint_read(note.data, note.len, &c, err));
    if (!p || memcmp(p->root, c.root, sizeof c.root) != 0)
        st = fk_fail(err, FK_CORRUPT,
                     "time/%s.checkpoint was stamped over another ledger: the root of the first "
                     "%llu entries is not its root",
                     seen->name, (unsigned long long)seen->size);
done:
    fk_buf_free(&note);
    return st;
}

static enum fk_status order_check(struct fk_set_stamps *s, const struct fk_stamp_seen *seen,
                                  struct fk_err *err) {
    char stamped[FK_TIME_SIZE], received[FK_TIME_SIZE];
    const struct fk_set_point *p = fk_set_stamps_end(s, seen->size);
    if (!p || seen->time_ms + FK_STAMP_CLOCKS_MS >= p->newest_ms)
        return FK_OK;
    fk_time_format(stamped, seen->time_ms);
    fk_time_format(received, p->newest_ms);
    return fk_fail(err, FK_CORRUPT,
                   "time/%s.tsr says %s, before entry %llu under it was received (%s)", seen->name,
                   stamped, (unsigned long long)seen->size - 1, received);
}

static enum fk_status stamp_check(struct fk_set_stamps *s, const char *dir,
                                  const struct fk_stamps_place *place,
                                  const struct fk_entry *anchor, struct fk_err *err) {
    struct fk_stamp_seen seen;
    enum fk_status st;
    FK_TRY(fk_stamps_check(place, anchor, &seen, err));
    if (!seen.is_renewal)
        FK_TRY(root_check(s, dir, &seen, err));
    st = order_check(s, &seen, err);
done:
    fk_buf_free(&seen.list);
    return st;
}

void fk_set_stamps_check(struct fk_set_stamps *s, const char *dir, const char *roots,
                         const struct fk_manifest *payload, fk_set_stamps_fn finding, void *ctx,
                         struct fk_set_stamps_sum *out) {
    char data[PATH_MAX], name[FK_STAMP_NAME_MAX] = "", where[FK_STAMP_NAME_MAX + 60], text[700];
    struct fk_err err = FK_ERR_INIT;
    *out = (struct fk_set_stamps_sum){0, 0};
    if (fk_join_path(data, sizeof data, dir, "data", &err) != FK_OK) {
        finding(ctx, FK_SET_TIME, err.text);
        return;
    }
    const struct fk_stamps_place place = {data, roots, true};
    for (size_t i = 0; i < s->count; i++) {
        const struct fk_entry *anchor = &s->at[i].entry;
        if (!fk_entry_field(anchor, "stamp", name, sizeof name) || !has_any(payload, name))
            continue;
        out->here++;
        err = (struct fk_err)FK_ERR_INIT;
        if (stamp_check(s, dir, &place, anchor, &err) == FK_OK) {
            out->good++;
            continue;
        }
        snprintf(where, sizeof where, "%s%s.tsr", prefix, name);
        snprintf(text, sizeof text, "%s (its anchor is entry %llu)", err.text,
                 (unsigned long long)anchor->seq);
        finding(ctx, where, text);
    }
}

/* ---- onto a set */

static enum fk_status anchors_read(struct fk_set_stamps *s, struct fk_lend *lend, uint64_t head,
                                   struct fk_err *err) {
    struct fk_ledger_text t = {.each = entry_see, .ctx = s};
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    while (t.next_seq < head) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, t.next_seq, &lines, err));
        const char *at = (const char *)lines.data, *end = at + lines.len, *lf;
        for (; t.next_seq < head && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1)
            FK_TRY(fk_ledger_text_take(&t, at, (size_t)(lf + 1 - at), err));
    }
done:
    fk_ledger_text_free(&t);
    fk_buf_free(&lines);
    return st;
}

/* Those that are whole lose their fields: what is left is left out. */
static enum fk_status whole_ones_drop(const struct fk_set_stamps_order *o, struct fk_set_stamps *s,
                                      struct fk_err *err) {
    const struct fk_stamps_place place = {o->vault, NULL, false};
    for (size_t i = 0; i < s->count; i++) {
        struct fk_stamp_seen seen;
        struct fk_err why = FK_ERR_INIT;
        enum fk_status st = fk_stamps_check(&place, &s->at[i].entry, &seen, &why);
        fk_buf_free(&seen.list);
        if (st == FK_OK) {
            free(s->at[i].fields);
            s->at[i].fields = NULL;
        } else if (st == FK_CORRUPT || st == FK_NOT_FOUND) {
            char where[40];
            snprintf(where, sizeof where, "entry %llu", (unsigned long long)s->at[i].entry.seq);
            o->left_out(o->ctx, where, why.text);
        } else {
            return fk_fail(err, st, "%s", why.text);
        }
    }
    return FK_OK;
}

static bool is_left_out(const struct fk_set_stamps *s, const char *file) {
    char name[FK_STAMP_NAME_MAX];
    const size_t len = strcspn(file, ".");
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].fields && fk_entry_field(&s->at[i].entry, "stamp", name, sizeof name) &&
            strlen(name) == len && memcmp(name, file, len) == 0)
            return true;
    return false;
}

static int is_ours(const struct dirent *e) {
    return fk_stamps_is_file(e->d_name);
}

static enum fk_status folder_read(const char *folder, struct dirent ***names, int *n,
                                  struct fk_err *err) {
    *n = scandir(folder, names, is_ours, alphasort);
    if (*n >= 0)
        return FK_OK;
    *n = 0;
    return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "%s: cannot read", folder);
}

static void names_free(struct dirent **names, int n) {
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static enum fk_status folder_make(const char *dir, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, dir, FK_SET_TIME, err));
    FK_TRY(fk_make_dir(path, 0755, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "data", err));
    st = fk_sync_dir(path, err);
done:
    return st;
}

static enum fk_status file_put(const char *folder, const char *file, struct fk_volume *v,
                               struct fk_err *err) {
    char path[PATH_MAX], name[PREFIX + 256];
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st;
    snprintf(name, sizeof name, "%s%s", prefix, file);
    FK_TRY(fk_join_path(path, sizeof path, folder, file, err));
    FK_TRY(fk_read_plain(path, FILE_MAX, &b, err));
    st = fk_volume_put(v, name, b.data, b.len, err);
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_set_stamps_write(const struct fk_set_stamps_order *o, struct fk_volume *volume,
                                   struct fk_err *err) {
    struct fk_set_stamps s = {.count = 0};
    char folder[PATH_MAX];
    struct dirent **names = NULL;
    int n = 0;
    enum fk_status st;
    FK_TRY(fk_join_path(folder, sizeof folder, o->vault, "time", err));
    FK_TRY(folder_read(folder, &names, &n, err));
    if (!n)
        goto done;
    FK_TRY(anchors_read(&s, o->lend, o->head, err));
    FK_TRY(whole_ones_drop(o, &s, err));
    FK_TRY(folder_make(volume->dir, err));
    for (int i = 0; i < n; i++)
        if (!is_left_out(&s, names[i]->d_name))
            FK_TRY(file_put(folder, names[i]->d_name, volume, err));
done:
    names_free(names, n);
    fk_set_stamps_free(&s);
    return st;
}

/* ---- back into a vault */

static enum fk_status file_restore(const struct fk_manifest *listed, const char *set,
                                   const char *file, const char *to, struct fk_err *err) {
    char path[PATH_MAX], name[PREFIX + 256], hex[2 * FK_SHA256_BYTES + 1];
    uint8_t sum[FK_SHA256_BYTES];
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st;
    snprintf(name, sizeof name, "%s%s", prefix, file);
    const struct fk_listed *l = fk_manifest_find(listed, name);
    FK_TRY(fk_join_path(path, sizeof path, set, name, err));
    FK_TRY(fk_read_plain(path, FILE_MAX, &b, err));
    fk_sha256(b.data, b.len, sum);
    fk_hex(hex, sum, sizeof sum);
    if (!l || strcmp(l->sum.sha256, hex) != 0)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: is not what the set's manifest lists", path));
    st = fk_atomic_put(to, 0644, b.data, b.len, err);
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_set_stamps_restore(const char *set, const char *to, fk_set_stamps_fn left_out,
                                     void *ctx, uint64_t *files, struct fk_err *err) {
    char folder[PATH_MAX], path[PATH_MAX], name[FK_STAMP_NAME_MAX + 40];
    struct fk_manifest listed = {0};
    struct fk_buf text = FK_BUF_INIT;
    struct dirent **names = NULL;
    int n = 0;
    enum fk_status st;
    FK_TRY(fk_join_path(folder, sizeof folder, set, FK_SET_TIME, err));
    FK_TRY(folder_read(folder, &names, &n, err));
    if (!n)
        goto done;
    FK_TRY(fk_join_path(path, sizeof path, set, "manifest-sha256.txt", err));
    FK_TRY(fk_read_plain(path, (size_t)1 << 28, &text, err));
    FK_TRY(fk_manifest_read(&listed, FK_SHA256, text.data, text.len, err));
    for (int i = 0; i < n; i++) {
        struct fk_err why = FK_ERR_INIT;
        snprintf(name, sizeof name, "time/%.*s", FK_STAMP_NAME_MAX + 30, names[i]->d_name);
        FK_TRY(fk_join_path(path, sizeof path, to, name, err));
        if (access(path, F_OK) == 0)
            continue;
        st = file_restore(&listed, set, names[i]->d_name, path, &why);
        if (st == FK_OK) {
            ++*files;
            continue;
        }
        if (st != FK_CORRUPT && st != FK_NOT_FOUND)
            FK_TRY(fk_fail(err, st, "%s", why.text));
        left_out(ctx, name, why.text);
        st = FK_OK;
    }
done:
    names_free(names, n);
    fk_manifest_free(&listed);
    fk_buf_free(&text);
    return st;
}
