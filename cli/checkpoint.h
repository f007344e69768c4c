/*
 * checkpoint.h - a signed checkpoint that covers what a command is about.
 */
#ifndef FK_CLI_CHECKPOINT_H
#define FK_CLI_CHECKPOINT_H
#include "archiver/vault/lend.h"
#include "archiver/vault/note.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

/* The newest one over at least `size` entries, its note appended. Without a server it is made here;
 * with one it is waited for, up to checkpoint-interval and half a minute, then FK_RETRY. */
FK_CHECKED enum fk_status cli_checkpoint_get(const struct fk_cli *cli, struct fk_lend *lend,
                                             uint64_t size, struct fk_checkpoint *out,
                                             struct fk_buf *note, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
