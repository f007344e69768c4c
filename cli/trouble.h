/*
 * trouble.h - what is in the way of a process that talks to the network, remembered for `status`
 * and `doctor`: DIR/run/NAME has the sentence while there is trouble, and is not there otherwise.
 * Only people read it: where it cannot be written, the server's log still has the sentence.
 *
 * Threads: any, one a name.
 */
#ifndef FK_CLI_TROUBLE_H
#define FK_CLI_TROUBLE_H
#include "cli/cli.h"

/* why NULL: there is none any more. name: one path component. */
void cli_trouble_put(const struct fk_cli *cli, const char *name, const struct fk_err *why);
/* "" where there is none. */
void cli_trouble_read(const struct fk_cli *cli, const char *name, char *out, size_t size);
#endif
