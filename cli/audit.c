/* audit.c - who did what and why: the acts and decisions in the ledger, with their bodies. Looking
 * at them is an act itself, and stands in the ledger before the first line is printed. */
#include "archiver/vault/keep.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Seqs that one act may name: its line has an end (FK_LINE_MAX). */
enum { SEQS_AN_ACT = 2900 };

struct audit {
    const struct fk_cli *cli;
    const char *since, *until, *reason;
    int64_t since_ms, until_ms;
    bool json;
    struct fk_lend *lend;
    struct fk_keep *keep;
    struct fk_seqs seqs; /* of what is to be listed */
    struct fk_buf lines; /* their lines, in order */
};

/* Of admin entries those that somebody made: marks of the clock come by themselves. */
static bool kind_counts(const struct fk_entry *e) {
    static const char *const kinds[] = {"act",     "hold",   "release", "class", "policy",
                                        "dispose", "export", "key",     "gap"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (fk_entry_is(e, kinds[i]))
            return true;
    char what[16];
    return fk_entry_is(e, "admin") &&
           (!fk_entry_field(e, "what", what, sizeof what) || strcmp(what, "clock") != 0);
}

static enum fk_status entry_collect(void *ctx, const struct fk_entry *e, const char *line,
                                    size_t len, struct fk_err *err) {
    struct audit *a = ctx;
    if (!kind_counts(e) || e->time_ms < a->since_ms || e->time_ms > a->until_ms)
        return FK_OK;
    fk_seqs_add(&a->seqs, e->seq);
    fk_buf_add(&a->lines, line, len);
    return a->seqs.failed || a->lines.failed ? fk_fail(err, FK_NOMEM, "no memory for the acts")
                                             : FK_OK;
}

static enum fk_status dates_read(struct audit *a, struct fk_err *err) {
    const int zone = a->cli->config->zone_minutes;
    if (a->since && !cli_date(a->since, false, zone, &a->since_ms))
        return fk_fail(err, FK_INVALID, "--since \"%s\"; expected a date such as 2026-11-24",
                       a->since);
    if (a->until && !cli_date(a->until, true, zone, &a->until_ms))
        return fk_fail(err, FK_INVALID, "--until \"%s\"; expected a date such as 2026-11-24",
                       a->until);
    return FK_OK;
}

/* The act for the seqs from index i on; *n_out: how many it names. */
static enum fk_status act_append(struct audit *a, size_t i, size_t *n_out, uint64_t *act_out,
                                 struct fk_err *err) {
    struct fk_seqs some = {.at = a->seqs.at + i, .count = a->seqs.count - i};
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    if (some.count > SEQS_AN_ACT)
        some.count = SEQS_AN_ACT;
    fk_buf_str(&fields, "what=audit of=");
    fk_seqs_format(&some, &fields);
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (a->reason)
        fk_fields_add_str(&body, "reason", a->reason);
    struct fk_record record = {.kind = "act", .fields = fk_buf_cstr(&fields), .body = &body};
    if (fields.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an act"));
    FK_TRY(fk_keep_append(a->keep, &record, &receipt, err));
    *n_out = some.count;
    *act_out = receipt.seq;
done:
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

static json_t *body_json(const struct fk_content *c) {
    json_t *root = json_object();
    struct fk_fields it = fk_fields_begin(c->bytes, c->len);
    struct fk_buf value = FK_BUF_INIT;
    char name[128];
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        json_object_set_new(root, name, cli_json_text(value.data, value.len));
    }
    fk_buf_free(&value);
    return root;
}

static void json_print(const struct fk_entry *e, const struct fk_content *c) {
    char time[FK_TIME_SIZE];
    fk_time_format(time, e->time_ms);
    json_t *root = c ? body_json(c) : json_object();
    json_object_set_new(root, "seq", cli_json_number(e->seq));
    json_object_set_new(root, "time", json_string(time));
    json_object_set_new(root, "kind", json_string(e->kind));
    static const char *const names[] = {"what", "of", "rule", "from", "to", "why"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len;
        const char *value = fk_entry_field_at(e, names[i], &len);
        if (value)
            json_object_set_new(root, names[i], cli_json_text(value, len));
    }
    cli_json_line(root);
}

/* The body's fields stay escaped: nothing in them can move the cursor. */
static void text_print(const struct fk_entry *e, const struct fk_content *c, int zone) {
    char time[FK_TIME_SIZE];
    size_t len;
    fk_time_local(time, e->time_ms, zone);
    printf("%" PRIu64 " %s %s", e->seq, time, e->kind);
    const char *what = fk_entry_field_at(e, "what", &len);
    if (what)
        printf(" %.*s", (int)len, what);
    static const char *const names[] = {"of", "from", "to", "why"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = fk_entry_field_at(e, names[i], &len);
        if (value)
            printf(" %s=%.*s", names[i], (int)len, value);
    }
    struct fk_fields it = fk_fields_begin(c ? c->bytes : NULL, c ? c->len : 0);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        printf("%s%.*s=%.*s", "\t", (int)f.name_len, f.name, (int)f.value_len, f.value);
    putchar('\n');
}

static enum fk_status entry_print(struct audit *a, const struct fk_entry *e, uint64_t act,
                                  struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    size_t len;
    enum fk_status st = FK_OK;
    bool has_content = fk_entry_field_at(e, "c256", &len) != NULL;
    if (has_content)
        st = fk_lend_content(a->lend, e->seq, act, &content, err);
    if (st == FK_NOT_FOUND) /* its body is disposed of; that it was done stays */
        has_content = false;
    else if (st != FK_OK)
        return st;
    const struct fk_content *c = has_content ? &content : NULL;
    if (a->json)
        json_print(e, c);
    else
        text_print(e, c, a->cli->config->zone_minutes);
    fk_content_free(&content);
    return FK_OK;
}

static enum fk_status all_print(struct audit *a, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *at = (const char *)a->lines.data, *end = at + a->lines.len;
    uint64_t act = 0;
    size_t allowed = 0;
    for (size_t i = 0; i < a->seqs.count; i++) {
        if (i == allowed) {
            size_t n;
            FK_TRY(act_append(a, i, &n, &act, err));
            allowed += n;
        }
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        struct fk_entry e;
        FK_TRY(fk_entry_read(at, (size_t)(lf + 1 - at), &e, err));
        FK_TRY(entry_print(a, &e, act, err));
        at = lf + 1;
    }
done:
    return st;
}

static enum fk_status audit(struct audit *a, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(dates_read(a, err));
    FK_TRY(fk_lend_open(a->cli->dir, &a->lend, err));
    /* All lines, whatever the dates: a clock that was set back leaves times that do not ascend. */
    FK_TRY(cli_ledger_walk(a->lend, 0, UINT64_MAX, entry_collect, a, err));
    FK_TRY(fk_keep_open(a->cli->dir, &a->keep, err));
    st = all_print(a, err);
done:
    fk_keep_close(&a->keep);
    fk_lend_close(&a->lend);
    fk_seqs_free(&a->seqs);
    fk_buf_free(&a->lines);
    return st;
}

int cmd_audit(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"since", required_argument, NULL, 's'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct audit a = {.cli = cli, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 's')
            a.since = optarg;
        else if (o == 'u')
            a.until = optarg;
        else if (o == 'r')
            a.reason = optarg;
        else if (o == 'j')
            a.json = true;
        else
            return cli_usage("audit", "no such option");
    }
    if (optind < argc)
        return cli_usage("audit", "takes no argument \"%s\"", argv[optind]);
    return audit(&a, &err) == FK_OK ? 0 : cli_fail(&err);
}
