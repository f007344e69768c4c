/*
 * handover.h - messages of many threads to the pen, which talks to one.
 *
 *     FK_TRY(fk_handover_new(keep, &h, err));                 the thread that will run it
 *     ... other threads:
 *     if (fk_handover_enter(h)) {                             a message begins
 *         st = fk_handover_give(h, &mail, &receipt);          waits until it is durable, or is not
 *         fk_handover_leave(h);                               in every case, once
 *     }
 *     st = fk_handover_run(h, &child, err);                   until told to stop
 *
 * While the pen is away nobody may enter, and what waits is answered FK_RETRY; a new socket from
 * serve ends that. Told to stop, it lets nobody enter and waits for those who are inside, at most
 * 30 s, and a second more, in which the last of them write their answers. It is never freed: other
 * threads may hold on to it until the process ends.
 *
 * Errors of run: FK_RETRY the pen has gone and nobody can bring another; FK_IO from the system, or
 * what fk_handover_end was told.
 */
#ifndef FK_MILTER_HANDOVER_H
#define FK_MILTER_HANDOVER_H
#include "archiver/vault/keep.h"
#include "base/child.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_handover;

/* keep is borrowed for good. */
FK_CHECKED enum fk_status fk_handover_new(struct fk_keep *keep, struct fk_handover **out,
                                          struct fk_err *err);
/* Any thread. */
bool fk_handover_enter(struct fk_handover *h);
void fk_handover_give(struct fk_handover *h, const struct fk_mail *mail, struct fk_receipt *out);
void fk_handover_leave(struct fk_handover *h);
/* Whoever brings the messages has ended: of his own accord (FK_OK), or because he had to. */
void fk_handover_end(struct fk_handover *h, enum fk_status why, const char *text);
/* The same as a SIGTERM to the process. For a signal handler. */
void fk_handover_stop(struct fk_handover *h);

FK_CHECKED enum fk_status fk_handover_run(struct fk_handover *h, struct fk_child *child,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
