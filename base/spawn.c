/* spawn.c - posix_spawn with its preparations in one place. */
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <unistd.h>

extern char **environ;

/* dup2 of a descriptor onto itself clears its close-on-exec flag there (glibc 2.29). */
static int descriptors_pass(posix_spawn_file_actions_t *files, const int *pass, size_t n) {
    int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, STDIN_FILENO, STDOUT_FILENO);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = posix_spawn_file_actions_adddup2(files, pass[i], pass[i]);
    return rc;
}

static int signals_reset(posix_spawnattr_t *attr) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    return rc ? rc : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

enum fk_status fk_spawn(const char *const *argv, const int *pass, size_t n, pid_t *pid_out,
                        struct fk_err *err) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    pid_t pid;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return fk_fail_sys(err, rc, "cannot start %s", argv[0]);
    rc = posix_spawnattr_init(&attr);
    if (rc) {
        posix_spawn_file_actions_destroy(&files);
        return fk_fail_sys(err, rc, "cannot start %s", argv[0]);
    }
    rc = descriptors_pass(&files, pass, n);
    if (rc == 0)
        rc = signals_reset(&attr);
    if (rc == 0)
        rc = posix_spawn(&pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    if (rc)
        return fk_fail_sys(err, rc, "cannot start %s", argv[0]);
    *pid_out = pid;
    return FK_OK;
}
