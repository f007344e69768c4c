/*
 * ledger.h - walking the ledger's lines, for commands.
 */
#ifndef FK_CLI_LEDGER_H
#define FK_CLI_LEDGER_H
#include "archiver/vault/lend.h"
#ifdef __cplusplus
extern "C" {
#endif

/* line: with its LF; e is borrowed from it. Anything but FK_OK ends the walk and is returned. */
typedef enum fk_status (*cli_entry_fn)(void *ctx, const struct fk_entry *e, const char *line,
                                       size_t len, struct fk_err *err);
/* Entries first .. last, as far as there are any. */
FK_CHECKED enum fk_status cli_ledger_walk(struct fk_lend *lend, uint64_t first, uint64_t last,
                                          cli_entry_fn fn, void *ctx, struct fk_err *err);
/* The first entry whose time is not before ms (entries' times ascend but for clocks that were set
 * back); the head's next seq when there is none. */
FK_CHECKED enum fk_status cli_ledger_seq_at(struct fk_lend *lend, int64_t ms, uint64_t *out,
                                            struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
