/* box.c - rlimits, no_new_privs, Landlock, seccomp, in this order: each leaves the next possible.
 */
#include "base/box.h"
#include "base/confine.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum fk_status limit_set(int which, rlim_t value, const char *name, struct fk_err *err) {
    const struct rlimit limit = {value, value};
    return setrlimit(which, &limit) == 0
               ? FK_OK
               : fk_fail_sys(err, errno, "a boxed process cannot limit its %s", name);
}

static enum fk_status limits_set(size_t memory_bytes, size_t output_bytes, struct fk_err *err) {
    enum fk_status st = FK_OK;
#ifndef __SANITIZE_ADDRESS__ /* ASan reserves terabytes of address space */
    FK_TRY(limit_set(RLIMIT_AS, memory_bytes, "memory", err));
#else
    (void)memory_bytes;
#endif
    FK_TRY(limit_set(RLIMIT_FSIZE, output_bytes, "output", err));
    FK_TRY(limit_set(RLIMIT_NOFILE, 16, "descriptors", err));
    FK_TRY(limit_set(RLIMIT_NPROC, 0, "processes", err));
    FK_TRY(limit_set(RLIMIT_CORE, 0, "core dumps", err));
done:
    return st;
}

/* linux/landlock.h of Debian 12 ends at the second version of what the kernel may know; a kernel
 * takes a shorter struct of an older version as it is. */
struct ruleset {
    uint64_t files, network, scoped;
};
static size_t ruleset_size(long abi) {
    return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}
/* Rights over files by version: 13 of the first, refer, truncate, ioctl. */
static uint64_t rights_of(long abi) {
    const unsigned bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
    return ((uint64_t)1 << bits) - 1;
}

/* -1: none */
static long landlock_abi(struct fk_err *err) {
    const long abi = fk_fault("landlock") ? -1 : syscall(444, NULL, (size_t)0, 1u);
    if (abi >= 1)
        return abi;
    (void)fk_fail(err, FK_DENIED,
                  "this kernel has no Landlock, without which messages are not read; use Linux "
                  "5.13 or newer, with landlock among its security modules (lsm=)");
    return -1;
}

static enum fk_status ruleset_make(long abi, int *fd_out, struct fk_err *err) {
    const struct ruleset nothing = {rights_of(abi), 3, 3};
    const long fd = syscall(444, &nothing, ruleset_size(abi), 0u);
    if (fd < 0)
        return fk_fail_sys(err, errno, "a boxed process cannot make a Landlock ruleset");
    *fd_out = (int)fd;
    return FK_OK;
}

static enum fk_status ruleset_close(int fd, struct fk_err *err) {
    const long rc = syscall(446, fd, 0u);
    const int problem = errno;
    (void)close(fd); /* a ruleset has nothing to lose */
    return rc == 0 ? FK_OK : fk_fail_sys(err, problem, "a boxed process cannot use Landlock");
}

static enum fk_status landlock_close(struct fk_err *err) {
    int fd = -1;
    const long abi = landlock_abi(err);
    if (abi < 1)
        return FK_DENIED;
    enum fk_status st = ruleset_make(abi, &fd, err);
    return st == FK_OK ? ruleset_close(fd, err) : st;
}

/* linux/landlock.h: struct landlock_path_beneath_attr, packed. */
struct __attribute__((packed)) beneath {
    uint64_t rights;
    int32_t parent;
};
enum { RUN = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8 };

static bool right_give(int ruleset, int fd, uint64_t rights) {
    const struct beneath rule = {rights, fd};
    return syscall(445, ruleset, 1, &rule, 0u) == 0;
}

/* A path that is not there on this system needs no right. */
static bool path_give(int ruleset, const char *path, uint64_t rights) {
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    const bool given = right_give(ruleset, fd, rights);
    (void)close(fd);
    return given;
}

static const char *const readable[] = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"};
enum { READABLE = sizeof readable / sizeof *readable };

static bool system_give(int ruleset) {
    bool given = path_give(ruleset, "/dev/null", READ_FILE | WRITE_FILE);
    for (size_t i = 0; given && i < READABLE; i++)
        given = path_give(ruleset, readable[i],
                          i == READABLE - 1 ? READ_FILE : RUN | READ_FILE | READ_DIR);
#ifdef FK_TESTING
    if (given && getenv("FUMIKURA_PROGRAMS"))
        given = path_give(ruleset, getenv("FUMIKURA_PROGRAMS"), RUN | READ_FILE | READ_DIR);
#endif
    return given;
}

/* The files of the system, and what a program was given; NULL: nothing. */
static enum fk_status landlock_system(const struct fk_box_program *box, struct fk_err *err) {
    int fd = -1;
    const long abi = landlock_abi(err);
    if (abi < 1)
        return FK_DENIED;
    enum fk_status st = ruleset_make(abi, &fd, err);
    if (st != FK_OK)
        return st;
    if ((!box ||
         (right_give(fd, box->file, READ_FILE) && right_give(fd, box->dir, rights_of(abi)))) &&
        system_give(fd))
        return ruleset_close(fd, err);
    st = fk_fail_sys(err, errno, "a boxed process cannot be given its files");
    (void)close(fd);
    return st;
}

