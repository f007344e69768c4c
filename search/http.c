/* http.c - libmicrohttpd on a socket of our own; see http.h for what is refused here. MHD's post
 * processor is never used. */
#include "search/http.h"
#include "base/io.h"
#include "search/json.h"
#include "search/query_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct fk_http {
    struct MHD_Daemon *daemon;
    fk_http_handler handle;
    void *ctx;
    size_t posts_max;
    char address[64], host[48]; /* host: as it stands in a Host header, without port */
};

/* ---- the address */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "HOST:PORT" or "[HOST]:PORT" with a numeric host. */
static bool read_address(const char *text, union address *out, socklen_t *len, char *host,
                         size_t host_size) {
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    if (n == 0 || n >= host_size || colon[1] == 0 || strspn(colon + 1, "0123456789") > 5 ||
        colon[1 + strspn(colon + 1, "0123456789")] != 0 || atoi(colon + 1) > 65535)
        return false;
    memcpy(host, text, n);
    host[n] = 0;
    in_port_t port = htons((uint16_t)atoi(colon + 1));
    memset(out, 0, sizeof *out);
    if (host[0] == '[' && host[n - 1] == ']') {
        char bare[INET6_ADDRSTRLEN];
        out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        *len = sizeof out->v6;
        if (n - 2 >= sizeof bare)
            return false;
        memcpy(bare, host + 1, n - 2);
        bare[n - 2] = 0;
        return inet_pton(AF_INET6, bare, &out->v6.sin6_addr) == 1;
    }
    out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    *len = sizeof out->v4;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                     &out->v4.sin_addr) == 1;
}

static bool is_loopback(const union address *a) {
    return a->any.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr)
                                        : ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
}

static enum fk_status open_socket(struct fk_http *http, const char *text, int *out,
                                  struct fk_err *err) {
    union address address = {.v4 = {0}};
    socklen_t len = 0;
    int on = 1;
    const bool is_read = read_address(text, &address, &len, http->host, sizeof http->host);
    if (!is_read && http->posts_max > 0)
        return fk_fail(err, FK_INVALID,
                       "%.100s: not an address; expected ADDRESS:PORT or [ADDRESS]:PORT with a "
                       "numeric address",
                       text);
    if (!is_read || (http->posts_max == 0 && !is_loopback(&address)))
        return fk_fail(err, FK_INVALID,
                       "web = \"%.100s\": there are no accounts yet, so the pages are for this "
                       "machine alone; expected 127.0.0.1:PORT or [::1]:PORT",
                       text);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, &address.any, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, &address.any, &len) != 0) {
        enum fk_status st = fk_fail_sys(err, errno, "cannot listen on %s", text);
        fk_close(&fd);
        return st;
    }
    in_port_t port = address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port;
    (void)snprintf(http->address, sizeof http->address, "%s:%u", http->host, ntohs(port));
    *out = fd;
    return FK_OK;
}

/* ---- replies */

void fk_http_problem(struct fk_http_reply *reply, unsigned status, const char *fmt, ...) {
    char detail[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    json_t *problem = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
                                MHD_get_reason_phrase_for(status), "status", (int)status, "detail",
                                fk_json_text(detail, strlen(detail)));
    char *text = problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;
    fk_buf_reset(&reply->body);
    fk_buf_str(&reply->body, text != NULL ? text : "{}");
    free(text);
    json_decref(problem);
    reply->status = status;
    reply->type = "application/problem+json";
}

static void free_body(void *data) {
    free(data);
}

static struct MHD_Response *response_of(struct fk_http_reply *reply) {
    struct MHD_Response *response;
    if (reply->fd >= 0) {
        response = MHD_create_response_from_fd_at_offset64(reply->len, reply->fd, reply->fd_at);
        if (response != NULL)
            reply->fd = -1; /* closed with the response */
    } else if (reply->fixed != NULL) {
        response = MHD_create_response_from_buffer(reply->len, (void *)reply->fixed,
                                                   MHD_RESPMEM_PERSISTENT);
    } else {
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            reply->body.len, reply->body.data, free_body, reply->body.data);
        if (response != NULL)
            reply->body = (struct fk_buf)FK_BUF_INIT;
    }
    fk_buf_free(&reply->body);
    fk_close(&reply->fd);
    return response;
}

