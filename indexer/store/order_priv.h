/*
 * order_priv.h - the documents of a database in the order of a value, greatest first, beside it
 * (docs/format-index.md).
 *
 * What is wanted of many hits is the first page. Xapian tells the value of a document that is asked
 * for, so that those of all hits had to be read; here documents are gone through in their order
 * until the page is full. It is a help and never needed: a database without the file goes by its
 * values.
 *
 *     order              how many, of which slot, the SHA-256 of each block and of that; the blocks
 *     order.void         is there once a value was changed in its place (aside_priv.h)
 *
 * A document that was deleted in its place stays in it: who asks looks for hits, of which it is
 * none.
 *
 * Errors: FK_NOT_FOUND there is none; FK_CORRUPT. Threads: reading, any.
 */
#ifndef FK_INDEXER_ORDER_PRIV_H
#define FK_INDEXER_ORDER_PRIV_H
#include "base/status.h"
#include "indexer/store/xapian_shim.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_ORDER_BLOCK = 256 }; /* documents */

/* DIR/order, of documents that are in order already; the caller syncs. */
FK_CHECKED enum fk_status fk_order_write(const char *dir, unsigned slot, const struct fk_xhit *all,
                                         size_t n, struct fk_err *err);

struct fk_order;
FK_CHECKED enum fk_status fk_order_open(const char *dir, struct fk_order **out, struct fk_err *err);
void fk_order_close(struct fk_order **order);
unsigned fk_order_slot(const struct fk_order *order);
size_t fk_order_blocks(const struct fk_order *order);
/* The block of this number, into FK_ORDER_BLOCK; all but the last are full. */
FK_CHECKED enum fk_status fk_order_read(const struct fk_order *order, size_t block,
                                        struct fk_xhit *out, size_t *n_out, struct fk_err *err);

/* Before a value is changed in its place: from then on there is none. On the disk on return. */
FK_CHECKED enum fk_status fk_order_void(const char *dir, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
