/*
 * conversation_priv.h - what a message says of the conversation that it is in: which messages it
 * names (References, In-Reply-To), and its subject without what answering and forwarding put before
 * it (the base subject of RFC 5256, section 2.1, with 返信 and 転送).
 *
 * In the box: ids are collected header by header, then written as lines and terms
 * (conversation_terms_priv.h goes on with the lines).
 *
 * Of more than FK_REFERENCES_MAX ids the first and the last are kept: the root, and the nearest.
 * Errors: FK_NOMEM. Threads: any.
 */
#ifndef FK_INDEXER_CONVERSATION_PRIV_H
#define FK_INDEXER_CONVERSATION_PRIV_H
#include "base/buf.h"
#include "indexer/reading/docterms_priv.h"
#include "indexer/text/prefixes.h"

enum { FK_REFERENCES_MAX = 64 };

struct fk_conversation {
    char ids[FK_REFERENCES_MAX][FK_WHOLE_MAX + 1]; /* the first, then a ring of the last */
    size_t seen;                                   /* of References, also those not kept */
    char answers[FK_WHOLE_MAX + 1];                /* the first id of In-Reply-To */
    struct fk_buf base;                            /* of the subject, folded */
    bool is_reply;                                 /* by the subject */
    bool has_subject;
};

/* One id, of References or of In-Reply-To. */
void fk_conversation__id(struct fk_conversation *c, bool is_answer, const char *id, size_t len);
/* The first one counts. text: decoded. */
FK_CHECKED enum fk_status fk_conversation__subject(struct fk_conversation *c, const char *text,
                                                   size_t len, struct fk_err *err);
/* The base subject of a folded one, which is changed: a part of it. */
const char *fk_conversation__base(char *folded, size_t *len, bool *is_reply);
/* Appends "reference: ID" lines and "in-reply-to: ID"; adds the terms of the subject. */
FK_CHECKED enum fk_status fk_conversation__end(struct fk_conversation *c, struct fk_docterms *terms,
                                               struct fk_buf *lines, struct fk_err *err);
void fk_conversation__free(struct fk_conversation *c);

#endif
