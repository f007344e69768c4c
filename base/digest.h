/*
 * digest.h - SHA-256 and SHA-512 (FIPS 180-4) through OpenSSL, and hex.
 *
 *     struct fk_digest *d;
 *     FK_TRY(fk_digest_new(FK_SHA256, &d, err));
 *     fk_digest_add(d, data, len);
 *     fk_digest_end(d, out);              may be begun again with fk_digest_reset
 *     fk_digest_free(&d);
 *
 * Threads: a struct fk_digest belongs to one thread at a time.
 */
#ifndef FK_BASE_DIGEST_H
#define FK_BASE_DIGEST_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum fk_digest_kind { FK_SHA256, FK_SHA512 };
#define FK_SHA256_BYTES 32
#define FK_SHA512_BYTES 64

struct fk_digest;
FK_CHECKED enum fk_status fk_digest_new(enum fk_digest_kind kind, struct fk_digest **out,
                                        struct fk_err *err);
void fk_digest_reset(struct fk_digest *d);
void fk_digest_add(struct fk_digest *d, const void *data, size_t len);
void fk_digest_end(struct fk_digest *d, uint8_t *out);
void fk_digest_free(struct fk_digest **d);

void fk_sha256(const void *data, size_t len, uint8_t out[FK_SHA256_BYTES]);

/* out has room for 2*len+1. */
void fk_hex(char *out, const void *data, size_t len);
/* Exactly 2*len lower-case hex digits at hex; false otherwise. */
bool fk_unhex(uint8_t *out, const char *hex, size_t len);

#ifdef __cplusplus
}
#endif
#endif
