/* authd.c - the server's process that has messages checked soon after they came (docs/auth.md). It
 * has no network itself: the resolver that it runs has, and sees no message. */
#include "archiver/auth/follow.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/priority.h"
#include "cli/config.h"
#include "cli/evidence.h"
#include "cli/inside.h"
#include "cli/judging.h"
#include "cli/trouble.h"

#include <limits.h>
#include <string.h>

enum { TICK_MS = 500, TROUBLE_MS = 2000, BATCH_MS = 5000 };
enum { INSIDE_S = 5 }; /* CPU time to find the message in a report; everything else waits for it */

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct fk_keep *keep;
    struct fk_lend *lend;
    struct fk_follow *follow; /* NULL until it could begin */
    struct fk_follow_options options;
    struct cli_insides insides;
    char program[PATH_MAX];
    bool is_confined;
    /* What run/ says: an earlier process may have left anything there. */
    enum { UNKNOWN, CLEAR, TROUBLE } told, told_dns;
};

static void trouble(struct daemon *d, const struct fk_err *why) {
    if (d->told == (why ? TROUBLE : CLEAR))
        return;
    cli_trouble_put(d->cli, CLI_JUDGING_TROUBLE, why);
    if (why)
        fk_log(FK_LOG_WARNING, "not checked where messages are from: %s", why->text);
    d->told = why ? TROUBLE : CLEAR;
}

/* Which names they are is not told: run/ is not sealed. */
static void resolver_watch(struct daemon *d) {
    const unsigned n = d->follow ? fk_follow_unanswered(d->follow) : 0;
    struct fk_err why = FK_ERR_INIT;
    const bool bad = n >= CLI_UNANSWERED_MANY;
    if (d->told_dns == (bad ? TROUBLE : CLEAR))
        return;
    if (bad)
        (void)!fk_fail(&why, FK_IO,
                       "the resolver (%s) has not answered for the last names, %u and more: see "
                       "that it runs and may be asked, or set auth-resolver",
                       d->options.resolver, n);
    cli_trouble_put(d->cli, CLI_JUDGING_DNS, bad ? &why : NULL);
    if (bad)
        fk_log(FK_LOG_WARNING, "%s", why.text);
    d->told_dns = bad ? TROUBLE : CLEAR;
}

static enum fk_status options_make(struct daemon *d, struct fk_err *err) {
    const struct fk_config *c = d->cli->config;
    d->options = (struct fk_follow_options){.dir = d->cli->dir,
                                            .keep = d->keep,
                                            .lend = d->lend,
                                            .resolver = *c->auth_resolver ? c->auth_resolver
                                                                          : "of the system",
                                            .clients = c->auth_clients,
                                            .inside = cli_inside_find,
                                            .inside_ctx = &d->insides,
                                            .retry_ms = (int64_t)c->auth_retry_s * 1000,
                                            .batch_ms = BATCH_MS};
    d->insides.options = (struct fk_index_options)FK_INDEX_OPTIONS;
    d->insides.options.seconds = c->auth_time_s < INSIDE_S ? c->auth_time_s : INSIDE_S;
    return cli_checker_options(d->cli, false, d->program, sizeof d->program, &d->options.checker,
                               err);
}

/* How long to rest. What is not of the moment ends the process, and serve starts it anew. */
static enum fk_status work(struct daemon *d, int *rest_ms, struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool idle = true;
    if (!d->follow)
        st = fk_follow_open(&d->options, &d->follow, err);
    if (st == FK_OK && !d->is_confined) { /* the resolver runs, and minds itself */
        st = fk_confine_network(err);
        d->is_confined = st == FK_OK;
    }
    if (st == FK_OK)
        st = fk_follow_step(d->follow, &idle, err);
    *rest_ms = st != FK_OK ? TROUBLE_MS : idle ? TICK_MS : 0;
    trouble(d, st == FK_OK ? NULL : err);
    resolver_watch(d);
    return st == FK_RETRY || st == FK_FULL ? FK_OK : st;
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    const bool on = strcmp(d->cli->config->auth_check, "on") == 0;
    for (;;) {
        struct fk_child_event event;
        int rest_ms = -1;
        enum fk_status st = on ? work(d, &rest_ms, err) : FK_OK;
        if (st == FK_OK)
            st = fk_child_next(&d->child, rest_ms, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what != FK_CHILD_SOCKET)
            continue;
        if (strcmp(event.name, "keep") == 0)
            fk_keep_reattach(d->keep, event.fd);
        else
            fk_lend_reattach(d->lend, event.fd);
        if (d->follow)
            fk_follow_again(d->follow);
    }
}

int cmd_authd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT, late = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura authd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    fk_priority_step_behind();
    FK_TRY(fk_confine_core(&err));
    if (d.child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&d.child.keep), &d.keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &d.keep, &err));
    if (d.child.lend >= 0)
        FK_TRY(fk_lend_attach(fk_child_take(&d.child.lend), &d.lend, &err));
    else
        FK_TRY(fk_lend_open(cli->dir, &d.lend, &err));
    if (strcmp(cli->config->auth_check, "on") == 0)
        st = options_make(&d, &err);
    if (st != FK_OK) {
        trouble(&d, &err);
        goto done;
    }
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
    if (fk_follow_close(&d.follow, &late) != FK_OK) /* it is checked again after the next start */
        fk_log(FK_LOG_WARNING, "what was found last is not written: %s", late.text);
done:
    cli_insides_close(&d.insides);
    fk_keep_close(&d.keep);
    fk_lend_close(&d.lend);
    return fk_child_end(&d.child, st, &err);
}
