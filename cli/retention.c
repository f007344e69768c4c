/* retention.c - what the rules say of each message, and disposal of what is due. */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "cli/certificate.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"
#include "retention/dispose.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally { /* of one class, or of all */
    uint64_t due, kept;
    int64_t earliest_ms, latest_ms; /* of those kept */
};

struct job {
    struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    struct fk_policy *policy;
    struct fk_roll *roll;
    char person[128];
    const char *reason;
    bool json, accept_clock, if_due;
    int zone;
    int64_t now_ms, wall_ms;
    /* of plan */
    struct tally *classes;
    struct fk_seqs due;
    uint64_t held, held_past, ever, *holds, by_clock;
    /* of run */
    uint64_t disposed, entries;
};

static enum fk_status policy_make(struct job *j, struct fk_err *err) {
    const struct fk_config *c = j->cli->config;
    struct fk_class_text *texts = calloc(c->class_count + 1, sizeof *texts);
    if (!texts)
        return fk_fail(err, FK_NOMEM, "no memory for the retention classes");
    for (size_t i = 0; i < c->class_count; i++)
        texts[i] = (struct fk_class_text){c->classes[i].name, c->classes[i].period,
                                          c->classes[i].from, c->classes[i].source};
    enum fk_status st =
        fk_policy_make(texts, c->class_count, c->fiscal_year_end, c->zone_minutes, &j->policy, err);
    if (st != FK_OK)
        fk_err_prefix(err, "%s", j->cli->config_path);
    free(texts);
    return st;
}

static enum fk_status begin(struct job *j, struct fk_err *err) {
    enum fk_status st;
    fk_person(j->person, sizeof j->person);
    j->zone = j->cli->config->zone_minutes;
    FK_TRY(policy_make(j, err));
    FK_TRY(fk_keep_open(j->cli->dir, &j->keep, err));
    FK_TRY(fk_lend_open(j->cli->dir, &j->lend, err));
    FK_TRY(fk_retention_rules(j->keep, j->lend, j->policy, j->person, &j->roll, err));
    j->now_ms = fk_retention_time(j->roll);
    j->wall_ms = fk_now_ms();
done:
    return st;
}

static void end(struct job *j) {
    fk_roll_free(&j->roll);
    fk_lend_close(&j->lend);
    fk_keep_close(&j->keep);
    fk_policy_free(&j->policy);
    fk_seqs_free(&j->due);
    free(j->classes);
    free(j->holds);
}

/* ---- plan */

static void verdict_json(const struct job *j, const struct fk_mail_record *m,
                         const struct fk_verdict *v) {
    static const char *const names[] = {"kept", "held", "due"};
    char time[FK_TIME_SIZE];
    json_t *o = json_object(), *holds = json_array();
    json_object_set_new(o, "type", json_string("message"));
    json_object_set_new(o, "seq", cli_json_number(m->seq));
    json_object_set_new(o, "verdict", json_string(names[v->kind]));
    json_object_set_new(o, "class", v->rule ? json_string(v->rule->name) : json_null());
    fk_time_format(time, v->until_ms == FK_FOR_EVER ? 0 : v->until_ms);
    json_object_set_new(o, "until", v->until_ms == FK_FOR_EVER ? json_null() : json_string(time));
    for (size_t i = 0; v->hold && i < j->roll->holds.count; i++) {
        const struct fk_hold *h = &j->roll->holds.at[i];
        if (!h->released_by && fk_seqs_has(&h->seqs, m->seq))
            json_array_append_new(holds, cli_json_text(h->name, strlen(h->name)));
    }
    json_object_set_new(o, "holds", holds);
    cli_json_line(o);
}

static void count_kept(struct job *j, const struct fk_verdict *v) {
    if (!v->rule) {
        j->ever++;
        return;
    }
    struct tally *t = &j->classes[v->rule - j->policy->classes];
    if (t->kept == 0 || v->until_ms < t->earliest_ms)
        t->earliest_ms = v->until_ms;
    if (t->kept == 0 || v->until_ms > t->latest_ms)
        t->latest_ms = v->until_ms;
    t->kept++;
    j->by_clock += v->until_ms <= j->wall_ms;
}

