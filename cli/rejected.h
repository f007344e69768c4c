/*
 * rejected.h - what the mail server in front did not take, by its log: kept as lists, and listed.
 *
 *     fact what=rejected source=rejected floor=P0D act=A from=T to=T count=N
 *         rejected: TIME LOG QUEUE-ID TEXT       a line each: "-" where there is no queue id;
 *                                                TEXT as the log has it, at most 2,000 bytes
 *
 * A rejected message has no entry that its rejection could go with. So a list is judged by the
 * retention rules like a message of the source "rejected" (retention/roll.h), and held like one.
 * What a list has already is not recorded again: those of the same time are read for that, against
 * an act of their own; nor is what is of the time of a list that is disposed of. Threads: one.
 */
#ifndef FK_CLI_REJECTED_H
#define FK_CLI_REJECTED_H
#include "cli/reconcile.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Reads the files of a reconciliation once more; r->act and r->keep are there. */
FK_CHECKED enum fk_status cli_rejected_record(struct cli_reconcile *r, uint64_t *recorded_out,
                                              struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
