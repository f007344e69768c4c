/* stamps_files.c - what files in DIR/time are called. */
#include "archiver/vault/stamps_priv.h"
#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BARE = 12 + 1 + 16, WHOLE = BARE + 1 + FK_STAMP_ID, RENEWALS_MAX = 999999 };

void fk_stamps_id(const char *url, char out[FK_STAMP_ID + 1]) {
    uint8_t digest[FK_SHA256_BYTES];
    fk_sha256(url, strlen(url), digest);
    fk_hex(out, digest, FK_STAMP_ID / 2);
}

void fk_stamps__name(char out[FK_STAMP_NAME_MAX], uint64_t size, int64_t time_ms, const char *url) {
    const time_t at = (time_t)(time_ms / 1000);
    struct tm t;
    char when[24], id[FK_STAMP_ID + 1];
    gmtime_r(&at, &t);
    (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &t); /* fits until the year 99999 */
    fk_stamps_id(url, id);
    snprintf(out, FK_STAMP_NAME_MAX, "%012" PRIu64 "-%s-%s", size, when, id);
}

bool fk_stamps__name_read(const char *name, size_t len, uint64_t *size_out, int64_t *ms_out,
                          char id_out[FK_STAMP_ID + 1]) {
    struct tm t = {0};
    char own[WHOLE + 1];
    if (len != BARE && len != WHOLE)
        return false;
    snprintf(own, sizeof own, "%.*s", (int)len, name);
    if (strspn(own, "0123456789") != 12 || own[12] != '-')
        return false;
    const char *end = strptime(own + 13, "%Y%m%dT%H%M%SZ", &t);
    if (!end || end != own + BARE)
        return false;
    if (len == WHOLE && (own[BARE] != '-' || strspn(end + 1, "0123456789abcdef") != FK_STAMP_ID))
        return false;
    snprintf(id_out, FK_STAMP_ID + 1, "%s", len == WHOLE ? own + BARE + 1 : "");
    *size_out = strtoull(own, NULL, 10);
    *ms_out = (int64_t)timegm(&t) * 1000;
    return true;
}

bool fk_stamps__renewal_read(const char *name, size_t len, unsigned *n_out) {
    static const char prefix[] = "renewal-";
    const size_t skip = sizeof prefix - 1;
    unsigned n = 0;
    if (len <= skip || len > skip + 6 || memcmp(name, prefix, skip) != 0 || name[skip] == '0')
        return false;
    for (size_t i = skip; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        n = n * 10 + (unsigned)(name[i] - '0');
    }
    *n_out = n;
    return n <= RENEWALS_MAX;
}

bool fk_stamps_is_file(const char *file) {
    static const char *const of_stamp[] = {".checkpoint", ".tsq", ".tsr", ".crl", NULL};
    static const char *const of_renewal[] = {".sha512", ".entries", ".checkpoint", ".tsq",
                                             ".tsr",    ".crl",     NULL};
    const char *dot = strchr(file, '.');
    char id[FK_STAMP_ID + 1];
    uint64_t size;
    int64_t ms;
    unsigned n;
    if (!dot)
        return false;
    const size_t len = (size_t)(dot - file);
    const char *const *p = fk_stamps__name_read(file, len, &size, &ms, id) ? of_stamp
                           : fk_stamps__renewal_read(file, len, &n)        ? of_renewal
                                                                           : NULL;
    for (; p && *p; p++)
        if (strcmp(*p, dot) == 0)
            return true;
    return false;
}

static bool files_add(struct fk_stamps_files *f, const char *file) {
    if (f->count == f->cap) {
        const size_t cap = f->cap ? f->cap * 2 : 64;
        void *at = realloc(f->at, cap * sizeof *f->at);
        if (!at)
            return false;
        f->at = at;
        f->cap = cap;
    }
    snprintf(f->at[f->count++], sizeof *f->at, "%.*s", (int)sizeof *f->at - 1, file);
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

enum fk_status fk_stamps__files(const char *dir, struct fk_stamps_files *out, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_stamps_files f = {NULL, 0, 0};
    DIR *d = NULL;
    enum fk_status st = FK_OK;
    FK_TRY(fk_join_path(path, sizeof path, dir, "time", err));
    d = opendir(path);
    if (!d && errno != ENOENT)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot read the directory", path));
    for (struct dirent *e; d && (e = readdir(d));)
        if (fk_stamps_is_file(e->d_name) && !files_add(&f, e->d_name))
            FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the list of time stamps"));
    if (f.count)
        qsort(f.at, f.count, sizeof *f.at, by_name);
    *out = f;
    f.at = NULL;
done:
    if (d)
        closedir(d);
    free(f.at);
    return st;
}

void fk_stamps__files_free(struct fk_stamps_files *f) {
    free(f->at);
    *f = (struct fk_stamps_files){NULL, 0, 0};
}

static enum fk_status path_make(char out[PATH_MAX], const char *dir, const char *name,
                                const char *suffix, struct fk_err *err) {
    char file[96];
    snprintf(file, sizeof file, "time/%s%s", name, suffix);
    return fk_join_path(out, PATH_MAX, dir, file, err);
}

enum fk_status fk_stamps__put(const char *dir, const char *name, const char *suffix,
                              const struct fk_buf *b, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, dir, name, suffix, err);
    return st == FK_OK ? fk_atomic_put(path, 0644, b->data, b->len, err) : st;
}

enum fk_status fk_stamps__get(const char *dir, const char *name, const char *suffix,
                              struct fk_buf *b, struct fk_err *err) {
    char path[PATH_MAX];
    const bool is_list = strcmp(suffix, ".sha512") == 0;
    enum fk_status st = path_make(path, dir, name, suffix, err);
    if (st == FK_OK)
        st = fk_read_plain(path, is_list ? FK_RENEWAL_LIST_MAX : FK_STAMP_FILE_MAX, b, err);
    return st == FK_NOT_FOUND ? fk_fail(err, st, "time/%s%s: the file is missing", name, suffix)
                              : st;
}

bool fk_stamps__has(const char *dir, const char *name, const char *suffix) {
    char path[PATH_MAX];
    return path_make(path, dir, name, suffix, NULL) == FK_OK && access(path, F_OK) == 0;
}
