/*
 * child.h - the bond between `serve` and the processes it starts.
 *
 * serve runs each child as
 *
 *     fumikura -c FILE NAME --control FD [--keep FD] [--lend FD] [--sign FD] [--socket ROLE:FD]...
 *              [--listen PATH] [--inherit NAME:FD]...
 *
 *     NAME      gets                                                           stopped
 *     keep      --listen --socket mail:FD (receive, milter), import:FD (imapd), act:FD (web),
 *               scrub:FD (scrubd), watch:FD (watchd), auth:FD (authd)          15th
 *     lend      --listen --socket index:FD (indexd), log:FD (logd, watchd, imapd), act:FD (web),
 *               auth:FD (authd)                                                14th
 *     sign      --socket log:FD (logd)                                         13th
 *     indexd    --lend                                                         11th
 *     logd      --lend --sign                                                  12th
 *     stampd                                                                   10th
 *     cosignd                                                                  9th
 *     maild                                                                    8th
 *     authd     --keep --lend                                                  7th
 *     scrubd    --keep                                                         6th
 *     watchd    --keep --lend                                                  5th
 *     receive   --keep --inherit (sockets that serve was given by systemd)     1st
 *     milter    --keep                                                         2nd
 *     imapd     --keep --lend                                                  3rd
 *     web       --keep --lend                                                  4th
 *
 * with stdin and stdout on /dev/null and stderr as serve has it. A main is
 *
 *     struct fk_child child;
 *     FK_TRY(fk_child_begin(&child, argc, argv, err));      before any thread is made
 *     FK_TRY(fk_keep_attach(fk_child_take(&child.keep), &keep, err));
 *     ... bind, open ...
 *     FK_TRY(fk_child_ready(&child, addresses, err));       {"smtp=127.0.0.1:2525", ..., NULL}
 *     for (;;) poll child.control and child.signals among the rest; when one is readable,
 *         fk_child_next(&child, 0, &event, err):
 *             FK_CHILD_STOP    finish or refuse what is running, return 0: SIGTERM, or serve is
 * gone FK_CHILD_SOCKET  event.name "keep", "lend" or "sign": that process was started anew;
 *                              fk_keep_reattach(keep, event.fd). (To keep and lend themselves:
 *                              name is the role of one more socket.)
 *             FK_CHILD_RELOAD  serve got SIGHUP: read again what may have changed (receive only)
 * done:
 *     return fk_child_end(&child, st, err);                 tells serve what was wrong
 *
 * A child that ends before it was ready makes serve stop with its sentence, when that happens while
 * serve starts; later it is started anew after 1 to 30 s. Without --control (started apart) the
 * same main runs until SIGTERM or SIGINT. fk_child_begin blocks those two; a program that is run
 * from here has to unblock them. A thread of its own may wait in fk_child_next with wait_ms -1.
 *
 * Errors: FK_INVALID an option or descriptor that is none. Threads: fk_child_next from one thread.
 */
#ifndef FK_BASE_CHILD_H
#define FK_BASE_CHILD_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_CHILD_SOCKETS = 8, FK_CHILD_INHERITED = 16, FK_CHILD_NAME = 32 };

struct fk_child_socket {
    char role[FK_CHILD_NAME];
    int fd;
};
struct fk_child {
    int control, signals; /* for poll; control is -1 when started apart */
    int keep, lend, sign; /* -1 where not given; the main's to take */
    struct fk_child_socket sockets[FK_CHILD_SOCKETS];
    size_t socket_count;
    struct fk_child_socket inherited[FK_CHILD_INHERITED]; /* role: its FileDescriptorName */
    size_t inherited_count;
    const char *listen; /* NULL where not given */
};

FK_CHECKED enum fk_status fk_child_begin(struct fk_child *child, int argc, char **argv,
                                         struct fk_err *err);
/* Gives a descriptor away: *fd is -1 afterwards. */
int fk_child_take(int *fd);
/* addresses: NULL, or "NAME=ADDRESS" with a NULL at the end. */
FK_CHECKED enum fk_status fk_child_ready(struct fk_child *child, const char *const *addresses,
                                         struct fk_err *err);

enum fk_child_what { FK_CHILD_NOTHING, FK_CHILD_STOP, FK_CHILD_SOCKET, FK_CHILD_RELOAD };
struct fk_child_event {
    enum fk_child_what what;
    char name[FK_CHILD_NAME];
    int fd; /* of FK_CHILD_SOCKET: yours */
};
/* wait_ms 0 asks, -1 waits. */
FK_CHECKED enum fk_status fk_child_next(struct fk_child *child, int wait_ms,
                                        struct fk_child_event *out, struct fk_err *err);
/* Tells serve the sentence of a failure (or stderr, when started apart), closes what was not taken;
 * the exit status for st. */
int fk_child_end(struct fk_child *child, enum fk_status st, const struct fk_err *err);

/* The other end: frames on the control socket. Payloads: base/pack.h. */
enum fk_child_frame {
    FK_CHILD_IS_READY = 1, /* child to serve: u16 count, then a string an address */
    FK_CHILD_FAILED = 2,   /* child to serve: u32 status, string */
    FK_CHILD_TAKE = 3,     /* serve to child: string name, with a descriptor */
    FK_CHILD_AGAIN = 4     /* serve to child: nothing; FK_CHILD_RELOAD there */
};

#ifdef __cplusplus
}
#endif
#endif
