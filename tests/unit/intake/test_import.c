/* What importing decides without a vault: where an mbox is cut, and what date a message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/intake/mail_date.h"
#include "archiver/intake/mbox.h"
#include "base/buf.h"
#include "base/clock.h"

#define F "From a@b Sat Jan  3 01:05:34 1996"

/* ---- mbox */

static void cut_begin(void *ctx, const char *from_line, size_t len) {
    fk_buf_byte(ctx, '[');
    fk_buf_add(ctx, from_line, len);
    fk_buf_byte(ctx, '|');
}

static void cut_data(void *ctx, const void *data, size_t len) {
    fk_buf_add(ctx, data, len);
}

static void cut_end(void *ctx) {
    fk_buf_byte(ctx, ']');
}

static const struct fk_mbox_sink cut_sink = {cut_begin, cut_data, cut_end};

/* piece: the longest that is given at once; a line that is longer comes in several. */
static void cut(const char *text, size_t len, size_t piece, struct fk_buf *out) {
    struct fk_mbox m = {.sink = &cut_sink, .ctx = out};
    for (size_t at = 0, n; at < len; at += n) {
        const char *lf = memchr(text + at, '\n', len - at);
        n = lf ? (size_t)(lf - text) + 1 - at : len - at;
        n = n < piece ? n : piece;
        fk_mbox_take(&m, text + at, n);
    }
    fk_mbox_end(&m);
}

static void an_mbox_is_cut_at_from_lines_after_blank_lines(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *cut;
    } cases[] = {
        {"one", F "\nA: b\n\nc\n", "[" F "|A: b\n\nc\n]"},
        {"the blank line before the end is no part", F "\nA: b\n\nc\n\n", "[" F "|A: b\n\nc\n]"},
        {"one blank line only", F "\nA: b\n\nc\n\n\n", "[" F "|A: b\n\nc\n\n]"},
        {"two", F "\na\n\n" F " x\nb\n\n", "[" F "|a\n][" F " x|b\n]"},
        {"CR LF", F "\r\na\r\n\r\n" F "\r\nb\r\n\r\n", "[" F "|a\r\n][" F "|b\r\n]"},
        {"nothing is unquoted", F "\na\n\n>" F "\n>>From b\n", "[" F "|a\n\n>" F "\n>>From b\n]"},
        {"no blank line, no cut", F "\na\n" F "\nb\n", "[" F "|a\n" F "\nb\n]"},
        {"a sentence is no From_ line", F "\na\n\nFrom here on at 10:30\n",
         "[" F "|a\n\nFrom here on at 10:30\n]"},
        {"an empty message", F "\n\n" F "\nb\n", "[" F "|][" F "|b\n]"},
        {"nothing behind the From_ line", F "\n", "[" F "|]"},
        {"a From_ line without its end", F "\na\n\n" F, "[" F "|a\n][" F "|]"},
        {"a last line without its end", F "\na\n\nb", "[" F "|a\n\nb]"},
        {"blank lines inside", F "\na\n\n\n\nb\n", "[" F "|a\n\n\n\nb\n]"},
        {"mixed blank lines", F "\na\n\r\n\n" F "\n", "[" F "|a\n\r\n][" F "|]"},
        {"a NUL", F "\na\n", "[" F "|a\n]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf out = FK_BUF_INIT;
        cut(cases[i].text, strlen(cases[i].text), SIZE_MAX, &out);
        if (strcmp(fk_buf_cstr(&out), cases[i].cut) != 0)
            fail_msg("%s: got \"%s\"", cases[i].name, fk_buf_cstr(&out));
        fk_buf_free(&out);
    }
}

