/*
 * unwrap_priv.h - is this message a journal report, and where in its bytes is what it reports?
 *
 * A report is told by header fields: X-MS-Journal-Report (Exchange 2007 and later, Microsoft 365),
 * the name it has inside Exchange, or Content-Identifier (also misspelt) with ExJournalReport
 * (2003). The report inside a non-delivery report (multipart/report) is found, and so is one inside
 * a report; the innermost counts, up to FK_UNWRAP_LAYERS of them. What is not a report is an
 * ordinary message.
 *
 * Structure is cut by boundaries here, not by GMime, so that an inner message is exactly the bytes
 * of its part: from after the part's empty line to before the line end that belongs to the
 * boundary. Runs in the box. Cost grows with the message. Errors: FK_NOMEM. Threads: one a process.
 */
#ifndef FK_INDEXER_UNWRAP_PRIV_H
#define FK_INDEXER_UNWRAP_PRIV_H
#include "base/status.h"
#include "indexer/reading/journal_report.h"
#include "indexer/reading/transfer.h"

enum { FK_UNWRAP_LAYERS = 8, FK_INNER_MAX = 8, FK_UNWRAP_TEXTS = 8 };

enum fk_journal_format { FK_JOURNAL_NONE, FK_JOURNAL_EXCHANGE, FK_JOURNAL_EXCHANGE_2003 };

struct fk_slice {
    size_t offset, len; /* in the message that was received */
    enum fk_transfer transfer;
};
struct fk_unwrapped {
    enum fk_journal_format format;
    /* What is reported: the message; of protected mail also its clear copies. */
    struct fk_slice inner[FK_INNER_MAX];
    size_t inner_count;
    unsigned layers; /* reports and non-delivery reports around it */
    struct fk_journal_report report;
};
#define FK_UNWRAPPED_INIT                                                                          \
    { .format = FK_JOURNAL_NONE }

FK_CHECKED enum fk_status fk_unwrap(const uint8_t *message, size_t len, struct fk_unwrapped *out,
                                    struct fk_err *err);
void fk_unwrapped_free(struct fk_unwrapped *u);
/* The message without what it reports: headers, report, whatever else is in it. */
void fk_unwrapped_shell(const uint8_t *message, size_t len, const struct fk_unwrapped *u,
                        struct fk_buf *out);

#endif
