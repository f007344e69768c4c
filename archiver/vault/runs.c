/* runs.c - base64 runs. Our own coder and not OpenSSL's, which takes white space anywhere and stray
 * bits at the end, and is a quarter as fast. */
#include "archiver/vault/runs_priv.h"

#include <string.h>

enum { BAD = 0x80, PAD = '=' };

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define B BAD
/* Value of a character, BAD where it is none. */
static const uint8_t value_of[256] = {
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  62, B,  B,  B,  63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, B,  B,  B,  B,  B,  B,  B,  0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, B,  B,  B,  B,  B,
    B,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
    B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B};
#undef B

/* Characters of the alphabet alone. */
static bool is_plain(const uint8_t *c, size_t n) {
    uint8_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= value_of[c[i]];
    return !(bad & BAD);
}

/* How many bytes a line of n characters stands for; 0: it is not one that is written so. *last: it
 * has padding, so nothing can follow. */
static size_t line_plain(const uint8_t *c, size_t n, bool *last) {
    *last = false;
    if (n == 0 || n % 4 != 0 || !is_plain(c, n - 4))
        return 0;
    const uint8_t *q = c + n - 4;
    if (q[3] != PAD)
        return is_plain(q, 4) ? n / 4 * 3 : 0;
    *last = true;
    if (q[2] != PAD) /* the bits that stand for no byte are zero */
        return is_plain(q, 3) && !(value_of[q[2]] & 3) ? n / 4 * 3 - 1 : 0;
    return is_plain(q, 2) && !(value_of[q[1]] & 15) ? n / 4 * 3 - 2 : 0;
}

struct line {
    const uint8_t *at;
    size_t len;  /* without its end */
    size_t stop; /* bytes of its end: 0 at the end of the data, 1, 2 */
};

static struct line line_at(const uint8_t *at, const uint8_t *end) {
    const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
    struct line l = {at, (size_t)((lf ? lf : end) - at), lf ? 1 : 0};
    if (lf && l.len && lf[-1] == '\r') {
        l.len--;
        l.stop = 2;
    }
    return l;
}

/* The run that begins with the line l; plain 0: none does. *next: where to look on. */
static struct fk_run run_from(const uint8_t *data, const uint8_t *end, struct line l,
                              const uint8_t **next) {
    struct fk_run run = {
        .at = (size_t)(l.at - data), .width = (uint16_t)l.len, .crlf = l.stop == 2};
    bool last = false;
    const size_t stop = l.stop;
    while (!last) {
        size_t plain = l.len <= run.width ? line_plain(l.at, l.len, &last) : 0;
        if (plain == 0)
            break;
        run.plain += plain;
        run.len = (size_t)(l.at - data) + l.len - run.at;
        *next = l.at + l.len + l.stop;
        if (l.len < run.width || l.stop != stop || *next == end)
            break;
        l = line_at(*next, end);
    }
    return run;
}

bool fk_run__find(const uint8_t *data, size_t len, size_t from, struct fk_run *out) {
    const uint8_t *at = data + from, *end = data + len;
    while (at < end) {
        struct line l = line_at(at, end);
        const uint8_t *next = l.at + l.len + l.stop;
        if (l.stop && l.len >= FK_RUN_WIDTH_MIN && l.len <= FK_RUN_WIDTH_MAX && l.len % 4 == 0) {
            *out = run_from(data, end, l, &next);
            if (out->plain >= FK_RUN_PLAIN_MIN)
                return true;
        }
        at = next;
    }
    return false;
}

/* Groups of four without padding. */
static size_t groups_decode(const uint8_t *c, size_t n, uint8_t *out) {
    uint8_t *o = out;
    for (size_t i = 0; i < n; i += 4, o += 3) {
        uint32_t v = (uint32_t)value_of[c[i]] << 18 | (uint32_t)value_of[c[i + 1]] << 12 |
                     (uint32_t)value_of[c[i + 2]] << 6 | value_of[c[i + 3]];
        o[0] = (uint8_t)(v >> 16);
        o[1] = (uint8_t)(v >> 8);
        o[2] = (uint8_t)v;
    }
    return (size_t)(o - out);
}

static size_t line_decode(const uint8_t *c, size_t n, uint8_t *out) {
    if (c[n - 1] != PAD)
        return groups_decode(c, n, out);
    size_t done = groups_decode(c, n - 4, out);
    const uint8_t *q = c + n - 4;
    out[done++] = (uint8_t)(value_of[q[0]] << 2 | value_of[q[1]] >> 4);
    if (q[2] != PAD)
        out[done++] = (uint8_t)(value_of[q[1]] << 4 | value_of[q[2]] >> 2);
    return done;
}

size_t fk_run__read(struct fk_run_reader *r, uint8_t *out, size_t room) {
    size_t done = 0;
    while (r->at < r->end && room - done >= r->width / 4u * 3u) {
        size_t left = (size_t)(r->end - r->at), n = left < r->width ? left : r->width;
        done += line_decode(r->at, n, out + done);
        r->at += n;
        if (r->at < r->end)
            r->at += r->crlf ? 2 : 1;
    }
    return done;
}

/* As many groups of three as the line takes, after its end where it is full. */
static size_t groups_write(struct fk_run_writer *w, const uint8_t *in, size_t groups,
                           uint8_t **out) {
    uint8_t *o = *out;
    if (w->column == w->width) {
        if (w->crlf)
            *o++ = '\r';
        *o++ = '\n';
        w->column = 0;
    }
    const size_t room = (w->width - w->column) / 4u, n = groups < room ? groups : room;
    for (size_t i = 0; i < n; i++, in += 3, o += 4) {
        const uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        o[0] = (uint8_t)alphabet[v >> 18];
        o[1] = (uint8_t)alphabet[v >> 12 & 63];
        o[2] = (uint8_t)alphabet[v >> 6 & 63];
        o[3] = (uint8_t)alphabet[v & 63];
    }
    w->column = (uint16_t)(w->column + 4 * n);
    *out = o;
    return n;
}

size_t fk_run__bound(const struct fk_run_writer *w, size_t len) {
    size_t groups = (w->carried + len) / 3;
    return groups * 4 + (groups / (w->width / 4) + 1) * 2;
}

size_t fk_run__write(struct fk_run_writer *w, const uint8_t *data, size_t len, uint8_t *out) {
    uint8_t *o = out;
    while (w->carried && w->carried < 3 && len) {
        w->carry[w->carried++] = *data++;
        len--;
    }
    if (w->carried == 3) {
        (void)groups_write(w, w->carry, 1, &o);
        w->carried = 0;
    }
    while (len >= 3) {
        const size_t n = groups_write(w, data, len / 3, &o);
        data += 3 * n;
        len -= 3 * n;
    }
    for (; len; len--)
        w->carry[w->carried++] = *data++;
    return (size_t)(o - out);
}

size_t fk_run__write_end(struct fk_run_writer *w, uint8_t *out) {
    if (w->carried == 0)
        return 0;
    memset(w->carry + w->carried, 0, 3u - w->carried);
    uint8_t *o = out;
    (void)groups_write(w, w->carry, 1, &o);
    memset(o - (3 - w->carried), PAD, 3u - w->carried);
    w->carried = 0;
    return (size_t)(o - out);
}
