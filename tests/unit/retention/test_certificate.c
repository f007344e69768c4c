/* test_certificate.c - which copies a certificate of disposal names, from the lines of a ledger. */
#include "retention/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The seq is the line's place. */
static struct fk_roll *roll_of(const char *const *lines) {
    static const uint8_t prev[FK_SHA256_BYTES];
    struct fk_roll *roll = calloc(1, sizeof *roll);
    struct fk_err err = FK_ERR_INIT;
    assert_non_null(roll);
    for (uint64_t seq = 0; lines[seq]; seq++) {
        char kind[32];
        struct fk_buf line = FK_BUF_INIT;
        struct fk_entry e;
        const char *space = strchr(lines[seq], ' ');
        snprintf(kind, sizeof kind, "%.*s", (int)(space - lines[seq]), lines[seq]);
        assert_int_equal(
            fk_entry_write(&line, seq, prev, kind, 1000 * (int64_t)seq, space + 1, &err), FK_OK);
        assert_int_equal(fk_entry_read(line.data, line.len, &e, &err), FK_OK);
        if (fk_roll_take(roll, &e, NULL, 0, &err) != FK_OK)
            fail_msg("%s", err.text);
        fk_buf_free(&line);
    }
    return roll;
}

static void copy_print(void *ctx, const struct fk_copy *c) {
    static const char *const kinds[] = {"bundle", "package", "tape"};
    fk_buf_printf(ctx, "%s %llu", kinds[c->kind], (unsigned long long)c->seq);
    if (c->destroyed)
        fk_buf_printf(ctx, " destroyed by %llu", (unsigned long long)c->destroyed);
    fk_buf_str(ctx, "; ");
}

static void expect(const char *const *lines, uint64_t entry, const char *want) {
    struct fk_roll *roll = roll_of(lines);
    struct fk_buf said = FK_BUF_INIT;
    const struct fk_disposed *d = fk_roll_disposal(roll, entry);
    assert_non_null(d);
    fk_copies_each(roll, entry, &d->seqs, copy_print, &said);
    assert_string_equal(fk_buf_cstr(&said), want);
    fk_buf_free(&said);
    fk_roll_free(&roll);
}

#define MAIL "mail source=a floor=P0D size=1"

static void each_copy_that_has_them_is_named_until_it_is_destroyed(void **state) {
    (void)state;
    static const char *const lines[] = {
        MAIL,
        MAIL,
        MAIL,
        MAIL,                                            /* 0-3 */
        "key what=escrow kek=a form=passphrase",         /* 4 */
        "export what=package of=0,3 manifest=a",         /* 5: neither 1 nor 2 */
        "export what=package of=1-2 manifest=a",         /* 6 */
        "export what=package first=0 last=9 manifest=a", /* 7: may have them */
        "export what=tape first=0 last=3 manifest=a",    /* 8 */
        "dispose of=1-2 basis=4 rule=short",             /* 9 */
        "export what=package of=3 manifest=a",           /* 10: made afterwards */
        "key what=escrow kek=a form=passphrase",         /* 11: likewise */
        "fact what=destroyed of=6",                      /* 12 */
        "fact what=destroyed of=4",                      /* 13 */
        "fact what=destroyed of=4",                      /* 14: once is enough */
        NULL};
    expect(lines, 9, "bundle 4 destroyed by 13; package 6 destroyed by 12; package 7; tape 8; ");
}

static void what_was_destroyed_before_is_not_named(void **state) {
    (void)state;
    static const char *const lines[] = {MAIL, /* 0 */
                                        "key what=escrow kek=a form=passphrase",
                                        "export what=package of=0 manifest=a",
                                        "fact what=destroyed of=1",
                                        "fact what=destroyed of=2",
                                        "dispose of=0 basis=1 rule=short", /* 5 */
                                        NULL};
    expect(lines, 5, "");
}

static void a_bundle_of_before_a_message_does_not_open_it(void **state) {
    (void)state;
    static const char *const lines[] = {"key what=escrow kek=a form=passphrase", MAIL,
                                        "dispose of=1 basis=0 rule=short", NULL};
    expect(lines, 2, "");
}

static void a_disposal_is_known_with_its_rule_basis_and_policy(void **state) {
    (void)state;
    static const char *const lines[] = {MAIL, "dispose of=0 basis=7 rule=tax c256=ab", NULL};
    struct fk_roll *roll = roll_of(lines);
    const struct fk_disposed *d = fk_roll_disposal(roll, 1);
    assert_non_null(d);
    assert_null(fk_roll_disposal(roll, 0));
    assert_string_equal(d->rule, "tax");
    assert_string_equal(d->c256, "ab");
    assert_int_equal(d->basis, 7);
    assert_int_equal(d->seqs.count, 1);
    fk_roll_free(&roll);
}

static void a_package_whose_list_cannot_be_read_is_an_error(void **state) {
    (void)state;
    static const uint8_t prev[FK_SHA256_BYTES];
    static const char *const bad[] = {"what=package of=9,x", "what=package of=2-1",
                                      "what=package manifest=a", "what=tape first=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fk_roll *roll = calloc(1, sizeof *roll);
        struct fk_buf line = FK_BUF_INIT;
        struct fk_entry e;
        assert_non_null(roll);
        assert_int_equal(fk_entry_write(&line, 5, prev, "export", 0, bad[i], NULL), FK_OK);
        assert_int_equal(fk_entry_read(line.data, line.len, &e, NULL), FK_OK);
        assert_int_equal(fk_roll_take(roll, &e, NULL, 0, NULL), FK_CORRUPT);
        fk_buf_free(&line);
        fk_roll_free(&roll);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_copy_that_has_them_is_named_until_it_is_destroyed),
        cmocka_unit_test(what_was_destroyed_before_is_not_named),
        cmocka_unit_test(a_bundle_of_before_a_message_does_not_open_it),
        cmocka_unit_test(a_disposal_is_known_with_its_rule_basis_and_policy),
        cmocka_unit_test(a_package_whose_list_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
