/* office_crypt.c - see office_crypt_priv.h; the ciphers and hashes are OpenSSL's. */
#include "indexer/reading/office_crypt_priv.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MAX = 32,
    HASH_MAX = 64,
    SALT_MAX = 64,
    BLOB_MAX = 128,
    SPIN_MAX = 200000 /* Office: 100,000 */
};
enum { SEGMENT = 4096, STANDARD_SPIN = 50000, LOOK_EVERY = 8192 };

struct keyed { /* what one element of the agile form says */
    const EVP_MD *md;
    size_t block, key, salt_len;
    uint8_t salt[SALT_MAX];
};

struct lock {
    struct keyed data, password;
    unsigned spin;
    uint8_t input[BLOB_MAX], hash[BLOB_MAX], value[BLOB_MAX];
    size_t input_len, hash_len, value_len;
    bool is_standard;
};

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- what the file says of its lock */

/* The text of an attribute of the element at `at`, which ends at the next ">". */
static bool attribute(const char *at, const char *name, char *out, size_t size) {
    char find[64];
    const char *end = strchr(at, '>');
    snprintf(find, sizeof find, " %s=\"", name);
    const char *value = strstr(at, find);
    if (!value || !end || value > end)
        return false;
    value += strlen(find);
    const char *quote = strchr(value, '"');
    if (!quote || (size_t)(quote - value) >= size)
        return false;
    memcpy(out, value, (size_t)(quote - value));
    out[quote - value] = 0;
    return true;
}

static size_t number(const char *at, const char *name) {
    char text[16];
    return attribute(at, name, text, sizeof text) ? strtoul(text, NULL, 10) : 0;
}

static size_t bytes(const char *at, const char *name, uint8_t *out, size_t size) {
    char text[256];
    uint8_t raw[200];
    if (!attribute(at, name, text, sizeof text))
        return 0;
    const int n = EVP_DecodeBlock(raw, (const uint8_t *)text, (int)strlen(text));
    size_t len = n > 0 ? (size_t)n : 0;
    for (size_t i = strlen(text); i > 0 && text[i - 1] == '=' && len > 0; i--)
        len--;
    if (len > size)
        return 0;
    memcpy(out, raw, len);
    return len;
}

static const EVP_MD *hash_of(const char *at) {
    char name[16];
    if (!attribute(at, "hashAlgorithm", name, sizeof name))
        return NULL;
    return strcmp(name, "SHA512") == 0                               ? EVP_sha512()
           : strcmp(name, "SHA384") == 0                             ? EVP_sha384()
           : strcmp(name, "SHA256") == 0                             ? EVP_sha256()
           : strcmp(name, "SHA1") == 0 || strcmp(name, "SHA-1") == 0 ? EVP_sha1()
                                                                     : NULL;
}

static bool keyed_read(const char *at, struct keyed *k) {
    char text[24];
    k->md = hash_of(at);
    k->block = number(at, "blockSize");
    k->key = number(at, "keyBits") / 8;
    k->salt_len = bytes(at, "saltValue", k->salt, sizeof k->salt);
    return k->md && k->block == 16 && (k->key == 16 || k->key == 24 || k->key == KEY_MAX) &&
           k->salt_len > 0 && attribute(at, "cipherAlgorithm", text, sizeof text) &&
           strcmp(text, "AES") == 0 && attribute(at, "cipherChaining", text, sizeof text) &&
           strcmp(text, "ChainingModeCBC") == 0;
}

static bool agile_read(const char *xml, struct lock *l) {
    const char *data = strstr(xml, "<keyData"), *key = strstr(xml, "encryptedKey ");
    if (!data || !key)
        return false;
    l->spin = (unsigned)number(key, "spinCount");
    l->input_len = bytes(key, "encryptedVerifierHashInput", l->input, sizeof l->input);
    l->hash_len = bytes(key, "encryptedVerifierHashValue", l->hash, sizeof l->hash);
    l->value_len = bytes(key, "encryptedKeyValue", l->value, sizeof l->value);
    return keyed_read(data, &l->data) && keyed_read(key, &l->password) && l->spin <= SPIN_MAX &&
           l->input_len >= 16 && l->hash_len >= 16 && l->value_len >= l->data.key;
}

