/*
 * border_priv.h - what the mail server in front said of a message, in the fields that it put on
 * top: read in the box as lines, judged outside of it by whom the configuration believes
 * (docs/auth.md).
 *
 *     border: received HOST              a Received field, by whom; "-" where it does not say
 *     border: results ID METHOD=RESULT [DOMAIN]      one a method of Authentication-Results (RFC
 *                                        8601)
 *     border: arc ID arc=RESULT [DOMAIN] what ARC-Authentication-Results says of the chain, or of
 *                                        ARC-Seal d= and cv= (RFC 8617)
 *     border: field NAME=VALUE [SCORE]   spam or virus, of a filter's field
 *     border: other                      one field or more of another sort
 *
 * in the order of the header, from its top, down to a Received field after FK_HOPS_MAX others.
 * Anybody may write such fields into his own mail: a line counts only where it stands above (or,
 * where that is wanted, directly below) the Received fields of our own servers.
 */
#ifndef FK_INDEXER_BORDER_PRIV_H
#define FK_INDEXER_BORDER_PRIV_H
#include "base/buf.h"
#include "indexer/index.h"
#include "indexer/xapian_shim.h"

enum { FK_HOPS_MAX = 16, FK_BORDER_LINES_MAX = 128, FK_BORDER_BYTES_MAX = 16384 };

/* In the box: appends the lines. */
void fk_border__read(const uint8_t *message, size_t len, struct fk_buf *out);
/* Outside: what counts of them, as verdict lines (verdicts_priv.h). trust NULL: nothing. mta: the
 * mail server that gave us the message before its own Received field was in it (a milter's), so
 * that field is taken to stand on top of all that are there; NULL where it is among them. */
void fk_border__judge(const struct fk_trust *trust, const char *mta, const void *lines, size_t len,
                      struct fk_buf *out);

#endif
