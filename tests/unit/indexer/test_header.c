/* Charsets, encoded words, parameters and addresses as mailers write them. */
#include "indexer/charset_priv.h"
#include "indexer/header_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

static void bytes_are_read_in_the_charset_they_are_in(void **state) {
    (void)state;
    static const struct {
        const char *name, *declared, *bytes, *want;
        bool clean;
    } cases[] = {
        {"ascii", "us-ascii", "hello", "hello", true},
        {"utf-8", "utf-8", "会議", "会議", true},
        {"utf-8 with mark", "utf-8", "\xef\xbb\xbf会", "会", true},
        {"iso-2022-jp", "ISO-2022-JP", "\x1b$B2q5D\x1b(B a", "会議 a", true},
        {"NEC row 13", "iso-2022-jp", "\x1b$B-!\x1b(B", "①", true},
        {"IBM extension in ISO-2022-JP", "iso-2022-jp", "\x1b$B|b\x1b(B", "髙", true},
        {"half-width kana", "iso-2022-jp", "\x1b(I6^\x1b(B", "ｶﾞ", true},
        {"JIS X 0212", "iso-2022-jp", "\x1b$(D0\x21\x1b(B", "丂", true},
        {"JIS X 0201 Roman", "iso-2022-jp", "\x1b(Jabc\x1b(B", "abc", true},
        {"shift_jis", "Shift_JIS", "\x89\xef\x8b\x63", "会議", true},
        {"shift_jis, NEC", "shift_jis", "\x87\x40", "①", true},
        {"shift_jis, IBM", "x-sjis", "\xfb\xfc", "髙", true},
        {"shift_jis, backslash in it", "cp932", "\x95\x5c", "表", true},
        {"euc-jp", "EUC-JP", "\xb2\xf1\xb5\xc4", "会議", true},
        {"euc-jp, NEC", "euc-jp", "\xad\xa1", "①", true},
        {"utf-7", "utf-7", "+Zkk-", "晉", true},
        {"latin 1 is windows-1252", "iso-8859-1", "\x93q\x94", "“q”", true},
        {"gb2312 is gb18030", "gb2312", "\xbb\xe1\xd2\xe9", "会议", true},
        {"korean", "ks_c_5601-1987", "\xc8\xb8\xc0\xc7", "회의", true},
        {"utf-16", "utf-16", "\xfe\xff\x4f\x1a", "会", true},
        {"quoted name", "\"utf-8\"", "会", "会", true},
        {"undeclared utf-8", NULL, "会議", "会議", true},
        {"undeclared escapes", NULL, "\x1b$B2q5D\x1b(B", "会議", true},
        {"undeclared cp932 of two characters", NULL, "\x89\xef\x8b\x63", "会議", true},
        {"undeclared latin 1, a short word", NULL, "caf\xe9s", "cafés", true},
        {"undeclared latin 1, capital", NULL, "\xd6sterreich", "Österreich", true},
        {"declared ascii, is utf-8", "us-ascii", "会議", "会議", true},
        {"declared utf-8, is shift_jis", "utf-8", "\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd",
         "こんにちは", true},
        {"declared iso-2022-jp, is shift_jis", "iso-2022-jp", "\x89\xef\x8b\x63\x8e\xba", "会議室",
         true},
        {"detected as IBM420, which ICU cannot convert", "x-nobody-knows", "+A\xe1\x45-", "+A瓲-",
         false},
        {"unknown charset", "x-nobody-knows", "会議", "会議", false},
        {"utf-8 cut in a character", "utf-8", "会議の資料\xe4\xbc", "会議の資料�", false},
        {"shift_jis cut in a character", "shift_jis",
         "\x89\xef\x8b\x63\x8e\xba\x89\xef\x8b\x63\x8e\xba\x89\xef\x8b", "会議室会議室会�", false},
        {"lone escape", "iso-2022-jp", "a\x1b", "a\x1b", true},
    };
    fk_charset__prepare();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf b = FK_BUF_INIT;
        bool clean = true;
        assert_int_equal(fk_charset__decode(cases[i].declared, cases[i].bytes,
                                            strlen(cases[i].bytes), &b, &clean, &err),
                         FK_OK);
        if (strcmp(fk_buf_cstr(&b), cases[i].want) != 0 || clean != cases[i].clean)
            print_error("%s: \"%s\" (%s), not \"%s\"\n", cases[i].name, fk_buf_cstr(&b),
                        clean ? "clean" : "not clean", cases[i].want);
        assert_string_equal(fk_buf_cstr(&b), cases[i].want);
        assert_int_equal(clean, cases[i].clean);
        fk_buf_free(&b);
    }
}

