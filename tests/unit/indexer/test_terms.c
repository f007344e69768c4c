/* The rule of terms.h, as tables and as the property that search stands on: what is literally in a
 * text is a row of tokens at consecutive positions. */
#include "indexer/text/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

static struct fk_err err;

struct row {
    char text[64], written[64]; /* "" where it is as text */
    uint32_t pos;
};
struct rows {
    struct row at[4000];
    size_t n;
};

static void keep(void *ctx, const struct fk_token *t) {
    struct rows *r = ctx;
    assert_true(r->n < 4000 && t->len < 64);
    struct row *row = &r->at[r->n++];
    memcpy(row->text, t->text, t->len);
    row->text[t->len] = 0;
    assert_true(t->written_len < sizeof row->written);
    memcpy(row->written, t->written_len ? t->written : "", t->written_len);
    row->written[t->written_len] = 0;
    row->pos = t->pos;
}

static void of_text(const char *text, struct rows *out) {
    uint32_t next;
    out->n = 0;
    assert_int_equal(fk_terms_of_text(text, strlen(text), 0, keep, out, &next, &err), FK_OK);
}

static void of_query(const char *text, struct rows *out) {
    out->n = 0;
    assert_int_equal(fk_terms_of_query(text, strlen(text), keep, out, &err), FK_OK);
}

/* "token@pos token@pos" */
static const char *shown(const struct rows *r) {
    static char text[8000];
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct row *t = &r->at[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", t->text);
        if (*t->written)
            n += (size_t)snprintf(text + n, sizeof text - n, "=%s", t->written);
        n += (size_t)snprintf(text + n, sizeof text - n, "@%u", t->pos);
    }
    return text;
}

static void text_is_cut_as_the_header_says(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"nothing", "", ""},
        {"punctuation", "... ---\r\n", ""},
        {"words", "Hello, World 42", "hello@0 world@1 42@2"},
        {"address", "A.Sato@Example.co.jp", "a@0 sato@1 example@2 co@3 jp@4"},
        {"mixed word", "v2rc1 Größe", "v2rc1@0 grösse@1"},
        {"sharp s", "Straße", "strasse@0"},
        {"one character", "会", "会@0"},
        {"a pair", "会議", "会議@0 会@0 議@1"},
        {"header's example", "A会議 B", "a@0 会議@1 会@1 議@2 b@3"},
        {"a character in the middle is no token", "会議室", "会議@0 会@0 議室@1 室@2"},
        {"digits before kanji", "2024年度", "2024@0 年度@1 年@1 度@2"},
        {"katakana with mark", "メール", "メー@0 メ@0 ール@1 ル@2"},
        {"half-width", "ﾒｰﾙ", "メー@0 メ@0 ール@1 ル@2"},
        {"half-width voiced", "ｶﾞﾀﾞ", "ガダ@0 ガ@0 ダ@1"},
        {"decomposed", "か\u3099く", "がく@0 が@0 く@1"},
        {"full-width", "ＡＢＣ１２３", "abc123@0"},
        {"squared", "㈱", "株@0"},
        {"circled", "①", "1@0"},
        {"repeat marks", "佐々木", "佐々@0 佐@0 々木@1 木@2"},
        {"mistyped prolonging", "メ―ル", "メー@0 メ@0 ール@1 ル@2"},
        {"full-width hyphen as prolonging", "メ－ル", "メー@0 メ@0 ール@1 ル@2"},
        {"dash between words", "東京―大阪", "東京@0 東@0 京@1 大阪@2 大@2 阪@3"},
        {"blank ends a run", "東京 都", "東京@0 東@0 京@1 都@2"},
        {"line end does not", "東京\r\n都", "東京@0 東@0 京都@1 京@1 都@2"},
        {"nor with blanks around", "東京 \n  都", "東京@0 東@0 京都@1 京@1 都@2"},
        {"nor in a quotation", "> 東京\n> 都", "東京@0 東@0 京都@1 京@1 都@2"},
        {"both sides of it are ends", "東京\n大阪", "東京@0 東@0 京大@1 京@1 大阪@2 大@2 阪@3"},
        {"an empty line ends it", "東京\n\n都", "東京@0 東@0 京@1 都@2"},
        {"a word after it ends it", "東京\nA", "東京@0 東@0 京@1 a@2"},
        {"hangul", "회의", "회의@0 회@0 의@1"},
        {"thai", "ไทย", "ไท@0 ไ@0 ทย@1 ย@2"},
        {"private", "\ue000田", "\ue000田@0 \ue000@0 田@1"},
        {"beyond the BMP", "𠀋野", "𠀋野@0 𠀋@0 野@1"},
        {"variants", "𠮷野", "吉野=𠮷野@0 吉=𠮷@0 野@1"},
        {"two variants", "髙𣘺", "高橋=髙𣘺@0 高=髙@0 橋=𣘺@1"},
        {"a variant in the middle", "大髙氏", "大高=大髙@0 大@0 高氏=髙氏@1 氏@2"},
        {"a variant with a selector", "邉󠄀", "辺=邉@0"},
        {"small ke", "霞ヶ関", "霞ケ=霞ヶ@0 霞@0 ケ関=ヶ関@1 関@2"},
        {"not UTF-8",
         "a\xff"
         "b",
         "a@0 b@1"},
        {"lone mark", " \u0301 a", "a@0"},
        {"soft hyphen", "docu\u00adment", "document@0"},
    };
    static struct rows r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        of_text(cases[i].text, &r);
        if (strcmp(shown(&r), cases[i].want) != 0)
            fail_msg("%s: %s, not %s", cases[i].name, shown(&r), cases[i].want);
    }
}

