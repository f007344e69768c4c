/* authority.c - what is asked over HTTP, and what kind of answer came. */
#include "archiver/vault/authority.h"
#include "archiver/vault/post.h"
#include "base/clock.h"

#include <string.h>

enum { REPLY_MAX = 1 << 20, SECONDS = 30, CRL_MAX = 2 << 20, CRL_SECONDS = 10, CRLS_MS = 20000 };

static enum fk_status answer_check(const struct fk_post_reply *r, const char *url,
                                   struct fk_err *err) {
    static const char wanted[] = "application/timestamp-reply";
    if (r->status >= 500 || r->status == 429)
        return fk_fail(err, FK_RETRY, "%s: answers %ld; it is asked again later", url, r->status);
    if (r->status != 200 || strncmp(r->type, wanted, sizeof wanted - 1) != 0)
        return fk_fail(err, FK_INVALID, "%s: answers %ld with %s; expected a time stamp reply", url,
                       r->status, *r->type ? r->type : "nothing");
    return FK_OK;
}

enum fk_status fk_authority_ask(const char *url, const struct fk_buf *request, struct fk_buf *reply,
                                struct fk_err *err) {
    const struct fk_post post = {.url = url,
                                 .type = "Content-Type: application/timestamp-query",
                                 .body = request,
                                 .reply_max = REPLY_MAX,
                                 .seconds = SECONDS};
    struct fk_post_reply r;
    enum fk_status st = fk_post(&post, &r, err);
    if (st != FK_OK)
        return st;
    FK_TRY(answer_check(&r, url, err));
    fk_buf_add(reply, r.body.data, r.body.len);
    if (reply->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a time stamp");
done:
    fk_buf_free(&r.body);
    return st;
}

static enum fk_status crl_fetch(const char *url, unsigned seconds, struct fk_buf *pem,
                                struct fk_err *err) {
    const struct fk_post get = {.url = url, .reply_max = CRL_MAX, .seconds = seconds};
    struct fk_post_reply r;
    enum fk_status st = fk_post(&get, &r, err);
    if (st != FK_OK)
        return st;
    if (r.status != 200)
        st = fk_fail(err, FK_RETRY, "%s: answers %ld", url, r.status);
    else if ((st = fk_stamp_crl_pem(&r.body, pem, err)) != FK_OK)
        st = fk_err_prefix(err, "%s", url);
    fk_buf_free(&r.body);
    return st;
}

enum fk_status fk_authority_crls(const struct fk_stamp *stamp, struct fk_buf *pem,
                                 struct fk_err *err) {
    const int64_t until_ms = fk_monotonic_ms() + CRLS_MS;
    enum fk_status st = FK_OK;
    struct fk_buf all = FK_BUF_INIT;
    for (size_t i = 0; i < stamp->crl_count; i++) {
        const int64_t left_s = (until_ms - fk_monotonic_ms() + 999) / 1000;
        if (left_s <= 0)
            FK_TRY(fk_fail(err, FK_RETRY, "%s: no time was left to fetch it", stamp->crl[i]));
        FK_TRY(crl_fetch(stamp->crl[i], left_s < CRL_SECONDS ? (unsigned)left_s : CRL_SECONDS, &all,
                         err));
    }
    fk_buf_add(pem, all.data, all.len);
    if (pem->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for revocation lists");
done:
    fk_buf_free(&all);
    return st;
}
