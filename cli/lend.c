/* lend.c - the reading desk as a process of its own (archiver/vault/lend_main.h). */
#include "archiver/vault/lend_main.h"
#include "base/log.h"
#include "base/priority.h"
#include "cli/cli.h"

int cmd_lend(struct fk_cli *cli, int argc, char **argv) {
    struct fk_child child;
    struct fk_err err = FK_ERR_INIT;
    fk_log_name("fumikura lend");
    enum fk_status st = fk_child_begin(&child, argc, argv, &err);
    if (child.control >= 0) /* the server's: a command's desk has its priority */
        fk_priority_step_behind();
    if (st == FK_OK)
        st = fk_lend_main(cli->dir, &child, &err);
    return fk_child_end(&child, st, &err);
}
