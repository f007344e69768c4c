/*
 * amount.h - sums of money as mail writes them.
 *
 *     ￥1,234,567-   \1,234,567   金壱百万円也   1,000,000円（税込）   1.2億円   25千円   3万5千円
 *     USD 1,234.56   $1,234.56   100ドル   EUR 99.00   ▲5,000円
 *
 * Without a currency it may be any number. As text (fk_amount_print, and what is read again from
 * it) an amount is FIGURE CURRENCY TAX: "1234567 JPY included", "1234.5 USD -".
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_AMOUNT_H
#define FK_INDEXER_AMOUNT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum fk_tax { FK_TAX_UNKNOWN, FK_TAX_INCLUDED, FK_TAX_EXCLUDED };

struct fk_amount {
    int64_t hundredths; /* at most FK_NUMERAL_MAX either way */
    char currency[4];   /* ISO 4217; "" where none stands there */
    enum fk_tax tax;
    bool is_formal; /* 金 ... 円: the form of a document's sum */
    bool is_marked; /* a sign or word for the currency stands before the figure */
    size_t end;     /* where it ends in the text, its tax marker included */
};
/* What begins at `at`, which is the sign, the currency or the first digit. False where that is no
 * amount: a percentage, a part of a longer number, a date, a time, so many of something. */
bool fk_amount_read(const char *text, size_t len, size_t at, struct fk_amount *out);
/* The tax marker at `at`, blanks and brackets around it passed over; *end behind it. */
enum fk_tax fk_tax_read(const char *text, size_t len, size_t at, size_t *end);

enum { FK_AMOUNT_TEXT = 48 };
/* currency "" prints as JPY. */
void fk_amount_print(int64_t hundredths, const char *currency, enum fk_tax tax,
                     char out[FK_AMOUNT_TEXT]);
bool fk_amount_parse(const char *text, struct fk_amount *out);
/* "1234567", "1234.50": the figure alone. */
void fk_figure_print(int64_t hundredths, char out[FK_AMOUNT_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
