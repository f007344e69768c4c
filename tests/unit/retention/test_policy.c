/* test_policy.c - classes are checked, matched in order, and written in one way. */
#include "retention/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void what_is_wrong_with_a_class_is_said(void **state) {
    (void)state;
    static const struct {
        struct fk_class_text text;
        const char *says;
    } cases[] = {
        {{"", "P7Y", "received", ""}, "a name is"},
        {{"Contracts", "P7Y", "received", ""}, "a name is"},
        {{"tax", "7 years", "received", ""}, "ISO 8601"},
        {{"tax", NULL, "received", ""}, "ISO 8601"},
        {{"tax", "P7Y", "sent", ""}, "\"fiscal-year-end\", not \"sent\""},
        {{"tax", "P7Y", "received", "Sales Dept"}, "name of a source"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_err err = FK_ERR_INIT;
        struct fk_policy *p = NULL;
        assert_int_equal(fk_policy_make(&cases[i].text, 1, "03-31", 540, &p, &err), FK_INVALID);
        assert_null(p);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu says: %s", i, err.text);
    }
    static const struct fk_class_text twice[] = {{"tax", "P7Y", NULL, NULL},
                                                 {"tax", "P8Y", NULL, NULL}};
    struct fk_err err = FK_ERR_INIT;
    struct fk_policy *p = NULL;
    assert_int_equal(fk_policy_make(twice, 2, "03-31", 540, &p, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "twice"));
    assert_int_equal(fk_policy_make(twice, 1, "31 March", 540, &p, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "03-31"));
}

static void the_first_class_that_matches_decides(void **state) {
    (void)state;
    static const struct fk_class_text texts[] = {{"sales", "P10Y", "received", "sales"},
                                                 {"also-sales", "P1D", "received", "sales"},
                                                 {"rest", "P7Y2M", "fiscal-year-end", ""}};
    struct fk_policy *p = NULL;
    assert_int_equal(fk_policy_make(texts, 2, "03-31", 540, &p, NULL), FK_OK);
    assert_string_equal(fk_policy_class(p, "sales")->name, "sales");
    assert_null(fk_policy_class(p, "sale"));
    fk_policy_free(&p);
    assert_int_equal(fk_policy_make(texts, 3, "03-31", 540, &p, NULL), FK_OK);
    assert_string_equal(fk_policy_class(p, "sale")->name, "rest");
    fk_policy_free(&p);
    assert_null(p);
}

static void rules_that_mean_the_same_read_the_same(void **state) {
    (void)state;
    static const struct fk_class_text one[] = {{"tax", "P07Y2M", NULL, NULL}},
                                      two[] = {{"tax", "P7Y2M", "received", ""}};
    struct fk_policy *a = NULL, *b = NULL;
    struct fk_buf text = FK_BUF_INIT, again = FK_BUF_INIT;
    assert_int_equal(fk_policy_make(one, 1, "03-31", -570, &a, NULL), FK_OK);
    assert_int_equal(fk_policy_make(two, 1, "03-31", -570, &b, NULL), FK_OK);
    fk_policy_text(a, &text);
    fk_policy_text(b, &again);
    assert_string_equal(fk_buf_cstr(&text), fk_buf_cstr(&again));
    assert_string_equal(fk_buf_cstr(&text), "zone: -09:30\nfiscal-year-end: 03-31\n"
                                            "class: tax P7Y2M from received of *\n");
    fk_policy_free(&a);
    fk_policy_free(&b);
    fk_buf_free(&text);
    fk_buf_free(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_a_class_is_said),
        cmocka_unit_test(the_first_class_that_matches_decides),
        cmocka_unit_test(rules_that_mean_the_same_read_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
