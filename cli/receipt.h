/*
 * receipt.h - a search's receipt as a file (search/receipt.h, docs/format-receipt.md).
 */
#ifndef FK_CLI_RECEIPT_H
#define FK_CLI_RECEIPT_H
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "search/receipt.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Before the search: FK_INVALID where something is at path already, as a receipt replaces nothing;
 * the log's newest checkpoint goes into *receipt. */
FK_CHECKED enum fk_status cli_receipt_begin(const struct fk_cli *cli, const char *path,
                                            struct fk_search_receipt *receipt, struct fk_err *err);
/* The statement, the act's line, and its proof under a checkpoint; with a server that is waited for
 * (cli/checkpoint.h). Mode 0600: it says who asked for what. */
FK_CHECKED enum fk_status cli_receipt_write(const struct fk_cli *cli, struct fk_lend *lend,
                                            const struct fk_search_receipt *receipt, uint64_t act,
                                            const char *path, struct fk_err *err);
/* The line of one entry with its LF, appended. */
FK_CHECKED enum fk_status cli_receipt_line(struct fk_lend *lend, uint64_t seq, struct fk_buf *out,
                                           struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