static bool add_headers(struct MHD_Response *response, const struct fk_http_reply *reply,
                        const char *methods) {
    static const char *const always[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
         "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
    };
    char text[100];
    bool good = MHD_add_response_header(response, "Content-Type", reply->type) == MHD_YES;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        good = good && MHD_add_response_header(response, always[i][0], always[i][1]) == MHD_YES;
    (void)snprintf(text, sizeof text, "attachment; filename=\"%s\"", reply->attachment);
    if (reply->attachment[0] != 0)
        good = good && MHD_add_response_header(response, "Content-Disposition", text) == MHD_YES;
    (void)snprintf(text, sizeof text, "%u", reply->retry_after_s);
    if (reply->retry_after_s > 0)
        good = good && MHD_add_response_header(response, "Retry-After", text) == MHD_YES;
    if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = good && MHD_add_response_header(response, "Allow", methods) == MHD_YES;
    return good;
}

static enum MHD_Result send_reply(const struct fk_http *http, struct MHD_Connection *connection,
                                  struct fk_http_reply *reply) {
    struct MHD_Response *response = response_of(reply);
    if (response == NULL)
        return MHD_NO; /* out of memory: the connection is closed */
    enum MHD_Result sent = MHD_NO;
    if (add_headers(response, reply, http->posts_max > 0 ? "POST" : "GET, HEAD"))
        sent = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* ---- requests */

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A Host header with one of this machine's names, any port (a tunnel has its own). */
static bool is_here(const struct fk_http *http, const char *host) {
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]", http->host};
    for (size_t i = 0; host != NULL && i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) != 0)
            continue;
        if (host[n] == 0 || (host[n] == ':' && host[n + 1] != 0 &&
                             host[n + 1 + strspn(host + n + 1, "0123456789")] == 0))
            return true;
    }
    return false;
}

/* A browser says where a request comes from. A link on another page may lead to the start page; it
 * may not make this machine search or open anything, and the page itself searches for what its
 * parameters say. */
static bool is_foreign(struct MHD_Connection *connection, const struct fk_http_request *request) {
    const char *site = header(connection, "Sec-Fetch-Site");
    const char *origin = header(connection, "Origin"), *host = header(connection, "Host");
    if (origin != NULL && (strncmp(origin, "http://", 7) != 0 || strcasecmp(origin + 7, host) != 0))
        return true;
    return site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
           (strcmp(request->path, "/") != 0 || request->arg_count > 0);
}

struct taking {
    struct fk_http_request request;
    bool too_many;
    const char *twice, *has_nul;
};

static enum MHD_Result take_arg(void *ctx, enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t len) {
    struct taking *t = ctx;
    (void)kind;
    if (t->request.arg_count == FK_HTTP_ARGS_MAX) {
        t->too_many = true;
        return MHD_NO;
    }
    for (size_t i = 0; i < t->request.arg_count; i++)
        if (strcmp(t->request.args[i].name, name) == 0)
            t->twice = name;
    if (strlen(name) != name_len || (value != NULL && strlen(value) != len))
        t->has_nul = name;
    t->request.args[t->request.arg_count++] =
        (struct fk_http_arg){name, value != NULL ? value : "", value != NULL ? len : 0};
    return MHD_YES;
}

static void answer_post(struct fk_http *http, const char *path, const char *method,
                        const struct fk_buf *body, struct fk_http_reply *reply) {
    const struct fk_http_request request = {
        .path = path, .body = body->data, .body_len = body->len};
    if (strcmp(method, "POST") != 0)
        fk_http_problem(reply, 405, "%.20s: this server takes POST alone", method);
    else
        http->handle(http->ctx, &request, reply);
}

static void answer(struct fk_http *http, struct MHD_Connection *connection, const char *path,
                   const char *method, struct fk_http_reply *reply) {
    struct taking taking = {.request = {.path = path}};
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        fk_http_problem(reply, 405, "%.20s: there is nothing here to change, only to read", method);
    } else if (!is_here(http, header(connection, "Host"))) {
        fk_http_problem(reply, 421, "this server answers to localhost, 127.0.0.1 and [::1] only");
    } else {
        (void)MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, take_arg, &taking);
        if (taking.too_many)
            fk_http_problem(reply, 400, "more than %d parameters", FK_HTTP_ARGS_MAX);
        else if (taking.twice != NULL)
            fk_http_problem(reply, 400, "the parameter %.*s stands there twice",
                            fk_query__cut(taking.twice, 40), taking.twice);
        else if (taking.has_nul != NULL)
            fk_http_problem(reply, 400, "the parameter %.*s has a NUL (%%00) in it",
                            fk_query__cut(taking.has_nul, 40), taking.has_nul);
        else if (is_foreign(connection, &taking.request))
            fk_http_problem(reply, 403, "another site may not ask this server");
        else
            http->handle(http->ctx, &taking.request, reply);
    }
}

