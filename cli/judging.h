/*
 * judging.h - how far authd has come with saying where messages are from, for `status` and
 * `doctor`: its mark, what waits, and what is in its way.
 *
 *     run/auth            the mark, and what is to be tried again (archiver/auth/follow.h)
 *     run/auth-trouble    why authd does not go on (trouble.h)
 *     run/auth-dns        that the resolver does not answer
 *
 * Threads: any.
 */
#ifndef FK_CLI_JUDGING_H
#define FK_CLI_JUDGING_H
#include "archiver/auth/follow.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/server.h"
#ifdef __cplusplus
extern "C" {
#endif

/* So many names in a row without an answer are no longer the fault of one domain. */
enum { CLI_UNANSWERED_MANY = 3 };
#define CLI_JUDGING_TROUBLE "auth-trouble"
#define CLI_JUDGING_DNS "auth-dns"

struct cli_judging {
    bool on, has_state;
    struct fk_follow_state state;
    uint64_t waiting;                               /* messages of the ledger from the mark on */
    int64_t oldest_ms;                              /* when the first of them came */
    char trouble[sizeof((struct fk_err *)0)->text]; /* "" for none, as the next */
    char resolver[sizeof((struct fk_err *)0)->text];
};
/* What stands in run/, and that no process is there to do it. */
void cli_judging_read(const struct fk_cli *cli, const struct cli_server *server,
                      struct cli_judging *out);
/* Counts in the ledger what waits. */
FK_CHECKED enum fk_status cli_judging_count(struct fk_lend *lend, struct cli_judging *j,
                                            struct fk_err *err);

/* What `status` says. */
void cli_judging_print(const struct cli_judging *j);
json_t *cli_judging_json(const struct cli_judging *j);

#ifdef __cplusplus
}
#endif
#endif
