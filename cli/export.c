/* export.c - evidence packages: made, listed, and said to be destroyed. */
#include "cli/export.h"
#include "archiver/vault/logbook.h"
#include "base/clock.h"
#include "cli/checkpoint.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "tape-export/catalogue.h"
#include "tape-export/package.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void show_progress(void *ctx, const char *doing, uint64_t done, uint64_t all) {
    (void)ctx;
    cli_progress(doing, done, all);
}

/* ---- a package */

static enum fk_status key_take(const struct cli_export *x, struct fk_buf *vkey, struct fk_buf *pem,
                               struct fk_err *err) {
    struct fk_verifier v;
    enum fk_status st;
    FK_TRY(fk_logbook_verifier(x->cli->dir, &v, err));
    FK_TRY(fk_verifier_pem(&v, pem, err));
    fk_verifier_format(&v, vkey);
    fk_buf_byte(vkey, '\n');
done:
    return st;
}

static void made_print(const struct cli_export *x, const struct fk_package_made *m) {
    if (x->json) {
        cli_json_line(json_pack(
            "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "to", x->to, "form",
            x->sealed ? "sealed" : "plain", "entry", cli_json_number(m->entry), "act",
            m->messages ? cli_json_number(m->act) : json_null(), "messages",
            cli_json_number(m->messages), "disposed", cli_json_number(x->erased.count), "files",
            cli_json_number(m->files), "bytes", cli_json_number(m->bytes), "manifest", m->manifest,
            "stamp", *m->stamp ? json_string(m->stamp) : json_null()));
        return;
    }
    printf("%" PRIu64 " messages in %" PRIu64 " files, %" PRIu64 " bytes, written and read back\n",
           m->messages, m->files, m->bytes);
    if (x->erased.count)
        printf(
            "%zu of what was asked for is disposed of: its entries are there, without contents\n",
            x->erased.count);
    if (*m->stamp)
        printf("with the time stamp %s\n", m->stamp);
    printf("manifest-sha256.txt %s\nrecorded as entry %" PRIu64 "; \"export destroyed %" PRIu64
           "\" when it is no more\n",
           m->manifest, m->entry, m->entry);
}

static enum fk_status package_run(struct cli_export *x, struct fk_err *err) {
    enum fk_status st;
    struct fk_buf vkey = FK_BUF_INIT, pem = FK_BUF_INIT;
    struct fk_package_made made;
    struct fk_package_options o = {.to = x->to,
                                   .vault = x->cli->dir,
                                   .keys_to = x->sealed ? x->keys_to : NULL,
                                   .person = x->person,
                                   .reason = x->reason,
                                   .mbox = x->mbox,
                                   .messages = &x->messages,
                                   .entries = &x->entries,
                                   .checkpoint = &x->checkpoint,
                                   .note = &x->note,
                                   .vkey = &vkey,
                                   .pem = &pem,
                                   .report_text = &x->report_text,
                                   .report_json = &x->report_json,
                                   .progress = show_progress};
    FK_TRY(fk_package_target(&o, err)); /* before anything is recorded */
    FK_TRY(fk_keep_open(x->cli->dir, &x->keep, err));
    FK_TRY(fk_lend_open(x->cli->dir, &x->lend, err));
    FK_TRY(cli_export_find(x, err));
    FK_TRY(cli_export_survey(x, err));
    o.facts = x->facts;
    o.fact_count = x->fact_count;
    const struct fk_seqs *m = &x->messages, *e = &x->entries;
    uint64_t needed = m->count ? m->at[m->count - 1] + 1 : 0;
    if (e->count && e->at[e->count - 1] >= needed)
        needed = e->at[e->count - 1] + 1;
    FK_TRY(cli_checkpoint_get(x->cli, x->lend, needed, &x->checkpoint, &x->note, err));
    FK_TRY(key_take(x, &vkey, &pem, err));
    FK_TRY(cli_export_report(x, err));
    if (!x->by_seq)
        o.query = fk_buf_cstr(&x->canonical);
    st = fk_package_write(x->keep, x->lend, &o, &made, err);
    cli_progress_end();
    if (st == FK_OK)
        made_print(x, &made);
done:
    fk_buf_free(&vkey);
    fk_buf_free(&pem);
    return st;
}

/* ---- what is out */

