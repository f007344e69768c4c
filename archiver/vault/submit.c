/* submit.c - libcurl's SMTP, with the server's words of refusal kept for the sentence. */
#include "archiver/vault/submit.h"
#include "base/clock.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS = 4 }; /* the addresses of one host that are tried side by side */

struct talk {
    const struct fk_submission *s;
    int64_t until_ms; /* CLOCK_MONOTONIC */
    int sockets[SOCKETS];
    size_t sent;
    char said[160];
};

static size_t give(char *out, size_t one, size_t n, void *ctx) {
    struct talk *t = ctx;
    size_t left = t->s->mail->len - t->sent, len = one * n < left ? one * n : left;
    if (len)
        memcpy(out, t->s->mail->data + t->sent, len);
    t->sent += len;
    return len;
}

/* A reply line: the last that refuses is kept, since that to QUIT comes after it. What is no
 * printable ASCII has no business in a log. */
static size_t hear(char *line, size_t one, size_t n, void *ctx) {
    struct talk *t = ctx;
    size_t len = 0;
    if (one * n == 0 || (*line != '4' && *line != '5'))
        return one * n;
    for (size_t i = 0; i < one * n && len + 1 < sizeof t->said; i++)
        if (line[i] >= ' ' && line[i] <= '~')
            t->said[len++] = line[i];
    t->said[len] = 0;
    return one * n;
}

static void socket_put(struct talk *t, int old, int fd) {
    for (size_t i = 0; i < SOCKETS; i++)
        if (t->sockets[i] == old) {
            t->sockets[i] = fd;
            return;
        }
}

static curl_socket_t socket_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a) {
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    (void)purpose;
    if (fd >= 0)
        socket_put(ctx, -1, fd);
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int socket_close(void *ctx, curl_socket_t fd) {
    socket_put(ctx, fd, -1);
    return close(fd);
}

/* libcurl says QUIT after any end, and waits two minutes for the answer, whatever its time limit
 * is: a closed line ends that too. */
static int go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct talk *t = ctx;
    (void)a, (void)b, (void)c, (void)d;
    if (fk_monotonic_ms() < t->until_ms && !(t->s->stop && t->s->stop(t->s->ctx)))
        return 0;
    for (size_t i = 0; i < SOCKETS; i++)
        if (t->sockets[i] >= 0)
            (void)shutdown(t->sockets[i], SHUT_RDWR); /* one that never connected says no */
    return 1;
}

static bool url_make(const struct fk_submission *s, struct fk_buf *out) {
    const size_t n = strlen(FK_SUBMIT_STARTTLS);
    if (strncmp(s->via, FK_SUBMIT_STARTTLS, n) == 0)
        fk_buf_printf(out, "smtp://%s", s->via + n);
    else
        fk_buf_str(out, s->via);
    if (*s->hello)
        fk_buf_printf(out, "/%s", s->hello);
    (void)fk_buf_cstr(out);
    return !out->failed;
}

static bool options_set(CURL *c, struct talk *t, const char *url, struct curl_slist *to,
                        char *text) {
    const struct fk_submission *s = t->s;
    const bool starttls = strncmp(s->via, FK_SUBMIT_STARTTLS, strlen(FK_SUBMIT_STARTTLS)) == 0;
    return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USE_SSL, starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE) ==
               CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)s->seconds) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_MAIL_FROM, s->from) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->mail->len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_READFUNCTION, give) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_READDATA, t) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, hear) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, go_on) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFODATA, t) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, socket_open) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, socket_close) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, t) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text) == CURLE_OK;
}

enum fk_status fk_submit(const struct fk_submission *s, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char text[CURL_ERROR_SIZE] = "";
    struct talk talk = {.s = s,
                        .until_ms = fk_monotonic_ms() + (int64_t)s->seconds * 1000,
                        .sockets = {-1, -1, -1, -1}};
    struct fk_buf url = FK_BUF_INIT;
    CURL *c = curl_easy_init();
    struct curl_slist *to = curl_slist_append(NULL, s->to);
    if (!c || !to || !url_make(s, &url))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a mail to %s", s->to));
    if (!options_set(c, &talk, fk_buf_cstr(&url), to, text))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: cannot be asked: %s", s->via,
                       *text ? text : "no such address"));
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: not the address of a mail server", s->via));
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        snprintf(text, sizeof text, "it did not answer within %u s", s->seconds);
    if (rc != CURLE_OK)
        FK_TRY(fk_fail(err, FK_RETRY, "%s did not take the mail to %s: %s%s%s", s->via, s->to,
                       *text ? text : curl_easy_strerror(rc), *talk.said ? "; it said: " : "",
                       talk.said));
done:
    fk_buf_free(&url);
    curl_slist_free_all(to);
    curl_easy_cleanup(c);
    return st;
}
