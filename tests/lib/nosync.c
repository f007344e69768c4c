/*
 * nosync.c - takes the syncs out of a program (LD_PRELOAD): the control that a power cut must
 * catch. Every sync says that it has been done; nothing asks the disk. LMDB writes its meta page
 * through a descriptor opened with O_DSYNC, so that flag goes too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>

int fsync(int fd) {
    (void)fd;
    return 0;
}
int fdatasync(int fd) {
    (void)fd;
    return 0;
}
int msync(void *at, size_t len, int flags) {
    (void)at, (void)len, (void)flags;
    return 0;
}
int syncfs(int fd) {
    (void)fd;
    return 0;
}
int sync_file_range(int fd, off64_t at, off64_t len, unsigned flags) {
    (void)fd, (void)at, (void)len, (void)flags;
    return 0;
}

static int open_by(const char *name, const char *path, int flags, int mode) {
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    return real(path, flags & ~(O_SYNC | O_DSYNC), mode);
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