static void queries_are_cut_as_the_header_says(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"会", "会@0"},
        {"会議", "会議@0"},
        {"会議室", "会議@0 議室@1"},
        {"会議 B", "会議@0 議@1 b@2"},
        {"A 会", "a@0 会@1"},
        {"東京 都", "東京@0 京@1 都@2"},
        {"会議室、議事録", "会議@0 議室@1 室@2 議事@3 事録@4"},
        {"東京\n都", "東京@0 京都@1"},
        {"don't", "don@0 t@1"},
        {"…", ""},
    };
    static struct rows r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        of_query(cases[i].text, &r);
        assert_string_equal(shown(&r), cases[i].want);
    }
}

static bool has(const struct rows *doc, const char *text, uint32_t pos) {
    for (size_t i = 0; i < doc->n; i++)
        if (doc->at[i].pos == pos && !strcmp(doc->at[i].text, text))
            return true;
    return false;
}

static bool found(const struct rows *doc, const struct rows *query) {
    for (size_t i = 0; i < doc->n; i++) {
        size_t k = 0;
        const char *one = query->at[0].text, *is = doc->at[i].text;
        if (query->n == 1 &&
            (!strcmp(is, one) || (fk_terms_is_character(one, strlen(one)) &&
                                  fk_terms_begins_with(is, strlen(is), one, strlen(one)))))
            return true;
        while (k < query->n && has(doc, query->at[k].text, doc->at[i].pos + query->at[k].pos))
            k++;
        if (k == query->n)
            return true;
    }
    return false;
}

static const char *const pieces[] = {"会", "議",     "室", "ー", "ﾒ",  "ﾞ", "ル",
                                     "か", "\u3099", "a",  "B",  "7",  " ", "、",
                                     "－", "Ａ",     "　", "㈱", "々", "の"};
enum { PIECES = sizeof pieces / sizeof *pieces };

/* Any row of characters that begins and ends where words do is found in the text it is from. */
static void what_stands_in_a_text_is_found_in_it(void **state) {
    (void)state;
    static struct rows doc, query;
    srand(20261124);
    for (int round = 0; round < 3000; round++) {
        char text[400], *part[33];
        size_t n = 0;
        const int count = 2 + rand() % 30;
        for (int i = 0; i < count; i++) {
            part[i] = text + n;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", pieces[rand() % PIECES]);
        }
        part[count] = text + n;
        of_text(text, &doc);
        for (int tries = 0; tries < 10; tries++) {
            int from = rand() % count, to = from + 1 + rand() % (count - from);
            const bool inside_word = (from > 0 && strchr("aB7\xef\xe3", *part[from - 1]) &&
                                      strchr("aB7\xef\xe3", *part[from])) ||
                                     (to < count && strchr("aB7\xef\xe3", *part[to]));
            if (inside_word)
                continue; /* a cut within a word, or before a character that may join */
            char piece[400];
            snprintf(piece, sizeof piece, "%.*s", (int)(part[to] - part[from]), part[from]);
            of_query(piece, &query);
            if (query.n && !found(&doc, &query))
                fail_msg("\"%s\" not found in \"%s\"", piece, text);
        }
    }
}

