/* deliver.c - `fumikura deliver`: archived messages back to a mailbox. The bytes go as they are
 * kept: no Resent- fields, which would break signatures and make another message of it; who sent
 * it, when, to whom and why stands in the ledger, before anything leaves. */
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/submit.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS = 300, MESSAGES_MAX = 1000 };

struct deliver {
    const struct fk_cli *cli;
    const char *to, *via, *from, *reason;
    bool json;
    struct fk_seqs seqs;
    struct fk_keep *keep;
    struct fk_lend *lend;
    uint64_t act;
};

/* ---- before anything leaves */

/* All must be messages, so that a mistake among them sends none. */
static enum fk_status seqs_check(struct deliver *d, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < d->seqs.count; i++) {
        fk_buf_reset(&lines);
        st = fk_lend_lines(d->lend, d->seqs.at[i], &lines, err);
        if (st == FK_NOT_FOUND)
            FK_TRY(fk_fail(err, st, "there is no entry %" PRIu64, d->seqs.at[i]));
        FK_TRY(st);
        const uint8_t *lf = memchr(lines.data, '\n', lines.len);
        FK_TRY(fk_entry_read(lines.data, lf ? (size_t)(lf + 1 - lines.data) : lines.len, &e, err));
        if (!fk_entry_is(&e, "mail"))
            FK_TRY(fk_fail(err, FK_INVALID, "entry %" PRIu64 " (%s) is no message; none was sent",
                           d->seqs.at[i], e.kind));
    }
done:
    fk_buf_free(&lines);
    return st;
}

static enum fk_status act_append(struct deliver *d, struct fk_err *err) {
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    fk_buf_str(&fields, "what=deliver of=");
    fk_seqs_format(&d->seqs, &fields);
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    fk_fields_add_str(&body, "reason", d->reason);
    fk_fields_add_str(&body, "to", d->to);
    fk_fields_add_str(&body, "server", d->via);
    struct fk_record record = {.kind = "act", .fields = fk_buf_cstr(&fields), .body = &body};
    if (fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an act"));
    FK_TRY(fk_keep_append(d->keep, &record, &receipt, err));
    d->act = receipt.seq;
done:
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

/* ---- one message */

/* SMTP has lines that end in CRLF and no other line ends: a lone LF becomes CRLF, which an
 * importer's file may need. *changed_out: whether there was one. */
static enum fk_status lines_make(const uint8_t *data, size_t len, struct fk_buf *out,
                                 bool *changed_out, struct fk_err *err) {
    *changed_out = false;
    for (size_t i = 0; i < len;) {
        const uint8_t *lf = memchr(data + i, '\n', len - i);
        size_t n = lf ? (size_t)(lf - data) - i : len - i;
        fk_buf_add(out, data + i, n);
        if (lf) {
            bool crlf = lf > data && lf[-1] == '\r';
            *changed_out |= !crlf;
            fk_buf_str(out, crlf ? "\n" : "\r\n");
        }
        i += n + (lf != NULL);
    }
    return out->failed ? fk_fail(err, FK_NOMEM, "no memory for a message of %zu bytes", len)
                       : FK_OK;
}

static void fact_append(struct deliver *d, uint64_t seq, const char *result) {
    char fields[128];
    struct fk_receipt receipt;
    struct fk_err why = FK_ERR_INIT;
    snprintf(fields, sizeof fields, "what=deliver of=%" PRIu64 " act=%" PRIu64 " result=%s", seq,
             d->act, result);
    if (fk_keep_append(d->keep, &(struct fk_record){"fact", fields, NULL}, &receipt, &why) != FK_OK)
        fprintf(stderr, "fumikura: note: what came of it is not recorded: %s\n", why.text);
}

static enum fk_status one_send(struct deliver *d, uint64_t seq, bool *changed_out,
                               struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    struct fk_envelope e;
    struct fk_buf mail = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_lend_content(d->lend, seq, d->act, &content, err));
    FK_TRY(fk_envelope_split(content.bytes, content.len, &e, err));
    FK_TRY(lines_make(e.message, e.message_len, &mail, changed_out, err));
    const struct fk_submission s = {.via = d->via,
                                    .hello = d->cli->config->hostname,
                                    .from = d->from,
                                    .to = d->to,
                                    .mail = &mail,
                                    .seconds = SECONDS};
    st = fk_submit(&s, err);
    fact_append(d, seq, st == FK_OK ? "taken" : "failed");
done:
    fk_buf_wipe(&mail);
    fk_content_free(&content);
    return st;
}

static void result_print(const struct deliver *d, uint64_t seq, bool changed,
                         const struct fk_err *why) {
    if (d->json)
        cli_json_line(json_pack("{s:o, s:s, s:s, s:o, s:b, s:o, s:o}", "seq", cli_json_number(seq),
                                "to", d->to, "via", d->via, "act", cli_json_number(d->act),
                                "line_ends_changed", changed, "taken", json_boolean(!why), "text",
                                why ? cli_json_text(why->text, strlen(why->text)) : json_null()));
    else if (why)
        fprintf(stderr, "fumikura: entry %" PRIu64 ": %s\n", seq, why->text);
    else
        printf("entry %" PRIu64 " was taken by %s for %s; entry %" PRIu64 " records it%s\n", seq,
               d->via, d->to, d->act,
               changed ? "; its lines ended in LF alone, which SMTP does not have: sent with CRLF"
                       : "");
}

/* All are tried; the first failure decides the exit status. */
static enum fk_status deliver(struct deliver *d, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_lend_open(d->cli->dir, &d->lend, err));
    FK_TRY(seqs_check(d, err));
    FK_TRY(fk_keep_open(d->cli->dir, &d->keep, err));
    FK_TRY(act_append(d, err));
    for (size_t i = 0; i < d->seqs.count; i++) {
        struct fk_err why = FK_ERR_INIT;
        bool changed = false;
        enum fk_status one = one_send(d, d->seqs.at[i], &changed, &why);
        result_print(d, d->seqs.at[i], changed, one == FK_OK ? NULL : &why);
        if (one != FK_OK && st == FK_OK)
            st = one;
    }
    if (st != FK_OK)
        (void)fk_fail(err, st, "not all was delivered");
done:
    fk_keep_close(&d->keep);
    fk_lend_close(&d->lend);
    return st;
}

