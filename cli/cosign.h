/*
 * cosign.h - the configured witnesses, for commands: what each has cosigned, and what is in its
 * way.
 *
 * The process cosignd asks them while a server runs; without one `checkpoint` and what waits for a
 * checkpoint ask once. What was in the way stands in run/witness.ID until the next cosignature, so
 * that `status` and `doctor` can tell. Errors: those of witnessing.h. Threads: one.
 */
#ifndef FK_CLI_COSIGN_H
#define FK_CLI_COSIGN_H
#include "archiver/vault/witnessing.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_witnesses {
    struct fk_witnessing one[FK_WITNESSES_MAX];
    size_t count;
};
FK_CHECKED enum fk_status cli_witnesses_open(const struct fk_cli *cli, struct cli_witnesses *out,
                                             struct fk_err *err);

struct cli_witness_state {
    bool has_cosigned;
    uint64_t size; /* entries of the newest checkpoint that it cosigned */
    int64_t age_s; /* since then, by its clock and this machine's */
    char trouble[sizeof((struct fk_err *)0)->text]; /* "" for none */
};
void cli_witness_state(const struct fk_cli *cli, const struct fk_witnessing *w,
                       struct cli_witness_state *out);

/* Asks each witness that is due, once; what goes wrong is written down and told to notice. */
void cli_cosign_once(const struct fk_cli *cli, struct cli_witnesses *w,
                     void (*notice)(const struct fk_err *err));

/* In place of a checkpoint, one over at least `size` entries with more of the configured witnesses'
 * cosignatures, where there is one. True when it has one by each witness that is not in trouble. */
bool cli_cosigned_prefer(const struct fk_cli *cli, const struct cli_witnesses *w, uint64_t size,
                         struct fk_checkpoint *c, struct fk_buf *note);

#ifdef __cplusplus
}
#endif
#endif
