/*
 * roll.h - what retention knows of a ledger: read from its first entry to its head, every time.
 *
 * Nothing is kept beside the ledger: holds, rules and disposals are what its entries say. A roll
 * costs 24 bytes a message that is still there, 16 one that is disposed of.
 *
 * A list of rejections (fact what=rejected, docs/reconcile.md) counts as a message of the source
 * "rejected".
 *
 * "Received" is the time of the message's entry, but not before that of any earlier entry: a clock
 * that stood in 1970 when a message came does not make it 50 years old. An officer's accept-clock
 * entry begins this anew.
 *
 *     FK_TRY(fk_roll_read(lend, &roll, err));
 *     fk_roll_free(&roll);
 *
 * Ownership: the roll owns all below it. Errors: lend.h's; FK_CORRUPT for an entry or a body that
 * cannot be read: then nothing is known, and nothing may be disposed of. Threads: one.
 */
#ifndef FK_RETENTION_ROLL_H
#define FK_RETENTION_ROLL_H
#include "archiver/vault/lend.h"
#include "retention/trusted.h"
#include "retention/verdict.h"
#ifdef __cplusplus
extern "C" {
#endif

/* A copy in the open that an export made: of the messages in `of`, or, where its entry lists none,
 * of some between first and last. A tape has the same form. */
struct fk_package {
    uint64_t seq, first, last;
    struct fk_seqs of;
    int64_t time_ms;
    uint64_t destroyed; /* the entry that says it was, 0: it is still out */
};

struct fk_bundle {
    uint64_t seq; /* its number */
    int64_t time_ms;
    uint64_t destroyed; /* the entry that says it was, 0: it is still out */
};

/* A dispose entry. */
struct fk_disposed {
    uint64_t seq, basis, policy_seq; /* policy_seq: of the rules in force then */
    int64_t time_ms;
    char rule[64], c256[65];
    struct fk_seqs seqs;
};
/* What was found out later about messages, with personal data: it goes when the last of them does.
 */
struct fk_later_fact {
    uint64_t seq;
    struct fk_seqs of;
};
/* The rule of the dispose entries for those: no class can have this name. */
#define FK_RULE_FACTS "(facts)"

struct fk_roll {
    struct fk_head head;
    struct fk_mail_record *mails; /* ascending; not those disposed of */
    size_t mail_count, mail_cap;
    struct fk_origin **origins;
    size_t origin_count, origin_cap;
    struct fk_holds holds;
    struct fk_seqs disposed;       /* all messages that are, */
    struct fk_disposed *disposals; /* and by which entry, ascending */
    size_t disposal_count, disposal_cap;
    struct fk_later_fact *facts;
    size_t fact_count, fact_cap;
    struct fk_seqs facts_disposed;
    uint64_t rules; /* the newest hold, release, class, policy or key entry: a verdict's basis */
    uint64_t policy_seq; /* the newest policy entry, 0 none, and its rules */
    struct fk_buf policy;
    uint64_t class_seq; /* an entry that classes messages by hand, 0 none */
    struct fk_clock_mark clock;
    struct fk_package *packages, *tapes;
    size_t package_count, package_cap, tape_count, tape_cap;
    struct fk_bundle *bundles; /* of keys, all that were ever made */
    size_t bundle_count, bundle_cap;
    int64_t latest_ms; /* of all entries, since the clock was last accepted */
};

FK_CHECKED enum fk_status fk_roll_read(struct fk_lend *lend, struct fk_roll **out,
                                       struct fk_err *err);
void fk_roll_free(struct fk_roll **roll);

/* The message; NULL when that seq is no mail or is disposed of. */
const struct fk_mail_record *fk_roll_mail(const struct fk_roll *roll, uint64_t seq);

/* The dispose entry; NULL when that seq is none. */
const struct fk_disposed *fk_roll_disposal(const struct fk_roll *roll, uint64_t entry);

/* One entry, in order; what fk_roll_read does with each. body: of hold and policy entries. */
FK_CHECKED enum fk_status fk_roll_take(struct fk_roll *roll, const struct fk_entry *entry,
                                       const void *body, size_t len, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