/* A pair of UTF-16 units at the edge of ICU's output buffer, wherever it falls. */
static void long_texts_are_converted_whole(void **state) {
    (void)state;
    for (size_t before = 2040; before < 2052; before++) {
        struct fk_buf raw = FK_BUF_INIT, want = FK_BUF_INIT, got = FK_BUF_INIT;
        bool clean = true;
        for (size_t i = 0; i < before; i++) {
            fk_buf_byte(&raw, 'a');
            fk_buf_byte(&want, 'a');
        }
        for (size_t i = 0; i < 3000; i++) {
            fk_buf_add(&raw, "\x95\x32\x82\x36", 4); /* U+20000 in gb18030 */
            fk_buf_str(&want, "𠀀");
        }
        assert_int_equal(fk_charset__decode("gb18030", raw.data, raw.len, &got, &clean, &err),
                         FK_OK);
        assert_true(clean);
        assert_string_equal(fk_buf_cstr(&got), fk_buf_cstr(&want));
        fk_buf_free(&raw);
        fk_buf_free(&want);
        fk_buf_free(&got);
    }
}

static void encoded_words_are_joined_before_they_are_decoded(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {" plain text\r\n", "plain text"},
        {"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "会議"},
        {"=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①"},
        {"=?shift_jis?B?h0A=?=", "①"},
        {"=?UTF-8?Q?caf=C3=A9_au_lait?=", "café au lait"},
        {"=?utf-8*ja?B?5Lya?=", "会"},
        {"Re: =?UTF-8?B?5Lya?=\r\n =?UTF-8?B?6K2w?=", "Re: 会議"},
        {"=?UTF-8?B?5Lya6A==?= =?utf-8?B?rbA=?=", "会議"},  /* a character in two words */
        {"=?UTF-8?B?5Lya6?=\r\n\t=?UTF-8?B?K2w?=", "会議"}, /* base64 goes on */
        {"=?ISO-2022-JP?B?GyRCMnE=?= =?ISO-2022-JP?B?NUQbKEI=?=", "会議"},
        {"=?UTF-8?B?5Lya?= and =?UTF-8?B?6K2w?=", "会 and 議"},
        {"=?UTF-8?B?5Lya?==?UTF-8?B?6K2w?=", "会議"},
        {"=?utf-8?b?YQ==?=, =?utf-8?b?Yg==?=", "a, b"},
        {"a =?UTF-8?B?5Lya?= b", "a 会 b"},
        {"=?UTF-8?Q?a b?=", "a b"}, /* a blank, which RFC 2047 forbids */
        {"=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="},
        {"=?UTF-8?B?abc", "=?UTF-8?B?abc"},
        {"=?=", "=?="},
        {"2+2=4", "2+2=4"},
        {"\x1b$B2q5D\x1b(B", "会議"}, /* raw */
        {"\x89\xef\x8b\x63", "会議"},
        {"folded\r\n line", "folded line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf b = FK_BUF_INIT;
        bool clean = true;
        assert_int_equal(fk_words__decode(cases[i][0], strlen(cases[i][0]), &b, &clean, &err),
                         FK_OK);
        assert_string_equal(fk_buf_cstr(&b), cases[i][1]);
        fk_buf_free(&b);
    }
}

static enum fk_status value_add(void *ctx, const char *value, size_t len, struct fk_err *e) {
    struct fk_buf *b = ctx;
    (void)e;
    fk_buf_str(b, b->len ? "|" : "");
    fk_buf_add(b, value, len);
    return FK_OK;
}

static void a_file_has_all_the_names_it_was_given(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"attachment; filename=a.pdf", "a.pdf"},
        {"attachment; FILENAME = \"a b.pdf\" ; size=3", "a b.pdf"},
        {"attachment; filename=\"q\\\"q.pdf\"", "q\"q.pdf"},
        {"attachment; filename=\"=?UTF-8?B?5Lya?=.pdf\"", "会.pdf"},
        {"attachment; filename*=UTF-8''%E4%BC%9A.pdf", "会.pdf"},
        {"attachment; filename*0=ab; filename*1=cd.pdf", "abcd.pdf"},
        {"attachment; filename*1*=%BC%9A.pdf; filename*0*=utf-8'ja'%E4", "会.pdf"},
        {"attachment; filename=a.pdf; filename*=utf-8''%E4%BC%9A.pdf", "a.pdf|会.pdf"},
        {"attachment; filename=\"\x89\xef.pdf\"", "会.pdf"},
        {"attachment; filename=\"\x95\x5c.pdf\"", "表.pdf"},
        {"attachment; filename=\"\x1b$B2q5D\x1b(B.pdf\"", "会議.pdf"},
        {"attachment; filename=unclosed \"x", "unclosed \"x"},
        {"attachment; filename=", ""},
        {"attachment; filenames=no", ""},
        {"attachment", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf b = FK_BUF_INIT;
        bool clean = true;
        assert_int_equal(fk_params__each(cases[i][0], strlen(cases[i][0]), "filename", value_add,
                                         &b, &clean, &err),
                         FK_OK);
        assert_string_equal(fk_buf_cstr(&b), cases[i][1]);
        fk_buf_free(&b);
    }
}