enum fk_status fk_box_program(const struct fk_box_program *box, struct fk_err *err) {
    enum fk_status st;
#ifndef __SANITIZE_ADDRESS__
    FK_TRY(limit_set(RLIMIT_AS, box->memory_bytes, "memory", err));
#endif
    FK_TRY(limit_set(RLIMIT_FSIZE, box->file_bytes, "files", err));
    FK_TRY(limit_set(RLIMIT_CPU, box->cpu_s, "time", err));
    FK_TRY(fk_confine_core(err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        FK_TRY(fk_fail_sys(err, errno, "a boxed process cannot give up privileges"));
    FK_TRY(landlock_system(box, err));
    st = fk_confine_network(err);
done:
    return st;
}

static const int allowed[] = {
    SCMP_SYS(read),        SCMP_SYS(write),          SCMP_SYS(readv),
    SCMP_SYS(writev),      SCMP_SYS(pread64),        SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),     SCMP_SYS(close),          SCMP_SYS(lseek),
    SCMP_SYS(munmap),      SCMP_SYS(mremap),         SCMP_SYS(brk),
    SCMP_SYS(madvise),     SCMP_SYS(futex),          SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate),   SCMP_SYS(fcntl),          SCMP_SYS(clock_gettime),
    SCMP_SYS(getrandom),   SCMP_SYS(getpid),         SCMP_SYS(gettid),
    SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit),        SCMP_SYS(exit_group),     SCMP_SYS(restart_syscall),
#ifdef __SANITIZE_ADDRESS__
    SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction),   SCMP_SYS(readlink),
#endif
};

static enum fk_status seccomp_close(struct fk_err *err) {
    int rc = fk_fault("seccomp");
    scmp_filter_ctx filter = rc ? NULL : seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return fk_fail(err, FK_DENIED,
                       "this kernel has no seccomp filters, without which messages are not read");
    for (size_t i = 0; rc == 0 && i < sizeof allowed / sizeof *allowed; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (rc == 0)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_code);
    if (rc == 0)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat), 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc == -ENOSYS || rc == -EINVAL)
        return fk_fail(err, FK_DENIED,
                       "this kernel has no seccomp filters, without which messages are not read");
    return rc == 0 ? FK_OK : fk_fail_sys(err, -rc, "a boxed process cannot use seccomp");
}

enum fk_status fk_box_runner(struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_confine_core(err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        FK_TRY(fk_fail_sys(err, errno, "a boxed process cannot give up privileges"));
    FK_TRY(landlock_system(NULL, err));
    int rc = fk_fault("seccomp");
    scmp_filter_ctx filter = rc ? NULL : seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return fk_fail(err, FK_DENIED,
                       "this kernel has no seccomp filters, without which messages are not read");
    static const int refused[] = {SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(ptrace),
                                  SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev)};
    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof *refused; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        st = fk_fail_sys(err, -rc, "a boxed process cannot use seccomp");
done:
    return st;
}

/* What a program needs to be loaded, to read, to reckon and to write. */
static const int filtering[] = {
    SCMP_SYS(execve),
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(ioctl),
    SCMP_SYS(getdents64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    SCMP_SYS(rseq),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(umask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(exit),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit_group),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
};

enum fk_status fk_box_filter(const struct fk_box_filter *box, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(limit_set(RLIMIT_FSIZE, 0, "files", err));
    FK_TRY(limit_set(RLIMIT_CPU, box->cpu_s, "time", err));
    FK_TRY(limit_set(RLIMIT_NOFILE, 32, "descriptors", err));
    FK_TRY(limit_set(RLIMIT_NPROC, 0, "processes", err));
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < sizeof filtering / sizeof *filtering; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, filtering[i], 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        FK_TRY(fk_fail_sys(err, -rc, "a boxed process cannot use seccomp"));
    /* Last, as it is the program's: under a sanitizer this process has terabytes of addresses
     * reserved, and could allocate nothing more. */
    st = limit_set(RLIMIT_AS, box->memory_bytes, "memory", err);
done:
    return st;
}

enum fk_status fk_box_close(size_t memory_bytes, size_t output_bytes, struct fk_err *err) {
    enum fk_status st = FK_OK;
    FK_TRY(limits_set(memory_bytes, output_bytes, err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        st = fk_fail_sys(err, errno, "a boxed process cannot give up privileges");
    if (st == FK_OK)
        FK_TRY(landlock_close(err));
    if (st == FK_OK)
        FK_TRY(seccomp_close(err));
done:
    return st;
}
