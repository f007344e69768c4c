/*
 * lend_main.h - the lend process: has the vault read-only and the key-encryption key, gives out
 * what a socket's role allows.
 *
 * Roles of sockets: `index` gets head, lines and any content; `act` gets head, lines, segments, and
 * a content only against an act that is durable, names the content's seq in `of`, is of a kind that
 * shows something (what=show, search, export, audit), and is not older than a day; `all` (the
 * command line) gets all of these and what takes long; on the server's named socket (mode 0600) a
 * content only against an act too, in a process of a command's own (which indexes when no server
 * runs) without. Bodies of hold, release, class and policy entries are given to any of them.
 *
 * No network: the process cannot make an Internet socket. Plain text in its memory is overwritten
 * when it was given out. It returns as fk_keep_main does.
 */
#ifndef FK_VAULT_LEND_MAIN_H
#define FK_VAULT_LEND_MAIN_H
#include "base/child.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_lend_main(const char *dir, struct fk_child *child, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
