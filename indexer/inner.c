/* inner.c - see inner.h */
#include "indexer/inner.h"
#include "archiver/vault/fields.h"
#include "base/pack.h"
#include "indexer/pool_priv.h"
#include "indexer/reading/facts_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { WAIT_MS = 1000, ONE = 1 };

struct fk_inner_finder {
    struct fk_pool *pool;
};

enum fk_status fk_inner_finder_open(const struct fk_index_options *options,
                                    struct fk_inner_finder **out, struct fk_err *err) {
    struct fk_index_options one = *options;
    struct fk_inner_finder *f = calloc(1, sizeof *f);
    if (!f)
        return fk_fail(err, FK_NOMEM, "a reader of journal reports: out of memory");
    one.workers = 1;
    one.names_only = true;
    enum fk_status st = fk_pool__open(&one, &f->pool, err);
    if (st == FK_OK)
        *out = f;
    else
        free(f);
    return st;
}

void fk_inner_finder_close(struct fk_inner_finder **finder) {
    if (!*finder)
        return;
    fk_pool__close(&(*finder)->pool);
    free(*finder);
    *finder = NULL;
}

/* False where the answer is none, or the place is not within the message. */
static bool answer_read(const struct fk_job_result *result, uint64_t message_len,
                        struct fk_inner *out) {
    struct fk_reader r;
    struct fk_slice in;
    fk_reader_init(&r, result->answer.data, result->answer.len);
    (void)fk_get_u32(&r); /* reasons: there are none of a report */
    if (r.bad)
        return false;
    struct fk_fields it = fk_fields_begin(r.at, (size_t)(r.end - r.at));
    if (!fk_facts__inner_next(&it, &in))
        return !it.bad;
    if (in.offset > message_len || in.len > message_len - in.offset)
        return false;
    out->is_report = true;
    out->offset = in.offset;
    out->len = in.len;
    out->coding = in.transfer;
    return true;
}

enum fk_status fk_inner_find(struct fk_inner_finder *finder, int fd, uint64_t offset, uint64_t len,
                             struct fk_inner *out, struct fk_err *err) {
    struct fk_job job = {.id = ONE, .kind = FK_JOB_REPORT, .offset = offset, .len = len};
    struct fk_job_result result = {.has_answer = false};
    *out = (struct fk_inner){.unread = NULL};
    job.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (job.fd < 0)
        return fk_fail_sys(err, errno, "cannot hand a message to an index reader");
    enum fk_status st = fk_pool__submit(finder->pool, &job, err);
    if (st == FK_OK)
        do
            st = fk_pool__wait(finder->pool, WAIT_MS, &result, err);
        while (st == FK_RETRY);
    if (st == FK_OK && !(result.has_answer && answer_read(&result, len, out)))
        out->unread = result.reasons & FK_REASON_TIME ? "time" : "crash";
    fk_buf_free(&result.answer);
    return st;
}
