/*
 * keep_main.h - the keep process: has the pen, takes requests from sockets, answers when durable.
 *
 * Roles of sockets: `mail` may send mail; `act` may append acts; `scrub` facts; `watch`
 * facts and gaps; `all` may do everything. Those on
 * the named socket (child->listen) have role `all`: it is for the command line, mode 0600. Whatever
 * comes in is checked for role and form; mail is never parsed. No network: the process cannot make
 * an Internet socket.
 *
 * It returns when it is told to stop, or, when it was given sockets and no control, when all of
 * them are closed: what was taken by then is finished and answered. FK_IO: a sync failed and
 * everything unanswered was answered so; the process is to end and open the vault anew.
 */
#ifndef FK_VAULT_KEEP_MAIN_H
#define FK_VAULT_KEEP_MAIN_H
#include "archiver/vault/pen.h"
#include "base/child.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_keep_options {
    struct fk_pen_options pen;
    uint64_t in_flight_bytes;                 /* over it FK_FULL: 1 GiB */
    uint64_t seal_bytes_per_s;                /* as in struct fk_pace: 64 MiB */
    const char *mirror;                       /* its directory; NULL: there is none */
    bool mirror_sync;                         /* a mail is answered when the mirror has it too */
    void (*notice)(const struct fk_err *err); /* what fails with nobody waiting: for the log */
};
FK_CHECKED enum fk_status fk_keep_main(const char *dir, const struct fk_keep_options *options,
                                       struct fk_child *child, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
