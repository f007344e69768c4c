/* authority.c - one POST, and what kind of answer it got. */
#include "archiver/vault/authority.h"
#include "archiver/vault/post.h"

#include <string.h>

enum { REPLY_MAX = 1 << 20, SECONDS = 30 };

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