static bool standard_read(const uint8_t *info, size_t len, struct lock *l) {
    if (len < 12)
        return false;
    const size_t header = u32(info + 8);
    if (header < 32 || header > len - 12 || len - 12 - header < 4 + 16 + 16 + 4 + 32)
        return false;
    const uint8_t *h = info + 12, *v = h + header;
    l->is_standard = true;
    l->data.key = u32(h + 16) / 8;
    l->spin = STANDARD_SPIN;
    l->password.md = EVP_sha1();
    l->password.salt_len = 16;
    memcpy(l->password.salt, v + 4, 16);
    memcpy(l->input, v + 20, 16);
    memcpy(l->hash, v + 40, 32);
    l->input_len = 16;
    l->hash_len = 32;
    return u32(v) == 16 && (u32(h + 8) & 0xff00) == 0x6600 &&
           (l->data.key == 16 || l->data.key == 24 || l->data.key == KEY_MAX);
}

/* ---- keys */

static bool hashed(const EVP_MD *md, const void *a, size_t a_len, const void *b, size_t b_len,
                   uint8_t out[HASH_MAX]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool good = ctx && EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, a, a_len) &&
                      EVP_DigestUpdate(ctx, b, b_len) && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool spun(const struct lock *l, const struct fk_buf *wide, bool (*goes_on)(void *),
                 void *asked, uint8_t h[HASH_MAX]) {
    const size_t n = (size_t)EVP_MD_get_size(l->password.md);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && hashed(l->password.md, l->password.salt, l->password.salt_len, wide->data,
                              wide->len, h);
    for (uint32_t i = 0; good && i < l->spin; i++) {
        const uint8_t count[4] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16),
                                  (uint8_t)(i >> 24)};
        good = EVP_DigestInit_ex(ctx, l->password.md, NULL) && EVP_DigestUpdate(ctx, count, 4) &&
               EVP_DigestUpdate(ctx, h, n) && EVP_DigestFinal_ex(ctx, h, NULL) &&
               (i % LOOK_EVERY || goes_on(asked));
    }
    EVP_MD_CTX_free(ctx);
    return good;
}

/* AES without padding. iv NULL: block by block. */
static bool deciphered(const uint8_t *key, size_t key_len, const uint8_t *iv, const uint8_t *in,
                       size_t len, uint8_t *out) {
    const EVP_CIPHER *cipher = iv ? (key_len == 16   ? EVP_aes_128_cbc()
                                     : key_len == 24 ? EVP_aes_192_cbc()
                                                     : EVP_aes_256_cbc())
                                  : (key_len == 16   ? EVP_aes_128_ecb()
                                     : key_len == 24 ? EVP_aes_192_ecb()
                                                     : EVP_aes_256_ecb());
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    const bool good = ctx && len % 16 == 0 && len <= INT32_MAX &&
                      EVP_DecryptInit_ex(ctx, cipher, NULL, key, iv) &&
                      EVP_CIPHER_CTX_set_padding(ctx, 0) &&
                      EVP_DecryptUpdate(ctx, out, &n, in, (int)len) && n == (int)len;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

/* One of the three values behind the password ([MS-OFFCRYPTO] 2.3.4.13). */
static bool value_open(const struct lock *l, const uint8_t *h, const uint8_t block_key[8],
                       const uint8_t *in, size_t len, uint8_t out[BLOB_MAX]) {
    uint8_t key[HASH_MAX], iv[16];
    const size_t hash_len = (size_t)EVP_MD_get_size(l->password.md);
    if (!hashed(l->password.md, h, hash_len, block_key, 8, key))
        return false;
    for (size_t i = hash_len; i < KEY_MAX; i++)
        key[i] = 0x36;
    for (size_t i = 0; i < sizeof iv; i++)
        iv[i] = i < l->password.salt_len ? l->password.salt[i] : 0x36;
    return deciphered(key, l->password.key, iv, in, len - len % 16, out);
}

static bool agile_key(const struct lock *l, const uint8_t *h, uint8_t key[BLOB_MAX]) {
    static const uint8_t of_input[8] = {0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79};
    static const uint8_t of_hash[8] = {0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e};
    static const uint8_t of_key[8] = {0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6};
    uint8_t input[BLOB_MAX], hash[BLOB_MAX], want[HASH_MAX];
    const size_t n = (size_t)EVP_MD_get_size(l->password.md);
    return l->hash_len >= n && value_open(l, h, of_input, l->input, l->input_len, input) &&
           value_open(l, h, of_hash, l->hash, l->hash_len, hash) &&
           l->input_len >= l->password.salt_len &&
           hashed(l->password.md, input, l->password.salt_len, "", 0, want) &&
           memcmp(hash, want, n) == 0 && value_open(l, h, of_key, l->value, l->value_len, key);
}

static bool standard_key(const struct lock *l, const uint8_t *h, uint8_t key[BLOB_MAX]) {
    uint8_t last[HASH_MAX], pad[64], verifier[16], hash[32], want[HASH_MAX];
    if (!hashed(EVP_sha1(), h, 20, "\0\0\0\0", 4, last))
        return false;
    for (unsigned half = 0; half < 2; half++) {
        memset(pad, half ? 0x5c : 0x36, sizeof pad);
        for (size_t i = 0; i < 20; i++)
            pad[i] ^= last[i];
        if (!hashed(EVP_sha1(), pad, sizeof pad, "", 0, want))
            return false;
        memcpy(key + 20 * half, want, 20);
    }
    return deciphered(key, l->data.key, NULL, l->input, 16, verifier) &&
           deciphered(key, l->data.key, NULL, l->hash, 32, hash) &&
           hashed(EVP_sha1(), verifier, 16, "", 0, want) && memcmp(hash, want, 20) == 0;
}

/* ---- the document */

static bool package_open(const struct lock *l, const uint8_t *key, const struct fk_buf *package,
                         struct fk_buf *out) {
    const uint8_t *at = package->data + 8;
    size_t left = (package->len - 8) / 16 * 16;
    const size_t begin = out->len, size = u32(package->data); /* of 64 bits; ours are smaller */
    if (!fk_buf_reserve(out, left + 16))
        return false;
    for (uint32_t i = 0; left > 0; i++) {
        const uint8_t number_le[4] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16),
                                      (uint8_t)(i >> 24)};
        const size_t n = !l->is_standard && left > SEGMENT ? SEGMENT : left;
        uint8_t iv[HASH_MAX];
        if (!l->is_standard &&
            !hashed(l->data.md, l->data.salt, l->data.salt_len, number_le, 4, iv))
            return false;
        if (!deciphered(key, l->data.key, l->is_standard ? NULL : iv, at, n, out->data + out->len))
            return false;
        out->len += n;
        at += n;
        left -= n;
    }
    if (size < out->len - begin)
        out->len = begin + size;
    return true;
}

