/*
 * test_conversation.c - base subjects, and which ids of a message are kept.
 */
#include "indexer/reading/conversation_priv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the first three */
#include <cmocka.h>

static void the_base_of_a_subject(void **state) {
    (void)state;
    static const struct {
        const char *subject, *base;
        bool is_reply;
    } table[] = {
        {"Budget", "budget", false},
        {"Re: Budget", "budget", true},
        {"RE: re : Fwd: Budget", "budget", true},
        {"Ｒｅ：会議の件", "会議の件", true},
        {"返信: 会議の件", "会議の件", true},
        {"転送：【重要】会議の件", "【重要】会議の件", true},
        {"Re[2]: Budget", "budget", true},
        {"Re^3: Budget", "budget", true},
        {"Re(4): Budget", "budget", true},
        {"[list 123] Re: Budget", "budget", true},
        {"Re: [list 123] Budget", "budget", true},
        {"[list 123] Budget", "budget", false},
        {"[a] [b] Re: [c] Budget", "budget", true},
        {"Budget (fwd)", "budget", true},
        {"[Fwd: Budget]", "budget", true},
        {"[Fwd: Re: Budget] (fwd)", "budget", true},
        {"[urgent]", "[urgent]", false},
        {"Re: [urgent]", "[urgent]", true},
        {"Re:", "", true},
        {"Re: Re:", "", true},
        {"Reply: Budget", "reply: budget", false},
        {"Fwd Budget", "fwd budget", false},
        {"regarding: Budget", "regarding: budget", false},
        {"[open Re: Budget", "[open re: budget", false},
        {"  Re:   two   words  ", "two   words", true},
        {"", "", false},
        {"((((", "((((", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_conversation c = {.seen = 0};
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(
            fk_conversation__subject(&c, table[i].subject, strlen(table[i].subject), &err), FK_OK);
        if (strcmp(fk_buf_cstr(&c.base), table[i].base) != 0 || c.is_reply != table[i].is_reply)
            fail_msg("%s: \"%s\" %d", table[i].subject, fk_buf_cstr(&c.base), c.is_reply);
        fk_conversation__free(&c);
    }
}

static void lines_of(struct fk_conversation *c, struct fk_buf *out) {
    struct fk_docterms *d = NULL;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_docterms__new(&d, &err), FK_OK);
    assert_int_equal(fk_conversation__end(c, d, out, &err), FK_OK);
    fk_docterms__free(&d);
}

static void of_many_ids_the_first_and_the_last_are_kept(void **state) {
    (void)state;
    static struct fk_conversation c;
    struct fk_buf lines = FK_BUF_INIT;
    char id[40];
    for (unsigned i = 0; i < 10000; i++) {
        const int n = snprintf(id, sizeof id, "%u@x", i);
        fk_conversation__id(&c, false, id, (size_t)n);
    }
    lines_of(&c, &lines);
    const char *text = fk_buf_cstr(&lines);
    unsigned count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    assert_int_equal(count, FK_REFERENCES_MAX);
    assert_memory_equal(text, "reference: 0@x\nreference: 9937@x\n", 33);
    assert_non_null(strstr(text, "reference: 9999@x\n"));
    assert_null(strstr(text, "reference: 9936@x\n"));
    fk_buf_free(&lines);
}

static void an_id_is_told_once_and_without_blanks(void **state) {
    (void)state;
    static struct fk_conversation c;
    struct fk_buf lines = FK_BUF_INIT;
    fk_conversation__id(&c, false, "a\r\n b@x", 8);
    fk_conversation__id(&c, false, " ", 1);
    fk_conversation__id(&c, true, "ab@x", 4);
    lines_of(&c, &lines);
    assert_string_equal(fk_buf_cstr(&lines), "reference: ab@x\n");
    fk_buf_free(&lines);
    memset(&c, 0, sizeof c);
    fk_conversation__id(&c, true, "first@x", 7);
    fk_conversation__id(&c, true, "second@x", 8);
    lines_of(&c, &lines);
    assert_string_equal(fk_buf_cstr(&lines), "in-reply-to: first@x\n");
    fk_buf_free(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_of_a_subject),
        cmocka_unit_test(of_many_ids_the_first_and_the_last_are_kept),
        cmocka_unit_test(an_id_is_told_once_and_without_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
