/*
 * http.h - HTTP: the one file that knows libmicrohttpd.
 *
 * Pages and the API are for this machine only. What every request has to pass here, before any
 * handler sees it: GET or HEAD, no body; a Host that names this machine (a foreign name that
 * resolves to 127.0.0.1 is DNS rebinding); from no other site (Origin, Sec-Fetch-Site), since even
 * a read leaves an act; parameters at most once. Every reply forbids caching, framing, sniffing and
 * all loading from elsewhere.
 *
 * With posts_max a service for other machines is opened instead: POST alone, with at most that many
 * bytes, at any address and under any Host. Its handler must answer by what the body proves, and by
 * nothing that depends on who asks: a browser may have been sent here from anywhere.
 *
 *     struct fk_http_options o = {.address = "127.0.0.1:0", .handle = handle, .ctx = ctx};
 *     FK_TRY(fk_http_open(&o, &http, err));
 *     puts(fk_http_address(http));                      the port in use
 *     ...
 *     fk_http_close(&http);                             returns when no handler runs any more
 *
 * Errors: FK_INVALID an address that is not of this machine's loopback (with posts_max: that is not
 * numeric), or none; FK_IO.
 * Ownership: a handler fills the reply; what it puts there is freed after sending.
 * Threads: handlers run on FK_HTTP_THREADS threads at the same time.
 */
#ifndef FK_SEARCH_HTTP_H
#define FK_SEARCH_HTTP_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_HTTP_THREADS = 4,
    FK_HTTP_CONNECTIONS = 64,
    FK_HTTP_TIMEOUT_S = 30,
    FK_HTTP_REQUEST_MAX = 131072, /* bytes of request line and headers; more is 414 or 431 */
    FK_HTTP_ARGS_MAX = 16
};

struct fk_http_arg {
    const char *name, *value; /* decoded, without NULs */
    size_t len;
};
struct fk_http_request {
    const char *path; /* decoded, with its leading / */
    struct fk_http_arg args[FK_HTTP_ARGS_MAX];
    size_t arg_count;
    const void *body; /* of a POST */
    size_t body_len;
};

struct fk_http_reply {
    unsigned status;
    const char *type;   /* borrowed for ever */
    struct fk_buf body; /* or: */
    const void *fixed;  /* bytes that are always there, or: */
    int fd;             /* a file, from fd_at on; -1 for none */
    uint64_t fd_at;
    uint64_t len;           /* of fixed or of the part of the file */
    char attachment[64];    /* file name to save as; "" to show it */
    unsigned retry_after_s; /* 0: not said */
};
typedef void (*fk_http_handler)(void *ctx, const struct fk_http_request *request,
                                struct fk_http_reply *reply);

struct fk_http_options {
    const char *address; /* 127.0.0.1:8025, [::1]:8025, localhost:8025; port 0: any free one */
    fk_http_handler handle;
    void *ctx;
    size_t posts_max; /* bytes; 0: no POST */
};
struct fk_http;
FK_CHECKED enum fk_status fk_http_open(const struct fk_http_options *options, struct fk_http **out,
                                       struct fk_err *err);
const char *fk_http_address(const struct fk_http *http);
void fk_http_close(struct fk_http **http);

/* A problem (RFC 9457) with no members but the usual ones. */
void fk_http_problem(struct fk_http_reply *reply, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
