/* An mbox file (archiver/intake/mbox.h): every byte of it is in a message or separates two;
 * messages begin at From_ lines behind blank ones and nowhere else; long lines in pieces are the
 * same.
 *
 * Input: a byte, how long a piece may be; then the file. What does not begin as an mbox is given a
 * first line. */
#include "archiver/intake/mbox.h"
#include "tests/fuzz/support/fuzz.h"

struct cutting {
    const char *at, *end; /* of the file: what has not been told yet */
    bool inside;
    size_t messages;
    struct fk_buf told;
};

static void told(struct cutting *c, const void *data, size_t len) {
    MUST((size_t)(c->end - c->at) >= len && memcmp(c->at, data, len) == 0);
    c->at += len;
}

/* One line end, where there is one. */
static void line_end(struct cutting *c) {
    if (c->at < c->end && *c->at == '\r' && c->end - c->at > 1 && c->at[1] == '\n')
        c->at++;
    if (c->at < c->end && *c->at == '\n')
        c->at++;
}

static void on_begin(void *ctx, const char *from_line, size_t len) {
    struct cutting *c = ctx;
    MUST(!c->inside);
    c->inside = true;
    c->messages++;
    MUST(fk_mbox_is_from_line(from_line, len));
    told(c, from_line, len);
    if (c->at < c->end && *c->at == '\r' && c->end - c->at == 1)
        c->at++; /* a line that the file ends in has no LF */
    line_end(c);
    fk_buf_str(&c->told, "\nBEGIN\n");
}

static void on_data(void *ctx, const void *data, size_t len) {
    struct cutting *c = ctx;
    MUST(c->inside && len);
    told(c, data, len);
    fk_buf_add(&c->told, data, len);
}

static void on_end(void *ctx) {
    struct cutting *c = ctx;
    MUST(c->inside);
    c->inside = false;
    line_end(c);
}

static const struct fk_mbox_sink sink = {on_begin, on_data, on_end};

static struct cutting cut(const char *file, size_t len, size_t piece_max) {
    struct cutting c = {.at = file, .end = file + len};
    struct fk_mbox m = {.sink = &sink, .ctx = &c};
    for (const char *at = file; at < c.end;) {
        const char *lf = memchr(at, '\n', (size_t)(c.end - at));
        size_t n = (size_t)((lf ? lf + 1 : c.end) - at);
        n = n < piece_max ? n : piece_max;
        fk_mbox_take(&m, at, n);
        at += n;
    }
    fk_mbox_end(&m);
    MUST(!c.inside && c.at == c.end);
    return c;
}

/* Lines are what LF ends; blank is an empty one, with CR or without. */
static size_t naive_count(const char *file, size_t len) {
    size_t n = 0;
    bool blank = true;
    for (const char *at = file, *end = file + len; at < end;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((lf ? lf + 1 : end) - at);
        n += blank && fk_mbox_is_from_line(at, line);
        blank = (line == 1 && at[0] == '\n') || (line == 2 && at[0] == '\r' && at[1] == '\n');
        at += line;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const char first[] = "From a Thu Jan  1 00:00:00 1970\n";
    struct fuzz_input in = {data, len};
    const size_t piece_max = 200 + fuzz_byte(&in);
    struct fk_buf file = FK_BUF_INIT;
    const uint8_t *lf = in.len ? memchr(in.at, '\n', in.len) : NULL;
    if (!lf || !fk_mbox_is_from_line((const char *)in.at, (size_t)(lf + 1 - in.at)))
        fk_buf_str(&file, first);
    fk_buf_add(&file, in.at, in.len);
    struct cutting whole = cut((const char *)file.data, file.len, file.len);
    MUST(whole.messages == naive_count((const char *)file.data, file.len));
    bool long_from = false; /* a From_ line is looked for in the first piece of a line only */
    for (const char *at = (const char *)file.data, *end = at + file.len, *next; at < end;
         at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        next = next ? next : end - 1;
        long_from |= (size_t)(next - at) >= piece_max && memcmp(at, "From ", 5) == 0;
    }
    if (!long_from) {
        struct cutting pieces = cut((const char *)file.data, file.len, piece_max);
        MUST(fuzz_same(whole.told.data, whole.told.len, pieces.told.data, pieces.told.len));
        fk_buf_free(&pieces.told);
    }
    fk_buf_free(&whole.told);
    fk_buf_free(&file);
    return 0;
}
