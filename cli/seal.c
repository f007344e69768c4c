/* seal.c - closes the active segment and seals every closed one. */
#include "archiver/vault/keep.h"
#include "cli/cli.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

enum { TRIES = 3 };

/* A server that stops may take the question with it; asked again, it does no harm. */
static enum fk_status seal(const struct fk_cli *cli, uint64_t *last_out, struct fk_err *err) {
    enum fk_status st = FK_RETRY;
    for (int i = 0; i < TRIES && st == FK_RETRY; i++) {
        struct fk_keep *keep = NULL;
        st = fk_keep_open(cli->dir, &keep, err);
        if (st == FK_OK)
            st = fk_keep_seal(keep, last_out, err);
        fk_keep_close(&keep);
    }
    return st;
}

int cmd_seal(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct fk_err err = FK_ERR_INIT;
    uint64_t last = 0;
    bool json = false;
    enum fk_status st;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'j')
            return cli_usage("seal", "no such option");
        json = true;
    }
    if (optind < argc)
        return cli_usage("seal", "takes no argument \"%s\"", argv[optind]);
    FK_TRY(seal(cli, &last, &err));
    if (json)
        cli_json_line(json_pack("{s:I}", "sealed", (json_int_t)last));
    else if (last)
        printf("sealed up to segment %" PRIu64 "\n", last);
    else
        printf("nothing to seal\n");
done:
    return st == FK_OK ? 0 : cli_fail(&err);
}
