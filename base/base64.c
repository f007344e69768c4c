/* base64.c - OpenSSL's block coder, with the strictness it lacks. */
#include "base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

void fk_base64_add(struct fk_buf *out, const void *data, size_t len) {
    if (len > INT_MAX / 2)
        out->failed = true;
    else if (len && fk_buf_reserve(out, (len + 2) / 3 * 4 + 1))
        out->len += (size_t)EVP_EncodeBlock(out->data + out->len, data, (int)len);
}

bool fk_base64_read(const char *text, size_t len, struct fk_buf *out) {
    size_t start = out->len;
    if (len == 0)
        return true;
    if (len % 4 != 0 || len > INT_MAX || !fk_buf_reserve(out, len / 4 * 3))
        return false;
    int n = EVP_DecodeBlock(out->data + start, (const unsigned char *)text, (int)len);
    size_t pads = (size_t)(text[len - 1] == '=') + (size_t)(text[len - 2] == '=');
    if (n < 0)
        return false;
    out->len += (size_t)n - pads;
    /* Written again it must be the same: no spaces, no stray bits, no padding in the middle. */
    struct fk_buf again = FK_BUF_INIT;
    fk_base64_add(&again, out->data + start, out->len - start);
    bool same = again.len == len && memcmp(again.data, text, len) == 0;
    fk_buf_free(&again);
    if (!same)
        out->len = start;
    return same;
}
