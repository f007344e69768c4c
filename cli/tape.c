/* tape.c - sets of sealed segments: written, verified, listed, and made into a vault again. */
#include "tape-export/tape.h"
#include "archiver/vault/logbook.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/checkpoint.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tape {
    const struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    const char *to, *keys, *tsa_roots;
    bool json, since_last, resume, accept_missing;
    char person[128];
};

static void show_progress(void *ctx, const char *doing, uint64_t done, uint64_t all) {
    (void)ctx;
    cli_progress(doing, done, all);
}

/* ---- write */

/* Sealed first, so that the checkpoint covers the seal entries of what goes onto the set. A set is
 * written without one rather than not at all. */
static enum fk_status checkpoint_take(struct tape *t, struct fk_tape_options *o,
                                      struct fk_buf *note, struct fk_buf *vkey, struct fk_buf *pem,
                                      struct fk_err *err) {
    struct fk_head head;
    struct fk_checkpoint c;
    struct fk_verifier v;
    struct fk_err why = FK_ERR_INIT;
    uint64_t newest;
    enum fk_status st;
    FK_TRY(fk_keep_seal(t->keep, &newest, err));
    FK_TRY(fk_lend_head(t->lend, &head, err));
    if (cli_checkpoint_get(t->cli, t->lend, head.next_seq, &c, note, &why) != FK_OK ||
        fk_logbook_verifier(t->cli->dir, &v, &why) != FK_OK ||
        fk_verifier_pem(&v, pem, &why) != FK_OK) {
        fprintf(stderr, "fumikura: the set gets no checkpoint: %s\n", why.text);
        goto done;
    }
    fk_verifier_format(&v, vkey);
    fk_buf_byte(vkey, '\n');
    if (note->failed || vkey->failed || pem->failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a checkpoint"));
    o->checkpoint = note;
    o->vkey = vkey;
    o->pem = pem;
done:
    return st;
}

static void print_left_out(void *ctx, const char *place, const char *sentence) {
    (void)ctx;
    cli_progress_end();
    fprintf(stderr, "fumikura: a time stamp is left out: %s: %s\n", place, sentence);
}

static enum fk_status write_set(struct tape *t, struct fk_err *err) {
    enum fk_status st;
    struct fk_buf note = FK_BUF_INIT, vkey = FK_BUF_INIT, pem = FK_BUF_INIT;
    struct fk_tape_options options = {.to = t->to,
                                      .person = t->person,
                                      .vault = t->cli->dir,
                                      .since_last = t->since_last,
                                      .resume = t->resume,
                                      .progress = show_progress,
                                      .left_out = print_left_out};
    struct fk_tape_set set;
    FK_TRY(fk_keep_open(t->cli->dir, &t->keep, err));
    FK_TRY(fk_lend_open(t->cli->dir, &t->lend, err));
    FK_TRY(fk_tape_target(t->lend, &options, err));
    FK_TRY(checkpoint_take(t, &options, &note, &vkey, &pem, err));
    st = fk_tape_write(t->keep, t->lend, &options, &set, err);
    cli_progress_end();
    if (st != FK_OK)
        goto done;
    if (t->json)
        cli_json_line(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "to", t->to, "entry",
                                (json_int_t)set.entry, "first", (json_int_t)set.first, "last",
                                (json_int_t)set.last, "segments", (json_int_t)set.segment_count,
                                "bytes", (json_int_t)set.bytes, "manifest", set.manifest));
    else
        printf("written and read back: %" PRIu64 " segments, entries %" PRIu64 "-%" PRIu64
               ", %" PRIu64 " bytes\nmanifest-sha256.txt %s\nrecorded as entry %" PRIu64 "\n",
               set.segment_count, set.first, set.last, set.bytes, set.manifest, set.entry);
done:
    fk_buf_free(&note);
    fk_buf_free(&vkey);
    fk_buf_free(&pem);
    return st;
}

/* ---- verify */

static void print_finding(void *ctx, const struct fk_tape_finding *f) {
    const struct tape *t = ctx;
    cli_progress_end();
    if (t->json)
        cli_json_line(json_pack("{s:s, s:s, s:o, s:o}", "type", "finding", "check", f->check,
                                "place", cli_json_text(f->place, strlen(f->place)), "text",
                                cli_json_text(f->text, strlen(f->text))));
    else {
        printf("FAILED %s: ", f->check);
        cli_print_text(f->place);
        printf(": ");
        cli_print_text(f->text);
        putchar('\n');
    }
}

