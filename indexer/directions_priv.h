/*
 * directions_priv.h - from where to where a message went, as terms of its document: which domains
 * it is of and to (FK_P_OF_DOMAIN, FK_P_TO_DOMAIN, FK_SLOT_TO_DOMAINS), which fields that has by
 * its envelopes ("in:to"), and who delivered a capture (FK_P_CLIENT). What is ours and what is not
 * is asked when it is searched for, since the configuration may say otherwise by then.
 *
 * Errors: FK_NOMEM, and those of fk_xdoc_term. Threads: any.
 */
#ifndef FK_INDEXER_DIRECTIONS_PRIV_H
#define FK_INDEXER_DIRECTIONS_PRIV_H
#include "base/status.h"
#include "indexer/record/provenance.h"
#include "indexer/store/xapian_shim.h"

FK_CHECKED enum fk_status
fk_directions__terms(struct fk_xdoc *doc, const struct fk_provenance *known, struct fk_err *err);
/* envelope: its lines. Whom a listed peer or proxy names as the client before it, else the peer. */
FK_CHECKED enum fk_status fk_directions__client(struct fk_xdoc *doc, const void *envelope,
                                                size_t len, struct fk_err *err);

#endif
