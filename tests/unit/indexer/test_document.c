/* What a reader may say of a message: it may have been taken over by it. */
#include "indexer/document_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/text/prefixes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != FK_OK)                                                                       \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static const char message[] = "From: a@b.example\r\nSubject: journal captures:12345\r\n"
                              "Message-ID: <12345@x.example>\r\n\r\nwhole text\r\n";

static void answer_of(struct fk_buf *out) {
    static struct fk_docterms *terms;
    fk_reading__prepare();
    if (!terms)
        OK(fk_docterms__new(&terms, &err));
    fk_buf_reset(out);
    OK(fk_sink__terms(terms, (const uint8_t *)message, sizeof message - 1, false, out, &err));
}

/* The term that is the Message-ID, as the answer has it. */
static char *term_of(struct fk_buf *answer) {
    static const char term[] = FK_P_MSGID "12345@x.example";
    uint8_t *at = memmem(answer->data, answer->len, term, strlen(term));
    assert_non_null(at);
    assert_int_equal(at[-1], strlen(term));
    return (char *)at;
}

static bool is_believed_with(const struct fk_buf *answer, const struct fk_passwords *passwords) {
    const struct fk_source source = {
        .seq = 1, .envelope = "via: smtp\n", .envelope_len = 10, .message_bytes = 100};
    struct fk_answer said;
    struct fk_xdoc *doc = NULL;
    struct fk_buf data = FK_BUF_INIT;
    size_t postings;
    OK(fk_document__take(answer, passwords, &said, &err));
    OK(fk_document__make(&source, 0, &said, NULL, &doc, &postings, &err));
    OK(fk_xdoc_data_get(doc, &data, &err));
    const bool crashed = strstr(fk_buf_cstr(&data), "partial: crash") != NULL;
    fk_buf_free(&data);
    fk_xdoc_free(&doc);
    return !crashed;
}

static bool is_believed(const struct fk_buf *answer) {
    return is_believed_with(answer, NULL);
}

/* In the place of the line of the subject, which is as long. */
static void unlocked_say(struct fk_buf *answer, const char *origin) {
    static const char subject[] = "subject: journal captures:12345\n";
    char line[sizeof subject];
    uint8_t *at = memmem(answer->data, answer->len, subject, sizeof subject - 1);
    assert_non_null(at);
    const size_t end = sizeof subject - 2, n = strlen(origin);
    memset(line, 'a', sizeof line);
    memcpy(line, "unlocked: ", 10);
    line[end - n - 1] = ' ';
    memcpy(line + end - n, origin, n);
    line[end] = '\n';
    memcpy(at, line, sizeof subject - 1);
}

static void only_a_message_that_was_asked_for_its_words_had_the_password(void **state) {
    (void)state;
    struct fk_password of_seven = {7, "word"};
    const struct fk_passwords given = {&of_seven, 1, NULL};
    static const struct {
        const char *origin;
        bool is_alone, is_with_seven;
    } cases[] = {{"0", true, true},
                 {"7", false, true},
                 {"8", false, false},
                 {"77", false, false},
                 {"x", false, false},
                 {"7x", false, false},
                 {"99999999999999999999", false, false}};
    struct fk_buf answer = FK_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer_of(&answer);
        unlocked_say(&answer, cases[i].origin);
        if (is_believed(&answer) != cases[i].is_alone ||
            is_believed_with(&answer, &given) != cases[i].is_with_seven)
            fail_msg("a reader may say %s", cases[i].origin);
    }
    fk_buf_free(&answer);
}

static void a_reader_gives_no_verdict_and_is_no_other_message(void **state) {
    (void)state;
    /* clang-format off */
    static const char *const forged[] = {
        FK_P_KEY, FK_P_CAPTURE, FK_P_QUEUE, FK_P_OWN_MSGID, FK_P_OWN, FK_P_BORDER,
        FK_P_ENV_FROM, FK_P_ENV_TO, FK_P_BLIND, FK_P_VIA,
        FK_P_ENVFROM_ADDR, FK_P_ENVTO_ADDR, FK_P_VIA_ADDR, FK_P_CLIENT,
        FK_P_DELIVERY, FK_P_NOTICE, FK_P_ABOUT, FK_P_REFERENCE,
        FK_P_TXN, FK_P_TXN_PARTY, FK_P_TXN_PARTY_IN, FK_P_TXN_NUMBER, FK_P_TXN_CURRENCY,
        FK_P_TXN_AMOUNT, FK_P_TXN_DATE,
        FK_P_FLAG "captures", FK_P_FLAG "journal", FK_P_FLAG "partial", FK_P_FLAG "locked",
        FK_P_FLAG "opened", FK_P_FLAG "in:env", FK_P_FLAG "in:via", FK_P_FLAG "in:ip"};
    /* clang-format on */
    static const char *const good[] = {FK_P_MSGID,     FK_P_PERSON,       FK_P_DIGEST,
                                       FK_P_LINK_HOST, FK_P_FLAG "in:to", FK_P_FLAG "ext:"};
    struct fk_buf answer = FK_BUF_INIT;
    answer_of(&answer);
    assert_true(is_believed(&answer));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        answer_of(&answer);
        memcpy(term_of(&answer), good[i], strlen(good[i]));
        assert_true(is_believed(&answer));
    }
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        answer_of(&answer);
        memcpy(term_of(&answer), forged[i], strlen(forged[i]));
        if (is_believed(&answer))
            fail_msg("a reader may say %s", forged[i]);
    }
    fk_buf_free(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gives_no_verdict_and_is_no_other_message),
        cmocka_unit_test(only_a_message_that_was_asked_for_its_words_had_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
