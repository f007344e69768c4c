/* The text of a journal report (indexer/reading/journal_report.h): what is taken of it stands in
 * the report's own copy, in bounds, and the same text gives the same. Input: the text. */
#include "indexer/reading/journal_report.h"
#include "tests/fuzz/support/fuzz.h"

static void span_check(const struct fk_journal_report *r, struct fk_span s) {
    const char *text = (const char *)r->text.data;
    if (s.at && s.len)
        MUST(s.at >= text && s.at + s.len <= text + r->text.len);
    MUST(s.at || !s.len);
}

static size_t report_check(const struct fk_journal_report *r, size_t len) {
    const struct fk_span single[] = {r->sender, r->on_behalf_of, r->subject,  r->message_id,
                                     r->label,  r->mailbox,      r->sent_utc, r->received_utc};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        span_check(r, single[i]);
    MUST(r->recipient_count <= FK_JOURNAL_RECIPIENTS_MAX && r->text.len <= len + 2);
    for (size_t i = 0; i < r->recipient_count; i++) {
        const struct fk_journal_recipient *p = &r->recipients[i];
        span_check(r, p->address);
        span_check(r, p->name);
        span_check(r, p->original);
        MUST(p->address.at && p->role <= FK_JOURNAL_RECIPIENT);
        bytes += p->address.len + p->name.len + p->original.len;
    }
    for (size_t i = 0; i < r->other_count; i++)
        span_check(r, r->others[i]);
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_journal_report one = FK_JOURNAL_REPORT_INIT, two = FK_JOURNAL_REPORT_INIT;
    DONE(fk_journal__parse((const char *)data, len, &one, NULL));
    DONE(fk_journal__parse((const char *)data, len, &two, NULL));
    MUST(report_check(&one, len) == report_check(&two, len));
    MUST(one.recipient_count == two.recipient_count && one.other_count == two.other_count);
    if (one.recipient_count)
        MUST(fk_journal__says_something(&one));
    fk_journal__free(&one);
    fk_journal__free(&two);
    return 0;
}
