/* reconstruct.c - the process that has readpst read a PST file for an import. */
#include "archiver/intake/reconstruct.h"
#include "cli/cli.h"

#include <stdlib.h>

int cmd_reconstruct(struct fk_cli *cli, int argc, char **argv) {
    struct fk_err err = FK_ERR_INIT;
    (void)cli;
    if (argc != 4)
        return cli_usage("reconstruct", "it is started by import");
    return fk_reconstruct_main(atoi(argv[1]), argv[2], (unsigned)atoi(argv[3]), &err) == FK_OK
               ? 0
               : cli_fail(&err);
}
