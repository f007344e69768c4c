/* confine.c - rlimits and a small seccomp filter. */
#include "base/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum fk_status fk_confine_core(struct fk_err *err) {
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) == 0 ? FK_OK
                                              : fk_fail_sys(err, errno, "cannot forbid core dumps");
}

#ifndef __SANITIZE_ADDRESS__
static const int file_calls[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(creat),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(truncate),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(chown),
    SCMP_SYS(lchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(chroot),
    SCMP_SYS(pivot_root),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
};

enum fk_status fk_confine_files(struct fk_err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return fk_fail(err, FK_NOMEM, "no memory for a seccomp filter");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof file_calls / sizeof *file_calls; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), file_calls[i], 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? FK_OK : fk_fail_sys(err, -rc, "cannot give files up (seccomp)");
}
#else
enum fk_status fk_confine_files(struct fk_err *err) {
    (void)err;
    return FK_OK;
}
#endif

enum fk_status fk_confine_network(struct fk_err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return fk_fail(err, FK_NOMEM, "no memory for a seccomp filter");
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                              SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? FK_OK : fk_fail_sys(err, -rc, "cannot give the network up (seccomp)");
}