static int options_read(struct deliver *d, int argc, char **argv) {
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},   {"via", required_argument, NULL, 'v'},
        {"from", required_argument, NULL, 'f'}, {"reason", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},       {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't' && !fk_value_mailbox(d->to = optarg))
            return cli_usage("deliver", "--to takes " FK_EXPECTED_MAILBOX);
        else if (o == 'f' && *optarg && !fk_value_mailbox(optarg))
            return cli_usage("deliver", "--from takes " FK_EXPECTED_MAILBOX);
        else if (o == 'f')
            d->from = optarg;
        else if (o == 'v' && !fk_value_mail_server(d->via = optarg))
            return cli_usage("deliver", "--via takes " FK_EXPECTED_MAIL_SERVER);
        else if (o == 'r')
            d->reason = optarg;
        else if (o == 'j')
            d->json = true;
        else if (o == '?')
            return cli_usage("deliver", "no such option");
    }
    for (int i = optind; i < argc; i++) {
        uint64_t seq;
        if (!fk_value_number(argv[i], &seq))
            return cli_usage("deliver", "expected numbers of entries, not %s", argv[i]);
        fk_seqs_add(&d->seqs, seq);
    }
    fk_seqs_sort(&d->seqs);
    if (!d->seqs.count || d->seqs.count > MESSAGES_MAX)
        return cli_usage("deliver", "expected the numbers of 1 to %d entries", MESSAGES_MAX);
    if (!d->to || !d->reason || !*d->reason)
        return cli_usage("deliver", "needs --to and --reason");
    return 0;
}

int cmd_deliver(struct fk_cli *cli, int argc, char **argv) {
    struct deliver d = {.cli = cli, .via = cli->config->mail_via, .from = ""};
    struct fk_err err = FK_ERR_INIT;
    int rc = options_read(&d, argc, argv);
    if (rc == 0 && deliver(&d, &err) != FK_OK)
        rc = cli_fail(&err);
    fk_seqs_free(&d.seqs);
    return cli_finish(rc);
}
