/* keyfile.c - keys/NNNNNNNN.G.keys: the intermediate key of a segment, and the wrapped content keys
 * of a sealed one. */
#include "archiver/vault/keys_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 8 + FK_WRAPPED_BYTES,
    HEAD_MAX = 512,
    SIK_TEXT_BYTES = FK_KEY_BYTES + FK_LEDGER_BYTES + 8 + 8
};

/* The intermediate key and what it is bound to, wrapped or unwrapped; -1 when it does not fit. */
static int sik_cipher(const uint8_t kek[FK_KEY_BYTES], int encrypt, const uint8_t *in, int len,
                      uint8_t *out) {
    int n = -1;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (!c || EVP_CipherInit_ex(c, EVP_aes_256_wrap_pad(), NULL, kek, NULL, encrypt) != 1 ||
        EVP_CipherUpdate(c, out, &n, in, len) != 1)
        n = -1;
    EVP_CIPHER_CTX_free(c);
    return n;
}

static void sik_text(uint8_t out[SIK_TEXT_BYTES], const struct fk_keyname *name,
                     const uint8_t *sik) {
    memcpy(out, sik, FK_KEY_BYTES);
    memcpy(out + FK_KEY_BYTES, name->ledger, FK_LEDGER_BYTES);
    fk_be64(out + FK_KEY_BYTES + FK_LEDGER_BYTES, name->segment);
    fk_be64(out + FK_KEY_BYTES + FK_LEDGER_BYTES + 8, name->generation);
}

/* All of the first line up to the wrapped key. */
static void head_before_sik(struct fk_buf *out, const struct fk_keyname *name, uint64_t count) {
    fk_buf_str(out, "fumikura-keys/1 ledger=");
    fk_buf_hex(out, name->ledger, FK_LEDGER_BYTES);
    fk_buf_printf(out, " segment=%" PRIu64 " generation=%" PRIu64 " count=%" PRIu64 " sik=",
                  name->segment, name->generation, count);
}

enum fk_status fk_keyfile__head(const struct fk_keyname *name, uint64_t count,
                                const uint8_t sik[FK_KEY_BYTES], struct fk_buf *out,
                                struct fk_err *err) {
    uint8_t text[SIK_TEXT_BYTES], wrapped[FK_WRAPPED_SIK_BYTES];
    sik_text(text, name, sik);
    int n = sik_cipher(name->kek->key, 1, text, sizeof text, wrapped);
    OPENSSL_cleanse(text, sizeof text);
    head_before_sik(out, name, count);
    fk_buf_hex(out, wrapped, sizeof wrapped);
    fk_buf_byte(out, '\n');
    if (n != FK_WRAPPED_SIK_BYTES || out->failed)
        return fk_fail(err, FK_NOMEM, "no memory to wrap the key of segment %" PRIu64,
                       name->segment);
    return FK_OK;
}

enum fk_status fk_keyfile__create(const struct fk_keyname *name, uint8_t sik_out[FK_KEY_BYTES],
                                  struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf head = FK_BUF_INIT;
    fk_random(sik_out, FK_KEY_BYTES);
    enum fk_status st = fk_keyfile__head(name, 0, sik_out, &head, err);
    if (st == FK_OK) {
        fk_layout__keys(path, name->dir, name->segment, name->generation);
        st = fk_atomic_put(path, 0600, head.data, head.len, err);
    }
    fk_buf_free(&head);
    return st;
}

/* What is bound to the key is compared, so a key that fits by chance is not taken. */
static bool sik_unwrap(const struct fk_keyname *name, const uint8_t kek[FK_KEY_BYTES],
                       const uint8_t *wrapped, uint8_t sik[FK_KEY_BYTES]) {
    uint8_t plain[FK_WRAPPED_SIK_BYTES], want[SIK_TEXT_BYTES];
    bool ok = sik_cipher(kek, 0, wrapped, FK_WRAPPED_SIK_BYTES, plain) == SIK_TEXT_BYTES;
    if (ok) {
        sik_text(want, name, plain);
        ok = CRYPTO_memcmp(plain, want, sizeof want) == 0;
    }
    if (ok)
        memcpy(sik, plain, FK_KEY_BYTES);
    OPENSSL_cleanse(plain, sizeof plain);
    OPENSSL_cleanse(want, sizeof want);
    return ok;
}

