/* renewal.c - the list, its stamp, and when it is time for one. */
#include "archiver/vault/renewal.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/stamps_priv.h"
#include "archiver/vault/tiles.h"
#include "base/clock.h"
#include "base/io.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char log_prefix[] = "../log/";

static enum fk_status sha512_hex(const struct fk_buf *b, char hex[2 * FK_SHA512_BYTES + 1],
                                 struct fk_err *err) {
    uint8_t sum[FK_SHA512_BYTES];
    struct fk_digest *d;
    enum fk_status st = fk_digest_new(FK_SHA512, &d, err);
    if (st != FK_OK)
        return st;
    fk_digest_add(d, b->data, b->len);
    fk_digest_end(d, sum);
    fk_digest_free(&d);
    fk_hex(hex, sum, sizeof sum);
    return FK_OK;
}

static enum fk_status line_add(struct fk_buf *list, const char *file, const struct fk_buf *content,
                               struct fk_err *err) {
    char hex[2 * FK_SHA512_BYTES + 1];
    enum fk_status st = sha512_hex(content, hex, err);
    if (st != FK_OK)
        return st;
    fk_buf_printf(list, "%s  %s\n", hex, file);
    return list->failed ? fk_fail(err, FK_NOMEM, "no memory for a list of time stamps") : FK_OK;
}

/* A file by its place in a list, which is as seen from DIR/time. */
static enum fk_status listed_read(const char *dir, const char *file, struct fk_buf *out,
                                  struct fk_err *err) {
    char path[PATH_MAX], below[FK_STAMP_NAME_MAX + 64];
    const size_t skip = sizeof log_prefix - 1;
    const bool in_log = strncmp(file, log_prefix, skip) == 0;
    snprintf(below, sizeof below, "%s%s", in_log ? "log/" : "time/", in_log ? file + skip : file);
    enum fk_status st = fk_join_path(path, sizeof path, dir, below, err);
    if (st == FK_OK)
        st = fk_read_plain(path, FK_RENEWAL_LIST_MAX, out, err);
    return st == FK_NOT_FOUND ? fk_fail(err, st, "%s: the file is missing", below) : st;
}

static enum fk_status file_add(const char *dir, const char *file, struct fk_buf *list,
                               struct fk_err *err) {
    struct fk_buf content = FK_BUF_INIT;
    enum fk_status st = listed_read(dir, file, &content, err);
    if (st == FK_OK)
        st = line_add(list, file, &content, err);
    fk_buf_free(&content);
    return st;
}

/* ---- making one */

struct renewal {
    const struct fk_stamping *s;
    struct fk_stamp_made made;
    struct fk_buf list, note, entries; /* note, entries: with all */
};

/* All that is there; the largest checkpoint and the next number by the way. */
static enum fk_status stamps_list(struct renewal *r, struct fk_err *err) {
    struct fk_stamps_files files;
    unsigned last = 0, n;
    enum fk_status st = fk_stamps__files(r->s->dir, &files, err);
    if (st != FK_OK)
        return st;
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.at[i];
        const size_t len = strcspn(file, ".");
        char id[FK_STAMP_ID + 1];
        uint64_t size;
        int64_t ms;
        if (fk_stamps__name_read(file, len, &size, &ms, id) && size > r->made.size)
            r->made.size = size;
        if (fk_stamps__renewal_read(file, len, &n) && n > last)
            last = n;
        FK_TRY(file_add(r->s->dir, file, &r->list, err));
    }
    snprintf(r->made.name, sizeof r->made.name, "renewal-%u", last + 1);
done:
    fk_stamps__files_free(&files);
    return st;
}

static enum fk_status tiles_list(struct renewal *r, uint64_t size, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (int level = -1; level < FK_TILE_LEVELS - 1; level++) {
        const uint64_t full = size >> (8 * ((level < 0 ? 0 : level) + 1));
        for (uint64_t n = 0; n < full; n++) {
            char file[96];
            const size_t skip = sizeof log_prefix - 1;
            memcpy(file, log_prefix, skip);
            (void)fk_tile_path(file + skip, sizeof file - skip, level, n, FK_TILE_WIDTH);
            FK_TRY(file_add(r->s->dir, file, &r->list, err));
        }
    }
done:
    return st;
}

