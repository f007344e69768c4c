/*
 * host.h - names of hosts and domains as terms, the same way for messages and for queries.
 *
 * Errors: FK_NOMEM; FK_IO ICU has no data. Threads: any.
 */
#ifndef FK_INDEXER_HOST_H
#define FK_INDEXER_HOST_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Folded, in the ASCII form of IDNA where it has one, without a point at its end; appended. */
FK_CHECKED enum fk_status fk_host_fold(const char *name, size_t len, struct fk_buf *out,
                                       struct fk_err *err);
/* What the name is below: "b.example" of "a.b.example"; NULL of one with a single point or none,
 * and of addresses. name: folded. */
const char *fk_host_above(const char *name);
/* Is it this domain, or below it? */
bool fk_host_is_below(const char *name, const char *domain);

#ifdef __cplusplus
}
#endif
#endif
