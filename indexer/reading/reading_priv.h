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
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/docterms_priv.h"
#include "indexer/reading/header_priv.h"
#include "indexer/reading/notice_priv.h"
#include "indexer/record/reason_priv.h"

enum fk_text_kind {
    FK_TEXT_PLAIN,
    FK_TEXT_HTML,
    FK_TEXT_FILE /* of a file that the message brings: the one that opens told last */
};

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
    /* NULL: not wanted. A target as it is written; of HTML with its character references decoded.
     */
    enum fk_status (*link)(void *ctx, const char *target, size_t len, struct fk_err *err);
    /* NULL: not wanted. A part that is for machines; its text was given before. */
    void (*notice)(void *ctx, unsigned level, enum fk_notice_part part, const char *text,
                   size_t len);
    /* Of files: SHA-256, hex, of each; where the text that follows stands; which file was not read,
     * or not all of it. Any may be NULL. Paths are UTF-8. */
    enum fk_status (*digest)(void *ctx, const char *hex, struct fk_err *err);
    void (*opens)(void *ctx, const char *path, size_t len);
    void (*unread)(void *ctx, const char *path, size_t len, enum fk_reason reason);
    /* A file that opened with a password, and the entry that gave it; 0: the configured list. */
    void (*unlocked)(void *ctx, const char *path, size_t len, uint64_t origin);
    /* How a text that is more than ASCII was read; where: "part 2", or a file's path. May be NULL.
     */
    void (*charset)(void *ctx, const char *where, size_t len, const char *declared,
                    const struct fk_charset_use *use);
    /* NULL: not wanted. An id of References, or, with is_answer, of In-Reply-To. */
    void (*reference)(void *ctx, unsigned level, bool is_answer, const char *id, size_t len);
};

struct fk_files;

void fk_reading__prepare(void);
/* Files that messages bring are read too (files_priv.h) once this was called; NULL: by name only.
 */
void fk_reading__files(struct fk_files *files);
FK_CHECKED enum fk_status fk_reading__read(const uint8_t *message, size_t len, bool headers_only,
                                           const struct fk_sink *sink, unsigned *reasons,
                                           struct fk_err *err);

/* Tells targets of links, each with a NUL behind it, and those that stand in a text. */
FK_CHECKED enum fk_status fk_reading__links(const struct fk_sink *sink, const struct fk_buf *links,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_reading__links_of_text(const struct fk_sink *sink, const char *text,
                                                    size_t len, struct fk_err *err);

/* A message that is a file: its header fields and text are text of the file. */
FK_CHECKED enum fk_status fk_reading__in_file(struct fk_files *files, const struct fk_sink *sink,
                                              unsigned *reasons, bool *clean, size_t *text_left,
                                              const uint8_t *message, size_t len,
                                              struct fk_err *err);

#endif
