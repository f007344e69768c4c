/* patch.c - see patch.h. */
#include "tests/fuzz/support/patch.h"

static void one_apply(struct fk_buf *b, struct fuzz_input *in) {
    const uint8_t kind = fuzz_byte(in) % 8;
    size_t at = (size_t)fuzz_byte(in) << 16;
    at |= (size_t)fuzz_byte(in) << 8;
    at |= fuzz_byte(in);
    at = b->len ? at % b->len : 0;
    size_t n = fuzz_byte(in) + (size_t)1;
    if (kind == 5) { /* cut there */
        b->len = at;
        return;
    }
    if (kind == 6 && n <= b->len - at) { /* take out */
        memmove(b->data + at, b->data + at + n, b->len - at - n);
        b->len -= n;
        return;
    }
    n = n < in->len ? n : in->len;
    if (kind == 7) { /* put in */
        MUST(fk_buf_reserve(b, n + 1));
        memmove(b->data + at + n, b->data + at, b->len - at);
        memcpy(b->data + at, in->at, n);
        b->len += n;
    } else if (b->len) { /* write over */
        memcpy(b->data + at, in->at, n < b->len - at ? n : b->len - at);
    }
    in->at += n;
    in->len -= n;
}

void fuzz_patch(struct fk_buf *b, struct fuzz_input *in) {
    for (int i = 0; i < FUZZ_PATCHES_MAX && in->len; i++)
        one_apply(b, in);
}
