/*
 * occasion_priv.h - a keep or lend process for one command, when no server runs.
 *
 * The program is /proc/self/exe, or what FUMIKURA_PROGRAM names (unit programs, which are no
 * fumikura themselves). It reads the vault's DIR/fumikura.conf, or the file of FUMIKURA_CONFIG
 * where that lies in DIR. It ends when its socket closes.
 */
#ifndef FK_VAULT_OCCASION_PRIV_H
#define FK_VAULT_OCCASION_PRIV_H
#include "base/status.h"
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

/* name: "keep" or "lend". The socket has role `all` there. */
FK_CHECKED enum fk_status fk_occasion_start(const char *dir, const char *name, int *sock_out,
                                            pid_t *pid_out, struct fk_err *err);
/* Waits for its end, after the socket was closed. pid 0: nothing to wait for. */
void fk_occasion_end(pid_t *pid);

/* The server's socket below DIR/run, FK_NOT_FOUND when no server listens. */
FK_CHECKED enum fk_status fk_occasion_connect(const char *dir, const char *socket_name,
                                              int *sock_out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
