/*
 * policy.h - the retention rules: classes in order, the first that matches a message decides.
 *
 * They come from the configuration as text and are checked here. Which rules were in force when is
 * part of the evidence, so their canonical text is what a `policy` entry of the ledger has as its
 * body: two configurations that mean the same have the same text.
 *
 *     FK_TRY(fk_policy_make(classes, n, "03-31", 540, &policy, err));
 *     rule = fk_policy_class(policy, "mail");       NULL: kept without an end
 *     fk_policy_free(&policy);
 *
 * Errors: FK_INVALID names the class and what was expected. Threads: read-only once made.
 */
#ifndef FK_RETENTION_POLICY_H
#define FK_RETENTION_POLICY_H
#include "base/buf.h"
#include "base/status.h"
#include "retention/period.h"
#ifdef __cplusplus
extern "C" {
#endif

/* As somebody wrote it. from: "received" or "fiscal-year-end"; source "": of any. */
struct fk_class_text {
    const char *name, *period, *from, *source;
};

struct fk_class {
    char name[64]; /* [a-z0-9-]+: it stands in dispose entries for ever */
    struct fk_period period;
    bool fiscal;     /* counted from the end of the fiscal year, else from the day received */
    char source[64]; /* "" any */
};

struct fk_policy {
    struct fk_class *classes;
    size_t count;
    int zone_minutes;
    unsigned fiscal_month, fiscal_day;
};

FK_CHECKED enum fk_status fk_policy_make(const struct fk_class_text *classes, size_t count,
                                         const char *fiscal_year_end, int zone_minutes,
                                         struct fk_policy **out, struct fk_err *err);
void fk_policy_free(struct fk_policy **policy);

/* The first class for that source; NULL when none. Borrowed from the policy. */
const struct fk_class *fk_policy_class(const struct fk_policy *policy, const char *source);

/* Lines of a body (docs/format-vault.md 2): zone, fiscal-year-end, class... */
void fk_policy_text(const struct fk_policy *policy, struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
