/* verify.c - everything is read again and checked; each finding says where, what, and what to do.
 */
#include "archiver/vault/log_verify.h"
#include "archiver/vault/logbook.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/json.h"
#include "cli/ledger.h"
#include "cli/stamps_report.h"
#include "cli/verify_dkim.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct verify {
    const char *from, *to; /* dates or seqs as given; NULL where not */
    struct fk_verify_range range;
    const char *against, *vkey; /* a checkpoint from outside, the key it is signed with */
    const char *witness;        /* and of who must have cosigned it */
    uint64_t findings;
    bool json, dkim; /* dkim: signatures, and nothing else */
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
        {"recipe", "the content is damaged, or was written by a newer version"},
        {"revived",
         "an older copy of keys/ was put back: put the newest one in its place (mirror), "
         "and destroy the older copy"},
        {"codec", "the content is damaged, or was written by a newer version"},
        {"truncated", changed},
        {"fork", changed},
        {"tile", "stop the server, remove log/tile and start it: the tiles are made anew"},
        {"stamp", "restore DIR/time from a copy, or ask the authority"},
        {"auth",
         "the message or the evidence is another than then, or the checker judges otherwise"},
        {"note", "it is made anew by the server; compare it with one from outside"},
        {"witness", "take a checkpoint that it has cosigned, or ask why it did not"},
        {"leftover", "nothing is lost: it goes when a server or \"fumikura seal\" is run"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].check, check) == 0)
            return table[i].advice;
    return "restore this segment from a tape or a copy";
}

static void on_finding(void *ctx, const struct fk_finding *f) {
    struct verify *v = ctx;
    v->findings++;
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
            "{s:{s:o, s:o, s:o, s:o, s:o, s:o, s:o}}", "sum", "entries",
            cli_json_number(sum->entries), "contents", cli_json_number(sum->contents), "disposed",
            cli_json_number(sum->disposed), "unfinished", cli_json_number(sum->unfinished), "bytes",
            cli_json_number(sum->bytes), "findings", cli_json_number(sum->findings), "next",
            cli_json_number(sum->next_seq)));
    else
        printf("%" PRIu64 " entries, %" PRIu64 " contents (%" PRIu64 " bytes) read again, %" PRIu64
               " disposed of: %" PRIu64 " findings\n",
               sum->entries, sum->contents, sum->bytes, sum->disposed, sum->findings);
    if (!v->json && sum->unfinished)
        printf("%" PRIu64
               " more are disposed of by an entry, and their keys are not destroyed yet: a "
               "server, or the next command that writes, does it as soon as there is room\n",
               sum->unfinished);
}

/* A seq, or a date as the first seq that was not written before it; as an end, one after the last
 * that was not written after it. */
static enum fk_status place_find(struct fk_lend *lend, const struct fk_cli *cli, const char *text,
                                 bool is_end, uint64_t *out, struct fk_err *err) {
    struct fk_head head;
    int64_t ms;
    uint64_t first, end;
    if (!text)
        return FK_OK;
    if (!fk_value_number(text, out)) {
        if (!cli_date(text, is_end, cli->config->zone_minutes, &ms))
            return fk_fail(
                err, FK_INVALID,
                "\"%s\"; expected a date such as 2026-11-24 or 2026-11-24T10:00, or a seq", text);
        enum fk_status st = cli_ledger_span(lend, is_end ? INT64_MIN : ms, is_end ? ms : INT64_MAX,
                                            &first, &end, err);
        if (st == FK_OK)
            *out = is_end ? end : first < end ? first : UINT64_MAX;
        return st;
    }
    enum fk_status st = fk_lend_head(lend, &head, err);
    if (st == FK_OK && *out >= head.next_seq)
        return fk_fail(err, FK_NOT_FOUND, "there is no entry %" PRIu64 ": the last is %" PRIu64,
                       *out, head.next_seq - 1);
    *out += is_end;
    return st;
}

/* The worse of two: trouble before findings, findings before nothing. */
static void take(enum fk_status *st, enum fk_status next) {
    if (*st == FK_OK || (*st == FK_CORRUPT && next != FK_OK))
        *st = next;
}

/* A note that is none, or of another log, is what the caller gave, and no finding about the vault.
 */
/* That a witness cosigned is for whoever checks to ask for: by itself a checkpoint needs none. */
static enum fk_status witness_check(struct verify *v, const struct fk_buf *note,
                                    const struct fk_verifier *witness, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    char when[FK_TIME_SIZE];
    int64_t time_s;
    if (fk_checkpoint_signature(note->data, note->len, witness, NULL, &time_s, &why) != FK_OK) {
        struct fk_finding f = {.seq = UINT64_MAX, .check = "witness"};
        snprintf(f.text, sizeof f.text, "%s: %.300s", v->against, why.text);
        on_finding(v, &f);
        return fk_fail(err, FK_CORRUPT, "%s", f.text);
    }
    fk_time_format(when, time_s * 1000);
    if (v->json)
        cli_json_line(
            json_pack("{s:{s:s, s:s}}", "cosigned", "witness", witness->name, "time", when));
    else
        printf("%s cosigned it at %s\n", witness->name, when);
    return FK_OK;
}