static void count(struct job *j, const struct fk_mail_record *m, const struct fk_verdict *v) {
    if (v->kind == FK_DUE) {
        j->classes[v->rule - j->policy->classes].due++;
        fk_seqs_add(&j->due, m->seq);
    } else if (v->kind == FK_HELD) {
        j->held++;
        j->held_past += v->until_ms <= j->now_ms;
        for (size_t i = 0; i < j->roll->holds.count; i++)
            j->holds[i] += !j->roll->holds.at[i].released_by &&
                           fk_seqs_has(&j->roll->holds.at[i].seqs, m->seq);
    } else
        count_kept(j, v);
}

static enum fk_status decide_all(struct job *j, struct fk_err *err) {
    j->classes = calloc(j->policy->count + 1, sizeof *j->classes);
    j->holds = calloc(j->roll->holds.count + 1, sizeof *j->holds);
    if (!j->classes || !j->holds)
        return fk_fail(err, FK_NOMEM, "no memory for a plan");
    for (size_t i = 0; i < j->roll->mail_count; i++) {
        const struct fk_mail_record *m = &j->roll->mails[i];
        struct fk_verdict v = fk_decide(m, j->policy, &j->roll->holds, j->now_ms);
        count(j, m, &v);
        if (j->json)
            verdict_json(j, m, &v);
    }
    return j->due.failed ? fk_fail(err, FK_NOMEM, "no memory for the list of what is due") : FK_OK;
}

static void plan_json(const struct job *j) {
    char now[FK_TIME_SIZE], wall[FK_TIME_SIZE];
    uint64_t kept = 0;
    for (size_t i = 0; i < j->policy->count; i++)
        kept += j->classes[i].kept;
    fk_time_format(now, j->now_ms);
    fk_time_format(wall, j->wall_ms);
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string("summary"));
    json_object_set_new(o, "due", cli_json_number(j->due.count));
    json_object_set_new(o, "held", cli_json_number(j->held));
    json_object_set_new(o, "held_past_their_date", cli_json_number(j->held_past));
    json_object_set_new(o, "kept", cli_json_number(kept));
    json_object_set_new(o, "kept_for_ever", cli_json_number(j->ever));
    json_object_set_new(o, "disposed", cli_json_number(j->roll->disposed.count));
    json_object_set_new(o, "due_by_the_clock_only", cli_json_number(j->by_clock));
    json_object_set_new(o, "trusted_time", json_string(now));
    json_object_set_new(o, "clock", json_string(wall));
    json_object_set_new(o, "policy",
                        j->roll->policy_seq ? cli_json_number(j->roll->policy_seq) : json_null());
    json_object_set_new(o, "basis", cli_json_number(j->roll->rules));
    cli_json_line(o);
}

static void clock_text(const struct job *j) {
    char now[FK_TIME_SIZE], wall[FK_TIME_SIZE];
    fk_time_local(now, j->now_ms, j->zone);
    fk_time_local(wall, j->wall_ms, j->zone);
    printf("time      %s can be vouched for; the clock says %s\n", now, wall);
    if (j->by_clock)
        printf("          %" PRIu64 " messages more are due if the clock is right: \"retention run "
               "--accept-clock --reason T\" says so on your responsibility\n",
               j->by_clock);
}

static void plan_text(struct job *j) {
    struct fk_buf list = FK_BUF_INIT;
    char first[FK_TIME_SIZE], last[FK_TIME_SIZE];
    if (j->roll->policy_seq)
        printf("rules     entry %" PRIu64 "\n", j->roll->policy_seq);
    else
        printf("rules     none: everything is kept without an end (class, in fumikura.conf)\n");
    clock_text(j);
    fk_seqs_format(&j->due, &list);
    printf("due       %zu%s%s\n", j->due.count, j->due.count ? ": " : "", fk_buf_cstr(&list));
    fk_buf_free(&list);
    for (size_t i = 0; i < j->policy->count; i++)
        if (j->classes[i].due)
            printf("          %" PRIu64 " by class %s\n", j->classes[i].due,
                   j->policy->classes[i].name);
    printf("held      %" PRIu64 ", %" PRIu64 " of them past their date\n", j->held, j->held_past);
    for (size_t i = 0; i < j->roll->holds.count; i++)
        if (j->holds[i]) {
            printf("          %" PRIu64 " by hold ", j->holds[i]);
            cli_print_text(j->roll->holds.at[i].name);
            putchar('\n');
        }
    for (size_t i = 0; i < j->policy->count; i++) {
        const struct tally *t = &j->classes[i];
        if (t->kept == 0)
            continue;
        fk_time_local(first, t->earliest_ms, j->zone);
        fk_time_local(last, t->latest_ms, j->zone);
        printf("kept      %" PRIu64 " by class %s, until %.10s .. %.10s\n", t->kept,
               j->policy->classes[i].name, first, last);
    }
    printf("for ever  %" PRIu64 " that no class matches\n", j->ever);
    printf("disposed  %zu\n", j->roll->disposed.count);
}

