/* test_words.c - statuses and sentences, digests, times. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void a_sentence_is_written_and_prefixed(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_fail(&err, FK_INVALID, "line %d", 3), FK_INVALID);
    assert_string_equal(err.text, "line 3");
    assert_int_equal(fk_err_prefix(&err, "file %s", "x"), FK_INVALID);
    assert_string_equal(err.text, "file x: line 3");
    assert_int_equal(fk_fail(NULL, FK_FULL, "nobody listens"), FK_FULL);
}

static void what_is_quoted_ends_no_line(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_fail(&err, FK_INVALID, "no %s", "a\nb\r\x1b[2Jc\x7f\td 会"), FK_INVALID);
    assert_string_equal(err.text, "no a?b??[2Jc??d 会");
    assert_int_equal(fk_err_prefix(&err, "x\ny"), FK_INVALID);
    assert_string_equal(err.text, "x?y: no a?b??[2Jc??d 会");
    assert_int_equal(fk_fail_sys(&err, ENOSPC, "a\nb"), FK_FULL);
    assert_null(strchr(err.text, '\n'));
}

static void a_long_sentence_is_cut_not_overrun(void **state) {
    (void)state;
    struct {
        struct fk_err err;
        char guard[8];
    } s = {FK_ERR_INIT, "guarded"};
    fk_fail(&s.err, FK_INVALID, "%0600d", 1);
    assert_int_equal(strlen(s.err.text), sizeof s.err.text - 1);
    fk_fail_sys(&s.err, EIO, "%0498d", 1);
    assert_int_equal(strlen(s.err.text), sizeof s.err.text - 1);
    fk_err_prefix(&s.err, "%0600d", 1);
    assert_string_equal(s.guard, "guarded");
}

static void an_errno_becomes_what_the_caller_does_next(void **state) {
    (void)state;
    static const struct {
        int number;
        enum fk_status status;
    } cases[] = {{ENOSPC, FK_FULL},  {EDQUOT, FK_FULL}, {ENOMEM, FK_NOMEM},
                 {EAGAIN, FK_RETRY}, {EIO, FK_IO},      {EACCES, FK_IO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(fk_fail_sys(&err, cases[i].number, "x"), cases[i].status);
        assert_int_equal(err.sys, cases[i].number);
        assert_int_equal(err.status, cases[i].status);
    }
}

static void exit_statuses_are_those_of_the_design(void **state) {
    (void)state;
    assert_int_equal(fk_status_exit(FK_OK), 0);
    assert_int_equal(fk_status_exit(FK_CORRUPT), 1);
    assert_int_equal(fk_status_exit(FK_NOT_FOUND), 1);
    assert_int_equal(fk_status_exit(FK_INVALID), 2);
    assert_int_equal(fk_status_exit(FK_RETRY), 75);
    assert_int_equal(fk_status_exit(FK_FULL), 75);
    for (int i = FK_OK; i <= FK_NOMEM; i++)
        assert_string_not_equal(fk_status_name((enum fk_status)i), "unknown");
    assert_string_equal(fk_status_name((enum fk_status)99), "unknown");
}

/* FIPS 180-4's example messages. */
static void digests_are_those_of_the_standard(void **state) {
    (void)state;
    uint8_t out[FK_SHA512_BYTES];
    char hex[2 * FK_SHA512_BYTES + 1];
    struct fk_digest *d = NULL;
    fk_sha256("abc", 3, out);
    fk_hex(hex, out, FK_SHA256_BYTES);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(fk_digest_new(FK_SHA512, &d, NULL), FK_OK);
    for (int round = 0; round < 2; round++) {
        fk_digest_add(d, "a", 1);
        fk_digest_add(d, "", 0);
        fk_digest_add(d, "bc", 2);
        fk_digest_end(d, out);
        fk_hex(hex, out, FK_SHA512_BYTES);
        assert_string_equal(hex,
                            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
        fk_digest_reset(d);
    }
    fk_digest_free(&d);
}

static void hex_that_is_none_is_refused(void **state) {
    (void)state;
    uint8_t out[2] = {9, 9};
    assert_true(fk_unhex(out, "00ff", 2));
    assert_memory_equal(out, "\x00\xff", 2);
    assert_false(fk_unhex(out, "00F0", 2)); /* lower case alone: one writing for each value */
    assert_false(fk_unhex(out, "0", 1));
    assert_false(fk_unhex(out, "", 1));
    assert_false(fk_unhex(out, "0g", 1));
}

static void times_go_there_and_back(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {951782399999, "2000-02-28T23:59:59.999Z"},
                 {951782400000, "2000-02-29T00:00:00.000Z"},
                 {1795482123456, "2026-11-24T01:02:03.456Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {-62135596800000, "0001-01-01T00:00:00.000Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FK_TIME_SIZE];
        int64_t ms;
        fk_time_format(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
        assert_true(fk_time_parse(text, &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void times_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-11-24",
                                      "2026-11-24T01:02:03.456",
                                      "2026-11-24T01:02:03.456Zx",
                                      "2026-02-30T01:02:03.456Z",
                                      "2026-13-01T01:02:03.456Z",
                                      "2026-11-24T24:02:03.456Z",
                                      "2026-11-24T01:60:03.456Z",
                                      "2026-11-24t01:02:03.456Z",
                                      " 026-11-24T01:02:03.456Z",
                                      "2026-11-24T01:02:03,456Z"};
    int64_t ms = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fk_time_parse(bad[i], &ms))
            fail_msg("\"%s\" was taken for a time", bad[i]);
    assert_true(ms == 7);
}

static void local_time_is_that_of_the_zone(void **state) {
    (void)state;
    char text[FK_TIME_SIZE];
    fk_time_local(text, 1795482123456, 540);
    assert_string_equal(text, "2026-11-24 10:02:03");
    fk_time_local(text, 1795482123456, -90);
    assert_string_equal(text, "2026-11-23 23:32:03");
}

static void a_test_can_set_the_clock(void **state) {
    (void)state;
    setenv("FUMIKURA_TEST_CLOCK", "1795482123456", 1);
    assert_true(fk_now_ms() == 1795482123456);
    unsetenv("FUMIKURA_TEST_CLOCK");
    int64_t now = fk_now_ms();
    setenv("FUMIKURA_TEST_CLOCK", "+86400000", 1);
    int64_t later = fk_now_ms();
    unsetenv("FUMIKURA_TEST_CLOCK");
    assert_true(later - now >= 86400000 && later - now < 86400000 + 60000);
    int64_t steady = fk_monotonic_ms();
    assert_true(fk_monotonic_ms() >= steady && fk_boottime_ms() > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_is_written_and_prefixed),
        cmocka_unit_test(what_is_quoted_ends_no_line),
        cmocka_unit_test(a_long_sentence_is_cut_not_overrun),
        cmocka_unit_test(an_errno_becomes_what_the_caller_does_next),
        cmocka_unit_test(exit_statuses_are_those_of_the_design),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(hex_that_is_none_is_refused),
        cmocka_unit_test(times_go_there_and_back),
        cmocka_unit_test(times_that_are_none_are_refused),
        cmocka_unit_test(local_time_is_that_of_the_zone),
        cmocka_unit_test(a_test_can_set_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
