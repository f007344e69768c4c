/* signet.c - refuses what does not continue the last head; remembers before it answers. */
#include "archiver/vault/signet.h"
#include "archiver/vault/seed.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char key_format[] = "fumikura-log-key/1";

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
    enum fk_status st = fk_join_path(path, sizeof path, secrets_dir, "log-key", err);
    return st == FK_OK ? fk_seed_make(path, key_format, origin, err) : st;
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

static enum fk_status key_load(struct fk_signet *s, const char *path, struct fk_err *err) {
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return fk_fail(
            err, FK_NOT_FOUND,
            "%s: there is no key to sign the log with; put it back from where you keep a "
            "copy (docs/evidence.md says what to do when there is none)",
            path);
    return fk_seed_load(path, key_format, FK_KEY_LOG, &s->lock, &s->signer, err);
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
