/* content.c - salt, digests, zstd and AES-256-GCM. A content up to FK_PACK_WHOLE_MAX is copied
 * together and packed at one go, which is faster for small mail and lets it be stored as it is
 * where packing gains nothing; a larger one is streamed, so that memory does not grow with it. In
 * both the bytes that are hashed are the bytes that are packed, from the same buffer. */
#include "archiver/vault/content_priv.h"
#include "base/pack.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { NONCE_BYTES = 12, AAD_BYTES = 16 + 16 + 1 + 1 + 4, CHUNK = 256 << 10 };

struct fk_bench {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    EVP_CIPHER_CTX *cipher;
    struct fk_digest *sha256, *sha512;
    struct fk_buf plain, packed;
};

enum fk_status fk_bench__new(struct fk_bench **out, struct fk_err *err) {
    struct fk_bench *b = calloc(1, sizeof *b);
    if (!b)
        return fk_fail(err, FK_NOMEM, "no memory to work on contents");
    b->pack = ZSTD_createCCtx();
    b->unpack = ZSTD_createDCtx();
    b->cipher = EVP_CIPHER_CTX_new();
    enum fk_status st = FK_OK;
    FK_TRY(fk_digest_new(FK_SHA256, &b->sha256, err));
    FK_TRY(fk_digest_new(FK_SHA512, &b->sha512, err));
    if (!b->pack || !b->unpack || !b->cipher ||
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
    ZSTD_freeDCtx(b->unpack);
    EVP_CIPHER_CTX_free(b->cipher);
    fk_digest_free(&b->sha256);
    fk_digest_free(&b->sha512);
    fk_buf_wipe(&b->plain);
    fk_buf_wipe(&b->packed);
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

static void hash_begin(struct fk_bench *b) {
    fk_digest_reset(b->sha256);
    fk_digest_reset(b->sha512);
}

static void hash_add(struct fk_bench *b, const void *data, size_t len) {
    fk_digest_add(b->sha256, data, len);
    fk_digest_add(b->sha512, data, len);
}

static void hash_end(struct fk_bench *b, struct fk_digests *out) {
    fk_digest_end(b->sha256, out->c256);
    fk_digest_end(b->sha512, out->c512);
}

/* One content being encrypted: parts are counted here, so that no number is used twice. */
struct parts {
    struct fk_bench *bench;
    struct fk_encoding *e;
    uint32_t next;
};

static void nonce_and_aad(uint8_t nonce[NONCE_BYTES], uint8_t aad[AAD_BYTES], const uint8_t *ledger,
                          const uint8_t *id, uint8_t codec, bool last, uint32_t part) {
    uint8_t number[8];
    fk_be64(number, part);
    memset(nonce, 0, NONCE_BYTES);
    memcpy(nonce + 4, number, 8);
    memcpy(aad, ledger, FK_LEDGER_BYTES);
    memcpy(aad + 16, id, FK_CONTENT_ID_BYTES);
    aad[32] = codec;
    aad[33] = last;
    memcpy(aad + 34, number + 4, 4);
}

static enum fk_status part_encrypt(struct parts *p, const uint8_t *data, size_t len, bool last,
                                   struct fk_err *err) {
    struct fk_encoding *e = p->e;
    EVP_CIPHER_CTX *c = p->bench->cipher;
    uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];
    int n;
    if (!fk_buf_reserve(e->stored, len + FK_TAG_BYTES))
        return fk_fail(err, FK_NOMEM, "no memory for %zu bytes of ciphertext", len);
    uint8_t *out = e->stored->data + e->stored->len;
    nonce_and_aad(nonce, aad, e->ledger, e->id, e->codec, last, p->next);
    if (EVP_CipherInit_ex(c, NULL, NULL, p->next ? NULL : e->key, nonce, 1) != 1 ||
        EVP_CipherUpdate(c, NULL, &n, aad, AAD_BYTES) != 1 ||
        EVP_CipherUpdate(c, out, &n, data, (int)len) != 1 ||
        EVP_CipherFinal_ex(c, out + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, FK_TAG_BYTES, out + len) != 1)
        return fk_fail(err, FK_NOMEM, "the cipher cannot be used");
    e->stored->len += len + FK_TAG_BYTES;
    p->next++;
    return e->part ? e->part(e->ctx, len + FK_TAG_BYTES, last, err) : FK_OK;
}

static enum fk_status zstd_fail(struct fk_err *err, size_t rc) {
    return fk_fail(err, FK_NOMEM, "zstd cannot pack: %s", ZSTD_getErrorName(rc));
}

static size_t total_bytes(const struct fk_encoding *e) {
    size_t total = FK_SALT_BYTES;
    for (size_t i = 0; i < e->piece_count; i++)
        total += e->pieces[i].iov_len;
    return total;
}

static enum fk_status encode_whole(struct parts *p, const uint8_t *salt, struct fk_err *err) {
    struct fk_bench *b = p->bench;
    struct fk_encoding *e = p->e;
    fk_buf_reset(&b->plain);
    fk_buf_reset(&b->packed);
    fk_buf_add(&b->plain, salt, FK_SALT_BYTES);
    for (size_t i = 0; i < e->piece_count; i++)
        fk_buf_add(&b->plain, e->pieces[i].iov_base, e->pieces[i].iov_len);
    if (b->plain.failed || !fk_buf_reserve(&b->packed, ZSTD_compressBound(b->plain.len)))
        return fk_fail(err, FK_NOMEM, "no memory to pack a content");
    hash_add(b, b->plain.data, b->plain.len);
    size_t rc = ZSTD_compress2(b->pack, b->packed.data, b->packed.cap, b->plain.data, b->plain.len);
    if (ZSTD_isError(rc))
        return zstd_fail(err, rc);
    e->codec = rc < b->plain.len ? FK_CODEC_ZSTD : FK_CODEC_STORED;
    const uint8_t *data = e->codec == FK_CODEC_ZSTD ? b->packed.data : b->plain.data;
    size_t left = e->codec == FK_CODEC_ZSTD ? rc : b->plain.len;
    if (!fk_buf_reserve(e->stored, left + (left / FK_PART_MAX + 1) * FK_TAG_BYTES))
        return fk_fail(err, FK_NOMEM, "no memory for %zu bytes of ciphertext", left);
    enum fk_status st;
    do {
        size_t n = left < FK_PART_MAX ? left : FK_PART_MAX;
        st = part_encrypt(p, data, n, n == left, err);
        data += n;
        left -= n;
    } while (left && st == FK_OK);
    return st;
}

/* Packs data into parts of full size; with `end` whatever is left as the last part. Only when the
 * frame is flushed to its end is it known that a part is the last. */
static enum fk_status stream_pack(struct parts *p, const void *data, size_t len, bool end,
                                  struct fk_err *err) {
    struct fk_bench *b = p->bench;
    ZSTD_inBuffer in = {data, len, 0};
    for (;;) {
        ZSTD_outBuffer out = {b->packed.data, FK_PART_MAX, b->packed.len};
        size_t rc = ZSTD_compressStream2(b->pack, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(rc))
            return zstd_fail(err, rc);
        b->packed.len = out.pos;
        bool finished = end ? rc == 0 : in.pos == in.size && out.pos < FK_PART_MAX;
        if (out.pos == FK_PART_MAX || (end && finished)) {
            enum fk_status st = part_encrypt(p, b->packed.data, out.pos, end && finished, err);
            if (st != FK_OK)
                return st;
            b->packed.len = 0;
        }
        if (finished)
            return FK_OK;
    }
}

static enum fk_status encode_stream(struct parts *p, const uint8_t *salt, struct fk_err *err) {
    struct fk_bench *b = p->bench;
    enum fk_status st = FK_OK;
    p->e->codec = FK_CODEC_ZSTD;
    fk_buf_reset(&b->packed);
    size_t rc = ZSTD_CCtx_setPledgedSrcSize(b->pack, total_bytes(p->e));
    if (ZSTD_isError(rc) || !fk_buf_reserve(&b->packed, FK_PART_MAX))
        return fk_fail(err, FK_NOMEM, "no memory to pack a content");
    hash_add(b, salt, FK_SALT_BYTES);
    FK_TRY(stream_pack(p, salt, FK_SALT_BYTES, false, err));
    for (size_t i = 0; i < p->e->piece_count; i++) {
        const uint8_t *data = p->e->pieces[i].iov_base;
        for (size_t left = p->e->pieces[i].iov_len; left;) {
            size_t n = left < CHUNK ? left : CHUNK;
            hash_add(b, data, n);
            FK_TRY(stream_pack(p, data, n, false, err));
            data += n;
            left -= n;
        }
    }
    st = stream_pack(p, "", 0, true, err);
done:
    return st;
}

enum fk_status fk_content__encode(struct fk_bench *b, struct fk_encoding *e, struct fk_err *err) {
    uint8_t random[FK_SALT_BYTES + FK_KEY_BYTES + FK_CONTENT_ID_BYTES];
    struct parts p = {b, e, 0};
    fk_random(random, sizeof random);
    memcpy(e->key, random + FK_SALT_BYTES, FK_KEY_BYTES);
    memcpy(e->id, random + FK_SALT_BYTES + FK_KEY_BYTES, FK_CONTENT_ID_BYTES);
    ZSTD_CCtx_reset(b->pack, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(b->pack, ZSTD_c_compressionLevel, e->level);
    hash_begin(b);
    enum fk_status st = total_bytes(e) <= FK_PACK_WHOLE_MAX ? encode_whole(&p, random, err)
                                                            : encode_stream(&p, random, err);
    hash_end(b, &e->digests);
    OPENSSL_cleanse(random, sizeof random);
    return st;
}

/* Decrypts in place; the plain bytes are the first len - FK_TAG_BYTES. */
static bool part_decrypt(struct fk_bench *b, const struct fk_decoding *d, uint32_t part,
                         uint8_t *data, size_t len) {
    uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];
    EVP_CIPHER_CTX *c = b->cipher;
    int n;
    size_t body = len - FK_TAG_BYTES;
    nonce_and_aad(nonce, aad, d->ledger, d->id, d->codec, part + 1 == d->parts, part);
    return EVP_CipherInit_ex(c, NULL, NULL, part ? NULL : d->key, nonce, 0) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, aad, AAD_BYTES) == 1 &&
           EVP_CipherUpdate(c, data, &n, data, (int)body) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, FK_TAG_BYTES, data + body) == 1 &&
           EVP_CipherFinal_ex(c, data + body, &n) == 1;
}

