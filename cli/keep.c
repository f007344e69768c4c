/* keep.c - the pen as a process of its own (archiver/vault/keep_main.h). */
#include "archiver/vault/keep_main.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/config.h"

#include <string.h>

static void notice(const struct fk_err *err) {
    fk_log(FK_LOG_ERROR, "%s", err->text);
}

int cmd_keep(struct fk_cli *cli, int argc, char **argv) {
    struct fk_child child;
    struct fk_err err = FK_ERR_INIT;
    struct fk_keep_options options = {.pen = FK_PEN_OPTIONS};
    options.pen.rotate_bytes = cli->config->segment_size;
    options.pen.reserve_bytes = cli->config->disk_reserve;
    options.pen.zstd_level = cli->config->compression;
    options.pen.every_instance = strcmp(cli->config->single_instance, "off") == 0;
    options.seal_bytes_per_s = cli->config->seal_rate;
    options.notice = notice;
    options.in_flight_bytes = cli->config->in_flight;
    options.mirror = strcmp(cli->config->mirror, "off") != 0 ? cli->config->mirror_dir : NULL;
    options.mirror_sync = strcmp(cli->config->mirror, "sync") == 0;
    fk_log_name("fumikura keep");
    enum fk_status st = fk_child_begin(&child, argc, argv, &err);
    if (st == FK_OK)
        st = fk_keep_main(cli->dir, &options, &child, &err);
    return fk_child_end(&child, st, &err);
}
