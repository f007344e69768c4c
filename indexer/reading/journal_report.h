/*
 * journal_report.h - the text of a journal report: who sent a message and who had it, as the mail
 * server says. Text in, struct out; no MIME, no charset, no file.
 *
 *     struct fk_journal_report r = FK_JOURNAL_REPORT_INIT;
 *     FK_TRY(fk_journal__parse(text, len, &r, err));
 *     if (fk_journal__says_something(&r)) ...
 * done:
 *     fk_journal__free(&r);
 *
 * Grammar: [MS-XJRNL] 2.1 (Exchange 2007 and later, Microsoft 365), and the older report of
 * Exchange 2003 with its "Recipients:" list, read leniently: labels in any case and order, lines
 * folded (RFC 5322 2.2.3), addresses bare, in <>, with a name before them, with "SMTP:" before
 * them. A line that is none of these is kept as an "other" line, in order. A null path (<>) is an
 * address of no bytes.
 *
 * Cost grows with the text, never faster; over FK_JOURNAL_RECIPIENTS_MAX recipients or lines of
 * other text the rest is counted in left_out. Ownership: all spans are borrowed from the report's
 * own copy. Errors: FK_NOMEM. Threads: any.
 */
#ifndef FK_INDEXER_JOURNAL_REPORT_H
#define FK_INDEXER_JOURNAL_REPORT_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_JOURNAL_RECIPIENTS_MAX = 100000 };

enum fk_journal_role {
    FK_JOURNAL_TO,
    FK_JOURNAL_CC,
    FK_JOURNAL_BCC,
    FK_JOURNAL_RECIPIENT /* in the envelope; in which header, if any, the server does not say */
};
enum fk_journal_via { FK_JOURNAL_DIRECT, FK_JOURNAL_EXPANDED, FK_JOURNAL_FORWARDED };

struct fk_span {
    const char *at; /* NULL: not there */
    size_t len;
};
struct fk_journal_recipient {
    enum fk_journal_role role;
    enum fk_journal_via via;
    struct fk_span address, name;
    struct fk_span original; /* the list it was expanded from, the mailbox it was forwarded from */
};
struct fk_journal_report {
    struct fk_span sender, on_behalf_of, subject, message_id, label, mailbox, sent_utc,
        received_utc;
    struct fk_journal_recipient *recipients;
    struct fk_span *others;
    size_t recipient_count, other_count, left_out;
    size_t recipient_cap, other_cap;
    struct fk_buf text; /* unfolded */
};
#define FK_JOURNAL_REPORT_INIT                                                                     \
    { .recipients = NULL }

FK_CHECKED enum fk_status fk_journal__parse(const char *text, size_t len,
                                            struct fk_journal_report *out, struct fk_err *err);
/* A sender or a recipient: what has neither is no report. */
bool fk_journal__says_something(const struct fk_journal_report *r);
void fk_journal__free(struct fk_journal_report *r);

#ifdef __cplusplus
}
#endif
#endif
