/*
 * nosync.c - takes the syncs out of a program (LD_PRELOAD): the control that a power cut must
 * catch. Every sync says that it has been done; nothing asks the disk. LMDB writes its meta page
 * through a descriptor opened with O_DSYNC, so that flag goes too.
 *
 * NOSYNC_OF=keys:secrets leaves out only those of files in directories of these names, and of the
 * directories themselves: what LMDB and the log write reaches the disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *only(void) {
    return getenv("NOSYNC_OF");
}
static bool is_of(const char *path) {
    char names[256];
    snprintf(names, sizeof names, "%s", only());
    for (char *left, *name = strtok_r(names, ":", &left); name; name = strtok_r(NULL, ":", &left)) {
        char part[258];
        int n = snprintf(part, sizeof part, "/%s", name);
        const char *at = strstr(path, part);
        if (at && (at[n] == '/' || at[n] == 0))
            return true;
    }
    return false;
}
static bool is_left_out(int fd) {
    char link[32], path[PATH_MAX];
    if (!only())
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    return is_of(path);
}
#define REAL(name, ...) ((int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int fsync(int fd) {
    return is_left_out(fd) ? 0 : REAL("fsync", int)(fd);
}
int fdatasync(int fd) {
    return is_left_out(fd) ? 0 : REAL("fdatasync", int)(fd);
}
int msync(void *at, size_t len, int flags) {
    return only() ? REAL("msync", void *, size_t, int)(at, len, flags) : 0;
}
int syncfs(int fd) {
    return only() ? REAL("syncfs", int)(fd) : 0;
}
int sync_file_range(int fd, off64_t at, off64_t len, unsigned flags) {
    return only() ? REAL("sync_file_range", int, off64_t, off64_t, unsigned)(fd, at, len, flags)
                  : 0;
}

static int open_by(const char *name, const char *path, int flags, int mode) {
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    return real(path, only() ? flags : flags & ~(O_SYNC | O_DSYNC), mode);
}
#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        int mode = va_arg(ap, int);                                                                \
        va_end(ap);                                                                                \
        return open_by(#name, path, flags, mode);                                                  \
    }
OPEN(open)
OPEN(open64)
