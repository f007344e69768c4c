/* listeners.c - words of the configuration to what they mean at a gate. */
#include "cli/listeners.h"

#include <stdlib.h>
#include <string.h>

static enum fk_gate_tls tls_of(const char *word) {
    return strcmp(word, "starttls") == 0   ? FK_TLS_OFFERED
           : strcmp(word, "required") == 0 ? FK_TLS_REQUIRED
           : strcmp(word, "implicit") == 0 ? FK_TLS_IMPLICIT
                                           : FK_TLS_OFF;
}

static enum fk_gate_journal journal_of(const char *word) {
    return strcmp(word, "on") == 0    ? FK_JOURNAL_ON
           : strcmp(word, "off") == 0 ? FK_JOURNAL_OFF
                                      : FK_JOURNAL_LISTED;
}

bool cli_listener_has_tls(const struct fk_config_listener *l) {
    return tls_of(l->tls) != FK_TLS_OFF;
}

struct fk_tls_files cli_listener_files(const struct fk_config_listener *l) {
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
                                            .files = cli_listener_files(l),
                                            .clients = list(l->clients),
                                            .allow = list(l->allow),
                                            .proxy = list(l->proxy),
                                            .xforward = list(l->xforward),
                                            .journal = journal_of(l->journal),
                                            .carried = *l->carried,
                                            .peer_connections = l->peer_connections,
                                            .peer_rate = l->peer_rate,
                                            .message_limit = l->connection_messages};
    }
    *out = gates;
    return FK_OK;
}
