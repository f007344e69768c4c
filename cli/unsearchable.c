/*
 * cli/unsearchable.c - `fumikura unsearchable`: which files, and which messages, could not be
 * searched, and why. A search for unsearchable:any that is printed by file; it is recorded as one.
 */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "search/json.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct list {
    struct fk_search_options options;
    bool json;
    uint64_t lines;
};

static int take_options(struct fk_cli *cli, int argc, char **argv, struct list *list) {
    static const struct option options[] = {
        {"user", required_argument, NULL, 'u'},  {"since", required_argument, NULL, 's'},
        {"until", required_argument, NULL, 'U'}, {"reason", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},        {NULL, 0, NULL, 0}};
    struct fk_search_options *o = &list->options;
    const int zone = o->zone_minutes = cli->config->zone_minutes;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'u')
            o->user = optarg;
        else if (c == 's' && !cli_date(optarg, false, zone, &o->since_ms))
            return cli_usage(argv[0], "--since takes a date such as 2026-11-24, not %s", optarg);
        else if (c == 'U' && !cli_date(optarg, true, zone, &o->until_ms))
            return cli_usage(argv[0], "--until takes a date such as 2026-11-24, not %s", optarg);
        else if (c == 'r')
            o->reason = optarg;
        else if (c == 'j')
            list->json = true;
        else if (c == '?')
            return cli_usage(argv[0], "no such option");
    }
    return optind < argc
               ? cli_usage(argv[0],
                           "it takes no words: %s; search has queries with unsearchable:REASON",
                           argv[optind])
               : 0;
}

/* file "": the message itself. */
static void line_print(struct list *list, const struct fk_hit *hit, const char *file,
                       const char *reason, const char *subject) {
    char received[FK_TIME_SIZE];
    list->lines++;
    if (list->json) {
        struct fk_buf line = FK_BUF_INIT;
        json_t *o = json_pack("{s:I, s:o, s:o, s:s, s:o}", "seq", (json_int_t)hit->seq, "received",
                              fk_json_time(hit->received_ms), "file",
                              *file ? fk_json_text(file, strlen(file)) : json_null(), "reason",
                              reason, "subject", fk_json_text(subject, strlen(subject)));
        if (fk_json_print(o, &line))
            (void)puts(fk_buf_cstr(&line));
        fk_buf_free(&line);
        return;
    }
    fk_time_local(received, hit->received_ms, list->options.zone_minutes);
    printf("%llu\t%s\t%s\t", (unsigned long long)hit->seq, received, reason);
    cli_print_text(*file ? file : "-");
    putchar('\t');
    cli_print_text(subject);
    putchar('\n');
}

/* Files first; then why the message is, where no file has said it. */
static void hit_print(struct list *list, const struct fk_hit *hit) {
    struct fk_buf subject = FK_BUF_INIT, value = FK_BUF_INIT;
    struct fk_fields it = fk_fields_begin(hit->fields, hit->fields_len);
    (void)fk_fields_find(hit->fields, hit->fields_len, "subject", &subject);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_file = fk_field_is(&f, "unsearchable");
        if (!is_file && !fk_field_is(&f, "partial"))
            continue;
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        char *text = (char *)(uintptr_t)fk_buf_cstr(&value), *blank = strrchr(text, ' ');
        const char *reason = is_file && blank ? blank + 1 : text;
        if (is_file && blank)
            *blank = 0;
        if (is_file)
            line_print(list, hit, text, reason, fk_buf_cstr(&subject));
        else if (!fk_json_file_says(hit, reason))
            line_print(list, hit, "", reason, fk_buf_cstr(&subject));
    }
    fk_buf_free(&subject);
    fk_buf_free(&value);
}

static void coverage_print(const struct list *list, const struct fk_search *search) {
    const struct fk_search_coverage *c = fk_search_coverage(search);
    if (list->json) {
        struct fk_buf line = FK_BUF_INIT;
        if (fk_json_print(json_pack("{s:o}", "coverage", fk_json_coverage(search)), &line))
            (void)puts(fk_buf_cstr(&line));
        fk_buf_free(&line);
        return;
    }
    (void)fflush(stdout);
    fprintf(stderr, "%llu of %llu messages are only partly searchable, for %llu reasons in all. ",
            (unsigned long long)c->total, (unsigned long long)c->documents,
            (unsigned long long)list->lines);
    if (c->unread > 0)
        fprintf(stderr,
                "Not looked at: %llu messages that the index has not read yet (fumikura index "
                "--wait). ",
                (unsigned long long)c->unread);
    fprintf(stderr, "Index has read to seq %llu of %llu; act seq=%llu.\n",
            (unsigned long long)c->mark, (unsigned long long)c->head, (unsigned long long)c->act);
}

int cmd_unsearchable(struct fk_cli *cli, int argc, char **argv) {
    struct list list = {.options = FK_SEARCH_OPTIONS};
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    struct fk_hit hit;
    char person[100];
    enum fk_status st = FK_OK;
    const int status = take_options(cli, argc, argv, &list);
    if (status != 0)
        return status;
    fk_person(person, sizeof person);
    list.options.person = person;
    list.options.via = "command";
    list.options.query = "unsearchable:any";
    FK_TRY(fk_keep_open(cli->dir, &keep, &err));
    FK_TRY(fk_lend_open(cli->dir, &lend, &err));
    FK_TRY(fk_search_open(cli->dir, keep, lend, &list.options, &search, &fault, &err));
    while ((st = fk_search_next(search, &hit, &err)) == FK_OK)
        hit_print(&list, &hit);
    if (st == FK_NOT_FOUND) {
        coverage_print(&list, search);
        st = FK_OK;
    }
done:
    fk_search_close(&search);
    fk_lend_close(&lend);
    fk_keep_close(&keep);
    return cli_finish(st == FK_OK ? 0 : cli_fail(&err));
}
