/* import.c - `fumikura import PATH...`: a line a message, what could not be read to stderr. */
#include "archiver/intake/import.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct output {
    bool json;
};

static void kept(void *ctx, const char *path, const struct fk_receipt *r) {
    const struct output *out = ctx;
    if (!out->json) {
        printf("%" PRIu64 "\t%s\n", r->seq, r->c256);
        return;
    }
    json_t *j = json_object();
    json_object_set_new(j, "seq", cli_json_number(r->seq));
    json_object_set_new(j, "c256", json_string(r->c256));
    json_object_set_new(j, "path", cli_json_text(path, strlen(path)));
    cli_json_line(j);
}

static void refused(void *ctx, const char *path, const char *reason) {
    (void)ctx;
    cli_progress_end();
    fprintf(stderr, "fumikura: %s: not imported: %s\n", path, reason);
}

static void skipped(void *ctx, const char *dir, uint64_t count, const char *first,
                    const char *rule) {
    (void)ctx;
    cli_progress_end();
    fprintf(stderr, "fumikura: %s: %" PRIu64 " %s not looked at (\"%s\"%s): %s\n", dir, count,
            count == 1 ? "name" : "names", first, count == 1 ? "" : " and others", rule);
}

static void progress(void *ctx, uint64_t done, uint64_t all) {
    (void)ctx;
    cli_progress("bytes", done, all);
}

int cmd_import(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct output out = {false};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'j')
            return cli_usage("import", "no such option");
        out.json = true;
    }
    if (optind == argc)
        return cli_usage("import", "expected a file, a mailbox or a directory");
    const struct fk_import_options import = {.dir = cli->dir,
                                             .source = cli->config->source,
                                             .floor = cli->config->floor,
                                             .size_limit = cli->config->in_flight,
                                             .kept = kept,
                                             .refused = refused,
                                             .skipped = skipped,
                                             .progress = isatty(STDERR_FILENO) ? progress : NULL,
                                             .ctx = &out};
    struct fk_import_sum sum = {0};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = fk_import(&import, (const char *const *)(argv + optind),
                                  (size_t)(argc - optind), &sum, &err);
    cli_progress_end();
    if (st != FK_OK) {
        int rc = cli_fail(&err);
        fprintf(stderr,
                "fumikura: stopped: %" PRIu64 " messages were imported and told above, no other\n",
                sum.kept);
        return rc;
    }
    if (sum.refused)
        fprintf(stderr,
                "fumikura: %" PRIu64 " messages imported, %" PRIu64 " files or messages not\n",
                sum.kept, sum.refused);
    return sum.refused ? 1 : 0;
}
