/* json.c - jansson, with text that may be no UTF-8. */
#include "cli/json.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 character at p, 0 where there is none (RFC 3629: no surrogates, no overlong
 * forms, nothing above U+10FFFF). */
static size_t character(const uint8_t *p, size_t left) {
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xc2 ? 0
               : p[0] < 0xe0 ? 2
               : p[0] < 0xf0 ? 3
               : p[0] < 0xf5 ? 4
                             : 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

json_t *cli_json_text(const void *data, size_t len) {
    const uint8_t *p = data;
    struct fk_buf b = FK_BUF_INIT;
    for (size_t i = 0; i < len;) {
        size_t n = character(p + i, len - i);
        if (n)
            fk_buf_add(&b, p + i, n);
        else
            fk_buf_str(&b, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    json_t *text = b.failed ? NULL : json_stringn(b.len ? (const char *)b.data : "", b.len);
    fk_buf_free(&b);
    return text;
}

json_t *cli_json_number(uint64_t n) {
    return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

void cli_json_line(json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text)
        puts(text);
    free(text);
}
