/* test_pattern.c - patterns and names of hosts. */
#include "indexer/text/host.h"
#include "indexer/text/pattern.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs those above */
#include <cmocka.h>

static void a_pattern_is_any_letters_and_one_character(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        {"pro*ect", "project", true},
        {"pro*ect", "proect", true},
        {"pro*ect", "projects", false},
        {"*ject", "object", true},
        {"*ject", "ject", true},
        {"te?t", "test", true},
        {"te?t", "tet", false},
        {"te?t", "teéts", false},
        {"te?t", "teét", true},
        {"?", "会", true},
        {"??", "会", false},
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXcXb", false},
        {"*a*", "bab", true},
        {"**", "x", true},
        {"a?*", "a", false},
        {"ab*ab", "ababab", true},
        {"ab*ab", "aba", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fk_pattern_matches(cases[i].pattern, strlen(cases[i].pattern), cases[i].text,
                               strlen(cases[i].text)) != cases[i].want)
            fail_msg("%s and %s", cases[i].pattern, cases[i].text);
}

/* A pattern that asks for the most going back: by the product of both lengths, not more. */
static void no_pattern_takes_long(void **state) {
    (void)state;
    char pattern[120], text[240];
    size_t n = 0;
    for (; n + 2 < sizeof pattern; n += 2)
        memcpy(pattern + n, "*a", 2);
    pattern[n++] = 'b';
    memset(text, 'a', sizeof text);
    for (int i = 0; i < 1000; i++)
        assert_false(fk_pattern_matches(pattern, n, text, sizeof text));
}

static void a_host_is_below_its_domains(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf name = FK_BUF_INIT;
    assert_true(fk_host_is_below("a.b.example", "b.example"));
    assert_true(fk_host_is_below("b.example", "b.example"));
    assert_false(fk_host_is_below("ab.example", "b.example"));
    assert_false(fk_host_is_below("example", "b.example"));
    assert_string_equal(fk_host_above("a.b.example"), "b.example");
    assert_null(fk_host_above("b.example"));
    assert_null(fk_host_above("localhost"));
    assert_null(fk_host_above("192.0.2.1"));
    assert_null(fk_host_above("2001:db8::1"));
    assert_int_equal(
        fk_host_fold("ＷＷＷ.日本語.Example.", strlen("ＷＷＷ.日本語.Example."), &name, &err),
        FK_OK);
    assert_string_equal(fk_buf_cstr(&name), "www.xn--wgv71a119e.example");
    fk_buf_free(&name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_any_letters_and_one_character),
        cmocka_unit_test(no_pattern_takes_long),
        cmocka_unit_test(a_host_is_below_its_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
