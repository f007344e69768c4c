/* routes.c - the table of what can be asked for, and what every answer has in common. */
#include "search/query_priv.h"
#include "search/routes_priv.h"
#include <stdio.h>

/* The page's files, as the linker puts them in. */
#define EMBEDDED(file)                                                                             \
    extern const char _binary_search_web_##file##_start[], _binary_search_web_##file##_end[]
EMBEDDED(index_html);
EMBEDDED(app_js);
EMBEDDED(style_css);
EMBEDDED(icon_svg);
#define FILE_OF(file) _binary_search_web_##file##_start, _binary_search_web_##file##_end

struct route {
    struct fk_route_info info;
    void (*ask)(struct fk_web *web, const struct fk_http_request *request,
                struct fk_http_reply *reply);
    void (*ask_seq)(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                    struct fk_http_reply *reply); /* for paths with {seq} */
    const char *type, *begin, *end;               /* for files */
};

/* clang-format off */
static const struct route routes[] = {
    {.info = {"/api/v1/search", {"q", "user", "since", "until", "limit", "cursor", "collapse", "snippet", "reason", NULL}}, .ask = fk_routes__search},
    {.info = {"/api/v1/messages/{seq}", {"reason", NULL}}, .ask_seq = fk_routes__message},
    {.info = {"/api/v1/messages/{seq}/raw", {"reason", NULL}}, .ask_seq = fk_routes__raw},
    {.info = {"/api/v1/messages/{seq}/thread", {"reason", NULL}}, .ask_seq = fk_routes__thread},
    {{"/", {NULL}}, NULL, NULL, "text/html; charset=utf-8", FILE_OF(index_html)},
    {{"/app.js", {NULL}}, NULL, NULL, "text/javascript; charset=utf-8", FILE_OF(app_js)},
    {{"/style.css", {NULL}}, NULL, NULL, "text/css; charset=utf-8", FILE_OF(style_css)},
    {{"/icon.svg", {NULL}}, NULL, NULL, "image/svg+xml", FILE_OF(icon_svg)},
};
/* clang-format on */
enum { ROUTES = sizeof routes / sizeof *routes };

const struct fk_route_info *fk_route_info(size_t i) {
    return i < ROUTES ? &routes[i].info : NULL;
}

