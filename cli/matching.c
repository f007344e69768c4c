/* matching.c - see matching.h. Payments and claims that could belong together have a key in common;
 * keys are sorted, and only what stands side by side is compared. */
#include "cli/matching.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    NUMBER_LEAST = 3, /* bytes of a number that says anything */
    NAME_LEAST = 6,   /* bytes of a name that may stand for a longer one */
    TRIES = 1000,     /* neighbours that are looked at for one payment */
    NEAR_YEN = 100000 /* hundredths: what a bank's fee makes */
};

struct key {
    const char *text, *currency; /* "" where it is not by that */
    int64_t hundredths;
    int32_t day; /* counted, so that days between are a difference */
    bool is_claim;
    size_t index;
};
struct keys {
    struct key *at;
    size_t count, cap;
};

static int32_t day_of(uint32_t date) {
    struct tm tm = {.tm_year = (int)(date / 10000) - 1900,
                    .tm_mon = (int)(date / 100 % 100) - 1,
                    .tm_mday = (int)(date % 100)};
    return (int32_t)(timegm(&tm) / 86400);
}

/* ---- keys */

static bool key_add(struct keys *k, struct key key) {
    if (k->count == k->cap) {
        const size_t cap = k->cap ? 2 * k->cap : 1024;
        void *at = realloc(k->at, cap * sizeof *k->at);
        if (!at)
            return false;
        k->at = at;
        k->cap = cap;
    }
    k->at[k->count++] = key;
    return true;
}

static int number_order(int64_t a, int64_t b) {
    return a < b ? -1 : a > b;
}

static int group_order(const struct key *x, const struct key *y) {
    const int order = strcmp(x->text, y->text);
    return order ? order : strcmp(x->currency, y->currency);
}

