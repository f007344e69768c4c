/* canary_command.c - `fumikura canary status | send NAME [--wait]`. */
#include "base/clock.h"
#include "cli/canary.h"
#include "cli/config.h"
#include "cli/server.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { PAUSE_MS = 300, GRACE_MS = 30000 };

static const struct fk_config_canary *canary_find(const struct fk_config *c, const char *name) {
    for (size_t i = 0; i < c->canary_count; i++)
        if (strcmp(c->canaries[i].name, name) == 0)
            return &c->canaries[i];
    return NULL;
}

/* A server's watchd looks itself; without one it is done here. */
static enum fk_status look_once(struct fk_cli *cli, const struct fk_config_canary *k,
                                struct cli_canary *c, struct fk_err *err) {
    struct cli_server server;
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_head head;
    enum fk_status st = FK_OK;
    cli_server_ask(cli->dir, &server);
    if (server.running) {
        cli_canary_read(cli, k->name, c);
        return FK_OK;
    }
    FK_TRY(cli_index_follow(cli, err));
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    st = cli_canary_look(cli, k, keep, &head, c, err);
done:
    fk_keep_close(&keep);
    fk_lend_close(&lend);
    return st;
}

static enum fk_status arrival_wait(struct fk_cli *cli, const struct fk_config_canary *k,
                                   struct cli_canary *c, struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + (int64_t)k->deadline_s * 1000 + GRACE_MS;
    while (strcmp(c->state, "waiting") == 0) {
        enum fk_status st = look_once(cli, k, c, err);
        if (st != FK_OK)
            return st;
        if (fk_monotonic_ms() > until)
            return fk_fail(err, FK_RETRY,
                           "the index has not caught up, so nothing can be said of canary \"%s\"; "
                           "\"fumikura canary status\" will",
                           k->name);
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return FK_OK;
}

static int result_print(const struct fk_cli *cli, const struct fk_config_canary *k, bool json) {
    struct cli_canary c;
    cli_canary_read(cli, k->name, &c);
    if (json) {
        json_t *list = cli_canaries_json(cli), *one;
        size_t i;
        json_array_foreach(list, i,
                           one) if (strcmp(json_string_value(json_object_get(one, "canary")),
                                           k->name) == 0) cli_json_line(json_incref(one));
        json_decref(list);
    } else if (c.seq) {
        printf("canary %s arrived: entry %" PRIu64 ", after %" PRIu64 " ms\n", k->name, c.seq,
               c.took_ms);
    } else if (*c.alarm) {
        cli_print_text(c.alarm);
        putchar('\n');
    } else {
        printf("canary %s was sent: <%s>\n", k->name, c.id);
    }
    return *c.alarm && strcmp(c.state, "waiting") != 0 ? 1 : 0;
}

static int canary_send(struct fk_cli *cli, const char *name, bool wait, bool json) {
    const struct fk_config_canary *k = canary_find(cli->config, name);
    struct cli_canary c;
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    if (!k)
        return cli_usage("canary", "the configuration has no canary \"%s\"", name);
    cli_canary_read(cli, name, &c);
    FK_TRY(cli_canary_send(cli, k, NULL, NULL, NULL, &c, &err));
    if (wait)
        FK_TRY(arrival_wait(cli, k, &c, &err));
done:
    return st == FK_OK ? result_print(cli, k, json) : cli_fail(&err);
}

static int canary_status(const struct fk_cli *cli, bool json) {
    bool alarm = false;
    for (size_t i = 0; i < cli->config->canary_count; i++) {
        struct cli_canary c;
        cli_canary_read(cli, cli->config->canaries[i].name, &c);
        alarm |= *c.alarm != 0;
    }
    if (json) {
        json_t *list = cli_canaries_json(cli), *one;
        size_t i;
        json_array_foreach(list, i, one) cli_json_line(json_incref(one));
        json_decref(list);
    } else {
        cli_canaries_print(cli);
    }
    return alarm ? 1 : 0;
}

int cmd_canary(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {
        {"wait", no_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    bool wait = false, json = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage("canary", "no such option");
        wait |= o == 'w';
        json |= o == 'j';
    }
    if (optind + 2 == argc && strcmp(argv[optind], "send") == 0)
        return cli_finish(canary_send(cli, argv[optind + 1], wait, json));
    if (optind + 1 == argc && strcmp(argv[optind], "status") == 0 && !wait)
        return cli_finish(canary_status(cli, json));
    return cli_usage("canary", "expected status, or send and the name of one");
}
