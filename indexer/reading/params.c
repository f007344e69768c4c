/* params.c - parameters of Content-Type and Content-Disposition. A file may have several names
 * there (filename, filename* and pieces of either, encoded words inside quotes): all are given out.
 */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"

#include <string.h>
#include <strings.h>

enum { PIECES = 64, ATTRIBUTE = 64 };

struct param {
    char name[ATTRIBUTE]; /* lower-case, with its stars */
    struct fk_buf value;  /* quotes and backslashes undone, else raw */
};

static const char *past_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* The next name=value after a semicolon; false at the end. */
static bool param_next(const char **at, const char *end, struct param *p) {
    fk_buf_reset(&p->value);
    for (;;) {
        const char *semicolon = *at < end ? memchr(*at, ';', (size_t)(end - *at)) : NULL;
        if (!semicolon)
            return false;
        const char *name = *at = past_blanks(semicolon + 1, end);
        while (*at < end && **at != '=' && **at != ';')
            ++*at;
        if (*at >= end || **at == ';')
            continue;
        size_t n = (size_t)(*at - name);
        while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '\t'))
            n--;
        *at = past_blanks(*at + 1, end);
        if (*at < end && **at == '"') {
            for (++*at; *at < end && **at != '"'; ++*at) {
                if (**at == '\\' && *at + 1 < end)
                    ++*at;
                fk_buf_byte(&p->value, (uint8_t) * *at);
            }
        } else {
            for (; *at < end && **at != ';'; ++*at)
                fk_buf_byte(&p->value, (uint8_t) * *at);
            while (p->value.len && strchr(" \t\r\n", p->value.data[p->value.len - 1]) &&
                   p->value.data[p->value.len - 1])
                p->value.len--;
        }
        if (n == 0 || n >= ATTRIBUTE)
            continue;
        for (size_t i = 0; i < n; i++)
            p->name[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];
        p->name[n] = 0;
        return true;
    }
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_undone(struct fk_buf *b) {
    size_t to = 0;
    for (size_t i = 0; i < b->len; i++) {
        const int high = b->data[i] == '%' && i + 2 < b->len ? hex_digit(b->data[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(b->data[i + 2]) : -1;
        b->data[to++] = low >= 0 ? (uint8_t)(high << 4 | low) : b->data[i];
        i += low >= 0 ? 2 : 0;
    }
    b->len = to;
}

/* charset'language'rest: cuts it to the rest. */
static void charset_taken(struct fk_buf *b, char charset[ATTRIBUTE]) {
    const uint8_t *first = memchr(b->data, '\'', b->len);
    const uint8_t *second =
        first ? memchr(first + 1, '\'', b->len - (size_t)(first + 1 - b->data)) : NULL;
    if (!second || (size_t)(first - b->data) >= ATTRIBUTE)
        return;
    memcpy(charset, b->data, (size_t)(first - b->data));
    charset[first - b->data] = 0;
    const size_t cut = (size_t)(second + 1 - b->data);
    memmove(b->data, b->data + cut, b->len - cut);
    b->len -= cut;
}

struct pieces {
    char charset[ATTRIBUTE];
    struct fk_buf at[PIECES];
    bool has[PIECES], any, extended;
};

/* name*  name*N  name*N* ; false where it is none of them. */
static bool piece_take(struct pieces *ps, const char *stars, struct fk_buf *value) {
    size_t number = 0;
    bool extended = stars[1] == 0;
    const char *c = stars + 1;
    for (; *c >= '0' && *c <= '9'; c++)
        number = number * 10 + (size_t)(*c - '0');
    if (*c == '*')
        extended = true;
    else if (*c)
        return false;
    if (number >= PIECES || ps->has[number])
        return false;
    if (extended && number == 0 && value->len)
        charset_taken(value, ps->charset);
    if (extended)
        percent_undone(value);
    fk_buf_add(&ps->at[number], value->data, value->len);
    ps->has[number] = ps->any = true;
    ps->extended |= extended;
    return true;
}

static enum fk_status pieces_tell(struct pieces *ps, fk_param_fn fn, void *ctx, bool *clean_out,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf joined = FK_BUF_INIT, text = FK_BUF_INIT;
    for (size_t i = 0; i < PIECES; i++)
        if (ps->has[i])
            fk_buf_add(&joined, ps->at[i].data, ps->at[i].len);
    if (ps->extended)
        FK_TRY(fk_charset__decode(ps->charset, joined.data, joined.len, &text, clean_out, err));
    else
        FK_TRY(fk_words__decode((const char *)joined.data, joined.len, &text, clean_out, err));
    st = fn(ctx, (const char *)text.data, text.len, err);
done:
    fk_buf_free(&joined);
    fk_buf_free(&text);
    return st;
}

static enum fk_status each(const char *raw, size_t len, const char *name, fk_param_fn fn, void *ctx,
                           bool *clean_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct pieces *ps = calloc(1, sizeof *ps);
    struct param p = {.value = FK_BUF_INIT};
    struct fk_buf text = FK_BUF_INIT;
    const size_t n = strlen(name);
    const char *at = raw, *end = raw + len;
    if (!ps)
        return fk_fail(err, FK_NOMEM, "reading parameters: out of memory");
    while (param_next(&at, end, &p)) {
        if (strncmp(p.name, name, n) != 0)
            continue;
        if (p.name[n] == '*') {
            (void)piece_take(ps, p.name + n, &p.value); /* a piece twice: the first counts */
        } else if (p.name[n] == 0) {
            fk_buf_reset(&text);
            FK_TRY(
                fk_words__decode((const char *)p.value.data, p.value.len, &text, clean_out, err));
            FK_TRY(fn(ctx, (const char *)text.data, text.len, err));
        }
    }
    if (ps->any)
        FK_TRY(pieces_tell(ps, fn, ctx, clean_out, err));
done:
    for (size_t i = 0; i < PIECES; i++)
        fk_buf_free(&ps->at[i]);
    free(ps);
    fk_buf_free(&p.value);
    fk_buf_free(&text);
    return st;
}

/* Raw ISO-2022-JP and Shift_JIS may hold the bytes of quotes, semicolons and backslashes inside
 * characters, so they are decoded before anything is looked for in them. */
enum fk_status fk_params__each(const char *raw, size_t len, const char *name, fk_param_fn fn,
                               void *ctx, bool *clean_out, struct fk_err *err) {
    if (fk_charset__is_utf8(raw, len) && !memchr(raw, 0x1b, len))
        return each(raw, len, name, fn, ctx, clean_out, err);
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = fk_charset__decode(NULL, raw, len, &text, clean_out, err);
    if (st == FK_OK)
        st = each((const char *)text.data, text.len, name, fn, ctx, clean_out, err);
    fk_buf_free(&text);
    return st;
}

struct first {
    char *out;
    size_t size;
};

static enum fk_status take_first(void *ctx, const char *value, size_t len, struct fk_err *err) {
    (void)err;
    struct first *f = ctx;
    if (f->out[0] == 0 && len < f->size) {
        if (len)
            memcpy(f->out, value, len);
        f->out[len] = 0;
    }
    return FK_OK;
}

enum fk_status fk_params__first(const char *raw, size_t len, const char *name, char *out,
                                size_t size, struct fk_err *err) {
    bool clean = true;
    struct first f = {out, size};
    out[0] = 0;
    return fk_params__each(raw, len, name, take_first, &f, &clean, err);
}
