/* commands.c - the table of commands: one line each, alphabetical in its group. */
#include "cli/cli.h"

#include <string.h>

/* clang-format off */
const struct fk_command fk_commands[] = {
    /* for people */
    {"audit", "[--since D] [--until D] [--reason T] [--json]", "lists who did what and why", cmd_audit, FK_NEEDS_CONFIG, false},
    {"canary", "status [--json] | send NAME [--wait] [--json]", "says whether marked messages arrive, or sends one", cmd_canary, FK_NEEDS_CONFIG, false},
    {"checkpoint", "[--print | --key | --vkey | --proof OLD] [--json] | --mail [--json] | --new-origin --reason T", "prints the newest signed checkpoint, or the log's public key", cmd_checkpoint, FK_NEEDS_CONFIG, false},
    {"deliver", "SEQ... --to ADDRESS --reason T [--via SERVER] [--from ADDRESS] [--json]", "sends archived messages to a mailbox, byte for byte", cmd_deliver, FK_NEEDS_CONFIG, false},
    {"doctor", "[--json] [--mail DOMAIN [--selector NAME] [--address ADDRESS]... [--block-list ZONE]...]", "checks the machine and the vault's directory, or what DNS says of a domain's mail", cmd_doctor, FK_NEEDS_CONFIG, false},
    {"export", "[--user A] [--since D] [--until D] QUERY | --seq N...  --to DIR [--format eml|mbox] [--sealed --keys-to DIR] [--reason T] [--json] | --format ledger [--to FILE] [--user A] [--since D] [--until D] [QUERY] [--reason T] [--json] | list [--json] | destroyed NUMBER --reason T", "hands messages over as an evidence package", cmd_export, FK_NEEDS_CONFIG, false},
    {"hold", "add NAME --reason T (--query Q [--user A] [--since D] [--until D] | --seq N...) | list [--all] [--json] | release NAME --reason T", "keeps named messages whatever the rules say", cmd_hold, FK_NEEDS_CONFIG, false},
    {"import", "[--job NAME] [--journal] [--mbox rd|o|cl|cl2] [--skip-same] [--report FILE] [--json] PATH... | --imap URL --password-file FILE [--ca FILE] [--delete-after] [--watch SECONDS] | --piler DIR --lists NEWDIR | --resume [--job NAME] | --jobs | --forget NAME", "brings in EML, mbox, Maildir and directories of them", cmd_import, FK_NEEDS_CONFIG, false},
    {"index", "[--wait] [--json]", "brings the index up to the ledger's head", cmd_index, FK_NEEDS_CONFIG, false},
    {"init", "DIR [--smtp ADDR]... [--lmtp ADDR]... [--web ADDR]", "makes a vault with its configuration", cmd_init, FK_NEEDS_NOTHING, false},
    {"keys", "rotate [--reason T] | escrow --to FILE [--passphrase-file FILE | --officer CERT...] [--reason T] | list | destroyed NUMBER --reason T | open BUNDLE --to DIR [--passphrase-file FILE | --officer-key FILE... | --key-file FILE] [--json]", "exchanges the key-encryption key, seals all keys into a bundle, opens one", cmd_keys, FK_TAKES_CONFIG, false},
    {"match", "[--days N] [--user A] [--since D] [--until D] [--reason T] [--json | --csv] PAYMENTS.csv [QUERY]", "sets payments against orders and invoices in mail", cmd_match, FK_NEEDS_CONFIG, false},
    {"mirror", "init DIR | verify [--json] | heal [--segment N] --reason T [--json] | restore DIR --keys OLDVAULT --to DIR [--json]", "makes a second place for contents and keys, puts back from it what is damaged, makes a vault of it", cmd_mirror, FK_TAKES_CONFIG, false},
    {"reconcile", "--postfix | --exchange | --m365 [--record] [--record-rejected] [--copy ADDRESS]... [--milter] [--since D] [--until D] [--source S] [--reason T] [--json] LOG...", "holds a mail server's own log against the ledger, and lists what is missing", cmd_reconcile, FK_NEEDS_CONFIG, false},
    {"reindex", "[--json]", "builds the index anew beside the old one, then swaps", cmd_reindex, FK_NEEDS_CONFIG, false},
    {"rejected", "[--since D] [--until D] [--reason T] [--json] [TEXT...]", "lists what the mail server in front rejected, by its log", cmd_rejected, FK_NEEDS_CONFIG, false},
    {"rerun", "RECEIPT [--reason T] [--json]", "repeats a search that has a receipt, and explains what differs", cmd_rerun, FK_NEEDS_CONFIG, false},
    {"retention", "plan [--json] | run [--reason T] [--accept-clock] [--if-due] [--json] | certificate SEQ [--json]", "says what the rules let go, and disposes of it", cmd_retention, FK_NEEDS_CONFIG, false},
    {"seal", "[--json]", "closes the active segment and seals what is closed", cmd_seal, FK_NEEDS_CONFIG, false},
    {"search", "[--user A] [--since D] [--until D] [--limit N] [--count | --captures] [--collapse thread|similar] [--receipt FILE] [--json] [--reason T] [QUERY]", "lists the messages that a query finds, newest first", cmd_search, FK_NEEDS_CONFIG, false},
    {"serve", "", "runs everything in the foreground", cmd_serve, FK_NEEDS_CONFIG, false},
    {"show", "SEQ [--raw | --text | --inner[=N] | --wrapper | --envelope | --entry | --proof | --delivery | --auth] [--reason T] [--json]", "shows one message or entry", cmd_show, FK_NEEDS_CONFIG, false},
    {"status", "[--json]", "says where ledger, segments, index, mirror, scrub, disk and server stand", cmd_status, FK_NEEDS_CONFIG, false},
    {"tape", "write --to DIR [--since-last] [--continue] [--json] | verify DIR [--tsa-roots FILE] [--json] | list [--json] | restore DIR... --keys OLDVAULT --to DIR [--accept-missing] [--json]", "writes and verifies sets that stand alone", cmd_tape, FK_TAKES_CONFIG, false},
    {"thread", "SEQ [--inclusive] [--reason T] [--json]", "shows the conversation that a message is in", cmd_thread, FK_NEEDS_CONFIG, false},
    {"timestamp", "[--renew [--all]] [--json]", "has authorities stamp the newest checkpoint, or old stamps anew, and anchors it", cmd_timestamp, FK_NEEDS_CONFIG, false},
    {"transaction", "SEQ [--set ITEM=VALUE]... [--as-found ITEM]... [--reason T] [--json]", "shows or corrects the day, amount and party that were found in a message", cmd_transaction, FK_NEEDS_CONFIG, false},
    {"unsearchable", "[--user A] [--since D] [--until D] [--json] [--reason T]", "lists the files and messages that are not, or not wholly, searched, and why", cmd_unsearchable, FK_NEEDS_CONFIG, false},
    {"verify", "[--from D] [--to D] [--segment N] [--against CHECKPOINT [--vkey FILE] [--witness FILE]] [--json] | --dkim [--from D] [--to D] [--json]", "re-reads and checks all of the vault", cmd_verify, FK_NEEDS_CONFIG, false},
    {"witness", "init DIR NAME | serve DIR [--listen ADDRESS:PORT]", "makes a witness of other machines' logs, and runs it", cmd_witness, FK_NEEDS_NOTHING, false},

    /* processes that serve starts */
    {"authd", "", "checks where messages are from; started by serve", cmd_authd, FK_NEEDS_CONFIG, true},
    {"cosignd", "", "has checkpoints cosigned by witnesses; started by serve", cmd_cosignd, FK_NEEDS_CONFIG, true},
    {"imapd", "", "fetches from mailboxes by IMAP; started by serve", cmd_imapd, FK_NEEDS_CONFIG, true},
    {"index-extract", "", "runs readers of documents in a sandbox; started by indexers", cmd_index_extract, FK_NEEDS_NOTHING, true},
    {"index-worker", "", "reads messages in a sandbox; started by indexers", cmd_index_worker, FK_NEEDS_NOTHING, true},
    {"indexd", "", "grows the index; started by serve", cmd_indexd, FK_NEEDS_CONFIG, true},
    {"keep", "", "has the pen; started by serve and by commands", cmd_keep, FK_NEEDS_CONFIG, true},
    {"lend", "", "has the reading desk; started by serve and by commands", cmd_lend, FK_NEEDS_CONFIG, true},
    {"logd", "", "makes the log's tiles and checkpoints; started by serve", cmd_logd, FK_NEEDS_CONFIG, true},
    {"maild", "", "mails checkpoints when it is due; started by serve", cmd_maild, FK_NEEDS_CONFIG, true},
    {"milter", "", "becomes fumikura-milter, which takes mail in by the milter protocol; started by serve", cmd_milter, FK_NEEDS_CONFIG, true},
    {"receive", "", "takes mail in by SMTP and LMTP; started by serve", cmd_receive, FK_NEEDS_CONFIG, true},
    {"reconstruct", "FILE-DESCRIPTOR DIRECTORY CPU-SECONDS", "runs readpst in a sandbox; started by import", cmd_reconstruct, FK_NEEDS_NOTHING, true},
    {"scrubd", "", "reads all that is stored again, slowly; started by serve", cmd_scrubd, FK_NEEDS_CONFIG, true},
    {"sign", "", "has the log's key; started by serve and by commands", cmd_sign, FK_NEEDS_CONFIG, true},
    {"stampd", "", "has checkpoints stamped when it is due; started by serve", cmd_stampd, FK_NEEDS_CONFIG, true},
    {"unpack", "ARCHIVE-DESCRIPTOR PIPE-DESCRIPTOR", "reads an archive in a sandbox; started by import", cmd_unpack, FK_NEEDS_NOTHING, true},
    {"watchd", "", "records gaps, sends canaries; started by serve", cmd_watchd, FK_NEEDS_CONFIG, true},
    {"web", "", "has the pages and the API; started by serve", cmd_web, FK_NEEDS_CONFIG, true},

    {NULL, NULL, NULL, NULL, FK_NEEDS_NOTHING, false},
};
/* clang-format on */

const struct fk_command *cli_command(const char *name) {
    for (const struct fk_command *c = fk_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
