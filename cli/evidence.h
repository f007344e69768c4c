/*
 * evidence.h - what the ledger keeps about where a message is from, found and shown.
 *
 *     struct cli_evidence e = {0};
 *     FK_TRY(cli_evidence_find(lend, seq, &e, err));       before the act, which names e.entry too
 *     FK_TRY(cli_evidence_read(lend, &e, act, salt, err));
 *     cli_evidence_print(&e, act, json);
 *     fk_buf_wipe(&e.part);
 *
 * Errors: FK_NOT_FOUND the message was not checked. Threads: any, one a struct.
 */
#ifndef FK_CLI_EVIDENCE_H
#define FK_CLI_EVIDENCE_H
#include "archiver/auth/checker.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"

struct cli_evidence {
    uint64_t seq;       /* of the message */
    uint64_t entry;     /* that has it; the newest where there are several */
    int64_t time_ms;    /* of the entry */
    struct fk_buf part; /* archiver/auth/evidence.h */
};
FK_CHECKED enum fk_status cli_evidence_find(struct fk_lend *lend, uint64_t seq,
                                            struct cli_evidence *out, struct fk_err *err);
FK_CHECKED enum fk_status cli_evidence_read(struct fk_lend *lend, struct cli_evidence *e,
                                            uint64_t act, const uint8_t *salt, struct fk_err *err);
void cli_evidence_print(const struct cli_evidence *e, uint64_t act, bool json);

/* The checker as the configuration wants it. program: room for its path. */
FK_CHECKED enum fk_status cli_checker_options(const struct fk_cli *cli, bool offline, char *program,
                                              size_t size, struct fk_checker_options *out,
                                              struct fk_err *err);
#endif
