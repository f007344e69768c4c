/*
 * mailfile.h - a message on its way to the pen: its bytes in a memory file, the envelope block
 * last.
 *
 *     struct fk_mailfile m = FK_MAILFILE_INIT;
 *     FK_TRY(fk_mailfile_add(&m, data, len, err));        borrowed until the next settle
 *     FK_TRY(fk_mailfile_settle(&m, err));                before the bytes go away
 *     FK_TRY(fk_mailfile_finish(&m, &fields, err));       then m.fd and m.bytes are for
 * fk_keep_send_mail fk_mailfile_drop(&m);                               in every case
 *
 * A small message that came in one piece costs one write. Errors: FK_FULL, FK_NOMEM, FK_IO.
 * Threads: one at a time.
 */
#ifndef FK_INTAKE_MAILFILE_H
#define FK_INTAKE_MAILFILE_H
#include "base/buf.h"
#include "base/status.h"

#include <sys/uio.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_MAILFILE_PIECES = 64 };

struct fk_mailfile {
    int fd;         /* -1 until something is written */
    uint64_t bytes; /* of the message */
    struct iovec pieces[FK_MAILFILE_PIECES];
    int piece_count;
};
#define FK_MAILFILE_INIT                                                                           \
    { -1, 0, {{0, 0}}, 0 }

FK_CHECKED enum fk_status fk_mailfile_add(struct fk_mailfile *m, const void *data, size_t len,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_mailfile_settle(struct fk_mailfile *m, struct fk_err *err);
/* Puts the envelope block with these fields after the message. */
FK_CHECKED enum fk_status fk_mailfile_finish(struct fk_mailfile *m, const struct fk_buf *fields,
                                             struct fk_err *err);
void fk_mailfile_drop(struct fk_mailfile *m);

#ifdef __cplusplus
}
#endif
#endif