static enum fk_status head_parse(const struct fk_keyname *name, const char *text, size_t len,
                                 struct fk_keyfile *kf, struct fk_err *err) {
    const char *count = memmem(text, len, " count=", 7);
    uint8_t wrapped[FK_WRAPPED_SIK_BYTES];
    struct fk_buf before = FK_BUF_INIT;
    kf->count = count ? strtoull(count + 7, NULL, 10) : 0;
    head_before_sik(&before, name, kf->count);
    bool ok = !before.failed && len >= before.len + sizeof wrapped * 2 + 1 &&
              memcmp(text, before.data, before.len) == 0 &&
              fk_unhex(wrapped, text + before.len, sizeof wrapped) &&
              text[before.len + 2 * sizeof wrapped] == '\n';
    kf->records = (off_t)(before.len + 2 * sizeof wrapped + 1);
    fk_buf_free(&before);
    if (!ok)
        return fk_fail(err, FK_CORRUPT,
                       "%s: the first line is not that of segment %" PRIu64 ", generation %" PRIu64
                       " of this ledger: it is damaged, or of another archive",
                       kf->path, name->segment, name->generation);
    ok = sik_unwrap(name, name->kek->key, wrapped, kf->sik);
    if (!ok && name->kek->rotating)
        ok = kf->by_before = sik_unwrap(name, name->kek->before, wrapped, kf->sik);
    return ok ? FK_OK
              : fk_fail(err, FK_CORRUPT,
                        "%s: the intermediate key does not unwrap: the file is damaged, or "
                        "secrets/kek is of another vault, or of before or after a rotation",
                        kf->path);
}

