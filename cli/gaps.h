/*
 * gaps.h - when the archive was not listening: noticed by serve, recorded in the ledger by watchd.
 *
 * serve has no vault file and no key; what it knows it writes into DIR/run:
 *
 *     alive       "TIME receiving" or "TIME stopped", one line of fixed width, written over in its
 *                 place: the last moment at which the receiver and the pen were both there. While
 *                 serving it is written every 10 s and not synced; at a clean stop at once, synced.
 *     gap.FROM    "FROM TO WHY", a gap that is over; durable. watchd makes a `gap` entry of it and
 *                 removes the file, so a crash between the two records it twice, and never not.
 *     last-gap    "FROM TO WHY SEQ": the newest that is in the ledger, for status
 *
 * WHY: stopped (a clean stop), crash (serve was killed, or the machine), receive, keep (that part
 * was away), full (less than disk-reserve free: mail was answered 452; watchd notices that one).
 * FROM of a crash is the last sign of life: up to 10 s too early, after a power cut perhaps more,
 * never too late. What is shorter than gap-min is not recorded.
 *
 * Threads: one a struct.
 */
#ifndef FK_CLI_GAPS_H
#define FK_CLI_GAPS_H
#include "archiver/vault/keep.h"
#include "cli/cli.h"
#include "cli/json.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { CLI_ALIVE_MS = 10000 };

struct cli_gaps {
    const struct fk_cli *cli;
    const char *why;    /* of what began at down_ms */
    int64_t down_ms;    /* since when there is no receiving; 0: it is going on */
    int64_t written_ms; /* CLOCK_MONOTONIC: when `alive` was written last */
};
/* Reads what the last server left. */
void cli_gaps_begin(const struct fk_cli *cli, struct cli_gaps *out);
/* away: NULL while receiving goes on, else the part that is away. */
void cli_gaps_tick(struct cli_gaps *g, const char *away);
/* Clean stop, from now on. */
void cli_gaps_stop(struct cli_gaps *g);

/* A gap that is over, for watchd; nothing when it is shorter than gap-min. */
void cli_gap_put(const struct fk_cli *cli, int64_t from_ms, int64_t to_ms, const char *why);
/* Makes entries of all that wait in DIR/run. */
FK_CHECKED enum fk_status cli_gaps_record(const struct fk_cli *cli, struct fk_keep *keep,
                                          struct fk_err *err);

/* What `status` says: the newest gap, a line or an object; nothing, or null, where there was none.
 */
void cli_gaps_print(const struct fk_cli *cli);
json_t *cli_gaps_json(const struct fk_cli *cli);

#ifdef __cplusplus
}
#endif
#endif
