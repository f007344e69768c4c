/*
 * docterms_priv.h - the terms of one message, each once, and its texts by field (texts_priv.h).
 *
 * Text goes in field by field, in order. Between
 * fk_docterms__alternative true and false the words of plain parts are remembered, and of an HTML
 * part only those paragraphs are taken that do not stand in them word for word.
 * Errors: FK_NOMEM. Threads: one at a time.
 */
#ifndef FK_INDEXER_DOCTERMS_PRIV_H
#define FK_INDEXER_DOCTERMS_PRIV_H
#include "base/buf.h"
#include "base/status.h"

enum fk_docfield {
    FK_IN_BODY,
    FK_IN_SUBJECT,
    FK_IN_FROM,
    FK_IN_TO,
    FK_IN_CC,
    FK_IN_BCC,
    FK_IN_FILE,
    FK_IN_ATTACHMENT, /* what stands in files that the message brings */
    FK_IN_LINK,       /* targets of links */
    FK_IN_WRAPPER,    /* of what stands around a journaled message */
    FK_DOCFIELDS
};

struct fk_docterms;
FK_CHECKED enum fk_status fk_docterms__new(struct fk_docterms **out, struct fk_err *err);
void fk_docterms__free(struct fk_docterms **d);
void fk_docterms__reset(struct fk_docterms *d); /* for the next message; keeps the memory */

FK_CHECKED enum fk_status fk_docterms__text(struct fk_docterms *d, enum fk_docfield field,
                                            const char *text, size_t len, struct fk_err *err);
FK_CHECKED enum fk_status fk_docterms__html(struct fk_docterms *d, enum fk_docfield field,
                                            const char *text, size_t len, struct fk_err *err);
/* Whether the field has any text at all. */
bool fk_docterms__has(const struct fk_docterms *d, enum fk_docfield field);
/* Sets what follows in the field apart from what came before. */
void fk_docterms__gap(struct fk_docterms *d, enum fk_docfield field);
/* A whole term, in no row, cut at FK_TERM_MAX bytes; control characters are left out. */
FK_CHECKED enum fk_status fk_docterms__whole(struct fk_docterms *d, const char *prefix,
                                             const char *text, size_t len, struct fk_err *err);
void fk_docterms__alternative(struct fk_docterms *d, bool begins);
/* True once there were more tokens than FK_POSTINGS_MAX; the rest was left out. */
bool fk_docterms__is_cut(const struct fk_docterms *d);

/* What the text of the body is like (sketch.h); false where it has no words. Once a message. */
bool fk_docterms__sketch(struct fk_docterms *d, uint8_t out[128]);

enum { FK_TERM_MAX = 240 };

/* Appends all terms, in the order they came: their number (32 bits), then for each its length (8
 * bits) and bytes; then two blobs of texts_priv.h, each with its length (32 bits) before it. */
FK_CHECKED enum fk_status fk_docterms__write(struct fk_docterms *d, struct fk_buf *out,
                                             struct fk_err *err);

#endif