static void a_line_in_pieces_is_text_and_nothing_of_it_is_lost(void **state) {
    (void)state;
    static const char text[] = F "\nxxxxFrom a@b Sat Jan  3 01:05:34 "
                                 "1996\n\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n";
    for (size_t piece = sizeof F; piece < 60; piece++) {
        struct fk_buf out = FK_BUF_INIT;
        cut(text, sizeof text - 1, piece, &out);
        assert_string_equal(fk_buf_cstr(&out) + strlen("[" F "|"),
                            "xxxxFrom a@b Sat Jan  3 01:05:34 "
                            "1996\n\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n]");
        fk_buf_free(&out);
    }
    struct fk_buf out = FK_BUF_INIT; /* a piece that begins inside a line is not a line */
    struct fk_mbox m = {.sink = &cut_sink, .ctx = &out};
    fk_mbox_take(&m, F "\n", sizeof F);
    fk_mbox_take(&m, "\n", 1);
    fk_mbox_take(&m, "long ", 5);
    fk_mbox_take(&m, F "\n", sizeof F);
    fk_mbox_take(&m, "long ", 5);
    fk_mbox_take(&m, "\n", 1);
    fk_mbox_take(&m, F "\n", sizeof F);
    fk_mbox_end(&m);
    assert_string_equal(fk_buf_cstr(&out), "[" F "|\nlong " F "\nlong \n" F "\n]");
    fk_buf_free(&out);
}

/* What stands before the first From_ line is a message, and lines that quoting touches are counted.
 */
static void nothing_before_the_first_from_line_is_lost(void **state) {
    (void)state;
    struct fk_buf out = FK_BUF_INIT;
    static const char text[] = "From nobody\nA: b\n\n" F "\nC: d\n";
    cut(text, sizeof text - 1, sizeof text, &out);
    assert_string_equal(fk_buf_cstr(&out), "[|From nobody\nA: b\n][" F "|C: d\n]");
    fk_buf_free(&out);
}

