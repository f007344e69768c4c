/* The box, tried from inside: each case is a process that closes it, does one thing and says what
 * came of it by its exit status. */
#include "base/frame.h"
#include "base/box.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { NOT_CLOSED = 200, ALLOWED = 201, MEMORY = 600 << 20, OUTPUT = 1 << 20 };

static int try_open(void) {
    return open("/etc/passwd", O_RDONLY);
}
static int try_create(void) {
    return open("/tmp/fumikura-box", O_WRONLY | O_CREAT, 0600);
}
static int try_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}
static int try_unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int try_fork(void) {
    return fork();
}
static int try_kill(void) {
    return kill(getppid(), 0);
}
static int try_code(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : 0;
}
static int try_protect(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static int try_exec(void) {
    return execl("/bin/true", "true", (char *)NULL);
}
static int try_unlink(void) {
    return unlink("/tmp/fumikura-box");
}
static int try_stat(void) {
    return access("/etc/passwd", F_OK);
}
static int try_memory(void) {
    return malloc((size_t)MEMORY) ? 0 : (errno = ENOMEM, -1);
}
static int try_output(void) {
    int fd;
    static char block[OUTPUT + 1];
    signal(SIGXFSZ, SIG_DFL);
    if (fk_memfile_new("box", &fd, NULL) != FK_OK)
        return -1;
    return write(fd, block, OUTPUT + 1) == OUTPUT ? (errno = EFBIG, -1) : 0;
}
/* What a reader needs. */
static int try_work(void) {
    int fd;
    const uint8_t *data;
    size_t len;
    char *p = malloc(50 << 20);
    if (!p || fk_memfile_new("box", &fd, NULL) != FK_OK || write(fd, "abc", 3) != 3 ||
        fk_memfile_seal(fd, NULL) != FK_OK || fk_memfile_map(fd, &data, &len, NULL) != FK_OK)
        return -1;
    memset(p, 1, 50 << 20);
    fk_memfile_unmap(data, len);
    free(p);
    return len == 3 ? 0 : -1;
}

/* The errno inside, ALLOWED, or -SIGNAL. */
static int inside(int (*what)(void)) {
    const pid_t pid = fork();
    if (pid == 0) {
        if (fk_box_close(MEMORY, OUTPUT, NULL) != FK_OK)
            _exit(NOT_CLOSED);
        errno = 0;
        const int rc = what();
        _exit(rc < 0 ? errno : ALLOWED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void nothing_outside_can_be_reached(void **state) {
    (void)state;
    assert_int_equal(inside(try_open), EPERM);
    assert_int_equal(inside(try_create), EPERM);
    assert_int_equal(inside(try_unlink), EPERM);
    assert_int_equal(inside(try_stat), EPERM);
    assert_int_equal(inside(try_socket), EPERM);
    assert_int_equal(inside(try_unix_socket), EPERM);
    assert_int_equal(inside(try_kill), EPERM);
    assert_int_equal(inside(try_fork), EPERM);
    assert_int_equal(inside(try_exec), -SIGSYS);
}

static void no_memory_becomes_code(void **state) {
    (void)state;
    assert_int_equal(inside(try_code), EPERM);
    assert_int_equal(inside(try_protect), EPERM);
}

static void memory_and_output_are_bounded(void **state) {
    (void)state;
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal(inside(try_memory), ENOMEM);
#else
    (void)try_memory;
#endif
    assert_int_not_equal(inside(try_output), ALLOWED);
}

static void a_reader_can_still_work(void **state) {
    (void)state;
    assert_int_equal(inside(try_work), ALLOWED);
}

static void where_there_is_no_box_that_is_said(void **state) {
    (void)state;
    static const char *const lacks[] = {"landlock", "seccomp"};
    for (size_t i = 0; i < 2; i++) {
        char fault[40];
        snprintf(fault, sizeof fault, "%s:1+:eio", lacks[i]);
        const pid_t pid = fork();
        if (pid == 0) {
            struct fk_err err = FK_ERR_INIT;
            setenv("FUMIKURA_FAULT", fault, 1);
            const enum fk_status st = fk_box_close(MEMORY, OUTPUT, &err);
            _exit(st == FK_DENIED && strcasestr(err.text, lacks[i]) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_outside_can_be_reached),
        cmocka_unit_test(no_memory_becomes_code),
        cmocka_unit_test(memory_and_output_are_bounded),
        cmocka_unit_test(a_reader_can_still_work),
        cmocka_unit_test(where_there_is_no_box_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