static enum fk_status against(const struct fk_cli *cli, struct fk_lend *lend, struct verify *v,
                              struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT;
    struct fk_verifier key, witness = {.type = 0};
    struct fk_checkpoint c;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    if (v->witness)
        FK_TRY(fk_verifier_load(v->witness, FK_KEY_WITNESS, &witness, err));
    FK_TRY(v->vkey ? fk_verifier_load(v->vkey, FK_KEY_LOG, &key, err)
                   : fk_logbook_verifier(cli->dir, &key, err));
    FK_TRY(fk_read_file(v->against, 65536, &note, err));
    st = fk_checkpoint_open(note.data, note.len, &key, &c, &why);
    if (st != FK_OK)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: %s", v->against, why.text));
    st = fk_log_compare(cli->dir, lend, &c, on_finding, v, err);
    if (st == FK_OK && v->json)
        cli_json_line(json_pack("{s:{s:s, s:o}}", "against", "origin", c.origin, "size",
                                cli_json_number(c.size)));
    else if (st == FK_OK)
        printf("the first %" PRIu64 " entries are those of the checkpoint %s\n", c.size,
               v->against);
    if (v->witness && (st == FK_OK || v->findings))
        take(&st, witness_check(v, &note, &witness, err));
done:
    fk_buf_free(&note);
    return st;
}

static enum fk_status stamps_verify(const struct fk_cli *cli, struct fk_lend *lend,
                                    struct verify *v, struct fk_err *err) {
    const struct cli_stamps_report r = {.from = v->range.from,
                                        .to = v->range.to,
                                        .is_period = v->from || v->to,
                                        .json = v->json,
                                        .finding = on_finding,
                                        .ctx = v};
    cli_progress_end();
    return cli_stamps_report(cli, lend, &r, err);
}

static enum fk_status signatures_verify(const struct fk_cli *cli, struct fk_lend *lend,
                                        struct verify *v, struct fk_err *err) {
    struct cli_verify_dkim d = {
        .from = v->range.from, .to = v->range.to, .finding = on_finding, .ctx = v};
    const enum fk_status st = cli_verify_dkim(cli, lend, &d, err);
    if (st != FK_OK && !d.differ)
        return st;
    if (v->json)
        cli_json_line(json_pack("{s:{s:o, s:o, s:o, s:o, s:o, s:o}}", "dkim", "messages",
                                cli_json_number(d.messages), "signatures",
                                cli_json_number(d.signatures), "hold", cli_json_number(d.held),
                                "disposed", cli_json_number(d.disposed), "unread",
                                cli_json_number(d.unread), "findings", cli_json_number(d.differ)));
    else
        printf("%" PRIu64 " messages judged again by the keys that were kept: %" PRIu64
               " signatures, %" PRIu64 " hold; %" PRIu64 " disposed of, %" PRIu64
               " not read: %" PRIu64 " findings\n",
               d.messages, d.signatures, d.held, d.disposed, d.unread, d.differ);
    return st;
}

static enum fk_status verify(const struct fk_cli *cli, struct verify *v, struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_verify_sum sum = {0};
    const bool whole = !v->from && !v->to && !v->range.segment;
    enum fk_status st;
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(place_find(lend, cli, v->from, false, &v->range.from, err));
    FK_TRY(place_find(lend, cli, v->to, true, &v->range.to, err));
    uint64_t a, b;
    if (v->from && v->to && fk_value_number(v->from, &a) && fk_value_number(v->to, &b) && a > b)
        FK_TRY(fk_fail(err, FK_INVALID, "--from %s is after --to %s", v->from, v->to));
    if (v->range.from == UINT64_MAX || (v->to && v->range.from >= v->range.to)) {
        fprintf(stderr, "fumikura: no entry was written in that time: nothing was read\n");
        sum_print(v, &sum);
        goto done;
    }
    v->range.to -= v->to != NULL;
    if (v->dkim) {
        st = signatures_verify(cli, lend, v, err);
        goto done;
    }
    st = fk_lend_verify(lend, &v->range, on_finding, on_progress, v, &sum, err);
    if (st == FK_OK && v->range.segment && !sum.entries)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "there is no segment %" PRIu64 "; \"fumikura status\" lists them",
                       v->range.segment));
    if (whole && (st == FK_OK || sum.findings))
        take(&st, fk_log_verify(cli->dir, lend, on_finding, v, err));
    if (!v->range.segment && (st == FK_OK || v->findings))
        take(&st, stamps_verify(cli, lend, v, err));
    if (v->against && (st == FK_OK || v->findings))
        take(&st, against(cli, lend, v, err));
    sum.findings = v->findings;
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
                                            {"against", required_argument, NULL, 'a'},
                                            {"vkey", required_argument, NULL, 'k'},
                                            {"witness", required_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"dkim", no_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    struct verify v = {.range = {0, UINT64_MAX, 0}};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'f')
            v.from = optarg;
        else if (o == 't')
            v.to = optarg;
        else if (o == 'a')
            v.against = optarg;
        else if (o == 'k')
            v.vkey = optarg;
        else if (o == 'w')
            v.witness = optarg;
        else if (o == 'j')
            v.json = true;
        else if (o == 'd')
            v.dkim = true;
        else if (o != 's' || !fk_value_number(optarg, &v.range.segment) || !v.range.segment)
            return cli_usage("verify", "expected the number of a segment, from 1");
    }
    if ((v.vkey || v.witness) && !v.against)
        return cli_usage("verify", "--vkey and --witness are keys of the checkpoint that --against "
                                   "names");
    if (v.dkim && (v.against || v.range.segment))
        return cli_usage("verify", "--dkim goes with --from, --to and --json");
    if (optind < argc)
        return cli_usage("verify", "takes no argument \"%s\"", argv[optind]);
    return verify(cli, &v, &err) == FK_OK ? 0 : cli_fail(&err);
}
