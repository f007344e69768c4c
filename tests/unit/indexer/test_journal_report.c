/* The text of a journal report: every form that mail servers write, and what is none. */
#include "base/buf.h"
#include "base/clock.h"
#include "indexer/reading/journal_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;

static void span_print(struct fk_buf *out, const char *name, struct fk_span s) {
    if (s.at)
        fk_buf_printf(out, "%s=%.*s|", name, (int)s.len, s.at);
}

/* All that was found, as one line. */
static void printed(const char *text, size_t len, struct fk_buf *out) {
    static const char *const roles[] = {"to", "cc", "bcc", "rcpt"};
    static const char *const vias[] = {"", " expanded ", " forwarded "};
    struct fk_journal_report r;
    assert_int_equal(fk_journal__parse(text, len, &r, &err), FK_OK);
    span_print(out, "sender", r.sender);
    span_print(out, "behalf", r.on_behalf_of);
    span_print(out, "mailbox", r.mailbox);
    span_print(out, "subject", r.subject);
    span_print(out, "id", r.message_id);
    span_print(out, "label", r.label);
    span_print(out, "sent", r.sent_utc);
    span_print(out, "received", r.received_utc);
    for (size_t i = 0; i < r.recipient_count; i++) {
        const struct fk_journal_recipient *one = &r.recipients[i];
        fk_buf_printf(out, "%s=%.*s%s%.*s", roles[one->role], (int)one->address.len,
                      one->address.at, vias[one->via], (int)one->original.len,
                      one->original.at ? one->original.at : "");
        if (one->name.at)
            fk_buf_printf(out, " named %.*s", (int)one->name.len, one->name.at);
        fk_buf_byte(out, '|');
    }
    for (size_t i = 0; i < r.other_count; i++)
        span_print(out, "other", r.others[i]);
    if (!fk_journal__says_something(&r))
        fk_buf_str(out, "nothing");
    fk_journal__free(&r);
}

static void reports_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"Microsoft 365, inbound",
         "Sender: a@b\r\nSubject: hello\r\nMessage-Id: <1@x>\r\nRecipient: c@d\r\n",
         "sender=a@b|subject=hello|id=1@x|rcpt=c@d|"},
        {"all fields",
         "Sender: a@b\nOn-Behalf-Of: boss@b\nMessage-ID: <1@x>\nSubject: s\nLabel: Secret\n"
         "Mailbox: m@b\nSentUtc: 2026-11-24 01:02:03Z\nReceivedUtc: 2026-11-24 01:02:04Z\n"
         "To: c@d\nCc: e@f\nBcc: g@h\nRecipient: i@j\n",
         "sender=a@b|behalf=boss@b|mailbox=m@b|subject=s|id=1@x|label=Secret|"
         "sent=2026-11-24 01:02:03Z|received=2026-11-24 01:02:04Z|to=c@d|cc=e@f|bcc=g@h|rcpt=i@j|"},
        {"any case and order", "BCC: g@h\nmessage-ID: 1@x\nSUBJECT: s\nsEnDeR: a@b\n",
         "sender=a@b|subject=s|id=1@x|bcc=g@h|"},
        {"expanded", "Sender: a@b\nTo: c@d, Expanded: list@d\n",
         "sender=a@b|to=c@d expanded list@d|"},
        {"forwarded, odd blanks", "Sender: a@b\nBcc:c@d ,FORWARDED : <old@d>\n",
         "sender=a@b|bcc=c@d forwarded old@d|"},
        {"recipient expanded", "Recipient: c@d, Expanded: <all@d>\n", "rcpt=c@d expanded all@d|"},
        {"folded", "Sender:\r\n a@b\r\nTo: c@d,\r\n\tExpanded: list@d\r\nSubject: one\r\n two\r\n",
         "sender=a@b|subject=one two|to=c@d expanded list@d|"},
        {"null paths", "Sender: <>\nRecipient: <>\n", "sender=|rcpt=|"},
        {"in angles, with a name", "Sender: \"Sato, H\" <a@b>\nTo: Tanaka <c@d>\n",
         "sender=a@b|to=c@d named Tanaka|"},
        {"types", "Sender: SMTP:a@b\nTo: smtp:c@d\nRecipient: EX:/o=Org/cn=x\n",
         "sender=a@b|to=c@d|rcpt=EX:/o=Org/cn=x|"},
        {"a comma within quotes", "Sender: a@b\nTo: \"x, Expanded: y\"@d\n",
         "sender=a@b|to=\"x, Expanded: y\"@d|"},
        {"Exchange 2003",
         "Sender: \"Admin\" <smtp:a@b>\nMessage-ID: <1@x>\nRecipients: \"C D\" <smtp:c@d>,\n"
         "\"E; F\" <smtp:e@f>;\n <X400:C=US;A= ;P=Org>\n",
         "sender=a@b|id=1@x|rcpt=c@d named C D|rcpt=e@f named E; F|"
         "rcpt=X400:C=US;A= ;P=Org|"},
        {"Exchange 2003, list below",
         "Sender: a@b\nRecipients:\nc@d\ne@f\n\nThis text is no recipient\n",
         "sender=a@b|rcpt=c@d|rcpt=e@f|other=This text is no recipient|"},
        {"Japanese", "Sender: a@b\nSubject: 会議の件\nTo: c@d\nそのほか\n",
         "sender=a@b|subject=会議の件|to=c@d|other=そのほか|"},
        {"twice", "Sender: a@b\nSender: z@z\nTo: c@d\nTo: c@d\n",
         "sender=a@b|to=c@d|to=c@d|other=Sender: z@z|"},
        {"unknown and malformed lines are kept", "Sender: a@b\nX-New: 1\nTo:\n: x\nTo c@d\n",
         "sender=a@b|other=X-New: 1|other=To:|other=: x|other=To c@d|"},
        {"no end of line", "Sender: a@b\nTo: c@d", "sender=a@b|to=c@d|"},
        {"empty", "", "nothing"},
        {"a letter", "Dear all,\nplease come: tomorrow\n",
         "other=Dear all,|other=please come: tomorrow|nothing"},
        {"subject alone is none", "Subject: x\n", "subject=x|nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf got = FK_BUF_INIT;
        printed(cases[i].text, strlen(cases[i].text), &got);
        if (strcmp(fk_buf_cstr(&got), cases[i].want) != 0)
            fail_msg("%s:\n  %s\nnot\n  %s", cases[i].name, fk_buf_cstr(&got), cases[i].want);
        fk_buf_free(&got);
    }
}

