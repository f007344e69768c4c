/*
 * varint_priv.h - numbers of seven bits a byte, the lowest first, the eighth bit set where more
 * follow: distances in posting lists and positions, most of which are one byte.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_VARINT_PRIV_H
#define FK_INDEXER_VARINT_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FK_VARINT_MAX = 5 }; /* bytes of a 32-bit number */

/* How many bytes were written. */
static inline size_t fk_varint_put(uint8_t out[FK_VARINT_MAX], uint32_t n) {
    size_t len = 0;
    for (; n >= 0x80; n >>= 7)
        out[len++] = (uint8_t)(n | 0x80);
    out[len++] = (uint8_t)n;
    return len;
}

/* The number at *at, which moves on; false where none ends before the end or within five bytes. */
static inline bool fk_varint_take(const uint8_t **at, const uint8_t *end, uint32_t *out) {
    uint32_t n = 0;
    for (unsigned shift = 0; *at < end && shift < 7 * FK_VARINT_MAX; shift += 7) {
        const uint8_t c = *(*at)++;
        n |= (uint32_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *out = n;
            return true;
        }
    }
    return false;
}

#endif
