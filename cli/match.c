/* match.c - `fumikura match`; see match.h. */
#include "cli/match.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/arena.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/transaction_record.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLAIMS_MAX = 1000000,
    DAYS = 60,
    DAYS_MAX = 3660,
    NUMBER_SURE = 60, /* numbers and names that are mere guesses join nothing */
    NAME_SURE = 40
};

/* ---- options */

static int options_read(struct cli_match *x, int argc, char **argv) {
    static const struct option options[] = {
        {"days", required_argument, NULL, 'd'},   {"user", required_argument, NULL, 'u'},
        {"since", required_argument, NULL, 's'},  {"until", required_argument, NULL, 'U'},
        {"reason", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
        {"csv", no_argument, NULL, 'c'},          {NULL, 0, NULL, 0}};
    const int zone = x->options.zone_minutes = x->cli->config->zone_minutes;
    uint64_t days;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'd' && (!fk_value_number(optarg, &days) || days > DAYS_MAX))
            return cli_usage("match", "--days takes a number up to %d, not %s", DAYS_MAX, optarg);
        else if (o == 'd')
            x->m.days = (unsigned)days;
        else if (o == 'u')
            x->options.user = optarg;
        else if (o == 's' && !cli_date(optarg, false, zone, &x->options.since_ms))
            return cli_usage("match", "--since takes a date such as 2026-11-24, not %s", optarg);
        else if (o == 'U' && !cli_date(optarg, true, zone, &x->options.until_ms))
            return cli_usage("match", "--until takes a date such as 2026-11-24, not %s", optarg);
        else if (o == 'r')
            x->reason = optarg;
        else if (o == 'j')
            x->json = true;
        else if (o == 'c')
            x->csv = true;
        else if (o == '?')
            return cli_usage("match", "a query that begins with - stands after --");
    }
    if (optind == argc)
        return cli_usage("match", "of what payments? A CSV file with a row of headers");
    if (x->json && x->csv)
        return cli_usage("match", "--json or --csv, not both");
    x->path = argv[optind++];
    for (int first = optind; optind < argc; optind++) {
        fk_buf_str(&x->query, optind > first ? " " : "");
        fk_buf_str(&x->query, argv[optind]);
    }
    return 0;
}

/* ---- both sides, as they are compared */

static enum fk_status normal_copy(struct cli_match *x, const char *text, bool is_number,
                                  const char **out, struct fk_err *err) {
    struct fk_buf normal = FK_BUF_INIT;
    enum fk_status st = is_number ? fk_txn_number_normal(text, strlen(text), &normal, err)
                                  : fk_company_normal(text, strlen(text), &normal, err);
    if (st == FK_OK) {
        *out = fk_arena_copy(x->arena, fk_buf_cstr(&normal), normal.len);
        if (!*out)
            st = fk_fail(err, FK_NOMEM, "no memory to match payments");
    }
    fk_buf_free(&normal);
    return st;
}

static enum fk_status payments_prepare(struct cli_match *x, struct fk_err *err) {
    enum fk_status st = FK_OK;
    x->paid = calloc(x->payments.count + 1, sizeof *x->paid);
    if (!x->paid)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to match payments"));
    for (size_t i = 0; i < x->payments.count; i++) {
        const struct cli_payment *p = &x->payments.at[i];
        x->paid[i] = (struct cli_paid){
            .date = p->date, .hundredths = p->hundredths, .currency = p->currency};
        FK_TRY(normal_copy(x, p->counterparty, false, &x->paid[i].party, err));
        FK_TRY(normal_copy(x, p->number, true, &x->paid[i].number, err));
    }
    x->m.payments = x->paid;
    x->m.payment_count = x->payments.count;
done:
    return st;
}