static void a_word_broken_over_lines_is_found_and_so_are_its_halves(void **state) {
    (void)state;
    static struct rows doc, query;
    of_text("来週の量子暗号通\r\n信装置の会議\n東京 支社", &doc);
    static const char *const there[] = {"量子暗号通信装置", "通信",     "暗号通",
                                        "信装置の会議",     "会議東京", "会議 東京",
                                        "通 信装置",        "信",       "京 支"};
    static const char *const absent[] = {"東京支社", "通装", "量 子"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        of_query(there[i], &query);
        if (!found(&doc, &query))
            fail_msg("%s is not found", there[i]);
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        of_query(absent[i], &query);
        if (found(&doc, &query))
            fail_msg("%s is found", absent[i]);
    }
}

/* The fast way of folding gives what ICU gives for the whole text. */
static void folding_by_stretches_is_folding_the_whole(void **state) {
    (void)state;
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *whole = unorm2_getNFKCCasefoldInstance(&code);
    static const uint32_t ranges[][2] = {
        {0x20, 0x17f},      {0x300, 0x345},   {0x3041, 0x3130}, {0xff00, 0xffef}, {0x1100, 0x11ff},
        {0xac00, 0xac80},   {0x200b, 0x200f}, {0xf900, 0xfa2f}, {0x3200, 0x33ff}, {0x4e00, 0x4e20},
        {0x1d15e, 0x1d164}, {0x900, 0x97f},   {0xe00, 0xe7f},   {0xfe00, 0xfe0f}, {0x1f00, 0x1fff}};
    srand(7);
    for (int round = 0; round < 20000; round++) {
        UChar wide[64], folded[2000];
        int32_t n = 0, folded_len;
        for (int i = rand() % 20; i >= 0; i--) {
            const uint32_t *r = ranges[(size_t)rand() % (sizeof ranges / sizeof *ranges)];
            uint32_t cp = r[0] + (uint32_t)rand() % (r[1] - r[0] + 1);
            if (cp == 0x301c || cp == 0xff0d || cp == 0x3030)
                cp = 'x';
            U16_APPEND_UNSAFE(wide, n, cp);
        }
        char text[400], want[6000];
        int32_t text_len, want_len;
        code = U_ZERO_ERROR;
        u_strToUTF8(text, sizeof text, &text_len, wide, n, &code);
        folded_len = unorm2_normalize(whole, wide, n, folded, 2000, &code);
        u_strToUTF8(want, sizeof want, &want_len, folded, folded_len, &code);
        assert_true(U_SUCCESS(code));
        struct fk_buf got = FK_BUF_INIT;
        assert_int_equal(fk_terms_fold(text, (size_t)text_len, &got, &err), FK_OK);
        if (got.len != (size_t)want_len || (got.len && memcmp(got.data, want, got.len) != 0))
            fail_msg("%.*s became %s, not %.*s", (int)text_len, text, fk_buf_cstr(&got),
                     (int)want_len, want);
        fk_buf_free(&got);
    }
}

static void check_piece(void *ctx, const struct fk_token *t) {
    size_t *n = ctx;
    assert_true(t->len <= FK_WORD_MAX && t->pos == *n);
    assert_true(t->len == FK_WORD_MAX || *n == 7);
    ++*n;
}

static void a_long_word_is_cut_alike_on_both_sides(void **state) {
    (void)state;
    char text[1000];
    for (size_t i = 0; i < 1000; i++)
        text[i] = (char)('a' + i % 26);
    size_t n = 0, m = 0;
    uint32_t next;
    assert_int_equal(fk_terms_of_text(text, 1000, 0, check_piece, &n, &next, &err), FK_OK);
    assert_int_equal(fk_terms_of_query(text, 1000, check_piece, &m, &err), FK_OK);
    assert_int_equal(n, 8);
    assert_int_equal(m, 8);
}

static void addresses_are_one_term(void **state) {
    (void)state;
    static const char *const cases[][2] = {{" <A.Sato@EXAMPLE.jp> ", "a.sato@example.jp"},
                                           {"山田＠例え.jp", "山田@例え.jp"},
                                           {"", ""}};
    for (size_t i = 0; i < 3; i++) {
        struct fk_buf b = FK_BUF_INIT;
        assert_int_equal(fk_terms_of_address(cases[i][0], strlen(cases[i][0]), &b, &err), FK_OK);
        assert_string_equal(fk_buf_cstr(&b), cases[i][1]);
        fk_buf_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_as_the_header_says),
        cmocka_unit_test(queries_are_cut_as_the_header_says),
        cmocka_unit_test(what_stands_in_a_text_is_found_in_it),
        cmocka_unit_test(a_word_broken_over_lines_is_found_and_so_are_its_halves),
        cmocka_unit_test(folding_by_stretches_is_folding_the_whole),
        cmocka_unit_test(a_long_word_is_cut_alike_on_both_sides),
        cmocka_unit_test(addresses_are_one_term),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
