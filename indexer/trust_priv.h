/*
 * trust_priv.h - what counts of what the mail server in front said (border_priv.h), by whom the
 * configuration believes (docs/auth.md).
 *
 * Anybody may write such fields into his own mail: a line counts only where it stands above (or,
 * where that is wanted, directly below) the Received fields of our own servers.
 * Errors: out->failed. Threads: any.
 */
#ifndef FK_INDEXER_TRUST_PRIV_H
#define FK_INDEXER_TRUST_PRIV_H
#include "base/buf.h"
#include "indexer/index.h"

/* Of the lines of border_priv.h those that count, as verdict lines (verdicts_priv.h). trust NULL:
 * nothing. mta: the mail server that gave us the message before its own Received field was in it (a
 * milter's), so that field is taken to stand on top of all that are there; NULL where it is among
 * them. */
void fk_trust__judge(const struct fk_trust *trust, const char *mta, const void *lines, size_t len,
                     struct fk_buf *out);

#endif
