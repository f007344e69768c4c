/* Which payment is of which claim: a table of small cases, what must hold of random ones, and the
 * time that a hundred thousand take. */
#include "cli/matching.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define COUNT(table) (sizeof table / sizeof *table)

struct paid {
    uint32_t date;
    int64_t yen;
    const char *party, *number;
};
struct claim {
    uint32_t date;
    int kind;
    int64_t yen; /* -1: none was found */
    const char *party, *number;
};

/* "0:N" for payment to claim 0 by number, "-" for none; a ! and bits where something differs; then
 * "+K" for each claim beside. */
static void outcome(const struct paid *p, size_t payments, const struct claim *c, size_t claims,
                    char *out, size_t size) {
    struct cli_paid paid[8];
    struct cli_claim claim[8];
    static const char letters[] = "-NPAC";
    for (size_t i = 0; i < payments; i++)
        paid[i] = (struct cli_paid){p[i].date, p[i].yen * 100, "JPY", p[i].party, p[i].number};
    for (size_t i = 0; i < claims; i++)
        claim[i] = (struct cli_claim){.date = c[i].date,
                                      .kind = c[i].kind,
                                      .has_amount = c[i].yen >= 0,
                                      .hundredths = c[i].yen >= 0 ? c[i].yen * 100 : 0,
                                      .currency = "JPY",
                                      .parties = &c[i].party,
                                      .numbers = &c[i].number,
                                      .party_count = *c[i].party != 0,
                                      .number_count = *c[i].number != 0};
    struct cli_matching m = {.payments = paid,
                             .payment_count = payments,
                             .claims = claim,
                             .claim_count = claims,
                             .days = 60};
    struct fk_err err = FK_ERR_INIT;
    size_t len = 0;
    assert_int_equal(cli_matching_run(&m, &err), FK_OK);
    out[0] = 0;
    for (size_t i = 0; i < payments; i++) {
        if (m.found[i].basis == BY_NOTHING) {
            len += (size_t)snprintf(out + len, size - len, "%s-", i ? " " : "");
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, "%s%zu:%c", i ? " " : "", m.found[i].claim,
                                letters[m.found[i].basis]);
        const unsigned differs = cli_matching_differs(&m, i);
        if (differs)
            len += (size_t)snprintf(out + len, size - len, "!%u", differs);
    }
    for (size_t i = 0; i < claims; i++)
        if (claim[i].is_beside)
            len += (size_t)snprintf(out + len, size - len, " +%zu", i);
    cli_matching_free(&m);
}