/* All that is known of an item, once each, or what a person set. */
static enum fk_status words_take(struct cli_match *x, const struct fk_transaction *t,
                                 enum fk_txn_item item, unsigned sure,
                                 const char *const **words_out, size_t *count_out,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    const bool is_number = item == FK_TXN_NUMBER;
    const char *words[FK_TXN_FOUND_MAX + 1], **kept;
    size_t n = 0;
    if (t->now[item].is_corrected && t->now[item].value) {
        FK_TRY(normal_copy(x, t->now[item].value, is_number, &words[n], err));
        n += *words[n] != 0;
    }
    for (size_t i = 0; !t->now[item].is_corrected && i < t->found_count; i++) {
        const struct fk_txn_found *f = &t->found[i];
        bool is_new = f->item == item && (f->confidence >= sure || f == t->now[item].from);
        if (!is_new)
            continue;
        FK_TRY(normal_copy(x, f->value, is_number, &words[n], err));
        for (size_t k = 0; k < n; k++)
            is_new = is_new && strcmp(words[k], words[n]) != 0;
        n += is_new && *words[n];
    }
    kept = fk_arena_alloc(x->arena, (n + 1) * sizeof *kept);
    if (!kept)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to match payments"));
    memcpy(kept, words, n * sizeof *kept);
    *words_out = kept;
    *count_out = n;
done:
    return st;
}

static enum fk_status text_keep(struct cli_match *x, const char *text, const char **out,
                                struct fk_err *err) {
    *out = text && *text ? fk_arena_copy(x->arena, text, strlen(text)) : "";
    return *out ? FK_OK : fk_fail(err, FK_NOMEM, "no memory to match payments");
}

static enum fk_status claim_fill(struct cli_match *x, const struct fk_hit *hit,
                                 const struct fk_transaction *t, struct fk_err *err) {
    enum fk_status st;
    struct cli_claim *c = &x->m.claims[x->m.claim_count];
    struct cli_claim_shown *s = &x->shown[x->m.claim_count];
    struct fk_buf subject = FK_BUF_INIT;
    struct fk_amount a;
    char day[FK_TIME_SIZE];
    const char *currency = "JPY", *date = t->now[FK_TXN_DATE].value;
    *c = (struct cli_claim){
        .kind = t->now[FK_TXN_KIND].value ? fk_txn_kind_of(t->now[FK_TXN_KIND].value) : -1};
    *s = (struct cli_claim_shown){.seq = hit->seq};
    if (t->now[FK_TXN_AMOUNT].value && fk_amount_parse(t->now[FK_TXN_AMOUNT].value, &a)) {
        c->has_amount = true;
        c->hundredths = a.hundredths;
        currency = a.currency;
    }
    FK_TRY(text_keep(x, currency, &c->currency, err));
    fk_time_local(day, hit->received_ms, x->options.zone_minutes);
    day[10] = 0;
    c->date = fk_txn_date_number(date ? date : day);
    if (!c->date)
        c->date = 19700101;
    FK_TRY(text_keep(x, date, &s->date, err));
    FK_TRY(text_keep(x, t->now[FK_TXN_COUNTERPARTY].value, &s->counterparty, err));
    FK_TRY(text_keep(x, t->now[FK_TXN_NUMBER].value, &s->number, err));
    (void)fk_fields_find(hit->fields, hit->fields_len, "subject", &subject);
    FK_TRY(text_keep(x, fk_buf_cstr(&subject), &s->subject, err));
    FK_TRY(words_take(x, t, FK_TXN_COUNTERPARTY, NAME_SURE, &c->parties, &c->party_count, err));
    FK_TRY(words_take(x, t, FK_TXN_NUMBER, NUMBER_SURE, &c->numbers, &c->number_count, err));
    x->m.claim_count++;
    x->unpriced += !c->has_amount;
done:
    fk_buf_free(&subject);
    return st;
}

