/* Which messages are journal reports, and which bytes of them are the message that is reported. */
#include "archiver/vault/fields.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/reading/reading_priv.h"
#include "indexer/reading/unwrap_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

#define REPORT "Sender: a@b\r\nMessage-ID: <1@x>\r\nBcc: g@h\r\n"
#define INNER "From: a@b\r\nSubject: inner\r\n\r\nhello\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=\"b\"\r\n"
#define TEXT_PART "--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" REPORT "\r\n"
#define MESSAGE_PART "--b\r\nContent-Type: message/rfc822\r\n\r\n" INNER "\r\n"
#define JOURNAL "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART "--b--\r\n"
#define NDR(inner)                                                                                 \
    "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=n\r\n\r\n"          \
    "--n\r\n\r\nYour message did not arrive.\r\n--n\r\nContent-Type: message/delivery-status\r\n"  \
    "\r\nAction: failed\r\n--n\r\nContent-Type: message/rfc822\r\n\r\n" inner "\r\n--n--\r\n"

/* "exchange 1: inner bytes[; inner bytes] sender=... recipients", "none". */
static void printed(const char *message, struct fk_buf *out) {
    static const char *const formats[] = {"none", "exchange", "2003"};
    struct fk_unwrapped u;
    assert_int_equal(fk_unwrap((const uint8_t *)message, strlen(message), &u, &err), FK_OK);
    fk_buf_str(out, formats[u.format]);
    if (u.format != FK_JOURNAL_NONE)
        fk_buf_printf(out, " %u: ", u.layers);
    for (size_t i = 0; i < u.inner_count; i++) {
        fk_transfer_decode(u.inner[i].transfer, (const uint8_t *)message + u.inner[i].offset,
                           u.inner[i].len, out);
        fk_buf_byte(out, '|');
    }
    for (size_t i = 0; i < u.report.recipient_count; i++)
        fk_buf_printf(out, " %.*s", (int)u.report.recipients[i].address.len,
                      u.report.recipients[i].address.at);
    fk_unwrapped_free(&u);
}

