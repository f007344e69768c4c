/* reconcile.c - `fumikura reconcile`: options, the comparison, the act that records it, then the
 * result. */
#include "cli/reconcile.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/delivery.h"
#include "cli/rejected.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number_add(struct fk_buf *b, const char *name, uint64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    fk_fields_add_str(b, name, text);
}

/* What was compared, and what came of it: no queue ids and no addresses but those of the copies. */
static void body_make(const struct cli_reconcile *r, struct fk_buf *b) {
    char person[128], hex[2 * FK_SHA256_BYTES + 1];
    fk_person(person, sizeof person);
    fk_fields_add_str(b, "person", person);
    fk_fields_add_str(b, "via", "cli");
    if (r->reason)
        fk_fields_add_str(b, "reason", r->reason);
    for (size_t i = 0; i < r->file_count; i++) {
        fk_fields_add_str(b, "file", r->files[i]);
        fk_hex(hex, r->sums[i].digest, FK_SHA256_BYTES);
        fk_fields_add_str(b, "sha256", hex);
    }
    for (size_t i = 0; i < r->trace->copy_count; i++)
        fk_fields_add_str(b, "copy", r->trace->copies[i]);
    for (int f = 0; f < FK_FATES; f++)
        number_add(b, fk_fate_name((enum fk_fate)f), r->fates[f]);
    number_add(b, "wrong", r->wrong_count);
    number_add(b, "rejected", r->refusals);
    number_add(b, "unnamed", r->unnamed);
}

static enum fk_status act_append(struct cli_reconcile *r, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    enum fk_status st;
    body_make(r, &body);
    struct fk_record record = {.kind = "act", .fields = "what=reconcile", .body = &body};
    FK_TRY(fk_keep_open(r->cli->dir, &r->keep, err));
    FK_TRY(fk_keep_append(r->keep, &record, &receipt, err));
    r->act = receipt.seq;
done:
    fk_buf_free(&body);
    return st;
}

static enum fk_status reconcile(struct cli_reconcile *r, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(cli_reconcile_postfix(r, err));
    FK_TRY(act_append(r, err));
    if (r->record)
        FK_TRY(cli_delivery_record(r, &r->recorded, err));
    if (r->record_rejected)
        FK_TRY(cli_rejected_record(r, &r->rejected_recorded, err));
    cli_reconcile_print(r);
done:
    return st;
}

static int options_read(struct cli_reconcile *r, int argc, char **argv, struct fk_err *err) {
    static const struct option options[] = {{"postfix", no_argument, NULL, 'p'},
                                            {"exchange", no_argument, NULL, 'x'},
                                            {"m365", no_argument, NULL, 'm'},
                                            {"copy", required_argument, NULL, 'c'},
                                            {"since", required_argument, NULL, 's'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"source", required_argument, NULL, 'S'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"milter", no_argument, NULL, 'M'},
                                            {"record", no_argument, NULL, 'R'},
                                            {"record-rejected", no_argument, NULL, 'J'},
                                            {NULL, 0, NULL, 0}};
    const int zone = r->cli->config->zone_minutes;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        enum cli_reconcile_mode mode = o == 'p'   ? RECONCILE_POSTFIX
                                       : o == 'x' ? RECONCILE_EXCHANGE
                                       : o == 'm' ? RECONCILE_M365
                                                  : RECONCILE_NONE;
        if (mode && r->mode && mode != r->mode)
            return cli_usage("reconcile", "one of --postfix, --exchange and --m365");
        if (mode)
            r->mode = mode;
        else if (o == 's' && !cli_date(optarg, false, zone, &r->since_ms))
            return cli_usage("reconcile", "--since takes a date such as 2026-11-24, not %s",
                             optarg);
        else if (o == 'u' && !cli_date(optarg, true, zone, &r->until_ms))
            return cli_usage("reconcile", "--until takes a date such as 2026-11-24, not %s",
                             optarg);
        else if (o == 'S' && !fk_value_name(r->source = optarg))
            return cli_usage("reconcile", "--source takes " FK_EXPECTED_NAME ", not %s", optarg);
        else if (o == 'c' && !strchr(optarg, '@'))
            return cli_usage("reconcile", "--copy takes the address that gets the copies, not %s",
                             optarg);
        else if (o == 'c' && fk_mailtrace_copy(r->trace, optarg, strlen(optarg), err) != FK_OK)
            return cli_fail(err);
        else if (o == 'r')
            r->reason = optarg;
        else if (o == 'j')
            r->json = true;
        else if (o == 'M')
            r->milter = true;
        else if (o == 'R')
            r->record = true;
        else if (o == 'J')
            r->record_rejected = true;
        else if (o == '?')
            return cli_usage("reconcile", "no such option");
    }
    r->files = argv + optind;
    r->file_count = (size_t)(argc - optind);
    if (!r->mode || r->file_count == 0)
        return cli_usage("reconcile", "expected --postfix, --exchange or --m365, and the log's "
                                      "files, - for stdin");
    if (r->mode != RECONCILE_POSTFIX)
        return r->record || r->record_rejected || r->source || r->milter || r->trace->copy_count
                   ? cli_usage("reconcile", "--record, --record-rejected, --source, --copy and "
                                            "--milter are for --postfix")
                   : 0;
    r->milter |= *r->cli->config->milter != NULL;
    for (size_t i = 0; i < r->file_count; i++)
        if (strcmp(r->files[i], "-") == 0 && (r->record || r->record_rejected))
            return cli_usage("reconcile",
                             "to record, the log is read twice, and stdin is read once only: name "
                             "its files");
    for (size_t i = 0; i < r->file_count; i++)
        if (strcmp(r->files[i], "-") == 0 && r->trace->copy_count == 0 && !r->milter)
            return cli_usage("reconcile",
                             "stdin is read once only, so say who gets the copies with "
                             "--copy ADDRESS, or that a milter has them with --milter");
    return 0;
}

static int postfix(struct cli_reconcile *r) {
    struct fk_err err = FK_ERR_INIT;
    if (reconcile(r, &err) != FK_OK)
        return cli_fail(&err);
    return cli_reconcile_missing(r) || r->wrong_count ? 1 : 0;
}

static int table(struct cli_reconcile *r) {
    struct fk_err err = FK_ERR_INIT;
    bool findings = false;
    if (cli_reconcile_table(r, &findings, &err) != FK_OK)
        return cli_fail(&err);
    return findings ? 1 : 0;
}

int cmd_reconcile(struct fk_cli *cli, int argc, char **argv) {
    struct cli_reconcile r = {.cli = cli, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
    struct fk_err err = FK_ERR_INIT;
    int rc = fk_mailtrace_new(&r.trace, &err) == FK_OK ? 0 : cli_fail(&err);
    if (rc == 0)
        rc = options_read(&r, argc, argv, &err);
    if (rc == 0)
        rc = r.mode == RECONCILE_POSTFIX ? postfix(&r) : table(&r);
    fk_keep_close(&r.keep);
    fk_lend_close(&r.lend);
    cli_reconcile_free(&r);
    return cli_finish(rc);
}
