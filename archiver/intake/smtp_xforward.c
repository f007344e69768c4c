/* smtp_xforward.c - attributes of XFORWARD, from xtext. */
#include "archiver/intake/smtp_xforward.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const fields[FK_XFORWARD_COUNT] = {
    "xforward-name", "xforward-addr",   "xforward-port", "xforward-proto",
    "xforward-helo", "xforward-source", "xforward-ident"};
enum { PREFIX = sizeof "xforward-" - 1 };

const char *fk_xforward_field(size_t i) {
    return fields[i];
}

void fk_xforward_reset(struct fk_xforward *x) {
    for (size_t i = 0; i < FK_XFORWARD_COUNT; i++)
        if (x->value[i].cap)
            fk_buf_free(&x->value[i]);
}

static int hex(char c) {
    const char *digits = "0123456789ABCDEF",
               *at = c ? strchr(digits, toupper((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool xtext_decode(const char *text, size_t len, struct fk_buf *out) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '+') {
            fk_buf_byte(out, (uint8_t)text[i]);
            continue;
        }
        int high = i + 2 < len ? hex(text[i + 1]) : -1, low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low < 0)
            return false;
        fk_buf_byte(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
    return !out->failed;
}

static bool is_none(const char *text, size_t len) {
    static const char *const words[] = {"[UNAVAILABLE]", "[TEMPUNAVAIL]"};
    for (size_t i = 0; i < 2; i++)
        if (len == strlen(words[i]) && strncasecmp(text, words[i], len) == 0)
            return true;
    return false;
}

/* One NAME=VALUE: its place in the list, its value in *out; -1 where it is not of the form. */
static int attribute_read(const char *text, size_t len, struct fk_buf *out) {
    const char *equals = memchr(text, '=', len);
    size_t name = equals ? (size_t)(equals - text) : 0, value = len - name - 1;
    for (int i = 0; name && i < FK_XFORWARD_COUNT; i++) {
        if (strlen(fields[i]) - PREFIX != name || strncasecmp(fields[i] + PREFIX, text, name) != 0)
            continue;
        bool good = is_none(equals + 1, value) || xtext_decode(equals + 1, value, out);
        return good ? i : -1;
    }
    return -1;
}

bool fk_xforward_read(struct fk_xforward *x, const char *text, size_t len) {
    struct fk_xforward fresh = {.value = {{0}}};
    bool given[FK_XFORWARD_COUNT] = {false}, good = len > 0;
    while (good && len) {
        size_t n = 0;
        while (n < len && text[n] != ' ' && text[n] != '\t')
            n++;
        struct fk_buf value = FK_BUF_INIT;
        int i = n ? attribute_read(text, n, &value) : -1;
        good = !n || i >= 0;
        if (i >= 0) {
            fk_buf_free(&fresh.value[i]);
            fresh.value[i] = value;
            given[i] = true;
        } else {
            fk_buf_free(&value);
        }
        n += n < len;
        text += n;
        len -= n;
    }
    for (size_t i = 0; good && i < FK_XFORWARD_COUNT; i++)
        if (given[i]) {
            fk_buf_free(&x->value[i]);
            x->value[i] = fresh.value[i];
            fresh.value[i] = (struct fk_buf)FK_BUF_INIT;
        }
    fk_xforward_reset(&fresh);
    return good;
}