static void reports_are_told_and_cut_exactly(void **state) {
    (void)state;
    static const struct {
        const char *name, *message, *want;
    } cases[] = {
        {"Microsoft 365", JOURNAL, "exchange 1: " INNER "| g@h"},
        {"inside Exchange",
         "X-MS-Exchange-Organization-Journal-Report: x\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART
         "--b--\r\n",
         "exchange 1: " INNER "| g@h"},
        {"any case",
         "x-ms-JOURNAL-report:\r\ncontent-TYPE: Multipart/Mixed; BOUNDARY=b\r\n\r\n" TEXT_PART
             MESSAGE_PART "--b--\r\n",
         "exchange 1: " INNER "| g@h"},
        {"Exchange 2003",
         "Content-Identifier: ExJournalReport\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART "--b--\r\n",
         "2003 1: " INNER "| g@h"},
        {"Exchange 2003, misspelt",
         "Content-Identifer: exjournalreport\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART "--b--\r\n",
         "2003 1: " INNER "| g@h"},
        {"another identifier",
         "Content-Identifier: ExJournalReporter\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART
         "--b--\r\n",
         "none"},
        {"no field says so", MIXED "\r\n" TEXT_PART MESSAGE_PART "--b--\r\n", "none"},
        {"only in the body", "Subject: x\r\n\r\nX-MS-Journal-Report:\r\n" JOURNAL, "none"},
        {"a report that says nothing",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n--b\r\n\r\nhello\r\n" MESSAGE_PART "--b--\r\n",
         "none"},
        {"nothing in it", "X-MS-Journal-Report:\r\n\r\n", "none"},
        {"no multipart: a report of nothing",
         "X-MS-Journal-Report:\r\nContent-Type: text/plain\r\n\r\n" REPORT, "exchange 1:  g@h"},
        {"LF alone",
         "X-MS-Journal-Report:\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSender: a@b\n"
         "To: c@d\n--b\nContent-Type: message/rfc822\n\nSubject: i\n\nbody\n--b--\n",
         "exchange 1: Subject: i\n\nbody| c@d"},
        {"cut off in the message",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
         "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\nbo",
         "exchange 1: Subject: i\r\n\r\nbo| g@h"},
        {"a boundary that begins like another",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
         "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n--bb\r\n--b x\r\n--b--\r\n",
         "exchange 1: \r\n--bb\r\n--b x| g@h"},
        {"the message first, blanks behind the boundary",
         "X-MS-Journal-Report:\r\n" MIXED "\r\npreamble\r\n" MESSAGE_PART "--b  \t\r\n\r\n" REPORT
         "--b--\r\nepilogue\r\n",
         "exchange 1: " INNER "| g@h"},
        {"not MIME at all",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
         "--b\r\nContent-Type: message/rfc822\r\n\r\njust text, no header\r\n--b--\r\n",
         "exchange 1: just text, no header| g@h"},
        {"base64",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
         "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         "U3ViamVj\r\ndDogaQ0KDQpib2R5\r\n--b--\r\n",
         "exchange 1: Subject: i\r\n\r\nbody| g@h"},
        {"quoted-printable",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART "--b\r\nContent-Type: message/rfc822\r\n"
         "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nSubject: =\r\ni=3D=zz\r\n--b--\r\n",
         "exchange 1: Subject: i==zz| g@h"},
        {"report in HTML, in an alternative",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n--b\r\n"
         "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n"
         "Content-Type: text/html; charset=utf-8\r\n\r\n"
         "<html><body>Sender: &lt;a@b&gt;<br>To: c@d, Expanded: l@d<p>Bcc: "
         "g@h</p></body></html>\r\n"
         "--a--\r\n" MESSAGE_PART "--b--\r\n",
         "exchange 1: " INNER "| c@d g@h"},
        {"report in base64 and ISO-2022-JP",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n--b\r\n"
         "Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\n"
         "U2VuZGVyOiBhQGINClN1YmplY3Q6IBskQjJxNUQbKEINClRvOiBjQGQNCg==\r\n" MESSAGE_PART
         "--b--\r\n",
         "exchange 1: " INNER "| c@d"},
        {"report behind other text",
         "X-MS-Journal-Report:\r\n" MIXED
         "\r\n--b\r\n\r\nA notice by a gateway.\r\n" TEXT_PART MESSAGE_PART "--b--\r\n",
         "exchange 1: " INNER "| g@h"},
        {"protected, with its clear copy",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART MESSAGE_PART
         "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: clear\r\n\r\ncopy\r\n--b--\r\n",
         "exchange 1: " INNER "|Subject: clear\r\n\r\ncopy| g@h"},
        {"a report in a non-delivery report", NDR(JOURNAL), "exchange 2: " INNER "| g@h"},
        {"that in a report again",
         "X-MS-Journal-Report:\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\n"
         "Sender: <>\r\nRecipient: journal@h\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" NDR(
             JOURNAL) "\r\n--o--\r\n",
         "exchange 3: " INNER "| g@h"},
        {"a non-delivery report of another message", NDR(INNER), "none"},
        {"a report of a non-delivery report",
         "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
         "--b\r\nContent-Type: message/rfc822\r\n\r\n" NDR(INNER) "\r\n--b--\r\n",
         "exchange 1: " NDR(INNER) "| g@h"},
        {"a forwarded report is a letter",
         MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" JOURNAL "\r\n--b--\r\n", "none"},
    };
    fk_reading__prepare();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf got = FK_BUF_INIT;
        printed(cases[i].message, &got);
        if (strcmp(fk_buf_cstr(&got), cases[i].want) != 0)
            fail_msg("%s:\n%s\nnot\n%s", cases[i].name, fk_buf_cstr(&got), cases[i].want);
        fk_buf_free(&got);
    }
}

