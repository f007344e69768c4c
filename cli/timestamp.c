/* timestamp.c - time stamps by command, and the server's process that has them made when they are
 * due. Each authority is asked by itself: one that is away delays the others by its time limit and
 * keeps none from stamping.
 */
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/checkpoint.h"
#include "cli/config.h"
#include "cli/stamping.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 1000, TROUBLE_MS = 300000, SLOW_MS = 3600000 };

static struct fk_stamping stamping_of(const struct fk_cli *cli, struct fk_keep *keep, size_t i,
                                      void (*notice)(const struct fk_err *)) {
    const struct fk_config *c = cli->config;
    return (struct fk_stamping){cli->dir, keep, c->timestamp[i],
                                *c->timestamp_roots ? c->timestamp_roots : NULL, notice};
}

/* Authorities by when the certificates of their newest stamp end, the last first: a renewal by the
 * one whose certificates are about to end would gain nothing. */
static size_t by_end(const struct fk_cli *cli, size_t order[FK_AUTHORITIES_MAX]) {
    int64_t ends_ms[FK_AUTHORITIES_MAX] = {0};
    size_t n = 0;
    for (; cli->config->timestamp[n]; n++) {
        struct fk_stamp_newest newest;
        struct fk_err why = FK_ERR_INIT;
        size_t at = n;
        if (fk_stamps_newest(cli->dir, cli->config->timestamp[n], n == 0, &newest, &why) != FK_OK ||
            fk_stamps_ends(cli->dir, newest.name, &ends_ms[n], &why) != FK_OK)
            ends_ms[n] = 0; /* it has stamped nothing yet */
        for (; at > 0 && ends_ms[order[at - 1]] < ends_ms[n]; at--)
            order[at] = order[at - 1];
        order[at] = n;
    }
    return n;
}

/* One renewal, by the first authority that gives it. */
static enum fk_status renew(const struct fk_cli *cli, struct fk_keep *keep, bool all,
                            void (*notice)(const struct fk_err *), size_t *by,
                            struct fk_stamp_made *made, struct fk_err *err) {
    enum fk_status st = FK_NOT_FOUND;
    size_t order[FK_AUTHORITIES_MAX];
    const size_t n = by_end(cli, order);
    for (size_t i = 0; i < n; i++) {
        const struct fk_stamping s = stamping_of(cli, keep, order[i], notice);
        st = fk_renewal_make(&s, all, made, err);
        *by = order[i];
        if (st == FK_OK || st == FK_NOT_FOUND)
            return st;
        if (i + 1 < n)
            notice(err);
    }
    return st;
}

/* ---- the command */

static void on_notice(const struct fk_err *err) {
    fprintf(stderr, "fumikura: %s\n", err->text);
}

static void made_print(const char *url, const struct fk_stamp_made *made, bool renewed, bool json) {
    char when[FK_TIME_SIZE];
    fk_time_format(when, made->time_ms);
    if (json)
        cli_json_line(json_pack("{s:s, s:s, s:o, s:s, s:o, s:b}", "stamp", made->name, "authority",
                                url, "size", cli_json_number(made->size), "stamped", when, "entry",
                                cli_json_number(made->anchor), "crl", (int)made->has_crl));
    else if (renewed)
        printf("the stamps of the first %" PRIu64 " entries were renewed at %s; entry %" PRIu64
               " holds it: %s\n",
               made->size, when, made->anchor, made->name);
    else
        printf("the first %" PRIu64 " entries were stamped at %s; entry %" PRIu64 " holds it: %s\n",
               made->size, when, made->anchor, made->name);
}

/* All are asked; the first that failed gives the exit status. */
static enum fk_status stamp_all(const struct fk_cli *cli, struct fk_keep *keep, bool json,
                                struct fk_err *err) {
    enum fk_status first = FK_OK;
    for (size_t i = 0; cli->config->timestamp[i]; i++) {
        const struct fk_stamping s = stamping_of(cli, keep, i, on_notice);
        struct fk_stamp_made made;
        struct fk_err why = FK_ERR_INIT;
        enum fk_status st = fk_stamps_make(&s, &made, &why);
        cli_authority_trouble(cli, s.url, st == FK_OK ? NULL : &why);
        if (st == FK_OK)
            made_print(s.url, &made, false, json);
        else if (first == FK_OK)
            first = fk_fail(err, st, "%s", why.text);
        else
            on_notice(&why);
    }
    return first;
}

struct wanted {
    bool json, renew, all;
};

static enum fk_status timestamp(struct fk_cli *cli, const struct wanted *w, struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_head head;
    struct fk_checkpoint c;
    struct fk_stamp_made made;
    size_t by = 0;
    enum fk_status st;
    if (!*cli->config->timestamp)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: timestamp names no authority", cli->config_path));
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    FK_TRY(cli_checkpoint_get(cli, lend, head.next_seq, &c, &note, err));
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    const struct fk_stamping first = stamping_of(cli, keep, 0, on_notice);
    fk_stamps_crls(&first); /* before: a renewal is to list them */
    if (w->renew) {
        FK_TRY(renew(cli, keep, w->all, on_notice, &by, &made, err));
        made_print(cli->config->timestamp[by], &made, true, w->json);
    } else {
        st = stamp_all(cli, keep, w->json, err);
    }
done:
    fk_keep_close(&keep);
    fk_lend_close(&lend);
    fk_buf_free(&note);
    return st;
}

