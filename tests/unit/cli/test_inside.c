/* test_inside.c - the bytes of a message that stands in another. */
#include "base/frame.h"
#include "base/io.h"
#include "cli/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* After what it needs. */
#include <cmocka.h>

enum { AT = 4 };
#define MESSAGE "0123 aGVsbG8= he=6Clo end"
static int fd = -1;

static int set_up(void **state) {
    struct fk_err err = FK_ERR_INIT;
    (void)state;
    return fk_memfile_new("message", &fd, &err) == FK_OK &&
                   fk_write_full(fd, "salt" MESSAGE, AT + sizeof MESSAGE - 1, "a file", &err) ==
                       FK_OK &&
                   fk_memfile_seal(fd, &err) == FK_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    fk_close(&fd);
    return 0;
}

static enum fk_status cut(uint64_t offset, uint64_t len, const char *coding, struct cli_cut *out) {
    struct fk_judged judged = {.offset = offset, .len = len};
    snprintf(judged.coding, sizeof judged.coding, "%s", coding);
    return cli_inside_cut(fd, AT, sizeof MESSAGE - 1, &judged, out, NULL);
}

static void a_cut_is_the_bytes_that_are_named(void **state) {
    (void)state;
    static const struct {
        uint64_t offset, len;
        const char *coding, *expected;
    } cases[] = {{0, 4, "identity", "0123"},
                 {5, 8, "base64", "hello"},
                 {14, 7, "quoted-printable", "hello"},
                 {sizeof MESSAGE - 4, 3, "identity", "end"},
                 {sizeof MESSAGE - 1, 0, "identity", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cli_cut got;
        const uint8_t *file;
        size_t size;
        uint8_t sha256[FK_SHA256_BYTES];
        assert_int_equal(cut(cases[i].offset, cases[i].len, cases[i].coding, &got), FK_OK);
        assert_int_equal(fk_memfile_map(got.fd, &file, &size, NULL), FK_OK);
        assert_int_equal(got.len, strlen(cases[i].expected));
        assert_memory_equal(file + got.offset, cases[i].expected, got.len);
        fk_sha256(cases[i].expected, got.len, sha256);
        assert_memory_equal(got.sha256, sha256, sizeof sha256);
        fk_memfile_unmap(file, size);
        fk_close(&got.fd);
    }
}

static void what_is_not_within_the_message_is_refused(void **state) {
    (void)state;
    struct cli_cut got;
    assert_int_equal(cut(0, sizeof MESSAGE, "identity", &got), FK_CORRUPT);
    assert_int_equal(cut(sizeof MESSAGE, 0, "identity", &got), FK_CORRUPT);
    assert_int_equal(cut(UINT64_MAX, 2, "identity", &got), FK_CORRUPT);
    assert_int_equal(cut(2, UINT64_MAX, "base64", &got), FK_CORRUPT);
    assert_int_equal(cut(0, 1, "rot13", &got), FK_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_cut_is_the_bytes_that_are_named),
                                       cmocka_unit_test(what_is_not_within_the_message_is_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
