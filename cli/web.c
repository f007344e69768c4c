/* web.c - `fumikura web`: the process that has the pages and the API; started by serve. */
#include "base/child.h"
#include "base/log.h"
#include "base/priority.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "search/routes.h"

#include <stdio.h>
#include <string.h>

/* Until told to stop; a pen or desk that was started anew gets its place. */
static enum fk_status run(struct fk_child *child, struct fk_web *web, struct fk_err *err) {
    for (;;) {
        struct fk_child_event event;
        enum fk_status st = fk_child_next(child, -1, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what != FK_CHILD_SOCKET)
            continue;
        if (strcmp(event.name, "keep") == 0)
            fk_web_reattach_keep(web, event.fd);
        else
            fk_web_reattach_lend(web, event.fd);
    }
}

int cmd_web(struct fk_cli *cli, int argc, char **argv) {
    enum fk_status st;
    struct fk_err err = FK_ERR_INIT;
    struct fk_child child;
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_web *web = NULL;
    char address[80];
    const char *const addresses[] = {address, NULL};
    const struct fk_config *c = cli->config;
    struct fk_web_options options = {.dir = cli->dir,
                                     .address = c->web,
                                     .zone_minutes = c->zone_minutes,
                                     .domains = c->domains,
                                     .search_ms = (int64_t)c->search_time_s * 1000,
                                     .index = FK_INDEX_OPTIONS};
    options.index.seconds = c->index_time_s;
    options.index.memory_bytes = c->index_memory;
    options.index.names_only = strcmp(c->attachments, "off") == 0;
    fk_log_name("fumikura web");
    FK_TRY(fk_child_begin(&child, argc, argv, &err));
    fk_priority_step_behind();
    if (child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&child.keep), &keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &keep, &err));
    if (child.lend >= 0)
        FK_TRY(fk_lend_attach(fk_child_take(&child.lend), &lend, &err));
    else
        FK_TRY(fk_lend_open(cli->dir, &lend, &err));
    FK_TRY(fk_web_open(&options, keep, lend, &web, &err));
    (void)snprintf(address, sizeof address, "web=%s", fk_web_address(web));
    FK_TRY(fk_child_ready(&child, addresses, &err));
    st = run(&child, web, &err);
done:
    fk_web_close(&web);
    fk_lend_close(&lend);
    fk_keep_close(&keep);
    return fk_child_end(&child, st, &err);
}
