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
/* first: of the entries that were written from since to until (milliseconds, both included); end:
 * one after the last of them; equal where there is none. All lines are read: a clock that was set
 * back leaves times that do not ascend, and what was written then must not be missed. */
FK_CHECKED enum fk_status cli_ledger_span(struct fk_lend *lend, int64_t since_ms, int64_t until_ms,
                                          uint64_t *first_out, uint64_t *end_out,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
