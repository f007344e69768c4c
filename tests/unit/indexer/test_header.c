/* Charsets, encoded words, parameters and addresses as mailers write them. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"

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
        /* what Japanese mail has beside it */
        {"JIS of 1978", "iso-2022-jp", "\x1b$@2q5D\x1b(J a", "会議 a", true},
        {"JIS of 1990", "iso-2022-jp", "\x1b&@\x1b$B2q5D\x1b(B", "会議", true},
        {"kana by SO and SI", "iso-2022-jp",
         "\x0e"
         "6E\x0f a",
         "ｶﾅ a", true},
        {"kana of 8 bits", "iso-2022-jp", "\xb6\xc5 \x1b$B2q5D\x1b(B", "ｶﾅ 会議", true},
        {"no escape back", "iso-2022-jp", "\x1b$B2q5D", "会議", true},
        {"no escape back, a line after it", "iso-2022-jp", "\x1b$B2q5D\r\nnext line\r\n",
         "会議\r\nnext line\r\n", true},
        {"JIS X 0213 of 2004", "iso-2022-jp", "a\x1b$(QOT\x1b(B b", "a𠮟 b", true},
        {"JIS X 0213 of 2000", "iso-2022-jp-3", "\x1b$(O.!\x1b(B", "俱", true},
        {"JIS X 0213, plane 2", "ISO-2022-JP-2004", "\x1b$(P!!\x1b$B2q\x1b(B", "𠂉会", true},
        {"JIS X 0213, not declared", NULL, "\x1b$(QOT\x1b(B", "𠮟", true},
        {"cp51932, IBM", "cp51932", "\xfc\xe2", "髙", true},
        {"euc-jp, kana", "euc-jp", "\x8e\xb6\x8e\xc5", "ｶﾅ", true},
        {"euc-jp, JIS X 0212", "euc-jp", "\x8f\xb0\xa1", "丂", true},
        {"utf-7", "unicode-1-1-utf-7", "+ZeVnLIqe- x", "日本語 x", true},
        /* labels that lie */
        {"declared utf-8, is iso-2022-jp", "utf-8", "\x1b$B2q5D\x1b(B", "会議", true},
        {"declared ascii, is iso-2022-jp", "us-ascii", "\x1b$B2q5D\x1b(B", "会議", true},
        {"declared latin 1, is iso-2022-jp", "iso-8859-1", "\x1b$B2q5D\x1b(B", "会議", true},
        {"declared iso-2022-jp, is utf-8", "iso-2022-jp", "会議の件", "会議の件", true},
        {"declared shift_jis, is utf-8", "shift_jis", "会議の資料を送ります",
         "会議の資料を送ります", true},
        {"declared euc-jp, is utf-8", "euc-jp", "会議の資料を送ります", "会議の資料を送ります",
         true},
        {"declared latin 1, is utf-8", "iso-8859-1", "会議の資料", "会議の資料", true},
        {"declared latin 1, is utf-8 that was cut", "iso-8859-1", "会議の資料です\xe3\x81",
         "会議の資料です\xef\xbf\xbd", false},
        {"declared latin 1, is latin 1", "iso-8859-1",
         "na\xefve caf\xe9 \xdc"
         "bung",
         "naïve café Übung", true},
        {"declared latin 1, is shift_jis", "iso-8859-1",
         "\x82\xa8\x90\xa2\x98\x62\x82\xc9\x82\xc8\x82\xc1\x82\xc4\x82\xa8\x82\xe8\x82\xdc\x82\xb7"
         "\x81\x42\x89\xef\x8b\x63\x82\xcc\x8c\x8f\x82\xc5\x82\xb7\x81\x42",
         "お世話になっております。会議の件です。", true},
        {"declared windows-1252, is euc-jp", "windows-1252",
         "\xa4\xaa\xc0\xa4\xcf\xc3\xa4\xcb\xa4\xca\xa4\xc3\xa4\xc6\xa4\xaa\xa4\xea\xa4\xde\xa4\xb9"
         "\xa1\xa3\xb2\xf1\xb5\xc4\xa4\xce\xb7\xef\xa4\xc7\xa4\xb9\xa1\xa3",
         "お世話になっております。会議の件です。", true},
        {"not declared, is euc-jp", NULL,
         "\xa4\xaa\xc0\xa4\xcf\xc3\xa4\xcb\xa4\xca\xa4\xc3\xa4\xc6\xa4\xaa\xa4\xea\xa4\xde\xa4\xb9"
         "\xa1\xa3\xb2\xf1\xb5\xc4\xa4\xce\xb7\xef\xa4\xc7\xa4\xb9\xa1\xa3",
         "お世話になっております。会議の件です。", true},
        {"declared shift_jis, is euc-jp", "shift_jis",
         "\xa4\xaa\xc0\xa4\xcf\xc3\xa4\xcb\xa4\xca\xa4\xc3\xa4\xc6\xa4\xaa\xa4\xea\xa4\xde\xa4\xb9"
         "\xa1\xa3\xb2\xf1\xb5\xc4\xa4\xce\xb7\xef\xa4\xc7\xa4\xb9\xa1\xa3",
         "お世話になっております。会議の件です。", true},
    };
    unsigned wrong = 0;
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
        wrong += strcmp(fk_buf_cstr(&b), cases[i].want) != 0 || clean != cases[i].clean;
        fk_buf_free(&b);
    }
    assert_int_equal(wrong, 0);
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
        /* characters that are cut: between words of their own charset each, inside a quoted name */
        {"=?ISO-2022-JP?B?GyRCMnE1?= =?ISO-2022-JP?B?RBsoQg==?=", "会議"},
        {"=?Shift_JIS?B?ie+L?=\r\n =?Shift_JIS?B?Yw==?=", "会議"},
        {"=?EUC-JP?Q?=B2=F1=B5?= =?EUC-JP?Q?=C4?=", "会議"},
        {"=?ISO-2022-JP?B?GyRCMnE1RA==?= =?ISO-2022-JP?B?GyhC?= a", "会議 a"},
        {"=?iso-2022-jp?B?GyRCMnE1RA==?= a", "会議 a"}, /* no escape back */
        {"=?cp932?B?+/w=?=", "髙"},
        {"\xb2\xf1\xb5\xc4\xa4\xce\xbb\xf1\xce\xc1\xa4\xf2\xa4\xaa\xc1\xf7\xa4\xea\xa4\xb7\xa4\xde"
         "\xa4\xb9",
         "会議の資料をお送りします"},
        {"会議 =?UTF-8?B?6K2w?=", "会議 議"}, /* raw beside words */
        {"=?UTF-8?B?5Lya?==?ISO-2022-JP?B?GyRCNUQbKEI=?=", "会議"},
        {"\"=?UTF-8?B?5Lya?=\"", "\"会\""},
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
        {"attachment; filename==?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=.pdf", "会議.pdf"},
        {"attachment; filename=\"=?ISO-2022-JP?B?GyRCMnE=?=\r\n =?ISO-2022-JP?B?NUQbKEI=?=.pdf\"",
         "会議.pdf"},
        {"attachment; filename=\x1b$B2q5D\x1b(B.pdf", "会議.pdf"},
        {"attachment; filename=会議 2.pdf; size=3", "会議 2.pdf"},
        {"attachment; filename*=iso-2022-jp'ja'%1b$B2q5D%1b%28B.pdf", "会議.pdf"},
        {"attachment; filename*=Shift_JIS''%89%EF%8Bc.pdf", "会議.pdf"},
        {"attachment; filename*0*=utf-8''%E4%BC; filename*1*=%9A; filename*2=.pdf", "会.pdf"},
        {"attachment; filename*0=\"=?UTF-8?B?5Lya?=\"; filename*1=\".pdf\"", "会.pdf"},
        {"attachment; filename*0*=%E4%BC%9A; filename*1=.pdf", "会.pdf"}, /* no charset */
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
