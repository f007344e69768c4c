/* message_text.c - one message as text, made in a box of its own; what comes out of it is made safe
 * for a terminal and a page: valid UTF-8 without control characters. */
#include "archiver/vault/envelope.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/index.h"
#include "indexer/pool_priv.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/text/fold_priv.h"

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

static enum fk_status job_of(int content_fd, enum fk_job_kind kind, struct fk_job *job,
                             struct fk_err *err) {
    const uint8_t *file;
    size_t size;
    struct fk_envelope e;
    enum fk_status st = fk_memfile_map(content_fd, &file, &size, err);
    if (st != FK_OK)
        return st;
    st = size < SALT ? fk_fail(err, FK_CORRUPT, "a content without salt")
                     : fk_envelope_split(file + SALT, size - SALT, &e, err);
    if (st == FK_OK)
        *job = (struct fk_job){
            .id = 1, .kind = kind, .offset = (uint64_t)(e.message - file), .len = e.message_len};
    fk_memfile_unmap(file, size);
    if (st == FK_OK && (job->fd = fcntl(content_fd, F_DUPFD_CLOEXEC, 3)) < 0)
        st = fk_fail_sys(err, errno, "cannot hand a message to an index reader");
    return st;
}

/* One job in a box of its own: what it said behind its reasons is at *text, in the answer. */
static enum fk_status ask(int content_fd, enum fk_job_kind kind,
                          const struct fk_index_options *options, struct fk_job_result *result,
                          struct fk_reader *text, unsigned *reasons, struct fk_err *err) {
    struct fk_index_options one = *options;
    struct fk_pool *pool = NULL;
    struct fk_job job;
    one.workers = 1;
    enum fk_status st = job_of(content_fd, kind, &job, err);
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
            st = fk_pool__wait(pool, WAIT_MS, result, err);
        while (st == FK_RETRY);
    fk_reader_init(text, result->answer.data, result->answer.len);
    *reasons = result->reasons | (result->has_answer ? fk_get_u32(text) : 0);
    fk_pool__close(&pool);
    return st;
}

static enum fk_status text_of(int content_fd, enum fk_job_kind kind,
                              const struct fk_index_options *options, struct fk_buf *out,
                              struct fk_err *err) {
    struct fk_job_result result = {.has_answer = false};
    struct fk_reader r;
    unsigned reasons;
    enum fk_status st = ask(content_fd, kind, options, &result, &r, &reasons, err);
    if (st == FK_OK) {
        if (result.has_answer && !r.bad)
            append_safely(r.at, (size_t)(r.end - r.at), out);
        append_reasons(reasons, out);
        if (out->failed)
            st = fk_fail(err, FK_NOMEM, "a message's text: out of memory");
    }
    fk_buf_free(&result.answer);
    return st;
}

enum fk_status fk_index_message_text(int content_fd, const struct fk_index_options *options,
                                     struct fk_buf *out, struct fk_err *err) {
    return text_of(content_fd, FK_JOB_PEOPLE, options, out, err);
}

static enum fk_status no_report(struct fk_err *err) {
    return fk_fail(err, FK_NOT_FOUND, "the message is no journal report: it stands in no wrapper");
}

enum fk_status fk_index_wrapper_text(int content_fd, const struct fk_index_options *options,
                                     struct fk_buf *out, struct fk_err *err) {
    const size_t before = out->len;
    enum fk_status st = text_of(content_fd, FK_JOB_WRAPPER, options, out, err);
    return st == FK_OK && out->len == before ? no_report(err) : st;
}

/* The place comes out of the box; it must lie within the message, and that is looked at here. */
static enum fk_status inner_cut(const struct fk_job *job, const uint8_t *file, const char *lines,
                                size_t len, unsigned number, struct fk_buf *out,
                                enum fk_transfer *how, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(lines, len);
    struct fk_slice in;
    for (unsigned i = 0; fk_facts__inner_next(&it, &in); i++) {
        if (i != number)
            continue;
        if (in.offset > job->len || in.len > job->len - in.offset)
            return fk_fail(err, FK_CORRUPT, "an index reader told of bytes that are not there");
        fk_transfer_decode(in.transfer, file + job->offset + in.offset, in.len, out);
        *how = in.transfer;
        return out->failed ? fk_fail(err, FK_NOMEM, "an inner message: out of memory") : FK_OK;
    }
    return number ? fk_fail(err, FK_NOT_FOUND, "the report has not so many inner messages")
                  : no_report(err);
}

enum fk_status fk_index_inner_bytes(int content_fd, const struct fk_index_options *options,
                                    unsigned number, struct fk_buf *out, enum fk_transfer *how,
                                    struct fk_err *err) {
    struct fk_job_result result = {.has_answer = false};
    struct fk_job job;
    struct fk_reader r;
    const uint8_t *file;
    size_t size;
    unsigned reasons;
    enum fk_status st = ask(content_fd, FK_JOB_REPORT, options, &result, &r, &reasons, err);
    if (st == FK_OK && !result.has_answer)
        st = fk_fail(err, FK_IO, "the message could not be read: an index reader died of it");
    if (st == FK_OK)
        st = fk_memfile_map(content_fd, &file, &size, err);
    if (st == FK_OK) {
        st = job_of(content_fd, FK_JOB_REPORT, &job, err);
        if (st == FK_OK) {
            st = inner_cut(&job, file, (const char *)r.at, (size_t)(r.end - r.at), number, out, how,
                           err);
            fk_close(&job.fd);
        }
        fk_memfile_unmap(file, size);
    }
    fk_buf_free(&result.answer);
    return st;
}
