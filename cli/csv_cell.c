/* csv_cell.c - see csv_cell.h */
#include "cli/csv_cell.h"
#include "cli/json.h"

#include <string.h>

/* -1,234.50 is a number to a spreadsheet, and nothing else. */
static bool is_figure(const char *text, size_t len) {
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= '0' && text[i] <= '9')
            digits++;
        else if (!(i == 0 && text[i] == '-') && text[i] != '.')
            return false;
    }
    return digits > 0;
}

static bool begins_formula(const char *text, size_t len) {
    static const char *const signs[] = {"=", "+", "-", "@", "＝", "＋", "－", "＠", "−"};
    while (len && ((uint8_t)*text <= ' ' || *text == '"')) {
        text++;
        len--;
    }
    while (len >= 3 && memcmp(text, "\xe3\x80\x80", 3) == 0) {
        text += 3;
        len -= 3;
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t n = strlen(signs[i]);
        if (len >= n && memcmp(text, signs[i], n) == 0)
            return true;
    }
    return false;
}

void cli_csv_cell(struct fk_buf *out, const char *text, size_t len, bool is_last) {
    json_t *clean = cli_json_text(text, len);
    const char *at = clean ? json_string_value(clean) : "";
    len = clean ? json_string_length(clean) : 0;
    out->failed |= clean == NULL;
    fk_buf_byte(out, '"');
    if (begins_formula(at, len) && !is_figure(at, len))
        fk_buf_byte(out, '\'');
    for (size_t i = 0; i < len; i++) {
        if (at[i] == '"')
            fk_buf_byte(out, '"');
        fk_buf_byte(out, (uint8_t)at[i] < ' ' || at[i] == 0x7f ? ' ' : (uint8_t)at[i]);
    }
    fk_buf_str(out, is_last ? "\"\r\n" : "\",");
    json_decref(clean);
}

void cli_csv_row(struct fk_buf *out, const char *const *cells) {
    for (; *cells; cells++)
        cli_csv_cell(out, *cells, strlen(*cells), cells[1] == NULL);
}
