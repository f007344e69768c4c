/* listeners.c - words of the configuration to what they mean at a gate, and back to people. */
#include "cli/listeners.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum fk_gate_tls tls_of(const char *word) {
    return strcmp(word, "starttls") == 0   ? FK_TLS_OFFERED
           : strcmp(word, "required") == 0 ? FK_TLS_REQUIRED
           : strcmp(word, "implicit") == 0 ? FK_TLS_IMPLICIT
                                           : FK_TLS_OFF;
}

bool cli_listener_has_tls(const struct fk_config_listener *l) {
    return tls_of(l->tls) != FK_TLS_OFF;
}

static struct fk_tls_files files_of(const struct fk_config_listener *l) {
    return (struct fk_tls_files){l->certificate, l->key, l->client_ca};
}

static const char *const *list(char **of) {
    return (const char *const *)of;
}

enum fk_status cli_listeners(const struct fk_config *c, struct fk_gate_options **out,
                             struct fk_err *err) {
    struct fk_gate_options *gates = calloc(c->listener_count + 1, sizeof *gates);
    if (!gates)
        return fk_fail(err, FK_NOMEM, "no memory for listeners");
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct fk_config_listener *l = &c->listeners[i];
        gates[i] = (struct fk_gate_options){.name = l->name,
                                            .addresses = list(l->address),
                                            .lmtp = strcmp(l->protocol, "lmtp") == 0,
                                            .source = *l->source ? l->source : c->source,
                                            .floor = *l->floor ? l->floor : c->floor,
                                            .tls = tls_of(l->tls),
                                            .files = files_of(l),
                                            .clients = list(l->clients),
                                            .allow = list(l->allow),
                                            .proxy = list(l->proxy),
                                            .xforward = list(l->xforward),
                                            .journal = strcmp(l->journal, "on") == 0,
                                            .journal_from = list(l->journal_from),
                                            .carried = *l->carried,
                                            .peer_connections = l->peer_connections,
                                            .peer_rate = l->peer_rate,
                                            .message_limit = l->connection_messages};
    }
    *out = gates;
    return FK_OK;
}

/* ---- shown */

enum {
    SOON_MS = 21 * 24 * 3600 * 1000
}; /* of 90 days, which certificates have that renew themselves */

enum fk_status cli_certificate_judge(const struct fk_config_listener *l, int64_t *until_ms_out,
                                     char text[600]) {
    const struct fk_tls_files files = files_of(l);
    struct fk_tls_report report;
    struct fk_err err = FK_ERR_INIT;
    char from[FK_TIME_SIZE], until[FK_TIME_SIZE];
    enum fk_status st = fk_tls_files_check(&files, &report, &err);
    const int64_t now_ms = fk_now_ms();
    *until_ms_out = 0;
    if (st != FK_OK) {
        snprintf(text, 600, "%s", err.text);
        return st;
    }
    *until_ms_out = report.until_ms;
    fk_time_format(from, report.from_ms);
    fk_time_format(until, report.until_ms);
    if (report.until_ms < now_ms)
        snprintf(text, 600, "%s: ended at %s; renew it", l->certificate, until);
    else if (report.from_ms > now_ms)
        snprintf(text, 600, "%s: begins at %s only; is the clock right?", l->certificate, from);
    else
        snprintf(text, 600, "%s: %s, good until %s%s", l->certificate, report.subject, until,
                 report.until_ms < now_ms + SOON_MS ? "; renew it soon" : "");
    return report.until_ms < now_ms || report.from_ms > now_ms ? FK_INVALID
           : report.until_ms < now_ms + SOON_MS                ? FK_RETRY
                                                               : FK_OK;
}

static json_t *certificate_json(const struct fk_config_listener *l) {
    char text[600], until[FK_TIME_SIZE];
    int64_t until_ms;
    if (!cli_listener_has_tls(l))
        return json_null();
    enum fk_status st = cli_certificate_judge(l, &until_ms, text);
    fk_time_format(until, until_ms);
    return json_pack("{s:o, s:o}", "until", until_ms ? json_string(until) : json_null(), "trouble",
                     st == FK_OK ? json_null() : cli_json_text(text, strlen(text)));
}

json_t *cli_listeners_json(const struct fk_cli *cli) {
    char path[PATH_MAX] = "";
    const struct fk_config *c = cli->config;
    json_t *list = json_array(), *bound = NULL;
    if (fk_join_path(path, sizeof path, cli->dir, "run/addresses.json", NULL) == FK_OK)
        bound = json_load_file(path, 0, NULL); /* none while no server runs */
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct fk_config_listener *l = &c->listeners[i];
        json_t *at = json_object_get(json_object_get(json_object_get(bound, "listeners"), l->name),
                                     "addresses");
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "name", l->name, "protocol", l->protocol,
                      "tls", l->tls, "source", *l->source ? l->source : c->source, "journal",
                      *l->journal_from ? "some" : l->journal, "certificate", certificate_json(l));
        json_object_set(o, "addresses", at);
        if (!at)
            json_object_set_new(o, "addresses", json_array());
        json_array_append_new(list, o);
    }
    json_decref(bound);
    return list;
}

static const char *text_in(const json_t *o, const char *name) {
    return json_string_value(json_object_get(o, name));
}

void cli_listeners_print(const struct fk_cli *cli) {
    json_t *list = cli_listeners_json(cli), *o, *at;
    size_t i, k;
    json_array_foreach(list, i, o) {
        const json_t *certificate = json_object_get(o, "certificate");
        const char *trouble = text_in(certificate, "trouble");
        printf("listener %s: %s, tls %s, source %s", text_in(o, "name"), text_in(o, "protocol"),
               text_in(o, "tls"), text_in(o, "source"));
        if (strcmp(text_in(o, "journal"), "off") != 0)
            printf(", journal");
        json_array_foreach(json_object_get(o, "addresses"), k, at)
            printf(", %s", json_string_value(at));
        if (!json_is_null(certificate))
            printf(trouble ? "; %s" : "; certificate until %s",
                   trouble ? trouble : text_in(certificate, "until"));
        printf("\n");
    }
    json_decref(list);
}
