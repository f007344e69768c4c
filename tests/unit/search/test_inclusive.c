/*
 * test_inclusive.c - which message of a conversation holds all others.
 */
#include "search/inclusive.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the first three */
#include <cmocka.h>

struct one {
    const char *text, *names, *digests;
    bool unknown, partial;
};

static void judged(const struct one *in, size_t n, const char *wanted) {
    struct fk_inclusive_message m[8] = {{.value = FK_INCLUSIVE}};
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf got = FK_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        fk_buf_str(&m[i].names, in[i].names ? in[i].names : "");
        fk_buf_str(&m[i].files, in[i].digests ? in[i].digests : "");
        m[i].has_unknown_file = in[i].unknown;
        m[i].is_partial = in[i].partial;
        assert_int_equal(fk_inclusive_take(&m[i], in[i].text, strlen(in[i].text), &err), FK_OK);
    }
    assert_int_equal(fk_inclusive_judge(m, n, &err), FK_OK);
    for (size_t i = 0; i < n; i++) {
        fk_buf_printf(&got, "%s%s", i ? " " : "", fk_inclusive_name(m[i].value));
        fk_inclusive_free(&m[i]);
    }
    assert_string_equal(fk_buf_cstr(&got), wanted);
    fk_buf_free(&got);
}
#define JUDGED(wanted, ...)                                                                        \
    do {                                                                                           \
        const struct one in[] = {__VA_ARGS__};                                                     \
        judged(in, sizeof in / sizeof *in, wanted);                                                \
    } while (0)

static void what_is_quoted_is_in_the_answer(void **state) {
    (void)state;
    JUDGED("none inclusive", {.text = "From: a\n\nPlease send the price.\nThanks\n"},
           {.text = "From: b\n\nHere it is.\n\nOn Mon, 1 Jun 2026 a@x wrote:\n> Please send the "
                    "price.\n> Thanks\n"});
    JUDGED("none none inclusive", {.text = "\none line\n"}, {.text = "\ntwo\n> one line\n"},
           {.text = "\nthree\n> two\n>> one line\n"});
    /* wrapped anew, another width, Japanese */
    JUDGED("none inclusive", {.text = "\n明日の会議は十時からです。資料をお持ちください。\n"},
           {.text = "\n承知しました。\n\n田中さんは書きました：\n＞ 明日の会議は十時からです。\n> "
                    "資料をお持ちく\n"
                    "> ださい。\n"});
    JUDGED("none inclusive", {.text = "\nhello there\n"},
           {.text = "\nyes\n-----Original Message-----\nFrom: a\nSent: Monday\nTo: b\nSubject: "
                    "c\n\nhello there\n"});
}

static void what_is_left_out_or_changed_is_not(void **state) {
    (void)state;
    JUDGED("inclusive inclusive", {.text = "\nthe price is 100\nand 7 % off\n"},
           {.text = "\nok\n> the price is 100\n"});
    JUDGED("inclusive inclusive", {.text = "\nthe price is 100\n"},
           {.text = "\nok\n> the price is 200\n"});
    /* the lines are there, in another order */
    JUDGED("inclusive inclusive", {.text = "\npay A\nnot B\n"},
           {.text = "\nok\n> not B\n> pay A\n"});
    /* two answers to one message */
    JUDGED("none inclusive inclusive", {.text = "\nquestion\n"}, {.text = "\nyes\n> question\n"},
           {.text = "\nno\n> question\n"});
}

static void attachments_count_by_their_bytes(void **state) {
    (void)state;
    JUDGED("inclusive-minus inclusive", {.text = "\nsee file\n", .digests = "d1\n"},
           {.text = "\nthanks\n> see file\n"});
    JUDGED("none inclusive",
           {.text = "\nsee file\n\n[a.pdf]\n", .names = "a.pdf\n", .digests = "d1\n"},
           {.text = "\nthanks\n> see file\n\n[a.pdf]\n[b.pdf]\n",
            .names = "a.pdf\nb.pdf\n",
            .digests = "d0\nd1\n"});
    /* the same name, other bytes; no digest at all */
    JUDGED("inclusive-minus inclusive",
           {.text = "\nsee file\n\n[a.pdf]\n", .names = "a.pdf\n", .digests = "d1\n"},
           {.text = "\nthanks\n> see file\n\n[a.pdf]\n", .names = "a.pdf\n", .digests = "d2\n"});
    JUDGED("inclusive-minus inclusive",
           {.text = "\nsee file\n\n[a.pdf]\n", .names = "a.pdf\n", .unknown = true},
           {.text = "\nthanks\n> see file\n\n[a.pdf]\n", .names = "a.pdf\n", .unknown = true});
}

static void equal_ones_are_copies_of_the_first(void **state) {
    (void)state;
    JUDGED("inclusive copy copy", {.text = "\nsame text\n"}, {.text = "\nsame   text\n"},
           {.text = "\nsame\ntext\n"});
    JUDGED("none none inclusive", {.text = "\nsame text\n"}, {.text = "\nsame text\n"},
           {.text = "\nmore\n> same text\n"});
    JUDGED("none inclusive", {.text = "\nsame text\n"},
           {.text = "\nsame text\n", .digests = "d\n"});
}

static void what_was_read_in_part_is_in_no_other(void **state) {
    (void)state;
    JUDGED("inclusive inclusive", {.text = "\nhello\n\n(partial: size)\n", .partial = true},
           {.text = "\nyes\n> hello\n"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_quoted_is_in_the_answer),
        cmocka_unit_test(what_is_left_out_or_changed_is_not),
        cmocka_unit_test(attachments_count_by_their_bytes),
        cmocka_unit_test(equal_ones_are_copies_of_the_first),
        cmocka_unit_test(what_was_read_in_part_is_in_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
