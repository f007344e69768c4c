/* hold.c - legal holds: named sets of messages that no rule can dispose of. */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"
#include "retention/roll.h"
#include "search/search.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hold {
    const struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    struct fk_roll *roll;
    const char *name, *reason, *query, *user;
    int64_t since_ms, until_ms;
    struct fk_seqs seqs;
    bool all, json;
    char person[128];
};

static enum fk_status vault_open(struct hold *h, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_keep_open(h->cli->dir, &h->keep, err));
    st = fk_lend_open(h->cli->dir, &h->lend, err);
done:
    return st;
}

static void vault_close(struct hold *h) {
    fk_roll_free(&h->roll);
    fk_lend_close(&h->lend);
    fk_keep_close(&h->keep);
    fk_seqs_free(&h->seqs);
}

/* ---- add */

/* A hold that misses what the index has not read yet would be a hole that nobody sees. */
static enum fk_status coverage_check(const struct fk_search_coverage *c, struct fk_err *err) {
    if (c->unread)
        return fk_fail(err, FK_RETRY,
                       "the index has %" PRIu64
                       " messages yet to read, which this hold would miss; "
                       "\"fumikura index --wait\" first",
                       c->unread);
    if (c->partial)
        fprintf(stderr,
                "fumikura: note: %" PRIu64 " messages are only partly searchable "
                "(search unsearchable:any lists them); the hold has those that were found\n",
                c->partial);
    return FK_OK;
}

static enum fk_status seqs_by_query(struct hold *h, struct fk_err *err) {
    enum fk_status st;
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_search_options o = FK_SEARCH_OPTIONS;
    struct fk_hit hit;
    o.query = h->query;
    o.user = h->user;
    o.since_ms = h->since_ms;
    o.until_ms = h->until_ms;
    o.zone_minutes = h->cli->config->zone_minutes;
    o.domains = h->cli->config->domains;
    o.person = h->person;
    o.reason = h->reason;
    o.via = "cli";
    FK_TRY(fk_search_open(h->cli->dir, h->keep, h->lend, &o, &search, &fault, err));
    FK_TRY(coverage_check(fk_search_coverage(search), err));
    while ((st = fk_search_next(search, &hit, err)) == FK_OK)
        for (size_t i = 0; i < hit.captures->count; i++)
            fk_seqs_add(&h->seqs, hit.captures->at[i]);
    if (st != FK_NOT_FOUND)
        goto done;
    st = FK_OK;
    if (h->seqs.count == 0)
        st = fk_fail(err, FK_NOT_FOUND, "\"%s\" finds no message: nothing to hold", h->query);
done:
    fk_search_close(&search);
    return st;
}

static enum fk_status seqs_check(const struct hold *h, struct fk_err *err) {
    for (size_t i = 0; i < h->seqs.count; i++) {
        uint64_t seq = h->seqs.at[i];
        if (fk_roll_mail(h->roll, seq))
            continue;
        if (fk_seqs_has(&h->roll->disposed, seq))
            return fk_fail(err, FK_NOT_FOUND, "message %" PRIu64 " is disposed of", seq);
        if (seq >= h->roll->head.next_seq)
            return fk_fail(err, FK_NOT_FOUND, "there is no entry %" PRIu64 "; the last is %" PRIu64,
                           seq, h->roll->head.next_seq - 1);
        return fk_fail(err, FK_INVALID, "entry %" PRIu64 " is no message (show --entry tells what)",
                       seq);
    }
    return FK_OK;
}

static enum fk_status hold_append(struct hold *h, struct fk_receipt *receipt, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    fk_hold_body(&body, h->name, h->reason, h->person, h->query, &h->seqs);
    enum fk_status st =
        body.failed ? fk_fail(err, FK_NOMEM, "no memory for the hold")
                    : fk_keep_append(h->keep, &(struct fk_record){"hold", "", &body}, receipt, err);
    fk_buf_free(&body);
    return st;
}

/* Between the check and the entry a disposal may have come: then the hold has nothing of it, and
 * who asked must know. */
static enum fk_status check_again(struct hold *h, const struct fk_receipt *receipt,
                                  struct fk_err *err) {
    if (receipt->seq == h->roll->head.next_seq)
        return FK_OK;
    fk_roll_free(&h->roll);
    enum fk_status st = fk_roll_read(h->lend, &h->roll, err);
    if (st == FK_OK && (st = seqs_check(h, err)) != FK_OK)
        return fk_err_prefix(err, "the hold is entry %" PRIu64 ", but it came too late",
                             receipt->seq);
    return st;
}

