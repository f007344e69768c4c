/* apart.c - fork, exec, and the first two frames. */
#include "base/apart.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HELLO_MS = 20000 };

/* In the child, before exec: nothing of ours but the socket. */
static void child_run(const char *program, const char *const *argv, int sock, pid_t parent) {
    const int null = open("/dev/null", O_RDWR);
#ifdef __SANITIZE_ADDRESS__
    const int errors = 2; /* what the sanitizers find is to be seen */
#else
    const int errors = null;
#endif
#ifdef FK_TESTING
    char *const *const environment = environ;
#else
    static char *const environment[] = {NULL};
#endif
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
        _exit(127);
    /* Through a number that cannot be 3, since dup2 onto itself would keep close-on-exec. */
    const int high = fcntl(sock, F_DUPFD, 10);
    if (high < 0 || dup2(high, FK_APART_SOCKET) < 0 ||
        close_range(FK_APART_SOCKET + 1, ~0u, 0) != 0)
        _exit(127);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program, (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

static enum fk_status begin(const char *program, const char *const *argv, struct fk_apart *p,
                            struct fk_err *err) {
    int pair[2];
    enum fk_status st = fk_frame_pair(pair, err);
    if (st != FK_OK)
        return st;
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_run(program, argv, pair[1], parent);
    const int why = errno;
    fk_close(&pair[1]);
    if (pid < 0) {
        fk_close(&pair[0]);
        return fk_fail_sys(err, why, "it cannot be started");
    }
    *p = (struct fk_apart){pid, pair[0]};
    return FK_OK;
}

static enum fk_status hello_read(const struct fk_frame *f, uint16_t hello, struct fk_err *err) {
    struct fk_reader r;
    char text[400];
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint32_t status = fk_get_u32(&r);
    fk_get_cstr(&r, text, sizeof text);
    if (f->type != hello || !fk_reader_done(&r) || status > FK_NOMEM)
        return fk_fail(err, FK_IO, "it did not say what was expected");
    return status == FK_OK ? FK_OK : fk_fail(err, (enum fk_status)status, "%s", text);
}

static enum fk_status greet(const struct fk_apart *p, uint16_t setup, const struct fk_buf *with,
                            uint16_t hello, struct fk_err *err) {
    struct fk_frame f = FK_FRAME_INIT;
    struct pollfd poll_for = {p->sock, POLLIN, 0};
    enum fk_status st;
    FK_TRY(fk_frame_send(p->sock, setup, 0, with->data, with->len, -1, err));
    if (poll(&poll_for, 1, HELLO_MS) <= 0)
        FK_TRY(fk_fail(err, FK_IO, "it did not start in %d s", HELLO_MS / 1000));
    FK_TRY(fk_frame_recv(p->sock, &f, err));
    st = hello_read(&f, hello, err);
done:
    fk_frame_free(&f);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_IO, "it ended at once") : st;
}

enum fk_status fk_apart_start(const char *program, const char *const *argv, uint16_t setup,
                              const struct fk_buf *with, uint16_t hello, struct fk_apart *out,
                              struct fk_err *err) {
    struct fk_apart p = FK_APART_INIT;
    enum fk_status st = begin(program, argv, &p, err);
    if (st == FK_OK)
        st = greet(&p, setup, with, hello, err);
    if (st == FK_OK)
        *out = p;
    else
        fk_apart_end(&p);
    return st;
}

void fk_apart_end(struct fk_apart *p) {
    if (p->pid) {
        (void)kill(p->pid, SIGKILL); /* gone already is as good */
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    fk_close(&p->sock);
    p->pid = 0;
}

/* The kernel closes what a process had open before its parent can wait for it. */
bool fk_apart_is_gone(struct fk_apart *p) {
    struct pollfd at = {p->sock, 0, 0};
    if (!p->pid || poll(&at, 1, 0) <= 0 || !(at.revents & POLLHUP))
        return false;
    fk_apart_end(p);
    return true;
}

int64_t fk_apart_cpu_ms(const struct fk_apart *p) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
