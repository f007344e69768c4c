/*
 * conversation_terms_priv.h - of the lines of conversation_priv.h the terms and the value by which
 * conversations are collapsed, and of the sketch (sketch.h) its value and bands (prefixes.h).
 * Errors: FK_NOMEM, and those of fk_xdoc_term and fk_xdoc_value. Threads: any.
 */
#ifndef FK_INDEXER_CONVERSATION_TERMS_PRIV_H
#define FK_INDEXER_CONVERSATION_TERMS_PRIV_H
#include "indexer/store/xapian_shim.h"

/* Of a document's data, FK_P_REFERENCE terms and FK_SLOT_CONVERSATION. */
FK_CHECKED enum fk_status fk_conversation__put(struct fk_xdoc *doc, const void *data, size_t len,
                                               struct fk_err *err);
/* What the box said of the text: FK_SLOT_SKETCH and FK_P_BAND terms, out of a line "sketch". */
FK_CHECKED enum fk_status fk_conversation__put_sketch(struct fk_xdoc *doc, const void *lines,
                                                      size_t len, struct fk_err *err);

#endif
