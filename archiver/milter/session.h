/*
 * session.h - the mail server's side: libmilter's callbacks, one session a connection.
 *
 *     FK_TRY(fk_session_serve(&options, handover, listen_fd, err));
 *
 * starts a thread that is libmilter's and returns; when libmilter ends, fk_handover_end says so.
 * Every message is a message or nothing: what is aborted, cut off or over a limit leaves no trace.
 * The answer to the end of a message is "continue" when the pen's receipt is there, durable, and a
 * 4xx or (over the size limit alone) a 5xx otherwise; nothing of a message is ever changed.
 *
 * libmilter has one filter a process, so this may be called once. Options are borrowed for good.
 * Errors: FK_NOMEM, FK_IO.
 */
#ifndef FK_MILTER_SESSION_H
#define FK_MILTER_SESSION_H
#include "archiver/milter/handover.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_session_options {
    const char *address; /* as bound, for the envelope */
    const char *source, *floor;
    uint64_t size_limit, in_flight; /* bytes */
    unsigned connections;
};

FK_CHECKED enum fk_status fk_session_serve(const struct fk_session_options *options,
                                           struct fk_handover *handover, int listen_fd,
                                           struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
