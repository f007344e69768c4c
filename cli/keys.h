/* keys.h - what the options of `keys` say; keys.c reads them, escrow.c has two of its verbs. */
#ifndef FK_CLI_KEYS_H
#define FK_CLI_KEYS_H
#include "archiver/vault/escrow.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_keys {
    const char *reason, *to, *passphrase_file, *key_file;
    const char *officers[FK_ESCROW_OFFICERS_MAX]; /* certificates, or private keys */
    unsigned officer_count;
    bool json;
};
FK_CHECKED enum fk_status cli_keys_escrow(const struct fk_cli *cli, const struct cli_keys *k,
                                          struct fk_err *err);
FK_CHECKED enum fk_status cli_keys_open(const struct cli_keys *k, const char *bundle,
                                        struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