/* Each line is held against the checkpoint first: what is vouched for anew is what was signed. */
static enum fk_status log_list(struct renewal *r, struct fk_err *err) {
    char log_dir[PATH_MAX], file[FK_STAMP_NAME_MAX + 16];
    struct fk_tiles *tiles = NULL;
    struct fk_checkpoint c;
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_logbook_newest(r->s->dir, NULL, &c, &r->note, err));
    FK_TRY(fk_join_path(log_dir, sizeof log_dir, r->s->dir, "log", err));
    FK_TRY(fk_tiles_open(log_dir, c.size, c.root, &tiles, err));
    for (uint64_t n = 0; n < c.size / FK_TILE_WIDTH; n++) {
        fk_buf_reset(&lines);
        FK_TRY(fk_tiles_bundle(tiles, n, &lines, err));
    }
    FK_TRY(tiles_list(r, c.size, err));
    snprintf(file, sizeof file, "%s.checkpoint", r->made.name);
    FK_TRY(line_add(&r->list, file, &r->note, err));
    if (c.size % FK_TILE_WIDTH) {
        FK_TRY(fk_tiles_bundle(tiles, c.size / FK_TILE_WIDTH, &r->entries, err));
        snprintf(file, sizeof file, "%s.entries", r->made.name);
        FK_TRY(line_add(&r->list, file, &r->entries, err));
    }
    if (c.size > r->made.size)
        r->made.size = c.size;
done:
    fk_tiles_close(&tiles);
    fk_buf_free(&lines);
    return st;
}

enum fk_status fk_renewal_make(const struct fk_stamping *s, bool all, struct fk_stamp_made *out,
                               struct fk_err *err) {
    struct renewal r = {
        s, {.size = 0}, FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT,
    };
    struct fk_stamp_taken t = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, {.time_ms = 0}};
    enum fk_status st;
    FK_TRY(stamps_list(&r, err));
    if (all)
        FK_TRY(log_list(&r, err));
    if (!r.list.len)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "there is no time stamp to renew"));
    if (r.list.len > FK_RENEWAL_LIST_MAX)
        FK_TRY(fk_fail(err, FK_FULL, "the list of a renewal is over %d MiB",
                       FK_RENEWAL_LIST_MAX >> 20));
    FK_TRY(fk_stamps__take(s, r.list.data, r.list.len, &t, err));
    if (r.note.len)
        FK_TRY(fk_stamps__put(s->dir, r.made.name, ".checkpoint", &r.note, err));
    if (r.entries.len)
        FK_TRY(fk_stamps__put(s->dir, r.made.name, ".entries", &r.entries, err));
    FK_TRY(fk_stamps__put(s->dir, r.made.name, ".sha512", &r.list, err));
    FK_TRY(fk_stamps__anchor(s, &t, &r.made, err));
    *out = r.made;
done:
    fk_stamps__taken_free(&t);
    fk_buf_free(&r.list);
    fk_buf_free(&r.note);
    fk_buf_free(&r.entries);
    return st;
}

/* ---- checking one */

/* A tile's path ends in digits below a level, so a directory of the log is none (tiles.h). */
static bool listed_is_safe(const char *file) {
    static const char tiles[] = "../log/tile/";
    if (fk_stamps_is_file(file))
        return true;
    if (strncmp(file, tiles, sizeof tiles - 1) != 0)
        return false;
    const char *tile = file + sizeof tiles - 1, *last = strrchr(tile, '/');
    return last && last[1] && strspn(last + 1, "0123456789") == strlen(last + 1) &&
           !strstr(tile, "..") &&
           strspn(tile, "./abcdefghijklmnopqrstuvwxyz0123456789") == strlen(tile);
}

static enum fk_status line_check(const char *dir, const char *line, size_t len, bool tiles,
                                 struct fk_err *err) {
    enum { HEX = 2 * FK_SHA512_BYTES };
    char file[FK_STAMP_NAME_MAX + 16], hex[HEX + 1];
    struct fk_buf content = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (len < HEX + 3 || len - HEX - 2 >= sizeof file || line[HEX] != ' ' || line[HEX + 1] != ' ')
        return fk_fail(err, FK_CORRUPT, "a line of the list is not of the form");
    snprintf(file, sizeof file, "%.*s", (int)(len - HEX - 2), line + HEX + 2);
    if (strlen(file) != len - HEX - 2 || !listed_is_safe(file))
        return fk_fail(err, FK_CORRUPT, "the list names what is no file of a renewal");
    if (!tiles && strncmp(file, log_prefix, sizeof log_prefix - 1) == 0)
        goto done;
    FK_TRY(listed_read(dir, file, &content, err));
    FK_TRY(sha512_hex(&content, hex, err));
    if (memcmp(hex, line, HEX) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s is not what was listed", file);
done:
    fk_buf_free(&content);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "%s, which was listed, is missing", file)
                              : st;
}

