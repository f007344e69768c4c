/* layout.c - names of files, and the few steps with files that several parts of the pen share. */
#include "archiver/vault/layout_priv.h"
#include "base/atomic_file.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20 };
enum { LONGEST_NAME = 80 }; /* "/segments/" or "/keys/", two numbers of 20 digits, suffix, ".new" */

enum fk_status fk_layout__check(const char *dir, struct fk_err *err) {
    if (strlen(dir) + LONGEST_NAME >= PATH_MAX)
        return fk_fail(err, FK_INVALID, "%s: the path is too long for a vault", dir);
    return FK_OK;
}

void fk_layout__path(char out[PATH_MAX], const char *dir, const char *name) {
    snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

void fk_layout__segment(char out[PATH_MAX], const char *dir, uint64_t number, const char *suffix) {
    snprintf(out, PATH_MAX, "%s/segments/%08" PRIu64 ".%s", dir, number, suffix);
}

void fk_layout__keys(char out[PATH_MAX], const char *dir, uint64_t number, uint64_t generation) {
    snprintf(out, PATH_MAX, "%s/keys/%08" PRIu64 ".%" PRIu64 ".keys", dir, number, generation);
}

static const char ledger_head[] = "fumikura-ledger/";

enum fk_status fk_layout__ledger(const char *dir, uint8_t id[FK_LEDGER_BYTES], struct fk_err *err) {
    static const char known[] = "1 id=";
    char path[PATH_MAX];
    struct fk_buf b = FK_BUF_INIT;
    fk_layout__path(path, dir, "ledger");
    char segments[PATH_MAX];
    fk_layout__path(segments, dir, "segments");
    enum fk_status st = fk_read_file(path, 4096, &b, err);
    if (st == FK_NOT_FOUND && fk_layout__exists(segments))
        st = fk_fail(err, FK_CORRUPT,
                     "%s: the file is missing, and segments/ is there: put it back, one line \"%s1 "
                     "id=HEX\" with the ledger's id (it stands in entry 0, on tapes, in log/vkey)",
                     path, ledger_head);
    else if (st == FK_NOT_FOUND)
        st = fk_fail(
            err, FK_INVALID,
            "%s: not a vault (it has no file \"ledger\"): make one with \"fumikura init %s\"", dir,
            dir);
    FK_TRY(st);
    const char *text = fk_buf_cstr(&b), *rest = text + sizeof ledger_head - 1;
    if (strncmp(text, ledger_head, sizeof ledger_head - 1) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s: not the ledger file of a vault", path);
    else if (strncmp(rest, known, sizeof known - 1) != 0)
        st = fk_fail(err, FK_INVALID,
                     "%s: the vault has format %.8s, this program knows 1: use a newer fumikura",
                     path, rest);
    else if (b.len != sizeof ledger_head - 1 + sizeof known - 1 + 2 * FK_LEDGER_BYTES + 1 ||
             !fk_unhex(id, rest + sizeof known - 1, FK_LEDGER_BYTES) || text[b.len - 1] != '\n')
        st = fk_fail(err, FK_CORRUPT, "%s: the id is not 32 hex digits", path);
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_layout__ledger_write(const char *dir, const uint8_t id[FK_LEDGER_BYTES],
                                       struct fk_err *err) {
    char path[PATH_MAX], hex[2 * FK_LEDGER_BYTES + 1], line[80];
    fk_layout__path(path, dir, "ledger");
    fk_hex(hex, id, FK_LEDGER_BYTES);
    int n = snprintf(line, sizeof line, "%s1 id=%s\n", ledger_head, hex);
    return fk_atomic_put(path, 0644, line, (size_t)n, err);
}

static bool number_and_dot(const char *name, uint64_t *number, const char **rest) {
    uint64_t n = 0;
    const char *p = name;
    for (; *p >= '0' && *p <= '9' && n < UINT64_MAX / 100; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    *number = n;
    *rest = p + 1;
    return p > name && *p == '.' && n > 0;
}

enum fk_status fk_layout__each(const char *dir, const char *folder, fk_layout_fn fn, void *ctx,
                               struct fk_err *err) {
    char path[PATH_MAX];
    fk_layout__path(path, dir, folder);
    DIR *d = opendir(path);
    if (!d && errno == ENOENT)
        return fk_fail(err, FK_CORRUPT, "%s: the directory is missing", path);
    if (!d)
        return fk_fail_sys(err, errno, "%s: cannot read the directory", path);
    enum fk_status st = FK_OK;
    struct dirent *e;
    while (st == FK_OK && (errno = 0, e = readdir(d))) {
        uint64_t number;
        const char *rest;
        if (number_and_dot(e->d_name, &number, &rest))
            st = fn(ctx, number, rest, err);
    }
    if (st == FK_OK && errno)
        st = fk_fail_sys(err, errno, "%s: cannot read the directory", path);
    closedir(d);
    return st;
}

struct highest {
    const char *suffix;
    uint64_t number;
};

static enum fk_status highest_seen(void *ctx, uint64_t number, const char *rest,
                                   struct fk_err *err) {
    struct highest *h = ctx;
    (void)err;
    if (strcmp(rest, h->suffix) == 0 && number > h->number)
        h->number = number;
    return FK_OK;
}

enum fk_status fk_layout__highest(const char *dir, const char *suffix, uint64_t *out,
                                  struct fk_err *err) {
    struct highest h = {suffix, 0};
    enum fk_status st = fk_layout__each(dir, "segments", highest_seen, &h, err);
    *out = h.number;
    return st;
}

enum fk_status fk_layout__empty(const char *dir, struct fk_err *err) {
    struct dirent *e;
    enum fk_status st = FK_OK;
    DIR *d = opendir(dir);
    if (!d)
        return fk_fail_sys(err, errno, "%s: cannot read the directory", dir);
    while (st == FK_OK && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0)
            st = fk_fail(err, FK_INVALID,
                         "%s: is not empty (\"%s\"): expected a directory of its own", dir,
                         e->d_name);
    closedir(d);
    return st;
}

bool fk_layout__exists(const char *path) {
    struct stat s;
    return stat(path, &s) == 0;
}

enum fk_status fk_layout__remove(const char *path, struct fk_err *err) {
    int injected = fk_fault("unlink");
    if (!injected && (unlink(path) == 0 || errno == ENOENT))
        return FK_OK;
    return fk_fail_sys(err, injected ? injected : errno, "%s: cannot remove", path);
}

enum fk_status fk_layout__rename(const char *dir, const char *from, const char *to,
                                 struct fk_err *err) {
    char folder[PATH_MAX];
    int injected = fk_fault("rename");
    if (injected || rename(from, to) != 0)
        return fk_fail_sys(err, injected ? injected : errno, "%s: cannot rename to %s", from, to);
    fk_layout__path(folder, dir, "segments");
    return fk_sync_dir(folder, err);
}

enum fk_status fk_layout__digest(const char *path, char hex[2 * FK_SHA256_BYTES + 1],
                                 struct fk_err *err) {
    struct fk_digest *d = NULL;
    uint8_t out[FK_SHA256_BYTES], *buffer = malloc(READ_BYTES);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    enum fk_status st = buffer ? FK_OK : fk_fail(err, FK_NOMEM, "no memory to read %s", path);
    FK_TRY(st);
    FK_TRY(fk_digest_new(FK_SHA256, &d, err));
    while (n > 0 || (n < 0 && fd >= 0 && errno == EINTR)) {
        n = read(fd, buffer, READ_BYTES);
        if (n > 0)
            fk_digest_add(d, buffer, (size_t)n);
    }
    if (n < 0)
        st = fk_fail_sys(err, errno, "%s: cannot read", path);
    FK_TRY(st);
    fk_digest_end(d, out);
    fk_hex(hex, out, sizeof out);
done:
    fk_digest_free(&d);
    free(buffer);
    fk_close(&fd);
    return st;
}
