/* digest.c - OpenSSL's EVP digests behind two names. A failure of EVP after a successful
 * initialisation can only be a fault of ours, so it ends the process. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct fk_digest {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

/* Fetched once: EVP_sha256() stands for a name that each digest looks up again, for longer than a
 * short text takes. */
static EVP_MD *sha256, *sha512;

static void fetch(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    sha512 = EVP_MD_fetch(NULL, "SHA2-512", NULL);
}

static const EVP_MD *md_of(enum fk_digest_kind kind) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch);
    const EVP_MD *fetched = kind == FK_SHA256 ? sha256 : sha512;
    return fetched ? fetched : kind == FK_SHA256 ? EVP_sha256() : EVP_sha512();
}

enum fk_status fk_digest_new(enum fk_digest_kind kind, struct fk_digest **out, struct fk_err *err) {
    struct fk_digest *d = malloc(sizeof *d);
    if (d) {
        d->md = md_of(kind);
        d->ctx = EVP_MD_CTX_new();
    }
    if (!d || !d->ctx || EVP_DigestInit_ex(d->ctx, d->md, NULL) != 1) {
        fk_digest_free(&d);
        return fk_fail(err, FK_NOMEM, "no memory for a digest");
    }
    *out = d;
    return FK_OK;
}

static void must(int ok) {
    if (ok != 1)
        abort();
}

void fk_digest_reset(struct fk_digest *d) {
    must(EVP_DigestInit_ex(d->ctx, NULL, NULL));
}

void fk_digest_add(struct fk_digest *d, const void *data, size_t len) {
    must(EVP_DigestUpdate(d->ctx, data, len));
}

void fk_digest_end(struct fk_digest *d, uint8_t *out) {
    must(EVP_DigestFinal_ex(d->ctx, out, NULL));
}

void fk_digest_free(struct fk_digest **d) {
    if (!*d)
        return;
    EVP_MD_CTX_free((*d)->ctx);
    free(*d);
    *d = NULL;
}

void fk_sha256(const void *data, size_t len, uint8_t out[FK_SHA256_BYTES]) {
    must(EVP_Digest(data, len, out, NULL, md_of(FK_SHA256), NULL));
}

void fk_hex(char *out, const void *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = 0;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool fk_unhex(uint8_t *out, const char *hex, size_t len) {
    for (size_t i = 0; i < len; i++) {
        int hi = nibble(hex[2 * i]);
        int lo = hi < 0 ? -1 : nibble(hex[2 * i + 1]);
        if (lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}
