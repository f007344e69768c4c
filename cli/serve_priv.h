/*
 * serve_priv.h - one process that serve watches: started, heard, told. serve.c decides when.
 */
#ifndef FK_CLI_SERVE_PRIV_H
#define FK_CLI_SERVE_PRIV_H
#include "base/child.h"
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { KID_ADDRESSES = 256, KID_SOCKETS = 8 };

struct kid {
    const char *name;
    pid_t pid;   /* 0 while it does not run */
    int control; /* -1 while it does not run */
    bool ready;
    struct fk_err failed; /* what it said before it ended */
    char *addresses[KID_ADDRESSES + 1];
    int64_t started_ms, again_ms; /* again_ms: when it is to be started anew; 0 for never */
    unsigned delay_s;
};

/* A socket that goes along: the option it is given by, and its descriptor (stays the caller's). */
struct kid_socket {
    char option[16];  /* "--keep", "--lend", "--socket" */
    const char *role; /* before the descriptor for --socket; NULL otherwise */
    int fd;
};

/* Sockets that were there when serve began: systemd's, by its protocol (sd_listen_fds(3):
 * LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; descriptors from 3 on). serve has them as long as it
 * runs, so that a receiver that is started anew finds them, and mail waits in them meanwhile. */
struct kid_inherited {
    struct {
        char name[FK_CHILD_NAME];
        int fd;
    } sockets[FK_CHILD_INHERITED];
    size_t count;
};
/* None is no error. The variables are gone afterwards: they are not for those that serve starts. */
FK_CHECKED enum fk_status kid_inherited_take(struct kid_inherited *out, struct fk_err *err);
void kid_inherited_free(struct kid_inherited *in);

/* inherited may be NULL; it stays the caller's. */
FK_CHECKED enum fk_status kid_start(struct kid *kid, const char *config_path, const char *listen,
                                    const struct kid_socket *sockets, size_t n,
                                    const struct kid_inherited *inherited, struct fk_err *err);
/* FK_CHILD_RELOAD to a kid that runs. */
FK_CHECKED enum fk_status kid_reload(struct kid *kid, struct fk_err *err);
/* One more socket to a kid that runs; it stays the caller's. */
FK_CHECKED enum fk_status kid_give(struct kid *kid, const char *name, int fd, struct fk_err *err);
/* Reads what has come on the control socket. */
void kid_hear(struct kid *kid);
/* After its death: what it said, or how it ended, as an error. */
enum fk_status kid_ended(struct kid *kid, int wait_status, struct fk_err *err);
void kid_free(struct kid *kid);

#ifdef __cplusplus
}
#endif
#endif
