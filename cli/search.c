/*
 * cli/search.c - `fumikura search`: hits to stdout, what was covered to stderr (with --json as last
 * object), so that a script has hits only and a person never hits without their coverage.
 */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/receipt.h"
#include "search/json.h"
#include "search/query_plan.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

struct ask {
    struct fk_search_options options;
    struct fk_buf query;
    bool count, json, captures, explain;
    const char *receipt_path; /* NULL: none */
    struct fk_search_receipt receipt;
};

/* Where neither is given, a person at a terminal reads snippets and a script does not. */
enum { SNIPPET_OPTION = 256, NO_SNIPPET_OPTION };

static bool take_number(const char *text, uint64_t *out) {
    unsigned long long n;
    int end = 0;
    if (strspn(text, "0123456789") != strlen(text) || sscanf(text, "%19llu%n", &n, &end) != 1 ||
        text[end] != 0)
        return false;
    *out = n;
    return true;
}

static int take_options(struct fk_cli *cli, int argc, char **argv, struct ask *ask) {
    static const struct option options[] = {{"user", required_argument, NULL, 'u'},
                                            {"since", required_argument, NULL, 's'},
                                            {"until", required_argument, NULL, 'U'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"count", no_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"captures", no_argument, NULL, 'C'},
                                            {"collapse", required_argument, NULL, 'G'},
                                            {"receipt", required_argument, NULL, 'R'},
                                            {"explain", no_argument, NULL, 'x'},
                                            {"snippet", no_argument, NULL, SNIPPET_OPTION},
                                            {"no-snippet", no_argument, NULL, NO_SNIPPET_OPTION},
                                            {NULL, 0, NULL, 0}};
    struct fk_search_options *o = &ask->options;
    int zone = o->zone_minutes = cli->config->zone_minutes;
    bool is_said = false;
    o->domains = cli->config->domains;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'u')
            o->user = optarg;
        else if (c == 's' && !cli_date(optarg, false, zone, &o->since_ms))
            return cli_usage(argv[0], "--since takes a date such as 2026-11-24, not %s", optarg);
        else if (c == 'U' && !cli_date(optarg, true, zone, &o->until_ms))
            return cli_usage(argv[0], "--until takes a date such as 2026-11-24, not %s", optarg);
        else if (c == 'l' && !take_number(optarg, &o->limit))
            return cli_usage(argv[0], "--limit takes a number (0: all), not %s", optarg);
        else if (c == 'r')
            o->reason = optarg;
        else if (c == 'c')
            ask->count = true;
        else if (c == 'j')
            ask->json = true;
        else if (c == 'C')
            ask->captures = true;
        else if (c == 'x')
            ask->explain = true;
        else if (c == 'G' && !fk_collapse_read(optarg, &o->collapse))
            return cli_usage(argv[0], "--collapse takes thread or similar, not %s", optarg);
        else if (c == 'R')
            ask->receipt_path = optarg;
        else if (c == SNIPPET_OPTION || c == NO_SNIPPET_OPTION) {
            is_said = true;
            o->snippets = c == SNIPPET_OPTION;
        } else if (c == '?')
            return cli_usage(argv[0], "a query that begins with - stands after --");
    }
    for (int i = optind; i < argc; i++) {
        fk_buf_str(&ask->query, i > optind ? " " : "");
        fk_buf_str(&ask->query, argv[i]);
    }
    o->query = fk_buf_cstr(&ask->query);
    if (!is_said)
        o->snippets = !ask->json && isatty(STDOUT_FILENO);
    return 0;
}

/* ---- output */

/* A header of a stranger's mail on a terminal: control characters do nothing there. */
static void print_plain(FILE *to, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            putc(' ', to);
        else
            putc(c, to);
        i += c1;
    }
}

static void print_field(const struct fk_hit *hit, const char *name, struct fk_buf *value) {
    fk_buf_reset(value);
    putchar('\t');
    if (fk_fields_find(hit->fields, hit->fields_len, name, value))
        print_plain(stdout, (const char *)value->data, value->len);
}

