/* fuzz.c - see fuzz.h. */
#include "tests/fuzz/support/fuzz.h"
#include "base/io.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *fuzz_asan_options(void) __attribute__((weak));
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return fuzz_asan_options ? fuzz_asan_options() : FUZZ_ASAN_OPTIONS;
}

void fuzz_broken(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

bool fuzz_took(enum fk_status st, const struct fk_err *err) {
    if (st == FK_OK)
        return true;
    MUST(st == err->status);
    MUST(st != FK_IO && st != FK_NOMEM);
    MUST(err->text[0] != 0);
    MUST(!strchr(err->text, '\n'));
    return false;
}

bool fuzz_same(const void *a, size_t a_len, const void *b, size_t b_len) {
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* From the definition (RFC 3629, section 4), and not the house's own. */
bool fuzz_is_utf8(const void *text, size_t len) {
    const uint8_t *s = text;
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t c = s[i];
        n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
        if (n == 0 || n > len - i)
            return false;
        c &= n == 1 ? 0x7f : 0xffu >> (n + 1);
        for (size_t k = 1; k < n; k++) {
            if (s[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (s[i + k] & 0x3f);
        }
        if ((n == 2 && c < 0x80) || (n == 3 && c < 0x800) ||
            (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000))
            return false;
    }
    return true;
}

uint8_t fuzz_byte(struct fuzz_input *in) {
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->at++;
}

uint64_t fuzz_number(struct fuzz_input *in) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | fuzz_byte(in);
    return v;
}

struct fuzz_input fuzz_until(struct fuzz_input *in, uint8_t stop) {
    const uint8_t *at = in->len ? memchr(in->at, stop, in->len) : NULL;
    const struct fuzz_input part = {in->at, at ? (size_t)(at - in->at) : in->len};
    const size_t used = part.len + (at ? 1 : 0);
    in->at += used;
    in->len -= used;
    return part;
}

static char dir[PATH_MAX / 2];
static pid_t dir_of;

static void dir_name(char out[PATH_MAX / 2], pid_t pid) {
    const char *test_dir = getenv("TEST_DIR");
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                        : test_dir && *test_dir       ? test_dir
                                                      : "/var/tmp";
    snprintf(out, PATH_MAX / 2, "%s/fumikura-fuzz.%ld", where, (long)pid);
}

static int one_remove(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s, (void)kind, (void)at;
    return remove(path);
}

void fuzz_dir_remove(pid_t pid) {
    char name[PATH_MAX / 2];
    dir_name(name, pid);
    (void)nftw(name, one_remove, 16, FTW_DEPTH | FTW_PHYS); /* there may be none */
}

static void own_dir_remove(void) {
    if (dir_of == getpid())
        fuzz_dir_remove(dir_of);
}

const char *fuzz_dir(void) {
    if (dir_of == getpid())
        return dir;
    dir_name(dir, getpid());
    MUST(mkdir(dir, 0700) == 0);
    dir_of = getpid();
    (void)atexit(own_dir_remove);
    return dir;
}

const char *fuzz_file(const char *name, const void *data, size_t len) {
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    MUST(fd >= 0);
    DONE(fk_write_full(fd, data, len, path, NULL));
    MUST(close(fd) == 0);
    return path;
}

int fuzz_memfile(const void *data, size_t len) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0);
    DONE(fk_write_full(fd, data, len, "memory", NULL));
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}
