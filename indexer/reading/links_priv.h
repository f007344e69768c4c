/*
 * links_priv.h - where links lead: targets in a text, and a target as terms.
 *
 * A target is posted as text (FK_IN_LINK), once more with its %XX decoded, and by its host
 * (FK_P_LINK_HOST) and each domain that this is below. What a redirector or a filter put in front
 * is seen through: an address inside the target (https://r.example/?u=https%3A%2F%2Fb.example) is
 * one too. Hosts are in the ASCII form of IDNA (xn--), which is the same for either spelling.
 *
 * Targets are taken up to FK_LINK_MAX bytes; data:, cid: and places on the page are none.
 * Errors: FK_NOMEM. Threads: any.
 */
#ifndef FK_INDEXER_LINKS_PRIV_H
#define FK_INDEXER_LINKS_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/reading/docterms_priv.h"

enum { FK_LINK_MAX = 4096 };

/* The next http://, https://, ftp:// or www. from *at on, which moves behind it; false at the end.
 */
bool fk_links__next(const char *text, size_t len, size_t *at, const char **link, size_t *link_len);
/* *cut is set where the target is longer than is read. */
FK_CHECKED enum fk_status fk_links__post(struct fk_docterms *d, const char *target, size_t len,
                                         bool *cut, struct fk_err *err);

#endif
