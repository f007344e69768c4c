/* transfer.c - see transfer.h. */
#include "indexer/reading/transfer.h"

static int digit64(uint8_t c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Up to the first padding: what comes after it is no base64. */
static void base64_decode(const uint8_t *data, size_t len, struct fk_buf *out) {
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < len && data[i] != '='; i++) {
        const int d = digit64(data[i]);
        if (d < 0)
            continue;
        bits = bits << 6 | (uint32_t)d;
        if ((count += 6) >= 8)
            fk_buf_byte(out, (uint8_t)(bits >> (count -= 8)));
    }
}

static int digit16(uint8_t c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Bytes of a soft line break at `=`, 0 for none: blanks may stand before the line end. */
static size_t soft_break(const uint8_t *at, const uint8_t *end) {
    const uint8_t *p = at + 1;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p < end && *p == '\r')
        p++;
    return p < end && *p == '\n' ? (size_t)(p + 1 - at) : 0;
}

static void quoted_decode(const uint8_t *data, size_t len, struct fk_buf *out) {
    for (const uint8_t *at = data, *end = data + len; at < end;) {
        size_t n = *at == '=' ? soft_break(at, end) : 0;
        if (n == 0 && *at == '=' && end - at >= 3 && digit16(at[1]) >= 0 && digit16(at[2]) >= 0) {
            fk_buf_byte(out, (uint8_t)(digit16(at[1]) << 4 | digit16(at[2])));
            n = 3;
        } else if (n == 0) {
            fk_buf_byte(out, *at);
            n = 1;
        }
        at += n;
    }
}

void fk_transfer_decode(enum fk_transfer transfer, const uint8_t *data, size_t len,
                        struct fk_buf *out) {
    if (transfer == FK_TRANSFER_BASE64)
        base64_decode(data, len, out);
    else if (transfer == FK_TRANSFER_QUOTED)
        quoted_decode(data, len, out);
    else
        fk_buf_add(out, data, len);
}
