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
#include "indexer/index.h"
#include "search/inclusive.h"
#include "search/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUSIVE_MAX = 200, INCLUSIVE_BYTES = 32 << 20 };

struct look {
    const struct fk_cli *cli;
    struct fk_lend *lend;
    struct fk_keep *keep;
    uint64_t seq, act;
    const char *reason;
    bool json, inclusive;
    struct fk_inclusive_message *judged; /* as the thread's messages; NULL: not asked for */
    struct fk_thread thread;
    struct fk_thread_covered covered;
};

static enum fk_status record(struct look *l, struct fk_err *err) {
    char person[128];
    fk_person(person, sizeof person);
    const struct fk_thread_act act = {person, "command", l->reason,
                                      l->reason ? strlen(l->reason) : 0};
    return fk_thread_record(l->keep, &act, l->seq, &l->thread, &l->act, err);
}

/* ---- which hold all others */

/* Contents are read for it: an act that names each message, and a box for each of them. */
static enum fk_status contents_record(struct look *l, uint64_t *act, struct fk_err *err) {
    struct fk_seqs of = {NULL, 0, 0, false};
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    for (size_t i = 0; i < l->thread.count; i++)
        fk_seqs_add(&of, l->thread.at[i].seq);
    fk_seqs_sort(&of);
    fk_buf_str(&fields, "what=show of=");
    fk_seqs_format(&of, &fields);
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "command");
    if (l->reason)
        fk_fields_add_str(&body, "reason", l->reason);
    fk_fields_add_str(&body, "part", "inclusive");
    struct fk_record record = {.kind = "act", .fields = fk_buf_cstr(&fields), .body = &body};
    enum fk_status st = of.failed || fields.failed || body.failed
                            ? fk_fail(err, FK_NOMEM, "out of memory for an act")
                            : fk_keep_append(l->keep, &record, &receipt, err);
    if (st == FK_OK)
        *act = receipt.seq;
    fk_seqs_free(&of);
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

static void files_take(const struct fk_thread_message *m, struct fk_inclusive_message *out) {
    struct fk_fields it = fk_fields_begin(m->data.data, m->data.len);
    bool has_some = false;
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");) {
        out->is_partial |= fk_field_is(&f, "partial");
        has_some |= fk_field_is(&f, "attachments");
        if (!fk_field_is(&f, "file"))
            continue;
        fk_field_value(&f, &out->names);
        fk_buf_byte(&out->names, '\n');
    }
    fk_buf_add(&out->files, m->attachments.data, m->attachments.len);
    out->has_unknown_file = has_some && m->attachments.len == 0;
}

static enum fk_status text_take(struct look *l, size_t i, uint64_t act, size_t *bytes,
                                struct fk_err *err) {
    struct fk_index_options options = FK_INDEX_OPTIONS;
    struct fk_content content = {.fd = -1};
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st;
    options.seconds = l->cli->config->index_time_s;
    options.memory_bytes = l->cli->config->index_memory;
    files_take(&l->thread.at[i], &l->judged[i]);
    FK_TRY(fk_lend_content(l->lend, l->thread.at[i].seq, act, &content, err));
    FK_TRY(fk_index_message_text(content.fd, &options, &text, err));
    if ((*bytes += text.len) > INCLUSIVE_BYTES)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "the texts of this conversation are over %d MiB, too much for --inclusive",
                       INCLUSIVE_BYTES >> 20));
    st = fk_inclusive_take(&l->judged[i], (const char *)text.data, text.len, err);
done:
    fk_content_free(&content);
    fk_buf_wipe(&text);
    return st;
}

static enum fk_status judge(struct look *l, struct fk_err *err) {
    const size_t n = l->thread.count;
    size_t bytes = 0;
    uint64_t act;
    enum fk_status st = FK_OK;
    if (n > INCLUSIVE_MAX)
        return fk_fail(err, FK_INVALID,
                       "this conversation has %zu messages, and --inclusive takes %d", n,
                       INCLUSIVE_MAX);
    l->judged = calloc(n + 1, sizeof *l->judged);
    if (!l->judged)
        return fk_fail(err, FK_NOMEM, "out of memory for a conversation");
    FK_TRY(contents_record(l, &act, err));
    for (size_t i = 0; i < n; i++)
        FK_TRY(text_take(l, i, act, &bytes, err));
    st = fk_inclusive_judge(l->judged, n, err);
done:
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
    printf("%s", m->join == FK_JOIN_TOPIC ? "\tjoined by its subject" : "");
    if (l->judged)
        printf("\t%s", fk_inclusive_name(l->judged[m - l->thread.at].value));
    putchar('\n');
}

static void message_json(const struct look *l, size_t i) {
    json_t *object = fk_json_thread_message(&l->thread, i);
    (void)json_object_set_new(object, "inclusive",
                              l->judged ? json_string(fk_inclusive_name(l->judged[i].value))
                                        : json_null());
    cli_json_line(object);
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
            message_json(l, i);
        else
            message_print(l, &l->thread.at[i]);
    }
    if (l->json)
        cli_json_line(json_pack(
            "{s:{s:o, s:o, s:b, s:o, s:o, s:o, s:o}}", "coverage", "seq", cli_json_number(l->seq),
            "messages", cli_json_number(l->thread.count), "cut", l->thread.is_cut, "ledger_entries",
            cli_json_number(l->covered.head), "index_mark", cli_json_number(l->covered.mark),
            "unread", cli_json_number(l->covered.unread), "act", cli_json_number(l->act)));
    else
        coverage_print(l);
}

static enum fk_status look(struct look *l, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_keep_open(l->cli->dir, &l->keep, err));
    FK_TRY(fk_lend_open(l->cli->dir, &l->lend, err));
    FK_TRY(fk_thread_read(l->cli->dir, l->lend, l->seq, &l->thread, &l->covered, err));
    FK_TRY(record(l, err));
    if (l->inclusive)
        FK_TRY(judge(l, err));
    print(l);
done:
    fk_lend_close(&l->lend);
    fk_keep_close(&l->keep);
    return st;
}

int cmd_thread(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"inclusive", no_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    struct look l = {.cli = cli, .thread = FK_THREAD_INIT};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            l.json = true;
        else if (o == 'i')
            l.inclusive = true;
        else if (o == 'r')
            l.reason = optarg;
        else
            return cli_usage("thread", "no such option");
    }
    if (optind + 1 != argc || !fk_value_number(argv[optind], &l.seq))
        return cli_usage("thread", "expected the number of one message");
    const enum fk_status st = look(&l, &err);
    const int status = st == FK_OK ? 0 : cli_fail(&err);
    for (size_t i = 0; l.judged && i < l.thread.count; i++)
        fk_inclusive_free(&l.judged[i]);
    free(l.judged);
    fk_thread_free(&l.thread);
    return cli_finish(status);
}
