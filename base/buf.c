/* buf.c - growable bytes with a sticky failure. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fk_buf_reserve(struct fk_buf *b, size_t extra_bytes) {
    if (b->failed)
        return false;
    if (extra_bytes <= b->cap - b->len)
        return true;
    size_t need = b->len + extra_bytes;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need && cap <= SIZE_MAX / 2)
        cap *= 2;
    uint8_t *data = need < extra_bytes || cap < need ? NULL : realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void fk_buf_add(struct fk_buf *b, const void *data, size_t len) {
    if (len && fk_buf_reserve(b, len)) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void fk_buf_str(struct fk_buf *b, const char *s) {
    fk_buf_add(b, s, strlen(s));
}

void fk_buf_byte(struct fk_buf *b, uint8_t c) {
    fk_buf_add(b, &c, 1);
}

void fk_buf_printf(struct fk_buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    else if (fk_buf_reserve(b, (size_t)n + 1)) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void fk_buf_hex(struct fk_buf *b, const void *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        fk_buf_byte(b, (uint8_t)digits[p[i] >> 4]);
        fk_buf_byte(b, (uint8_t)digits[p[i] & 15]);
    }
}

const char *fk_buf_cstr(struct fk_buf *b) {
    if (!fk_buf_reserve(b, 1))
        return "";
    b->data[b->len] = 0;
    return (const char *)b->data;
}

void fk_buf_reset(struct fk_buf *b) {
    b->len = 0;
    b->failed = false;
}

void fk_buf_free(struct fk_buf *b) {
    free(b->data);
    *b = (struct fk_buf)FK_BUF_INIT;
}

void fk_buf_wipe(struct fk_buf *b) {
    if (b->data)
        explicit_bzero(b->data, b->cap);
    fk_buf_free(b);
}
