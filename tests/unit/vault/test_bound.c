/* test_bound.c - what is sealed for a message opens with its salt, and with nothing else. */
#include "archiver/vault/bound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* After what it needs. */
#include <cmocka.h>

static const uint8_t salt[32] = "the salt of this one message...",
                     other[32] = "and that of another";
static struct fk_err err;

static void what_was_sealed_opens(void **state) {
    (void)state;
    static const size_t lens[] = {0, 1, 16, 1000, 70000};
    static uint8_t plain[70000];
    memset(plain, 'x', sizeof plain);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct fk_buf sealed = FK_BUF_INIT, opened = FK_BUF_INIT;
        assert_int_equal(fk_bound_seal(salt, 7, plain, lens[i], &sealed, &err), FK_OK);
        assert_int_equal(sealed.len, lens[i] + FK_BOUND_MORE);
        assert_int_equal(fk_bound_open(salt, 7, sealed.data, sealed.len, &opened, &err), FK_OK);
        assert_int_equal(opened.len, lens[i]);
        if (lens[i])
            assert_memory_equal(opened.data, plain, lens[i]);
        fk_buf_free(&sealed);
        fk_buf_free(&opened);
    }
}

static void another_salt_seq_or_byte_opens_nothing(void **state) {
    (void)state;
    struct fk_buf sealed = FK_BUF_INIT, opened = FK_BUF_INIT;
    assert_int_equal(fk_bound_seal(salt, 7, "plain", 5, &sealed, &err), FK_OK);
    assert_int_equal(fk_bound_open(other, 7, sealed.data, sealed.len, &opened, &err), FK_CORRUPT);
    assert_int_equal(fk_bound_open(salt, 8, sealed.data, sealed.len, &opened, &err), FK_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(fk_bound_open(salt, 7, sealed.data, sealed.len, &opened, &err),
                         FK_CORRUPT);
        sealed.data[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(fk_bound_open(salt, 7, sealed.data, len, &opened, &err), FK_CORRUPT);
    assert_int_equal(opened.len, 0);
    fk_buf_free(&sealed);
    fk_buf_free(&opened);
}

static void nothing_is_sealed_twice_under_one_key(void **state) {
    (void)state;
    struct fk_buf a = FK_BUF_INIT, b = FK_BUF_INIT;
    assert_int_equal(fk_bound_seal(salt, 7, "plain text", 10, &a, &err), FK_OK);
    assert_int_equal(fk_bound_seal(salt, 7, "plain text", 10, &b, &err), FK_OK);
    assert_memory_not_equal(a.data, b.data, 16);
    assert_memory_not_equal(a.data + 16, b.data + 16, 10);
    fk_buf_free(&a);
    fk_buf_free(&b);
}

/* The form that the format page gives, made with Python's hmac and cryptography:
 * secret 32 bytes 01, salt 16 bytes 02, info "fumikura-bound/1 seq=5". */
static void the_form_is_the_one_of_the_page(void **state) {
    (void)state;
    uint8_t one[32];
    memset(one, 1, sizeof one);
    static const uint8_t sealed[] = {
        0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02,
        0x02, 0x02, 0x02, 0xfd, 0xb7, 0xb4, 0x88, 0xb7, 0x34, 0xb7, 0xed, 0x18, 0x98,
        0x52, 0xc9, 0xc7, 0x1d, 0x44, 0x37, 0x47, 0x37, 0x78, 0xce, 0x26,
    };
    struct fk_buf opened = FK_BUF_INIT;
    if (fk_bound_open(one, 5, sealed, sizeof sealed, &opened, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(opened.len, 5);
    assert_memory_equal(opened.data, "hello", 5);
    fk_buf_free(&opened);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(another_salt_seq_or_byte_opens_nothing),
        cmocka_unit_test(nothing_is_sealed_twice_under_one_key),
        cmocka_unit_test(the_form_is_the_one_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
