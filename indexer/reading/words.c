/* words.c - RFC 2047 as mailers write it: words joined before they are decoded, base64 that goes on
 * from word to word, blanks inside a word, raw 8-bit and raw ISO-2022-JP beside words. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"

#include <string.h>
#include <strings.h>

enum { CHARSET = 40 };

struct words {
    char charset[CHARSET]; /* of the bytes not yet decoded; "" none */
    struct fk_buf bytes;
    uint32_t bits; /* base64 that a word left unfinished */
    int pending;
    struct fk_buf *out;
    bool *clean;
};

struct word {
    char charset[CHARSET], encoding;
    const char *text;
    size_t len;
    const char *end; /* after ?= */
};

/* =?charset*language?B?text?= */
static bool word_parse(const char *at, const char *end, struct word *w) {
    if (end - at < 8 || at[0] != '=' || at[1] != '?')
        return false;
    const char *charset = at + 2, *mark = memchr(charset, '?', (size_t)(end - charset));
    if (!mark || mark == charset || end - mark < 4 || mark[2] != '?')
        return false;
    const char *star = memchr(charset, '*', (size_t)(mark - charset));
    const size_t n = (size_t)((star ? star : mark) - charset);
    w->encoding = mark[1] | 0x20;
    if (n >= CHARSET || (w->encoding != 'b' && w->encoding != 'q'))
        return false;
    for (const char *c = charset; c < mark; c++)
        if (*c <= ' ' || *c == '=')
            return false;
    memcpy(w->charset, charset, n);
    w->charset[n] = 0;
    w->text = mark + 3;
    for (const char *c = w->text; c + 1 < end; c++) {
        if (c[0] == '?' && c[1] == '=') {
            w->len = (size_t)(c - w->text);
            w->end = c + 2;
            return true;
        }
        if (c[0] == '=' && c[1] == '?' && (c + 2 >= end || c[2] != '='))
            return false; /* another word begins before this one ends; =?= is padding and end */
    }
    return false;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void word_bytes(struct words *ws, const struct word *w) {
    for (size_t i = 0; i < w->len; i++) {
        const char c = w->text[i];
        if (w->encoding == 'b') {
            const int digit = base64_digit(c);
            if (c == '=')
                ws->pending = 0;
            if (digit < 0)
                continue;
            ws->bits = ws->bits << 6 | (uint32_t)digit;
            ws->pending += 6;
            if (ws->pending >= 8) {
                ws->pending -= 8;
                fk_buf_byte(&ws->bytes, (uint8_t)(ws->bits >> ws->pending));
            }
            continue;
        }
        const int high = c == '=' && i + 2 < w->len ? hex_digit(w->text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(w->text[i + 2]) : -1;
        if (low >= 0) {
            fk_buf_byte(&ws->bytes, (uint8_t)(high << 4 | low));
            i += 2;
        } else
            fk_buf_byte(&ws->bytes, c == '_' ? ' ' : (uint8_t)c);
    }
}

static enum fk_status words_flush(struct words *ws, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (ws->charset[0])
        st =
            fk_charset__decode(ws->charset, ws->bytes.data, ws->bytes.len, ws->out, ws->clean, err);
    fk_buf_reset(&ws->bytes);
    ws->charset[0] = 0;
    ws->pending = 0;
    return st;
}

static bool is_blank(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
            return false;
    return true;
}

/* Text that is no encoded word: line ends are taken out, the blank after them stays. */
static enum fk_status plain(struct words *ws, const char *p, size_t len, struct fk_err *err) {
    const size_t begin = ws->out->len;
    enum fk_status st = fk_charset__decode(NULL, p, len, ws->out, ws->clean, err);
    if (st != FK_OK)
        return st;
    size_t to = begin;
    for (size_t i = begin; i < ws->out->len; i++)
        if (ws->out->data[i] != '\r' && ws->out->data[i] != '\n')
            ws->out->data[to++] = ws->out->data[i];
    ws->out->len = to;
    return FK_OK;
}

enum fk_status fk_words__decode(const char *raw, size_t len, struct fk_buf *out, bool *clean_out,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct words ws = {.bytes = FK_BUF_INIT, .out = out, .clean = clean_out};
    const char *end = raw + len, *since = raw; /* since: first byte not yet given out */
    while (since < end && is_blank(since, 1))
        since++;
    while (end > since && is_blank(end - 1, 1))
        end--;
    for (const char *at = since; at < end;) {
        struct word w;
        at = memchr(at, '=', (size_t)(end - at));
        if (!at)
            break;
        if (!word_parse(at, end, &w)) {
            at++;
            continue;
        }
        const bool follows = ws.charset[0] && is_blank(since, (size_t)(at - since));
        if (!follows || strcasecmp(ws.charset, w.charset) != 0)
            FK_TRY(words_flush(&ws, err));
        if (!follows)
            FK_TRY(plain(&ws, since, (size_t)(at - since), err));
        memcpy(ws.charset, w.charset, CHARSET);
        word_bytes(&ws, &w);
        at = since = w.end;
    }
    FK_TRY(words_flush(&ws, err));
    FK_TRY(plain(&ws, since, (size_t)(end - since), err));
    if (ws.bytes.failed || out->failed)
        st = fk_fail(err, FK_NOMEM, "decoding a header: out of memory");
done:
    fk_buf_free(&ws.bytes);
    return st;
}