int cmd_timestamp(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"renew", no_argument, NULL, 'r'},
                                            {"all", no_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    struct fk_err err = FK_ERR_INIT;
    struct wanted w = {false, false, false};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            w.json = true;
        else if (o == 'r')
            w.renew = true;
        else if (o == 'a')
            w.all = true;
        else
            return cli_usage("timestamp", "no such option");
    }
    if (w.all && !w.renew)
        return cli_usage("timestamp", "--all says what --renew is to list");
    if (optind < argc)
        return cli_usage("timestamp", "takes no argument \"%s\"", argv[optind]);
    return timestamp(cli, &w, &err) == FK_OK ? cli_finish(0) : cli_fail(&err);
}

/* ---- the server's process */

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct fk_keep *keep;
    struct {
        int64_t pause_until_ms;
        bool told; /* that something is in its way */
    } authority[FK_AUTHORITIES_MAX];
    int64_t slow_at_ms; /* when renewal and revocation lists are looked at next */
    bool told;          /* that there is no renewal */
};

static void on_warning(const struct fk_err *err) {
    fk_log(FK_LOG_WARNING, "%s", err->text);
}

/* FK_NOT_FOUND: nothing is to be stamped. */
static enum fk_status stamp_if_due(struct daemon *d, size_t i, struct fk_err *err) {
    const struct fk_stamping s = stamping_of(d->cli, d->keep, i, on_warning);
    const int64_t interval_ms = (int64_t)d->cli->config->timestamp_interval_s * 1000;
    struct fk_stamp_newest newest;
    struct fk_stamp_made made;
    enum fk_status st;
    FK_TRY(fk_stamps_newest(d->cli->dir, s.url, i == 0, &newest, err));
    if (newest.time_ms && fk_now_ms() - newest.time_ms < interval_ms)
        return FK_NOT_FOUND;
    FK_TRY(fk_stamps_make(&s, &made, err));
    d->slow_at_ms = 0;
done:
    return st;
}

static void look(struct daemon *d, size_t i) {
    const char *url = d->cli->config->timestamp[i];
    struct fk_err why = FK_ERR_INIT;
    if (fk_monotonic_ms() < d->authority[i].pause_until_ms)
        return;
    enum fk_status st = stamp_if_due(d, i, &why);
    if (st == FK_NOT_FOUND)
        return;
    cli_authority_trouble(d->cli, url, st == FK_OK ? NULL : &why);
    if (st != FK_OK) {
        d->authority[i].pause_until_ms = fk_monotonic_ms() + TROUBLE_MS;
        if (!d->authority[i].told)
            fk_log(FK_LOG_WARNING, "no time stamp: %s", why.text);
    }
    d->authority[i].told = st != FK_OK;
}

static enum fk_status renew_if_due(struct daemon *d, struct fk_err *err) {
    const int64_t interval_ms = (int64_t)d->cli->config->timestamp_interval_s * 1000;
    struct fk_renewal_state state;
    struct fk_stamp_made made;
    size_t by;
    enum fk_status st;
    FK_TRY(fk_renewal_look(d->cli->dir, &state, err));
    if (!cli_renewal_is_due(d->cli, &state) || fk_now_ms() - state.renewed_ms < interval_ms)
        return FK_OK;
    FK_TRY(renew(d->cli, d->keep, false, on_warning, &by, &made, err));
    fk_log(FK_LOG_INFO, "time stamps were renewed: %s", made.name);
done:
    return st;
}

/* Once an hour, and after each stamp. */
static void look_slowly(struct daemon *d) {
    struct fk_err why = FK_ERR_INIT;
    if (fk_monotonic_ms() < d->slow_at_ms)
        return;
    d->slow_at_ms = fk_monotonic_ms() + SLOW_MS;
    const struct fk_stamping first = stamping_of(d->cli, d->keep, 0, on_warning);
    fk_stamps_crls(&first);
    enum fk_status st = renew_if_due(d, &why);
    if (st != FK_OK && !d->told)
        fk_log(FK_LOG_WARNING, "time stamps were not renewed: %s", why.text);
    d->told = st != FK_OK;
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    char **urls = d->cli->config->timestamp;
    for (;;) {
        struct fk_child_event event;
        for (size_t i = 0; urls[i]; i++)
            look(d, i);
        if (*urls)
            look_slowly(d);
        enum fk_status st = fk_child_next(&d->child, *urls ? TICK_MS : -1, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what == FK_CHILD_SOCKET) {
            fk_keep_reattach(d->keep, event.fd);
            for (size_t i = 0; urls[i]; i++)
                d->authority[i].pause_until_ms = 0;
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