static enum fk_status list_print(struct cli_export *x, const struct fk_catalogue *c) {
    char time[FK_TIME_SIZE];
    for (size_t i = 0; i < c->count; i++) {
        const struct fk_tape_set *s = &c->at[i];
        fk_time_format(time, s->time_ms);
        if (x->json)
            cli_json_line(json_pack("{s:o, s:s, s:s, s:o, s:o, s:s, s:o}", "entry",
                                    cli_json_number(s->entry), "time", time, "form", s->form,
                                    "first", cli_json_number(s->first), "last",
                                    cli_json_number(s->last), "manifest", s->manifest, "destroyed",
                                    s->destroyed ? cli_json_number(s->destroyed) : json_null()));
        else if (s->destroyed)
            printf("%" PRIu64 "\t%s\t%s, entries %" PRIu64 "-%" PRIu64
                   "\tdestroyed, says entry %" PRIu64 "\n",
                   s->entry, time, s->form, s->first, s->last, s->destroyed);
        else
            printf("%" PRIu64 "\t%s\t%s, entries %" PRIu64 "-%" PRIu64 "\tout\t%s\n", s->entry,
                   time, s->form, s->first, s->last, s->manifest);
    }
    return FK_OK;
}

static enum fk_status list_run(struct cli_export *x, struct fk_err *err) {
    struct fk_catalogue c = {NULL, 0, 0};
    enum fk_status st;
    FK_TRY(fk_lend_open(x->cli->dir, &x->lend, err));
    FK_TRY(fk_catalogue_read(x->lend, "package", &c, err));
    st = list_print(x, &c);
done:
    fk_catalogue_free(&c);
    return st;
}

static const struct fk_tape_set *package_of(const struct fk_catalogue *c, uint64_t number) {
    for (size_t i = 0; i < c->count; i++)
        if (c->at[i].entry == number)
            return &c->at[i];
    return NULL;
}

/* A package that is no more: certificates of disposal name it no longer. */
static enum fk_status destroyed_run(struct cli_export *x, const char *text, struct fk_err *err) {
    struct fk_catalogue c = {NULL, 0, 0};
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64];
    uint64_t number;
    enum fk_status st;
    FK_TRY(fk_lend_open(x->cli->dir, &x->lend, err));
    FK_TRY(fk_catalogue_read(x->lend, "package", &c, err));
    const struct fk_tape_set *s = fk_value_number(text, &number) ? package_of(&c, number) : NULL;
    if (!s)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "%s: is not the entry of a package; \"export list\" has them", text));
    if (s->destroyed)
        FK_TRY(fk_fail(err, FK_INVALID, "package %" PRIu64 ": entry %" PRIu64 " says that already",
                       number, s->destroyed));
    fk_fields_add_str(&body, "person", x->person);
    fk_fields_add_str(&body, "reason", x->reason);
    snprintf(fields, sizeof fields, "what=destroyed of=%" PRIu64, number);
    FK_TRY(fk_keep_open(x->cli->dir, &x->keep, err));
    FK_TRY(fk_keep_append(x->keep, &(struct fk_record){"fact", fields, &body}, &receipt, err));
    if (x->json)
        cli_json_line(json_pack("{s:o, s:o}", "number", cli_json_number(number), "entry",
                                cli_json_number(receipt.seq)));
    else
        printf("entry %" PRIu64 " says that package %" PRIu64 " was destroyed\n", receipt.seq,
               number);
done:
    fk_catalogue_free(&c);
    fk_buf_free(&body);
    return st;
}

/* ---- the command line */

/* "5-7,9" */
static bool seqs_take(struct cli_export *x, const char *text) {
    struct fk_seqs some = {0};
    bool good = fk_seqs_parse(text, strlen(text), 10000000, &some);
    for (size_t i = 0; good && i < some.count; i++)
        fk_seqs_add(&x->named, some.at[i]);
    fk_seqs_free(&some);
    return good;
}