static void the_first_value_is_given_where_it_fits(void **state) {
    (void)state;
    char out[8];
    static const char header[] = " text/plain; charset=utf-8; charset=x";
    assert_int_equal(fk_params__first(header, sizeof header - 1, "charset", out, 8, &err), FK_OK);
    assert_string_equal(out, "utf-8");
    assert_int_equal(fk_params__first(header, sizeof header - 1, "name", out, 8, &err), FK_OK);
    assert_string_equal(out, "");
}

static enum fk_status mailbox_add(void *ctx, const struct fk_mailbox *m, struct fk_err *e) {
    struct fk_buf *b = ctx;
    (void)e;
    fk_buf_str(b, b->len ? "|" : "");
    fk_buf_add(b, m->name, m->name_len);
    fk_buf_byte(b, '~');
    fk_buf_add(b, m->address, m->address_len);
    return FK_OK;
}

static void mailboxes_are_found_in_what_mailers_write(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a@b", "~a@b"},
        {"<a@b>", "~a@b"},
        {"A B <a@b>, c@d", "A B~a@b|~c@d"},
        {"\"Sato, T.\" <a@b>", "Sato, T.~a@b"},
        {"a@b (Taro Sato)", "Taro Sato~a@b"},
        {"=?UTF-8?B?5L2Q6Jek?= <a@b>", "佐藤~a@b"},
        {"\"=?UTF-8?B?5L2Q6Jek?=\" <a@b>", "佐藤~a@b"},
        {"=?UTF-8?Q?a=2Cb?= <c@d>", "a,b~c@d"}, /* an encoded comma is none */
        {"group: a@b, c@d;", "group~|~a@b|~c@d"},
        {"undisclosed-recipients:;", "undisclosed-recipients~"},
        {"a@b; c@d", "~a@b|~c@d"},
        {"<@x,@y:a@b>", "~a@b"},
        {"\x89\xef\x8b\x63 <a@b>", "会議~a@b"},
        {"\x1b$B2q5D\x1b(B <a@b>", "会議~a@b"},
        {"Root", "Root~"},
        {"<", ""},
        {"\"open <a@b>", "~open <a@b>"},
        {"((((", "(((~"},
        {", ,,", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf b = FK_BUF_INIT;
        bool clean = true;
        assert_int_equal(
            fk_addresses__each(cases[i][0], strlen(cases[i][0]), mailbox_add, &b, &clean, &err),
            FK_OK);
        if (strcmp(fk_buf_cstr(&b), cases[i][1]) != 0)
            print_error("for %s\n", cases[i][0]);
        assert_string_equal(fk_buf_cstr(&b), cases[i][1]);
        fk_buf_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_read_in_the_charset_they_are_in),
        cmocka_unit_test(long_texts_are_converted_whole),
        cmocka_unit_test(encoded_words_are_joined_before_they_are_decoded),
        cmocka_unit_test(a_file_has_all_the_names_it_was_given),
        cmocka_unit_test(the_first_value_is_given_where_it_fits),
        cmocka_unit_test(mailboxes_are_found_in_what_mailers_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
