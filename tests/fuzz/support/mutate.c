/* mutate.c - what is done to inputs: the usual dozen of changes, one to eight of them on top of
 * each other. */
#include "tests/fuzz/support/mutate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void *more(void *old, size_t count, size_t size) {
    void *p = realloc(old, count * size);
    if (!p)
        abort();
    return p;
}

void corpus_add(struct corpus *c, const uint8_t *data, size_t len) {
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->at = more(c->at, c->cap, sizeof *c->at);
    }
    struct bytes b = {more(NULL, len + 1, 1), len};
    memcpy(b.data, data, len);
    c->at[c->count++] = b;
}

static void file_add(struct corpus *c, const char *path, size_t max) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = more(NULL, max, 1);
    if (!f) {
        perror(path);
        exit(2);
    }
    corpus_add(c, data, fread(data, 1, max, f));
    (void)fclose(f); /* only read */
    free(data);
}

bool corpus_read(struct corpus *c, const char *path, size_t max) {
    struct stat s;
    struct dirent **names = NULL;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) {
        file_add(c, path, max);
        return false;
    }
    const int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            file_add(c, file, max);
        free(names[i]);
    }
    free(names);
    return true;
}

static int hex_digit(char c) {
    const char *at = c ? strchr("0123456789abcdef", c | 0x20) : NULL;
    return at ? (int)(at - "0123456789abcdef") : 0;
}

void dictionary_read(struct corpus *c, const char *path) {
    char line[1024];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *p = strchr(line, '"'), *end = strrchr(line, '"');
        if (line[0] == '#' || !p || p == end)
            continue;
        struct bytes b = {more(NULL, strlen(line), 1), 0};
        for (p++; p < end; p++) {
            if (p[0] == '\\' && p[1] == 'x' && end - p > 3) {
                b.data[b.len++] = (uint8_t)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
                p += 3;
            } else
                b.data[b.len++] = (uint8_t)(*p == '\\' ? *++p : *p);
        }
        c->word = more(c->word, c->words + 1, sizeof *c->word);
        c->word[c->words++] = b;
    }
    if (f)
        (void)fclose(f); /* only read */
}

/* ---- chance */

static uint64_t next(struct random *r) {
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state;
}

static size_t below(struct random *r, size_t n) {
    return n ? (size_t)((next(r) >> 11) % n) : 0;
}

/* Short ones more often. */
static size_t block(struct random *r, size_t most) {
    const size_t cap = (size_t)1 << below(r, 12);
    return below(r, (cap < most ? cap : most) + 1);
}

static const uint64_t numbers[] = {
    0,          1,          2,          0x7f,       0x80,           0xff,
    0x100,      0x1ff,      0x7fff,     0x8000,     0xffff,         0x10000,
    0x100000,   0x7fffffff, 0x80000000, 0xffffffff, 0x100000000ull, 0x7fffffffffffffffull,
    1ull << 63, UINT64_MAX};

/* ---- changes: in buf, of *len bytes, with room for max */

static void take_out(uint8_t *buf, size_t *len, size_t at, size_t n) {
    memmove(buf + at, buf + at + n, *len - at - n);
    *len -= n;
}

static void put_in(uint8_t *buf, size_t *len, size_t max, size_t at, const uint8_t *data,
                   size_t n) {
    if (n > max - *len)
        n = max - *len;
    memmove(buf + at + n, buf + at, *len - at);
    memcpy(buf + at, data, n);
    *len += n;
}

static void put_over(uint8_t *buf, size_t len, size_t at, const uint8_t *data, size_t n) {
    memcpy(buf + at, data, n < len - at ? n : len - at);
}

static void number_put(struct random *r, uint8_t *buf, size_t len) {
    uint64_t v = numbers[below(r, sizeof numbers / sizeof *numbers)] + below(r, 3) - 1;
    const size_t n = (size_t)1 << below(r, 4);
    uint8_t bytes[8];
    const bool big = below(r, 2);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));
    put_over(buf, len, below(r, len), bytes, n);
}

/* A number in digits becomes another one. */
static void decimal_put(struct random *r, uint8_t *buf, size_t *len, size_t max) {
    char text[24];
    size_t at = below(r, *len), n = 0;
    while (at < *len && (buf[at] < '0' || buf[at] > '9'))
        at++;
    while (at + n < *len && buf[at + n] >= '0' && buf[at + n] <= '9')
        n++;
    if (n == 0)
        return;
    take_out(buf, len, at, n);
    const int digits =
        snprintf(text, sizeof text, "%llu",
                 (unsigned long long)(numbers[below(r, sizeof numbers / sizeof *numbers)] +
                                      below(r, 3) - 1));
    put_in(buf, len, max, at, (const uint8_t *)text, (size_t)digits);
}

static void change(const struct corpus *c, struct random *r, uint8_t *buf, size_t *len,
                   size_t max) {
    static uint8_t copy[4096];
    const size_t at = below(r, *len),
                 n = block(r, *len - at < sizeof copy ? *len - at : sizeof copy);
    const struct bytes *other = &c->at[below(r, c->count)],
                       *word = c->words ? &c->word[below(r, c->words)] : NULL;
    if (*len == 0 || below(r, 12) == 0) { /* a byte more */
        const uint8_t byte = (uint8_t)next(r);
        put_in(buf, len, max, below(r, *len + 1), word ? word->data : &byte, word ? word->len : 1);
        return;
    }
    switch (below(r, 12)) {
    case 0:
    case 1:
        buf[at] ^= (uint8_t)(1 << below(r, 8));
        break;
    case 2:
        buf[at] = (uint8_t)next(r);
        break;
    case 3:
        number_put(r, buf, *len);
        break;
    case 4:
        decimal_put(r, buf, len, max);
        break;
    case 5:
        take_out(buf, len, at, n);
        break;
    case 6: /* once more, somewhere */
        memcpy(copy, buf + at, n);
        put_in(buf, len, max, below(r, *len + 1), copy, n);
        break;
    case 7:
        memcpy(copy, buf + at, n);
        put_over(buf, *len, below(r, *len), copy, n);
        break;
    case 8: /* a block of another input */
        if (other->len) {
            const size_t from = below(r, other->len);
            put_in(buf, len, max, at, other->data + from, block(r, other->len - from));
        }
        break;
    case 9: /* the rest of another input */
        if (other->len) {
            const size_t from = below(r, other->len);
            *len = at;
            put_in(buf, len, max, at, other->data + from, other->len - from);
        }
        break;
    case 10:
        if (below(r, 4) == 0)
            *len = at;
        else
            memset(buf + at, (int)below(r, 256), n);
        break;
    default:
        if (word && below(r, 2))
            put_over(buf, *len, at, word->data, word->len);
        else if (word)
            put_in(buf, len, max, at, word->data, word->len);
        break;
    }
}

/* Any, or one of those that were found last; of two the shorter, since that is sooner done. */
static const struct bytes *chosen(const struct corpus *c, struct random *r) {
    const size_t last = c->count < 32 ? c->count : 32;
    const struct bytes *one = &c->at[below(r, c->count)];
    const struct bytes *other =
        &c->at[below(r, 2) ? below(r, c->count) : c->count - 1 - below(r, last)];
    return other->len <= one->len ? other : one;
}

size_t mutate(const struct corpus *c, struct random *r, uint8_t *out, size_t max) {
    const struct bytes *from = chosen(c, r);
    size_t len = from->len < max ? from->len : max;
    memcpy(out, from->data, len);
    for (size_t n = (size_t)1 << below(r, 4); n; n--)
        change(c, r, out, &len, max);
    return len;
}
