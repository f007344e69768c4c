/* The parts of a notice that are for machines: every form that mail servers write, and what is
 * none; and how they are read again as lines. */
#include "indexer/text/prefixes.h"
#include "indexer/reading/notice_priv.h"
#include "indexer/record/delivery_record.h"
#include "indexer/record/delivery_term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* All that a document's lines say, as one line. */
static void printed(const void *lines, size_t len, struct fk_buf *out) {
    struct fk_notice n = FK_NOTICE_INIT;
    struct fk_fields it = fk_fields_begin(lines, len);
    while (fk_notice_next(&it, &n))
        fk_buf_printf(out, "[%s %s %s %s%s%s%s%s]", n.status, n.code, n.host, n.to,
                      *n.orig_to ? " for " : "", n.orig_to, n.words.len ? ": " : "",
                      fk_buf_cstr(&n.words));
    assert_false(n.failed);
    fk_buf_printf(out, "%s by=%s about=%s", n.kind, fk_buf_cstr(&n.by), fk_buf_cstr(&n.about));
    if (n.envelope.len)
        fk_buf_printf(out, " envelope=%s", fk_buf_cstr(&n.envelope));
    if (n.left_out)
        fk_buf_printf(out, " more=%u", (unsigned)n.left_out);
    fk_notice_free(&n);
}

static void notices_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum fk_notice_part part;
        const char *text, *want;
    } cases[] = {
        {"Postfix", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns; mail.example.jp\nX-Postfix-Queue-ID: 4X\n"
         "X-Postfix-Sender: rfc822; a@b\nArrival-Date: Tue, 24 Nov 2026 10:00:00 +0900\n\n"
         "Final-Recipient: rfc822; c@d.example\nOriginal-Recipient: rfc822;C@D.example\n"
         "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Postfix; no such mailbox\n",
         "[failed 5.1.1 - c@d.example: no such mailbox]dsn by=mail.example.jp about="},
        {"Exchange: CRLF, two recipients, a host, an alias", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns;EX1.corp.example\r\n\r\n"
         "Original-Recipient: rfc822;list@d.example\r\nFinal-recipient: rfc822;x@d.example\r\n"
         "Action: delayed\r\nStatus: 4.4.7\r\nRemote-MTA: dns;mx.d.example\r\n"
         "X-Display-Name: X\r\n\r\nFinal-recipient: RFC822;y@d.example\r\nAction: DELIVERED\r\n"
         "Status: 2.1.5\r\n",
         "[delayed 4.4.7 mx.d.example x@d.example for list@d.example]"
         "[delivered 2.1.5 - y@d.example]dsn by=EX1.corp.example about="},
        {"folded, odd case, comments", FK_NOTICE_DELIVERY,
         "REPORTING-MTA: DNS ;\n mail.example\n\nfinal-recipient :rfc822 ; <a@b>\nACTION: Failed "
         "(x)\n"
         "status: 5.7.1 (refused)\nDiagnostic-Code: smtp; 550\n  5.7.1\n\tno\n",
         "[failed 5.7.1 - a@b: 550 5.7.1 no]dsn by=mail.example about="},
        {"everything in one group", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns; m\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.0.0",
         "[failed 5.0.0 - a@b]dsn by=m about="},
        {"ids", FK_NOTICE_DELIVERY,
         "Original-Envelope-Id: QQ 314159\nOriginal-Message-ID: <1@x> (y)\nReporting-MTA: dns; "
         "m\n\n"
         "Final-Recipient: rfc822;a@b\nAction: relayed\nStatus: 2.0.0\n",
         "[relayed 2.0.0 - a@b]dsn by=m about=1@x envelope=QQ 314159"},
        {"no type, only the original recipient, no action", FK_NOTICE_DELIVERY,
         "\n\n\nReporting-MTA: m\n\n\nOriginal-Recipient: a@b\n", "[- - - a@b]dsn by=m about="},
        {"of a field that is there twice the first", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns;m\n\nFinal-Recipient: rfc822;a@b\nFinal-Recipient: rfc822;c@d\n"
         "Action: failed\nAction: delivered\nStatus: 5.1.1\nStatus: 2.0.0\n",
         "[failed 5.1.1 - a@b]dsn by=m about="},
        {"a group without a recipient says nothing", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns;m\n\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822;a@b\n",
         "[- - - a@b]dsn by=m about="},
        {"blanks and signs in a word", FK_NOTICE_DELIVERY,
         "Reporting-MTA: dns;m\n\nFinal-Recipient: rfc822; a b\x01@c\nAction: failed=x\n"
         "Status: 5.1.1.1.1.1.1.1.1.1\nRemote-MTA: dns; mx (x y)\n",
         "[failed 5.1.1.1.1.1 mx(xy) ab@c]dsn by=m about="},
        {"an unknown action", FK_NOTICE_DELIVERY, "Final-Recipient: x;a@b\nAction: Lost-In-Space\n",
         "[lost-in-space - - a@b]dsn by= about="},
        {"UTF-8", FK_NOTICE_DELIVERY, "Final-Recipient: utf-8;\xe7\x94\xb0@d\nAction: failed\n",
         "[failed - - \xe7\x94\xb0@d]dsn by= about="},
        {"a quoted address with a semicolon", FK_NOTICE_DELIVERY,
         "Final-Recipient: rfc822;\"a;b\"@c\nAction: failed\n",
         "[failed - - \"a;b\"@c]dsn by= about="},
        {"garbage", FK_NOTICE_DELIVERY, "\x80\xff\n \n:\n::\n no: field\nx\n\n", "dsn by= about="},
        {"nothing", FK_NOTICE_DELIVERY, "", "dsn by= about="},
        {"a receipt", FK_NOTICE_DISPOSITION,
         "Reporting-UA: pc.example.jp; Foomail 97.1\nOriginal-Recipient: rfc822;a@b\n"
         "Final-Recipient: rfc822;a@b\nOriginal-Message-ID: <1@x>\n"
         "Disposition: manual-action/MDN-sent-manually; displayed\n",
         "[displayed - - a@b]mdn by=pc.example.jp; Foomail 97.1 about=1@x"},
        {"with a modifier, without mode", FK_NOTICE_DISPOSITION,
         "Final-Recipient: rfc822;a@b\nDisposition: ; Deleted/error,x\n",
         "[deleted - - a@b]mdn by= about="},
        {"a disposition of no form", FK_NOTICE_DISPOSITION,
         "Final-Recipient: rfc822;a@b\nDisposition: displayed\n", "[- - - a@b]mdn by= about="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf lines = FK_BUF_INIT, got = FK_BUF_INIT;
        fk_notice__read(cases[i].part, cases[i].text, strlen(cases[i].text), &lines);
        printed(lines.data, lines.len, &got);
        if (strcmp(fk_buf_cstr(&got), cases[i].want) != 0)
            fail_msg("%s:\nwant %s\n got %s", cases[i].name, cases[i].want, fk_buf_cstr(&got));
        fk_buf_free(&lines);
        fk_buf_free(&got);
    }
}