static enum fk_status plan(struct job *j, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(begin(j, err));
    FK_TRY(decide_all(j, err));
    if (j->json)
        plan_json(j);
    else
        plan_text(j);
done:
    return st;
}

/* ---- run */

static void certify(void *ctx, const struct fk_disposal *d) {
    struct job *j = ctx;
    const struct cli_certificate c = {.roll = d->roll,
                                      .entry = d->entry,
                                      .basis = d->basis,
                                      .policy_seq = d->roll->policy_seq,
                                      .time_ms = d->time_ms,
                                      .rule = d->rule,
                                      .c256 = d->c256,
                                      .person = j->person,
                                      .reason = j->reason,
                                      .seqs = d->seqs,
                                      .zone = j->zone};
    if (j->json)
        cli_certificate_json(&c);
    else
        cli_certificate_text(&c);
    j->disposed += d->seqs->count;
    j->entries++;
}

/* Search leaves out what a dispose entry names from that moment on; here its words leave the index.
 * That this may have to wait takes nothing back. */
static void index_forget(struct job *j) {
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = j->disposed ? cli_index_follow(j->cli, &err) : FK_OK;
    cli_progress_end();
    if (st != FK_OK)
        fprintf(stderr, "fumikura: the index has yet to forget (\"fumikura index --wait\"): %s\n",
                err.text);
}

static enum fk_status run(struct job *j, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(begin(j, err));
    if (j->accept_clock)
        FK_TRY(fk_retention_accept_clock(j->keep, j->roll, j->person, j->reason, err));
    else
        FK_TRY(fk_retention_mark_clock(j->keep, j->roll, err));
    struct fk_retention_desk desk = {j->keep, j->lend, j->policy, j->person, j->reason};
    FK_TRY(fk_retention_dispose(&desk, certify, j, err));
    index_forget(j);
    if (j->disposed == 0 && !j->if_due)
        st = fk_fail(err, FK_NOT_FOUND,
                     "nothing may be disposed of now (\"retention plan\" says why)");
done:
    return st;
}

static int certificate_run(const struct fk_cli *cli, const char *text, bool json) {
    struct fk_err err = FK_ERR_INIT;
    char *end;
    uint64_t entry = strtoull(text, &end, 10);
    if (*end || end == text || *text == '-')
        return cli_usage("retention", "%s: is not the number of an entry", text);
    enum fk_status st = cli_certificate_show(cli, entry, json, &err);
    return st == FK_OK ? cli_finish(0) : cli_fail(&err);
}

int cmd_retention(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"accept-clock", no_argument, NULL, 'a'},
                                            {"if-due", no_argument, NULL, 'i'},
                                            {NULL, 0, NULL, 0}};
    struct job j = {.cli = cli, .reason = NULL};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            j.json = true;
        else if (o == 'r')
            j.reason = optarg;
        else if (o == 'i')
            j.if_due = true;
        else if (o == 'a')
            j.accept_clock = true;
        else
            return cli_usage("retention", "no such option");
    }
    if (optind == argc - 2 && strcmp(argv[optind], "certificate") == 0 && !j.reason && !j.if_due &&
        !j.accept_clock)
        return certificate_run(cli, argv[optind + 1], j.json);
    const char *verb = optind == argc - 1 ? argv[optind] : "";
    bool runs = strcmp(verb, "run") == 0;
    if (!runs && strcmp(verb, "plan") != 0)
        return cli_usage("retention", "expected plan, run or certificate SEQ");
    if (j.accept_clock && (!runs || !j.reason))
        return cli_usage("retention", "--accept-clock goes with run and a --reason of its own");
    if (j.if_due && !runs)
        return cli_usage("retention", "--if-due goes with run");
    if (!j.reason)
        j.reason = "the period of the class is over";
    enum fk_status st = runs ? run(&j, &err) : plan(&j, &err);
    end(&j);
    return st == FK_OK ? 0 : cli_fail(&err);
}