static enum fk_status file_check(struct fk_keyfile *kf, struct stat *s, struct fk_err *err) {
    if (fstat(kf->fd, s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", kf->path);
    kf->seen[0] = s->st_ctim.tv_sec;
    kf->seen[1] = s->st_ctim.tv_nsec;
    if (s->st_mode & 0027)
        return fk_fail(err, FK_DENIED,
                       "%s: others can read or change a key file (mode %04o): chmod 0600 it",
                       kf->path, s->st_mode & 07777);
    return FK_OK;
}

enum fk_status fk_keyfile__open(const struct fk_keyname *name, struct fk_keyfile *out,
                                struct fk_err *err) {
    struct fk_keyfile kf = {.fd = -1, .segment = name->segment, .generation = name->generation};
    char head[HEAD_MAX + 1];
    struct stat s;
    enum fk_status st = FK_OK;
    fk_layout__keys(kf.path, name->dir, name->segment, name->generation);
    kf.fd = open(kf.path, O_RDONLY | O_CLOEXEC);
    if (kf.fd < 0)
        return errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: the key file is missing", kf.path)
                               : fk_fail_sys(err, errno, "%s: cannot open", kf.path);
    FK_TRY(file_check(&kf, &s, err));
    size_t n = s.st_size < HEAD_MAX ? (size_t)s.st_size : HEAD_MAX;
    FK_TRY(fk_pread_full(kf.fd, head, n, 0, kf.path, err));
    head[n] = 0;
    FK_TRY(head_parse(name, head, n, &kf, err));
    if (kf.count > INT64_MAX / RECORD_BYTES ||
        s.st_size != kf.records + (off_t)(kf.count * RECORD_BYTES))
        st = fk_fail(err, FK_CORRUPT, "%s: has %lld bytes, not those of %" PRIu64 " keys", kf.path,
                     (long long)s.st_size, kf.count);
done:
    if (st == FK_OK)
        *out = kf;
    else
        fk_keyfile__close(&kf);
    return st;
}

void fk_keyfile__close(struct fk_keyfile *kf) {
    fk_close(&kf->fd);
    OPENSSL_cleanse(kf->sik, sizeof kf->sik);
}

bool fk_keyfile__is_stale(const struct fk_keyfile *kf) {
    struct stat s;
    return kf->fd < 0 || fstat(kf->fd, &s) != 0 || s.st_nlink == 0 ||
           s.st_ctim.tv_sec != kf->seen[0] || s.st_ctim.tv_nsec != kf->seen[1];
}

/* Records are bound to the intermediate key, which stays: they go over as they are. */
static enum fk_status records_copy(const struct fk_keyfile *kf, struct fk_atomic_file *to,
                                   struct fk_err *err) {
    enum { RECORDS = 512 };
    uint8_t block[RECORDS * RECORD_BYTES];
    enum fk_status st = FK_OK;
    for (uint64_t i = 0; i < kf->count && st == FK_OK; i += RECORDS) {
        uint64_t n = kf->count - i < RECORDS ? kf->count - i : RECORDS;
        st = fk_pread_full(kf->fd, block, (size_t)n * RECORD_BYTES,
                           kf->records + (off_t)(i * RECORD_BYTES), kf->path, err);
        if (st == FK_OK)
            st = fk_atomic_write(to, block, (size_t)n * RECORD_BYTES, err);
    }
    return st;
}

enum fk_status fk_keyfile__rewrap(const struct fk_keyfile *kf, const struct fk_keyname *next,
                                  struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_atomic_file *file = NULL;
    struct fk_buf head = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_keyfile__head(next, kf->count, kf->sik, &head, err));
    fk_layout__keys(path, next->dir, next->segment, next->generation);
    FK_TRY(fk_atomic_begin(path, 0600, &file, err));
    FK_TRY(fk_atomic_write(file, head.data, head.len, err));
    FK_TRY(records_copy(kf, file, err));
    st = fk_atomic_commit(&file, err);
done:
    fk_atomic_abort(&file);
    fk_buf_free(&head);
    return st;
}

enum fk_status fk_keyfile__record(const struct fk_keyfile *kf, uint64_t i, uint64_t *seq_out,
                                  uint8_t wrapped[FK_WRAPPED_BYTES], struct fk_err *err) {
    uint8_t record[RECORD_BYTES];
    enum fk_status st = fk_pread_full(kf->fd, record, sizeof record,
                                      kf->records + (off_t)(i * RECORD_BYTES), kf->path, err);
    if (st != FK_OK)
        return st;
    *seq_out = fk_be64_read(record);
    memcpy(wrapped, record + 8, FK_WRAPPED_BYTES);
    return FK_OK;
}

enum fk_status fk_keyfile__find(struct fk_keyfile *kf, uint64_t seq,
                                uint8_t wrapped[FK_WRAPPED_BYTES], struct fk_err *err) {
    uint64_t low = 0, high = kf->count, middle = kf->next, at;
    while (low < high) {
        if (middle < low || middle >= high)
            middle = low + (high - low) / 2;
        enum fk_status st = fk_keyfile__record(kf, middle, &at, wrapped, err);
        if (st == FK_OK && at == seq)
            kf->next = middle + 1;
        if (st != FK_OK || at == seq)
            return st;
        if (at < seq)
            low = middle + 1;
        else
            high = middle;
        middle = high;
    }
    return fk_fail(err, FK_NOT_FOUND, "%s: no key for entry %" PRIu64, kf->path, seq);
}

struct generations {
    const char *dir;
    uint64_t segment, keep, newest;
    bool destroy;
};

static enum fk_status generation_seen(void *ctx, uint64_t number, const char *rest,
                                      struct fk_err *err) {
    struct generations *g = ctx;
    char *end, path[PATH_MAX];
    uint64_t generation = strtoull(rest, &end, 10);
    if (number != g->segment || end == rest || strncmp(end, ".keys", 5) != 0)
        return FK_OK;
    bool whole = end[5] == 0;
    if (whole && generation > g->newest)
        g->newest = generation;
    if (!g->destroy || (whole && generation == g->keep))
        return FK_OK;
    int n = snprintf(path, sizeof path, "%s/keys/%08" PRIu64 ".%s", g->dir, number, rest);
    if (n < 0 || (size_t)n >= sizeof path)
        return FK_OK; /* not a name that we gave */
    return fk_destroy_file(path, err);
}

enum fk_status fk_keyfile__newest(const char *dir, uint64_t segment, uint64_t *out,
                                  struct fk_err *err) {
    struct generations g = {dir, segment, 0, 0, false};
    enum fk_status st = fk_layout__each(dir, "keys", generation_seen, &g, err);
    *out = g.newest;
    return st;
}

enum fk_status fk_keyfile__destroy_others(const char *dir, uint64_t segment, uint64_t keep,
                                          struct fk_err *err) {
    struct generations g = {dir, segment, keep, 0, true};
    char folder[PATH_MAX];
    fk_layout__path(folder, dir, "keys");
    enum fk_status st = fk_sync_dir(folder, err);
    return st == FK_OK ? fk_layout__each(dir, "keys", generation_seen, &g, err) : st;
}
