/*
 * routes.h - the web server of a vault: its pages and its API (docs/api.md, docs/openapi.json).
 *
 *     struct fk_web_options o = {.dir = dir, .address = "127.0.0.1:8025", ...};
 *     FK_TRY(fk_web_open(&o, keep, lend, &web, err));       serves from here on
 *     ... fk_web_reattach_keep(web, fd) when the pen was started anew ...
 *     fk_web_close(&web);
 *
 * Every read of mail or of its headers appends an act first and is answered only when that act is
 * durable. A pen or desk that is away is answered 503 with Retry-After.
 *
 * Ownership: keep and lend stay the caller's, who leaves them alone until fk_web_close.
 * Errors: those of http.h. Threads: open and close from one; reattach from any.
 */
#ifndef FK_SEARCH_ROUTES_H
#define FK_SEARCH_ROUTES_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "indexer/index.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_web_options {
    const char *dir, *address; /* borrowed until close */
    int zone_minutes;
    char *const *domains;          /* ours; ends with NULL; borrowed as long as it is open */
    int64_t search_ms;             /* a search that takes longer is refused; 0: none is */
    struct fk_index_options index; /* limits of the box that a message is read in */
};

struct fk_web;
FK_CHECKED enum fk_status fk_web_open(const struct fk_web_options *options, struct fk_keep *keep,
                                      struct fk_lend *lend, struct fk_web **out,
                                      struct fk_err *err);
const char *fk_web_address(const struct fk_web *web);
/* Take the descriptor. */
void fk_web_reattach_keep(struct fk_web *web, int sock);
void fk_web_reattach_lend(struct fk_web *web, int sock);
void fk_web_close(struct fk_web **web);

/* What can be asked for: paths as OpenAPI writes them, parameters ended by NULL. */
enum { FK_ROUTE_PARAMS = 11 };
struct fk_route_info {
    const char *path, *params[FK_ROUTE_PARAMS];
};
const struct fk_route_info *fk_route_info(size_t i); /* NULL after the last */

#ifdef __cplusplus
}
#endif
#endif
