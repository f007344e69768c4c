/*
 * match.h - `fumikura match`: payments against claims (docs/transactions.md). match.c reads
 * options, collects and records; matching.c decides; match_print.c says it. Threads: one.
 */
#ifndef FK_CLI_MATCH_H
#define FK_CLI_MATCH_H
#include "cli/cli.h"
#include "cli/matching.h"
#include "cli/payments.h"
#include "search/search.h"
#ifdef __cplusplus
extern "C" {
#endif

/* A claim as it is shown: "" where there is none. */
struct cli_claim_shown {
    uint64_t seq;
    const char *date, *counterparty, *number, *subject;
};
enum cli_match_class { MATCH_AGREES, MATCH_DIFFERS, MATCH_NO_MAIL, MATCH_NOT_PAID, MATCH_CLASSES };

/* Of one currency, in hundredths. */
struct cli_match_sum {
    char currency[4];
    int64_t paid[MATCH_CLASSES];  /* of payments, by what came of them */
    int64_t asked[MATCH_CLASSES]; /* of their claims, and of those not paid */
};
enum { CLI_MATCH_CURRENCIES = 32 };

struct cli_match {
    struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    const char *path, *reason;
    char person[128];
    struct fk_buf query;
    struct fk_search_options options;
    bool json, csv;
    struct cli_payments payments;
    struct cli_paid *paid; /* as they are compared */
    struct cli_claim_shown *shown;
    size_t claim_cap;
    struct cli_matching m;
    struct fk_search *search;
    uint64_t act;
    /* What came of it: */
    uint64_t counts[MATCH_CLASSES], beside, unpriced; /* unpriced: claims without an amount */
    struct cli_match_sum sums[CLI_MATCH_CURRENCIES];  /* the last one of all that are over */
    size_t sum_count;
    struct fk_arena *arena;
};
enum cli_match_class cli_match_class_of(const struct cli_match *x, size_t payment);
void cli_match_print(const struct cli_match *x);

#ifdef __cplusplus
}
#endif
#endif
