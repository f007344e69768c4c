/* unpack.c - the process that opens archives for an import. */
#include "archiver/intake/unpack.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

int cmd_unpack(struct fk_cli *cli, int argc, char **argv) {
    struct fk_err err = FK_ERR_INIT;
    (void)cli;
    if (argc != 3)
        return cli_usage("unpack", "it is started by import, with two descriptors");
    const int rc = fk_unpack_main(atoi(argv[1]), atoi(argv[2]), &err) == FK_OK ? 0 : cli_fail(&err);
    _exit(rc); /* in its box nothing can be looked at when it ends, as a search for leaks would */
}
