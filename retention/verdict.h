/*
 * verdict.h - whether a message may go: a pure function of its record, the rules, the holds and
 * the time. No files, no clock of its own: what it says of a case, it says for ever.
 *
 * A message may go when a class matches it, the class's period and the floor of its source are
 * both over (the longer wins), and no hold in force has it. Without a class it is kept for ever.
 *
 * Ownership: what a verdict points to is the policy's and the holds'. Threads: any.
 */
#ifndef FK_RETENTION_VERDICT_H
#define FK_RETENTION_VERDICT_H
#include "retention/hold.h"
#include "retention/policy.h"
#ifdef __cplusplus
extern "C" {
#endif

/* What the entries of one source and floor have in common. */
struct fk_origin {
    char source[64];
    struct fk_period floor;
};
struct fk_mail_record {
    uint64_t seq;
    int64_t received_ms;
    const struct fk_origin *origin;
};

#define FK_FOR_EVER INT64_MAX
enum fk_verdict_kind { FK_KEPT, FK_HELD, FK_DUE };
struct fk_verdict {
    enum fk_verdict_kind kind;
    int64_t until_ms;            /* the first moment at which rules let it go, or FK_FOR_EVER */
    const struct fk_class *rule; /* NULL for ever */
    const struct fk_hold *hold;  /* FK_HELD: the first of them */
};

struct fk_verdict fk_decide(const struct fk_mail_record *record, const struct fk_policy *policy,
                            const struct fk_holds *holds, int64_t trusted_ms);

#ifdef __cplusplus
}
#endif
#endif
