/* DATA's bytes (archiver/intake/dot.h) beside RFC 5321, 4.5.2 written down as simply as it can be
 * said, in pieces of any length. */
#include "archiver/intake/dot.h"
#include "tests/fuzz/support/fuzz.h"

struct read {
    struct fk_buf message;
    unsigned flags;
    size_t used;
    bool done;
};

static void piece_take(struct fk_dot *d, struct read *r, const uint8_t *data, size_t len) {
    while (len && !d->done) {
        const uint8_t *span = NULL;
        size_t n, span_len = 0;
        n = fk_dot_next(d, data, len, &span, &span_len);
        MUST(n <= len && (n || span_len));
        fk_buf_add(&r->message, span, span_len);
        r->used += n;
        data += n;
        len -= n;
    }
}

/* step: bytes a piece; 0: all at once. */
static struct read machine_read(const uint8_t *data, size_t len, size_t step) {
    struct fk_dot d = FK_DOT_INIT;
    struct read r = {FK_BUF_INIT, 0, 0, false};
    for (size_t at = 0, n; at < len && !d.done; at += n) {
        n = step && step < len - at ? step : len - at;
        piece_take(&d, &r, data + at, n);
    }
    r.flags = d.flags;
    r.done = d.done;
    return r;
}

/* Lines end with CR LF. A line of one dot ends the message; of others that begin with a dot it is
 * taken away. */
static struct read naive_read(const uint8_t *data, size_t len) {
    struct read r = {FK_BUF_INIT, 0, 0, false};
    while (r.used < len && !r.done) {
        const uint8_t *line = data + r.used, *end = memmem(line, len - r.used, "\r\n", 2);
        size_t n = end ? (size_t)(end - line) : len - r.used;
        r.used += end ? n + 2 : n;
        const bool dot = n && line[0] == '.';
        r.done = dot && n == 1 && end;
        if (r.done ||
            (!end && dot && n == 2 && line[1] == '\r')) /* which may yet be the last dot */
            continue;
        fk_buf_add(&r.message, line + dot, n - dot);
        if (end)
            fk_buf_str(&r.message, "\r\n");
    }
    const uint8_t *m = r.message.data;
    for (size_t i = 0; i < r.message.len; i++) {
        if (m[i] == '\n' && (i == 0 || m[i - 1] != '\r'))
            r.flags |= FK_DOT_BARE_LF;
        if (m[i] == '\r' && i + 1 < r.message.len && m[i + 1] != '\n')
            r.flags |= FK_DOT_BARE_CR;
        if (m[i] == 0)
            r.flags |= FK_DOT_NUL;
    }
    return r;
}

static void compare(struct read a, const struct read *b) {
    MUST(a.done == b->done);
    MUST(a.used == b->used);
    MUST(fuzz_same(a.message.data, a.message.len, b->message.data, b->message.len));
    MUST(a.flags == b->flags);
    fk_buf_free(&a.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const size_t step = fuzz_byte(&in) % 32 + 1;
    struct read naive = naive_read(in.at, in.len);
    compare(machine_read(in.at, in.len, 0), &naive);
    compare(machine_read(in.at, in.len, step), &naive);
    compare(machine_read(in.at, in.len, 1), &naive);
    fk_buf_free(&naive.message);
    return 0;
}
