/*
 * bench_priv.h - what content_encode.c and content_decode.c share: the tools of one thread, and one
 * part's cipher.
 */
#ifndef FK_VAULT_BENCH_PRIV_H
#define FK_VAULT_BENCH_PRIV_H
#include "archiver/vault/content_priv.h"
#include <openssl/evp.h>
#include <zstd.h>

enum { FK_BENCH_STEP = 256 << 10 }; /* bytes that are hashed, packed or unpacked at one go */

struct fk_bench {
    ZSTD_CCtx *pack, *pack_chunk;
    ZSTD_DCtx *unpack, *unpack_chunk;
    EVP_CIPHER_CTX *cipher;
    struct fk_digest *sha256, *sha512;
    bool c256_only; /* since hash_begin */
    struct fk_buf plain, packed, window, text;
    struct fk_recipe recipe; /* while a content is read */
    struct fk_stored_chunk chunk;
};

struct fk_part_name {
    const uint8_t *ledger, *id, *key;
    uint8_t codec;
    bool last;
    uint32_t part;
};
/* Appends len bytes encrypted, and the tag. */
FK_CHECKED enum fk_status fk_bench__encrypt(struct fk_bench *b, const struct fk_part_name *name,
                                            const uint8_t *data, size_t len, struct fk_buf *out,
                                            struct fk_err *err);
/* In place; the plain bytes are the first len - FK_TAG_BYTES. False: not what was written. */
bool fk_bench__decrypt(struct fk_bench *b, const struct fk_part_name *name, uint8_t *data,
                       size_t len);

/* c256_only: c512 is not made, and is all zero at the end. */
void fk_bench__hash_begin(struct fk_bench *b, bool c256_only);
void fk_bench__hash_add(struct fk_bench *b, const void *data, size_t len);
void fk_bench__hash_end(struct fk_bench *b, struct fk_digests *out);
#endif
