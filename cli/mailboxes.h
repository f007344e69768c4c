/*
 * mailboxes.h - mailboxes that the server fetches from by IMAP (sections `imap` of the
 * configuration): how far each has come, and what is in its way.
 *
 * The process imapd fetches; `status` and `doctor` read:
 *
 *     DIR/run/imap.NAME          lines of fields.h: account, uidvalidity, next-uid, mark, brought,
 *                                brought-at, asked-at, failed, reason; durable
 *     DIR/run/imap-trouble.NAME  the sentence, while something is in the way (trouble.h)
 *
 * Every message with that UIDVALIDITY and a UID below next-uid is done with, and what was brought
 * of others stands in the ledger at `mark` or later: the file is written after the messages are
 * durable here and gone there, so one that is older than the truth makes imapd look at more of the
 * ledger, and brings nothing twice. Threads: one a name.
 */
#ifndef FK_CLI_MAILBOXES_H
#define FK_CLI_MAILBOXES_H
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/json.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_config_imap;

struct cli_mailbox {
    char account[17]; /* a digest of the address: another one begins anew */
    uint32_t validity, next_uid;
    uint64_t mark, brought, failed; /* failed: not taken, and left there, since imapd started */
    int64_t brought_ms, asked_ms;   /* 0: never */
    char reason[200];               /* of the newest that failed */
    char trouble[sizeof((struct fk_err *)0)->text]; /* "" for none */
};
/* All zeros but the account where there is none of this account yet. */
void cli_mailbox_read(const struct fk_cli *cli, const struct fk_config_imap *box,
                      struct cli_mailbox *out);
/* All but trouble. */
FK_CHECKED enum fk_status cli_mailbox_put(const struct fk_cli *cli,
                                          const struct fk_config_imap *box,
                                          const struct cli_mailbox *m, struct fk_err *err);

/* imaps://USER@HOST:PORT/FOLDER, with what is special as %XX. */
void cli_mailbox_url(const struct fk_config_imap *box, struct fk_buf *out);
/* The first line of a file that nobody else can read; FK_DENIED where others can. */
FK_CHECKED enum fk_status cli_password_read(const char *path, struct fk_buf *out,
                                            struct fk_err *err);

/* What `status` says: a line a mailbox, or a list of objects. */
void cli_mailboxes_print(const struct fk_cli *cli);
json_t *cli_mailboxes_json(const struct fk_cli *cli);

#ifdef __cplusplus
}
#endif
#endif
