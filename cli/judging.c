/* judging.c - see judging.h */
#include "cli/judging.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool runs(const struct cli_server *server, const char *name) {
    for (size_t i = 0; i < server->count; i++)
        if (strcmp(server->process[i].name, name) == 0)
            return true;
    return false;
}

void cli_judging_read(const struct fk_cli *cli, const struct cli_server *server,
                      struct cli_judging *out) {
    *out = (struct cli_judging){.on = strcmp(cli->config->auth_check, "on") == 0};
    if (!out->on)
        return;
    out->has_state = fk_follow_state(cli->dir, &out->state, NULL) == FK_OK;
    cli_trouble_read(cli, CLI_JUDGING_TROUBLE, out->trouble, sizeof out->trouble);
    cli_trouble_read(cli, CLI_JUDGING_DNS, out->resolver, sizeof out->resolver);
    if (!*out->trouble && server->running && !runs(server, "authd"))
        snprintf(
            out->trouble, sizeof out->trouble,
            "the process authd is not there: see the server's log, or start it with auth-check "
            "\"on\"");
}

static void line_count(const struct fk_entry *e, struct cli_judging *j) {
    if (!fk_entry_is(e, "mail"))
        return;
    if (!j->waiting++)
        j->oldest_ms = e->time_ms;
}

enum fk_status cli_judging_count(struct fk_lend *lend, struct cli_judging *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf lines = FK_BUF_INIT;
    if (!j->has_state)
        return FK_OK;
    for (uint64_t from = j->state.mark; (st = fk_lend_lines(lend, from, &lines, err)) == FK_OK;) {
        const char *at = (const char *)lines.data, *end = at + lines.len;
        for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
            struct fk_entry e;
            FK_TRY(fk_entry_read(at, (size_t)(lf + 1 - at), &e, err));
            line_count(&e, j);
            from = e.seq + 1;
        }
        fk_buf_reset(&lines);
    }
done:
    fk_buf_free(&lines);
    return st == FK_NOT_FOUND ? FK_OK : st; /* the head */
}

static int64_t wait_s(const struct cli_judging *j) {
    return j->waiting ? (fk_now_ms() - j->oldest_ms) / 1000 : 0;
}

static void trouble_print(const char *text) {
    printf("%s", *text ? "; " : "");
    cli_print_text(text);
}

void cli_judging_print(const struct cli_judging *j) {
    if (!j->on)
        return;
    if (!j->has_state)
        printf("auth: no message is judged yet");
    else
        printf("auth: messages before entry %" PRIu64 " are judged", j->state.mark);
    if (j->waiting)
        printf(", %" PRIu64 " wait, the first for %" PRId64 " s", j->waiting, wait_s(j));
    if (j->state.again)
        printf(", %zu are judged again later, as DNS did not answer", j->state.again);
    trouble_print(j->trouble);
    trouble_print(j->resolver);
    printf("\n");
}

static json_t *text_or_null(const char *text) {
    return *text ? cli_json_text(text, strlen(text)) : json_null();
}

json_t *cli_judging_json(const struct cli_judging *j) {
    if (!j->on)
        return json_null();
    return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "mark",
                     j->has_state ? cli_json_number(j->state.mark) : json_null(), "waiting",
                     cli_json_number(j->waiting), "age", (json_int_t)wait_s(j), "again",
                     (json_int_t)j->state.again, "trouble", text_or_null(j->trouble), "resolver",
                     text_or_null(j->resolver));
}
