/*
 * canary.h - marked messages that are sent through a source, and must arrive in the archive.
 *
 * A canary is an ordinary mail with a random Message-ID that nobody else knows. It has arrived when
 * the index has that Message-ID: the message is then in the ledger and can be found, which is what
 * the mail's users are promised. (The mail server's 250 says neither.) Asking the index for our own
 * random word is no look at anybody's mail, so it is no act; what came of it is a `fact` entry:
 *
 *     what=canary name=N result=arrived of=SEQ sent=T took=MS
 *                        result=late    ... after it was told missing
 *                        result=missing sent=T       not in the index at the deadline
 *                        result=unsent  sent=T       its mail server did not take it
 *
 *     DIR/run/canary.NAME        the newest: "STATE SENT ID SEQ TOOK"
 *     DIR/run/canary-alarm.NAME  the sentence, while something is wrong (trouble.h)
 *     DIR/run/canary-key         of the MAC in X-Fumikura-Canary: NAME TOKEN MAC; mode 0600
 *
 * Threads: one a name.
 */
#ifndef FK_CLI_CANARY_H
#define FK_CLI_CANARY_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "cli/json.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_config_canary;

struct cli_canary {
    char state[12]; /* none, waiting, arrived, late, missing, unsent */
    int64_t sent_ms;
    char id[384]; /* Message-ID without <> */
    uint64_t seq, took_ms;
    char alarm[sizeof((struct fk_err *)0)->text]; /* "" for none */
};
void cli_canary_read(const struct fk_cli *cli, const char *name, struct cli_canary *out);
bool cli_canary_is_waiting(const struct cli_canary *c);
/* When the next is to be sent. */
bool cli_canary_is_due(const struct fk_config_canary *k, const struct cli_canary *c);
/* 30 s at most. keep NULL: a failure is not recorded in the ledger. */
FK_CHECKED enum fk_status cli_canary_send(const struct fk_cli *cli,
                                          const struct fk_config_canary *k, struct fk_keep *keep,
                                          bool (*stop)(void *ctx), void *ctx, struct cli_canary *c,
                                          struct fk_err *err);
/* Whether it has arrived, and what follows; head: the ledger's. A deadline that passes while the
 * index is behind is judged when the index has caught up. */
FK_CHECKED enum fk_status cli_canary_look(const struct fk_cli *cli,
                                          const struct fk_config_canary *k, struct fk_keep *keep,
                                          const struct fk_head *head, struct cli_canary *c,
                                          struct fk_err *err);

void cli_canaries_print(const struct fk_cli *cli);
json_t *cli_canaries_json(const struct fk_cli *cli);

#ifdef __cplusplus
}
#endif
#endif