static int rest_order(const struct key *x, const struct key *y) {
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Within a group claims, then payments, each by day. */
static int by_side_and_day(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    int order = group_order(x, y);
    if (!order)
        order = number_order(x->hundredths, y->hundredths);
    if (!order && x->is_claim != y->is_claim)
        return x->is_claim ? -1 : 1;
    if (!order)
        order = number_order(x->day, y->day);
    return order ? order : rest_order(x, y);
}

/* Within a group both by amount. */
static int by_amount(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    int order = group_order(x, y);
    if (!order)
        order = number_order(x->hundredths, y->hundredths);
    if (!order)
        order = number_order(x->day, y->day);
    if (!order && x->is_claim != y->is_claim)
        return x->is_claim ? -1 : 1;
    return order ? order : rest_order(x, y);
}

/* ---- what agrees */

static bool has_word(const char *const *words, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* 大和商事 and 大和商事東京支店 are the same, as long as the shorter is more than a character or
 * two. */
static bool same_name(const char *a, const char *b) {
    return strcmp(a, b) == 0 || (strlen(b) >= NAME_LEAST && strstr(a, b)) ||
           (strlen(a) >= NAME_LEAST && strstr(b, a));
}

static bool same_party(const struct cli_paid *p, const struct cli_claim *c) {
    bool same = !*p->party || !c->party_count;
    for (size_t i = 0; !same && i < c->party_count; i++)
        same = same_name(c->parties[i], p->party);
    return same;
}

static bool same_number(const struct cli_paid *p, const struct cli_claim *c) {
    return !*p->number || !c->number_count || has_word(c->numbers, c->number_count, p->number);
}

static bool same_amount(const struct cli_paid *p, const struct cli_claim *c) {
    return c->has_amount && p->hundredths == c->hundredths && strcmp(p->currency, c->currency) == 0;
}

static bool within(const struct cli_matching *m, int32_t a, int32_t b) {
    return labs((long)a - (long)b) <= (long)m->days;
}

unsigned cli_matching_differs(const struct cli_matching *m, size_t payment) {
    const struct cli_paid *p = &m->payments[payment];
    const struct cli_claim *c = &m->claims[m->found[payment].claim];
    unsigned differs = 0;
    if (!c->has_amount || c->paid != c->hundredths)
        differs |= DIFFERS_AMOUNT;
    if (c->has_amount && strcmp(p->currency, c->currency) != 0)
        differs |= DIFFERS_CURRENCY;
    if (!same_party(p, c))
        differs |= DIFFERS_PARTY;
    if (!same_number(p, c))
        differs |= DIFFERS_NUMBER;
    if (!within(m, day_of(p->date), day_of(c->date)))
        differs |= DIFFERS_DAY;
    return differs;
}

static bool is_free(const struct cli_matching *m, const struct key *k) {
    return k->is_claim ? m->claims[k->index].payments == 0 : m->found[k->index].basis == BY_NOTHING;
}

static void join(struct cli_matching *m, size_t payment, size_t claim, enum cli_basis basis) {
    struct cli_claim *c = &m->claims[claim];
    m->found[payment] = (struct cli_matched){claim, basis};
    c->payments++;
    if (__builtin_add_overflow(c->paid, m->payments[payment].hundredths, &c->paid))
        c->paid = INT64_MAX;
}

/* ---- by number */

static int64_t magnitude(int64_t n) {
    return n < 0 ? -n : n;
}

static bool is_near(int64_t paid, int64_t asked, const char *currency) {
    const int64_t most = magnitude(asked) / 10;
    const bool is_yen = strcmp(currency, "JPY") == 0;
    return magnitude(paid - asked) <= (is_yen && most < NEAR_YEN ? NEAR_YEN : most);
}

/* How well a claim of the same number goes with a payment; 0: it is another company's number. */
static unsigned number_rank(const struct cli_paid *p, const struct cli_claim *c) {
    const bool amount = same_amount(p, c), party = same_party(p, c);
    const bool near = c->has_amount && strcmp(p->currency, c->currency) == 0 &&
                      is_near(p->hundredths, c->hundredths, c->currency);
    if (!party && !near)
        return 0;
    return 1 + 8u * (c->payments > 0 && party) + 4u * amount + 2u * party + (c->kind == 0);
}

/* In the groups below the first `claims` keys are claims, the others payments. */
static void number_group(struct cli_matching *m, const struct key *at, size_t claims, size_t n) {
    for (size_t i = claims; i < n; i++) {
        size_t best = SIZE_MAX;
        unsigned rank = 0;
        for (size_t k = 0; k < claims && k < TRIES; k++) {
            const unsigned r = number_rank(&m->payments[at[i].index], &m->claims[at[k].index]);
            if (r > rank) {
                rank = r;
                best = at[k].index;
            }
        }
        if (best != SIZE_MAX)
            join(m, at[i].index, best, BY_NUMBER);
    }
}

/* ---- by amount */

/* The oldest claim that is near enough goes to the oldest payment. */
static void amount_group(struct cli_matching *m, const struct key *at, size_t claims, size_t n,
                         enum cli_basis basis, bool may_contradict) {
    size_t first = 0;
    for (size_t i = claims; i < n; i++) {
        if (!is_free(m, &at[i]))
            continue;
        while (first < claims &&
               (!is_free(m, &at[first]) || (long)at[first].day < (long)at[i].day - (long)m->days))
            first++;
        for (size_t k = first; k < claims && k - first < TRIES; k++) {
            if ((long)at[k].day > (long)at[i].day + (long)m->days)
                break;
            if (!is_free(m, &at[k]) || (!may_contradict && !same_number(&m->payments[at[i].index],
                                                                        &m->claims[at[k].index])))
                continue;
            join(m, at[i].index, at[k].index, basis);
            break;
        }
    }
}

/* ---- by nearness */

static int64_t off(const struct key *a, const struct key *b) {
    return magnitude(a->hundredths - b->hundredths);
}

/* Keys of one party by amount: outward from the payment to the nearest claim. */
static void near_group(struct cli_matching *m, const struct key *at, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (at[i].is_claim || !is_free(m, &at[i]))
            continue;
        size_t best = n, tries = 0;
        for (size_t k = i; k-- > 0 && tries++ < TRIES;)
            if (at[k].is_claim && is_free(m, &at[k]) && within(m, at[k].day, at[i].day) &&
                same_number(&m->payments[at[i].index], &m->claims[at[k].index])) {
                best = k;
                break;
            }
        tries = 0;
        for (size_t k = i + 1; k < n && tries++ < TRIES; k++)
            if (at[k].is_claim && is_free(m, &at[k]) && within(m, at[k].day, at[i].day) &&
                same_number(&m->payments[at[i].index], &m->claims[at[k].index])) {
                if (best == n || off(&at[i], &at[k]) < off(&at[i], &at[best]))
                    best = k;
                break;
            }
        if (best < n && is_near(at[i].hundredths, at[best].hundredths, at[best].currency))
            join(m, at[i].index, at[best].index, BY_NEARNESS);
    }
}

/* ---- claims about the same thing */

/* The first payment whose claim is of another kind, or has the same number. */
static void beside_group(struct cli_matching *m, const struct key *at, size_t claims, size_t n,
                         bool by_number) {
    for (size_t i = 0; i < claims; i++) {
        struct cli_claim *c = &m->claims[at[i].index];
        for (size_t k = claims; !c->is_beside && k < n && k - claims < TRIES; k++) {
            const struct cli_claim *paid = &m->claims[m->found[at[k].index].claim];
            if (!same_party(&m->payments[at[k].index], c) ||
                (by_number ? c->has_amount && paid->has_amount && c->hundredths != paid->hundredths
                           : paid->kind == c->kind || !within(m, at[i].day, at[k].day)))
                continue;
            c->is_beside = true;
            c->of = at[k].index;
        }
    }
}

/* ---- passes */

enum { NUMBERS, PARTIES, PARTIES_AGAIN, AMOUNTS, NEAR, BESIDE_NUMBERS, BESIDE_PARTIES, PASSES };

static void group_take(struct cli_matching *m, const struct key *at, size_t n, int pass) {
    size_t claims = 0;
    while (claims < n && at[claims].is_claim)
        claims++;
    switch (pass) {
    case NUMBERS:
        number_group(m, at, claims, n);
        return;
    case PARTIES: /* a claim without a number that contradicts comes first */
    case PARTIES_AGAIN:
        amount_group(m, at, claims, n, BY_PARTY, pass == PARTIES_AGAIN);
        return;
    case AMOUNTS:
        amount_group(m, at, claims, n, BY_AMOUNT, false);
        return;
    case NEAR:
        near_group(m, at, n);
        return;
    default:
        beside_group(m, at, claims, n, pass == BESIDE_NUMBERS);
    }
}

/* Which parts of a key count in each pass. */
static const struct {
    bool number, party, amount;
} passes[PASSES] = {{true, false, false}, {false, true, true},  {false, true, true},
                    {false, false, true}, {false, true, false}, {true, false, false},
                    {false, true, true}};

static bool counts_as_number(const char *number) {
    return strlen(number) >= NUMBER_LEAST && strpbrk(number, "0123456789");
}

static bool payment_add(const struct cli_matching *m, size_t i, int pass, struct keys *k) {
    const struct cli_paid *p = &m->payments[i];
    if ((passes[pass].number && !counts_as_number(p->number)) || (passes[pass].party && !*p->party))
        return true;
    return key_add(k, (struct key){passes[pass].number  ? p->number
                                   : passes[pass].party ? p->party
                                                        : "",
                                   passes[pass].number ? "" : p->currency,
                                   passes[pass].number ? 0 : p->hundredths, day_of(p->date), false,
                                   i});
}

static bool claim_add(const struct cli_matching *m, size_t i, int pass, struct keys *k) {
    const struct cli_claim *c = &m->claims[i];
    static const char *const none[] = {""};
    const char *const *words = passes[pass].number  ? c->numbers
                               : passes[pass].party ? c->parties
                                                    : none;
    const size_t count = passes[pass].number  ? c->number_count
                         : passes[pass].party ? c->party_count
                                              : 1;
    if (!passes[pass].number && !c->has_amount)
        return true;
    for (size_t w = 0; w < count; w++) {
        if (passes[pass].number && !counts_as_number(words[w]))
            continue;
        if (!key_add(k, (struct key){words[w], passes[pass].number ? "" : c->currency,
                                     passes[pass].number ? 0 : c->hundredths, day_of(c->date), true,
                                     i}))
            return false;
    }
    return true;
}

static bool same_group(const struct key *a, const struct key *b, int pass) {
    return group_order(a, b) == 0 && (!passes[pass].amount || a->hundredths == b->hundredths);
}

static enum fk_status pass_run(struct cli_matching *m, int pass, struct keys *k,
                               struct fk_err *err) {
    bool good = true;
    k->count = 0;
    for (size_t i = 0; good && i < m->payment_count; i++)
        if ((m->found[i].basis == BY_NOTHING) == (pass < BESIDE_NUMBERS))
            good = payment_add(m, i, pass, k);
    for (size_t i = 0; good && i < m->claim_count; i++)
        if (m->claims[i].payments == 0)
            good = claim_add(m, i, pass, k);
    if (!good)
        return fk_fail(err, FK_NOMEM, "no memory to match payments");
    if (k->count)
        qsort(k->at, k->count, sizeof *k->at, pass == NEAR ? by_amount : by_side_and_day);
    for (size_t i = 0, end; i < k->count; i = end) {
        for (end = i + 1; end < k->count && same_group(&k->at[i], &k->at[end], pass);)
            end++;
        if (end - i > 1)
            group_take(m, k->at + i, end - i, pass);
    }
    return FK_OK;
}

enum fk_status cli_matching_run(struct cli_matching *m, struct fk_err *err) {
    struct keys k = {NULL, 0, 0};
    enum fk_status st = FK_OK;
    m->found = calloc(m->payment_count + 1, sizeof *m->found);
    if (!m->found)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to match payments"));
    for (size_t i = 0; i < m->payment_count; i++)
        m->found[i] = (struct cli_matched){SIZE_MAX, BY_NOTHING};
    for (int pass = 0; pass < PASSES; pass++)
        FK_TRY(pass_run(m, pass, &k, err));
done:
    free(k.at);
    return st;
}

void cli_matching_free(struct cli_matching *m) {
    free(m->found);
    m->found = NULL;
}
