/* authority.c - one POST. */
#include "archiver/vault/authority.h"

#include <curl/curl.h>
#include <string.h>

enum { REPLY_MAX = 1 << 20, SECONDS = 30 };

static size_t take(char *data, size_t one, size_t n, void *ctx) {
    struct fk_buf *reply = ctx;
    if (reply->len + n * one > REPLY_MAX)
        return 0;
    fk_buf_add(reply, data, n * one);
    return reply->failed ? 0 : n * one;
}

static bool options_set(CURL *c, const char *url, const struct fk_buf *request,
                        struct curl_slist *headers, struct fk_buf *reply, char *text) {
    return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)SECONDS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)request->len) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)request->data) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, reply) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text) == CURLE_OK;
}

static enum fk_status answer_check(CURL *c, const char *url, struct fk_err *err) {
    long status = 0;
    const char *type = NULL;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    if (status >= 500 || status == 429)
        return fk_fail(err, FK_RETRY, "%s: answers %ld; it is asked again later", url, status);
    if (status != 200 || !type || strncmp(type, "application/timestamp-reply", 27) != 0)
        return fk_fail(err, FK_INVALID, "%s: answers %ld with %s; expected a time stamp reply", url,
                       status, type ? type : "nothing");
    return FK_OK;
}

enum fk_status fk_authority_ask(const char *url, const struct fk_buf *request, struct fk_buf *reply,
                                struct fk_err *err) {
    enum fk_status st;
    char text[CURL_ERROR_SIZE] = "";
    CURL *c = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/timestamp-query");
    if (!c || !headers || !options_set(c, url, request, headers, reply, text))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: cannot be asked: %s", url,
                       *text ? text : "no such address"));
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: not an http or https address", url));
    if (rc == CURLE_WRITE_ERROR)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: answers more than %d bytes", url, REPLY_MAX));
    if (rc != CURLE_OK)
        FK_TRY(fk_fail(err, FK_RETRY, "%s: %s; it is asked again later", url,
                       *text ? text : curl_easy_strerror(rc)));
    st = answer_check(c, url, err);
done:
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return st;
}
