/*
 * stamping.h - the configured time stamping authorities, for commands: what each has stamped, what
 * is in its way, and when renewal is due.
 *
 * The process stampd asks them while a server runs, `timestamp` at once. What was in the way stands
 * in run/timestamp.ID (stamps.h) until the next stamp, so that `status` and `doctor` can tell.
 * Threads: one.
 */
#ifndef FK_CLI_STAMPING_H
#define FK_CLI_STAMPING_H
#include "archiver/vault/renewal.h"
#include "archiver/vault/stamps.h"
#include "cli/cli.h"
#include "cli/json.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_authority_state {
    const char *url;
    struct fk_stamp_newest newest; /* name "" where it has stamped nothing yet */
    int64_t age_s;
    char trouble[sizeof((struct fk_err *)0)->text]; /* "" for none */
};
/* i: its place in the configuration. */
FK_CHECKED enum fk_status cli_authority_state(const struct fk_cli *cli, size_t i,
                                              struct cli_authority_state *out, struct fk_err *err);
/* why: NULL where nothing is in the way any more. */
void cli_authority_trouble(const struct fk_cli *cli, const char *url, const struct fk_err *why);

/* Whether renewal is due by timestamp-renewal. */
bool cli_renewal_is_due(const struct fk_cli *cli, const struct fk_renewal_state *state);

/* What `status` says of all that: a line each, or a list of objects and one more object (null where
 * there is no stamp). */
void cli_stamping_print(const struct fk_cli *cli);
json_t *cli_stamping_json(const struct fk_cli *cli);
json_t *cli_renewal_json(const struct fk_cli *cli);

#ifdef __cplusplus
}
#endif
#endif
