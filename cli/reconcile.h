/*
 * reconcile.h - a mail server's log held against the ledger (docs/reconcile.md).
 *
 * cli/reconcile.c reads options, runs, and records that it was done; reconcile_postfix.c compares,
 * with reconcile_milter.c for what no reply names, and reconcile_print.c says it; reconcile_table.c
 * is all of it for tables of Message-IDs. Threads: one.
 */
#ifndef FK_CLI_RECONCILE_H
#define FK_CLI_RECONCILE_H
#include "archiver/intake/maillog_file.h"
#include "archiver/intake/mailtrace.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

/* What the ledger says of a reply "kept seq=N c256=...". */
enum cli_truth {
    TRUTH_ABSENT,     /* the ledger has no such entry */
    TRUTH_GOOD,       /* a mail with that c256 */
    TRUTH_OTHER_C256, /* the entry has another content */
    TRUTH_NO_MAIL,    /* it is no mail */
    TRUTH_SOURCE,     /* of another source than was asked for */
    TRUTH_TWICE       /* two messages name it */
};
const char *cli_truth_text(enum cli_truth truth);

/* One hour of one host and instance; times of receipt. */
struct cli_hour {
    int64_t hour_ms;
    uint8_t source;
    uint64_t fates[FK_FATES], wrong, refusals;
    bool gap; /* a gap entry says that the archive was not listening */
};
struct cli_gap {
    int64_t from_ms, to_ms;
    uint64_t seq;
};

enum cli_reconcile_mode { RECONCILE_NONE, RECONCILE_POSTFIX, RECONCILE_EXCHANGE, RECONCILE_M365 };

struct cli_reconcile {
    enum cli_reconcile_mode mode;
    struct fk_cli *cli;
    char **files;
    struct fk_maillog_sum *sums; /* one a file */
    size_t file_count;
    int64_t since_ms, until_ms;
    const char *source, *reason; /* NULL: not given */
    bool json, record, record_rejected;
    bool milter; /* captures by a milter are looked for, by their queue ids */
    struct fk_keep *keep;
    struct fk_lend *lend;
    struct fk_mailtrace *trace;
    uint8_t *truths;       /* enum cli_truth, one a reply */
    uint8_t *wrong;        /* one a message: a truth that is not good, 0 none */
    uint32_t *first_reply; /* one a message: 1 + the reply that it is shown with, 0 none */
    struct cli_hour *hours;
    size_t hour_count, hour_cap;
    struct cli_gap *gaps;
    size_t gap_count, gap_cap;
    uint64_t fates[FK_FATES], wrong_count, refusals; /* totals in the time asked for */
    uint64_t unnamed;                 /* mails of the ledger in the log's time that no line names */
    uint64_t next_seq, act, recorded; /* recorded: facts of deliveries, with --record */
    uint64_t rejected_recorded;       /* with --record-rejected */
};

/* Reads the files, asks the ledger, counts. */
FK_CHECKED enum fk_status cli_reconcile_postfix(struct cli_reconcile *r, struct fk_err *err);
/* Gives each message of the trace without a reply the captures that have its queue id. */
FK_CHECKED enum fk_status cli_reconcile_milter(struct cli_reconcile *r, struct fk_err *err);
/* Whether a message was received in the time asked for, and counts. */
bool cli_reconcile_counts(const struct cli_reconcile *r, size_t message);
uint64_t cli_reconcile_missing(const struct cli_reconcile *r);
/* The whole of it for Exchange and Microsoft 365; findings_out: something is missing. */
FK_CHECKED enum fk_status cli_reconcile_table(struct cli_reconcile *r, bool *findings_out,
                                              struct fk_err *err);
void cli_reconcile_print(const struct cli_reconcile *r);
void cli_reconcile_free(struct cli_reconcile *r); /* all but files, keep and lend */

#ifdef __cplusplus
}
#endif
#endif