/* One request from its first line to the end of its reply. */
struct exchange {
    bool path_has_nul, begun;
    struct fk_buf body;
};

/* MHD decodes a path into a string that ends at the first NUL: "/%00x" would be "/". So the path is
 * looked at while it is encoded; what is returned stands in *seen. */
static void *begin_exchange(void *ctx, const char *uri, struct MHD_Connection *connection) {
    struct exchange *e = calloc(1, sizeof *e);
    const char *nul = strstr(uri, "%00");
    (void)ctx, (void)connection;
    if (e != NULL)
        e->path_has_nul = nul != NULL && nul < uri + strcspn(uri, "?");
    return e;
}

static void end_exchange(void *ctx, struct MHD_Connection *connection, void **seen,
                         enum MHD_RequestTerminationCode why) {
    struct exchange *e = *seen;
    (void)ctx, (void)connection, (void)why;
    if (e != NULL)
        fk_buf_free(&e->body);
    free(e);
    *seen = NULL;
}

/* What is said to be too long is refused before it is sent; who says nothing is cut off. */
static enum MHD_Result take_body(const struct fk_http *http, struct exchange *e, const char *upload,
                                 size_t *upload_size) {
    if (http->posts_max > 0) {
        if (e->body.len + *upload_size > http->posts_max)
            return MHD_NO;
        fk_buf_add(&e->body, upload, *upload_size);
    }
    *upload_size = 0;
    return e->body.failed ? MHD_NO : MHD_YES;
}

static bool is_too_long(const struct fk_http *http, struct MHD_Connection *connection) {
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return http->posts_max > 0 && length != NULL &&
           strtoull(length, NULL, 10) > (unsigned long long)http->posts_max;
}

/* MHD calls once with the headers, again for each piece of a body, and again at its end. */
static enum MHD_Result take_call(void *cls, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **seen) {
    struct fk_http_reply reply = {
        .status = 200, .type = "application/json", .body = FK_BUF_INIT, .fd = -1};
    struct fk_http *http = cls;
    struct exchange *e = *seen;
    (void)version;
    if (e == NULL)
        return MHD_NO; /* out of memory: the connection is closed */
    if (!e->begun) {
        e->begun = true;
        if (!is_too_long(http, connection))
            return MHD_YES;
        fk_http_problem(&reply, 413, "a body of over %zu bytes", http->posts_max);
        return send_reply(http, connection, &reply);
    }
    if (*upload_size > 0)
        return take_body(http, e, upload, upload_size);
    if (e->path_has_nul)
        fk_http_problem(&reply, 404, "there is nothing at a path with a NUL (%%00) in it");
    else if (http->posts_max > 0)
        answer_post(http, path, method, &e->body, &reply);
    else
        answer(http, connection, path, method, &reply);
    return send_reply(http, connection, &reply);
}

static void say_nothing(void *ctx, const char *fmt, va_list args) {
    (void)ctx, (void)fmt, (void)args;
}

enum fk_status fk_http_open(const struct fk_http_options *options, struct fk_http **out,
                            struct fk_err *err) {
    struct fk_http *http = calloc(1, sizeof *http);
    int fd = -1;
    if (http == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for an HTTP server");
    http->handle = options->handle;
    http->ctx = options->ctx;
    http->posts_max = options->posts_max;
    enum fk_status st = open_socket(http, options->address, &fd, err);
    if (st == FK_OK) {
        http->daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, take_call, http, MHD_OPTION_LISTEN_SOCKET,
            fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)FK_HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)FK_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)FK_HTTP_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)FK_HTTP_REQUEST_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
            MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, NULL, MHD_OPTION_NOTIFY_COMPLETED,
            end_exchange, NULL, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_END);
        if (http->daemon == NULL) {
            st = fk_fail_sys(err, errno, "cannot start the HTTP server on %s", http->address);
            fk_close(&fd);
        }
    }
    if (st != FK_OK) {
        free(http);
        return st;
    }
    *out = http;
    return FK_OK;
}

const char *fk_http_address(const struct fk_http *http) {
    return http->address;
}

void fk_http_close(struct fk_http **http) {
    if (*http == NULL)
        return;
    MHD_stop_daemon((*http)->daemon);
    free(*http);
    *http = NULL;
}
