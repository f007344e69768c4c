/*
 * model.h - what retention promises, once more and as simply as it can be said: DESIGN's promise 8
 * and docs/retention.md in arrays, with libc's calendar. test_model.c holds the house against it.
 *
 * It is told what the ledger has come to have (model_took_*), and says what must follow: which
 * message is due, held or kept and until when, what time is vouched for. It has no files and shares
 * no code with retention/.
 */
#ifndef FK_TEST_MODEL_H
#define FK_TEST_MODEL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_CLASSES = 3, MODEL_NAME = 24 };
#define MODEL_NEVER INT64_MAX

struct model_period {
    int years, months, days;
};
struct model_class {
    char name[MODEL_NAME], source[MODEL_NAME]; /* source "": of any */
    struct model_period period;
    bool fiscal;
};
struct model_rules {
    struct model_class classes[MODEL_CLASSES];
    int count, zone_minutes, fiscal_month, fiscal_day;
};
struct model_mail {
    uint64_t seq, seed;
    size_t len;
    char source[MODEL_NAME];
    struct model_period floor;
    int64_t received_ms;
    uint64_t disposed_by; /* entry, 0: it is there */
};
struct model_hold {
    uint64_t seq, *mails;
    size_t count;
    char name[MODEL_NAME];
    bool released;
};
/* A copy that a disposal does not reach: a bundle of keys, or a package in the open. */
struct model_copy {
    uint64_t seq, first, last; /* the messages it may have */
    uint64_t destroyed;        /* entry, 0: it is out */
    bool is_bundle;
};
struct model_clock {
    int64_t wall_ms, up_ms;
    int boot; /* which start of the machine; 0 unknown */
};

struct model {
    struct model_mail *mails;
    size_t mail_count, mail_cap;
    struct model_hold *holds;
    size_t hold_count, hold_cap;
    struct model_copy *copies;
    size_t copy_count, copy_cap;
    struct model_rules configured, recorded; /* as fumikura.conf and as the ledger have them */
    bool any_recorded;
    uint64_t basis; /* the newest entry that makes a verdict old */
    int64_t latest_ms;
    struct model_clock now, mark;
    int64_t mark_trusted_ms;
};

void model_free(struct model *m);
/* Every entry first, then what it is. */
void model_took_entry(struct model *m, const char *kind, uint64_t seq, int64_t time_ms);
struct model_mail *model_took_mail(struct model *m, const struct model_mail *mail);
void model_took_hold(struct model *m, uint64_t seq, const char *name, const uint64_t *mails,
                     size_t count);
void model_took_copy(struct model *m, const struct model_copy *copy);
void model_took_mark(struct model *m, int64_t trusted_ms, bool accepted);

/* The time that may make things due. vouched: without the clock's own word, what a mark says. */
int64_t model_vouched(const struct model *m);
int64_t model_time(const struct model *m);
bool model_wants_mark(const struct model *m);
bool model_wants_rules(const struct model *m);

enum model_fate { MODEL_KEPT, MODEL_HELD, MODEL_DUE };
/* until: MODEL_NEVER and rule NULL where no class matches. */
enum model_fate model_fate(const struct model *m, const struct model_mail *mail,
                           const struct model_class **rule, int64_t *until_ms);
const struct model_hold *model_holder(const struct model *m, uint64_t mail);
struct model_mail *model_mail(const struct model *m, uint64_t seq);
#endif
