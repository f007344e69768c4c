/* Where a text stands in another as it was written, whatever folding does to both. */
#include "indexer/text/excerpt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct fk_err err;

static void found(const char *text, const char *asked, bool prefix, const char *want) {
    struct fk_excerpts *e;
    size_t from, len;
    assert_int_equal(fk_excerpts_new(&e, &err), FK_OK);
    assert_int_equal(fk_excerpts_add(e, asked, strlen(asked), prefix, 1, &err), FK_OK);
    const bool is = fk_excerpts_find(e, 1, text, strlen(text), &from, &len);
    if (is != (want != NULL))
        fail_msg("\"%s\" in \"%.200s\": %d", asked, text, is);
    if (is && (len != strlen(want) || memcmp(text + from, want, len) != 0))
        fail_msg("\"%s\": \"%.*s\", not \"%s\"", asked, (int)len, text + from, want);
    assert_false(fk_excerpts_find(e, 2, text, strlen(text), &from, &len));
    fk_excerpts_free(&e);
}

static void a_match_is_where_it_was_written(void **state) {
    (void)state;
    found("The red apple, and Red Apples", "red apple", false, "red apple");
    found("The red Apples", "apple", false, NULL);
    found("The pineapple: apple", "apple", false, "apple");
    found("The red Apples", "appl", true, "Apples");
    found("明日の会議室は三階です", "会議室", false, "会議室");
    found("明日の会議室は三階です", "議", false, "議");
    found("明日の会\n  議室は三階", "会議室", false, "会\n  議室");
    found("> 明日の会\n> 議室は", "会議", false, "会\n> 議");
    found("ﾐｰﾃｨﾝｸﾞ中", "ミーティング", false, "ﾐｰﾃｨﾝｸﾞ");
    found("ＡＢＣ商事の契約", "abc商事", false, "ＡＢＣ商事");
    found("髙橋様", "高橋", false, "髙橋");
    found("高橋様", "髙橋", false, "高橋");
    found("PO-2024-0017 です", "po 2024", false, "PO-2024");
    found("か\u3099き", "が", false, "か\u3099");
    found("a b", "、", false, NULL);
    found("", "a", false, NULL);
}

static void what_is_far_behind_is_found_and_work_is_bounded(void **state) {
    (void)state;
    struct fk_buf text = FK_BUF_INIT;
    while (text.len < FK_EXCERPT_BYTES / 2)
        fk_buf_str(&text, text.len % 7 ? "また会いましょう" : "some words ");
    const size_t middle = text.len;
    for (size_t shift = 0; shift < 900; shift += 7) { /* across every border of a window */
        text.len = middle;
        for (size_t i = 0; i < shift; i++)
            fk_buf_byte(&text, 'x');
        fk_buf_str(&text, " needle in hay, 針の山");
        found(fk_buf_cstr(&text), "needle in hay", false, "needle in hay");
        found(fk_buf_cstr(&text), "針の山", false, "針の山");
    }
    while (text.len < 2 * FK_EXCERPT_BYTES)
        fk_buf_byte(&text, ' ');
    fk_buf_str(&text, "late");
    found(fk_buf_cstr(&text), "late", false, NULL);
    fk_buf_free(&text);
}

static void cut_is(const char *text, size_t from, size_t len, const char *want, const char *match) {
    struct fk_excerpt e = FK_EXCERPT_INIT;
    fk_excerpt_cut(text, strlen(text), from, len, &e);
    assert_string_equal(fk_buf_cstr(&e.text), want);
    assert_int_equal(e.hit_len, strlen(match));
    assert_memory_equal(e.text.data + e.hit_at, match, e.hit_len);
    fk_buf_free(&e.text);
}

static void times(struct fk_buf *b, const char *character, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        fk_buf_str(b, character);
}

static void an_excerpt_is_one_line_around_the_match(void **state) {
    (void)state;
    cut_is("a\r\n\r\n\tneedle\fb \x1b[0m", 6, 6, "a needle b [0m", "needle");
    cut_is("needle", 0, 6, "needle", "needle");
    cut_is("", 0, 0, "", "");
    struct fk_buf text = FK_BUF_INIT, want = FK_BUF_INIT;
    times(&text, "あ", 100);
    times(&text, "針", 1);
    times(&text, "い", 100);
    times(&want, "…", 1);
    times(&want, "あ", FK_EXCERPT_BEFORE);
    times(&want, "針", 1);
    times(&want, "い", FK_EXCERPT_CHARACTERS - FK_EXCERPT_BEFORE - 1);
    times(&want, "…", 1);
    cut_is(fk_buf_cstr(&text), 300, 3, fk_buf_cstr(&want), "針");
    fk_buf_free(&text);
    fk_buf_free(&want);
}

static void any_bytes_are_a_text(void **state) {
    (void)state;
    struct fk_excerpts *e;
    assert_int_equal(fk_excerpts_new(&e, &err), FK_OK);
    assert_int_equal(fk_excerpts_add(e, "会議", 6, false, 1, &err), FK_OK);
    assert_int_equal(fk_excerpts_add(e, "a", 1, true, 1, &err), FK_OK);
    struct fk_excerpt x = FK_EXCERPT_INIT;
    srand(5);
    for (int round = 0; round < 3000; round++) {
        char text[1500];
        const size_t n = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(rand() % 3 ? rand() : "会議 \n"[rand() % 8]);
        size_t from = 0, len = 0;
        if (fk_excerpts_find(e, 1, text, n, &from, &len))
            assert_true(from <= n && len <= n - from);
        fk_excerpt_cut(text, n, from, len, &x);
        assert_true(x.hit_at + x.hit_len <= x.text.len);
    }
    fk_buf_free(&x.text);
    fk_excerpts_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_where_it_was_written),
        cmocka_unit_test(what_is_far_behind_is_found_and_work_is_bounded),
        cmocka_unit_test(an_excerpt_is_one_line_around_the_match),
        cmocka_unit_test(any_bytes_are_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
