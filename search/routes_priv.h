/*
 * routes_priv.h - what the handlers of the API share.
 */
#ifndef FK_SEARCH_ROUTES_PRIV_H
#define FK_SEARCH_ROUTES_PRIV_H
#include "search/http.h"
#include "search/json.h"
#include "search/routes.h"
#include <pthread.h>

struct fk_http;
struct fk_web {
    struct fk_web_options options;
    struct fk_keep *keep;
    struct fk_lend *lend;
    pthread_mutex_t lock; /* of keep and lend */
    struct fk_readers *readers;
    struct fk_http *http;
    char person[128]; /* of acts, until there are accounts */
};

/* The value of a parameter; NULL when it is absent or empty, which is the same. */
const char *fk_routes__arg(const struct fk_http_request *request, const char *name,
                           size_t *len_out);
/* Takes the reference. */
void fk_routes__json(struct fk_http_reply *reply, json_t *json);
/* A failure as a problem; with the place in the query where fault has one (NULL: none). */
void fk_routes__fail(struct fk_http_reply *reply, const struct fk_err *err,
                     const struct fk_query_fault *fault);

void fk_routes__search(struct fk_web *web, const struct fk_http_request *request,
                       struct fk_http_reply *reply);
void fk_routes__message(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                        struct fk_http_reply *reply);
void fk_routes__thread(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                       struct fk_http_reply *reply);
void fk_routes__raw(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                    struct fk_http_reply *reply);

#endif
