/* index.c - growing the index: by command, as a process of the server, and the boxed reader. */
#include "indexer/index.h"
#include "archiver/vault/lend.h"
#include "base/child.h"
#include "base/log.h"
#include "base/priority.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "indexer/reading/reader.h"
#include "indexer/store/state.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 200 };

/* What a locked file is tried with; a list that cannot be read is none, and that is said. */
static const struct fk_passwords *passwords_of(const struct fk_config *config) {
    static struct fk_passwords passwords;
    struct fk_err err = FK_ERR_INIT;
    if (fk_passwords_read(config->passwords_file, &passwords, &err) != FK_OK)
        fk_log(FK_LOG_WARNING, "passwords-file: %s; locked files are tried without it", err.text);
    return &passwords;
}

static struct fk_index_options options_of(const struct fk_config *config) {
    static struct fk_trust trust; /* one configuration a process */
    struct fk_index_options o = FK_INDEX_OPTIONS;
    trust = (struct fk_trust){config->trusted_authserv, config->trusted_verdicts,
                              config->trusted_hops, strcmp(config->trusted_place, "below") == 0};
    o.trust = &trust;
    o.own_companies = config->own_companies;
    o.workers = config->index_workers;
    o.batch = config->index_batch;
    o.seconds = config->index_time_s;
    o.memory_bytes = config->index_memory;
    o.passwords = passwords_of(config);
    o.names_only = strcmp(config->attachments, "off") == 0;
    o.reserve_bytes = config->disk_reserve;
    return o;
}

/* ---- index, reindex */

static void bar(void *ctx, uint64_t mark, uint64_t head) {
    (void)ctx;
    cli_progress("indexing", mark, head);
}

static int tell(struct fk_cli *cli, bool json) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_index_state s;
    cli_progress_end();
    if (fk_index_state(cli->dir, &s, &err) != FK_OK)
        return cli_fail(&err);
    printf(json ? "{\"documents\": %llu, \"partial\": %llu, \"mark\": %llu}\n"
                : "%llu messages indexed, %llu of them in part, all entries before %llu\n",
           (unsigned long long)s.documents, (unsigned long long)s.partial,
           (unsigned long long)s.mark);
    return cli_finish(0);
}

/* The server's indexer has the index: waits until it has come as far as the ledger is now. */
static enum fk_status wait_for(struct fk_cli *cli, struct fk_lend *lend, bool rebuild,
                               struct fk_err *err) {
    struct fk_head head;
    struct fk_index_state s = {0};
    enum fk_status st = rebuild ? fk_index_ask_rebuild(cli->dir, err) : FK_OK;
    if (st == FK_OK)
        st = fk_lend_head(lend, &head, err);
    while (st == FK_OK) {
        st = fk_index_state(cli->dir, &s, err);
        if (st == FK_OK && s.mark >= head.next_seq &&
            !(rebuild && fk_index_rebuild_waits(cli->dir)))
            return FK_OK;
        if (st == FK_NOT_FOUND || st == FK_RETRY || /* it begins, or is just being swapped */
            (st == FK_CORRUPT && rebuild && fk_index_rebuild_waits(cli->dir)))
            st = FK_OK;
        bar(NULL, s.mark, head.next_seq);
        (void)poll(NULL, 0, LOOK_MS);
    }
    return st;
}

static enum fk_status run(struct fk_cli *cli, bool rebuild, bool wait, struct fk_err *err) {
    struct fk_index_options options = options_of(cli->config);
    struct fk_lend *lend = NULL;
    options.rebuild = rebuild;
    options.progress = bar;
    enum fk_status st = fk_lend_open(cli->dir, &lend, err);
    if (st == FK_OK)
        st = fk_index_run(cli->dir, lend, &options, err);
    if (st == FK_RETRY && fk_index_is_being_written(cli->dir))
        st = wait ? wait_for(cli, lend, rebuild, err) : FK_OK;
    fk_lend_close(&lend);
    return st;
}

enum fk_status cli_index_follow(struct fk_cli *cli, struct fk_err *err) {
    struct fk_index_state s;
    enum fk_status st = fk_index_state(cli->dir, &s, err);
    if (st == FK_NOT_FOUND)
        return FK_OK;
    return st == FK_OK ? run(cli, false, true, err) : st;
}

static int command(struct fk_cli *cli, int argc, char **argv, bool rebuild) {
    static const struct option options[] = {
        {"wait", no_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    bool wait = rebuild, json = false;
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'w')
            wait = true;
        else if (o == 'j')
            json = true;
        else
            return cli_usage(argv[0], "no such option");
    }
    if (optind < argc)
        return cli_usage(argv[0], "\"%s\" is too much", argv[optind]);
    if (run(cli, rebuild, wait, &err) != FK_OK) {
        cli_progress_end();
        return cli_fail(&err);
    }
    return tell(cli, json);
}

int cmd_index(struct fk_cli *cli, int argc, char **argv) {
    return command(cli, argc, argv, false);
}

int cmd_reindex(struct fk_cli *cli, int argc, char **argv) {
    return command(cli, argc, argv, true);
}

/* ---- the server's indexer */

struct daemon {
    struct fk_child child;
    struct fk_lend *lend;
};

static enum fk_status wait_for_serve(void *ctx, int wait_ms, struct fk_err *err) {
    struct daemon *d = ctx;
    struct fk_child_event event;
    enum fk_status st = fk_child_next(&d->child, wait_ms, &event, err);
    if (st == FK_OK && event.what == FK_CHILD_STOP)
        return fk_fail(err, FK_NOT_FOUND, "told to stop");
    if (st == FK_OK && event.what == FK_CHILD_SOCKET)
        fk_lend_reattach(d->lend, event.fd);
    return st;
}

static void tell_damage(void *ctx, const struct fk_err *why) {
    (void)ctx;
    fk_log(FK_LOG_ERROR, "%s; mail is taken meanwhile", why->text);
}

/* Without a sandbox nothing is read, but the server goes on without an index. */
static enum fk_status idle(struct daemon *d, const struct fk_err *why, struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_log(FK_LOG_ERROR, "%s", why->text);
    while (st == FK_OK)
        st = wait_for_serve(d, -1, err);
    return st == FK_NOT_FOUND ? FK_OK : st;
}

int cmd_indexd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.lend = NULL};
    struct fk_err err = FK_ERR_INIT, why;
    struct fk_index_options options = options_of(cli->config);
    options.wait = wait_for_serve;
    options.damaged = tell_damage;
    options.ctx = &d;
    fk_log_name("fumikura indexd");
    enum fk_status st = fk_child_begin(&d.child, argc, argv, &err);
    fk_priority_step_behind();
    if (st == FK_OK && d.child.lend >= 0)
        st = fk_lend_attach(fk_child_take(&d.child.lend), &d.lend, &err);
    else if (st == FK_OK)
        st = fk_lend_open(cli->dir, &d.lend, &err);
    if (st == FK_OK)
        st = fk_child_ready(&d.child, NULL, &err);
    if (st == FK_OK)
        st = fk_index_run(cli->dir, d.lend, &options, &err);
    if (st == FK_DENIED) {
        why = err;
        st = idle(&d, &why, &err);
    }
    fk_lend_close(&d.lend);
    return fk_child_end(&d.child, st, &err);
}

int cmd_index_worker(struct fk_cli *cli, int argc, char **argv) {
    (void)cli;
    (void)argc;
    (void)argv;
    return fk_index_worker_main();
}

int cmd_index_extract(struct fk_cli *cli, int argc, char **argv) {
    (void)cli;
    (void)argc;
    (void)argv;
    return fk_index_extract_main();
}