static enum fk_status add(struct hold *h, struct fk_err *err) {
    enum fk_status st;
    struct fk_receipt receipt;
    FK_TRY(vault_open(h, err));
    if (h->query)
        FK_TRY(seqs_by_query(h, err));
    fk_seqs_sort(&h->seqs);
    if (h->seqs.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the list of messages"));
    FK_TRY(fk_roll_read(h->lend, &h->roll, err));
    const struct fk_hold *same = fk_holds_named(&h->roll->holds, h->name);
    if (same)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "there is a hold \"%s\" already (entry %" PRIu64
                       "); release it, or take another name",
                       h->name, same->seq));
    FK_TRY(seqs_check(h, err));
    FK_TRY(hold_append(h, &receipt, err));
    FK_TRY(check_again(h, &receipt, err));
    printf("held %zu %s by \"%s\" (entry %" PRIu64 ")\n", h->seqs.count,
           h->seqs.count == 1 ? "message" : "messages", h->name, receipt.seq);
done:
    return st;
}

/* ---- list */

static void json_print(const struct fk_hold *x) {
    struct fk_buf ranges = FK_BUF_INIT;
    char time[FK_TIME_SIZE];
    json_t *o = json_object();
    fk_seqs_format(&x->seqs, &ranges);
    fk_time_format(time, x->since_ms);
    json_object_set_new(o, "name", cli_json_text(x->name, strlen(x->name)));
    json_object_set_new(o, "seq", cli_json_number(x->seq));
    json_object_set_new(o, "since", json_string(time));
    json_object_set_new(o, "person", cli_json_text(x->person, strlen(x->person)));
    json_object_set_new(o, "reason", cli_json_text(x->reason, strlen(x->reason)));
    json_object_set_new(o, "query",
                        *x->query ? cli_json_text(x->query, strlen(x->query)) : json_null());
    json_object_set_new(o, "messages", cli_json_number(x->seqs.count));
    json_object_set_new(o, "seqs", json_string(fk_buf_cstr(&ranges)));
    fk_time_format(time, x->released_ms);
    json_object_set_new(o, "released_by",
                        x->released_by ? cli_json_number(x->released_by) : json_null());
    json_object_set_new(o, "released", x->released_by ? json_string(time) : json_null());
    cli_json_line(o);
    fk_buf_free(&ranges);
}

static void text_print(const struct fk_hold *x, int zone) {
    char time[FK_TIME_SIZE];
    fk_time_local(time, x->since_ms, zone);
    cli_print_text(x->name);
    printf("\tsince %s\t%zu messages\t", time, x->seqs.count);
    cli_print_text(x->person);
    putchar('\t');
    cli_print_text(x->reason);
    if (*x->query) {
        printf("\tquery ");
        cli_print_text(x->query);
    }
    if (x->released_by) {
        fk_time_local(time, x->released_ms, zone);
        printf("\treleased %s by entry %" PRIu64, time, x->released_by);
    }
    putchar('\n');
}

/* Who holds what and why is a look like any other: it stands in the ledger before it is printed. */
static enum fk_status list_record(struct hold *h, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    fk_fields_add_str(&body, "person", h->person);
    fk_fields_add_str(&body, "via", "cli");
    enum fk_status st =
        body.failed ? fk_fail(err, FK_NOMEM, "no memory for an act")
                    : fk_keep_append(h->keep, &(struct fk_record){"act", "what=holds", &body},
                                     &receipt, err);
    fk_buf_free(&body);
    return st;
}

static enum fk_status list(struct hold *h, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(vault_open(h, err));
    FK_TRY(list_record(h, err));
    FK_TRY(fk_roll_read(h->lend, &h->roll, err));
    for (size_t i = 0; i < h->roll->holds.count; i++) {
        const struct fk_hold *x = &h->roll->holds.at[i];
        if (x->released_by && !h->all)
            continue;
        if (h->json)
            json_print(x);
        else
            text_print(x, h->cli->config->zone_minutes);
    }
done:
    return st;
}

/* ---- release */

static enum fk_status release_one(struct hold *h, const struct fk_hold *x, struct fk_err *err) {
    char fields[40];
    struct fk_receipt receipt;
    struct fk_buf body = FK_BUF_INIT;
    snprintf(fields, sizeof fields, "of=%" PRIu64, x->seq);
    fk_release_body(&body, h->name, h->reason, h->person);
    enum fk_status st =
        body.failed
            ? fk_fail(err, FK_NOMEM, "no memory for the release")
            : fk_keep_append(h->keep, &(struct fk_record){"release", fields, &body}, &receipt, err);
    if (st == FK_OK)
        printf("released \"%s\" (hold of entry %" PRIu64 ", release entry %" PRIu64 ")\n", h->name,
               x->seq, receipt.seq);
    fk_buf_free(&body);
    return st;
}

