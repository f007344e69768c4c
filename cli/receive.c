/* receive.c - `fumikura receive`: the process that takes mail in; started by serve. */
#include "archiver/intake/receive.h"
#include "base/confine.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/listeners.h"

#include <stdlib.h>

static void tell(void *ctx, bool bad, const char *text) {
    (void)ctx;
    fk_log(bad ? FK_LOG_WARNING : FK_LOG_INFO, "%s", text);
}

int cmd_receive(struct fk_cli *cli, int argc, char **argv) {
    enum fk_status st;
    struct fk_err err = FK_ERR_INIT;
    struct fk_child child;
    struct fk_receive *receive = NULL;
    struct fk_keep *keep = NULL;
    const struct fk_config *c = cli->config;
    struct fk_gate_options *gates = NULL;
    struct fk_receive_options options = {.smtp = (const char *const *)c->smtp,
                                         .lmtp = (const char *const *)c->lmtp,
                                         .hostname = c->hostname,
                                         .source = c->source,
                                         .floor = c->floor,
                                         .journal_from = (const char *const *)c->journal_from,
                                         .size_limit = c->size_limit,
                                         .in_flight = c->in_flight,
                                         .connections = c->connections,
                                         .command_timeout_s = c->command_timeout_s,
                                         .data_timeout_s = c->data_timeout_s,
                                         .gate_count = c->listener_count,
                                         .tell = tell};
    fk_log_name("fumikura receive");
    FK_TRY(fk_child_begin(&child, argc, argv, &err));
    FK_TRY(fk_confine_core(&err)); /* mail in the clear, and keys of certificates */
    FK_TRY(cli_listeners(c, &gates, &err));
    options.gates = gates;
    options.inherited = child.inherited;
    options.inherited_count = child.inherited_count;
    FK_TRY(fk_receive_open(&options, &receive, &err));
    if (child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&child.keep), &keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &keep, &err));
    FK_TRY(fk_child_ready(&child, fk_receive_addresses(receive), &err));
    st = fk_receive_run(receive, keep, &child, &err);
done:
    fk_keep_close(&keep);
    fk_receive_close(&receive);
    free(gates);
    return fk_child_end(&child, st, &err);
}
