/*
 * post.h - one POST over HTTP, for those who ask others: an authority, a witness; and one GET, of a
 * revocation list. Mail is submit.h's. No redirects, no cookies, no proxies from the
 * environment.
 *
 * Errors: FK_RETRY the other end is away or slow; FK_INVALID no http or https address, or an answer
 * that is longer than was allowed. Any status is an answer. Threads: one at a time.
 */
#ifndef FK_VAULT_POST_H
#define FK_VAULT_POST_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_post {
    const char *url, *type;    /* of the body: "Content-Type: ..." */
    const struct fk_buf *body; /* NULL: a GET, without a type */
    size_t reply_max;          /* bytes */
    unsigned seconds;          /* for all of it */
};
struct fk_post_reply {
    long status;
    char type[64];      /* "" where none was said */
    struct fk_buf body; /* yours to free; nothing of it is believed here */
};
FK_CHECKED enum fk_status fk_post(const struct fk_post *post, struct fk_post_reply *out,
                                  struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
