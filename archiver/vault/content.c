/* content.c - the bench: contexts that are costly to make, and the cipher of one part. */
#include "archiver/vault/bench_priv.h"
#include "base/pack.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_BYTES = 12, AAD_BYTES = 16 + 16 + 1 + 1 + 4 };

enum fk_status fk_bench__new(struct fk_bench **out, struct fk_err *err) {
    struct fk_bench *b = calloc(1, sizeof *b);
    if (!b)
        return fk_fail(err, FK_NOMEM, "no memory to work on contents");
    b->pack = ZSTD_createCCtx();
    b->pack_chunk = ZSTD_createCCtx();
    b->unpack = ZSTD_createDCtx();
    b->unpack_chunk = ZSTD_createDCtx();
    b->cipher = EVP_CIPHER_CTX_new();
    enum fk_status st = FK_OK;
    FK_TRY(fk_digest_new(FK_SHA256, &b->sha256, err));
    FK_TRY(fk_digest_new(FK_SHA512, &b->sha512, err));
    if (!b->pack || !b->pack_chunk || !b->unpack || !b->unpack_chunk || !b->cipher ||
        EVP_CipherInit_ex(b->cipher, EVP_aes_256_gcm(), NULL, NULL, NULL, 1) != 1)
        st = fk_fail(err, FK_NOMEM, "no memory to work on contents");
done:
    if (st == FK_OK)
        *out = b;
    else
        fk_bench__free(&b);
    return st;
}

void fk_bench__free(struct fk_bench **bp) {
    struct fk_bench *b = *bp;
    if (!b)
        return;
    ZSTD_freeCCtx(b->pack);
    ZSTD_freeCCtx(b->pack_chunk);
    ZSTD_freeDCtx(b->unpack);
    ZSTD_freeDCtx(b->unpack_chunk);
    EVP_CIPHER_CTX_free(b->cipher);
    fk_digest_free(&b->sha256);
    fk_digest_free(&b->sha512);
    fk_buf_wipe(&b->plain);
    fk_buf_wipe(&b->packed);
    fk_buf_wipe(&b->window);
    fk_buf_wipe(&b->text);
    fk_buf_wipe(&b->chunk.stored);
    fk_recipe__free(&b->recipe);
    free(b);
    *bp = NULL;
}

#ifdef FK_TESTING
void (*fk_random_for_tests)(void *out, size_t len);
#endif

void fk_random(void *out, size_t len) {
#ifdef FK_TESTING
    if (fk_random_for_tests) {
        fk_random_for_tests(out, len);
        return;
    }
#endif
    if (RAND_priv_bytes(out, (int)len) != 1)
        abort();
}

void fk_bench__hash_begin(struct fk_bench *b, bool c256_only) {
    b->c256_only = c256_only;
    fk_digest_reset(b->sha256);
    if (!c256_only)
        fk_digest_reset(b->sha512);
}

void fk_bench__hash_add(struct fk_bench *b, const void *data, size_t len) {
    fk_digest_add(b->sha256, data, len);
    if (!b->c256_only)
        fk_digest_add(b->sha512, data, len);
}

void fk_bench__hash_end(struct fk_bench *b, struct fk_digests *out) {
    fk_digest_end(b->sha256, out->c256);
    memset(out->c512, 0, sizeof out->c512);
    if (!b->c256_only)
        fk_digest_end(b->sha512, out->c512);
}

static void nonce_and_aad(uint8_t nonce[NONCE_BYTES], uint8_t aad[AAD_BYTES],
                          const struct fk_part_name *name) {
    uint8_t number[8];
    fk_be64(number, name->part);
    memset(nonce, 0, NONCE_BYTES);
    memcpy(nonce + 4, number, 8);
    memcpy(aad, name->ledger, FK_LEDGER_BYTES);
    memcpy(aad + 16, name->id, FK_CONTENT_ID_BYTES);
    aad[32] = name->codec;
    aad[33] = name->last;
    memcpy(aad + 34, number + 4, 4);
}

enum fk_status fk_bench__encrypt(struct fk_bench *b, const struct fk_part_name *name,
                                 const uint8_t *data, size_t len, struct fk_buf *out,
                                 struct fk_err *err) {
    EVP_CIPHER_CTX *c = b->cipher;
    uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];
    int n;
    if (!fk_buf_reserve(out, len + FK_TAG_BYTES))
        return fk_fail(err, FK_NOMEM, "no memory for %zu bytes of ciphertext", len);
    uint8_t *to = out->data + out->len;
    nonce_and_aad(nonce, aad, name);
    if (EVP_CipherInit_ex(c, NULL, NULL, name->key, nonce, 1) != 1 ||
        EVP_CipherUpdate(c, NULL, &n, aad, AAD_BYTES) != 1 ||
        EVP_CipherUpdate(c, to, &n, data, (int)len) != 1 ||
        EVP_CipherFinal_ex(c, to + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, FK_TAG_BYTES, to + len) != 1)
        return fk_fail(err, FK_NOMEM, "the cipher cannot be used");
    out->len += len + FK_TAG_BYTES;
    return FK_OK;
}

bool fk_bench__decrypt(struct fk_bench *b, const struct fk_part_name *name, uint8_t *data,
                       size_t len) {
    uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];
    EVP_CIPHER_CTX *c = b->cipher;
    int n;
    if (len < FK_TAG_BYTES || len > FK_EXTENT_MAX)
        return false;
    size_t body = len - FK_TAG_BYTES;
    nonce_and_aad(nonce, aad, name);
    return EVP_CipherInit_ex(c, NULL, NULL, name->key, nonce, 0) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, aad, AAD_BYTES) == 1 &&
           EVP_CipherUpdate(c, data, &n, data, (int)body) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, FK_TAG_BYTES, data + body) == 1 &&
           EVP_CipherFinal_ex(c, data + body, &n) == 1;
}
