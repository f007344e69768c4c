/* seed.c - a signing key's file: made once, read by one. */
#include "archiver/vault/seed.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

enum fk_status fk_seed_make(const char *path, const char *format, const char *name,
                            struct fk_err *err) {
    uint8_t seed[32];
    struct fk_buf line = FK_BUF_INIT;
    if (access(path, F_OK) == 0)
        return fk_fail(err, FK_INVALID, "%s: there is a key already", path);
    if (RAND_bytes(seed, sizeof seed) != 1)
        return fk_fail(err, FK_IO, "the system gives no random bytes for a signing key");
    struct fk_signer *trial = NULL; /* says what is wrong with the name */
    enum fk_status st = fk_signer_new(name, FK_KEY_LOG, seed, &trial, err);
    fk_signer_free(&trial);
    if (st != FK_OK)
        return st;
    fk_buf_printf(&line, "%s name=%s seed=", format, name);
    fk_buf_hex(&line, seed, sizeof seed);
    fk_buf_byte(&line, '\n');
    st = line.failed ? fk_fail(err, FK_NOMEM, "no memory for a signing key")
                     : fk_atomic_put(path, 0600, line.data, line.len, err);
    explicit_bzero(seed, sizeof seed);
    fk_buf_wipe(&line);
    return st;
}

/* Moves *at behind a word that must stand there. */
static bool skip(const char **at, const char *end, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(end - *at) < n || memcmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

static enum fk_status line_parse(const char *path, const char *format, enum fk_key_type type,
                                 const struct fk_buf *line, struct fk_signer **out,
                                 struct fk_err *err) {
    char name[FK_NAME_MAX];
    uint8_t seed[32];
    const char *at = (const char *)line->data, *end = at + line->len, *space = NULL;
    bool good = skip(&at, end, format) && skip(&at, end, " name=") &&
                (space = memchr(at, ' ', (size_t)(end - at))) && (size_t)(space - at) < sizeof name;
    if (good) {
        memcpy(name, at, (size_t)(space - at));
        name[space - at] = 0;
        at = space;
        good = skip(&at, end, " seed=") && end - at == 2 * (long)sizeof seed + 1 &&
               end[-1] == '\n' && fk_unhex(seed, at, sizeof seed);
    }
    if (!good)
        return fk_fail(err, FK_CORRUPT, "%s: not a key of the form \"%s name=NAME seed=HEX\"", path,
                       format);
    enum fk_status st = fk_signer_new(name, type, seed, out, err);
    explicit_bzero(seed, sizeof seed);
    return st;
}

enum fk_status fk_seed_load(const char *path, const char *format, enum fk_key_type type,
                            int *lock_out, struct fk_signer **out, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct stat s;
    enum fk_status st;
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0 || fstat(lock, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot read the signing key", path));
    if (s.st_mode & 077)
        FK_TRY(fk_fail(err, FK_DENIED, "%s: others can read the signing key; chmod 600 it", path));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        FK_TRY(fk_fail(err, FK_RETRY, "%s: another process signs with this key", path));
    FK_TRY(fk_read_file(path, FILE_MAX, &line, err));
    FK_TRY(line_parse(path, format, type, &line, out, err));
    *lock_out = lock;
    lock = -1;
done:
    fk_close(&lock);
    fk_buf_wipe(&line);
    return st;
}
