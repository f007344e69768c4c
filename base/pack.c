/* pack.c - big-endian writing and bounds-checked reading. */
#include "base/pack.h"

#include <string.h>

void fk_be64(uint8_t out[8], uint64_t v) {
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (uint8_t)v;
}

uint64_t fk_be64_read(const uint8_t in[8]) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

static void put_low_bytes(struct fk_buf *b, uint64_t v, size_t n) {
    uint8_t be[8];
    fk_be64(be, v);
    fk_buf_add(b, be + 8 - n, n);
}

void fk_put_u8(struct fk_buf *b, uint8_t v) {
    put_low_bytes(b, v, 1);
}

void fk_put_u16(struct fk_buf *b, uint16_t v) {
    put_low_bytes(b, v, 2);
}

void fk_put_u32(struct fk_buf *b, uint32_t v) {
    put_low_bytes(b, v, 4);
}

void fk_put_u64(struct fk_buf *b, uint64_t v) {
    put_low_bytes(b, v, 8);
}

void fk_put_bytes(struct fk_buf *b, const void *data, size_t len) {
    if (len > UINT32_MAX) {
        b->failed = true;
        return;
    }
    fk_put_u32(b, (uint32_t)len);
    fk_buf_add(b, data, len);
}

void fk_put_cstr(struct fk_buf *b, const char *s) {
    fk_put_bytes(b, s, strlen(s));
}

void fk_reader_init(struct fk_reader *r, const void *data, size_t len) {
    r->at = data;
    r->end = r->at + len;
    r->bad = false;
}

const uint8_t *fk_get_raw(struct fk_reader *r, size_t len) {
    if (r->bad || (size_t)(r->end - r->at) < len) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

static uint64_t get_low_bytes(struct fk_reader *r, size_t n) {
    const uint8_t *p = fk_get_raw(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t fk_get_u8(struct fk_reader *r) {
    return (uint8_t)get_low_bytes(r, 1);
}

uint16_t fk_get_u16(struct fk_reader *r) {
    return (uint16_t)get_low_bytes(r, 2);
}

uint32_t fk_get_u32(struct fk_reader *r) {
    return (uint32_t)get_low_bytes(r, 4);
}

uint64_t fk_get_u64(struct fk_reader *r) {
    return get_low_bytes(r, 8);
}

const uint8_t *fk_get_bytes(struct fk_reader *r, size_t *len_out) {
    size_t len = fk_get_u32(r);
    const uint8_t *p = fk_get_raw(r, len);
    *len_out = p ? len : 0;
    return p;
}

void fk_get_cstr(struct fk_reader *r, char *out, size_t size) {
    size_t len;
    const uint8_t *p = fk_get_bytes(r, &len);
    if (!p || len >= size || memchr(p, 0, len)) {
        r->bad = true;
        len = 0;
    }
    if (len)
        memcpy(out, p, len);
    out[len] = 0;
}

bool fk_reader_done(const struct fk_reader *r) {
    return !r->bad && r->at == r->end;
}
