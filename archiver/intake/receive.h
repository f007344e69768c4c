/*
 * receive.h - takes mail in by SMTP and LMTP and hands each message to the pen.
 *
 *     FK_TRY(fk_receive_open(&options, &r, err));             binds every address
 *     FK_TRY(fk_child_ready(&child, fk_receive_addresses(r), err));
 *     st = fk_receive_run(r, keep, &child, err);              until it is told to stop
 *     fk_receive_close(&r);
 *
 * One thread, no disk, no vault file: a message goes into a memory file as it comes and to the pen
 * when its final dot is there; the reply is the pen's receipt. While the pen is away mail is
 * answered 451, and what it had not answered too; a new socket from serve ends that.
 *
 * Told to stop, it closes its addresses, answers 421 to who is between two messages, lets those
 * inside one finish, and hangs up after 30 s. Told to reload, it reads certificates again; those
 * that are wrong are told and the old ones stay.
 *
 * An address for which a socket was inherited is not bound: those of "smtp" or "lmtp", or of the
 * gate that has the name.
 *
 * Ownership: options are borrowed until close. Errors: those of listener.h; FK_IO from the system.
 */
#ifndef FK_INTAKE_RECEIVE_H
#define FK_INTAKE_RECEIVE_H
#include "archiver/intake/gate.h"
#include "archiver/vault/keep.h"
#include "base/child.h"

#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_receive;

struct fk_receive_options {
    const char *const *smtp, *const *lmtp; /* addresses, each list ended by NULL */
    const char *hostname;                  /* "" or NULL: the machine's */
    const char *source, *floor;            /* of each entry that comes in by those addresses */
    const char *const *journal_from;       /* networks whose journal reports count there */
    uint64_t size_limit, in_flight;        /* bytes */
    unsigned connections, command_timeout_s, data_timeout_s;
    const struct fk_gate_options *gates; /* the listeners that have a name */
    size_t gate_count;
    const struct fk_child_socket *inherited; /* sockets that listen already: role is the name of a
                                              * gate, or "smtp" or "lmtp"; they stay the caller's */
    size_t inherited_count;
    unsigned certificate_look_s; /* how often certificates' files are looked at; 0: 60 */
    void (*tell)(void *ctx, bool bad, const char *text); /* a line for the log; NULL: nobody */
    void *tell_ctx;
};

FK_CHECKED enum fk_status fk_receive_open(const struct fk_receive_options *options,
                                          struct fk_receive **out, struct fk_err *err);
/* "smtp=127.0.0.1:2525", "lmtp=unix:/path", "listener:NAME=[::]:25", ..., NULL. */
const char *const *fk_receive_addresses(const struct fk_receive *r);
FK_CHECKED enum fk_status fk_receive_run(struct fk_receive *r, struct fk_keep *keep,
                                         struct fk_child *child, struct fk_err *err);
void fk_receive_close(struct fk_receive **r);

#ifdef __cplusplus
}
#endif
#endif
