/* mirror.c - making a mirror, and a vault of one (docs/mirror.md). */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/mirror.h"
#include "archiver/vault/restore.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mirror {
    const struct fk_cli *cli;
    const char *keys, *to, *reason;
    uint64_t segment; /* 0: all */
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

/* ---- healing */

enum { FILES_A_SEGMENT = 2 };

struct sick { /* segments with findings */
    bool *at;
    uint64_t count; /* numbers below it */
    bool failed;
};

static void sick_add(void *ctx, const struct fk_finding *f) {
    struct sick *s = ctx;
    if (f->segment >= s->count) {
        uint64_t count = 2 * f->segment + 16;
        bool *at = f->segment < SIZE_MAX / 4 ? realloc(s->at, (size_t)count * sizeof *at) : NULL;
        if (!at) {
            s->failed = true;
            return;
        }
        memset(at + s->count, 0, (size_t)(count - s->count) * sizeof *at);
        s->at = at;
        s->count = count;
    }
    s->at[f->segment] = true;
}

static enum fk_status verified(const struct mirror *m, uint64_t segment, struct sick *s,
                               struct fk_err *err) {
    const struct fk_verify_range range = {0, UINT64_MAX, segment};
    struct fk_lend *lend = NULL;
    struct fk_verify_sum sum = {0};
    enum fk_status st;
    FK_TRY(fk_lend_open(m->cli->dir, &lend, err));
    st = fk_lend_verify(lend, &range, sick_add, show_progress, s, &sum, err);
    cli_progress_end();
    if (s->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for the list of findings");
    if (st == FK_OK && segment && !sum.entries)
        st = fk_fail(err, FK_NOT_FOUND,
                     "there is no segment %" PRIu64 "; \"fumikura status\" lists them", segment);
done:
    fk_lend_close(&lend);
    return st;
}

static void healed_print(const struct mirror *m, uint64_t segment, uint64_t entry) {
    if (m->json)
        cli_json_line(json_pack("{s:o, s:o}", "segment", cli_json_number(segment), "entry",
                                cli_json_number(entry)));
    else
        printf("segment %" PRIu64 ": a file was put back from the mirror; entry %" PRIu64
               " ordered it\n",
               segment, entry);
}

/* A file at a time, until nothing is wrong. */
static enum fk_status segment_heal(const struct mirror *m, uint64_t segment, uint64_t *healed,
                                   struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_keep *keep = NULL;
    struct fk_receipt receipt = {.seq = 1};
    char person[128];
    enum fk_status st;
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "reason", m->reason);
    FK_TRY(fk_keep_open(m->cli->dir, &keep, err));
    for (int i = 0; i <= FILES_A_SEGMENT && receipt.seq; i++) {
        FK_TRY(fk_keep_heal(keep, segment, &body, &receipt, err));
        if (!receipt.seq)
            break;
        healed_print(m, segment, receipt.seq);
        ++*healed;
    }
done:
    fk_keep_close(&keep);
    fk_buf_free(&body);
    return st;
}

static enum fk_status again(const struct mirror *m, uint64_t healed, struct fk_err *err) {
    struct sick after = {NULL, 0, false};
    enum fk_status st = verified(m, m->segment, &after, err);
    free(after.at);
    if (st == FK_CORRUPT)
        return fk_fail(err, st,
                       "%" PRIu64 " files were put back; what is left \"fumikura verify\" says",
                       healed);
    return st;
}

/* The newest first: an entry after a segment says what its file is to be. One that cannot be healed
 * does not keep the others from it. */
