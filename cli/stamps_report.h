/*
 * stamps_report.h - every time stamp of a period in one run, for `verify`.
 *
 * A stamp holds when its files are what its anchor has, the token verifies at its own time
 * (stamps.h), the time is not before the newest entry that it covers was received (5 minutes are
 * for clocks), and it can be shown today: its certificates have not ended, or before they ended it
 * was vouched for by another stamp that holds: a renewal whose list has it, or one over a
 * checkpoint that covers its anchor entry (docs/evidence.md).
 *
 * Errors: FK_CORRUPT some do not hold, each told to `finding`. Threads: one.
 */
#ifndef FK_CLI_STAMPS_REPORT_H
#define FK_CLI_STAMPS_REPORT_H
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_stamps_report {
    uint64_t from, to; /* seqs of anchors, both included */
    bool is_period;    /* it was asked for: having none is said */
    bool json;
    fk_finding_fn finding;
    void *ctx;
};
FK_CHECKED enum fk_status cli_stamps_report(const struct fk_cli *cli, struct fk_lend *lend,
                                            const struct cli_stamps_report *r, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