/* Is path this pattern, with a number in place of {seq}? */
static bool matches(const char *pattern, const char *path, uint64_t *seq) {
    const char *hole = strchr(pattern, '{');
    if (hole == NULL)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(hole - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t digits = strspn(path + before, "0123456789");
    if (digits == 0 || digits > 19 || strcmp(path + before + digits, strchr(hole, '}') + 1) != 0)
        return false;
    *seq = strtoull(path + before, NULL, 10);
    return true;
}

/* A parameter that is written wrong would otherwise be no parameter, and its answer a wrong one. */
static const char *unknown_param(const struct route *route, const struct fk_http_request *request) {
    for (size_t i = 0; i < request->arg_count; i++) {
        const char *const *known = route->info.params;
        while (*known != NULL && strcmp(*known, request->args[i].name) != 0)
            known++;
        /* Files are fetched by the page with whatever the page was asked with. */
        if (*known == NULL && route->begin == NULL)
            return request->args[i].name;
    }
    return NULL;
}

static void handle(void *ctx, const struct fk_http_request *request, struct fk_http_reply *reply) {
    uint64_t seq = 0;
    const struct route *route = routes;
    while (route < routes + ROUTES && !matches(route->info.path, request->path, &seq))
        route++;
    if (route == routes + ROUTES) {
        fk_http_problem(reply, 404, "there is nothing at %.*s", fk_query__cut(request->path, 200),
                        request->path);
        return;
    }
    const char *unknown = unknown_param(route, request);
    if (unknown != NULL) {
        fk_http_problem(reply, 400, "%s has no parameter %.*s", route->info.path,
                        fk_query__cut(unknown, 40), unknown);
    } else if (route->begin != NULL) {
        reply->type = route->type;
        reply->fixed = route->begin;
        reply->len = (uint64_t)(route->end - route->begin);
    } else if (route->ask != NULL) {
        route->ask(ctx, request, reply);
    } else {
        route->ask_seq(ctx, request, seq, reply);
    }
}

/* ---- what handlers share */

const char *fk_routes__arg(const struct fk_http_request *request, const char *name,
                           size_t *len_out) {
    for (size_t i = 0; i < request->arg_count; i++) {
        if (strcmp(request->args[i].name, name) != 0 || request->args[i].len == 0)
            continue;
        if (len_out != NULL)
            *len_out = request->args[i].len;
        return request->args[i].value;
    }
    return NULL;
}

void fk_routes__json(struct fk_http_reply *reply, json_t *json) {
    fk_buf_reset(&reply->body);
    if (!fk_json_print(json, &reply->body))
        fk_http_problem(reply, 503, "out of memory");
}

static unsigned status_of(enum fk_status status) {
    switch (status) {
    case FK_INVALID:
        return 400;
    case FK_DENIED:
        return 403;
    case FK_NOT_FOUND:
        return 404;
    case FK_RETRY:
    case FK_NOMEM:
        return 503;
    case FK_FULL:
        return 507;
    default:
        return 500;
    }
}

void fk_routes__fail(struct fk_http_reply *reply, const struct fk_err *err,
                     const struct fk_query_fault *fault) {
    fk_http_problem(reply, status_of(err->status), "%s", err->text);
    if (err->status == FK_RETRY)
        reply->retry_after_s = 2;
    if (fault == NULL || fault->character == 0)
        return;
    json_t *problem = json_loadb((const char *)reply->body.data, reply->body.len, 0, NULL);
    json_t *more =
        json_pack("{s:o, s:o, s:{s:I, s:I}}", "expected",
                  fk_json_text(fault->expected, strlen(fault->expected)), "hint",
                  fk_json_text(fault->hint, strlen(fault->hint)), "position", "character",
                  (json_int_t)fault->character, "byte", (json_int_t)fault->byte);
    if (problem != NULL && more != NULL && json_object_update(problem, more) == 0) {
        fk_buf_reset(&reply->body);
        (void)fk_json_print(json_incref(problem), &reply->body);
    }
    json_decref(more);
    json_decref(problem);
}

/* ---- the server */

enum fk_status fk_web_open(const struct fk_web_options *options, struct fk_keep *keep,
                           struct fk_lend *lend, struct fk_web **out, struct fk_err *err) {
    struct fk_web *web = calloc(1, sizeof *web);
    char user[100];
    if (web == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for the web server");
    web->options = *options;
    web->keep = keep;
    web->lend = lend;
    fk_person(user, sizeof user);
    (void)snprintf(web->person, sizeof web->person, "web(loopback) of %s", user);
    (void)pthread_mutex_init(&web->lock, NULL);
    struct fk_http_options http = {.address = options->address, .handle = handle, .ctx = web};
    enum fk_status st = fk_readers_new(options->dir, FK_READERS_IDLE_MS, &web->readers, err);
    if (st == FK_OK)
        st = fk_http_open(&http, &web->http, err);
    if (st == FK_OK)
        *out = web;
    else
        fk_web_close(&web);
    return st;
}

const char *fk_web_address(const struct fk_web *web) {
    return fk_http_address(web->http);
}

void fk_web_reattach_keep(struct fk_web *web, int sock) {
    (void)pthread_mutex_lock(&web->lock);
    fk_keep_reattach(web->keep, sock);
    (void)pthread_mutex_unlock(&web->lock);
}

void fk_web_reattach_lend(struct fk_web *web, int sock) {
    (void)pthread_mutex_lock(&web->lock);
    fk_lend_reattach(web->lend, sock);
    (void)pthread_mutex_unlock(&web->lock);
}

void fk_web_close(struct fk_web **web) {
    if (*web == NULL)
        return;
    fk_http_close(&(*web)->http);
    fk_readers_free(&(*web)->readers);
    (void)pthread_mutex_destroy(&(*web)->lock);
    free(*web);
    *web = NULL;
}
