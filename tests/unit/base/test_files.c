/* test_files.c - whole reads and writes, files that are there or not, steps that are made to fail.
 */
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[PATH_MAX - 64];

static const char *at(const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void content_is(const char *path, const char *text) {
    struct fk_buf b = FK_BUF_INIT;
    assert_int_equal(fk_read_file(path, 1 << 20, &b, NULL), FK_OK);
    assert_string_equal(fk_buf_cstr(&b), text);
    fk_buf_free(&b);
}

static void a_pipe_in_crumbs_is_read_in_full(void **state) {
    (void)state;
    int p[2];
    char got[2000];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(p[0]);
        for (int i = 0; i < 1000; i++)
            if (write(p[1], "x", 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(p[1]);
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_read_full(p[0], got, 1000, "a pipe", &err), FK_OK);
    assert_int_equal(fk_read_full(p[0], got, 1, "a pipe", &err), FK_CORRUPT);
    assert_string_equal(err.text, "a pipe: ends 1 bytes too early");
    close(p[0]);
    waitpid(pid, NULL, 0);
}

static void on_alarm(int sig) {
    (void)sig;
}

/* A pipe holds 64 KiB: the writer is interrupted by signals while it waits. */
static void a_write_is_finished_across_signals(void **state) {
    (void)state;
    enum { BYTES = 1 << 20 };
    int p[2];
    char *data = calloc(1, BYTES);
    struct sigaction sa = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &sa, NULL);
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        size_t sum = 0;
        ssize_t n;
        close(p[1]);
        for (char got[4096]; (n = read(p[0], got, sizeof got)) > 0; sum += (size_t)n)
            usleep(100);
        _exit(sum == BYTES ? 0 : 1);
    }
    close(p[0]);
    ualarm(1000, 1000);
    assert_int_equal(fk_write_full(p[1], data, BYTES, "a pipe", NULL), FK_OK);
    ualarm(0, 0);
    close(p[1]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    free(data);
}

static void a_file_that_ends_early_says_where(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    char got[10];
    assert_int_equal(fk_atomic_put(at("short"), 0600, "abcdef", 6, &err), FK_OK);
    int fd = open(at("short"), O_RDONLY);
    assert_int_equal(fk_pread_full(fd, got, 4, 2, "short", &err), FK_OK);
    assert_memory_equal(got, "cdef", 4);
    assert_int_equal(fk_pread_full(fd, got, 5, 2, "short", &err), FK_CORRUPT);
    assert_string_equal(err.text, "short: ends at byte 6, 1 bytes too early");
    fk_close(&fd);
    assert_int_equal(fd, -1);
}

static void a_file_over_the_limit_is_refused(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_atomic_put(at("six"), 0600, "abcdef", 6, &err), FK_OK);
    assert_int_equal(fk_read_file(at("six"), 6, &b, &err), FK_OK);
    assert_int_equal(fk_read_file(at("six"), 5, &b, &err), FK_INVALID);
    assert_int_equal(fk_read_file(at("none"), 5, &b, &err), FK_NOT_FOUND);
    fk_buf_free(&b);
}

static void a_path_that_does_not_fit_is_refused(void **state) {
    (void)state;
    char out[8];
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_join_path(out, sizeof out, "abc", "def", &err), FK_OK);
    assert_string_equal(out, "abc/def");
    assert_int_equal(fk_join_path(out, sizeof out, "abc", "defg", &err), FK_INVALID);
}

