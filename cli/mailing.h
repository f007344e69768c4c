/*
 * mailing.h - checkpoints by mail to the configured addresses: what each was sent, and what is in
 * its way.
 *
 * The process maild sends when it is due while a server runs, `checkpoint --mail` at once. Each
 * address is a mail and a state of its own, so one that is refused delays nobody else:
 *
 *     run/mailed.ID   "TIME SIZE": when the server took the last one, entries it covered; durable
 *     run/mail.ID     the sentence of what is in the way, until the next one is taken
 *
 * ID is the first 8 hex digits of the address's SHA-256. They are in run/ and not in log/, which is
 * public. mailed.ID is written after the mail server's 250: a crash between the two sends that one
 * again, and none is left out. Threads: one.
 */
#ifndef FK_CLI_MAILING_H
#define FK_CLI_MAILING_H
#include "cli/cli.h"
#include "cli/json.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_mailed {
    int64_t time_ms; /* 0: never */
    uint64_t size;
    char trouble[sizeof((struct fk_err *)0)->text]; /* "" for none */
};
void cli_mailed(const struct fk_cli *cli, const char *to, struct cli_mailed *out);
bool cli_mail_is_due(const struct fk_cli *cli, const struct cli_mailed *m);

/* Sends log/checkpoint to one address, 30 s at most, and writes down how it went. stop: as in
 * submit.h. size_out: entries it covers. FK_NOT_FOUND: there is no checkpoint yet. */
FK_CHECKED enum fk_status cli_mail_send(const struct fk_cli *cli, const char *to,
                                        bool (*stop)(void *ctx), void *ctx, uint64_t *size_out,
                                        struct fk_err *err);

/* What `status` says: a line an address, or a list of objects. */
void cli_mailing_print(const struct fk_cli *cli);
json_t *cli_mailing_json(const struct fk_cli *cli);

#ifdef __cplusplus
}
#endif
#endif
