/*
 * dispose.h - what acts on verdicts: records the rules and the clock, disposes of what is due.
 *
 *     FK_TRY(fk_retention_rules(keep, lend, policy, person, &roll, err));
 *     ... fk_decide(mail, policy, &roll->holds, fk_retention_time(roll)) for each of roll->mails
 *     FK_TRY(fk_retention_dispose(&desk, tell, ctx, err));
 *
 * A disposal is compare-and-append: the pen appends the dispose entry only if no hold, release,
 * class or policy entry came after the roll was read, and destroys the keys after that. Where one
 * did come the roll is read anew and every verdict made again.
 *
 * Errors: keep.h's and lend.h's. FK_INVALID where messages are classed by hand, which this
 * version cannot judge. FK_RETRY when the ledger did not come to rest in eight attempts.
 * Threads: one.
 */
#ifndef FK_RETENTION_DISPOSE_H
#define FK_RETENTION_DISPOSE_H
#include "archiver/vault/keep.h"
#include "retention/roll.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Reads the roll; where the rules that are configured are not the newest that the ledger has,
 * records them and reads again. */
FK_CHECKED enum fk_status fk_retention_rules(struct fk_keep *keep, struct fk_lend *lend,
                                             const struct fk_policy *policy, const char *person,
                                             struct fk_roll **out, struct fk_err *err);

/* The time that verdicts are made with, now. */
int64_t fk_retention_time(const struct fk_roll *roll);

/* A mark of the clock in the ledger, where the last one is from another start of the machine, more
 * than an hour old, or made while the clock was ahead of now (else time would stand still until
 * the clock is there again). */
FK_CHECKED enum fk_status fk_retention_mark_clock(struct fk_keep *keep, struct fk_roll *roll,
                                                  struct fk_err *err);
/* An officer's act: from here on trusted time is what the wall clock says now. */
FK_CHECKED enum fk_status fk_retention_accept_clock(struct fk_keep *keep, struct fk_roll *roll,
                                                    const char *person, const char *reason,
                                                    struct fk_err *err);

struct fk_disposal {
    uint64_t entry, basis;
    int64_t time_ms;  /* of the entry; the clock's where that cannot be read now */
    const char *rule; /* name of the class */
    const struct fk_seqs *seqs;
    const char *c256;           /* of the entry's body */
    const struct fk_roll *roll; /* that the verdicts were made with */
};
/* Told after each entry is durable and its keys are gone. All borrowed. */
typedef void (*fk_disposal_fn)(void *ctx, const struct fk_disposal *disposal);

struct fk_retention_desk {
    struct fk_keep *keep;
    struct fk_lend *lend;
    const struct fk_policy *policy;
    const char *person, *reason;
};
FK_CHECKED enum fk_status fk_retention_dispose(const struct fk_retention_desk *desk,
                                               fk_disposal_fn tell, void *ctx, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
