/* frame.c - SOCK_SEQPACKET, SCM_RIGHTS and memfd, used in one way only. */
#include "base/frame.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const uint8_t magic[4] = {'F', 'K', '1', '\n'};
/* Reading costs a copy; a mapping costs a fault a page and, with threads, an interrupt to every CPU
 * when it goes. With this and blocks that are kept (keep_main.c), keep took 2,000 business mails in
 * 1.1 CPU-seconds instead of 2.0 (docs/performance.md). */
enum { COPY_MAX = 1 << 20 };
enum { HEADER = 12, SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

enum fk_status fk_frame_pair(int out[2], struct fk_err *err) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) != 0)
        return fk_fail_sys(err, errno, "cannot make a socket pair");
    return FK_OK;
}

static enum fk_status peer_error(int errnum, const char *doing, struct fk_err *err) {
    if (errnum == EPIPE || errnum == ECONNRESET || errnum == ENOTCONN)
        return fk_fail(err, FK_NOT_FOUND, "the other process is gone");
    return fk_fail_sys(err, errnum, "cannot %s a message to or from the other process", doing);
}

enum fk_status fk_frame_send(int sock, uint16_t type, uint32_t id, const void *payload, size_t len,
                             int fd, struct fk_err *err) {
    if (len > FK_FRAME_MAX)
        return fk_fail(err, FK_INVALID, "a message of %zu bytes is over the limit of %d", len,
                       FK_FRAME_MAX);
    uint8_t header[HEADER] = {magic[0],
                              magic[1],
                              magic[2],
                              magic[3],
                              (uint8_t)(type >> 8),
                              (uint8_t)type,
                              0,
                              0,
                              (uint8_t)(id >> 24),
                              (uint8_t)(id >> 16),
                              (uint8_t)(id >> 8),
                              (uint8_t)id};
    struct iovec iov[2] = {{header, HEADER}, {(void *)(uintptr_t)payload, len}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n;
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? peer_error(errno, "send", err) : FK_OK;
}

/* Keeps the first descriptor that came along and closes any other. */
static void descriptors_take(struct msghdr *msg, struct fk_frame *f) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (f->fd < 0)
                f->fd = fd;
            else
                fk_close(&fd);
        }
    }
}

enum fk_status fk_frame_recv(int sock, struct fk_frame *f, struct fk_err *err) {
    fk_close(&f->fd);
    fk_buf_reset(&f->payload);
    if (!fk_buf_reserve(&f->payload, FK_FRAME_MAX))
        return fk_fail(err, FK_NOMEM, "no memory for a message from the other process");
    uint8_t header[HEADER];
    struct iovec iov[2] = {{header, HEADER}, {f->payload.data, FK_FRAME_MAX}};
    char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8)));
    struct msghdr msg = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return peer_error(errno, "receive", err);
    if (n == 0)
        return fk_fail(err, FK_NOT_FOUND, "the other process has closed");
    descriptors_take(&msg, f);
    if (n < HEADER || memcmp(header, magic, 4) != 0 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        fk_close(&f->fd);
        return fk_fail(err, FK_CORRUPT, "what came from the other process is not a message");
    }
    f->type = (uint16_t)(header[4] << 8 | header[5]);
    f->id = (uint32_t)header[8] << 24 | (uint32_t)header[9] << 16 | (uint32_t)header[10] << 8 |
            header[11];
    f->payload.len = (size_t)n - HEADER;
    return FK_OK;
}

void fk_frame_free(struct fk_frame *f) {
    fk_close(&f->fd);
    fk_buf_free(&f->payload);
}

static enum fk_status address_of(const char *path, struct sockaddr_un *a, struct fk_err *err) {
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    size_t len = strlen(path);
    if (len >= sizeof a->sun_path)
        return fk_fail(err, FK_INVALID,
                       "%s: a socket's path may have at most %zu bytes; use a shorter directory",
                       path, sizeof a->sun_path - 1);
    memcpy(a->sun_path, path, len + 1);
    return FK_OK;
}

enum fk_status fk_frame_listen(const char *path, int *sock_out, struct fk_err *err) {
    struct sockaddr_un a;
    enum fk_status st = address_of(path, &a, err);
    if (st != FK_OK)
        return st;
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return fk_fail_sys(err, errno, "%s: cannot make a socket", path);
    (void)unlink(path); /* a socket left by a killed process; bind says what else is wrong */
    mode_t old = umask(0177);
    int rc = bind(sock, (struct sockaddr *)&a, sizeof a);
    umask(old);
    if (rc != 0 || listen(sock, 16) != 0) {
        st = fk_fail_sys(err, errno, "%s: cannot listen", path);
        fk_close(&sock);
        return st;
    }
    *sock_out = sock;
    return FK_OK;
}

enum fk_status fk_frame_connect(const char *path, int *sock_out, struct fk_err *err) {
    struct sockaddr_un a;
    enum fk_status st = address_of(path, &a, err);
    if (st != FK_OK)
        return st;
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return fk_fail_sys(err, errno, "%s: cannot make a socket", path);
    if (connect(sock, (struct sockaddr *)&a, sizeof a) != 0) {
        st = errno == ENOENT || errno == ECONNREFUSED
                 ? fk_fail(err, FK_NOT_FOUND, "%s: nobody listens", path)
                 : fk_fail_sys(err, errno, "%s: cannot connect", path);
        fk_close(&sock);
        return st;
    }
    *sock_out = sock;
    return FK_OK;
}

enum fk_status fk_memfile_new(const char *name, int *fd_out, struct fk_err *err) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return fk_fail_sys(err, errno, "cannot make a memory file");
    *fd_out = fd;
    return FK_OK;
}

enum fk_status fk_memfile_seal(int fd, struct fk_err *err) {
    if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        return fk_fail_sys(err, errno, "cannot seal a memory file");
    return FK_OK;
}

static enum fk_status memfile_copy(int fd, size_t len, const uint8_t **data_out,
                                   struct fk_err *err) {
    uint8_t *copy = malloc(len);
    if (!copy)
        return fk_fail(err, FK_NOMEM, "no memory for a message of %zu bytes", len);
    enum fk_status st = fk_pread_full(fd, copy, len, 0, "a memory file", err);
    if (st == FK_OK)
        *data_out = copy;
    else
        free(copy);
    return st;
}

enum fk_status fk_memfile_map(int fd, const uint8_t **data_out, size_t *len_out,
                              struct fk_err *err) {
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return fk_fail(err, FK_CORRUPT, "a memory file came unsealed");
    /* Not by fstat: to a sandbox that is newfstatat, which could ask for any path. */
    const off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return fk_fail_sys(err, errno, "cannot tell the size of a memory file");
    static const uint8_t nothing;
    if (size == 0) {
        *data_out = &nothing;
        *len_out = 0;
        return FK_OK;
    }
    *len_out = (size_t)size;
    if (size <= COPY_MAX)
        return memfile_copy(fd, *len_out, data_out, err);
    void *p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return fk_fail_sys(err, errno, "cannot map a memory file");
    *data_out = p;
    return FK_OK;
}

void fk_memfile_unmap(const uint8_t *data, size_t len) {
    if (len > COPY_MAX)
        munmap((void *)(uintptr_t)data, len);
    else if (len)
        free((void *)(uintptr_t)data);
}
