/*
 * pack.h - integers and byte strings in one fixed way: big-endian, lengths before bytes.
 *
 * Used for the framed messages between processes and for the binary records of the vault
 * (docs/format-vault.md). Writing appends to a struct fk_buf and fails as it does. Reading goes
 * through a struct fk_reader over borrowed bytes; a read past the end gives zeros and sets `bad`,
 * which is checked once at the end with fk_reader_done (all read, nothing left over).
 */
#ifndef FK_BASE_PACK_H
#define FK_BASE_PACK_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_reader {
    const uint8_t *at, *end;
    bool bad;
};

void fk_put_u8(struct fk_buf *b, uint8_t v);
void fk_put_u16(struct fk_buf *b, uint16_t v);
void fk_put_u32(struct fk_buf *b, uint32_t v);
void fk_put_u64(struct fk_buf *b, uint64_t v);
/* A 32-bit length, then the bytes. */
void fk_put_bytes(struct fk_buf *b, const void *data, size_t len);
void fk_put_cstr(struct fk_buf *b, const char *s);

void fk_reader_init(struct fk_reader *r, const void *data, size_t len);
uint8_t fk_get_u8(struct fk_reader *r);
uint16_t fk_get_u16(struct fk_reader *r);
uint32_t fk_get_u32(struct fk_reader *r);
uint64_t fk_get_u64(struct fk_reader *r);
/* Borrowed from the reader's bytes; length in *len_out (0 when bad). */
const uint8_t *fk_get_bytes(struct fk_reader *r, size_t *len_out);
/* Exactly len bytes without a length before them; NULL when bad. */
const uint8_t *fk_get_raw(struct fk_reader *r, size_t len);
/* Copies into a NUL-terminated array; too long, or with a NUL inside, is bad. */
void fk_get_cstr(struct fk_reader *r, char *out, size_t size);
bool fk_reader_done(const struct fk_reader *r);

/* The same number in 8 bytes, for keys that must sort by number. */
void fk_be64(uint8_t out[8], uint64_t v);
uint64_t fk_be64_read(const uint8_t in[8]);

#ifdef __cplusplus
}
#endif
#endif
