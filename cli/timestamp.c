/* timestamp.c - a time stamp by command, and the server's process that has one made when it is due.
 */
#include "archiver/vault/stamps.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/checkpoint.h"
#include "cli/config.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 1000, TROUBLE_MS = 300000, FAR_MS = 300000 };

static const char *roots_of(const struct fk_config *c) {
    return *c->timestamp_roots ? c->timestamp_roots : NULL;
}

/* ---- the command */

static enum fk_status timestamp(struct fk_cli *cli, bool json, struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_head head;
    struct fk_checkpoint c;
    struct fk_stamp_made made;
    char when[FK_TIME_SIZE];
    enum fk_status st;
    if (!*cli->config->timestamp)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: timestamp names no authority", cli->config_path));
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    FK_TRY(cli_checkpoint_get(cli, lend, head.next_seq, &c, &note, err));
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    FK_TRY(
        fk_stamps_make(cli->dir, keep, cli->config->timestamp, roots_of(cli->config), &made, err));
    fk_time_format(when, made.time_ms);
    if (json)
        cli_json_line(json_pack("{s:s, s:o, s:s, s:o}", "stamp", made.name, "size",
                                cli_json_number(made.size), "stamped", when, "entry",
                                cli_json_number(made.anchor)));
    else
        printf("the first %" PRIu64 " entries were stamped at %s; entry %" PRIu64 " holds it: %s\n",
               made.size, when, made.anchor, made.name);
done:
    fk_keep_close(&keep);
    fk_lend_close(&lend);
    fk_buf_free(&note);
    return st;
}

int cmd_timestamp(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct fk_err err = FK_ERR_INIT;
    bool json = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'j')
            return cli_usage("timestamp", "no such option");
        json = true;
    }
    if (optind < argc)
        return cli_usage("timestamp", "takes no argument \"%s\"", argv[optind]);
    return timestamp(cli, json, &err) == FK_OK ? cli_finish(0) : cli_fail(&err);
}

/* ---- the server's process */

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct fk_keep *keep;
    int64_t pause_until_ms;
    bool told; /* that the authority is away */
};

/* A clock that was set wrong shows in the entries' times; a stamp is where it can be seen. */
static void clock_compare(int64_t stamped_ms) {
    const int64_t off = fk_now_ms() - stamped_ms;
    if (off > FAR_MS || off < -FAR_MS)
        fk_log(FK_LOG_WARNING, "this machine's clock is %lld s off the authority's",
               (long long)(off / 1000));
}

static enum fk_status look(struct daemon *d, struct fk_err *err) {
    const struct fk_config *c = d->cli->config;
    struct fk_stamp_made made;
    int64_t newest;
    enum fk_status st;
    FK_TRY(fk_stamps_newest(d->cli->dir, &newest, err));
    if (newest && fk_now_ms() - newest < (int64_t)c->timestamp_interval_s * 1000)
        return FK_OK;
    st = fk_stamps_make(d->cli->dir, d->keep, c->timestamp, roots_of(c), &made, err);
    if (st == FK_NOT_FOUND)
        return FK_OK; /* no checkpoint yet */
    if (st == FK_OK) {
        clock_compare(made.time_ms);
        d->told = false;
    }
done:
    return st;
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    for (;;) {
        struct fk_child_event event;
        struct fk_err why = FK_ERR_INIT;
        if (*d->cli->config->timestamp && fk_monotonic_ms() >= d->pause_until_ms &&
            look(d, &why) != FK_OK) {
            d->pause_until_ms = fk_monotonic_ms() + TROUBLE_MS;
            if (!d->told)
                fk_log(FK_LOG_WARNING, "no time stamp: %s", why.text);
            d->told = true;
        }
        enum fk_status st = fk_child_next(&d->child, TICK_MS, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what == FK_CHILD_SOCKET) {
            fk_keep_reattach(d->keep, event.fd);
            d->pause_until_ms = 0;
        }
    }
}

int cmd_stampd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura stampd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    if (d.child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&d.child.keep), &d.keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &d.keep, &err));
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
done:
    fk_keep_close(&d.keep);
    return fk_child_end(&d.child, st, &err);
}