static void lines_that_quoting_touches_are_counted(void **state) {
    (void)state;
    struct fk_buf out = FK_BUF_INIT;
    struct fk_mbox m = {.sink = &cut_sink, .ctx = &out};
    static const char *const lines[] = {F "\n",       "A: b\n",      "\n",          ">From a\n",
                                        ">>From b\n", ">>>From c\n", "From d\n",    " >From e\n",
                                        ">Fromage\n", ">From",       " rest of f\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fk_mbox_take(&m, lines[i], strlen(lines[i]));
    assert_int_equal(m.quoted,
                     1); /* a line in pieces counts by its first, which is too short here */
    assert_int_equal(m.requoted, 2);
    assert_int_equal(m.doubtful, 1);
    fk_mbox_end(&m);
    fk_buf_free(&out);
}

static void from_lines_of_many_programs_are_known(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool is;
    } cases[] = {
        {F, true},
        {"From - Tue Apr 02 17:38:29 2013", true},
        {"From MAILER-DAEMON Thu Jan  1 00:00:00 1970 +0900\r\n", true},
        {"From a@b Thu, 1 Jan 2004 9:05:00 +0000", true},
        {"From \"a b\"@c Sat Jan  3 01:05:34 1996 remote from x", true},
        {"From a@b", false},
        {"From  a@b Sat Jan  3 01:05:34 1996", false},
        {"From: a@b Sat Jan  3 01:05:34 1996", false},
        {"from a@b Sat Jan  3 01:05:34 1996", false},
        {">From a@b Sat Jan  3 01:05:34 1996", false},
        {"From 1996 01:05", false},
        {"From ", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fk_mbox_is_from_line(cases[i].line, strlen(cases[i].line)) != cases[i].is)
            fail_msg("\"%s\"", cases[i].line);
}

/* ---- dates */

static void date_check(const char *from_line, const char *header, const char *expect) {
    int64_t ms;
    char got[FK_TIME_SIZE] = "none";
    if (fk_mail_date_derive(from_line, from_line ? strlen(from_line) : 0, header, strlen(header),
                            &ms))
        fk_time_format(got, ms);
    if (strcmp(got, expect) != 0)
        fail_msg("%s / %s: %s, not %s", from_line ? from_line : "-", header, got, expect);
}

static void dates_are_read_as_people_wrote_them(void **state) {
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        {"Tue, 24 Nov 2026 10:02:03 +0900", "2026-11-24T01:02:03.000Z"},
        {"24 Nov 2026 10:02 +0900", "2026-11-24T01:02:00.000Z"},
        {"Tue, 24 Nov 2026 10:02:03 +0900 (JST)", "2026-11-24T01:02:03.000Z"},
        {"Tue,24\tNov  2026\r\n 10:02:03 -0330", "2026-11-24T13:32:03.000Z"},
        {"Tue, 24 November 26 10:02:03 JST", "2026-11-24T01:02:03.000Z"},
        {"24 Nov 99 00:00:00 GMT", "1999-11-24T00:00:00.000Z"},
        {"24 Nov 104 00:00:00 GMT", "2004-11-24T00:00:00.000Z"},
        {"Sat Jan  3 01:05:34 1996", "1996-01-03T01:05:34.000Z"},
        {"Sat Jan 03 01:05:34 EST 1996", "1996-01-03T06:05:34.000Z"},
        {"1 Jan 2027 00:30:00 +0900", "2026-12-31T15:30:00.000Z"},
        {"29 Feb 2024 23:59:60 UT", "2024-02-29T23:59:59.000Z"},
        {"(1 Jan 1999 (x) 00:00) 24 Nov 2026 10:02:03 Z", "2026-11-24T10:02:03.000Z"},
        {"31 Feb 2026 10:02:03", "none"},
        {"24 Nov 2026", "none"},
        {"24 Nov 1969 10:02:03", "none"},
        {"31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59.000Z"},
        {"31 Dec 9999 23:59:59 -1200", "none"}, /* of the year 10000 */
        {"1 Jan 1970 00:00:00 +0900", "none"},
        {"24 2026 10:02:03", "none"},
        {"24 Nov 2026 25:02:03", "none"},
        {"24 Nov 2026 10:61", "none"},
        {"99999999999999999999 Nov 2026 10:02:03", "none"},
        {"(((((((", "none"},
        {"", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms;
        char got[FK_TIME_SIZE] = "none";
        if (fk_mail_date_read(cases[i].text, strlen(cases[i].text), &ms))
            fk_time_format(got, ms);
        if (strcmp(got, cases[i].expect) != 0)
            fail_msg("%s: %s, not %s", cases[i].text, got, cases[i].expect);
    }
}

static void from_line_then_top_received_then_date(void **state) {
    (void)state;
    static const char received[] =
        "Received: from a (b; 1 Jan 2001 00:00:00 +0000)\r\n by c;\r\n  Tue, 24 Nov 2026 10:02:03 "
        "+0900\r\n"
        "Received: by d; 1 Jan 2002 00:00:00 +0000\r\nDate: 1 Jan 2003 00:00:00 +0000\r\n\r\n";
    date_check(F, received, "1996-01-03T01:05:34.000Z");
    date_check(NULL, received, "2026-11-24T01:02:03.000Z");
    date_check("From a@b nonsense", received, "2026-11-24T01:02:03.000Z");
    date_check(NULL, "DATE : 1 Jan 2003 00:00:00 +0000\nX: y\n", "2003-01-01T00:00:00.000Z");
    date_check(NULL,
               "Received: by x\nReceived: by d; 1 Jan 2002 00:00:00\nDate: 1 Jan 2003 00:00:00\n",
               "2003-01-01T00:00:00.000Z");
    date_check(NULL, "X: y\n\nDate: 1 Jan 2003 00:00:00 +0000\n", "none");
    date_check(NULL, "Dated: 1 Jan 2003 00:00:00 +0000\n", "none");
    date_check(NULL, "", "none");
    date_check("From ", "", "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_mbox_is_cut_at_from_lines_after_blank_lines),
        cmocka_unit_test(a_line_in_pieces_is_text_and_nothing_of_it_is_lost),
        cmocka_unit_test(nothing_before_the_first_from_line_is_lost),
        cmocka_unit_test(lines_that_quoting_touches_are_counted),
        cmocka_unit_test(from_lines_of_many_programs_are_known),
        cmocka_unit_test(dates_are_read_as_people_wrote_them),
        cmocka_unit_test(from_line_then_top_received_then_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