static enum fk_status claim_room(struct cli_match *x, struct fk_err *err) {
    if (x->m.claim_count == CLAIMS_MAX)
        return fk_fail(err, FK_FULL,
                       "the query finds over %d messages: narrow it, by --since and "
                       "--until",
                       CLAIMS_MAX);
    if (x->m.claim_count < x->claim_cap)
        return FK_OK;
    const size_t cap = x->claim_cap ? 2 * x->claim_cap : 256;
    void *claims = realloc(x->m.claims, cap * sizeof *x->m.claims);
    if (claims)
        x->m.claims = claims;
    void *shown = claims ? realloc(x->shown, cap * sizeof *x->shown) : NULL;
    if (!shown)
        return fk_fail(err, FK_NOMEM, "no memory to match payments");
    x->shown = shown;
    x->claim_cap = cap;
    return FK_OK;
}

/* Hits come newest first, and a message that comes meanwhile is none: the order is that of the
 * archive, whenever this is run. */
static enum fk_status claims_collect(struct cli_match *x, struct fk_err *err) {
    struct fk_query_fault fault = {0};
    struct fk_hit hit;
    enum fk_status st;
    x->options.query = x->query.len ? fk_buf_cstr(&x->query) : "txn:(invoice OR order)";
    x->options.person = x->person;
    x->options.reason = x->reason;
    x->options.via = "cli";
    FK_TRY(fk_search_open(x->cli->dir, x->keep, x->lend, &x->options, &x->search, &fault, err));
    while ((st = fk_search_next(x->search, &hit, err)) == FK_OK) {
        struct fk_transaction t = FK_TRANSACTION_INIT;
        FK_TRY(claim_room(x, err));
        FK_TRY(fk_transaction_read(hit.fields, hit.fields_len, &t, err));
        st = claim_fill(x, &hit, &t, err);
        fk_transaction_free(&t);
        FK_TRY(st);
    }
    st = st == FK_NOT_FOUND ? FK_OK : st;
    for (size_t i = 0, k = x->m.claim_count; i + 1 < k; i++, k--) { /* the oldest first */
        const struct cli_claim c = x->m.claims[i];
        const struct cli_claim_shown s = x->shown[i];
        x->m.claims[i] = x->m.claims[k - 1];
        x->shown[i] = x->shown[k - 1];
        x->m.claims[k - 1] = c;
        x->shown[k - 1] = s;
    }
done:
    return st;
}

/* ---- what came of it */

enum cli_match_class cli_match_class_of(const struct cli_match *x, size_t payment) {
    if (x->m.found[payment].basis == BY_NOTHING)
        return MATCH_NO_MAIL;
    return cli_matching_differs(&x->m, payment) ? MATCH_DIFFERS : MATCH_AGREES;
}

static struct cli_match_sum *sum_of(struct cli_match *x, const char *currency) {
    for (size_t i = 0; i < x->sum_count; i++)
        if (strcmp(x->sums[i].currency, currency) == 0)
            return &x->sums[i];
    if (x->sum_count == CLI_MATCH_CURRENCIES)
        return &x->sums[CLI_MATCH_CURRENCIES - 1];
    struct cli_match_sum *s = &x->sums[x->sum_count++];
    (void)snprintf(s->currency, sizeof s->currency, "%.3s",
                   x->sum_count == CLI_MATCH_CURRENCIES ? "..." : currency);
    return s;
}

static void add(int64_t *sum, int64_t n) {
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = n > 0 ? INT64_MAX : INT64_MIN;
}