static void sum_print(const struct tape *t, const char *dir, const struct fk_tape_sum *s) {
    if (t->json) {
        cli_json_line(json_pack(
            "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:I}", "type",
            "summary", "set", dir, "ledger", s->ledger, "manifest", s->manifest, "files",
            (json_int_t)s->files, "bytes", (json_int_t)s->bytes, "entries", (json_int_t)s->entries,
            "segments", (json_int_t)s->segments, "signed", (json_int_t)s->signed_entries, "stamps",
            (json_int_t)s->stamps, "anchors", (json_int_t)s->anchors, "stamps_judged",
            (int)(t->tsa_roots != NULL), "export_entry", cli_json_number(s->export_entry),
            "findings", (json_int_t)s->findings));
        return;
    }
    printf("read %" PRIu64 " files, %" PRIu64 " bytes: %" PRIu64 " entries in one chain, %" PRIu64
           " segments as sealed, %" PRIu64 " findings\n",
           s->files, s->bytes, s->entries, s->segments, s->findings);
    printf("manifest-sha256.txt %s\n", s->manifest);
    if (s->signed_entries)
        printf("its checkpoint covers the first %" PRIu64
               " entries; whether its key is the archive's is for you to compare\n",
               s->signed_entries);
    if (s->anchors)
        printf("%" PRIu64 " of the %" PRIu64
               " time stamps that its ledger speaks of are here and hold%s\n",
               s->stamps, s->anchors,
               t->tsa_roots ? "" : "; who signed them was not judged (--tsa-roots)");
    if (s->export_entry != UINT64_MAX)
        printf("the archive has recorded it in entry %" PRIu64 "\n", s->export_entry);
    else if (!t->lend)
        printf("no archive was asked whether this is the set that it recorded (-C DIR)\n");
}

/* What comes with the set vouches for nothing on it. */
static enum fk_status roots_take(struct tape *t, const char *dir, struct fk_err *err) {
    char roots[PATH_MAX], set[PATH_MAX];
    enum fk_status st = FK_OK;
    if (!t->tsa_roots && t->cli->config && *t->cli->config->timestamp_roots)
        t->tsa_roots = t->cli->config->timestamp_roots;
    if (!t->tsa_roots || !realpath(dir, set)) /* of a set that is not there it is told later */
        return FK_OK;
    if (!realpath(t->tsa_roots, roots))
        return fk_fail_sys(err, errno, "%s: cannot resolve", t->tsa_roots);
    const size_t len = strlen(set);
    if (strncmp(roots, set, len) == 0 && roots[len] == '/')
        st = fk_fail(err, FK_INVALID,
                     "%s: is on the set itself; the authority's certificate is to come from "
                     "elsewhere",
                     t->tsa_roots);
    return st;
}

static enum fk_status verify_set(struct tape *t, const char *dir, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_tape_watch watch = {.finding = print_finding, .progress = show_progress, .ctx = t};
    struct fk_tape_sum sum;
    FK_TRY(roots_take(t, dir, err));
    watch.roots = t->tsa_roots;
    if (t->cli->config)
        FK_TRY(fk_lend_open(t->cli->dir, &t->lend, err));
    st = fk_tape_verify(dir, t->lend, &watch, &sum, err);
    cli_progress_end();
    if (st == FK_OK || st == FK_CORRUPT)
        sum_print(t, dir, &sum);
done:
    return st;
}

/* ---- list */

static enum fk_status print_set(void *ctx, const struct fk_tape_set *set, struct fk_err *err) {
    (void)err;
    const struct tape *t = ctx;
    char time[FK_TIME_SIZE];
    if (t->json) {
        fk_time_format(time, set->time_ms);
        cli_json_line(json_pack(
            "{s:I, s:s, s:I, s:I, s:s, s:o, s:o, s:s}", "entry", (json_int_t)set->entry, "time",
            time, "first", (json_int_t)set->first, "last", (json_int_t)set->last, "segments",
            set->segments, "where", cli_json_text(set->where, strlen(set->where)), "person",
            cli_json_text(set->person, strlen(set->person)), "manifest", set->manifest));
        return FK_OK;
    }
    fk_time_local(time, set->time_ms, t->cli->config->zone_minutes);
    printf("%" PRIu64 "\t%s\tsegments %s, entries %" PRIu64 "-%" PRIu64 "\t", set->entry, time,
           set->segments, set->first, set->last);
    cli_print_text(set->where);
    printf("\t%s\n", set->manifest);
    return FK_OK;
}

static enum fk_status list_sets(struct tape *t, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_keep_open(t->cli->dir, &t->keep, err));
    FK_TRY(fk_lend_open(t->cli->dir, &t->lend, err));
    st = fk_tape_list(t->keep, t->lend, t->person, print_set, t, err);
done:
    return st;
}

/* ---- restore */

/* The old vault's, where it is there: addresses and rules stay as they were. */
static enum fk_status config_get(const struct tape *t, struct fk_buf *text, struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX];
    FK_TRY(fk_join_path(path, sizeof path, t->keys, "fumikura.conf", err));
    st = fk_read_file(path, (size_t)1 << 20, text, err);
    if (st == FK_NOT_FOUND) {
        cli_config_default(text);
        st = text->failed ? fk_fail(err, FK_NOMEM, "no memory for a configuration") : FK_OK;
    }
done:
    return st;
}

