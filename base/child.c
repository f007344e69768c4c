/* child.c - a child's end of the control socket: options in, readiness and failure out. */
#include "base/child.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static enum fk_status descriptor_read(const char *text, int *out, struct fk_err *err) {
    char *end;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno || end == text || *end || fd < 3 || fd > 1 << 20 ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
        return fk_fail(err, FK_INVALID, "\"%s\" is not an open descriptor", text);
    *out = (int)fd;
    return FK_OK;
}

static enum fk_status socket_read(const char *option, const char *text,
                                  struct fk_child_socket *list, size_t max, size_t *count,
                                  struct fk_err *err) {
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!len || len >= FK_CHILD_NAME)
        return fk_fail(err, FK_INVALID, "%s \"%s\"; expected NAME:FD, NAME of at most %d bytes",
                       option, text, FK_CHILD_NAME - 1);
    if (*count == max)
        return fk_fail(err, FK_INVALID, "more than %zu sockets", max);
    struct fk_child_socket *s = &list[*count];
    enum fk_status st = descriptor_read(colon + 1, &s->fd, err);
    if (st != FK_OK)
        return st;
    memcpy(s->role, text, len);
    s->role[len] = 0;
    ++*count;
    return FK_OK;
}

static enum fk_status options_read(struct fk_child *child, int argc, char **argv,
                                   struct fk_err *err) {
    static const struct option options[] = {
        {"control", required_argument, NULL, 'c'}, {"keep", required_argument, NULL, 'k'},
        {"lend", required_argument, NULL, 'l'},    {"sign", required_argument, NULL, 'n'},
        {"socket", required_argument, NULL, 's'},  {"inherit", required_argument, NULL, 'i'},
        {"listen", required_argument, NULL, 'p'},  {NULL, 0, NULL, 0}};
    enum fk_status st = FK_OK;
    for (int o; st == FK_OK && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'c')
            st = descriptor_read(optarg, &child->control, err);
        else if (o == 'k')
            st = descriptor_read(optarg, &child->keep, err);
        else if (o == 'l')
            st = descriptor_read(optarg, &child->lend, err);
        else if (o == 'n')
            st = descriptor_read(optarg, &child->sign, err);
        else if (o == 's')
            st = socket_read("--socket", optarg, child->sockets, FK_CHILD_SOCKETS,
                             &child->socket_count, err);
        else if (o == 'i')
            st = socket_read("--inherit", optarg, child->inherited, FK_CHILD_INHERITED,
                             &child->inherited_count, err);
        else if (o == 'p')
            child->listen = optarg;
        else
            st = fk_fail(err, FK_INVALID, "%s is started by \"fumikura serve\"", argv[0]);
    }
    if (st == FK_OK && optind < argc)
        st = fk_fail(err, FK_INVALID, "%s takes no argument \"%s\"", argv[0], argv[optind]);
    return st;
}

/* At a terminal, Ctrl-C reaches every process of the group at once; serve alone decides then in
 * which order they stop. */
static enum fk_status signals_take(struct fk_child *child, struct fk_err *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (child->control < 0)
        sigaddset(&set, SIGINT);
    else
        signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return fk_fail_sys(err, errno, "cannot block signals");
    child->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return child->signals >= 0 ? FK_OK : fk_fail_sys(err, errno, "cannot wait for signals");
}

enum fk_status fk_child_begin(struct fk_child *child, int argc, char **argv, struct fk_err *err) {
    *child = (struct fk_child){.control = -1, .signals = -1, .keep = -1, .lend = -1, .sign = -1};
    enum fk_status st = options_read(child, argc, argv, err);
    return st == FK_OK ? signals_take(child, err) : st;
}

int fk_child_take(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

enum fk_status fk_child_ready(struct fk_child *child, const char *const *addresses,
                              struct fk_err *err) {
    if (child->control < 0)
        return FK_OK;
    struct fk_buf b = FK_BUF_INIT;
    uint16_t n = 0;
    while (addresses && addresses[n])
        n++;
    fk_put_u16(&b, n);
    for (uint16_t i = 0; i < n; i++)
        fk_put_cstr(&b, addresses[i]);
    enum fk_status st =
        b.failed ? fk_fail(err, FK_NOMEM, "no memory to tell the addresses")
                 : fk_frame_send(child->control, FK_CHILD_IS_READY, 0, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return st;
}

static enum fk_status control_read(struct fk_child *child, struct fk_child_event *out,
                                   struct fk_err *err) {
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_reader r;
    struct fk_child_event event = {FK_CHILD_STOP, "", -1};
    enum fk_status st = fk_frame_recv(child->control, &f, err);
    if (st == FK_OK && f.type == FK_CHILD_AGAIN) {
        event.what = FK_CHILD_RELOAD;
    } else if (st == FK_OK) {
        fk_reader_init(&r, f.payload.data, f.payload.len);
        fk_get_cstr(&r, event.name, sizeof event.name);
        if (f.type != FK_CHILD_TAKE || !fk_reader_done(&r) || f.fd < 0)
            st = fk_fail(err, FK_CORRUPT, "serve sent what is not a message of its kind");
        event.what = FK_CHILD_SOCKET;
        event.fd = fk_child_take(&f.fd);
    } else if (st == FK_NOT_FOUND) {
        fk_close(&child->control); /* serve is gone: nobody to work for */
        st = FK_OK;
    }
    if (st == FK_OK)
        *out = event;
    else
        fk_close(&event.fd);
    fk_frame_free(&f);
    return st;
}

enum fk_status fk_child_next(struct fk_child *child, int wait_ms, struct fk_child_event *out,
                             struct fk_err *err) {
    struct pollfd p[2] = {{child->signals, POLLIN, 0}, {child->control, POLLIN, 0}};
    int n;
    do
        n = poll(p, 2, wait_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fk_fail_sys(err, errno, "cannot wait for serve");
    struct signalfd_siginfo info;
    if (p[0].revents && read(child->signals, &info, sizeof info) == sizeof info) {
        *out = (struct fk_child_event){FK_CHILD_STOP, "", -1};
        return FK_OK;
    }
    if (p[1].revents)
        return control_read(child, out, err);
    *out = (struct fk_child_event){FK_CHILD_NOTHING, "", -1};
    return FK_OK;
}

int fk_child_end(struct fk_child *child, enum fk_status st, const struct fk_err *err) {
    if (st != FK_OK && child->control < 0) {
        fk_log(FK_LOG_ERROR, "%s", err->text);
    } else if (st != FK_OK) {
        struct fk_buf b = FK_BUF_INIT;
        fk_put_u32(&b, (uint32_t)st);
        fk_put_cstr(&b, err->text);
        if (!b.failed &&
            fk_frame_send(child->control, FK_CHILD_FAILED, 0, b.data, b.len, -1, NULL) != FK_OK)
            st = FK_IO; /* serve is gone as well: the exit status is all that is left to say it */
        fk_buf_free(&b);
    }
    for (size_t i = 0; i < child->socket_count; i++)
        fk_close(&child->sockets[i].fd);
    for (size_t i = 0; i < child->inherited_count; i++)
        fk_close(&child->inherited[i].fd);
    fk_close(&child->keep);
    fk_close(&child->lend);
    fk_close(&child->sign);
    fk_close(&child->control);
    fk_close(&child->signals);
    return fk_status_exit(st);
}
