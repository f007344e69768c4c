/* occasion.c - starts the program itself as keep or lend, with one end of a socket pair. */
#include "archiver/vault/occasion_priv.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/spawn.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Whether the configuration that this process was started with is one of this vault. */
static const char *own_config(const char *whole_dir) {
    const char *file = getenv("FUMIKURA_CONFIG");
    const char *slash = file ? strrchr(file, '/') : NULL;
    size_t len = strlen(whole_dir);
    if (!slash || (size_t)(slash - file) != len || strncmp(file, whole_dir, len) != 0)
        return NULL;
    return file;
}

enum fk_status fk_occasion_start(const char *dir, const char *name, int *sock_out, pid_t *pid_out,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    int pair[2] = {-1, -1};
    char role[32], whole[PATH_MAX];
    const char *named = getenv("FUMIKURA_PROGRAM");
    if (!realpath(dir, whole))
        return errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: there is no such vault", dir)
                               : fk_fail_sys(err, errno, "%s: cannot open the vault", dir);
    const char *config = own_config(whole);
    FK_TRY(fk_frame_pair(pair, err));
    snprintf(role, sizeof role, "all:%d", pair[1]);
    const char *argv[] = {named && *named ? named : "/proc/self/exe",
                          config ? "-c" : "-C",
                          config ? config : whole,
                          name,
                          "--socket",
                          role,
                          NULL};
    FK_TRY(fk_spawn(argv, &pair[1], 1, pid_out, err));
    *sock_out = pair[0];
    pair[0] = -1;
done:
    fk_close(&pair[0]);
    fk_close(&pair[1]);
    return st;
}

void fk_occasion_end(pid_t *pid) {
    while (*pid > 0 && waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
}

enum fk_status fk_occasion_connect(const char *dir, const char *socket_name, int *sock_out,
                                   struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = fk_join_path(path, sizeof path, dir, socket_name, err);
    if (st == FK_OK)
        st = fk_frame_connect(path, sock_out, err);
    /* a path too long for a socket: no server can listen there either */
    return st == FK_INVALID ? FK_NOT_FOUND : st;
}
