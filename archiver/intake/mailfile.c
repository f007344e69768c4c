/* mailfile.c - gathers pieces and writes them at once. */
#include "archiver/intake/mailfile.h"
#include "archiver/vault/envelope.h"
#include "base/fault.h"
#include "base/frame.h"
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

enum fk_status fk_mailfile_settle(struct fk_mailfile *m, struct fk_err *err) {
    struct iovec *v = m->pieces;
    int n = m->piece_count, injected = fk_fault("mail-file");
    m->piece_count = 0;
    if (n && injected)
        return fk_fail_sys(err, injected, "cannot write a message to memory");
    if (n && m->fd < 0) {
        enum fk_status st = fk_memfile_new("fumikura-mail", &m->fd, err);
        if (st != FK_OK)
            return st;
    }
    while (n) {
        ssize_t wrote = writev(m->fd, v, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fk_fail_sys(err, errno, "cannot write a message to memory");
        for (; n && (size_t)wrote >= v->iov_len; v++, n--)
            wrote -= (ssize_t)v->iov_len;
        if (n) {
            v->iov_base = (char *)v->iov_base + wrote;
            v->iov_len -= (size_t)wrote;
        }
    }
    return FK_OK;
}

static enum fk_status piece_add(struct fk_mailfile *m, const void *data, size_t len,
                                struct fk_err *err) {
    if (!len)
        return FK_OK;
    m->pieces[m->piece_count++] = (struct iovec){(void *)(uintptr_t)data, len};
    return m->piece_count == FK_MAILFILE_PIECES ? fk_mailfile_settle(m, err) : FK_OK;
}

enum fk_status fk_mailfile_add(struct fk_mailfile *m, const void *data, size_t len,
                               struct fk_err *err) {
    m->bytes += len;
    return piece_add(m, data, len, err);
}

enum fk_status fk_mailfile_finish(struct fk_mailfile *m, const struct fk_buf *fields,
                                  struct fk_err *err) {
    struct fk_buf block = FK_BUF_INIT;
    block.failed = fields->failed;
    fk_envelope_finish(&block, fields, m->bytes);
    enum fk_status st = block.failed ? fk_fail(err, FK_NOMEM, "no memory for an envelope")
                                     : piece_add(m, block.data, block.len, err);
    if (st == FK_OK)
        st = fk_mailfile_settle(m, err);
    fk_buf_free(&block);
    return st;
}

void fk_mailfile_drop(struct fk_mailfile *m) {
    fk_close(&m->fd);
    *m = (struct fk_mailfile)FK_MAILFILE_INIT;
}
