/* signet.c - refuses what does not continue the last head; remembers before it answers. */
#include "archiver/vault/signet.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char key_format[] = "fumikura-log-key/1 name=";

struct fk_signet {
    char head_path[PATH_MAX];
    int lock; /* on log-key */
    struct fk_signer *signer;
    struct fk_checkpoint head;
};

void fk_signet_origin(char out[FK_ORIGIN_SIZE], const char *ledger) {
    const time_t now = (time_t)(fk_now_ms() / 1000);
    struct tm t;
    char when[24];
    gmtime_r(&now, &t);
    (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &t); /* which fits until the year 99999 */
    snprintf(out, FK_ORIGIN_SIZE, "fumikura/%.40s/%s", ledger, when);
}

enum fk_status fk_signet_init(const char *secrets_dir, const char *origin, struct fk_err *err) {
    char path[PATH_MAX];
    uint8_t seed[32];
    struct fk_buf line = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, secrets_dir, "log-key", err));
    if (access(path, F_OK) == 0)
        return fk_fail(err, FK_INVALID, "%s: this log has a key already", path);
    if (RAND_bytes(seed, sizeof seed) != 1)
        return fk_fail(err, FK_IO, "the system gives no random bytes for a signing key");
    fk_buf_printf(&line, "%s%s seed=", key_format, origin);
    fk_buf_hex(&line, seed, sizeof seed);
    fk_buf_byte(&line, '\n');
    st = line.failed ? fk_fail(err, FK_NOMEM, "no memory for a signing key")
                     : fk_atomic_put(path, 0600, line.data, line.len, err);
    explicit_bzero(seed, sizeof seed);
    fk_buf_wipe(&line);
done:
    return st;
}

static enum fk_status put_aside(const char *secrets_dir, const char *name, const char *when,
                                struct fk_err *err) {
    char from[PATH_MAX], to[PATH_MAX + 32];
    enum fk_status st = fk_join_path(from, sizeof from, secrets_dir, name, err);
    if (st != FK_OK)
        return st;
    snprintf(to, sizeof to, "%s.%s", from, when);
    if (rename(from, to) != 0 && errno != ENOENT)
        return fk_fail_sys(err, errno, "%s: cannot put it aside", from);
    return FK_OK;
}

/* The key goes first: one without its head would sign anything. */
enum fk_status fk_signet_renew(const char *secrets_dir, const char *origin, struct fk_err *err) {
    char when[FK_TIME_SIZE];
    struct fk_signet *old = NULL;
    enum fk_status st = fk_signet_open(secrets_dir, &old, err);
    if (st == FK_RETRY)
        return st; /* somebody signs with it */
    fk_time_format(when, fk_now_ms());
    FK_TRY(put_aside(secrets_dir, "log-key", when, err));
    FK_TRY(put_aside(secrets_dir, "log-head", when, err));
    FK_TRY(fk_sync_dir(secrets_dir, err));
    st = fk_signet_init(secrets_dir, origin, err);
done:
    fk_signet_close(&old);
    return st;
}

static enum fk_status key_parse(const char *path, const char *line, size_t len,
                                struct fk_signer **out, struct fk_err *err) {
    char name[FK_NAME_MAX];
    uint8_t seed[32];
    const char *at = line + sizeof key_format - 1, *space;
    if (len < sizeof key_format || memcmp(line, key_format, sizeof key_format - 1) != 0 ||
        !(space = memchr(at, ' ', len - (size_t)(at - line))) ||
        (size_t)(space - at) >= sizeof name ||
        (size_t)(line + len - space) != sizeof " seed=" - 1 + 64 + 1 || line[len - 1] != '\n' ||
        memcmp(space, " seed=", 6) != 0 || !fk_unhex(seed, space + 6, sizeof seed))
        return fk_fail(err, FK_CORRUPT, "%s: not a log key (\"%sNAME seed=HEX\")", path,
                       key_format);
    memcpy(name, at, (size_t)(space - at));
    name[space - at] = 0;
    enum fk_status st = fk_signer_new(name, seed, out, err);
    explicit_bzero(seed, sizeof seed);
    return st;
}