enum fk_status fk_renewal__check(const char *dir, const char *name, const struct fk_buf *list,
                                 bool tiles, struct fk_buf *own, struct fk_err *err) {
    const char *p = (const char *)list->data, *end = p + list->len;
    enum fk_status st = FK_OK;
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf)
            FK_TRY(fk_fail(err, FK_CORRUPT, "time/%s.sha512: its last line has no end", name));
        st = line_check(dir, p, (size_t)(lf - p), tiles, err);
        if (st != FK_OK)
            FK_TRY(fk_err_prefix(err, "time/%s.sha512", name));
        if (!memmem(p, (size_t)(lf - p), log_prefix, sizeof log_prefix - 1))
            fk_buf_add(own, p, (size_t)(lf + 1 - p));
        p = lf + 1;
    }
    if (own->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for the list of a renewal");
done:
    return st;
}

/* ---- when */

static enum fk_status newest_list(const char *dir, const struct fk_stamps_files *files,
                                  struct fk_renewal_state *state, struct fk_buf *list,
                                  struct fk_err *err) {
    char name[FK_STAMP_NAME_MAX];
    unsigned n;
    for (size_t i = 0; i < files->count; i++) {
        const char *file = files->at[i], *dot = strchr(file, '.');
        if (fk_stamps__renewal_read(file, (size_t)(dot - file), &n) && n > state->renewals &&
            strcmp(dot, ".tsr") == 0)
            state->renewals = n;
    }
    if (!state->renewals)
        return FK_OK;
    snprintf(name, sizeof name, "renewal-%u", state->renewals);
    return fk_stamps__get(dir, name, ".sha512", list, err);
}

/* Both the list and the files are in order, so each is gone through once. */
static bool list_has(const struct fk_buf *list, size_t *at, const char *file) {
    char wanted[FK_STAMP_NAME_MAX + 32];
    int len = snprintf(wanted, sizeof wanted, "  %s\n", file);
    const uint8_t *p = memmem(list->data + *at, list->len - *at, wanted, (size_t)len);
    if (!p)
        return false;
    *at = (size_t)(p - list->data);
    return true;
}

static enum fk_status stamp_look(const char *dir, const char *file, bool listed,
                                 struct fk_renewal_state *state, struct fk_err *err) {
    struct fk_buf reply = FK_BUF_INIT;
    char name[FK_STAMP_NAME_MAX], newest[FK_STAMP_NAME_MAX];
    int64_t time_ms, ends_ms;
    enum fk_status st;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
    FK_TRY(fk_stamps__get(dir, name, ".tsr", &reply, err));
    if (fk_stamp_peek(&reply, &time_ms, &ends_ms, NULL) != FK_OK)
        goto done; /* verify's to tell */
    snprintf(newest, sizeof newest, "renewal-%u", state->renewals);
    if (strcmp(name, newest) == 0)
        state->renewed_ms = time_ms;
    if (ends_ms > state->newest_ends_ms)
        state->newest_ends_ms = ends_ms;
    if (!listed && ends_ms && (!state->first_ends_ms || ends_ms < state->first_ends_ms)) {
        state->first_ends_ms = ends_ms;
        snprintf(state->first, sizeof state->first, "%s", name);
    }
done:
    fk_buf_free(&reply);
    return st;
}

enum fk_status fk_renewal_look(const char *dir, struct fk_renewal_state *out, struct fk_err *err) {
    struct fk_stamps_files files;
    struct fk_renewal_state state = {.renewals = 0};
    struct fk_buf list = FK_BUF_INIT;
    size_t at = 0;
    enum fk_status st = fk_stamps__files(dir, &files, err);
    if (st != FK_OK)
        return st;
    FK_TRY(newest_list(dir, &files, &state, &list, err));
    for (size_t i = 0; i < files.count; i++)
        if (strstr(files.at[i], ".tsr"))
            FK_TRY(stamp_look(dir, files.at[i], list.len && list_has(&list, &at, files.at[i]),
                              &state, err));
    *out = state;
done:
    fk_stamps__files_free(&files);
    fk_buf_free(&list);
    return st;
}

bool fk_renewal_is_due(const struct fk_renewal_state *state, int64_t before_ms) {
    return state->first_ends_ms && fk_now_ms() + before_ms > state->first_ends_ms &&
           state->newest_ends_ms > state->first_ends_ms;
}
