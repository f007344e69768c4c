/*
 * delivery.h - what became of messages after they left: facts from a mail server's log, and their
 * showing.
 *
 *     fact what=delivery of=SEQ act=A state=final|open        A: the reconciliation that found it
 *         delivery: STATUS DSN TIME RELAY RECIPIENT           a line each, "-" where unknown
 *         reply: WORDS                                        of the delivery before it
 *
 * One message an entry, so that it can be disposed of with its message (retention does). A message
 * that has a final fact is not recorded again, nor an open one while it is open. Of a recipient's
 * deferrals the newest is kept. Threads: one.
 */
#ifndef FK_CLI_DELIVERY_H
#define FK_CLI_DELIVERY_H
#include "cli/reconcile.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Reads the files of a reconciliation once more; r->act and r->keep are there. */
FK_CHECKED enum fk_status cli_delivery_record(struct cli_reconcile *r, uint64_t *recorded_out,
                                              struct fk_err *err);
/* All facts of one message, against an act of its own. FK_NOT_FOUND: there are none. */
FK_CHECKED enum fk_status cli_delivery_show(const struct fk_cli *cli, struct fk_lend *lend,
                                            uint64_t seq, const char *reason, bool json,
                                            struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
