/*
 * document_priv.h - one message as a document of the index: what the vault knows of it (seq,
 * envelope, size), and what a boxed reader said (pool_priv.h), which is checked to the last byte
 * before it is used.
 */
#ifndef FK_INDEXER_DOCUMENT_PRIV_H
#define FK_INDEXER_DOCUMENT_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/xapian_shim.h"

struct fk_source {
    uint64_t seq;
    const char *envelope; /* its fields (struct fk_envelope) */
    size_t envelope_len;
    int64_t time_ms; /* of the entry; used where the envelope does not say when */
    uint64_t message_bytes;
};

/* reasons: FK_REASON_ bits of our own. answer: empty when no reader gave one. Bad answers count as
 * none, with FK_REASON_CRASH. */
FK_CHECKED enum fk_status fk_document__make(const struct fk_source *source, unsigned reasons,
                                            const struct fk_buf *answer, struct fk_xdoc **out,
                                            size_t *postings_out, struct fk_err *err);

#endif
