/* programs.c - the runner's side: one request at a time, one process for each. */
#include "indexer/reading/programs_priv.h"
#include "base/apart.h"
#include "base/box.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "indexer/reading/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

const struct fk_program_of fk_programs[FK_PROGRAMS] = {
    [FK_PROGRAM_PDF] = {"pdftotext", "poppler-utils and poppler-data", "PDF"},
    [FK_PROGRAM_DOC] = {"antiword", "antiword", "DOC"},
    [FK_PROGRAM_XLS] = {"xls2csv", "catdoc", "XLS"},
    [FK_PROGRAM_PPT] = {"catppt", "catdoc", "PPT"},
};

enum { WALL_FACTOR = 5, COMPLAINT_MAX = 500, STEP = 65536, ARGUMENTS = 12, NOT_THERE = 127 };

struct run {
    unsigned seconds; /* of CPU */
    pid_t pid;
    int out, complaint; /* ends to read from; -1: at its end */
    struct fk_buf *text, *words;
    bool is_over;
};

/* ---- the program's process */

static void arguments_of(enum fk_program program, const char *password,
                         const char *argv[ARGUMENTS]) {
    static const char *const fixed[FK_PROGRAMS][ARGUMENTS] = {
        [FK_PROGRAM_PDF] = {"pdftotext", "-enc", "UTF-8", "-nopgbrk", NULL},
        [FK_PROGRAM_DOC] = {"antiword", "-m", "UTF-8.txt", "-w", "0", "/dev/fd/0", NULL},
        [FK_PROGRAM_XLS] = {"xls2csv", "-d", "utf-8", "-c", "\t", "-q", "0", "/dev/fd/0", NULL},
        [FK_PROGRAM_PPT] = {"catppt", "-d", "utf-8", "/dev/fd/0", NULL},
    };
    size_t n = 0;
    for (; fixed[program][n]; n++)
        argv[n] = fixed[program][n];
    if (program == FK_PROGRAM_PDF) {
        if (*password) {
            argv[n++] = "-upw";
            argv[n++] = password;
        }
        argv[n++] = "/dev/fd/0";
        argv[n++] = "-";
    }
    argv[n] = NULL;
}

/* Tests put programs of their own there. */
static const char *directory(void) {
#ifdef FK_TESTING
    if (getenv("FUMIKURA_PROGRAMS"))
        return getenv("FUMIKURA_PROGRAMS");
#endif
    return "/usr/bin";
}

static void program_be(enum fk_program program, const char *password, unsigned seconds, int in,
                       int out, int complaint) {
    static const char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin",
                                              "HOME=/nonexistent", NULL};
    const char *argv[ARGUMENTS];
    char path[PATH_MAX];
    struct fk_err err = FK_ERR_INIT;
    const struct fk_box_filter box = {FK_PROGRAM_MEMORY, seconds};
    arguments_of(program, password, argv);
    snprintf(path, sizeof path, "%s/%s", directory(), argv[0]);
    if (access(path, X_OK) != 0)
        _exit(NOT_THERE);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(complaint, 2) < 0 ||
        close_range(3, ~0u, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        fk_box_filter(&box, &err) != FK_OK)
        _exit(NOT_THERE - 1);
    execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    _exit(NOT_THERE);
}

static enum fk_status begin(enum fk_program program, const char *password, int file,
                            struct run *run, struct fk_err *err) {
    int out[2] = {-1, -1}, words[2] = {-1, -1};
    enum fk_status st = FK_OK;
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(words, O_CLOEXEC) != 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot make a pipe for a program"));
    run->pid = fork();
    if (run->pid == 0)
        program_be(program, password, run->seconds, file, out[1], words[1]);
    if (run->pid < 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot start a program"));
    run->out = out[0];
    run->complaint = words[0];
    out[0] = words[0] = -1;
done:
    for (int i = 0; i < 2; i++) {
        fk_close(&out[i]);
        fk_close(&words[i]);
    }
    return st;
}

/* ---- what it writes */

/* At most max bytes are kept. Of complaints the first count, and the rest is passed over; more text
 * than is taken ends the program. */
static void pipe_read(int *fd, struct fk_buf *b, size_t max, bool *is_over) {
    uint8_t step[STEP];
    const ssize_t n = read(*fd, step, sizeof step);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        fk_close(fd);
        return;
    }
    const size_t room = b->len < max ? max - b->len : 0;
    fk_buf_add(b, step, (size_t)n < room ? (size_t)n : room);
    if ((size_t)n > room)
        *is_over = true;
}

/* One that has closed what it writes to may sleep on without using any CPU. */
static bool ends_by(pid_t pid, int64_t until_ms) {
    int fd = pidfd_open(pid, 0), n = 0;
    struct pollfd p = {fd, POLLIN, 0};
    int64_t left;
    do {
        left = until_ms - fk_monotonic_ms();
        n = fd < 0 ? -1 : poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && fd >= 0 && errno == EINTR);
    fk_close(&fd);
    return n > 0;
}

