/*
 * reading_priv.h - one message read in full: headers, text parts, nested messages, names of files.
 * Runs in the box only (worker.c).
 *
 * Where it goes is the sink's affair: terms for the index, or a text for people.
 */
#ifndef FK_INDEXER_READING_PRIV_H
#define FK_INDEXER_READING_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/docterms_priv.h"
#include "indexer/header_priv.h"
#include "indexer/notice_priv.h"
#include "indexer/reason_priv.h"

enum fk_text_kind { FK_TEXT_PLAIN, FK_TEXT_HTML };

/* Every function may be called any number of times, in the order of the message. level: 0 for the
 * message itself, more for those within it. */
struct fk_sink {
    void *ctx;
    /* header: lower-case; field: where its words are searched, FK_DOCFIELDS: nowhere. */
    enum fk_status (*mailbox)(void *ctx, const char *header, enum fk_docfield field, unsigned level,
                              const struct fk_mailbox *m, struct fk_err *err);
    enum fk_status (*subject)(void *ctx, unsigned level, const char *text, size_t len,
                              struct fk_err *err);
    enum fk_status (*message_id)(void *ctx, unsigned level, const char *text, size_t len,
                                 struct fk_err *err);
    enum fk_status (*date)(void *ctx, unsigned level, int64_t ms, struct fk_err *err);
    enum fk_status (*file)(void *ctx, const char *name, size_t len, struct fk_err *err);
    enum fk_status (*text)(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                           struct fk_err *err);
    void (*alternative)(void *ctx, bool begins);
    void (*attachment)(void *ctx);
    enum fk_status (*nested)(void *ctx, unsigned level, struct fk_err *err);
    /* NULL: not wanted. A part that is for machines; its text was given before. */
    void (*notice)(void *ctx, unsigned level, enum fk_notice_part part, const char *text,
                   size_t len);
    /* NULL: not wanted. An id of References, or, with is_answer, of In-Reply-To. */
    void (*reference)(void *ctx, unsigned level, bool is_answer, const char *id, size_t len);
};

void fk_reading__prepare(void);
FK_CHECKED enum fk_status fk_reading__read(const uint8_t *message, size_t len, bool headers_only,
                                           const struct fk_sink *sink, unsigned *reasons,
                                           struct fk_err *err);

#endif