static void print_capture(const struct ask *ask, const struct fk_capture *c) {
    char received[FK_TIME_SIZE];
    fk_time_local(received, c->received_ms, ask->options.zone_minutes);
    printf("\t%llu\t%s\t%s\t%s\n", (unsigned long long)c->seq, received, c->via, c->kind);
}

/* A line of its own, the match between « and ». */
static void print_snippet(const struct fk_excerpt *e) {
    if (e == NULL || e->text.len == 0)
        return;
    const char *text = (const char *)e->text.data, *behind = text + e->hit_at + e->hit_len;
    fputs("\t", stdout);
    print_plain(stdout, text, e->hit_at);
    if (e->hit_len > 0) {
        fputs("«", stdout);
        print_plain(stdout, text + e->hit_at, e->hit_len);
        fputs("»", stdout);
    }
    print_plain(stdout, behind, e->text.len - e->hit_at - e->hit_len);
    putchar('\n');
}

static void print_hit(const struct ask *ask, const struct fk_hit *hit, struct fk_buf *line) {
    char received[FK_TIME_SIZE];
    if (ask->json) {
        fk_buf_reset(line);
        if (fk_json_print(fk_json_hit(hit), line))
            (void)puts(fk_buf_cstr(line));
        return;
    }
    fk_time_local(received, hit->received_ms, ask->options.zone_minutes);
    printf("%llu\t%s", (unsigned long long)hit->seq, received);
    print_field(hit, "from", line);
    print_field(hit, "subject", line);
    if (hit->captures->count > 1)
        printf("\t%zu captures", hit->captures->count);
    if (hit->others > 0)
        printf("\t+%llu %s", (unsigned long long)hit->others,
               ask->options.collapse == FK_COLLAPSE_THREAD ? "of its conversation" : "like it");
    putchar('\n');
    print_snippet(hit->snippet);
    for (size_t i = 0; ask->captures && i < hit->known->capture_count; i++)
        print_capture(ask, &hit->known->captures[i]);
}

static void print_bound(const char *word, int64_t ms, int zone_minutes) {
    char text[FK_TIME_SIZE];
    if (ms == INT64_MIN || ms == INT64_MAX)
        return;
    fk_time_local(text, ms, zone_minutes);
    fprintf(stderr, ", received %s %s", word, text);
}

/* The query, and what options narrow it to: hits are none of either alone. */
static void print_asked(const struct fk_search *search) {
    const struct fk_search_coverage *c = fk_search_coverage(search);
    fprintf(stderr, "for: %s", fk_search_canonical(search));
    if (c->user != NULL) {
        fprintf(stderr, ", user ");
        print_plain(stderr, c->user, strlen(c->user));
    }
    print_bound("since", c->since_ms, c->zone_minutes);
    print_bound("until", c->until_ms, c->zone_minutes);
    fprintf(stderr, ". ");
}

/* Other spellings that are hits too. Their texts may come from anywhere: they are printed plain. */
static void print_spellings(FILE *to, const char *lines, size_t len) {
    struct fk_fields it = fk_fields_begin(lines, len);
    struct fk_buf text = FK_BUF_INIT, value = FK_BUF_INIT;
    bool begun = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_text = fk_field_is(&f, "text"), is_also = fk_field_is(&f, "also");
        struct fk_buf *into = is_text ? &text : &value;
        if (is_text && begun)
            fprintf(to, ". ");
        fk_buf_reset(into);
        fk_field_value(&f, into);
        if (is_text) {
            begun = false;
            continue;
        }
        fprintf(to, "%s", begun ? ", " : "");
        if (!begun) {
            fprintf(to, "For ");
            print_plain(to, (const char *)text.data, text.len);
            fprintf(to, " also: ");
        }
        begun = true;
        if (is_also)
            print_plain(to, (const char *)value.data, value.len);
        else
            fprintf(to, "and more");
    }
    if (begun)
        fprintf(to, ". ");
    fk_buf_free(&text);
    fk_buf_free(&value);
}

