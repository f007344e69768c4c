/*
 * bound.h - bytes that can be read exactly as long as a message can.
 *
 * What is found out later about many messages is written into one entry, and each message is
 * disposed of by itself. So what an entry's body says about one message is sealed with a key that
 * is made of that message's salt, the 32 random bytes that stand before it in its content: whoever
 * is given the message by the reading desk can read it, and once the message's key is destroyed
 * nobody can, without the body being touched (docs/format-vault.md 2).
 *
 *     key    HKDF-SHA-256 (RFC 5869): secret the message's salt, salt 16 random bytes, info
 *            "fumikura-bound/1 seq=N" with the message's seq; 32 bytes
 *     sealed the 16 random bytes, AES-256-GCM of the bytes with nonce 0 (a key is used once), tag
 *
 * Errors: FK_CORRUPT it was not sealed for that message, or was changed. Threads: any.
 */
#ifndef FK_VAULT_BOUND_H
#define FK_VAULT_BOUND_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_BOUND_MORE = 16 + 16 }; /* bytes that sealing adds */

/* Both append to out. salt: 32 bytes, of struct fk_content. */
FK_CHECKED enum fk_status fk_bound_seal(const uint8_t *salt, uint64_t seq, const void *plain,
                                        size_t len, struct fk_buf *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_bound_open(const uint8_t *salt, uint64_t seq, const void *sealed,
                                        size_t len, struct fk_buf *out, struct fk_err *err);
/* Of a body with lines `part: SEQ BASE64`, the part of one message. FK_NOT_FOUND: it has none. */
FK_CHECKED enum fk_status fk_bound_part(const uint8_t *salt, uint64_t seq, const void *body,
                                        size_t len, struct fk_buf *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
