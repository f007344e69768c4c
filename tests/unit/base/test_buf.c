/* test_buf.c - growable bytes, numbers in them, memory for one piece of work. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void bytes_are_appended_in_order(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    for (int i = 0; i < 10000; i++)
        fk_buf_byte(&b, (uint8_t)i);
    fk_buf_str(&b, "seq=");
    fk_buf_printf(&b, "%05d", 42);
    fk_buf_hex(&b, "\x00\xff\x1a", 3);
    assert_false(b.failed);
    assert_int_equal(b.len, 10000 + 4 + 5 + 6);
    assert_string_equal(fk_buf_cstr(&b) + 10000, "seq=0004200ff1a");
    for (int i = 0; i < 10000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    fk_buf_free(&b);
    assert_null(b.data);
}

static void a_growth_that_fails_stays_failed(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "kept");
    assert_false(fk_buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    fk_buf_str(&b, "lost");
    fk_buf_printf(&b, "%d", 1);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "kept", 4);
    assert_string_equal(fk_buf_cstr(&b), "");
    fk_buf_reset(&b);
    assert_false(b.failed);
    fk_buf_str(&b, "again");
    assert_string_equal(fk_buf_cstr(&b), "again");
    fk_buf_free(&b);
}

static void a_long_text_is_printed_whole(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_printf(&b, "%0100000d|%s", 7, "end");
    assert_int_equal(b.len, 100004);
    assert_memory_equal(b.data + 99999, "7|end", 5);
    fk_buf_wipe(&b);
}

static void numbers_come_back_as_they_went_in(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u8(&b, 0xfe);
    fk_put_u16(&b, 0xfedc);
    fk_put_u32(&b, 0xfedcba98);
    fk_put_u64(&b, 0xfedcba9876543210);
    fk_put_bytes(&b, "a\0b", 3);
    fk_put_cstr(&b, "text");
    fk_put_bytes(&b, NULL, 0);
    assert_memory_equal(b.data, "\xfe\xfe\xdc\xfe\xdc\xba\x98\xfe\xdc\xba\x98\x76\x54\x32\x10", 15);
    struct fk_reader r;
    char text[5];
    size_t len;
    fk_reader_init(&r, b.data, b.len);
    assert_int_equal(fk_get_u8(&r), 0xfe);
    assert_int_equal(fk_get_u16(&r), 0xfedc);
    assert_int_equal(fk_get_u32(&r), 0xfedcba98);
    assert_true(fk_get_u64(&r) == 0xfedcba9876543210);
    assert_memory_equal(fk_get_bytes(&r, &len), "a\0b", 3);
    assert_int_equal(len, 3);
    fk_get_cstr(&r, text, sizeof text);
    assert_string_equal(text, "text");
    assert_false(fk_reader_done(&r));
    assert_non_null(fk_get_bytes(&r, &len));
    assert_int_equal(len, 0);
    assert_true(fk_reader_done(&r));
    fk_buf_free(&b);
}

/* Every prefix of a record but the whole is found to be too short, and nothing is read beyond it.
 */
static void a_record_cut_anywhere_is_bad(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u16(&b, 1);
    fk_put_cstr(&b, "name");
    fk_put_u64(&b, 2);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct fk_buf exact = FK_BUF_INIT; /* its own memory: an overrun is seen by ASan */
        fk_buf_add(&exact, b.data, cut);
        struct fk_reader r;
        char name[16];
        fk_reader_init(&r, exact.data, exact.len);
        (void)fk_get_u16(&r);
        fk_get_cstr(&r, name, sizeof name);
        (void)fk_get_u64(&r);
        assert_int_equal(fk_reader_done(&r), cut == b.len);
        fk_buf_free(&exact);
    }
    fk_buf_free(&b);
}

static void a_length_that_lies_is_bad(void **state) {
    (void)state;
    static const uint8_t liar[] = {0xff, 0xff, 0xff, 0xff, 'x'};
    struct fk_reader r;
    size_t len = 9;
    char text[4];
    fk_reader_init(&r, liar, sizeof liar);
    assert_null(fk_get_bytes(&r, &len));
    assert_int_equal(len, 0);
    assert_true(r.bad);
    assert_int_equal(fk_get_u8(&r), 0);
    fk_reader_init(&r, "\0\0\0\4abcd", 8);
    fk_get_cstr(&r, text, sizeof text); /* no room for the NUL */
    assert_true(r.bad);
    assert_string_equal(text, "");
    fk_reader_init(&r, "\0\0\0\3a\0b", 7);
    fk_get_cstr(&r, text, sizeof text);
    assert_true(r.bad);
}

static void keys_sort_as_their_numbers(void **state) {
    (void)state;
    static const uint64_t n[] = {0, 1, 255, 256, 65535, 65536, 1ULL << 32, 1ULL << 63, UINT64_MAX};
    uint8_t a[8], b[8];
    for (size_t i = 0; i + 1 < sizeof n / sizeof *n; i++) {
        fk_be64(a, n[i]);
        fk_be64(b, n[i + 1]);
        assert_true(memcmp(a, b, 8) < 0);
        assert_true(fk_be64_read(a) == n[i]);
    }
}

static void an_arena_gives_zeroed_aligned_memory_up_to_its_limit(void **state) {
    (void)state;
    struct fk_arena *a = fk_arena_new(1 << 20);
    size_t given = 0;
    for (int i = 1; i < 3000; i++) {
        unsigned char *p = fk_arena_alloc(a, (size_t)i);
        if (!p)
            break;
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int k = 0; k < i; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, (size_t)i);
        given += (size_t)i;
    }
    assert_true(given > 700000 && given <= 1 << 20);
    assert_null(fk_arena_alloc(a, SIZE_MAX));
    assert_null(fk_arena_alloc(a, SIZE_MAX - 8));
    fk_arena_reset(a);
    char *copy = fk_arena_copy(a, "abc\0def", 7);
    assert_memory_equal(copy, "abc\0def\0", 8);
    assert_non_null(fk_arena_alloc(a, 500000));
    fk_arena_free(&a);
    assert_null(a);
    fk_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_appended_in_order),
        cmocka_unit_test(a_growth_that_fails_stays_failed),
        cmocka_unit_test(a_long_text_is_printed_whole),
        cmocka_unit_test(numbers_come_back_as_they_went_in),
        cmocka_unit_test(a_record_cut_anywhere_is_bad),
        cmocka_unit_test(a_length_that_lies_is_bad),
        cmocka_unit_test(keys_sort_as_their_numbers),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory_up_to_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
