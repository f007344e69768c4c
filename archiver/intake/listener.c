/* listener.c - binding, naming, accepting. Numeric addresses only: a name may mean several. */
#include "archiver/intake/listener.h"
#include "base/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static void address_format(const struct sockaddr_storage *a, char out[FK_ADDRESS_SIZE]) {
    struct fk_peer self;
    fk_peer_of(a, &self);
    fk_peer_format(&self, out);
}

/* getaddrinfo takes 99999 and means another port. */
static bool is_port(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && n <= 65535;
}

static enum fk_status inet_read(const char *address, struct sockaddr_storage *out,
                                socklen_t *len_out, struct fk_err *err) {
    char host[64];
    const char *colon = strrchr(address, ':');
    bool bracket = address[0] == '[';
    size_t len = colon ? (size_t)(colon - address) : 0;
    if (bracket && len > 2 && colon[-1] == ']')
        len -= 2;
    else if (bracket || !len || memchr(address, ':', len))
        len = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (len && len < sizeof host && is_port(colon + 1)) {
        snprintf(host, sizeof host, "%.*s", (int)len, address + bracket);
        (void)getaddrinfo(host, colon + 1, &hints, &found); /* found says whether it did */
    }
    if (!found)
        return fk_fail(err, FK_INVALID,
                       "%s: not an address to listen on; expected 127.0.0.1:2525, [::1]:2525 or "
                       "unix:/path",
                       address);
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len_out = found->ai_addrlen;
    freeaddrinfo(found);
    return FK_OK;
}

static enum fk_status listen_on(int fd, const struct sockaddr *a, socklen_t len,
                                const char *address, struct fk_err *err) {
    if (bind(fd, a, len) == 0 && listen(fd, BACKLOG) == 0)
        return FK_OK;
    if (errno == EADDRINUSE)
        return fk_fail(err, FK_IO,
                       "%s: in use by another server; stop it or give another address in "
                       "fumikura.conf",
                       address);
    return fk_fail_sys(err, errno, "%s: cannot listen", address);
}

static enum fk_status inet_open(const char *address, struct fk_listener *l, struct fk_err *err) {
    struct sockaddr_storage a = {0};
    socklen_t len;
    enum fk_status st = inet_read(address, &a, &len, err);
    if (st != FK_OK)
        return st;
    l->fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot make a socket", address);
    int one = 1;
    if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 || /* inherited */
        (a.ss_family == AF_INET6 &&
         setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0))
        return fk_fail_sys(err, errno, "%s: cannot set up the socket", address);
    if ((st = listen_on(l->fd, (struct sockaddr *)&a, len, address, err)) != FK_OK)
        return st;
    len = sizeof a;
    if (getsockname(l->fd, (struct sockaddr *)&a, &len) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for the address in use", address);
    address_format(&a, l->address);
    return FK_OK;
}

/* Removes a socket that nobody listens on. */
static enum fk_status leftover_remove(const struct sockaddr_un *a, struct fk_err *err) {
    struct stat s;
    if (lstat(a->sun_path, &s) != 0)
        return FK_OK; /* bind says what else is wrong */
    if (!S_ISSOCK(s.st_mode))
        return fk_fail(err, FK_INVALID, "%s: is there, and is not a socket; remove it",
                       a->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot make a socket", a->sun_path);
    bool alive = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN;
    fk_close(&fd);
    if (!alive && unlink(a->sun_path) != 0)
        return fk_fail_sys(err, errno, "%s: cannot replace the old socket", a->sun_path);
    return FK_OK;
}

static enum fk_status unix_open(const char *address, struct fk_listener *l, struct fk_err *err) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = address + 5;
    if (!*path || strlen(path) >= sizeof a.sun_path)
        return fk_fail(err, FK_INVALID,
                       "%s: a socket's path may have at most %zu bytes; use a shorter directory",
                       path, sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    enum fk_status st = leftover_remove(&a, err);
    if (st != FK_OK)
        return st;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot make a socket", address);
    if ((st = listen_on(l->fd, (struct sockaddr *)&a, sizeof a, address, err)) != FK_OK)
        return st;
    snprintf(l->address, sizeof l->address, "%s", address);
    if (chmod(path, 0666) != 0)
        return fk_fail_sys(err, errno, "%s: cannot let others use the socket", address);
    return FK_OK;
}

enum fk_status fk_listener_open(const char *address, bool lmtp, struct fk_listener *out,
                                struct fk_err *err) {
    struct fk_listener l = {.fd = -1, .lmtp = lmtp};
    enum fk_status st = strncmp(address, "unix:", 5) == 0 ? unix_open(address, &l, err)
                                                          : inet_open(address, &l, err);
    if (st == FK_OK)
        *out = l;
    else
        fk_listener_close(&l);
    return st;
}

enum fk_status fk_listener_adopt(int fd, bool lmtp, struct fk_listener *out, struct fk_err *err) {
    struct sockaddr_storage a = {0};
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a;
    socklen_t len = sizeof a;
    int listens = 0, type = 0, one = 1;
    socklen_t int_len = sizeof listens;
    struct fk_listener l = {.fd = -1, .lmtp = lmtp, .adopted = true};
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) != 0 || !listens ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_len) != 0 || type != SOCK_STREAM ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return fk_fail(err, FK_INVALID,
                       "descriptor %d is not a stream socket that listens; the .socket unit needs "
                       "ListenStream= and Accept=no",
                       fd);
    l.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (l.fd < 0 || fcntl(l.fd, F_SETFL, O_NONBLOCK) != 0) {
        int why = errno;
        fk_close(&l.fd);
        return fk_fail_sys(err, why, "cannot take over the socket of descriptor %d", fd);
    }
    if (a.ss_family == AF_UNIX)
        snprintf(l.address, sizeof l.address, "unix:%.*s", (int)sizeof u->sun_path, u->sun_path);
    else
        address_format(&a, l.address);
    if (a.ss_family != AF_UNIX)
        (void)setsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only faster */
    *out = l;
    return FK_OK;
}

int fk_listener_accept(const struct fk_listener *l, struct fk_peer *peer) {
    struct sockaddr_storage a = {.ss_family = AF_UNIX};
    socklen_t len = sizeof a;
    int fd = accept4(l->fd, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        fk_peer_of(&a, peer);
    return fd;
}

void fk_listener_close(struct fk_listener *l) {
    if (l->fd >= 0 && !l->adopted && strncmp(l->address, "unix:", 5) == 0)
        (void)unlink(l->address + 5); /* one that stays is replaced by the next start */
    fk_close(&l->fd);
}