static enum fk_status config_put(const struct tape *t, const struct fk_buf *text,
                                 struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX];
    FK_TRY(fk_join_path(path, sizeof path, t->to, "fumikura.conf", err));
    st = fk_atomic_put(path, 0644, text->data, text->len, err);
    if (st != FK_OK)
        fk_err_prefix(err, "the vault is restored and lacks only its configuration");
done:
    return st;
}

static void restored_print(const struct tape *t, const struct fk_tape_restored *r) {
    if (t->json) {
        cli_json_line(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "to", t->to,
                                "segments", (json_int_t)r->segments, "restored",
                                (json_int_t)r->restored, "readable", (json_int_t)r->readable,
                                "erased", (json_int_t)r->erased, "next_seq",
                                (json_int_t)r->next_seq, "lost", (json_int_t)r->lost, "lost_mails",
                                (json_int_t)r->lost_mails, "lost_rules", (json_int_t)r->lost_rules,
                                "stamp_files", (json_int_t)r->stamp_files));
        return;
    }
    printf("restored %" PRIu64 " segments, entries 0-%" PRIu64 ": %" PRIu64
           " contents can be read, %" PRIu64 " were disposed of\n",
           r->segments, r->restored - 1, r->readable, r->erased);
    printf("the ledger goes on with entry %" PRIu64 "; of the %" PRIu64
           " entries after them on the newest set %" PRIu64 " are mails and %" PRIu64
           " holds, releases or rules: these are lost\n",
           r->restored, r->lost, r->lost_mails, r->lost_rules);
    if (r->stamp_files)
        printf("%" PRIu64 " files of time stamps came with it\n", r->stamp_files);
    printf("\"fumikura -C %s verify\" reads it all; \"reindex\" makes it searchable\n", t->to);
}

static void print_damaged(void *ctx, const char *sentence) {
    (void)ctx;
    cli_progress_end();
    fprintf(stderr, "fumikura: damaged, another copy is tried: %s\n", sentence);
}

static enum fk_status restore_vault(struct tape *t, char *const *sets, size_t count,
                                    struct fk_err *err) {
    enum fk_status st;
    struct fk_tape_restore order = {.sets = sets,
                                    .set_count = count,
                                    .keys = t->keys,
                                    .to = t->to,
                                    .person = t->person,
                                    .accept_missing = t->accept_missing,
                                    .progress = show_progress,
                                    .left_out = print_left_out,
                                    .damaged = print_damaged};
    struct fk_tape_restored sum;
    struct fk_buf config = FK_BUF_INIT;
    FK_TRY(config_get(t, &config, err)); /* before: what can fail early should */
    st = fk_tape_restore(&order, &sum, err);
    cli_progress_end();
    FK_TRY(st);
    FK_TRY(config_put(t, &config, err));
    restored_print(t, &sum);
done:
    fk_buf_free(&config);
    return st;
}

/* ---- the command line */

static int options_read(struct tape *t, int argc, char **argv) {
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},       {"keys", required_argument, NULL, 'k'},
        {"since-last", no_argument, NULL, 's'},     {"continue", no_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},           {"tsa-roots", required_argument, NULL, 'r'},
        {"accept-missing", no_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't')
            t->to = optarg;
        else if (o == 'k')
            t->keys = optarg;
        else if (o == 's')
            t->since_last = true;
        else if (o == 'c')
            t->resume = true;
        else if (o == 'm')
            t->accept_missing = true;
        else if (o == 'r')
            t->tsa_roots = optarg;
        else if (o == 'j')
            t->json = true;
        else
            return cli_usage("tape", "no such option");
    }
    return 0;
}

int cmd_tape(struct fk_cli *cli, int argc, char **argv) {
    struct tape t = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    int rc = options_read(&t, argc, argv);
    if (rc)
        return rc;
    const char *verb = optind < argc ? argv[optind++] : "";
    int left = argc - optind;
    fk_person(t.person, sizeof t.person);
    bool of_the_vault = strcmp(verb, "write") == 0 || strcmp(verb, "list") == 0;
    if (of_the_vault && !cli->config)
        return cli_usage("tape", "of which archive? -C DIR says it");
    if (strcmp(verb, "write") == 0 && t.to && left == 0)
        st = write_set(&t, &err);
    else if (strcmp(verb, "verify") == 0 && left == 1)
        st = verify_set(&t, argv[optind], &err);
    else if (strcmp(verb, "list") == 0 && left == 0)
        st = list_sets(&t, &err);
    else if (strcmp(verb, "restore") == 0 && left > 0 && t.keys && t.to)
        st = restore_vault(&t, argv + optind, (size_t)left, &err);
    else
        rc = cli_usage("tape", "expected write --to DIR, verify DIR, list, or restore DIR...");
    fk_lend_close(&t.lend);
    fk_keep_close(&t.keep);
    return rc ? rc : st == FK_OK ? 0 : cli_fail(&err);
}