static void print_remark(FILE *to, const char *remark) {
    if (*remark)
        fprintf(to, "%s. ", remark);
}

static void print_coverage(const struct fk_search *search, uint64_t shown) {
    const struct fk_search_coverage *c = fk_search_coverage(search);
    fprintf(stderr, "%llu %s", (unsigned long long)c->total, c->total == 1 ? "hit" : "hits");
    if (c->collapse != FK_COLLAPSE_NONE)
        fprintf(stderr, " in %llu %s", (unsigned long long)c->groups,
                c->collapse == FK_COLLAPSE_THREAD ? "conversations" : "groups of what is alike");
    if (shown < (c->collapse != FK_COLLAPSE_NONE ? c->groups : c->total))
        fprintf(stderr, ", %llu shown", (unsigned long long)shown);
    if (c->captures > c->total)
        fprintf(stderr, " (%llu captures)", (unsigned long long)c->captures);
    fprintf(stderr, " in %llu messages, ", (unsigned long long)c->documents);
    print_asked(search);
    size_t len;
    const char *spellings = fk_search_expansion(search, &len);
    print_spellings(stderr, spellings, len);
    print_remark(stderr, fk_search_remark(search));
    if (c->is_expansion_cut)
        fprintf(stderr,
                "Cut short: a word with a * (or a network) stands for more than is looked for (%d "
                "in each "
                "field, or what %d seconds allow): there may be further hits; write more letters "
                "beside the *. ",
                FK_PLAN_MAX_EXPANSION, FK_XEXPANSION_MS / 1000);
    if (c->partial > 0)
        fprintf(stderr,
                "%llu of the messages, %llu of the hits, are only partly searchable "
                "(unsearchable:any finds them). ",
                (unsigned long long)c->partial, (unsigned long long)c->partial_hits);
    if (c->partial_scope > 0)
        fprintf(stderr,
                "%llu of them are no hits, but may have been missed for that: by who and when they "
                "are among those that were asked for. ",
                (unsigned long long)c->partial_scope);
    if (c->related_cut > 0)
        fprintf(stderr, "A conversation, or what is alike, has more messages than were looked "
                        "for. ");
    if (c->unread > 0)
        fprintf(stderr,
                "Not searched: %llu messages that the index has not read yet "
                "(fumikura index --wait). ",
                (unsigned long long)c->unread);
    fprintf(stderr, "Index has read to seq %llu of %llu; act seq=%llu.\n",
            (unsigned long long)c->mark, (unsigned long long)c->head, (unsigned long long)c->act);
}

/* The query with a mark under the place that is wrong; a wide character gets a wide blank. */
static void print_fault(const char *query, const struct fk_query_fault *fault) {
    if (fault->character == 0 || strlen(query) > 200)
        return;
    fprintf(stderr, "  ");
    print_plain(stderr, query, strlen(query));
    fprintf(stderr, "\n  ");
    for (size_t i = 0; i + 1 < fault->byte; i++) {
        unsigned char c = (unsigned char)query[i];
        if (c >= 0xe1)
            fputs("\xe3\x80\x80", stderr);
        else if (c < 0x80 || c >= 0xc0)
            fputc(' ', stderr);
    }
    fprintf(stderr, "^\n");
}

static int answer(struct fk_search *search, const struct ask *ask, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_hit hit;
    uint64_t shown = 0;
    enum fk_status st = FK_NOT_FOUND;
    if (ask->count && !ask->json)
        printf("%llu\n", (unsigned long long)fk_search_coverage(search)->total);
    if (!ask->count)
        for (; (st = fk_search_next(search, &hit, err)) == FK_OK; shown++)
            print_hit(ask, &hit, &line);
    if (st == FK_NOT_FOUND && ask->json) {
        fk_buf_reset(&line);
        json_t *coverage = json_pack("{s:o}", "coverage", fk_json_coverage(search));
        if (fk_json_print(coverage, &line))
            (void)puts(fk_buf_cstr(&line));
    } else if (st == FK_NOT_FOUND) {
        (void)fflush(stdout);
        print_coverage(search, ask->count ? UINT64_MAX : shown);
    }
    fk_buf_free(&line);
    return cli_finish(st == FK_NOT_FOUND ? 0 : cli_fail(err));
}

