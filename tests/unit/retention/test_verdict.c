/*
 * test_verdict.c - the verdict by a table, and by 10,000 random steps beside a model that is too
 * simple to be wrong: days as whole numbers, holds as lists, nothing remembered but what happened.
 */
#include "base/clock.h"
#include "retention/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DAY 86400000LL

static struct fk_policy *policy_of(const struct fk_class_text *classes, size_t n) {
    struct fk_policy *p = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (fk_policy_make(classes, n, "03-31", 540, &p, &err) != FK_OK)
        fail_msg("%s", err.text);
    return p;
}

static void hold(struct fk_holds *holds, uint64_t seq, uint64_t mail) {
    struct fk_seqs s = {0};
    struct fk_buf body = FK_BUF_INIT;
    fk_seqs_add(&s, mail);
    fk_hold_body(&body, "case", "r", "p", NULL, &s);
    assert_int_equal(fk_holds_add(holds, seq, 0, body.data, body.len, 100000, NULL), FK_OK);
    fk_buf_free(&body);
    fk_seqs_free(&s);
}

static void a_table_of_verdicts(void **state) {
    (void)state;
    static const struct fk_class_text classes[] = {{"sales", "P30D", "received", "sales"},
                                                   {"tax", "P7Y2M", "fiscal-year-end", "tax"}};
    struct fk_policy *policy = policy_of(classes, 2);
    static const struct {
        const char *name, *source, *floor, *now;
        uint64_t held;
        enum fk_verdict_kind want;
        const char *until;
    } cases[] = {
        {"before its day", "sales", "P0D", "2026-12-24T14:59:59.999Z", 0, FK_KEPT,
         "2026-12-24T15:00:00.000Z"},
        {"on its day", "sales", "P0D", "2026-12-24T15:00:00.000Z", 0, FK_DUE,
         "2026-12-24T15:00:00.000Z"},
        {"held on its day", "sales", "P0D", "2026-12-24T15:00:00.000Z", 5, FK_HELD,
         "2026-12-24T15:00:00.000Z"},
        {"another is held", "sales", "P0D", "2026-12-24T15:00:00.000Z", 6, FK_DUE,
         "2026-12-24T15:00:00.000Z"},
        {"held before its day", "sales", "P0D", "2026-12-01T00:00:00.000Z", 5, FK_HELD,
         "2026-12-24T15:00:00.000Z"},
        {"the floor is longer", "sales", "P60D", "2026-12-24T15:00:00.000Z", 0, FK_KEPT,
         "2027-01-23T15:00:00.000Z"},
        {"the floor is over too", "sales", "P60D", "2027-01-23T15:00:00.000Z", 0, FK_DUE,
         "2027-01-23T15:00:00.000Z"},
        {"no class: for ever", "mail", "P0D", "9999-12-31T00:00:00.000Z", 0, FK_KEPT, NULL},
        {"no class, held", "mail", "P0D", "9999-12-31T00:00:00.000Z", 5, FK_HELD, NULL},
        {"fiscal", "tax", "P0D", "2034-05-31T14:59:59.999Z", 0, FK_KEPT,
         "2034-05-31T15:00:00.000Z"},
        {"fiscal, over", "tax", "P0D", "2034-05-31T15:00:00.000Z", 0, FK_DUE,
         "2034-05-31T15:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_origin origin = {"", {0, 0, 0}};
        struct fk_holds holds = {0};
        struct fk_mail_record r = {5, 0, &origin};
        int64_t now = 0, until = FK_FOR_EVER;
        snprintf(origin.source, sizeof origin.source, "%s", cases[i].source);
        assert_true(fk_period_parse(cases[i].floor, &origin.floor));
        assert_true(fk_time_parse("2026-11-24T01:00:00.000Z", &r.received_ms));
        assert_true(fk_time_parse(cases[i].now, &now));
        assert_true(!cases[i].until || fk_time_parse(cases[i].until, &until));
        if (cases[i].held)
            hold(&holds, 20, cases[i].held);
        struct fk_verdict v = fk_decide(&r, policy, &holds, now);
        if (v.kind != cases[i].want || v.until_ms != until ||
            (v.hold != NULL) != (v.kind == FK_HELD))
            fail_msg("%s: kind %d", cases[i].name, (int)v.kind);
        fk_holds_free(&holds);
    }
    fk_policy_free(&policy);
}

/* The model: a message is a row, a hold is a number in its row; a day is a whole number. */
enum { STEPS = 10000, ROWS = 2000, HOLDS = 4000, PER_ROW = 64 };
struct row {
    long day;          /* received */
    long class, floor; /* days; class -1: none */
    int holds[PER_ROW], hold_count;
    int gone;
};
static struct row rows[ROWS];
static int released[HOLDS];

static int model_held(const struct row *r) {
    for (int i = 0; i < r->hold_count; i++)
        if (!released[r->holds[i]])
            return 1;
    return 0;
}

static int model_may_go(const struct row *r, long today) {
    if (r->class < 0 || model_held(r))
        return 0;
    long days = r->class > r->floor ? r->class : r->floor;
    return today >= r->day + 1 + days;
}

static void ten_thousand_random_steps_agree_with_the_model(void **state) {
    (void)state;
    static const struct fk_class_text classes[] = {{"a", "P10D", "received", "a"},
                                                   {"b", "P40D", "received", "b"}};
    static const long class_days[] = {10, 40, -1};
    static const char *const sources[] = {"a", "b", "c"};
    static struct fk_origin origins[ROWS];
    static struct fk_mail_record records[ROWS];
    struct fk_policy *policy = policy_of(classes, 2);
    struct fk_holds holds = {0};
    unsigned seed = 4711;
    long today = 20000;
    int row_count = 0, hold_count = 0, gone = 0, refused = 0;
    for (int step = 0; step < STEPS; step++) {
        int what = rand_r(&seed) % 10;
        int i = row_count ? rand_r(&seed) % row_count : 0;
        if (what < 2 && row_count < ROWS) { /* a message comes in */
            int s = rand_r(&seed) % 3;
            long floor = rand_r(&seed) % 30;
            rows[row_count] = (struct row){.day = today, .class = class_days[s], .floor = floor};
            origins[row_count].floor.days = (unsigned)floor;
            snprintf(origins[row_count].source, sizeof origins[0].source, "%s", sources[s]);
            records[row_count] = (struct fk_mail_record){
                (uint64_t)row_count, today * DAY - 540 * 60000 + rand_r(&seed) % DAY,
                &origins[row_count]};
            row_count++;
        } else if (what < 4 && row_count && hold_count < HOLDS && rows[i].hold_count < PER_ROW) {
            hold(&holds, 100000 + (uint64_t)hold_count, (uint64_t)i);
            rows[i].holds[rows[i].hold_count++] = hold_count++;
        } else if (what < 6 && hold_count) {
            int h = rand_r(&seed) % hold_count;
            fk_holds_release(&holds, 100000 + (uint64_t)h, 999999, 0);
            released[h] = 1;
        } else if (what < 7) { /* time passes */
            today += rand_r(&seed) % 3;
        } else if (row_count && !rows[i].gone) { /* may it go? */
            int64_t now = today * DAY - 540 * 60000 + rand_r(&seed) % DAY;
            struct fk_verdict v = fk_decide(&records[i], policy, &holds, now);
            int may = model_may_go(&rows[i], today);
            if ((v.kind == FK_DUE) != may || (v.kind == FK_HELD) != model_held(&rows[i]))
                fail_msg("step %d: message %d: verdict %d, model %d", step, i, (int)v.kind, may);
            rows[i].gone = may;
            gone += may;
            refused += !may;
        }
    }
    assert_true(gone > 300 && refused > 300); /* the steps did exercise both */
    fk_holds_free(&holds);
    fk_policy_free(&policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_verdicts),
        cmocka_unit_test(ten_thousand_random_steps_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
