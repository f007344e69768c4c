/*
 * notice_terms_priv.h - what a notice says (delivery_record.h), as terms of its own document.
 * Errors: FK_NOMEM, and those of fk_xdoc_term. Threads: any.
 */
#ifndef FK_INDEXER_NOTICE_TERMS_PRIV_H
#define FK_INDEXER_NOTICE_TERMS_PRIV_H
#include "indexer/store/xapian_shim.h"

/* Of a document's data: FK_P_NOTICE and what delivery_term.h says, every status, code, host and
 * recipient; "dsn" or "mdn"; and FK_P_ABOUT and FK_P_MSGID of the message that it is about. */
FK_CHECKED enum fk_status fk_notice__terms(struct fk_xdoc *doc, const void *data, size_t len,
                                           struct fk_err *err);

#endif
