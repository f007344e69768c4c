/* message_text.c - one message as text, made in a box of its own; what comes out of it is made safe
 * for a terminal and a page: valid UTF-8 without control characters. */
#include "archiver/vault/envelope.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/fold_priv.h"
#include "indexer/index.h"
#include "indexer/pool_priv.h"

#include <errno.h>
#include <fcntl.h>

enum { SALT = 32, WAIT_MS = 1000 };

static void append_safely(const uint8_t *text, size_t len, struct fk_buf *out) {
    const char *s = (const char *)text;
    for (int32_t at = 0, from = 0; at < (int32_t)len; from = at) {
        const int32_t cp = fk_utf8_next(s, &at, (int32_t)len);
        const bool is_control =
            (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0);
        /* Marks that turn the direction of text can make a name look like another. */
        const bool is_turning = (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
        if (cp == '\r')
            continue;
        if (cp < 0)
            fk_buf_str(out, "\xef\xbf\xbd");
        else if (is_control || is_turning)
            fk_buf_byte(out, ' ');
        else
            fk_buf_add(out, s + from, (size_t)(at - from));
    }
}

static void append_reasons(unsigned reasons, struct fk_buf *out) {
    static const char *const words[FK_REASONS] = FK_REASON_WORDS;
    for (unsigned i = 0; i < FK_REASONS; i++)
        if (reasons & 1u << i)
            fk_buf_printf(out, "\n(partial: %s)\n", words[i]);
}

static enum fk_status job_of(int content_fd, struct fk_job *job, struct fk_err *err) {
    const uint8_t *file;
    size_t size;
    struct fk_envelope e;
    enum fk_status st = fk_memfile_map(content_fd, &file, &size, err);
    if (st != FK_OK)
        return st;
    st = size < SALT ? fk_fail(err, FK_CORRUPT, "a content without salt")
                     : fk_envelope_split(file + SALT, size - SALT, &e, err);
    if (st == FK_OK)
        *job = (struct fk_job){.id = 1,
                               .kind = FK_JOB_PEOPLE,
                               .offset = (uint64_t)(e.message - file),
                               .len = e.message_len};
    fk_memfile_unmap(file, size);
    if (st == FK_OK && (job->fd = fcntl(content_fd, F_DUPFD_CLOEXEC, 3)) < 0)
        st = fk_fail_sys(err, errno, "cannot hand a message to an index reader");
    return st;
}

enum fk_status fk_index_message_text(int content_fd, const struct fk_index_options *options,
                                     struct fk_buf *out, struct fk_err *err) {
    struct fk_index_options one = *options;
    struct fk_pool *pool = NULL;
    struct fk_job job;
    struct fk_job_result result = {.has_answer = false};
    struct fk_reader r;
    one.workers = 1;
    enum fk_status st = job_of(content_fd, &job, err);
    if (st != FK_OK)
        return st;
    st = fk_pool__open(&one, &pool, err);
    if (st != FK_OK) {
        fk_close(&job.fd);
        return st;
    }
    st = fk_pool__submit(pool, &job, err);
    if (st == FK_OK)
        do
            st = fk_pool__wait(pool, WAIT_MS, &result, err);
        while (st == FK_RETRY);
    if (st == FK_OK) {
        fk_reader_init(&r, result.answer.data, result.answer.len);
        const uint32_t reasons = result.has_answer ? fk_get_u32(&r) : 0;
        if (result.has_answer && !r.bad)
            append_safely(r.at, (size_t)(r.end - r.at), out);
        append_reasons(reasons | result.reasons, out);
        if (out->failed)
            st = fk_fail(err, FK_NOMEM, "a message's text: out of memory");
    }
    fk_buf_free(&result.answer);
    fk_pool__close(&pool);
    return st;
}
