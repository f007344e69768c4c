/* atomic_file.c - temp, write, fsync, close, rename, fsync of the directory. */
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fk_atomic_file {
    int fd;
    char path[PATH_MAX], temp[PATH_MAX];
};

static void parent_of(const char *path, char out[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, PATH_MAX, ".");
    else
        snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

enum fk_status fk_atomic_begin(const char *path, mode_t mode, struct fk_atomic_file **out,
                               struct fk_err *err) {
    struct fk_atomic_file *f = malloc(sizeof *f);
    if (!f)
        return fk_fail(err, FK_NOMEM, "%s: no memory", path);
    f->fd = -1;
    int n = snprintf(f->temp, sizeof f->temp, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof f->temp) {
        free(f);
        return fk_fail(err, FK_INVALID, "%s: the path is too long", path);
    }
    memcpy(f->path, path, strlen(path) + 1);
    int injected = fk_fault("create");
    /* what a crash left may be read-only, or a link that leads elsewhere */
    (void)unlink(f->temp);
    if (!injected)
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (f->fd < 0) {
        enum fk_status st =
            fk_fail_sys(err, injected ? injected : errno, "%s: cannot create", f->temp);
        free(f);
        return st;
    }
    *out = f;
    return FK_OK;
}

enum fk_status fk_atomic_write(struct fk_atomic_file *f, const void *data, size_t len,
                               struct fk_err *err) {
    return fk_write_full(f->fd, data, len, f->temp, err);
}

static enum fk_status sync_and_close(struct fk_atomic_file *f, struct fk_err *err) {
    int injected = fk_fault("fsync");
    if (injected || fsync(f->fd) != 0)
        return fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", f->temp);
    int rc = close(f->fd);
    f->fd = -1;
    return rc ? fk_fail_sys(err, errno, "%s: cannot close", f->temp) : FK_OK;
}

enum fk_status fk_atomic_flush(struct fk_atomic_file *f, struct fk_err *err) {
    return fdatasync(f->fd) == 0 ? FK_OK : fk_fail_sys(err, errno, "%s: cannot sync", f->temp);
}

enum fk_status fk_atomic_commit(struct fk_atomic_file **fp, struct fk_err *err) {
    struct fk_atomic_file *f = *fp;
    enum fk_status st = sync_and_close(f, err);
    if (st == FK_OK) {
        int injected = fk_fault("rename");
        if (injected || rename(f->temp, f->path) != 0)
            st = fk_fail_sys(err, injected ? injected : errno, "%s: cannot rename to %s", f->temp,
                             f->path);
    }
    if (st == FK_OK) {
        char dir[PATH_MAX];
        parent_of(f->path, dir);
        st = fk_sync_dir(dir, err);
        free(f);
        *fp = NULL;
        return st;
    }
    fk_atomic_abort(fp);
    return st;
}

void fk_atomic_abort(struct fk_atomic_file **fp) {
    struct fk_atomic_file *f = *fp;
    if (!f)
        return;
    fk_close(&f->fd);
    (void)unlink(f->temp); /* a left-over .new file is removed by the next attempt */
    free(f);
    *fp = NULL;
}

enum fk_status fk_atomic_put(const char *path, mode_t mode, const void *data, size_t len,
                             struct fk_err *err) {
    struct fk_atomic_file *f = NULL;
    enum fk_status st;
    FK_TRY(fk_atomic_begin(path, mode, &f, err));
    FK_TRY(fk_atomic_write(f, data, len, err));
    st = fk_atomic_commit(&f, err);
done:
    fk_atomic_abort(&f);
    return st;
}

static enum fk_status overwrite_with_zeros(int fd, const char *path, struct fk_err *err) {
    static const char zeros[65536];
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", path);
    for (off_t left = s.st_size; left > 0;) {
        size_t n = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
        enum fk_status st = fk_write_full(fd, zeros, n, path, err);
        if (st != FK_OK)
            return st;
        left -= (off_t)n;
    }
    return FK_OK;
}

static enum fk_status overwrite_sync(int fd, const char *path, struct fk_err *err) {
    int injected = fk_fault("overwrite");
    return !injected && fsync(fd) == 0
               ? FK_OK
               : fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", path);
}

enum fk_status fk_overwrite_file(const char *path, struct fk_err *err) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    enum fk_status st = overwrite_with_zeros(fd, path, err);
    fk_close(&fd);
    return st;
}

enum fk_status fk_destroy_file(const char *path, struct fk_err *err) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ELOOP)
        return fk_fail(err, FK_INVALID, "%s: is a link; what it leads to is not overwritten", path);
    if (fd < 0)
        return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "%s: cannot open", path);
    enum fk_status st = overwrite_with_zeros(fd, path, err);
    if (st == FK_OK)
        st = overwrite_sync(fd, path, err);
    fk_close(&fd);
    if (st != FK_OK)
        return st;
    int injected = fk_fault("destroy");
    if (injected || unlink(path) != 0)
        return fk_fail_sys(err, injected ? injected : errno, "%s: cannot remove", path);
    char dir[PATH_MAX];
    parent_of(path, dir);
    return fk_sync_dir(dir, err);
}
