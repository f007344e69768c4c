/* stamping.c - what is known of authorities without asking them. */
#include "cli/stamping.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void trouble_name(const char *url, char out[32]) {
    char id[FK_STAMP_ID + 1];
    fk_stamps_id(url, id);
    snprintf(out, 32, "timestamp.%s", id);
}

void cli_authority_trouble(const struct fk_cli *cli, const char *url, const struct fk_err *why) {
    char name[32];
    trouble_name(url, name);
    cli_trouble_put(cli, name, why);
}

enum fk_status cli_authority_state(const struct fk_cli *cli, size_t i,
                                   struct cli_authority_state *out, struct fk_err *err) {
    char name[32];
    *out = (struct cli_authority_state){.url = cli->config->timestamp[i]};
    enum fk_status st = fk_stamps_newest(cli->dir, out->url, i == 0, &out->newest, err);
    if (st != FK_OK)
        return st;
    out->age_s = (fk_now_ms() - out->newest.time_ms) / 1000;
    trouble_name(out->url, name);
    cli_trouble_read(cli, name, out->trouble, sizeof out->trouble);
    return FK_OK;
}

bool cli_renewal_is_due(const struct fk_cli *cli, const struct fk_renewal_state *state) {
    return fk_renewal_is_due(state, (int64_t)cli->config->timestamp_renewal_s * 1000);
}

/* ---- for people */

static void authority_print(const struct cli_authority_state *a) {
    printf("time stamps by ");
    cli_print_text(a->url);
    if (*a->newest.name)
        printf(": the first %" PRIu64 " entries, stamped %" PRId64 " s ago", a->newest.size,
               a->age_s);
    else
        printf(": has stamped nothing yet");
    printf("%s", *a->trouble ? "; " : "");
    cli_print_text(a->trouble);
    printf("\n");
}

static void renewal_print(const struct fk_cli *cli, const struct fk_renewal_state *r) {
    char when[FK_TIME_SIZE];
    if (!r->first_ends_ms)
        return;
    fk_time_format(when, r->first_ends_ms);
    printf("renewal of time stamps: %s; the certificates of %s end at %s\n",
           cli_renewal_is_due(cli, r) ? "due" : "not due", r->first, when);
}

void cli_stamping_print(const struct fk_cli *cli) {
    struct cli_authority_state a;
    struct fk_renewal_state r;
    struct fk_err err = FK_ERR_INIT;
    for (size_t i = 0; cli->config->timestamp[i]; i++)
        if (cli_authority_state(cli, i, &a, &err) == FK_OK)
            authority_print(&a);
        else
            printf("time stamps: %s\n", err.text);
    if (fk_renewal_look(cli->dir, &r, &err) == FK_OK)
        renewal_print(cli, &r);
    else
        printf("renewal of time stamps: %s\n", err.text);
}

/* ---- for programs */

static json_t *time_json(int64_t ms) {
    char text[FK_TIME_SIZE];
    if (!ms)
        return json_null();
    fk_time_format(text, ms);
    return json_string(text);
}

json_t *cli_stamping_json(const struct fk_cli *cli) {
    json_t *list = json_array();
    for (size_t i = 0; cli->config->timestamp[i]; i++) {
        struct cli_authority_state a;
        struct fk_err err = FK_ERR_INIT;
        if (cli_authority_state(cli, i, &a, &err) != FK_OK)
            snprintf(a.trouble, sizeof a.trouble, "%s", err.text);
        const bool any = *a.newest.name != 0;
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:o, s:o, s:o, s:o}", "authority", a.url, "stamp",
                            any ? a.newest.name : NULL, "stamped", time_json(a.newest.time_ms),
                            "age", any ? json_integer((json_int_t)a.age_s) : json_null(), "size",
                            any ? cli_json_number(a.newest.size) : json_null(), "trouble",
                            cli_json_text(a.trouble, strlen(a.trouble))));
    }
    return list;
}

json_t *cli_renewal_json(const struct fk_cli *cli) {
    struct fk_renewal_state r;
    if (fk_renewal_look(cli->dir, &r, NULL) != FK_OK || (!r.first_ends_ms && !r.renewals))
        return json_null();
    return json_pack("{s:b, s:s?, s:o, s:i, s:o}", "due", (int)cli_renewal_is_due(cli, &r), "stamp",
                     *r.first ? r.first : NULL, "ends", time_json(r.first_ends_ms), "renewals",
                     (int)r.renewals, "renewed", time_json(r.renewed_ms));
}