static void classes_count(struct cli_match *x) {
    uint8_t *of_claim = x->m.claim_count ? fk_arena_alloc(x->arena, x->m.claim_count) : NULL;
    for (size_t i = 0; i < x->m.payment_count; i++) {
        const enum cli_match_class class = cli_match_class_of(x, i);
        x->counts[class]++;
        add(&sum_of(x, x->paid[i].currency)->paid[class], x->paid[i].hundredths);
        if (class == MATCH_NO_MAIL)
            continue;
        const size_t c = x->m.found[i].claim;
        if (of_claim && !of_claim[c] && x->m.claims[c].has_amount) /* instalments ask once */
            add(&sum_of(x, x->m.claims[c].currency)->asked[class], x->m.claims[c].hundredths);
        if (of_claim)
            of_claim[c] = 1;
    }
    for (size_t i = 0; i < x->m.claim_count; i++) {
        const struct cli_claim *c = &x->m.claims[i];
        x->beside += c->is_beside;
        if (c->payments || c->is_beside)
            continue;
        x->counts[MATCH_NOT_PAID]++;
        if (c->has_amount)
            add(&sum_of(x, c->currency)->asked[MATCH_NOT_PAID], c->hundredths);
    }
}

static void number_add(struct fk_buf *b, const char *name, uint64_t n) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    fk_fields_add_str(b, name, text);
}

static enum fk_status act_append(struct cli_match *x, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char hex[2 * FK_SHA256_BYTES + 1];
    fk_hex(hex, x->payments.sha256, FK_SHA256_BYTES);
    fk_fields_add_str(&body, "person", x->person);
    fk_fields_add_str(&body, "via", "cli");
    if (x->reason)
        fk_fields_add_str(&body, "reason", x->reason);
    fk_fields_add_str(&body, "file", x->path);
    fk_fields_add_str(&body, "sha256", hex);
    number_add(&body, "payments", x->payments.count);
    fk_fields_add_str(&body, "query", fk_search_canonical(x->search));
    number_add(&body, "search", fk_search_coverage(x->search)->act);
    number_add(&body, "days", x->m.days);
    number_add(&body, "agree", x->counts[MATCH_AGREES]);
    number_add(&body, "differ", x->counts[MATCH_DIFFERS]);
    number_add(&body, "payment-without-mail", x->counts[MATCH_NO_MAIL]);
    number_add(&body, "mail-without-payment", x->counts[MATCH_NOT_PAID]);
    enum fk_status st =
        body.failed ? fk_fail(err, FK_NOMEM, "no memory for an act")
                    : fk_keep_append(x->keep, &(struct fk_record){"act", "what=match", &body},
                                     &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        x->act = receipt.seq;
    return st;
}

static enum fk_status run(struct cli_match *x, struct fk_err *err) {
    enum fk_status st;
    x->arena = fk_arena_new(0);
    if (!x->arena)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to match payments"));
    FK_TRY(cli_payments_read(x->path, &x->payments, err)); /* before anything is recorded */
    FK_TRY(payments_prepare(x, err));
    FK_TRY(fk_keep_open(x->cli->dir, &x->keep, err));
    FK_TRY(fk_lend_open(x->cli->dir, &x->lend, err));
    FK_TRY(claims_collect(x, err));
    FK_TRY(cli_matching_run(&x->m, err));
    classes_count(x);
    FK_TRY(act_append(x, err));
    cli_match_print(x);
done:
    return st;
}

int cmd_match(struct fk_cli *cli, int argc, char **argv) {
    struct cli_match x = {.cli = cli, .options = FK_SEARCH_OPTIONS, .m = {.days = DAYS}};
    struct fk_err err = FK_ERR_INIT;
    fk_person(x.person, sizeof x.person);
    int rc = options_read(&x, argc, argv);
    if (rc == 0)
        rc = run(&x, &err) != FK_OK
                 ? cli_fail(&err)
                 : cli_finish(x.counts[MATCH_DIFFERS] || x.counts[MATCH_NO_MAIL] ||
                              x.counts[MATCH_NOT_PAID]);
    fk_search_close(&x.search);
    cli_matching_free(&x.m);
    cli_payments_free(&x.payments);
    free(x.paid);
    free(x.m.claims);
    free(x.shown);
    fk_buf_free(&x.query);
    fk_arena_free(&x.arena);
    fk_lend_close(&x.lend);
    fk_keep_close(&x.keep);
    return rc;
}
