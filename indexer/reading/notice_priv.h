/*
 * notice_priv.h - the parts of a notice that are for machines: message/delivery-status (RFC 3464),
 * message/disposition-notification (RFC 8098), and the header fields of the message that came back
 * (text/rfc822-headers). Text in, lines of delivery_record.h out. Runs in the box.
 *
 *     fk_notice__read(FK_NOTICE_DELIVERY, text, len, &lines);
 *
 * Read leniently: any case and order of fields, lines folded or not, types ("rfc822;") or none,
 * comments behind a code; of a field that is there twice the first. A group without any recipient
 * says nothing. What is left out over FK_NOTICE_RECIPIENTS, or FK_NOTICE_LINES_MAX bytes of lines,
 * is counted. Cost grows with the text. Ownership: none is taken. Threads: any.
 */
#ifndef FK_INDEXER_NOTICE_PRIV_H
#define FK_INDEXER_NOTICE_PRIV_H
#include "base/buf.h"
#include "indexer/record/delivery_record.h"

enum fk_notice_part {
    FK_NOTICE_NONE,
    FK_NOTICE_DELIVERY,
    FK_NOTICE_DISPOSITION,
    FK_NOTICE_HEADERS /* of what came back */
};
enum { FK_NOTICE_LINES_MAX = 4 << 20 };

/* By the type of a part, such as "message", "delivery-status". */
enum fk_notice_part fk_notice__part_of(const char *type, const char *subtype);
/* Appends the lines of a delivery or disposition part. out->failed tells. */
void fk_notice__read(enum fk_notice_part part, const char *text, size_t len, struct fk_buf *out);
/* The Message-ID in header fields, without <>; false where there is none. */
bool fk_notice__message_id(const char *text, size_t len, const char **at, size_t *len_out);

#endif
