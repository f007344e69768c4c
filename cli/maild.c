/* maild.c - the server's process that mails checkpoints. It has the network, and reads what is
 * public: log/ and time/. One address a round, so that it can be stopped between two. */
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/mailing.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 1000 };

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    int64_t pause_until_ms[FK_MAIL_TO_MAX];
    char said[FK_MAIL_TO_MAX][sizeof((struct fk_err *)0)->text]; /* told once each */
};

static bool is_stopped(void *ctx) {
    const struct daemon *d = ctx;
    struct pollfd set[2] = {{d->child.control, POLLIN, 0}, {d->child.signals, POLLIN, 0}};
    return poll(set, 2, 0) > 0;
}

static void look(struct daemon *d, size_t i) {
    const char *to = d->cli->config->mail_to[i];
    struct fk_err why = FK_ERR_INIT;
    struct cli_mailed m;
    uint64_t size;
    if (fk_monotonic_ms() < d->pause_until_ms[i])
        return;
    cli_mailed(d->cli, to, &m);
    if (!cli_mail_is_due(d->cli, &m))
        return;
    enum fk_status st = cli_mail_send(d->cli, to, is_stopped, d, &size, &why);
    if (st == FK_NOT_FOUND || (st != FK_OK && is_stopped(d)))
        return;
    if (st == FK_OK) {
        fk_log(FK_LOG_INFO, "the checkpoint over %" PRIu64 " entries was mailed to %s", size, to);
        d->said[i][0] = 0;
        return;
    }
    d->pause_until_ms[i] = fk_monotonic_ms() + (int64_t)d->cli->config->mail_retry_s * 1000;
    if (!*d->said[i])
        fk_log(FK_LOG_WARNING, "no checkpoint by mail: %s; tried again every %u s", why.text,
               d->cli->config->mail_retry_s);
    snprintf(d->said[i], sizeof d->said[i], "%s", why.text);
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    char **to = d->cli->config->mail_to;
    for (size_t i = 0;; i = *to && to[i + 1] ? i + 1 : 0) {
        struct fk_child_event event;
        if (*to)
            look(d, i);
        enum fk_status st = fk_child_next(&d->child, *to ? TICK_MS : -1, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
    }
}

int cmd_maild(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura maild");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
done:
    return fk_child_end(&d.child, st, &err);
}
