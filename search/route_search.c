/* route_search.c - GET /api/v1/search. */
#include "search/query_priv.h"
#include "search/routes_priv.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000 };

/* Its beginning for since, its end for until. */
static enum fk_status take_time(const struct fk_http_request *request, const char *name, bool until,
                                int zone, int64_t *out, struct fk_err *err) {
    const char *text = fk_routes__arg(request, name, NULL);
    if (text == NULL || fk_query_moment(text, until, zone, out))
        return FK_OK;
    return fk_fail(err, FK_INVALID,
                   "%s: expected a date such as 2026-11-24, 2026-11 or "
                   "2026-11-24T10:00, not \"%.*s\"",
                   name, fk_query__cut(text, 40), text);
}

static enum fk_status take_limit(const struct fk_http_request *request, uint64_t *out,
                                 struct fk_err *err) {
    const char *text = fk_routes__arg(request, "limit", NULL);
    *out = LIMIT_DEFAULT;
    if (text == NULL)
        return FK_OK;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 4 ||
        (*out = strtoull(text, NULL, 10)) < 1 || *out > LIMIT_MAX)
        return fk_fail(err, FK_INVALID, "limit: expected a number from 1 to %d, not \"%.*s\"",
                       LIMIT_MAX, fk_query__cut(text, 40), text);
    return FK_OK;
}

static enum fk_status take_collapse(const struct fk_http_request *request, enum fk_collapse *out,
                                    struct fk_err *err) {
    const char *text = fk_routes__arg(request, "collapse", NULL);
    if (text == NULL || fk_collapse_read(text, out))
        return FK_OK;
    return fk_fail(err, FK_INVALID, "collapse: expected thread or similar, not \"%.*s\"",
                   fk_query__cut(text, 40), text);
}

static enum fk_status take_snippet(const struct fk_http_request *request, bool *out,
                                   struct fk_err *err) {
    const char *text = fk_routes__arg(request, "snippet", NULL);
    *out = text == NULL || strcmp(text, "yes") == 0;
    if (*out || strcmp(text, "no") == 0)
        return FK_OK;
    return fk_fail(err, FK_INVALID, "snippet: expected yes or no, not \"%.*s\"",
                   fk_query__cut(text, 40), text);
}

static enum fk_status take_options(const struct fk_web *web, const struct fk_http_request *request,
                                   struct fk_search_options *o, struct fk_err *err) {
    int zone = web->options.zone_minutes;
    enum fk_status st = FK_OK;
    o->query = fk_routes__arg(request, "q", &o->query_len);
    if (o->query == NULL)
        o->query = "", o->query_len = 0;
    o->user = fk_routes__arg(request, "user", NULL);
    o->cursor = fk_routes__arg(request, "cursor", NULL);
    o->reason = fk_routes__arg(request, "reason", NULL);
    o->zone_minutes = zone;
    o->domains = web->options.domains;
    o->most_ms = web->options.search_ms;
    o->readers = web->readers;
    o->person = web->person;
    o->via = "web";
    FK_TRY(take_time(request, "since", false, zone, &o->since_ms, err));
    FK_TRY(take_time(request, "until", true, zone, &o->until_ms, err));
    FK_TRY(take_collapse(request, &o->collapse, err));
    FK_TRY(take_limit(request, &o->limit, err));
    FK_TRY(take_snippet(request, &o->snippets, err));
done:
    return st;
}

static enum fk_status take_hits(struct fk_search *search, json_t *hits, struct fk_err *err) {
    struct fk_hit hit;
    enum fk_status st;
    while ((st = fk_search_next(search, &hit, err)) == FK_OK)
        if (json_array_append_new(hits, fk_json_hit(&hit)) != 0)
            return fk_fail(err, FK_NOMEM, "out of memory for hits");
    return st == FK_NOT_FOUND ? FK_OK : st;
}

static json_t *next_page(struct fk_search *search) {
    struct fk_buf cursor = FK_BUF_INIT;
    json_t *next = fk_search_cursor(search, &cursor, NULL) == FK_OK
                       ? json_string(fk_buf_cstr(&cursor))
                       : json_null();
    fk_buf_free(&cursor);
    return next;
}

void fk_routes__search(struct fk_web *web, const struct fk_http_request *request,
                       struct fk_http_reply *reply) {
    struct fk_search_options options = FK_SEARCH_OPTIONS;
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    json_t *hits = json_array();
    enum fk_status st = FK_OK;
    FK_TRY(take_options(web, request, &options, &err));
    (void)pthread_mutex_lock(&web->lock);
    st = fk_search_open(web->options.dir, web->keep, web->lend, &options, &search, &fault, &err);
    (void)pthread_mutex_unlock(&web->lock);
    if (st != FK_OK)
        goto done;
    FK_TRY(take_hits(search, hits, &err));
    fk_routes__json(reply, json_pack("{s:O, s:o, s:o}", "hits", hits, "next", next_page(search),
                                     "coverage", fk_json_coverage(search)));
done:
    if (st != FK_OK)
        fk_routes__fail(reply, &err, &fault);
    json_decref(hits);
    fk_search_close(&search);
}