static enum fk_status plain_out(struct fk_bench *b, struct fk_decoding *d, const uint8_t *data,
                                size_t len, struct fk_err *err) {
    hash_add(b, data, len);
    d->bytes += len;
    return d->plain ? d->plain(d->ctx, data, len, err) : FK_OK;
}

/* *hint: 0 at the end of the frame, as ZSTD_decompressStream says. */
static enum fk_status stream_unpack(struct fk_bench *b, struct fk_decoding *d, const uint8_t *data,
                                    size_t len, size_t *hint, struct fk_err *err) {
    ZSTD_inBuffer in = {data, len, 0};
    bool full = false;
    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {b->packed.data, CHUNK, 0};
        if (*hint == 0) {
            d->check = "codec";
            return fk_fail(err, FK_CORRUPT, "there are bytes after the end of the zstd frame");
        }
        *hint = ZSTD_decompressStream(b->unpack, &out, &in);
        if (ZSTD_isError(*hint)) {
            d->check = "codec";
            return fk_fail(err, FK_CORRUPT, "zstd cannot unpack: %s", ZSTD_getErrorName(*hint));
        }
        full = out.pos == CHUNK && *hint != 0;
        enum fk_status st = plain_out(b, d, b->packed.data, out.pos, err);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

static enum fk_status part_decode(struct fk_bench *b, struct fk_decoding *d, uint32_t part,
                                  size_t *hint, struct fk_err *err) {
    fk_buf_reset(&b->plain);
    enum fk_status st = d->stored(d->ctx, part, &b->plain, err);
    if (st != FK_OK)
        return st;
    if (b->plain.len < FK_TAG_BYTES || b->plain.len > FK_EXTENT_MAX ||
        !part_decrypt(b, d, part, b->plain.data, b->plain.len)) {
        d->check = "gcm";
        return fk_fail(err, FK_CORRUPT,
                       "part %u of %u does not decrypt: its bytes, its key or its number is not "
                       "what was written",
                       part + 1, d->parts);
    }
    size_t len = b->plain.len - FK_TAG_BYTES;
    if (d->tags_only)
        return FK_OK;
    return d->codec == FK_CODEC_ZSTD ? stream_unpack(b, d, b->plain.data, len, hint, err)
                                     : plain_out(b, d, b->plain.data, len, err);
}

enum fk_status fk_content__decode(struct fk_bench *b, struct fk_decoding *d, struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t hint = 1;
    d->check = NULL;
    d->bytes = 0;
    if (d->codec > FK_CODEC_ZSTD) {
        d->check = "codec";
        return fk_fail(err, FK_CORRUPT, "codec %u is not known to this program", d->codec);
    }
    fk_buf_reset(&b->packed);
    if (!fk_buf_reserve(&b->packed, CHUNK))
        return fk_fail(err, FK_NOMEM, "no memory to unpack a content");
    ZSTD_DCtx_reset(b->unpack, ZSTD_reset_session_only);
    hash_begin(b);
    for (uint32_t i = 0; i < d->parts && st == FK_OK; i++)
        st = part_decode(b, d, i, &hint, err);
    hash_end(b, &d->digests);
    if (st == FK_OK && !d->tags_only &&
        (d->bytes < FK_SALT_BYTES || (d->codec == FK_CODEC_ZSTD && hint != 0))) {
        d->check = "codec";
        st = fk_fail(err, FK_CORRUPT, "the content ends too early");
    }
    return st;
}
