/* post.c - libcurl, asked for one thing. */
#include "archiver/vault/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

struct taking {
    struct fk_buf body;
    size_t max;
};

static size_t take(char *data, size_t one, size_t n, void *ctx) {
    struct taking *t = ctx;
    if (t->body.len + n * one > t->max)
        return 0;
    fk_buf_add(&t->body, data, n * one);
    return t->body.failed ? 0 : n * one;
}

static bool body_set(CURL *c, const struct fk_post *post, struct curl_slist *headers) {
    if (!post->body)
        return curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return headers && curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)post->body->len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)post->body->data) == CURLE_OK;
}

static bool options_set(CURL *c, const struct fk_post *post, struct curl_slist *headers,
                        struct taking *taking, char *text) {
    return curl_easy_setopt(c, CURLOPT_URL, post->url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)post->seconds) == CURLE_OK &&
           body_set(c, post, headers) &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, taking) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text) == CURLE_OK;
}

enum fk_status fk_post(const struct fk_post *post, struct fk_post_reply *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char text[CURL_ERROR_SIZE] = "";
    const char *type = NULL;
    struct taking taking = {FK_BUF_INIT, post->reply_max};
    struct fk_post_reply reply = {.status = 0};
    CURL *c = curl_easy_init();
    struct curl_slist *headers = post->body ? curl_slist_append(NULL, post->type) : NULL;
    if (!c || !options_set(c, post, headers, &taking, text))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: cannot be asked: %s", post->url,
                       *text ? text : "no such address"));
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: not an http or https address", post->url));
    if (rc == CURLE_WRITE_ERROR)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: answers more than %zu bytes", post->url,
                       post->reply_max));
    if (rc != CURLE_OK)
        FK_TRY(fk_fail(err, FK_RETRY, "%s: %s; it is asked again later", post->url,
                       *text ? text : curl_easy_strerror(rc)));
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply.status);
    (void)curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    snprintf(reply.type, sizeof reply.type, "%s", type ? type : "");
    reply.body = taking.body;
    taking.body = (struct fk_buf)FK_BUF_INIT;
    *out = reply;
done:
    fk_buf_free(&taking.body);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return st;
}
