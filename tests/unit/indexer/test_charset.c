/* Bytes in a declared charset, as UTF-8: by every name that it has, not by what its bytes look
 * like. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/html_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

/* Every unit of the text, which is ASCII but for U+241B, in two bytes or four. */
static void widen(const char *text, unsigned width, bool is_big, struct fk_buf *out) {
    for (const char *c = text; *c; c++) {
        const uint32_t cp = *c == '\x1b' ? 0x241b : (uint8_t)*c;
        for (unsigned i = 0; i < width; i++)
            fk_buf_byte(out, (uint8_t)(cp >> 8 * (is_big ? width - 1 - i : i)));
    }
}

static const char *decoded(const char *charset, const void *data, size_t len) {
    static struct fk_buf out;
    bool clean = true;
    fk_charset__prepare();
    fk_buf_reset(&out);
    assert_int_equal(fk_charset__decode(charset, data, len, &out, &clean, &err), FK_OK);
    if (!clean || memchr(out.data, 0, out.len))
        return "not clean";
    return fk_buf_cstr(&out);
}

static void wide_text_in_english_is_read_by_any_name(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned width;
        bool is_big;
    } cases[] = {{"utf-16le", 2, false},     {"UTF16LE", 2, false},  {"utf_16_le", 2, false},
                 {"UTF-16BE", 2, true},      {"Utf16Be", 2, true},   {"UTF32LE", 4, false},
                 {"utf_32_be", 4, true},     {"UCS-2", 2, true},     {"iso-10646-ucs-2", 2, true},
                 {"windows-1200", 2, false}, {"csUnicode", 2, true}, {"x-utf-16le", 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf wide = FK_BUF_INIT;
        widen("Quarterly report", cases[i].width, cases[i].is_big, &wide);
        const char *text = decoded(cases[i].name, wide.data, wide.len);
        if (strcmp(text, "Quarterly report") != 0)
            fail_msg("%s: %s", cases[i].name, text);
        fk_buf_free(&wide);
    }
}

static void an_escape_in_wide_text_is_none(void **state) {
    (void)state;
    struct fk_buf wide = FK_BUF_INIT;
    widen("see \x1b"
          "Bel or word",
          2, false, &wide); /* 1b 24 42 */
    assert_non_null(memmem(wide.data, wide.len, "\x1b$B", 3));
    assert_string_equal(decoded("utf-16le", wide.data, wide.len), "see \xe2\x90\x9b"
                                                                  "Bel or word");
    fk_buf_free(&wide);
    assert_string_equal(decoded("utf-8", "\x1b$B2q5D\x1b(B", 10),
                        "会議"); /* that it is one, there */
}

static void seven_bits_that_mean_more_are_read_by_any_name(void **state) {
    (void)state;
    static const char *const utf7[] = {"utf-7", "UTF7", "utf_7", "unicode-1-1-utf-7",
                                       "windows-65000"};
    for (size_t i = 0; i < sizeof utf7 / sizeof *utf7; i++)
        assert_string_equal(decoded(utf7[i], "+ZeVnLA-", 8), "日本");
    assert_string_equal(decoded("HZ", "~{HU1>~}", 8), "日本");
    assert_string_equal(decoded("hz-gb-2312", "~{HU1>~}", 8), "日本");
}

static void ascii_is_itself_elsewhere(void **state) {
    (void)state;
    static const char *const names[] = {"",          "utf-8",  "us-ascii", "iso-2022-jp",
                                        "Shift_JIS", "EUC-JP", "cp932",    "gb18030",
                                        "big5",      "koi8-r", "unknown",  "windows-1252"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(decoded(names[i], "a+b ~{c~} \\d", 12), "a+b ~{c~} \\d");
}

static void a_page_that_can_be_read_does_not_name_utf_16(void **state) {
    (void)state;
    static const char *const pages[][2] = {{"<meta charset=utf-16>text", "utf-8"},
                                           {"<meta charset='UTF16'>text", "utf-8"},
                                           {"<meta charset=\"utf_16_le\">text", "utf-8"},
                                           {"<meta charset=ucs-2>text", "utf-8"},
                                           {"<meta charset=Shift_JIS>text", "Shift_JIS"},
                                           {"<meta charset=utf-8>text", "utf-8"},
                                           {"<p>text", ""}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char name[64];
        fk_html__charset(pages[i][0], strlen(pages[i][0]), name, sizeof name);
        assert_string_equal(name, pages[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_can_be_read_does_not_name_utf_16),
        cmocka_unit_test(wide_text_in_english_is_read_by_any_name),
        cmocka_unit_test(an_escape_in_wide_text_is_none),
        cmocka_unit_test(seven_bits_that_mean_more_are_read_by_any_name),
        cmocka_unit_test(ascii_is_itself_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
