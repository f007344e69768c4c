/*
 * export.h - what an export is of, found and surveyed, and what it says about that.
 *
 *     FK_TRY(cli_export_find(&x, err));          the seqs: of a query (an act), or as named
 *     FK_TRY(cli_export_survey(&x, err));        which of them are there, which are disposed of
 *     FK_TRY(cli_export_report(&x, err));        x.report_text, x.report_json
 *     cli_export_free(&x);
 *
 * Errors: FK_NOT_FOUND nothing was found, or there is no such entry; FK_INVALID a wrong query (told
 * to stderr with its place), or an entry that is no message. Threads: one.
 */
#ifndef FK_CLI_EXPORT_H
#define FK_CLI_EXPORT_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/note.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "search/search.h"
#include "tape-export/package.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_export {
    struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    const char *to, *keys_to, *reason;
    bool json, sealed, mbox, by_seq;
    bool ledger; /* no package, but a table of transactions; to: its file, NULL for stdout */
    char person[128];
    struct fk_buf query; /* words as given */
    struct fk_search_options search;
    struct fk_seqs named; /* what was asked for */

    struct fk_seqs messages; /* of them, what has a content */
    struct fk_seqs entries;  /* what is disposed of, the dispose entries that say so, and those of
                              * facts */
    struct fk_package_fact *facts; /* of the messages: where they are from, in the newest entry */
    size_t fact_count;
    struct fk_seqs erased;   /* of those, the messages */
    json_t *coverage;        /* of the search; NULL by seqs */
    struct fk_buf canonical; /* query as understood */
    struct fk_head head;
    uint64_t mails, disposed, in_range; /* in the ledger; disposed of among those of the dates */
    struct fk_checkpoint checkpoint;
    struct fk_buf note, report_text, report_json;
};
FK_CHECKED enum fk_status cli_export_find(struct cli_export *x, struct fk_err *err);
FK_CHECKED enum fk_status cli_export_survey(struct cli_export *x, struct fk_err *err);
FK_CHECKED enum fk_status cli_export_report(struct cli_export *x, struct fk_err *err);
/* The table of transactions (ledger_table.c). */
FK_CHECKED enum fk_status cli_export_ledger(struct cli_export *x, struct fk_err *err);
void cli_export_free(struct cli_export *x);

#ifdef __cplusplus
}
#endif
#endif
