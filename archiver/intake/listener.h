/*
 * listener.h - an address that mail comes in at: "127.0.0.1:2525", "[::1]:2525", "unix:/path".
 *
 * A Unix socket's file has mode 0666 (the directory decides who may reach it); one that a killed
 * process left is replaced, one that somebody listens on is not. Errors: FK_INVALID not an address,
 * or a path over 107 bytes; FK_IO with what to do. Threads: one at a time.
 */
#ifndef FK_INTAKE_LISTENER_H
#define FK_INTAKE_LISTENER_H
#include "archiver/intake/network.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_listener {
    int fd; /* non-blocking */
    bool lmtp;
    bool adopted; /* somebody else made it: a Unix socket's file is not ours to remove */
    char address[FK_ADDRESS_SIZE]; /* as it is: with the port that was given for 0 */
};

FK_CHECKED enum fk_status fk_listener_open(const char *address, bool lmtp, struct fk_listener *out,
                                           struct fk_err *err);
/* One that listens already, handed over by systemd say: a dup of fd is used. FK_INVALID: it is not
 * a stream socket that listens. */
FK_CHECKED enum fk_status fk_listener_adopt(int fd, bool lmtp, struct fk_listener *out,
                                            struct fk_err *err);
/* A connection, non-blocking, and who it is from; -1 with errno. */
int fk_listener_accept(const struct fk_listener *l, struct fk_peer *peer);
/* Removes the file of a Unix socket that was made here. */
void fk_listener_close(struct fk_listener *l);

#ifdef __cplusplus
}
#endif
#endif