/* False where its time is over. */
static bool follow(struct run *run) {
    const int64_t until = fk_monotonic_ms() + 1000 * WALL_FACTOR * (int64_t)run->seconds;
    bool unimportant = false;
    while ((run->out >= 0 || run->complaint >= 0) && !run->is_over) {
        struct pollfd p[2] = {{run->out, POLLIN, 0}, {run->complaint, POLLIN, 0}};
        const int64_t left = until - fk_monotonic_ms();
        if (left <= 0)
            return false;
        if (poll(p, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (p[0].revents)
            pipe_read(&run->out, run->text, FK_PROGRAM_OUTPUT_MAX, &run->is_over);
        if (p[1].revents)
            pipe_read(&run->complaint, run->words, COMPLAINT_MAX, &unimportant);
    }
    return run->is_over || ends_by(run->pid, until);
}

static void end(struct run *run, bool in_time, struct fk_ran *ran) {
    int status = 0;
    struct rusage used;
    memset(&used, 0, sizeof used);
    if (!in_time || run->is_over)
        (void)kill(run->pid, SIGKILL);
    while (wait4(run->pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    ran->cpu_ms = (uint32_t)((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                             (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
    if (run->is_over)
        ran->outcome = FK_RAN_TOO_MUCH;
    else if (!in_time ||
             (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU ||
                                      ran->cpu_ms >= 1000 * run->seconds)))
        ran->outcome = FK_RAN_TIME;
    else if (WIFSIGNALED(status))
        ran->outcome = FK_RAN_DIED;
    else {
        ran->exit = (unsigned)WEXITSTATUS(status);
        ran->outcome = ran->exit == NOT_THERE ? FK_RAN_MISSING : FK_RAN;
    }
}

static enum fk_status program_do(enum fk_program program, const char *password, unsigned seconds,
                                 int file, struct fk_ran *ran, struct fk_err *err) {
    struct run run = {.seconds = seconds,
                      .out = -1,
                      .complaint = -1,
                      .text = &ran->text,
                      .words = &ran->complaint};
    enum fk_status st = begin(program, password, file, &run, err);
    if (st != FK_OK)
        return st;
    const bool in_time = follow(&run);
    end(&run, in_time, ran);
    fk_close(&run.out);
    fk_close(&run.complaint);
    return ran->text.failed || ran->complaint.failed
               ? fk_fail(err, FK_NOMEM, "what a program wrote: out of memory")
               : FK_OK;
}

/* ---- requests */

static enum fk_status answer_send(uint32_t id, const struct fk_ran *ran, struct fk_err *err) {
    enum fk_status st = FK_OK;
    int fd = -1;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u8(&b, (uint8_t)ran->outcome);
    fk_put_u8(&b, (uint8_t)ran->exit);
    fk_put_u32(&b, ran->cpu_ms);
    fk_put_bytes(&b, ran->complaint.data, ran->complaint.len);
    FK_TRY(fk_memfile_new("text", &fd, err));
    FK_TRY(fk_write_full(fd, ran->text.data, ran->text.len, "what a program wrote", err));
    FK_TRY(fk_memfile_seal(fd, err));
    st = fk_frame_send(FK_APART_SOCKET, FK_RUNNER_DONE, id, b.data, b.len, fd, err);
done:
    fk_close(&fd);
    fk_buf_free(&b);
    return st;
}

/* The seals are asked for: nobody changes the file while a program reads it. */
static bool is_sealed(int fd) {
    const int seals = fcntl(fd, F_GET_SEALS);
    const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    return seals >= 0 && (seals & wanted) == wanted;
}

static enum fk_status request_do(struct fk_frame *f, struct fk_err *err) {
    struct fk_reader r;
    char password[FK_PASSWORD_MAX + 1];
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint8_t program = fk_get_u8(&r), seconds = fk_get_u8(&r);
    fk_get_cstr(&r, password, sizeof password);
    if (f->type != FK_RUNNER_RUN || !fk_reader_done(&r) || program >= FK_PROGRAMS || f->fd < 0 ||
        seconds == 0 || seconds > FK_PROGRAM_SECONDS || !is_sealed(f->fd))
        return fk_fail(err, FK_CORRUPT, "not a request for a program");
    struct fk_ran ran = {.outcome = FK_RAN};
    (void)lseek(f->fd, 0, SEEK_SET);
    enum fk_status st = program_do((enum fk_program)program, password, seconds, f->fd, &ran, err);
    if (st == FK_OK)
        st = answer_send(f->id, &ran, err);
    fk_ran_free(&ran);
    return st;
}

static enum fk_status hello(enum fk_status st, const char *text, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, (uint32_t)st);
    fk_put_cstr(&b, text);
    enum fk_status sent =
        fk_frame_send(FK_APART_SOCKET, FK_RUNNER_HELLO, 0, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return sent;
}

int fk_index_extract_main(void) {
    struct fk_err err = FK_ERR_INIT, why = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    enum fk_status st = fk_frame_recv(FK_APART_SOCKET, &f, &err);
    if (st == FK_OK && f.type == FK_RUNNER_SETUP) {
        const enum fk_status closed = fk_box_runner(&why);
        st = hello(closed, why.text, &err);
        if (closed != FK_OK)
            st = closed;
    }
    while (st == FK_OK && (st = fk_frame_recv(FK_APART_SOCKET, &f, &err)) == FK_OK)
        st = request_do(&f, &err);
    fk_frame_free(&f);
    return st == FK_NOT_FOUND ? 0 : 1;
}

bool fk_index_program(unsigned number, struct fk_index_program *out) {
    char path[PATH_MAX];
    if (number >= FK_PROGRAMS)
        return false;
    const struct fk_program_of *p = &fk_programs[number];
    snprintf(path, sizeof path, "%s/%s", directory(), p->command);
    *out = (struct fk_index_program){p->command, p->package, p->reads, access(path, X_OK) == 0};
    return true;
}
