/*
 * sign_main.h - the sign process: has DIR/secrets/log-key and log-head (signet.h), and nothing
 * else.
 *
 * Roles of sockets: `log` and `all`, which may ask the same: the last head, and the next signature.
 * Without a key a server's signer answers why, and looks again with each request: mail is taken and
 * all else goes on, and `status` shows the checkpoint growing old.
 *
 * No network. It returns when its last socket closes, or as fk_keep_main does.
 */
#ifndef FK_VAULT_SIGN_MAIN_H
#define FK_VAULT_SIGN_MAIN_H
#include "base/child.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_sign_main(const char *dir, struct fk_child *child, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
