/* bound.c - see bound.h */
#include "archiver/vault/bound.h"
#include "archiver/vault/fields.h"
#include "base/base64.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { SALT = 32, FRESH = 16, KEY = 32, TAG = 16, NONCE = 12 };

static bool key_make(const uint8_t *salt, const uint8_t *fresh, uint64_t seq, uint8_t key[KEY]) {
    char info[64];
    char digest[] = "SHA256";
    snprintf(info, sizeof info, "fumikura-bound/1 seq=%llu", (unsigned long long)seq);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)salt, SALT),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)fresh, FRESH),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        OSSL_PARAM_construct_end()};
    const bool done = ctx && EVP_KDF_derive(ctx, key, KEY, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done;
}

/* in and out may not overlap; tag is made where encrypting, else compared. */
static bool crypt(const uint8_t key[KEY], bool encrypt, const uint8_t *in, size_t len, uint8_t *out,
                  uint8_t tag[TAG]) {
    static const uint8_t nonce[NONCE];
    int n = 0;
    uint8_t rest[16];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx && len <= INT_MAX &&
                EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1 &&
                EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
    if (good && !encrypt)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
    good = good && EVP_CipherFinal_ex(ctx, rest, &n) == 1;
    if (good && encrypt)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

enum fk_status fk_bound_seal(const uint8_t *salt, uint64_t seq, const void *plain, size_t len,
                             struct fk_buf *out, struct fk_err *err) {
    uint8_t fresh[FRESH], key[KEY], tag[TAG];
    if (!fk_buf_reserve(out, FK_BOUND_MORE + len))
        return fk_fail(err, FK_NOMEM, "no memory to seal what is known of a message");
    bool done = RAND_bytes(fresh, sizeof fresh) == 1 && key_make(salt, fresh, seq, key);
    if (done) {
        uint8_t *at = out->data + out->len;
        memcpy(at, fresh, FRESH);
        done = crypt(key, true, plain, len, at + FRESH, tag);
        if (done)
            memcpy(at + FRESH + len, tag, TAG);
    }
    OPENSSL_cleanse(key, sizeof key);
    if (!done)
        return fk_fail(err, FK_IO, "the cryptographic library does not seal");
    out->len += FK_BOUND_MORE + len;
    return FK_OK;
}

enum fk_status fk_bound_open(const uint8_t *salt, uint64_t seq, const void *sealed, size_t len,
                             struct fk_buf *out, struct fk_err *err) {
    const uint8_t *at = sealed;
    uint8_t key[KEY], tag[TAG];
    if (len < FK_BOUND_MORE)
        return fk_fail(err, FK_CORRUPT, "what is known of message %llu is too short to be sealed",
                       (unsigned long long)seq);
    const size_t plain = len - FK_BOUND_MORE;
    if (!fk_buf_reserve(out, plain))
        return fk_fail(err, FK_NOMEM, "no memory to open what is known of a message");
    memcpy(tag, at + FRESH + plain, TAG);
    const bool made = key_make(salt, at, seq, key);
    const bool good = made && crypt(key, false, at + FRESH, plain, out->data + out->len, tag);
    OPENSSL_cleanse(key, sizeof key);
    if (!made)
        return fk_fail(err, FK_IO, "the cryptographic library makes no key");
    if (!good)
        return fk_fail(err, FK_CORRUPT,
                       "what is known of message %llu was sealed for another, or changed",
                       (unsigned long long)seq);
    out->len += plain;
    return FK_OK;
}

enum fk_status fk_bound_part(const uint8_t *salt, uint64_t seq, const void *body, size_t len,
                             struct fk_buf *out, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(body, len);
    char head[32];
    const size_t n = (size_t)snprintf(head, sizeof head, "%llu ", (unsigned long long)seq);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "part") || f.value_len < n || memcmp(f.value, head, n) != 0)
            continue;
        struct fk_buf sealed = FK_BUF_INIT;
        enum fk_status st =
            fk_base64_read(f.value + n, f.value_len - n, &sealed)
                ? fk_bound_open(salt, seq, sealed.data, sealed.len, out, err)
                : fk_fail(err, FK_CORRUPT, "what is known of message %llu is no base64",
                          (unsigned long long)seq);
        fk_buf_free(&sealed);
        return st;
    }
    return fk_fail(err, FK_NOT_FOUND, "nothing is known of message %llu in that entry",
                   (unsigned long long)seq);
}