static void a_commit_replaces_the_old_file_whole(void **state) {
    (void)state;
    struct fk_atomic_file *f = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct stat s;
    assert_int_equal(fk_atomic_put(at("f"), 0640, "old", 3, &err), FK_OK);
    assert_int_equal(fk_atomic_begin(at("f"), 0600, &f, &err), FK_OK);
    assert_int_equal(fk_atomic_write(f, "ne", 2, &err), FK_OK);
    content_is(at("f"), "old");
    assert_int_equal(fk_atomic_write(f, "w", 1, &err), FK_OK);
    assert_int_equal(fk_atomic_commit(&f, &err), FK_OK);
    assert_null(f);
    content_is(at("f"), "new");
    assert_int_equal(stat(at("f"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(stat(at("f.new"), &s), -1);
}

static void an_abort_leaves_the_old_file(void **state) {
    (void)state;
    struct fk_atomic_file *f = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct stat s;
    assert_int_equal(fk_atomic_put(at("g"), 0600, "old", 3, &err), FK_OK);
    assert_int_equal(fk_atomic_begin(at("g"), 0600, &f, &err), FK_OK);
    assert_int_equal(fk_atomic_write(f, "new", 3, &err), FK_OK);
    fk_atomic_abort(&f);
    content_is(at("g"), "old");
    assert_int_equal(stat(at("g.new"), &s), -1);
    fk_atomic_abort(&f);
}

/* Each step fails once, in a process of its own, since the rules are read once a process. */
static void a_step_that_fails_leaves_old_or_new_and_says_so(void **state) {
    (void)state;
    static const char *const steps[] = {"create:1:enospc", "write:1:eio", "fsync:1:eio",
                                        "rename:1:eio", "sync-dir:1:eio"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(fk_atomic_put(at("h"), 0600, "old", 3, &err), FK_OK);
        pid_t pid = fork();
        if (pid == 0) {
            /* The parent has passed points already: a fresh program reads the variable. */
            setenv("FUMIKURA_FAULT", steps[i], 1);
            execl("/proc/self/exe", "test_files", "put", at("h"), (char *)NULL);
            _exit(99);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), i == 0 ? FK_FULL : FK_IO);
        content_is(at("h"), i == 4 ? "new" : "old");
    }
}

static void a_kill_at_a_step_leaves_old_or_new(void **state) {
    (void)state;
    static const char *const steps[] = {"create:1:kill", "write:1:kill", "fsync:1:kill",
                                        "rename:1:kill", "sync-dir:1:kill"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(fk_atomic_put(at("k"), 0600, "old", 3, &err), FK_OK);
        pid_t pid = fork();
        if (pid == 0) {
            setenv("FUMIKURA_FAULT", steps[i], 1);
            execl("/proc/self/exe", "test_files", "put", at("k"), (char *)NULL);
            _exit(99);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        content_is(at("k"), i == 4 ? "new" : "old");
    }
}

static void a_destroyed_file_is_overwritten_before_it_goes(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    char got[6];
    assert_int_equal(fk_atomic_put(at("s"), 0600, "secret", 6, &err), FK_OK);
    int fd = open(at("s"), O_RDONLY);
    assert_int_equal(fk_destroy_file(at("s"), &err), FK_OK);
    assert_int_equal(access(at("s"), F_OK), -1);
    assert_int_equal(fk_pread_full(fd, got, 6, 0, "s", &err), FK_OK);
    assert_memory_equal(got, "\0\0\0\0\0\0", 6);
    fk_close(&fd);
    assert_int_equal(fk_destroy_file(at("s"), &err), FK_OK);
}

int main(int argc, char **argv) {
    struct fk_err err = FK_ERR_INIT;
    if (argc == 3 && strcmp(argv[1], "put") == 0)
        return (int)fk_atomic_put(argv[2], 0600, "new", 3, &err);
    snprintf(dir, sizeof dir, "%s", getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_in_crumbs_is_read_in_full),
        cmocka_unit_test(a_write_is_finished_across_signals),
        cmocka_unit_test(a_file_that_ends_early_says_where),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
        cmocka_unit_test(a_commit_replaces_the_old_file_whole),
        cmocka_unit_test(an_abort_leaves_the_old_file),
        cmocka_unit_test(a_step_that_fails_leaves_old_or_new_and_says_so),
        cmocka_unit_test(a_kill_at_a_step_leaves_old_or_new),
        cmocka_unit_test(a_destroyed_file_is_overwritten_before_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
