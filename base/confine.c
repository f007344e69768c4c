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
