/*
 * capture.h - one message as the milter protocol tells it: envelope and header field by field, body
 * in blocks, into a memory file for the pen.
 *
 *     struct fk_budget budget = {.limit = in_flight};            one for all captures
 *     fk_capture_begin(&c, &budget, size_limit);
 *     fk_capture_field(&c, "mail-from", ...), fk_capture_header(&c, ...),
 * fk_capture_header_end(&c), fk_capture_body(&c, ...) FK_TRY(fk_capture_finish(&c, &first_fields));
 * c.file is for fk_keep_send_mail fk_capture_drop(&c);                                       in
 * every case
 *
 * Nothing fails before the finish: what went wrong is remembered, memory is given back at once, and
 * the rest of the message is let past. What the protocol does not say is put together as the wire
 * most likely had it, and marked (docs/format-vault.md, `reconstructed`): CR LF after each line of
 * the header, an empty line after it.
 *
 * Errors of finish: FK_FULL over the budget; FK_INVALID over size_limit; FK_NOMEM, FK_IO.
 * Threads: a capture belongs to one at a time; a budget to any.
 */
#ifndef FK_MILTER_CAPTURE_H
#define FK_MILTER_CAPTURE_H
#include "archiver/intake/mailfile.h"
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of all messages that are taken and not answered. */
struct fk_budget {
    uint64_t limit, used;
};

struct fk_capture {
    struct fk_budget *budget; /* NULL while there is no message */
    uint64_t size_limit, held;
    struct fk_mailfile file;
    struct fk_buf fields, head; /* of the envelope; bytes that are not in the file yet */
    enum fk_status failed;
    unsigned flags;
    bool after_cr, header_space;
};
#define FK_CAPTURE_INIT                                                                            \
    { NULL, 0, 0, FK_MAILFILE_INIT, FK_BUF_INIT, FK_BUF_INIT, FK_OK, 0, false, false }

/* The capture is FK_CAPTURE_INIT or dropped. */
void fk_capture_begin(struct fk_capture *c, struct fk_budget *budget, uint64_t size_limit);
void fk_capture_field(struct fk_capture *c, const char *name, const char *value);
/* An address in its angle brackets and its parameters, as MAIL and RCPT had them; NULL at the end.
 */
void fk_capture_path(struct fk_capture *c, const char *name, const char *const *words);
/* value: with what stood between colon and text where `exact`, else without its first space, which
 * is put there, and marked. */
void fk_capture_header(struct fk_capture *c, const char *name, const char *value, bool exact);
void fk_capture_header_end(struct fk_capture *c);
void fk_capture_body(struct fk_capture *c, const void *data, size_t len);
/* first: fields that stand before the others. */
FK_CHECKED enum fk_status fk_capture_finish(struct fk_capture *c, const struct fk_buf *first);
void fk_capture_drop(struct fk_capture *c);

#ifdef __cplusplus
}
#endif
#endif