/* What a query means, without a search: nothing is looked at, so nothing is recorded. */
static int explain(const struct fk_cli *cli, const struct ask *ask, struct fk_query_fault *fault,
                   struct fk_err *err) {
    struct fk_query *query = NULL;
    struct fk_xquery *plan = NULL;
    struct fk_buf canonical = FK_BUF_INIT, also = FK_BUF_INIT, line = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    FK_TRY(fk_query_parse_at(ask->options.query, strlen(ask->options.query), fk_now_ms(),
                             ask->options.zone_minutes, &query, fault, err));
    FK_TRY(fk_query_plan_for(fk_query_root(query), ask->options.zone_minutes,
                             (const char *const *)cli->config->domains, &plan, fault, err));
    FK_TRY(fk_query_expansion(fk_query_root(query), &also, err));
    fk_query_canonical(query, &canonical);
    if (ask->json) {
        if (fk_json_print(json_pack("{s:s, s:o, s:s}", "query", fk_buf_cstr(&canonical),
                                    "expansion", fk_json_expansion((char *)also.data, also.len),
                                    "remark", fk_query_remark(query)),
                          &line))
            (void)puts(fk_buf_cstr(&line));
    } else {
        print_plain(stdout, (const char *)canonical.data, canonical.len);
        putchar('\n');
        print_spellings(stdout, (const char *)also.data, also.len);
        print_remark(stdout, fk_query_remark(query));
        if (also.len > 0 || *fk_query_remark(query))
            putchar('\n');
    }
done:
    fk_xquery_free(&plan);
    fk_query_free(&query);
    fk_buf_free(&canonical);
    fk_buf_free(&also);
    fk_buf_free(&line);
    return st == FK_OK ? cli_finish(0) : -1;
}

int cmd_search(struct fk_cli *cli, int argc, char **argv) {
    struct ask ask = {
        .options = FK_SEARCH_OPTIONS, .query = FK_BUF_INIT, .receipt = FK_SEARCH_RECEIPT_INIT};
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_search *search = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    char person[100];
    enum fk_status st = FK_OK;
    int status = take_options(cli, argc, argv, &ask);
    if (status != 0)
        goto freed;
    if (ask.explain) {
        if ((status = explain(cli, &ask, &fault, &err)) < 0)
            st = err.status;
        goto done;
    }
    if (ask.receipt_path != NULL) {
        ask.options.receipt = &ask.receipt;
        FK_TRY(cli_receipt_begin(cli, ask.receipt_path, &ask.receipt, &err));
    }
    fk_person(person, sizeof person);
    ask.options.person = person;
    ask.options.via = "command";
    FK_TRY(fk_keep_open(cli->dir, &keep, &err));
    FK_TRY(fk_lend_open(cli->dir, &lend, &err));
    FK_TRY(fk_search_open(cli->dir, keep, lend, &ask.options, &search, &fault, &err));
    status = answer(search, &ask, &err);
    if (status == 0 && ask.receipt_path != NULL)
        FK_TRY(cli_receipt_write(cli, lend, &ask.receipt, fk_search_coverage(search)->act,
                                 ask.receipt_path, &err));
done:
    if (st != FK_OK) {
        status = cli_fail(&err);
        print_fault(ask.options.query, &fault);
    }
    fk_search_close(&search);
    fk_lend_close(&lend);
    fk_keep_close(&keep);
freed:
    fk_search_receipt_free(&ask.receipt);
    fk_buf_free(&ask.query);
    return status;
}
