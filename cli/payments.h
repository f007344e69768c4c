/*
 * payments.h - a list of payments as books and banks write it: CSV with a row of headers, in
 * Japanese or English, in any order, UTF-8 (with or without its mark) or Shift_JIS (CP932).
 *
 *     struct cli_payments p = CLI_PAYMENTS_INIT;
 *     FK_TRY(cli_payments_read(path, &p, err));
 *     cli_payments_free(&p);
 *
 * Date and amount have to be there, counterparty, number and currency may be. Errors: FK_INVALID
 * for the first thing that is wrong, with its line and column; nothing is passed over. FK_FULL over
 * CLI_PAYMENTS_MAX rows. Ownership: texts belong to the struct. Threads: any.
 */
#ifndef FK_CLI_PAYMENTS_H
#define FK_CLI_PAYMENTS_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { CLI_PAYMENTS_MAX = 1000000 };

struct cli_payment {
    uint64_t line; /* in the file, from 1 */
    uint32_t date; /* 20240401 */
    int64_t hundredths;
    char currency[4];
    const char *counterparty, *number; /* "" where there is none */
};
struct cli_payments {
    struct cli_payment *at;
    size_t count, cap;
    bool is_sjis;
    uint8_t sha256[FK_SHA256_BYTES]; /* of the file */
    struct fk_arena *arena;
};
#define CLI_PAYMENTS_INIT                                                                          \
    { .at = NULL }

FK_CHECKED enum fk_status cli_payments_read(const char *path, struct cli_payments *out,
                                            struct fk_err *err);
void cli_payments_free(struct cli_payments *p);

#ifdef __cplusplus
}
#endif
#endif