static enum fk_status key_load(struct fk_signet *signet, const char *path, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct stat s;
    enum fk_status st = FK_OK;
    signet->lock = open(path, O_RDONLY | O_CLOEXEC);
    if (signet->lock < 0 && errno == ENOENT)
        return fk_fail(
            err, FK_NOT_FOUND,
            "%s: there is no key to sign the log with; put it back from where you keep a "
            "copy (docs/evidence.md says what to do when there is none)",
            path);
    if (signet->lock < 0 || fstat(signet->lock, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot read the log's key", path);
    if (s.st_mode & 077)
        return fk_fail(err, FK_DENIED, "%s: others can read the log's key; chmod 600 it", path);
    if (flock(signet->lock, LOCK_EX | LOCK_NB) != 0)
        return fk_fail(err, FK_RETRY, "%s: another process signs with this key", path);
    FK_TRY(fk_read_file(path, 4096, &line, err));
    st = key_parse(path, (const char *)line.data, line.len, &signet->signer, err);
done:
    fk_buf_wipe(&line);
    return st;
}

static enum fk_status head_load(struct fk_signet *s, struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT;
    const struct fk_verifier *v = fk_signer_verifier(s->signer);
    enum fk_status st = fk_read_file(s->head_path, 65536, &note, err);
    if (st == FK_NOT_FOUND) {
        memcpy(s->head.origin, v->name, sizeof s->head.origin);
        fk_sha256("", 0, s->head.root);
        st = FK_OK;
    } else if (st == FK_OK) {
        st = fk_checkpoint_open(note.data, note.len, v, &s->head, err);
        if (st != FK_OK)
            st = fk_fail(err, FK_CORRUPT, "%s: not the last head that was signed with this key",
                         s->head_path);
    }
    fk_buf_free(&note);
    return st;
}

enum fk_status fk_signet_open(const char *secrets_dir, struct fk_signet **out, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st;
    struct fk_signet *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory for the log's key");
    s->lock = -1;
    FK_TRY(fk_join_path(path, sizeof path, secrets_dir, "log-key", err));
    FK_TRY(fk_join_path(s->head_path, sizeof s->head_path, secrets_dir, "log-head", err));
    FK_TRY(key_load(s, path, err));
    FK_TRY(head_load(s, err));
    *out = s;
    s = NULL;
done:
    fk_signet_close(&s);
    return st;
}

void fk_signet_close(struct fk_signet **s) {
    if (!*s)
        return;
    fk_signer_free(&(*s)->signer);
    fk_close(&(*s)->lock);
    free(*s);
    *s = NULL;
}

const struct fk_checkpoint *fk_signet_head(const struct fk_signet *sign) {
    return &sign->head;
}

const struct fk_verifier *fk_signet_verifier(const struct fk_signet *sign) {
    return fk_signer_verifier(sign->signer);
}

static enum fk_status growth_check(const struct fk_checkpoint *head, uint64_t size,
                                   const fk_hash root, const struct fk_proof *proof,
                                   struct fk_err *err) {
    if (size < head->size)
        return fk_fail(err, FK_DENIED,
                       "a head of %llu entries is smaller than the %llu that were signed: this is "
                       "an older copy of the ledger, and it is not signed",
                       (unsigned long long)size, (unsigned long long)head->size);
    if (!fk_tree_check_consistency(head->size, head->root, size, root, proof))
        return fk_fail(
            err, FK_DENIED,
            "the head of %llu entries does not continue the one of %llu that was signed: "
            "the ledger's past has been changed",
            (unsigned long long)size, (unsigned long long)head->size);
    return FK_OK;
}

enum fk_status fk_signet_next(struct fk_signet *s, uint64_t size, const fk_hash root,
                              const struct fk_proof *proof, struct fk_buf *note,
                              struct fk_err *err) {
    struct fk_buf signed_note = FK_BUF_INIT;
    struct fk_checkpoint next = s->head;
    enum fk_status st;
    FK_TRY(growth_check(&s->head, size, root, proof, err));
    next.size = size;
    memcpy(next.root, root, sizeof next.root);
    FK_TRY(fk_checkpoint_sign(&next, s->signer, &signed_note, err));
    FK_TRY(fk_atomic_put(s->head_path, 0600, signed_note.data, signed_note.len, err));
    s->head = next;
    fk_buf_add(note, signed_note.data, signed_note.len);
    if (note->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a checkpoint");
done:
    fk_buf_free(&signed_note);
    return st;
}