static void the_shell_is_all_but_the_message(void **state) {
    (void)state;
    struct fk_unwrapped u;
    struct fk_buf shell = FK_BUF_INIT;
    static const char message[] = JOURNAL;
    assert_int_equal(fk_unwrap((const uint8_t *)message, sizeof message - 1, &u, &err), FK_OK);
    fk_unwrapped_shell((const uint8_t *)message, sizeof message - 1, &u, &shell);
    assert_string_equal(fk_buf_cstr(&shell),
                        "X-MS-Journal-Report:\r\n" MIXED "\r\n" TEXT_PART
                        "--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n--b--\r\n");
    fk_buf_free(&shell);
    fk_unwrapped_free(&u);
}

/* Each prefix and each byte changed: a place within the message or none, never a crash (asan). */
static void places_are_within_the_message(void **state) {
    (void)state;
    static const char message[] = NDR(JOURNAL);
    char copy[sizeof message];
    for (size_t i = 0; i < 2 * (sizeof message - 1); i++) {
        struct fk_unwrapped u;
        const bool cut = i < sizeof message - 1;
        const size_t len = cut ? i : sizeof message - 1;
        memcpy(copy, message, sizeof message);
        if (!cut)
            copy[i - (sizeof message - 1)] ^= 0x25;
        assert_int_equal(fk_unwrap((const uint8_t *)copy, len, &u, &err), FK_OK);
        for (size_t k = 0; k < u.inner_count; k++)
            assert_true(u.inner[k].offset <= len && u.inner[k].len <= len - u.inner[k].offset);
        fk_unwrapped_free(&u);
    }
}

static void lines_of_a_report_are_taken_back_as_they_were_written(void **state) {
    (void)state;
    struct fk_unwrapped u;
    struct fk_buf lines = FK_BUF_INIT;
    const struct fk_buf none = FK_BUF_INIT;
    static const char message[] = JOURNAL;
    assert_int_equal(fk_unwrap((const uint8_t *)message, sizeof message - 1, &u, &err), FK_OK);
    assert_true(fk_facts__report(&lines, &u, &none));
    assert_true(fk_facts__report_is_good(lines.data, lines.len));
    assert_false(fk_facts__own_is_good(lines.data, lines.len));
    for (int transfer = FK_TRANSFER_IDENTITY; transfer <= FK_TRANSFER_QUOTED; transfer++) {
        struct fk_slice back;
        u.inner[0] = (struct fk_slice){12, 345, (enum fk_transfer)transfer};
        fk_buf_reset(&lines);
        assert_true(fk_facts__report(&lines, &u, &none));
        struct fk_fields it = fk_fields_begin(lines.data, lines.len);
        assert_true(fk_facts__inner_next(&it, &back));
        assert_true(back.offset == 12 && back.len == 345 && (int)back.transfer == transfer);
        assert_false(fk_facts__inner_next(&it, &back));
    }
    fk_buf_str(&lines, "capture: 1 2026-11-24T01:00:00.000Z smtp stated\n");
    assert_false(fk_facts__report_is_good(lines.data, lines.len)); /* not a reader's to say */
    fk_buf_free(&lines);
    fk_unwrapped_free(&u);
}

static void a_report_may_have_lines_that_end_in_cr(void **state) {
    (void)state;
    static const char message[] = JOURNAL, inner[] = INNER;
    char copy[sizeof message], want[sizeof inner + 10];
    size_t n = 0, m = 0;
    struct fk_buf out = FK_BUF_INIT;
    for (const char *at = message; at < message + sizeof message; at++)
        if (*at != '\n')
            copy[n++] = *at;
    for (const char *at = inner; *at; at++)
        if (*at != '\n')
            want[m++] = *at;
    want[m] = 0;
    printed(copy, &out);
    char all[sizeof want + 40];
    snprintf(all, sizeof all, "exchange 1: %s| g@h", want); /* as it came */
    assert_string_equal(fk_buf_cstr(&out), all);
    fk_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_told_and_cut_exactly),
        cmocka_unit_test(the_shell_is_all_but_the_message),
        cmocka_unit_test(places_are_within_the_message),
        cmocka_unit_test(a_report_may_have_lines_that_end_in_cr),
        cmocka_unit_test(lines_of_a_report_are_taken_back_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
