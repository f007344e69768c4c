/* Lines: entries, fields, lists of seqs, envelopes: what is written is read back, what is not of
 * the form is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/vault/entry.h"
#include "archiver/vault/envelope.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define GOOD "fumikura/1 seq=7 prev=" ZEROS " kind=mail time=2026-11-24T01:02:03.456Z"

static void a_written_entry_is_read_back(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    uint8_t prev[FK_SHA256_BYTES] = {0};
    struct fk_entry e;
    char value[64];
    uint64_t n;
    assert_int_equal(
        fk_entry_write(&b, 7, prev, "mail", 1795482123456, "source=mail size=64 x-1=~", NULL),
        FK_OK);
    assert_string_equal(fk_buf_cstr(&b), GOOD " source=mail size=64 x-1=~\n");
    assert_int_equal(fk_entry_read(b.data, b.len, &e, NULL), FK_OK);
    assert_int_equal(e.seq, 7);
    assert_int_equal(e.time_ms, 1795482123456);
    assert_true(fk_entry_is(&e, "mail"));
    assert_true(fk_entry_field(&e, "source", value, sizeof value));
    assert_string_equal(value, "mail");
    assert_true(fk_entry_number(&e, "size", &n));
    assert_int_equal(n, 64);
    assert_false(fk_entry_field(&e, "siz", value, sizeof value));
    assert_false(fk_entry_number(&e, "x-1", &n));
    assert_false(fk_entry_field(&e, "source", value, 4));
    fk_buf_free(&b);
}

static void a_line_not_of_the_form_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "fumikura/2 seq=7 prev=" ZEROS " kind=mail time=2026-11-24T01:02:03.456Z\n",
        GOOD,
        GOOD " \n",
        GOOD "  a=b\n",
        GOOD " a=b \n",
        GOOD " a=\n",
        GOOD " =b\n",
        GOOD " A=b\n",
        GOOD " a=b a=c\n",
        GOOD " seq=8\n",
        GOOD " a=b\tc=d\n",
        GOOD " a=\x80\n",
        GOOD "\r\n",
        "fumikura/1 seq=07 prev=" ZEROS " kind=mail time=2026-11-24T01:02:03.456Z\n",
        "fumikura/1 seq=18446744073709551616 prev=" ZEROS
        " kind=mail time=2026-11-24T01:02:03.456Z\n",
        "fumikura/1 prev=" ZEROS " seq=7 kind=mail time=2026-11-24T01:02:03.456Z\n",
        "fumikura/1 seq=7 prev=00 kind=mail time=2026-11-24T01:02:03.456Z\n",
        "fumikura/1 seq=7 prev=" ZEROS " kind=Mail time=2026-11-24T01:02:03.456Z\n",
        "fumikura/1 seq=7 prev=" ZEROS " kind=mail time=2026-11-24 01:02:03.456Z\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_entry e;
        struct fk_err err = FK_ERR_INIT;
        if (fk_entry_read(bad[i], strlen(bad[i]), &e, &err) != FK_CORRUPT)
            fail_msg("taken: %s", bad[i]);
        assert_true(err.text[0]);
    }
}

static void fields_not_of_the_form_are_not_written(void **state) {
    (void)state;
    uint8_t prev[FK_SHA256_BYTES] = {0};
    struct fk_buf b = FK_BUF_INIT;
    assert_int_equal(fk_entry_write(&b, 0, prev, "act", 0, "what", NULL), FK_INVALID);
    assert_int_equal(fk_entry_write(&b, 0, prev, "act", 0, "a=b\nc=d", NULL), FK_INVALID);
    assert_int_equal(fk_entry_write(&b, 0, prev, "no kind", 0, "", NULL), FK_INVALID);
    char *long_value = malloc(FK_LINE_MAX);
    memset(long_value, 'a', FK_LINE_MAX - 1);
    long_value[FK_LINE_MAX - 1] = 0;
    long_value[1] = '=';
    assert_int_equal(fk_entry_write(&b, 0, prev, "act", 0, long_value, NULL), FK_INVALID);
    assert_int_equal(b.len, 0);
    free(long_value);
    fk_buf_free(&b);
}

static void any_bytes_pass_through_a_field(void **state) {
    (void)state;
    uint8_t all[256];
    struct fk_buf b = FK_BUF_INIT, back = FK_BUF_INIT;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    fk_fields_add(&b, "first", "", 0);
    fk_fields_add(&b, "all", all, sizeof all);
    fk_fields_add_str(&b, "all", "again");
    assert_true(fk_fields_find(b.data, b.len, "all", &back));
    assert_int_equal(back.len, sizeof all);
    assert_memory_equal(back.data, all, sizeof all);
    struct fk_fields it = fk_fields_begin(b.data, b.len);
    struct fk_field f;
    int count = 0;
    while (fk_fields_next(&it, &f))
        count++;
    assert_int_equal(count, 3);
    assert_false(it.bad);
    fk_buf_free(&b);
    fk_buf_free(&back);
}

static void a_bad_field_line_stops_the_iteration(void **state) {
    (void)state;
    static const char *const bad[] = {"a: b",    "a:b\n",  ": b\n",    "A: b\n",
                                      "a: %4\n", "a: %\n", "a: %0a\n", "a: %41\n",
                                      "a: \r\n", "\n",     "a\n",      "a:\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_fields it = fk_fields_begin(bad[i], strlen(bad[i]));
        struct fk_field f;
        if (fk_fields_next(&it, &f) || !it.bad)
            fail_msg("taken: %s", bad[i]);
    }
}

static void a_list_of_seqs_has_one_writing(void **state) {
    (void)state;
    struct fk_seqs s = {0}, back = {0};
    struct fk_buf b = FK_BUF_INIT;
    static const uint64_t in[] = {9, 5, 7, 6, 5, UINT64_MAX, 0, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        fk_seqs_add(&s, in[i]);
    fk_seqs_sort(&s);
    fk_seqs_format(&s, &b);
    assert_string_equal(fk_buf_cstr(&b), "0,5-7,9,18446744073709551614-18446744073709551615");
    assert_true(fk_seqs_parse((char *)b.data, b.len, 7, &back));
    assert_int_equal(back.count, s.count);
    assert_memory_equal(back.at, s.at, s.count * sizeof *s.at);
    assert_false(fk_seqs_parse((char *)b.data, b.len, 6, &back));
    assert_true(fk_seqs_has(&s, 7));
    assert_false(fk_seqs_has(&s, 8));
    static const char *const bad[] = {"",
                                      ",",
                                      "1,",
                                      "1,1",
                                      "2,1",
                                      "3-3",
                                      "3-2",
                                      "01",
                                      "1-2-3",
                                      "1 2",
                                      "1,2-",
                                      "-1",
                                      "5-7,7",
                                      "18446744073709551616",
                                      "0-18446744073709551615"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fk_seqs_parse(bad[i], strlen(bad[i]), 100, &back))
            fail_msg("taken: %s", bad[i]);
    fk_seqs_free(&s);
    fk_seqs_free(&back);
    fk_buf_free(&b);
}

static void an_envelope_says_where_the_message_begins(void **state) {
    (void)state;
    struct fk_buf fields = FK_BUF_INIT, block = FK_BUF_INIT;
    struct fk_envelope e;
    fk_fields_add_str(&fields, "via", "smtp");
    fk_envelope_finish(&block, &fields, 5);
    fk_buf_add(&block, "he\0lo", 5);
    assert_int_equal(fk_envelope_split(block.data, block.len, &e, NULL), FK_OK);
    assert_int_equal(e.message_len, 5);
    assert_memory_equal(e.message, "he\0lo", 5);
    assert_int_equal(e.fields_len, fields.len);
    assert_memory_equal(e.fields, fields.data, fields.len);
    for (size_t len = 0; len < block.len; len++)
        assert_int_equal(fk_envelope_split(block.data, len, &e, NULL), FK_CORRUPT);
    block.data[29] = '9';
    assert_int_equal(fk_envelope_split(block.data, block.len, &e, NULL), FK_CORRUPT);
    fk_buf_free(&fields);
    fk_buf_free(&block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_entry_is_read_back),
        cmocka_unit_test(a_line_not_of_the_form_is_refused),
        cmocka_unit_test(fields_not_of_the_form_are_not_written),
        cmocka_unit_test(any_bytes_pass_through_a_field),
        cmocka_unit_test(a_bad_field_line_stops_the_iteration),
        cmocka_unit_test(a_list_of_seqs_has_one_writing),
        cmocka_unit_test(an_envelope_says_where_the_message_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
