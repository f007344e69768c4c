/*
 * import_report.h - what an import tells: a line a message to stdout, what has failed to stderr,
 * all of it to a report, a bar to a terminal, and a sum.
 *
 *     FK_TRY(cli_import_report_open(&report, path, again, err));
 *     options.told = cli_import_told; options.ctx = &report; ...
 *     cli_import_sum(&report, &sum);
 *     st = cli_import_report_close(&report, err);
 *
 * The report has JSON Lines (docs/import.md). Threads: one at a time.
 */
#ifndef FK_CLI_IMPORT_REPORT_H
#define FK_CLI_IMPORT_REPORT_H
#include "archiver/intake/import.h"
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

struct cli_import_report {
    bool json;        /* of stdout */
    const char *path; /* NULL: no report */
    FILE *file;
    int64_t began_ms;
};

/* again: goes on at the end of the file. */
FK_CHECKED enum fk_status cli_import_report_open(struct cli_import_report *r, const char *path,
                                                 bool again, struct fk_err *err);
FK_CHECKED enum fk_status cli_import_report_close(struct cli_import_report *r, struct fk_err *err);

/* For struct fk_import_options, ctx a struct cli_import_report. */
void cli_import_told(void *ctx, const struct fk_import_told *told);
void cli_import_skipped(void *ctx, const char *dir, uint64_t count, const char *first,
                        const char *rule);
void cli_import_progress(void *ctx, uint64_t done, uint64_t all, uint64_t messages);
/* To the report's end, and as a line to stderr where that is of use. */
void cli_import_sum(struct cli_import_report *r, const struct fk_import_sum *sum);

#ifdef __cplusplus
}
#endif
#endif
