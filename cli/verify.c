/* verify.c - everything is read again and checked; each finding says where, what, and what to do.
 */
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/json.h"
#include "cli/ledger.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct verify {
    const char *from, *to; /* dates or seqs as given; NULL where not */
    struct fk_verify_range range;
    bool json;
};

/* What to do about a failed check. The checks are those of docs/cli.md. */
static const char *advice(const char *check) {
    static const char changed[] = "compare the ledger with a tape or an outside witness";
    static const struct {
        const char *check, *advice;
    } table[] = {
        {"chain", changed},
        {"line", changed},
        {"gap", changed},
        {"genesis", changed},
        {"segment", changed},
        {"key", "restore the key file from its mirror or escrow"},
        {"codec", "the content is damaged, or was written by a newer version"},
        {"leftover", "nothing is lost: it goes when a server or \"fumikura seal\" is run"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].check, check) == 0)
            return table[i].advice;
    return "restore this segment from a tape or a copy";
}

static void on_finding(void *ctx, const struct fk_finding *f) {
    const struct verify *v = ctx;
    cli_progress_end();
    if (v->json) {
        cli_json_line(json_pack("{s:o, s:o, s:s, s:o, s:s}", "seq", cli_json_number(f->seq),
                                "segment", cli_json_number(f->segment), "check", f->check, "text",
                                cli_json_text(f->text, strlen(f->text)), "advice",
                                advice(f->check)));
        return;
    }
    if (f->seq == UINT64_MAX)
        printf("entry -");
    else
        printf("entry %" PRIu64, f->seq);
    printf(" segment %" PRIu64 " check %s: %s; %s\n", f->segment, f->check, f->text,
           advice(f->check));
}

static void on_progress(void *ctx, uint64_t done, uint64_t all) {
    (void)ctx;
    cli_progress("verifying", done, all);
}

static void sum_print(const struct verify *v, const struct fk_verify_sum *sum) {
    cli_progress_end();
    if (v->json)
        cli_json_line(json_pack(
            "{s:{s:o, s:o, s:o, s:o, s:o, s:o}}", "sum", "entries", cli_json_number(sum->entries),
            "contents", cli_json_number(sum->contents), "disposed", cli_json_number(sum->disposed),
            "bytes", cli_json_number(sum->bytes), "findings", cli_json_number(sum->findings),
            "next", cli_json_number(sum->next_seq)));
    else
        printf("%" PRIu64 " entries, %" PRIu64 " contents (%" PRIu64 " bytes) read again, %" PRIu64
               " disposed of: %" PRIu64 " findings\n",
               sum->entries, sum->contents, sum->bytes, sum->disposed, sum->findings);
}

/* A seq, or a date as the first seq not before it; as an end, the first after it. */
static enum fk_status place_find(struct fk_lend *lend, const struct fk_cli *cli, const char *text,
                                 bool end, uint64_t *out, struct fk_err *err) {
    int64_t ms;
    if (!text)
        return FK_OK;
    if (fk_value_number(text, out)) {
        *out += end;
        return FK_OK;
    }
    if (!cli_date(text, end, cli->config->zone_minutes, &ms))
        return fk_fail(err, FK_INVALID,
                       "\"%s\"; expected a date such as 2026-11-24 or 2026-11-24T10:00, or a seq",
                       text);
    return cli_ledger_seq_at(lend, ms + end, out, err);
}

static enum fk_status verify(const struct fk_cli *cli, struct verify *v, struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_verify_sum sum = {0};
    enum fk_status st;
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(place_find(lend, cli, v->from, false, &v->range.from, err));
    FK_TRY(place_find(lend, cli, v->to, true, &v->range.to, err));
    if (v->to && v->range.from >= v->range.to) { /* nothing was written then */
        sum_print(v, &sum);
        goto done;
    }
    v->range.to -= v->to != NULL;
    st = fk_lend_verify(lend, &v->range, on_finding, on_progress, v, &sum, err);
    if (st == FK_OK || sum.findings)
        sum_print(v, &sum);
    cli_progress_end();
done:
    fk_lend_close(&lend);
    return st;
}

int cmd_verify(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"segment", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct verify v = {.range = {0, UINT64_MAX, 0}};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'f')
            v.from = optarg;
        else if (o == 't')
            v.to = optarg;
        else if (o == 'j')
            v.json = true;
        else if (o != 's' || !fk_value_number(optarg, &v.range.segment) || !v.range.segment)
            return cli_usage("verify", "expected the number of a segment, from 1");
    }
    if (optind < argc)
        return cli_usage("verify", "takes no argument \"%s\"", argv[optind]);
    return verify(cli, &v, &err) == FK_OK ? 0 : cli_fail(&err);
}
