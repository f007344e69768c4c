/*
 * certificate.h - a certificate of disposal as people and programs read it: `retention run` prints
 * it when it has disposed of something, `retention certificate SEQ` at any later time, from the
 * ledger alone, with what became of each copy since.
 */
#ifndef FK_CLI_CERTIFICATE_H
#define FK_CLI_CERTIFICATE_H
#include "cli/cli.h"
#include "retention/certificate.h"
#ifdef __cplusplus
extern "C" {
#endif

/* A fact entry that says that a copy was destroyed. */
struct cli_destroyed {
    uint64_t entry;
    int64_t time_ms;
    char *person, *reason;
};
struct cli_certificate {
    const struct fk_roll *roll;
    uint64_t entry, basis, policy_seq;
    int64_t time_ms;
    const char *rule, *c256, *person, *reason;
    const struct fk_seqs *seqs;
    const struct cli_destroyed *destroyed; /* of copies: none where `run` prints it */
    size_t destroyed_count;
    int zone;        /* minutes east of UTC, for the Japanese text */
    bool unfinished; /* it is ordered, and some key is there yet: the disk was full, say */
};
/* In English, then in Japanese. */
void cli_certificate_text(const struct cli_certificate *c);
void cli_certificate_json(const struct cli_certificate *c);

/* The command: records the look, reads, prints. FK_NOT_FOUND: that entry is no disposal. FK_DENIED:
 * what was printed is no certificate yet, as it says itself. */
FK_CHECKED enum fk_status cli_certificate_show(const struct fk_cli *cli, uint64_t entry, bool json,
                                               struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
