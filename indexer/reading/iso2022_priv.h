/*
 * iso2022_priv.h - ISO-2022-JP and what is sent under its name, for charset.c alone.
 */
#ifndef FK_INDEXER_ISO2022_PRIV_H
#define FK_INDEXER_ISO2022_PRIV_H
#include "base/buf.h"
#include <stddef.h>

/* EUC-JP (with JIS X 0212 and NEC's and IBM's characters) into UTF-8; what has no meaning is
 * counted and stands as U+FFFD. */
typedef void (*fk_iso2022_fn)(void *ctx, const void *euc, size_t len, struct fk_buf *out,
                              size_t *faults_out);

void fk_iso2022__prepare(void); /* before the box is closed */
bool fk_iso2022__has_escape(const void *data, size_t len);
void fk_iso2022__decode(const void *data, size_t len, fk_iso2022_fn convert, void *ctx,
                        struct fk_buf *out, size_t *faults_out);

#endif
