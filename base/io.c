/* io.c - full reads and writes. */
#include "base/io.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum fk_status fk_write_full(int fd, const void *data, size_t len, const char *what,
                             struct fk_err *err) {
    const char *p = data;
    int injected = fk_fault("write");
    if (injected)
        return fk_fail_sys(err, injected, "%s: cannot write", what);
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fk_fail_sys(err, errno, "%s: cannot write", what);
        p += n;
        len -= (size_t)n;
    }
    return FK_OK;
}

enum fk_status fk_read_full(int fd, void *data, size_t len, const char *what, struct fk_err *err) {
    char *p = data;
    while (len) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fk_fail_sys(err, errno, "%s: cannot read", what);
        if (n == 0)
            return fk_fail(err, FK_CORRUPT, "%s: ends %zu bytes too early", what, len);
        p += n;
        len -= (size_t)n;
    }
    return FK_OK;
}

enum fk_status fk_pread_full(int fd, void *data, size_t len, off_t at, const char *what,
                             struct fk_err *err) {
    char *p = data;
    while (len) {
        ssize_t n = pread(fd, p, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fk_fail_sys(err, errno, "%s: cannot read at byte %lld", what, (long long)at);
        if (n == 0)
            return fk_fail(err, FK_CORRUPT, "%s: ends at byte %lld, %zu bytes too early", what,
                           (long long)at, len);
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return FK_OK;
}

/* A file of up to 64 KiB is read without the buffer growing, which would leave a copy behind, of a
 * key perhaps, that nobody wipes. */
static enum fk_status read_all(int fd, const char *path, size_t max_bytes, struct fk_buf *b,
                               struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t start = b->len;
    for (;;) {
        const size_t left =
            max_bytes - (b->len - start); /* and one byte, to see that there is more */
        const size_t piece = left < 65536 ? left + 1 : 65536;
        if (!fk_buf_reserve(b, piece)) {
            st = fk_fail(err, FK_NOMEM, "%s: no memory to read it", path);
            break;
        }
        ssize_t n = read(fd, b->data + b->len, piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = fk_fail_sys(err, errno, "%s: cannot read", path);
        if (n <= 0)
            break;
        b->len += (size_t)n;
        if (b->len - start > max_bytes) {
            st = fk_fail(err, FK_INVALID, "%s: larger than %zu bytes", path, max_bytes);
            break;
        }
    }
    return st;
}

enum fk_status fk_read_file(const char *path, size_t max_bytes, struct fk_buf *b,
                            struct fk_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: no such file", path)
                               : fk_fail_sys(err, errno, "%s: cannot open", path);
    enum fk_status st = read_all(fd, path, max_bytes, b, err);
    fk_close(&fd);
    return st;
}

/* What it is is asked of the descriptor: a path may have become something else since. */
enum fk_status fk_open_plain(int at, const char *path, const char *what, int *out,
                             struct fk_err *err) {
    struct stat s;
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return fk_fail(err, FK_NOT_FOUND, "%s: no such file", what);
    if (fd < 0 && (errno == ELOOP || errno == ENXIO)) /* a link; a socket */
        return fk_fail(err, FK_CORRUPT, "%s: is no plain file", what);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", what);
    enum fk_status st = FK_OK;
    if (fstat(fd, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot stat", what));
    if (!S_ISREG(s.st_mode))
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: is no plain file", what));
    *out = fd;
    fd = -1;
done:
    fk_close(&fd);
    return st;
}

enum fk_status fk_read_plain(const char *path, size_t max_bytes, struct fk_buf *b,
                             struct fk_err *err) {
    int fd = -1;
    enum fk_status st = fk_open_plain(AT_FDCWD, path, path, &fd, err);
    if (st == FK_OK)
        st = read_all(fd, path, max_bytes, b, err);
    fk_close(&fd);
    return st;
}

enum fk_status fk_sync_dir(const char *dir, struct fk_err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open the directory", dir);
    int injected = fk_fault("sync-dir");
    int rc = injected ? -1 : fsync(fd);
    int saved = injected ? injected : errno;
    fk_close(&fd);
    return rc ? fk_fail_sys(err, saved, "%s: cannot sync the directory", dir) : FK_OK;
}

enum fk_status fk_sync_fs(const char *dir, struct fk_err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open the directory", dir);
    int injected = fk_fault("syncfs");
    int rc = injected ? -1 : syncfs(fd);
    int saved = injected ? injected : errno;
    fk_close(&fd);
    return rc ? fk_fail_sys(err, saved, "%s: cannot sync", dir) : FK_OK;
}

enum fk_status fk_make_dir(const char *path, mode_t mode, struct fk_err *err) {
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return FK_OK;
    return fk_fail_sys(err, errno, "%s: cannot make the directory", path);
}

enum fk_status fk_join_path(char *out, size_t size, const char *dir, const char *name,
                            struct fk_err *err) {
    int n = snprintf(out, size, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= size)
        return fk_fail(err, FK_INVALID, "%s/%s: the path is longer than %zu bytes", dir, name,
                       size - 1);
    return FK_OK;
}

static enum fk_status resolve_fail(const char *path, int errnum, struct fk_err *err) {
    if (errnum == ENOENT || errnum == ENOTDIR)
        return fk_fail(err, FK_INVALID, "%s: there is no such directory", path);
    if (errnum == EACCES)
        return fk_fail(err, FK_DENIED, "%s: %s", path, strerror(errnum));
    return fk_fail_sys(err, errnum, "%s: cannot resolve", path);
}

enum fk_status fk_resolve_path(const char *path, char out[PATH_MAX], struct fk_err *err) {
    char parent[PATH_MAX], whole[PATH_MAX];
    if (realpath(path, out))
        return FK_OK;
    if (errno != ENOENT)
        return resolve_fail(path, errno, err);
    size_t end = strlen(path), start;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/'; start--)
        ;
    if (start >= sizeof parent)
        return fk_fail(err, FK_INVALID, "%s: the path is too long", path);
    snprintf(parent, sizeof parent, "%.*s", start ? (int)start : 1, start ? path : ".");
    if (!realpath(parent, whole))
        return resolve_fail(parent, errno, err);
    snprintf(parent, sizeof parent, "%.*s", (int)(end - start), path + start);
    return fk_join_path(out, PATH_MAX, strcmp(whole, "/") == 0 ? "" : whole, parent, err);
}

void fk_close(int *fd) {
    if (*fd >= 0)
        (void)close(*fd); /* nothing was written through it that close could lose */
    *fd = -1;
}
