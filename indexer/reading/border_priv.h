/*
 * border_priv.h - what the mail server in front said of a message, in the fields that it put on
 * top: read in the box as lines, judged outside of it (trust_priv.h).
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
 * Runs in the box. Errors: out->failed. Threads: any.
 */
#ifndef FK_INDEXER_BORDER_PRIV_H
#define FK_INDEXER_BORDER_PRIV_H
#include "base/buf.h"

enum {
    FK_HOPS_MAX = 16,
    FK_BORDER_LINES_MAX = 128,
    FK_BORDER_BYTES_MAX = 16384,
    FK_BORDER_WORD_MAX = 200 /* of a host, a domain, a result: bytes, cut there */
};

/* Appends the lines. */
void fk_border__read(const uint8_t *message, size_t len, struct fk_buf *out);

#endif
