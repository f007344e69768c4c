/*
 * transfer.h - a part's bytes out of base64 or quoted-printable (RFC 2045, sections 6.7 and 6.8),
 * read leniently: what is none of the alphabet is passed over, a broken escape stays as it is.
 * Small enough to be used outside the box too. Errors: out->failed. Threads: any.
 */
#ifndef FK_INDEXER_TRANSFER_H
#define FK_INDEXER_TRANSFER_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_transfer { FK_TRANSFER_IDENTITY, FK_TRANSFER_BASE64, FK_TRANSFER_QUOTED };
#define FK_TRANSFER_WORDS                                                                          \
    { "as it stands", "base64", "quoted-printable" }

void fk_transfer_decode(enum fk_transfer transfer, const uint8_t *data, size_t len,
                        struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
