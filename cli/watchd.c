/* watchd.c - the server's process that watches what should come in: it records the times when
 * nobody was listening, and sends canaries. It has the network, reads the index, and may append
 * facts and gaps; no content, no key. */
#include "base/child.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "cli/canary.h"
#include "cli/config.h"
#include "cli/gaps.h"

#include <poll.h>
#include <string.h>
#include <sys/statvfs.h>

enum { TICK_MS = 1000, RETRY_MS = 60000 };

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct fk_keep *keep;
    struct fk_lend *lend;
    int64_t full_since_ms;                   /* less than the reserve is free; 0: there is more */
    int64_t pause_until_ms[FK_CANARIES_MAX]; /* after one that could not be sent */
    char said[sizeof((struct fk_err *)0)->text];
};

static bool is_stopped(void *ctx) {
    const struct daemon *d = ctx;
    struct pollfd set[2] = {{d->child.control, POLLIN, 0}, {d->child.signals, POLLIN, 0}};
    return poll(set, 2, 0) > 0;
}

/* The same question that the pen asks before each mail. What is not over when the server stops ends
 * there: another gap goes on from it. */
static void disk_look(struct daemon *d, bool stops) {
    struct statvfs v;
    if (statvfs(d->cli->dir, &v) != 0)
        return;
    bool full = (uint64_t)v.f_bavail * v.f_frsize < d->cli->config->disk_reserve;
    if (full && !d->full_since_ms)
        d->full_since_ms = fk_now_ms();
    if ((full && !stops) || !d->full_since_ms)
        return;
    cli_gap_put(d->cli, d->full_since_ms, fk_now_ms(), "full");
    d->full_since_ms = 0;
}

static enum fk_status canary_work(struct daemon *d, size_t i, struct fk_err *err) {
    const struct fk_config_canary *k = &d->cli->config->canaries[i];
    struct cli_canary c;
    struct fk_head head;
    enum fk_status st = FK_OK;
    cli_canary_read(d->cli, k->name, &c);
    if (cli_canary_is_waiting(&c)) {
        FK_TRY(fk_lend_head(d->lend, &head, err));
        FK_TRY(cli_canary_look(d->cli, k, d->keep, &head, &c, err));
    }
    if (!cli_canary_is_due(k, &c) || fk_monotonic_ms() < d->pause_until_ms[i])
        goto done;
    st = cli_canary_send(d->cli, k, d->keep, is_stopped, d, &c, err);
    d->pause_until_ms[i] = st == FK_OK ? 0 : fk_monotonic_ms() + RETRY_MS;
done:
    return st;
}

static void work(struct daemon *d) {
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    disk_look(d, false);
    st = cli_gaps_record(d->cli, d->keep, &err);
    for (size_t i = 0; i < d->cli->config->canary_count && !is_stopped(d); i++)
        if (canary_work(d, i, &err) != FK_OK && st == FK_OK)
            st = err.status;
    if (st == FK_OK)
        d->said[0] = 0;
    else if (strcmp(d->said, err.text) != 0 && !is_stopped(d)) {
        fk_log(FK_LOG_WARNING, "%s", err.text);
        memcpy(d->said, err.text, sizeof d->said);
    }
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    for (;;) {
        struct fk_child_event event;
        enum fk_status st = fk_child_next(&d->child, TICK_MS, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what == FK_CHILD_SOCKET && strcmp(event.name, "lend") == 0)
            fk_lend_reattach(d->lend, event.fd);
        else if (event.what == FK_CHILD_SOCKET)
            fk_keep_reattach(d->keep, event.fd);
        else
            work(d);
    }
}

int cmd_watchd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura watchd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    FK_TRY(fk_confine_core(&err));
    if (d.child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&d.child.keep), &d.keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &d.keep, &err));
    if (d.child.lend >= 0)
        FK_TRY(fk_lend_attach(fk_child_take(&d.child.lend), &d.lend, &err));
    else
        FK_TRY(fk_lend_open(cli->dir, &d.lend, &err));
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
    disk_look(&d, true);
done:
    fk_lend_close(&d.lend);
    fk_keep_close(&d.keep);
    return fk_child_end(&d.child, st, &err);
}
