/* fields.c - "name: value" lines and their escapes. */
#include "archiver/vault/fields.h"

#include <string.h>

static bool needs_escape(uint8_t c) {
    return c < 0x20 || c == 0x7f || c == '%';
}

void fk_fields_add(struct fk_buf *b, const char *name, const void *value, size_t len) {
    const uint8_t *v = value;
    fk_buf_str(b, name);
    fk_buf_str(b, ": ");
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && !needs_escape(v[plain]))
            plain++;
        fk_buf_add(b, v + i, plain - i);
        if (plain < len)
            fk_buf_printf(b, "%%%02X", v[plain++]);
        i = plain;
    }
    fk_buf_byte(b, '\n');
}

void fk_fields_add_str(struct fk_buf *b, const char *name, const char *value) {
    fk_fields_add(b, name, value, strlen(value));
}

struct fk_fields fk_fields_begin(const void *text, size_t len) {
    const char *at = len ? text : "";
    return (struct fk_fields){.at = at, .end = at + len};
}

static size_t name_length(const char *at, const char *end) {
    const char *p = at;
    if (p < end && *p >= 'a' && *p <= 'z')
        while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            p++;
    return (size_t)(p - at);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* -1 where no escape stands at p. */
static int escape_at(const char *p, const char *end) {
    if (end - p < 3)
        return -1;
    const int high = hex_digit(p[1]), low = hex_digit(p[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool value_is_well_formed(const char *p, const char *end) {
    for (; p < end; p++) {
        if (*p == '%') {
            int c = escape_at(p, end);
            if (c < 0 || !needs_escape((uint8_t)c)) /* one writing for each value */
                return false;
            p += 2;
        } else if (needs_escape((uint8_t)*p))
            return false;
    }
    return true;
}

bool fk_fields_next(struct fk_fields *it, struct fk_field *out) {
    if (it->bad || it->at == it->end)
        return false;
    const char *lf = memchr(it->at, '\n', (size_t)(it->end - it->at));
    size_t n = lf ? name_length(it->at, lf) : 0;
    const char *value = it->at + n + 2;
    if (n == 0 || value > lf || value[-2] != ':' || value[-1] != ' ' ||
        !value_is_well_formed(value, lf)) {
        it->bad = true;
        return false;
    }
    *out = (struct fk_field){it->at, value, n, (size_t)(lf - value)};
    it->at = lf + 1;
    return true;
}

bool fk_field_is(const struct fk_field *f, const char *name) {
    return strlen(name) == f->name_len && memcmp(name, f->name, f->name_len) == 0;
}

void fk_field_value(const struct fk_field *f, struct fk_buf *out) {
    const char *end = f->value + f->value_len;
    for (const char *p = f->value; p < end; p++) {
        int c = *p == '%' ? escape_at(p, end) : -1;
        fk_buf_byte(out, c < 0 ? (uint8_t)*p : (uint8_t)c);
        p += c < 0 ? 0 : 2;
    }
}

bool fk_fields_find(const void *text, size_t len, const char *name, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(text, len);
    struct fk_field f;
    while (fk_fields_next(&it, &f))
        if (fk_field_is(&f, name)) {
            fk_field_value(&f, out);
            return true;
        }
    return false;
}
