/* test_capture.c - what a milter is told becomes a message and its envelope, or nothing. */
#include "archiver/milter/capture.h"
#include "archiver/vault/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct fk_budget budget;

static struct fk_capture begun(uint64_t size_limit, uint64_t in_flight) {
    struct fk_capture c = FK_CAPTURE_INIT;
    budget = (struct fk_budget){.limit = in_flight};
    fk_capture_begin(&c, &budget, size_limit);
    return c;
}

/* The file's message, then the envelope's fields after the first line. */
static void expect_file(struct fk_capture *c, const char *message, size_t len, const char *fields) {
    char got[4096];
    ssize_t n = pread(c->file.fd, got, sizeof got - 1, 0);
    assert_int_equal(c->file.bytes, len);
    assert_true(n > (ssize_t)len);
    got[n] = 0;
    assert_memory_equal(got, message, len);
    const char *block = strchr(got + len, '\n');
    assert_non_null(block);
    assert_string_equal(block + 1, fields);
}

static void lines_of_a_field_end_as_on_the_wire(void **state) {
    struct fk_capture c = begun(1000, 10000);
    struct fk_buf first = FK_BUF_INIT;
    const char *from[] = {"<>", "SIZE=1", NULL}, *to[] = {"<\"a>b\"@c>", NULL},
               *bare[] = {"x@y", NULL};
    static const char want[] = "A: b\r\nC:\td\r\n e\r\n\tf\r\nG:\r\n\r\nbody\r\n";
    (void)state;
    fk_fields_add_str(&first, "via", "milter");
    fk_capture_path(&c, "mail-from", from);
    fk_capture_path(&c, "rcpt-to", to);
    fk_capture_path(&c, "rcpt-to", bare);
    fk_capture_field(&c, "auth", "");
    fk_capture_header(&c, "A", " b", true);
    fk_capture_header(&c, "C", "\td\n e\r\n\tf", true);
    fk_capture_header(&c, "G", "", true);
    fk_capture_header_end(&c);
    fk_capture_body(&c, "body\r", 5);
    fk_capture_body(&c, "\n", 1);
    assert_int_equal(fk_capture_finish(&c, &first), FK_OK);
    expect_file(&c, want, sizeof want - 1,
                "via: milter\nmail-from:  SIZE=1\nrcpt-to: \"a>b\"@c\nrcpt-to: x@y\n"
                "reconstructed: milter\n");
    assert_true(budget.used > sizeof want);
    fk_capture_drop(&c);
    assert_int_equal(budget.used, 0);
    fk_buf_free(&first);
}

static void odd_bytes_are_kept_and_flagged(void **state) {
    struct fk_capture c = begun(1000, 10000);
    const struct fk_buf first = FK_BUF_INIT;
    static const char want[] = "A: b\r\n\r\n\n\0x\r";
    (void)state;
    fk_capture_header(&c, "A", "b", false);
    fk_capture_header_end(&c);
    fk_capture_body(&c, "\n\0x\r", 4);
    assert_int_equal(fk_capture_finish(&c, &first), FK_OK);
    expect_file(&c, want, sizeof want - 1,
                "flags: bare-lf bare-cr nul\nreconstructed: milter header-space\n");
    fk_capture_drop(&c);
}

static void a_header_that_nobody_ends_comes_before_the_body(void **state) {
    struct fk_capture c = begun(1000, 10000);
    const struct fk_buf first = FK_BUF_INIT;
    static const char want[] = "A: b\r\nbody\r\n";
    (void)state;
    fk_capture_header(&c, "A", "b", false);
    fk_capture_body(&c, "body\r\n", 6);
    assert_int_equal(fk_capture_finish(&c, &first), FK_OK);
    expect_file(&c, want, sizeof want - 1, "reconstructed: milter header-space\n");
    fk_capture_drop(&c);
}

static void one_byte_over_the_limit_is_refused_and_gives_its_memory_back(void **state) {
    const struct fk_buf first = FK_BUF_INIT;
    (void)state;
    for (uint64_t limit = 9; limit <= 10; limit++) {
        struct fk_capture c = begun(limit, 10000);
        fk_capture_header(&c, "A", "b", true);
        fk_capture_header_end(&c);
        fk_capture_body(&c, "xyz", 3);
        if (limit == 9)
            assert_int_equal(budget.used, 0);
        fk_capture_body(&c, "", 0);
        assert_int_equal(fk_capture_finish(&c, &first), limit == 9 ? FK_INVALID : FK_OK);
        fk_capture_drop(&c);
        assert_int_equal(budget.used, 0);
    }
}

static void a_budget_is_never_overdrawn(void **state) {
    const struct fk_buf first = FK_BUF_INIT;
    const char *to[] = {"<recipient@example.jp>", NULL};
    (void)state;
    struct fk_capture c = begun(1000000, 500);
    for (int i = 0; i < 1000; i++) {
        fk_capture_path(&c, "rcpt-to", to);
        assert_true(budget.used <= budget.limit);
    }
    fk_capture_body(&c, "later", 5);
    assert_int_equal(fk_capture_finish(&c, &first), FK_FULL);
    assert_int_equal(budget.used, 0);
    fk_capture_drop(&c);
    assert_int_equal(budget.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_field_end_as_on_the_wire),
        cmocka_unit_test(odd_bytes_are_kept_and_flagged),
        cmocka_unit_test(a_header_that_nobody_ends_comes_before_the_body),
        cmocka_unit_test(one_byte_over_the_limit_is_refused_and_gives_its_memory_back),
        cmocka_unit_test(a_budget_is_never_overdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
