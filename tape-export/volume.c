/* volume.c - what a directory holds, and files that are wholly on it or not at all. */
#include "tape-export/volume.h"
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What mkfs and LTFS themselves put into the root of a file system. */
static bool of_the_file_system(const char *name) {
    return strcmp(name, "lost+found") == 0 || strcmp(name, "_ltfs_lostandfound") == 0;
}

enum fk_status fk_volume_fail(const char *dir, int errnum, struct fk_err *err) {
    switch (errnum) {
    case ENOENT:
        return fk_fail(err, FK_INVALID, "%s: there is no such directory", dir);
    case ENOTDIR:
        return fk_fail(err, FK_INVALID, "%s: is no directory; expected that of a set", dir);
    case EACCES:
    case EPERM:
        return fk_fail(err, FK_DENIED, "%s: %s; whoever may read it can do this", dir,
                       strerror(errnum));
    default:
        return fk_fail_sys(err, errnum, "%s: cannot open the directory", dir);
    }
}

enum fk_status fk_volume_check(const char *dir, struct fk_err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fk_volume_fail(dir, errno, err);
    fk_close(&fd);
    return FK_OK;
}

static enum fk_status look_around(const char *dir, struct fk_volume_look *look, bool *complete,
                                  bool *begun, struct fk_err *err) {
    DIR *d = opendir(dir);
    struct dirent *e;
    if (!d && errno == ENOENT)
        return fk_make_dir(dir, 0755, err);
    if (!d)
        return fk_volume_fail(dir, errno, err);
    errno = 0;
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            of_the_file_system(e->d_name))
            continue;
        if (strcmp(e->d_name, "tagmanifest-sha256.txt") == 0)
            *complete = true;
        else if (strcmp(e->d_name, "bag-info.txt") == 0 ||
                 strcmp(e->d_name, "bag-info.txt.new") == 0)
            *begun = true;
        else
            snprintf(look->foreign, sizeof look->foreign, "%s", e->d_name);
    }
    int saved = errno;
    (void)closedir(d);
    return saved ? fk_fail_sys(err, saved, "%s: cannot read the directory", dir) : FK_OK;
}

enum fk_status fk_volume_look(const char *dir, struct fk_volume_look *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool complete = false, begun = false;
    char path[PATH_MAX];
    struct fk_volume_look look = {FK_VOLUME_EMPTY, "", ""};
    struct fk_buf info = FK_BUF_INIT;
    FK_TRY(look_around(dir, &look, &complete, &begun, err));
    if (complete || begun) {
        FK_TRY(fk_join_path(path, sizeof path, dir, "bag-info.txt", err));
        st = fk_read_plain(path, 65536, &info, err);
        if (st != FK_OK && st != FK_NOT_FOUND)
            goto done;
        st = FK_OK;
        (void)fk_bag_info_find(info.data, info.len, "Fumikura-Ledger", look.ledger,
                               sizeof look.ledger);
    }
    if (*look.ledger)
        look.state = complete ? FK_VOLUME_COMPLETE : FK_VOLUME_INTERRUPTED;
    else if (complete || *look.foreign)
        look.state = FK_VOLUME_FOREIGN;
    *out = look;
done:
    fk_buf_free(&info);
    return st;
}

bool fk_bag_info_find(const void *text, size_t len, const char *label, char *out, size_t size) {
    const char *at = text, *end = at + len;
    size_t n = strlen(label);
    for (; at < end; at++) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t line = lf ? (size_t)(lf - at) : (size_t)(end - at);
        if (line > n + 2 && memcmp(at, label, n) == 0 && memcmp(at + n, ": ", 2) == 0 &&
            line - n - 2 < size) {
            memcpy(out, at + n + 2, line - n - 2);
            out[line - n - 2] = 0;
            return true;
        }
        at += line;
    }
    return false;
}

struct fk_volume_file {
    struct fk_atomic_file *file;
    struct fk_summer *summer; /* the volume's */
    char name[512];
};

enum fk_status fk_volume_begin(struct fk_volume *v, const char *name, struct fk_volume_file **out,
                               struct fk_err *err) {
    enum fk_status st = FK_OK;
    char path[PATH_MAX], temp[PATH_MAX];
    struct fk_volume_file *f = calloc(1, sizeof *f);
    if (!f)
        return fk_fail(err, FK_NOMEM, "%s: no memory", name);
    if (!v->summer)
        FK_TRY(fk_summer_new(&v->summer, err));
    f->summer = v->summer;
    snprintf(f->name, sizeof f->name, "%s", name);
    FK_TRY(fk_join_path(path, sizeof path, v->dir, name, err));
    int n = snprintf(temp, sizeof temp, "%s.new", path);
    if (n > 0 && (size_t)n < sizeof temp)
        (void)unlink(temp); /* of an earlier attempt; where it is no file nothing waits for it */
    FK_TRY(fk_atomic_begin(path, 0644, &f->file, err));
    *out = f;
    f = NULL;
done:
    free(f);
    return st;
}

enum fk_status fk_volume_add(struct fk_volume_file *f, const void *data, size_t len,
                             struct fk_err *err) {
    int injected = fk_fault("tape-write");
    if (injected)
        return fk_fail_sys(err, injected, "%s: cannot write", f->name);
    fk_summer_add(f->summer, data, len);
    return fk_atomic_write(f->file, data, len, err);
}

enum fk_status fk_volume_end(struct fk_volume *v, struct fk_volume_file **fp, struct fk_err *err) {
    struct fk_volume_file *f = *fp;
    struct fk_sum sum;
    fk_summer_end(f->summer, &sum);
    enum fk_status st = fk_atomic_commit(&f->file, err);
    if (st == FK_OK)
        st = fk_manifest_add(strncmp(f->name, "data/", 5) == 0 ? &v->payload : &v->tags, f->name,
                             &sum, err);
    fk_volume_drop(fp);
    return st;
}

void fk_volume_drop(struct fk_volume_file **fp) {
    struct fk_volume_file *f = *fp;
    if (!f)
        return;
    struct fk_sum unused;
    fk_summer_end(f->summer, &unused);
    fk_atomic_abort(&f->file);
    free(f);
    *fp = NULL;
}

enum fk_status fk_volume_put(struct fk_volume *v, const char *name, const void *data, size_t len,
                             struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_volume_file *f = NULL;
    FK_TRY(fk_volume_begin(v, name, &f, err));
    FK_TRY(fk_volume_add(f, data, len, err));
    st = fk_volume_end(v, &f, err);
done:
    fk_volume_drop(&f);
    return st;
}

enum fk_status fk_volume_reuse(struct fk_volume *v, const char *name, const char *sha256,
                               struct fk_err *err) {
    enum fk_status st = FK_OK;
    char path[PATH_MAX];
    struct fk_sum sum;
    int fd = -1;
    if (!v->summer)
        FK_TRY(fk_summer_new(&v->summer, err));
    FK_TRY(fk_join_path(path, sizeof path, v->dir, name, err));
    FK_TRY(fk_open_plain(AT_FDCWD, path, path, &fd, err));
    FK_TRY(fk_summer_file(v->summer, fd, path, &sum, err));
    if (strcmp(sum.sha256, sha256) != 0)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "%s: differs", path));
    st = fk_manifest_add(&v->payload, name, &sum, err);
done:
    fk_close(&fd);
    return st;
}

void fk_volume_free(struct fk_volume *v) {
    fk_manifest_free(&v->payload);
    fk_manifest_free(&v->tags);
    fk_summer_free(&v->summer);
}
