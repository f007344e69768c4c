/* verdict.c - kept, held or due. */
#include "retention/verdict.h"

static int64_t ends(const struct fk_mail_record *r, const struct fk_policy *policy,
                    const struct fk_class *c) {
    int zone = policy->zone_minutes;
    int64_t by_class = c->fiscal ? fk_period_end_fiscal(r->received_ms, &c->period, zone,
                                                        policy->fiscal_month, policy->fiscal_day)
                                 : fk_period_end(r->received_ms, &c->period, zone);
    int64_t by_floor = fk_period_end(r->received_ms, &r->origin->floor, zone);
    return by_class > by_floor ? by_class : by_floor;
}

struct fk_verdict fk_decide(const struct fk_mail_record *record, const struct fk_policy *policy,
                            const struct fk_holds *holds, int64_t trusted_ms) {
    struct fk_verdict v = {FK_KEPT, FK_FOR_EVER, fk_policy_class(policy, record->origin->source),
                           fk_holds_first(holds, record->seq)};
    if (v.rule)
        v.until_ms = ends(record, policy, v.rule);
    if (v.hold)
        v.kind = FK_HELD;
    else if (v.rule && trusted_ms >= v.until_ms)
        v.kind = FK_DUE;
    return v;
}
