/* mirror.c - making a mirror, and a vault of one (docs/mirror.md). */
#include "archiver/vault/keep.h"
#include "archiver/vault/mirror.h"
#include "archiver/vault/restore.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct mirror {
    const struct fk_cli *cli;
    const char *keys, *to;
    bool json;
};

/* Below the vault it would be lost with it. */
static enum fk_status place_check(const char *dir, const char *vault, struct fk_err *err) {
    size_t len = strlen(vault);
    if (strncmp(dir, vault, len) == 0 && (dir[len] == '/' || !dir[len]))
        return fk_fail(err, FK_INVALID, "%s: is in the vault; expected a directory on another disk",
                       dir);
    return FK_OK;
}

static enum fk_status make(const struct mirror *m, const char *dir, struct fk_err *err) {
    char whole[PATH_MAX], vault[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_resolve_path(dir, whole, err));
    FK_TRY(fk_resolve_path(m->cli->dir, vault, err));
    FK_TRY(place_check(whole, vault, err));
    FK_TRY(fk_mirror_init(whole, m->cli->dir, err));
    printf("%s is a mirror of %s. In %s/fumikura.conf:\n\nmirror = \"sync\"\nmirror-dir = \"%s\"\n",
           whole, vault, vault, whole);
done:
    return st;
}

static void show_progress(void *ctx, uint64_t done, uint64_t all) {
    (void)ctx;
    cli_progress("bytes", done, all);
}

static void print_damaged(void *ctx, const char *sentence) {
    (void)ctx;
    cli_progress_end();
    fprintf(stderr, "fumikura: %s\n", sentence);
}

static void restored_print(const struct mirror *m, const struct fk_restore_sum *r) {
    if (m->json) {
        cli_json_line(json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "to", m->to, "restored",
                                (json_int_t)r->restored, "readable", (json_int_t)r->readable,
                                "erased", (json_int_t)r->erased, "next_seq",
                                (json_int_t)r->next_seq, "whole", r->whole));
        return;
    }
    printf("restored entries 0-%" PRIu64 ": %" PRIu64 " contents can be read, %" PRIu64
           " were disposed of; the ledger goes on with entry %" PRIu64 "\n",
           r->restored - 1, r->readable, r->erased, r->restored);
    if (!r->whole)
        printf("the mirror is damaged: entries after these may be lost\n");
    printf("\"fumikura -C %s verify\" reads it all; \"reindex\" makes it searchable\n", m->to);
}

static enum fk_status restore(const struct mirror *m, const char *dir, bool *whole_out,
                              struct fk_err *err) {
    char person[128], path[PATH_MAX];
    struct fk_restore order = {.dir = m->to,
                               .keys = m->keys,
                               .mirror = dir,
                               .person = person,
                               .progress = show_progress,
                               .damaged = print_damaged};
    struct fk_restore_sum sum;
    struct fk_buf config = FK_BUF_INIT;
    enum fk_status st;
    fk_person(person, sizeof person);
    FK_TRY(fk_join_path(path, sizeof path, m->to, "fumikura.conf", err));
    st = fk_vault_restore_mirror(&order, &sum, err);
    cli_progress_end();
    FK_TRY(st);
    cli_config_default(&config);
    FK_TRY(fk_atomic_put(path, 0644, config.data, config.len, err));
    restored_print(m, &sum);
    *whole_out = sum.whole;
done:
    fk_buf_free(&config);
    return st;
}

static int options_read(struct mirror *m, int argc, char **argv) {
    static const struct option options[] = {{"to", required_argument, NULL, 't'},
                                            {"keys", required_argument, NULL, 'k'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't')
            m->to = optarg;
        else if (o == 'k')
            m->keys = optarg;
        else if (o == 'j')
            m->json = true;
        else
            return cli_usage("mirror", "no such option, or nothing after it");
    }
    return 0;
}

int cmd_mirror(struct fk_cli *cli, int argc, char **argv) {
    struct mirror m = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    bool whole = true;
    int rc = options_read(&m, argc, argv);
    if (rc)
        return rc;
    const char *verb = optind < argc ? argv[optind] : "";
    bool one = argc - optind == 2;
    if (strcmp(verb, "init") == 0 && one) {
        if (!cli->config)
            return cli_usage("mirror", "of which archive? -C DIR says it");
        st = make(&m, argv[optind + 1], &err);
    } else if (strcmp(verb, "restore") == 0 && one && m.keys && m.to) {
        st = restore(&m, argv[optind + 1], &whole, &err);
    } else {
        return cli_usage("mirror", "expected init DIR, or restore DIR --keys OLD --to NEW");
    }
    return st == FK_OK ? cli_finish(whole ? 0 : 1) : cli_fail(&err);
}