static enum fk_status release(struct hold *h, struct fk_err *err) {
    enum fk_status st;
    bool any = false;
    FK_TRY(vault_open(h, err));
    FK_TRY(fk_roll_read(h->lend, &h->roll, err));
    for (size_t i = 0; i < h->roll->holds.count; i++) {
        const struct fk_hold *x = &h->roll->holds.at[i];
        if (x->released_by || strcmp(x->name, h->name) != 0)
            continue;
        FK_TRY(release_one(h, x, err));
        any = true;
    }
    if (!any)
        st = fk_fail(err, FK_NOT_FOUND, "there is no hold \"%s\" in force (hold list)", h->name);
done:
    return st;
}

/* ---- the command line */

/* "5-7,9": true when it is a list of seqs; they are added. */
static bool seqs_take(struct hold *h, const char *text) {
    struct fk_seqs some = {0};
    if (!fk_seqs_parse(text, strlen(text), 10000000, &some))
        return false;
    for (size_t i = 0; i < some.count; i++)
        fk_seqs_add(&h->seqs, some.at[i]);
    fk_seqs_free(&some);
    return true;
}

static bool is_plain(const char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    return true;
}

static int options_read(struct hold *h, int argc, char **argv) {
    static const struct option options[] = {{"reason", required_argument, NULL, 'r'},
                                            {"query", required_argument, NULL, 'q'},
                                            {"seq", required_argument, NULL, 's'},
                                            {"user", required_argument, NULL, 'u'},
                                            {"since", required_argument, NULL, 'f'},
                                            {"until", required_argument, NULL, 't'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    int zone = h->cli->config->zone_minutes;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'r')
            h->reason = optarg;
        else if (o == 'q')
            h->query = optarg;
        else if (o == 'u')
            h->user = optarg;
        else if (o == 'a')
            h->all = true;
        else if (o == 'j')
            h->json = true;
        else if (o == 's' && !seqs_take(h, optarg))
            return cli_usage("hold", "--seq %s: expected numbers of messages such as 5-7,9",
                             optarg);
        else if (o == 'f' && !cli_date(optarg, false, zone, &h->since_ms))
            return cli_usage("hold", "--since %s: expected a date such as 2026-11-24", optarg);
        else if (o == 't' && !cli_date(optarg, true, zone, &h->until_ms))
            return cli_usage("hold", "--until %s: expected a date such as 2026-11-24", optarg);
        else if (o == '?')
            return cli_usage("hold", "no such option");
    }
    return 0;
}

static int add_check(struct hold *h, int argc, char **argv, int at) {
    bool by_seq = h->seqs.count > 0;
    if (!h->reason || !*h->reason)
        return cli_usage("hold", "--reason is needed: it stands in the ledger");
    if (by_seq == (h->query != NULL))
        return cli_usage("hold", "either --query or --seq says which messages");
    if (!*h->name || !is_plain(h->name))
        return cli_usage("hold", "a name has at least one letter, and no control characters");
    for (; at < argc; at++)
        if (!by_seq || !seqs_take(h, argv[at]))
            return cli_usage("hold", "\"%s\": one name, then --query or --seq", argv[at]);
    return 0;
}

int cmd_hold(struct fk_cli *cli, int argc, char **argv) {
    struct hold h = {.cli = cli, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    fk_person(h.person, sizeof h.person);
    int rc = options_read(&h, argc, argv);
    const char *verb = optind < argc ? argv[optind++] : "";
    bool named = optind < argc;
    h.name = named ? argv[optind++] : "";
    if (rc == 0 && strcmp(verb, "add") == 0 && named) {
        rc = add_check(&h, argc, argv, optind);
        if (rc == 0)
            st = add(&h, &err);
    } else if (rc == 0 && strcmp(verb, "list") == 0 && !named)
        st = list(&h, &err);
    else if (rc == 0 && strcmp(verb, "release") == 0 && named && optind == argc) {
        if (h.reason && *h.reason)
            st = release(&h, &err);
        else
            rc = cli_usage("hold", "--reason is needed: it stands in the ledger");
    } else if (rc == 0)
        rc = cli_usage("hold", "expected add NAME, list, or release NAME");
    vault_close(&h);
    return rc ? rc : st == FK_OK ? 0 : cli_fail(&err);
}
