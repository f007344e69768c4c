/* test_hold.c - holds go into bodies and come out of them; released ones hold nothing. */
#include "retention/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct fk_seqs seqs_of(const char *ranges) {
    struct fk_seqs s = {0};
    assert_true(fk_seqs_parse(ranges, strlen(ranges), 1000000, &s));
    return s;
}

static void add(struct fk_holds *holds, uint64_t seq, const char *name, const char *ranges) {
    struct fk_seqs s = seqs_of(ranges);
    struct fk_buf body = FK_BUF_INIT;
    fk_hold_body(&body, name, "a reason\nof two lines, 100% sure", "akira(1000)", "会議", &s);
    assert_false(body.failed);
    assert_int_equal(fk_holds_add(holds, seq, 1000, body.data, body.len, 1000000, NULL), FK_OK);
    fk_buf_free(&body);
    fk_seqs_free(&s);
}

static void a_hold_comes_out_as_it_went_in(void **state) {
    (void)state;
    struct fk_holds holds = {0};
    add(&holds, 10, "smith v. jones", "3-5,9");
    const struct fk_hold *h = fk_holds_named(&holds, "smith v. jones");
    assert_non_null(h);
    assert_int_equal(h->seq, 10);
    assert_int_equal(h->since_ms, 1000);
    assert_string_equal(h->reason, "a reason\nof two lines, 100% sure");
    assert_string_equal(h->person, "akira(1000)");
    assert_string_equal(h->query, "会議");
    assert_int_equal(h->seqs.count, 4);
    assert_ptr_equal(fk_holds_first(&holds, 4), h);
    assert_null(fk_holds_first(&holds, 6));
    fk_holds_free(&holds);
    assert_int_equal(holds.count, 0);
}

static void a_message_is_held_until_the_last_hold_is_released(void **state) {
    (void)state;
    struct fk_holds holds = {0};
    for (uint64_t i = 0; i < 40; i++) /* over the first allocation */
        add(&holds, 100 + i, "other", "1");
    add(&holds, 200, "a", "5-7");
    add(&holds, 201, "b", "7-8");
    fk_holds_release(&holds, 200, 300, 2000);
    assert_null(fk_holds_first(&holds, 5));
    assert_null(fk_holds_named(&holds, "a"));
    assert_string_equal(fk_holds_first(&holds, 7)->name, "b");
    fk_holds_release(&holds, 201, 301, 2000);
    assert_null(fk_holds_first(&holds, 7));
    add(&holds, 302, "a", "5"); /* the name is free again */
    assert_int_equal(fk_holds_named(&holds, "a")->seq, 302);
    fk_holds_release(&holds, 200, 303, 3000); /* a second release of the old one changes nothing */
    assert_non_null(fk_holds_first(&holds, 5));
    fk_holds_free(&holds);
}

static void a_hold_that_cannot_be_read_stops_everything(void **state) {
    (void)state;
    static const char *const bodies[] = {"",
                                         "name: x\n",
                                         "seqs: 1-2\n",
                                         "name: x\nseqs: 2-1\n",
                                         "name: x\nseqs: 1-9999999999\n",
                                         "name: x\nseqs: all\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fk_holds holds = {0};
        struct fk_err err = FK_ERR_INIT;
        if (fk_holds_add(&holds, 7, 0, bodies[i], strlen(bodies[i]), 1000, &err) != FK_CORRUPT)
            fail_msg("\"%s\" was taken for a hold", bodies[i]);
        assert_non_null(strstr(err.text, "entry 7"));
        assert_int_equal(holds.count, 0);
        fk_holds_free(&holds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_comes_out_as_it_went_in),
        cmocka_unit_test(a_message_is_held_until_the_last_hold_is_released),
        cmocka_unit_test(a_hold_that_cannot_be_read_stops_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
