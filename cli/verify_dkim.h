/*
 * verify_dkim.h - signatures verified once more, by the keys that were kept and without DNS.
 *
 * Each entry `fact what=auth` about messages of the range is opened, and each message of it is
 * given to the boxed checker with the answers of DNS of that time. What is found is compared with
 * what was found then. An act that names the messages and the entry comes before each look.
 *
 * Errors: FK_CORRUPT at the end when something differs, each told as a finding before; others as of
 * lend.h and checker.h. Threads: one.
 */
#ifndef FK_CLI_VERIFY_DKIM_H
#define FK_CLI_VERIFY_DKIM_H
#include "archiver/vault/lend.h"
#include "cli/cli.h"

struct cli_verify_dkim {
    uint64_t from, to; /* seqs of messages, both included */
    fk_finding_fn finding;
    void *ctx;
    /* what came of it: */
    uint64_t messages, signatures, held, disposed, unread, differ;
};
FK_CHECKED enum fk_status cli_verify_dkim(const struct fk_cli *cli, struct fk_lend *lend,
                                          struct cli_verify_dkim *v, struct fk_err *err);
#endif