static void widen(const char *password, struct fk_buf *wide) {
    for (const uint8_t *p = (const uint8_t *)password; *p;) {
        uint32_t c = *p++;
        unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        c &= more ? 0x3fu >> more : 0x7f;
        for (; more && (*p & 0xc0) == 0x80; more--)
            c = c << 6 | (*p++ & 0x3f);
        if (c >= 0x10000) {
            const uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
            fk_buf_byte(wide, (uint8_t)high);
            fk_buf_byte(wide, (uint8_t)(high >> 8));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        fk_buf_byte(wide, (uint8_t)c);
        fk_buf_byte(wide, (uint8_t)(c >> 8));
    }
}

static bool lock_read(const struct fk_buf *info, struct lock *l) {
    struct fk_buf xml = FK_BUF_INIT;
    if (info->len < 12 || info->len > 65536)
        return false;
    const unsigned major = info->data[0], minor = info->data[2];
    if (minor == 2 && major >= 2 && major <= 4)
        return standard_read(info->data, info->len, l);
    fk_buf_add(&xml, info->data + 8, info->len - 8);
    const bool good = major == 4 && minor == 4 && agile_read(fk_buf_cstr(&xml), l);
    fk_buf_free(&xml);
    return good;
}

enum fk_unlock fk_office__unlock(const struct fk_buf *info, const struct fk_buf *package,
                                 const char *password, bool (*goes_on)(void *), void *ctx,
                                 struct fk_buf *out) {
    struct lock l = {.spin = 0};
    struct fk_buf wide = FK_BUF_INIT;
    uint8_t h[HASH_MAX], key[BLOB_MAX];
    if (package->len < 8 + 16 || !lock_read(info, &l))
        return FK_LOCK_ODD;
    widen(password, &wide);
    const bool done = !wide.failed && spun(&l, &wide, goes_on, ctx, h);
    const bool fits = done && (l.is_standard ? standard_key(&l, h, key) : agile_key(&l, h, key));
    const bool opened = fits && package_open(&l, key, package, out);
    fk_buf_free(&wide);
    return !done ? FK_LOCK_ODD : !fits ? FK_LOCKED : opened ? FK_UNLOCKED : FK_LOCK_ODD;
}