static void a_nul_is_a_blank(void **state) {
    (void)state;
    struct fk_buf got = FK_BUF_INIT;
    printed("Sender: a\0b\nTo: c@d\0", 21, &got);
    assert_string_equal(fk_buf_cstr(&got), "sender=a b|to=c@d|");
    fk_buf_free(&got);
}

static double seconds_of(const struct fk_buf *text, size_t *recipients, size_t *others) {
    struct fk_journal_report r;
    const int64_t began = fk_monotonic_ms();
    assert_int_equal(fk_journal__parse((const char *)text->data, text->len, &r, &err), FK_OK);
    *recipients = r.recipient_count;
    *others = r.other_count + r.left_out;
    fk_journal__free(&r);
    return (double)(fk_monotonic_ms() - began) / 1000;
}

/* Ten times as much may not take a hundred times as long; each of these is 10 MB or so. */
static void cost_grows_with_the_text_alone(void **state) {
    (void)state;
    size_t recipients, others;
    struct fk_buf many = FK_BUF_INIT, list = FK_BUF_INIT, commas = FK_BUF_INIT, folds = FK_BUF_INIT;
    fk_buf_str(&many, "Sender: a@b\n");
    fk_buf_str(&list, "Sender: a@b\nRecipients: ");
    fk_buf_str(&commas, "Sender: a@b\nTo: ");
    fk_buf_str(&folds, "Sender: a@b\nTo: x\n");
    for (int i = 0; i < 10000; i++)
        fk_buf_printf(&many, "Bcc: user%d@example.jp, Expanded: all@example.jp\n", i);
    for (int i = 0; i < 200000; i++)
        fk_buf_printf(&list, "\"User %d\" <smtp:user%d@example.jp>,\n ", i, i);
    for (int i = 0; i < 5000000; i++)
        fk_buf_str(&commas, ", ");
    for (int i = 0; i < 3000000; i++)
        fk_buf_str(&folds, " ,\n");
    assert_true(seconds_of(&many, &recipients, &others) < 2);
    assert_int_equal(recipients, 10000);
    assert_true(seconds_of(&list, &recipients, &others) < 5);
    assert_int_equal(recipients, FK_JOURNAL_RECIPIENTS_MAX);
    assert_int_equal(others, 100000);
    assert_true(seconds_of(&commas, &recipients, &others) < 5);
    assert_true(seconds_of(&folds, &recipients, &others) < 5);
    fk_buf_free(&many);
    fk_buf_free(&list);
    fk_buf_free(&commas);
    fk_buf_free(&folds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_read_in_every_form),
        cmocka_unit_test(a_nul_is_a_blank),
        cmocka_unit_test(cost_grows_with_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
