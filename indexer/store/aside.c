/* aside.c - see aside_priv.h. */
#include "indexer/store/aside_priv.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum fk_status void_path(const char *dir, const char *name, char out[PATH_MAX],
                                struct fk_err *err) {
    char file[32];
    snprintf(file, sizeof file, "%s.void", name);
    return fk_join_path(out, PATH_MAX, dir, file, err);
}

enum fk_status fk_aside_open(const char *dir, const char *name, char *path, int *fd_out,
                             uint64_t *bytes_out, struct fk_err *err) {
    struct stat s;
    int fd = -1;
    enum fk_status st = void_path(dir, name, path, err);
    FK_TRY(st);
    if (stat(path, &s) == 0)
        return fk_fail(err, FK_NOT_FOUND, "%s is there", path);
    FK_TRY(fk_join_path(path, PATH_MAX, dir, name, err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return fk_fail(err, FK_NOT_FOUND, "%s is not there", path);
    if (fd < 0 || fstat(fd, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot open %s", path));
    *bytes_out = (uint64_t)s.st_size;
    *fd_out = fd;
    fd = -1;
done:
    fk_close(&fd);
    return st;
}

enum fk_status fk_aside_create(const char *dir, const char *name, char *path, int *fd_out,
                               struct fk_err *err) {
    const enum fk_status st = fk_join_path(path, PATH_MAX, dir, name, err);
    if (st != FK_OK)
        return st;
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fk_fail_sys(err, errno, "cannot write %s", path);
    *fd_out = fd;
    return FK_OK;
}

enum fk_status fk_aside_void(const char *dir, const char *name, struct fk_err *err) {
    char path[PATH_MAX];
    struct stat s;
    int fd;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, dir, name, err));
    if (stat(path, &s) != 0)
        return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "cannot look at %s", path);
    FK_TRY(void_path(dir, name, path, err));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fk_fail_sys(err, errno, "cannot write %s", path);
    fk_close(&fd);
    st = fk_sync_dir(dir, err);
done:
    return st;
}