static enum fk_status heal(const struct mirror *m, struct fk_err *err) {
    struct sick before = {NULL, 0, false};
    struct fk_err why = FK_ERR_INIT;
    uint64_t healed = 0, wanted = m->segment;
    bool failed = false;
    enum fk_status st = FK_OK;
    if (strcmp(m->cli->config->mirror, "off") == 0)
        FK_TRY(
            fk_fail(err, FK_INVALID,
                    "%s: there is no mirror to heal from: put the file back from a tape or a copy",
                    m->cli->config_path));
    st = verified(m, wanted, &before, &why);
    if (st != FK_OK && st != FK_CORRUPT)
        FK_TRY(fk_fail(err, st, "%s", why.text));
    st = FK_OK;
    for (uint64_t i = before.count; i-- > 1;) {
        if (!before.at[i])
            continue;
        if (segment_heal(m, i, &healed, &why) == FK_OK)
            continue;
        if (why.status != FK_CORRUPT && why.status != FK_INVALID)
            FK_TRY(fk_fail(err, why.status, "%s", why.text));
        failed = true;
        fprintf(stderr, "fumikura: %s\n", why.text);
    }
    if (healed || failed)
        st = again(m, healed, err);
    else if (before.count)
        st = fk_fail(err, FK_CORRUPT,
                     "what is wrong is in no sealed segment: \"fumikura verify\" says more");
    else if (!m->json)
        printf("nothing is wrong%s\n", wanted ? " with this segment" : "");
done:
    free(before.at);
    return st;
}

/* ---- verifying */

static void mirror_finding(void *ctx, const struct fk_finding *f) {
    const struct mirror *m = ctx;
    if (m->json)
        cli_json_line(json_pack("{s:o, s:s, s:o}", "segment", cli_json_number(f->segment), "check",
                                f->check, "text", cli_json_text(f->text, strlen(f->text))));
    else
        printf("segment %" PRIu64 " check %s: %s\n", f->segment, f->check, f->text);
}

static enum fk_status mirror_verify(struct mirror *m, struct fk_err *err) {
    struct fk_mirror_verified sum;
    struct fk_lend *lend = NULL;
    enum fk_status st;
    if (!*m->cli->config->mirror_dir)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: mirror-dir names no mirror", m->cli->config_path));
    FK_TRY(fk_lend_open(m->cli->dir, &lend, err));
    st = fk_mirror_verify(m->cli->config->mirror_dir, m->cli->dir, lend, mirror_finding, m, &sum,
                          err);
    if ((st == FK_OK || st == FK_CORRUPT) && m->json)
        cli_json_line(json_pack("{s:{s:o, s:o, s:o, s:o}}", "sum", "sealed",
                                cli_json_number(sum.sealed), "rows", cli_json_number(sum.rows),
                                "keys", cli_json_number(sum.keys), "findings",
                                cli_json_number(sum.findings)));
    else if (st == FK_OK || st == FK_CORRUPT)
        printf("%" PRIu64 " sealed segments, %" PRIu64 " open ones and %" PRIu64
               " key files read again: %" PRIu64 " findings\n",
               sum.sealed, sum.rows, sum.keys, sum.findings);
done:
    fk_lend_close(&lend);
    return st;
}

static int options_read(struct mirror *m, int argc, char **argv) {
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},      {"keys", required_argument, NULL, 'k'},
        {"segment", required_argument, NULL, 's'}, {"reason", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},          {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't')
            m->to = optarg;
        else if (o == 'k')
            m->keys = optarg;
        else if (o == 'r')
            m->reason = optarg;
        else if (o == 's' && (!fk_value_number(optarg, &m->segment) || !m->segment))
            return cli_usage("mirror", "expected the number of a segment, from 1");
        else if (o == 'j')
            m->json = true;
        else if (o != 's')
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
    } else if (strcmp(verb, "verify") == 0 && argc - optind == 1) {
        if (!cli->config)
            return cli_usage("mirror", "of which archive? -C DIR says it");
        st = mirror_verify(&m, &err);
    } else if (strcmp(verb, "heal") == 0 && argc - optind == 1 && m.reason) {
        if (!cli->config)
            return cli_usage("mirror", "of which archive? -C DIR says it");
        st = heal(&m, &err);
    } else {
        return cli_usage("mirror",
                         "expected init DIR, verify, heal [--segment N] --reason T, or restore DIR "
                         "--keys OLD --to NEW");
    }
    return st == FK_OK ? cli_finish(whole ? 0 : 1) : cli_fail(&err);
}