static const struct {
    const char *name;
    struct paid p[4];
    struct claim c[4];
    const char *want;
} outcomes[] = {
    {"by number",
     {{20240430, 100, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N"},
    {"by number, another amount",
     {{20240430, 90, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N!1"},
    {"by number, late",
     {{20241230, 100, "", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N!4"},
    {"by number, no amount found",
     {{20240430, 100, "", "inv1"}},
     {{20240401, 0, -1, "yamato", "inv1"}},
     "0:N!1"},
    {"the number of another company",
     {{20240430, 90, "globex", "inv1"}},
     {{20240401, 0, 5000, "yamato", "inv1"}},
     "-"},
    {"the same number and nearly the amount, a name written otherwise",
     {{20240430, 90, "globex", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N!3"},
    {"the same number and amount, another name",
     {{20240430, 100, "globex", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N!2"},
    {"a number without a digit says nothing",
     {{20240430, 90, "", "none"}},
     {{20240401, 0, 5000, "yamato", "none"}},
     "-"},
    {"by amount and party",
     {{20240430, 100, "yamato", ""}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:P"},
    {"too late", {{20240830, 100, "yamato", ""}}, {{20240401, 0, 100, "yamato", "inv1"}}, "-"},
    {"paid before it was asked",
     {{20240315, 100, "yamato", ""}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:P"},
    {"the oldest first",
     {{20240531, 100, "yamato", ""}, {20240430, 100, "yamato", ""}},
     {{20240501, 0, 100, "yamato", ""}, {20240401, 0, 100, "yamato", ""}},
     "0:P 1:P"},
    {"one too many paid",
     {{20240430, 100, "yamato", ""}, {20240501, 100, "yamato", ""}},
     {{20240401, 0, 100, "yamato", ""}},
     "0:P -"},
    {"the number decides between two",
     {{20240430, 100, "yamato", "inv2"}, {20240430, 100, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}, {20240401, 0, 100, "yamato", "inv2"}},
     "1:N 0:N"},
    {"a number that contradicts comes last",
     {{20240430, 100, "yamato", "inv9"}, {20240430, 100, "yamato", ""}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "- 0:P"},
    {"a claim that is passed over leaves the next to one payment",
     {{20240430, 100, "yamato", "inv9"}, {20240430, 100, "yamato", "inv9"}},
     {{20240401, 0, 100, "yamato", "inv1"}, {20240402, 0, 100, "yamato", ""}},
     "1:P 0:P!8"},
    {"and shows",
     {{20240430, 100, "yamato", "inv9"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:P!8"},
    {"by amount alone", {{20240430, 100, "", ""}}, {{20240401, 0, 100, "yamato", "inv1"}}, "0:A"},
    {"by amount, another name",
     {{20240430, 100, "globex", ""}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:A!2"},
    {"by amount, the name longer",
     {{20240430, 100, "yamatotokyo", ""}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:A"},
    {"near: the fee was taken off",
     {{20240430, 99340, "yamato", ""}},
     {{20240401, 0, 100000, "yamato", ""}},
     "0:C!1"},
    {"near: a tenth",
     {{20240430, 900000, "yamato", ""}},
     {{20240401, 0, 1000000, "yamato", ""}},
     "0:C!1"},
    {"not near", {{20240430, 800000, "yamato", ""}}, {{20240401, 0, 1000000, "yamato", ""}}, "-"},
    {"the nearest of two",
     {{20240430, 99340, "yamato", ""}},
     {{20240401, 0, 98500, "yamato", ""}, {20240401, 0, 100000, "yamato", ""}},
     "1:C!1"},
    {"instalments",
     {{20240430, 40, "yamato", "inv1"}, {20240530, 60, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N 0:N"},
    {"paid twice",
     {{20240430, 100, "yamato", "inv1"}, {20240430, 100, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}},
     "0:N!1 0:N!1"},
    {"an order beside its invoice",
     {{20240430, 100, "yamato", "inv1"}},
     {{20240325, 1, 100, "yamato", "po1"}, {20240401, 0, 100, "yamato", "inv1"}},
     "1:N +0"},
    {"the invoice sent again",
     {{20240430, 100, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}, {20240405, 0, 100, "yamato", "inv1"}},
     "0:N +1"},
    {"another invoice is not beside",
     {{20240430, 100, "yamato", "inv1"}},
     {{20240401, 0, 100, "yamato", "inv1"}, {20240405, 0, 100, "yamato", "inv2"}},
     "0:N"},
    {"nothing at all", {{20240430, 100, "yamato", ""}}, {{0}}, "-"},
};

static void payments_find_their_claims(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        char got[200];
        size_t payments = 0, claims = 0;
        while (payments < 4 && outcomes[i].p[payments].date)
            payments++;
        while (claims < 4 && outcomes[i].c[claims].date)
            claims++;
        outcome(outcomes[i].p, payments, outcomes[i].c, claims, got, sizeof got);
        if (strcmp(got, outcomes[i].want) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", outcomes[i].name, got, outcomes[i].want);
    }
}

static uint64_t seed = 1;
static unsigned roll(unsigned n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static const char *const parties[] = {"", "yamato", "globex", "acme", "tei"};
static const char *const numbers[] = {"", "inv1", "inv2", "inv3", "po14", "na"};

static void random_fill(struct cli_paid *p, struct cli_claim *c, size_t n, unsigned amounts) {
    for (size_t i = 0; i < n; i++) {
        p[i] = (struct cli_paid){20240101 + 100 * roll(12) + roll(28), (int64_t)roll(amounts) * 100,
                                 roll(9) ? "JPY" : "USD", parties[roll(5)], numbers[roll(6)]};
        const unsigned party = roll(5), number = roll(6);
        c[i] = (struct cli_claim){.date = 20240101 + 100 * roll(12) + roll(28),
                                  .kind = (int)roll(3) - 1,
                                  .has_amount = roll(9) != 0,
                                  .hundredths = (int64_t)roll(amounts) * 100,
                                  .currency = roll(9) ? "JPY" : "USD",
                                  .parties = &parties[party],
                                  .numbers = &numbers[number],
                                  .party_count = party > 0,
                                  .number_count = number > 0};
    }
}

/* Agree in amount and party, and are surely within sixty days. */
static bool is_pair(const struct cli_paid *p, const struct cli_claim *c) {
    const int a = (int)(p->date / 100 % 100 * 31 + p->date % 100);
    const int b = (int)(c->date / 100 % 100 * 31 + c->date % 100);
    return c->has_amount && c->party_count && *p->party && strcmp(p->party, c->parties[0]) == 0 &&
           p->hundredths == c->hundredths && strcmp(p->currency, c->currency) == 0 &&
           abs(a - b) <= 50;
}

/* Each payment has at most one claim; a claim more than one payment by number alone; what agrees in
 * amount, party and day is never left on both sides. */
static void what_must_hold_holds_of_random_ones(void **state) {
    (void)state;
    enum { N = 12 };
    for (int round = 0; round < 20000; round++) {
        struct cli_paid p[N];
        struct cli_claim c[N];
        struct fk_err err = FK_ERR_INIT;
        size_t counts[N] = {0};
        int64_t sums[N] = {0};
        random_fill(p, c, N, round % 2 ? 1 + roll(4) : 4 + roll(2000));
        struct cli_matching m = {
            .payments = p, .payment_count = N, .claims = c, .claim_count = N, .days = 60};
        assert_int_equal(cli_matching_run(&m, &err), FK_OK);
        for (size_t i = 0; i < N; i++) {
            if (m.found[i].basis == BY_NOTHING)
                continue;
            assert_in_range(m.found[i].claim, 0, N - 1);
            counts[m.found[i].claim]++;
            sums[m.found[i].claim] += p[i].hundredths;
        }
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(counts[i], c[i].payments);
            assert_true(sums[i] == c[i].paid);
            if (c[i].is_beside) {
                assert_int_equal(c[i].payments, 0);
                assert_true(m.found[c[i].of].basis != BY_NOTHING);
            }
        }
        for (size_t i = 0; i < N; i++)
            if (m.found[i].basis != BY_NOTHING && m.found[i].basis != BY_NUMBER)
                assert_int_equal(counts[m.found[i].claim], 1);
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; m.found[i].basis == BY_NOTHING && k < N; k++)
                assert_false(!c[k].payments && is_pair(&p[i], &c[k]));
        cli_matching_free(&m);
    }
}

static void a_hundred_thousand_take_seconds(void **state) {
    (void)state;
    enum { N = 100000 };
    struct cli_paid *p = calloc(N, sizeof *p);
    struct cli_claim *c = calloc(N, sizeof *c);
    assert_non_null(p);
    assert_non_null(c);
    /* All of one amount, one party or one number: the worst that a list can be. */
    for (unsigned amounts = 1; amounts <= 100000; amounts *= 100000) {
        struct fk_err err = FK_ERR_INIT;
        random_fill(p, c, N, amounts);
        struct cli_matching m = {
            .payments = p, .payment_count = N, .claims = c, .claim_count = N, .days = 60};
        const clock_t begin = clock();
        assert_int_equal(cli_matching_run(&m, &err), FK_OK);
        const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        print_message("%u amounts: %.2f s\n", amounts, seconds);
        assert_true(seconds < 30);
        cli_matching_free(&m);
    }
    free(p);
    free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payments_find_their_claims),
        cmocka_unit_test(what_must_hold_holds_of_random_ones),
        cmocka_unit_test(a_hundred_thousand_take_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
