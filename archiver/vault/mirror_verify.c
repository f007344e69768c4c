/* mirror_verify.c - whether a mirror could heal its vault: its files against what the ledger says.
 */
#include "archiver/vault/keys_priv.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/mirror_priv.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct look {
    const char *dir, *vault;
    fk_finding_fn finding;
    void *ctx;
    struct fk_mirror_verified *sum;
};

static void tell(struct look *l, uint64_t segment, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(struct look *l, uint64_t segment, const char *check, const char *fmt, ...) {
    struct fk_finding f = {.seq = UINT64_MAX, .segment = segment};
    va_list ap;
    snprintf(f.check, sizeof f.check, "%s", check);
    va_start(ap, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, ap);
    va_end(ap);
    l->sum->findings++;
    l->finding(l->ctx, &f);
}

static enum fk_status trouble(struct look *l, uint64_t segment, const char *check,
                              enum fk_status st, const struct fk_err *why, struct fk_err *err) {
    if (st == FK_NOMEM)
        return fk_fail(err, st, "%s", why->text);
    tell(l, segment, check, "%s", why->text);
    return FK_OK;
}

/* Every slice of it, its digest checked. */
static enum fk_status rows_look(struct look *l, uint64_t number, const char *path,
                                struct fk_err *err) {
    struct fk_buf rows = FK_BUF_INIT;
    struct fk_rows_end end;
    struct fk_rows_head head;
    struct fk_err why = FK_ERR_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum fk_status st = fd < 0 ? fk_fail_sys(&why, errno, "%s: cannot open", path) : FK_OK;
    if (st == FK_OK)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (st == FK_OK)
        st = fk_rows_scan(fd, path, number, &end, &why);
    for (off_t at = 0; st == FK_OK && at < end.bytes;) {
        st = fk_rows_read(fd, path, at, &head, &rows, &why);
        at += (off_t)(head.line + rows.len);
    }
    if (st == FK_OK && end.damaged)
        st = fk_fail(&why, FK_CORRUPT, "%s: damaged at byte %lld, and more follows", path,
                     (long long)end.bytes);
    fk_close(&fd);
    fk_buf_free(&rows);
    l->sum->rows++;
    return st == FK_OK ? st : trouble(l, number, "rows", st, &why, err);
}

/* That it opens is seen by who has the key-encryption key, when it heals; here that it is the
 * vault's, byte for byte. */
static enum fk_status keys_look(struct look *l, uint64_t number, struct fk_err *err) {
    char here[PATH_MAX], there[PATH_MAX];
    char is[2 * FK_SHA256_BYTES + 1], said[2 * FK_SHA256_BYTES + 1];
    uint64_t generation = 0, vaults = 0;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(fk_keyfile__newest(l->dir, number, &generation, err));
    FK_TRY(fk_keyfile__newest(l->vault, number, &vaults, err));
    if (!generation)
        tell(l, number, "key", "the mirror has no key file of it");
    else if (generation != vaults)
        tell(l, number, "key",
             "the mirror has generation %" PRIu64 " of the key file, the vault %" PRIu64,
             generation, vaults);
    if (!generation || generation != vaults)
        return FK_OK;
    fk_layout__keys(there, l->dir, number, generation);
    fk_layout__keys(here, l->vault, number, generation);
    st = fk_layout__digest(there, is, &why);
    if (st == FK_OK)
        st = fk_layout__digest(here, said, &why);
    if (st != FK_OK)
        return trouble(l, number, "key", st, &why, err);
    if (strcmp(is, said) != 0)
        tell(l, number, "key", "the mirror's key file is not the vault's: one of them is damaged");
    l->sum->keys++;
done:
    return st;
}

static enum fk_status sealed_look(struct look *l, const struct fk_segment_info *i, const char *path,
                                  struct fk_err *err) {
    char is[2 * FK_SHA256_BYTES + 1];
    struct fk_err why = FK_ERR_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    fk_close(&fd);
    l->sum->sealed++;
    enum fk_status st = fk_layout__digest(path, is, &why);
    if (st != FK_OK)
        return trouble(l, i->number, "file", st, &why, err);
    if (*i->digest && strcmp(is, i->digest) != 0)
        tell(l, i->number, "seal", "%s: its SHA-256 is %s, its seal entry says %s", path, is,
             i->digest);
    return FK_OK;
}

static enum fk_status segment_look(void *ctx, const struct fk_segment_info *i, struct fk_err *err) {
    struct look *l = ctx;
    char sealed[PATH_MAX], rows[PATH_MAX];
    enum fk_status st = FK_OK;
    fk_layout__segment(sealed, l->dir, i->number, "sealed");
    fk_layout__segment(rows, l->dir, i->number, "rows");
    if (fk_layout__exists(sealed))
        st = sealed_look(l, i, sealed, err);
    else if (fk_layout__exists(rows))
        st = rows_look(l, i->number, rows, err);
    else
        tell(l, i->number, "gap", "the mirror has nothing of it");
    return st == FK_OK ? keys_look(l, i->number, err) : st;
}

enum fk_status fk_mirror_verify(const char *dir, const char *vault_dir, struct fk_lend *lend,
                                fk_finding_fn finding, void *ctx, struct fk_mirror_verified *out,
                                struct fk_err *err) {
    struct fk_mirror_verified sum = {0};
    struct look l = {dir, vault_dir, finding, ctx, &sum};
    uint8_t here[FK_LEDGER_BYTES], there[FK_LEDGER_BYTES];
    enum fk_status st;
    FK_TRY(fk_layout__check(dir, err));
    FK_TRY(fk_mirror__ledger(dir, there, err));
    FK_TRY(fk_layout__ledger(vault_dir, here, err));
    if (memcmp(here, there, sizeof here) != 0)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is the mirror of another vault", dir));
    FK_TRY(fk_lend_segments(lend, segment_look, &l, err));
    *out = sum;
    if (sum.findings)
        st = fk_fail(err, FK_CORRUPT, "%s: %" PRIu64 " faults: this mirror cannot heal all", dir,
                     sum.findings);
done:
    return st;
}
