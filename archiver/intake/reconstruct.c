/* reconstruct.c - the descriptors, the box, readpst. */
#include "archiver/intake/reconstruct.h"
#include "base/box.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY ((size_t)4 << 30)
#define FILE_BYTES ((size_t)2 << 30)

/* readpst -V, so that what it made is known to be made by which one. */
static enum fk_status version_say(struct fk_err *err) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("readpst", "readpst", "-V", (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 127
               ? FK_OK
               : fk_fail(err, FK_NOT_FOUND, "readpst cannot be run: install pst-utils");
}

enum fk_status fk_reconstruct_main(int file, const char *dir, unsigned cpu_s, struct fk_err *err) {
    char path[PATH_MAX], source[32];
    enum fk_status st;
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", dir);
    const struct fk_box_program box = {file, at, MEMORY, FILE_BYTES, cpu_s};
    FK_TRY(fk_join_path(path, sizeof path, dir, "out", err));
    FK_TRY(fk_make_dir(path, 0700, err));
    int log = openat(at, "log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot write", dir));
    FK_TRY(fk_box_program(&box, err));
    FK_TRY(version_say(err));
    snprintf(source, sizeof source, "/dev/fd/%d", file);
    execlp("readpst", "readpst", "-e", "-D", "-j", "0", "-t", "e", "-o", path, source,
           (char *)NULL);
    st = fk_fail_sys(err, errno, "cannot run readpst");
done:
    fk_close(&at);
    return st;
}