static int option_take(struct cli_export *x, int o) {
    const int zone = x->cli->config->zone_minutes;
    if (o == 't')
        x->to = optarg;
    else if (o == 'k')
        x->keys_to = optarg;
    else if (o == 'r')
        x->reason = optarg;
    else if (o == 'e')
        x->sealed = true;
    else if (o == 'j')
        x->json = true;
    else if (o == 'u')
        x->search.user = optarg;
    else if (o == 's' && !cli_date(optarg, false, zone, &x->search.since_ms))
        return cli_usage("export", "--since takes a date such as 2026-11-24, not %s", optarg);
    else if (o == 'U' && !cli_date(optarg, true, zone, &x->search.until_ms))
        return cli_usage("export", "--until takes a date such as 2026-11-24, not %s", optarg);
    else if (o == 'q' && !seqs_take(x, optarg))
        return cli_usage("export", "--seq takes numbers of entries such as 5-7,9, not %s", optarg);
    else if (o == 'f' && strcmp(optarg, "eml") != 0 && strcmp(optarg, "mbox") != 0 &&
             strcmp(optarg, "ledger") != 0)
        return cli_usage("export", "--format is eml, mbox or ledger, not %s", optarg);
    else if (o == '?')
        return cli_usage("export", "a query that begins with - stands after --");
    x->ledger = x->ledger || (o == 'f' && strcmp(optarg, "ledger") == 0);
    x->mbox = x->mbox || (o == 'f' && strcmp(optarg, "mbox") == 0);
    x->by_seq = x->by_seq || o == 'q';
    return 0;
}

static int options_read(struct cli_export *x, int argc, char **argv) {
    static const struct option options[] = {{"to", required_argument, NULL, 't'},
                                            {"keys-to", required_argument, NULL, 'k'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"sealed", no_argument, NULL, 'e'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"user", required_argument, NULL, 'u'},
                                            {"since", required_argument, NULL, 's'},
                                            {"until", required_argument, NULL, 'U'},
                                            {"seq", required_argument, NULL, 'q'},
                                            {"format", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    int rc = 0;
    x->search.zone_minutes = x->cli->config->zone_minutes;
    x->search.domains = x->cli->config->domains;
    for (int o; rc == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        rc = option_take(x, o);
    return rc;
}

/* Without a query: every transaction. */
static int ledger_check(struct cli_export *x, int argc, char **argv) {
    for (int first = optind; optind < argc; optind++) {
        fk_buf_str(&x->query, optind > first ? " " : "");
        fk_buf_str(&x->query, argv[optind]);
    }
    if (x->by_seq || x->sealed || x->mbox || x->keys_to)
        return cli_usage("export", "--format ledger is a table of what a query finds: not with "
                                   "--seq, --sealed or --format mbox");
    if (x->json && !x->to)
        return cli_usage("export", "--json with --format ledger needs --to FILE");
    return 0;
}

static int package_check(struct cli_export *x, int argc, char **argv) {
    for (; x->by_seq && optind < argc; optind++)
        if (!seqs_take(x, argv[optind]))
            return cli_usage("export", "a query or --seq, not both");
    for (int first = optind; optind < argc; optind++) {
        fk_buf_str(&x->query, optind > first ? " " : "");
        fk_buf_str(&x->query, argv[optind]);
    }
    bool narrowed = x->search.user || x->search.since_ms != INT64_MIN ||
                    x->search.until_ms != INT64_MAX || x->query.len;
    if (!x->to)
        return cli_usage("export", "--to DIR says where to, or one of list and destroyed");
    if (x->by_seq ? narrowed : !narrowed)
        return cli_usage("export", "of what? A query, --user, --since, --until; or --seq N...");
    if (x->sealed != (x->keys_to != NULL))
        return cli_usage("export", "--sealed and --keys-to DIR belong together");
    if (x->sealed && x->mbox)
        return cli_usage("export", "an mbox has mail in the clear: not with --sealed");
    return 0;
}

int cmd_export(struct fk_cli *cli, int argc, char **argv) {
    struct cli_export x = {.cli = cli, .search = FK_SEARCH_OPTIONS};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    int rc = options_read(&x, argc, argv);
    const char *verb = rc == 0 && !x.to && !x.ledger && optind < argc ? argv[optind] : "";
    int left = argc - optind - 1;
    fk_person(x.person, sizeof x.person);
    if (rc == 0 && x.ledger) {
        if ((rc = ledger_check(&x, argc, argv)) == 0)
            st = cli_export_ledger(&x, &err);
    } else if (rc == 0 && strcmp(verb, "list") == 0 && left == 0)
        st = list_run(&x, &err);
    else if (rc == 0 && strcmp(verb, "destroyed") == 0 && left == 1 && x.reason)
        st = destroyed_run(&x, argv[optind + 1], &err);
    else if (rc == 0 && (rc = package_check(&x, argc, argv)) == 0)
        st = package_run(&x, &err);
    cli_export_free(&x);
    return rc ? rc : st == FK_OK ? cli_finish(0) : cli_fail(&err);
}