static void many_recipients_are_counted(void **state) {
    (void)state;
    struct fk_buf text = FK_BUF_INIT, lines = FK_BUF_INIT;
    struct fk_notice n = FK_NOTICE_INIT;
    size_t count = 0;
    fk_buf_str(&text, "Reporting-MTA: dns; m\n\n");
    for (int i = 0; i < FK_NOTICE_RECIPIENTS + 7; i++)
        fk_buf_printf(
            &text, "Final-Recipient: rfc822; u%d@d.example\nAction: failed\nStatus: 5.1.1\n\n", i);
    fk_notice__read(FK_NOTICE_DELIVERY, (const char *)text.data, text.len, &lines);
    struct fk_fields it = fk_fields_begin(lines.data, lines.len);
    while (fk_notice_next(&it, &n))
        count++;
    assert_int_equal(count, FK_NOTICE_RECIPIENTS);
    assert_int_equal(n.left_out, 7);
    fk_notice_free(&n);
    fk_buf_free(&text);
    fk_buf_free(&lines);
}

static void what_is_a_notice_is_told_by_type(void **state) {
    (void)state;
    assert_int_equal(fk_notice__part_of("Message", "Delivery-Status"), FK_NOTICE_DELIVERY);
    assert_int_equal(fk_notice__part_of("message", "global-delivery-status"), FK_NOTICE_DELIVERY);
    assert_int_equal(fk_notice__part_of("message", "disposition-notification"),
                     FK_NOTICE_DISPOSITION);
    assert_int_equal(fk_notice__part_of("text", "RFC822-Headers"), FK_NOTICE_HEADERS);
    assert_int_equal(fk_notice__part_of("text", "delivery-status"), FK_NOTICE_NONE);
    assert_int_equal(fk_notice__part_of("message", "rfc822"), FK_NOTICE_NONE);
}

static void ids_of_what_came_back(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* NULL: none */
    } cases[] = {
        {"From: a@b\nMessage-ID: <1@x>\n", "1@x"},
        {"message-id:\n <1@x>\nSubject: y\n", "1@x"},
        {"Message-Id: 1@x \r\n", "1@x"},
        {"From: a@b\n\nMessage-ID: <1@x>\n", NULL}, /* of the body */
        {"Message-ID: <>\n", NULL},
        {"Message-ID:\n", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = NULL;
        size_t len = 0;
        const bool found = fk_notice__message_id(cases[i].text, strlen(cases[i].text), &at, &len);
        assert_int_equal(found, cases[i].want != NULL);
        if (found) {
            assert_int_equal(len, strlen(cases[i].want));
            assert_memory_equal(at, cases[i].want, len);
        }
    }
}

/* A recipient of a name that another kind of term has does not pass for that. */
static void terms_of_one_kind_are_none_of_another(void **state) {
    (void)state;
    static const struct {
        const char *status, *value, *want;
    } cases[] = {
        {NULL, "Sent", "XJsent"},
        {"bounced", "A@B.Example", "XJbounced a@b.example"},
        {NULL, "bounced a@b", "XJbounceda@b"}, /* blanks only come from a status */
        {NULL, "bounced=a@b", "XJbounced=a@b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf term = FK_BUF_INIT;
        assert_int_equal(fk_delivery_term(FK_P_DELIVERY, cases[i].status, cases[i].value,
                                          strlen(cases[i].value), &term, NULL),
                         FK_OK);
        assert_string_equal(fk_buf_cstr(&term), cases[i].want);
        fk_buf_free(&term);
    }
    assert_true(fk_delivery_is_code("5.1.1") && fk_delivery_is_code("4.7.650"));
    assert_false(fk_delivery_is_code("5.1") || fk_delivery_is_code("5.1.1.1") ||
                 fk_delivery_is_code("5..1") || fk_delivery_is_code("5.1.1a") ||
                 fk_delivery_is_code("") || fk_delivery_is_code("5.1.1000"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notices_are_read_in_every_form),
        cmocka_unit_test(many_recipients_are_counted),
        cmocka_unit_test(what_is_a_notice_is_told_by_type),
        cmocka_unit_test(ids_of_what_came_back),
        cmocka_unit_test(terms_of_one_kind_are_none_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
