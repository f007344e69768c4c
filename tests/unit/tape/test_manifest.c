/* test_manifest.c - what is written is read, and no manifest leads out of its set. */
#include "tape-export/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_sum sum_of(const char *text) {
    struct fk_summer *s = NULL;
    struct fk_sum sum;
    assert_int_equal(fk_summer_new(&s, NULL), FK_OK);
    fk_summer_add(s, "something before", 16);
    fk_summer_end(s, &sum);
    fk_summer_add(s, text, strlen(text));
    fk_summer_end(s, &sum);
    fk_summer_free(&s);
    return sum;
}

static void a_sum_is_that_of_sha256sum(void **state) {
    (void)state;
    struct fk_sum s = sum_of("abc"); /* FIPS 180-4's own example */
    assert_string_equal(s.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(strncmp(s.sha512, "ddaf35a193617aba", 16), 0);
    assert_int_equal(s.bytes, 3);
}

static void manifests_are_read_as_they_were_written(void **state) {
    (void)state;
    static const char *const names[] = {"data/b", "data/a/x.txt", "data/c"};
    struct fk_manifest m = {0}, again = {0};
    struct fk_buf t256 = FK_BUF_INIT, t512 = FK_BUF_INIT;
    for (size_t i = 0; i < 3; i++) {
        struct fk_sum s = sum_of(names[i]);
        assert_int_equal(fk_manifest_add(&m, names[i], &s, NULL), FK_OK);
    }
    fk_manifest_write(&m, FK_SHA256, &t256);
    fk_manifest_write(&m, FK_SHA512, &t512);
    assert_int_equal(fk_manifest_read(&again, FK_SHA512, t512.data, t512.len, NULL), FK_OK);
    assert_int_equal(fk_manifest_read(&again, FK_SHA256, t256.data, t256.len, NULL), FK_OK);
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct fk_sum s = sum_of(names[i]);
        assert_string_equal(fk_manifest_find(&again, names[i])->sum.sha256, s.sha256);
        assert_string_equal(fk_manifest_find(&again, names[i])->sum.sha512, s.sha512);
    }
    assert_string_equal(again.at[0].name, "data/a/x.txt");
    assert_null(fk_manifest_find(&again, "data/a"));
    struct fk_sum s = sum_of("");
    assert_int_equal(fk_manifest_add(&m, "data/b", &s, NULL), FK_CORRUPT);
    fk_manifest_free(&m);
    fk_manifest_free(&again);
    fk_buf_free(&t256);
    fk_buf_free(&t512);
}

static void lines_that_are_none_of_ours_are_refused(void **state) {
    (void)state;
    static const char digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char *const tails[] = {"  ../secret\n", "  /etc/passwd\n", "  data/../../x\n",
                                        "  data//x\n",   "  data/./x\n",    "  data/\n",
                                        "  \n",          "  data/a\\nb\n",  "  data/a%0a\n",
                                        "data/x\n",      " data/x\n",       "  data/x",
                                        "  data/\x01\n", "  data/a b\n",    "\tdata/x\n"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char line[200];
        struct fk_manifest m = {0};
        snprintf(line, sizeof line, "%s%s", digest, tails[i]);
        if (fk_manifest_read(&m, FK_SHA256, line, strlen(line), NULL) != FK_CORRUPT)
            fail_msg("was taken: %s", line);
        fk_manifest_free(&m);
    }
    static const char *const lines[] = {"BA7816bf  data/x\n", "x\n", "\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fk_manifest m = {0};
        assert_int_equal(fk_manifest_read(&m, FK_SHA256, lines[i], strlen(lines[i]), NULL),
                         FK_CORRUPT);
        fk_manifest_free(&m);
    }
    char twice[400];
    struct fk_manifest m = {0};
    snprintf(twice, sizeof twice, "%s  data/x\n%s *data/x\n", digest, digest);
    assert_int_equal(fk_manifest_read(&m, FK_SHA256, twice, strlen(twice), NULL), FK_CORRUPT);
    fk_manifest_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_that_of_sha256sum),
        cmocka_unit_test(manifests_are_read_as_they_were_written),
        cmocka_unit_test(lines_that_are_none_of_ours_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
