/*
 * cli.h - what every command is given, and the table of commands.
 *
 * A command parses its own options with getopt_long (argv[0] is its name), prints its result to
 * stdout, its error to stderr with cli_fail, and returns the exit status: 0 done, 1 findings,
 * 2 usage, 75 try again. --help is answered before a command runs.
 */
#ifndef FK_CLI_H
#define FK_CLI_H
#include "base/buf.h"
#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_config; /* cli/config.h */

struct fk_cli {
    const char *config_path;  /* the file, absolute, once found */
    char dir[4096];           /* the vault's directory: where the configuration is */
    struct fk_config *config; /* NULL for commands that need none */
};

/* The table is cli/commands.c: a command's owner adds its line there. */
enum fk_command_needs {
    FK_NEEDS_NOTHING,
    FK_TAKES_CONFIG, /* where one was named or the system has one; else config is NULL */
    FK_NEEDS_CONFIG
};
struct fk_command {
    const char *name, *args, *summary;
    int (*run)(struct fk_cli *cli, int argc, char **argv);
    enum fk_command_needs needs;
    bool hidden; /* a process that serve starts: not listed by help */
};
extern const struct fk_command fk_commands[]; /* ended by a NULL name */
const struct fk_command *cli_command(const char *name);

int cli_fail(const struct fk_err *err);                  /* "fumikura: ..." ; exit status */
int cli_usage(const char *command, const char *fmt, ...) /* what is wrong, then the usage; 2 */
    __attribute__((format(printf, 2, 3)));

/* Dates on the command line, of the forms that queries take (in the configured zone), with
 * end_of_period for the last moment of what was said. False when it is none. */
bool cli_date(const char *text, bool end_of_period, int offset_minutes, int64_t *ms_out);

/* Prints somebody's words on one line: a control character, which could move the cursor, is "?". */
void cli_print_text(const char *text);

/* Whether a new file can be made there, so that nothing is done in vain: FK_INVALID where not. */
FK_CHECKED enum fk_status cli_new_file_check(const char *path, struct fk_err *err);

/* Flushes stdout; what could not be written (a full disk, say) makes the command fail. */
int cli_finish(int exit_status);

/* A progress bar on stderr when it is a terminal; nothing otherwise. */
void cli_progress(const char *what, uint64_t done, uint64_t all);
/* The same for a line of the caller's own; told often it is shown ten times a second, and always
 * with is_last. */
bool cli_progress_is_due(bool is_last);
void cli_progress_line(const char *text);
void cli_progress_end(void);

/* Brings the index, where there is one, up to the ledger's head, and waits until it is there. */
FK_CHECKED enum fk_status cli_index_follow(struct fk_cli *cli, struct fk_err *err);

/* The configuration that init writes, appended. */
void cli_config_default(struct fk_buf *out);

int cmd_init(struct fk_cli *, int, char **);
int cmd_serve(struct fk_cli *, int, char **);
int cmd_canary(struct fk_cli *, int, char **);
int cmd_deliver(struct fk_cli *, int, char **);
int cmd_export(struct fk_cli *, int, char **);
int cmd_import(struct fk_cli *, int, char **);
int cmd_index(struct fk_cli *, int, char **);
int cmd_match(struct fk_cli *, int, char **);
int cmd_mirror(struct fk_cli *, int, char **);
int cmd_reconcile(struct fk_cli *, int, char **);
int cmd_rejected(struct fk_cli *, int, char **);
int cmd_reindex(struct fk_cli *, int, char **);
int cmd_rerun(struct fk_cli *, int, char **);
int cmd_search(struct fk_cli *, int, char **);
int cmd_show(struct fk_cli *, int, char **);
int cmd_verify(struct fk_cli *, int, char **);
int cmd_checkpoint(struct fk_cli *, int, char **);
int cmd_thread(struct fk_cli *, int, char **);
int cmd_timestamp(struct fk_cli *, int, char **);
int cmd_keys(struct fk_cli *, int, char **);
int cmd_seal(struct fk_cli *, int, char **);
int cmd_hold(struct fk_cli *, int, char **);
int cmd_retention(struct fk_cli *, int, char **);
int cmd_tape(struct fk_cli *, int, char **);
int cmd_transaction(struct fk_cli *, int, char **);
int cmd_audit(struct fk_cli *, int, char **);
int cmd_status(struct fk_cli *, int, char **);
int cmd_doctor(struct fk_cli *, int, char **);
int cmd_witness(struct fk_cli *, int, char **);
/* processes that serve starts */
int cmd_keep(struct fk_cli *, int, char **);
int cmd_lend(struct fk_cli *, int, char **);
int cmd_sign(struct fk_cli *, int, char **);
int cmd_logd(struct fk_cli *, int, char **);
int cmd_authd(struct fk_cli *, int, char **);
int cmd_scrubd(struct fk_cli *, int, char **);
int cmd_stampd(struct fk_cli *, int, char **);
int cmd_cosignd(struct fk_cli *, int, char **);
int cmd_imapd(struct fk_cli *, int, char **);
int cmd_maild(struct fk_cli *, int, char **);
int cmd_milter(struct fk_cli *, int, char **);
int cmd_watchd(struct fk_cli *, int, char **);
int cmd_receive(struct fk_cli *, int, char **);
int cmd_web(struct fk_cli *, int, char **);
int cmd_indexd(struct fk_cli *, int, char **);
int cmd_unsearchable(struct fk_cli *, int, char **);
int cmd_index_extract(struct fk_cli *, int, char **);
int cmd_index_worker(struct fk_cli *, int, char **);
/* processes that import starts */
int cmd_reconstruct(struct fk_cli *, int, char **);
int cmd_unpack(struct fk_cli *, int, char **);

#ifdef __cplusplus
}
#endif
#endif
