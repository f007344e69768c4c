/*
 * matching.h - which payment is of which claim (an order or invoice found in mail). Pure: no vault,
 * no output.
 *
 *     struct cli_matching m = {.payments = p, .payment_count = n, .claims = c, .claim_count = k,
 *                              .days = 60};
 *     FK_TRY(cli_matching_run(&m, err));
 *     m.found[i]            of payment i: its claim and by what
 *     m.claims[k].paid ...  of claim k: what was paid for it
 *     cli_matching_free(&m);
 *
 * In this order, and what is used once is not used again:
 *
 *     BY_NUMBER   the same number of a document. Several payments of one number are instalments of
 *                 one claim: their sum counts, and so a claim that is paid twice shows.
 *     BY_PARTY    the same amount and counterparty, within `days` of one another. Of several the
 *                 oldest claim goes to the oldest payment.
 *     BY_AMOUNT   the same amount within `days`, where no number contradicts
 *     BY_NEARNESS the same counterparty within `days`, the amount no more than a tenth off, or than
 *                 1,000 yen
 *
 * Then claims of another kind about the same thing (an order whose invoice was paid) are put to the
 * payment of that. Equal input gives equal output; time grows as n log n. Errors: FK_NOMEM.
 * Ownership: inputs are borrowed. Threads: any.
 */
#ifndef FK_CLI_MATCHING_H
#define FK_CLI_MATCHING_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum cli_basis { BY_NOTHING, BY_NUMBER, BY_PARTY, BY_AMOUNT, BY_NEARNESS };

struct cli_paid {
    uint32_t date; /* 20240401 */
    int64_t hundredths;
    const char *currency;
    const char *party, *number; /* as they are compared; "" for none */
};
struct cli_claim {
    uint32_t date; /* of the transaction, else of receipt */
    int kind;      /* as fk_txn_kinds, -1 for none */
    bool has_amount;
    int64_t hundredths;
    const char *currency;
    const char *const *parties, *const *numbers; /* all that are known of it, each once */
    size_t party_count, number_count;
    /* out: */
    size_t payments; /* how many, and their sum: */
    int64_t paid;
    bool is_beside; /* of the same thing as the claim that payment `of` is for */
    size_t of;
};
/* What differs between a claim and what was paid for it, as bits. */
enum {
    DIFFERS_AMOUNT = 1,
    DIFFERS_PARTY = 2,
    DIFFERS_DAY = 4,
    DIFFERS_NUMBER = 8,
    DIFFERS_CURRENCY = 16
};
struct cli_matched {
    size_t claim; /* SIZE_MAX: none */
    enum cli_basis basis;
};
struct cli_matching {
    const struct cli_paid *payments;
    size_t payment_count;
    struct cli_claim *claims;
    size_t claim_count;
    unsigned days;
    struct cli_matched *found; /* out, one a payment */
};
FK_CHECKED enum fk_status cli_matching_run(struct cli_matching *m, struct fk_err *err);
/* Of a payment and its claim; the amount is that of all payments of the claim. */
unsigned cli_matching_differs(const struct cli_matching *m, size_t payment);
void cli_matching_free(struct cli_matching *m);

#ifdef __cplusplus
}
#endif
#endif
