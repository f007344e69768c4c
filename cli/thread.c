/* thread.c - `fumikura thread SEQ`: the conversation that a message is in, as a tree. The act that
 * records the look is durable before anything of it is shown. */
#include "search/thread.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/json.h"
#include "search/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct look {
    const struct fk_cli *cli;
    struct fk_lend *lend;
    struct fk_keep *keep;
    uint64_t seq, act;
    const char *reason;
    bool json;
    struct fk_thread thread;
    struct fk_thread_covered covered;
};

static enum fk_status record(struct look *l, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64], person[128], count[24];
    fk_person(person, sizeof person);
    snprintf(count, sizeof count, "%zu", l->thread.count);
    snprintf(fields, sizeof fields, "what=thread of=%" PRIu64, l->seq);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "command");
    if (l->reason)
        fk_fields_add_str(&body, "reason", l->reason);
    fk_fields_add_str(&body, "messages", count);
    struct fk_record act = {.kind = "act", .fields = fields, .body = &body};
    enum fk_status st = fk_keep_append(l->keep, &act, &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        l->act = receipt.seq;
    else
        (void)fk_err_prefix(err, "the look cannot be recorded, so nothing is shown");
    return st;
}

/* ---- printing */

static void field_print(const struct fk_thread_message *m, const char *name) {
    struct fk_buf value = FK_BUF_INIT;
    if (fk_fields_find(m->data.data, m->data.len, name, &value))
        cli_print_text(fk_buf_cstr(&value));
    fk_buf_free(&value);
}

/* The number first, so that a script need not know of trees. */
static void message_print(const struct look *l, const struct fk_thread_message *m) {
    enum { INDENT_MAX = 20 };
    char received[FK_TIME_SIZE];
    fk_time_local(received, m->received_ms, l->cli->config->zone_minutes);
    printf("%" PRIu64 "\t%s\t", m->seq, received);
    field_print(m, "from");
    printf("\t%*s", 2 * (int)(m->depth < INDENT_MAX ? m->depth : INDENT_MAX), "");
    field_print(m, "subject");
    printf("%s\n", m->join == FK_JOIN_TOPIC ? "\tjoined by its subject" : "");
}

static void coverage_print(const struct look *l) {
    (void)fflush(stdout);
    fprintf(stderr, "%zu %s in the conversation of %" PRIu64 "%s. ", l->thread.count,
            l->thread.count == 1 ? "message" : "messages", l->seq,
            l->thread.is_cut ? ", and more that are not listed" : "");
    if (l->covered.unread > 0)
        fprintf(stderr,
                "Not looked at: %" PRIu64 " messages that the index has not read yet "
                "(fumikura index --wait). ",
                l->covered.unread);
    fprintf(stderr, "Index has read to seq %" PRIu64 " of %" PRIu64 "; act seq=%" PRIu64 ".\n",
            l->covered.mark, l->covered.head, l->act);
}

static void print(const struct look *l) {
    for (size_t i = 0; i < l->thread.count; i++) {
        if (l->json)
            cli_json_line(fk_json_thread_message(&l->thread, i));
        else
            message_print(l, &l->thread.at[i]);
    }
    if (l->json)
        cli_json_line(json_pack(
            "{s:{s:o, s:o, s:b, s:o, s:o, s:o, s:o}}", "coverage", "seq", cli_json_number(l->seq),
            "messages", cli_json_number(l->thread.count), "cut", l->thread.is_cut,
            "ledger_entries", cli_json_number(l->covered.head), "index_mark",
            cli_json_number(l->covered.mark), "unread", cli_json_number(l->covered.unread), "act",
            cli_json_number(l->act)));
    else
        coverage_print(l);
}

static enum fk_status look(struct look *l, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_keep_open(l->cli->dir, &l->keep, err));
    FK_TRY(fk_lend_open(l->cli->dir, &l->lend, err));
    FK_TRY(fk_thread_read(l->cli->dir, l->lend, l->seq, &l->thread, &l->covered, err));
    FK_TRY(record(l, err));
    print(l);
done:
    fk_lend_close(&l->lend);
    fk_keep_close(&l->keep);
    return st;
}

int cmd_thread(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    struct look l = {.cli = cli, .thread = FK_THREAD_INIT};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            l.json = true;
        else if (o == 'r')
            l.reason = optarg;
        else
            return cli_usage("thread", "no such option");
    }
    if (optind + 1 != argc || !fk_value_number(argv[optind], &l.seq))
        return cli_usage("thread", "expected the number of one message");
    const enum fk_status st = look(&l, &err);
    const int status = st == FK_OK ? 0 : cli_fail(&err);
    fk_thread_free(&l.thread);
    return cli_finish(status);
}
