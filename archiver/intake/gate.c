/* gate.c - who may deliver at a listener. */
#include "archiver/intake/gate.h"

#include <string.h>

enum fk_status fk_gate_open(const struct fk_gate_options *options, struct fk_gate *out,
                            struct fk_err *err) {
    struct fk_gate g = {.options = options};
    enum fk_status st;
    FK_TRY(fk_networks_parse(options->allow, &g.allow, err));
    FK_TRY(fk_networks_parse(options->proxy, &g.proxy, err));
    FK_TRY(fk_networks_parse(options->xforward, &g.xforward, err));
    FK_TRY(fk_networks_parse(options->journal_from, &g.journal_from, err));
    if (options->tls != FK_TLS_OFF)
        FK_TRY(fk_tls_server_open(&options->files, &g.tls, err));
    *out = g;
    return FK_OK;
done:
    fk_gate_close(&g);
    return st == FK_OK || !*options->name ? st
                                          : fk_err_prefix(err, "listener \"%s\"", options->name);
}

void fk_gate_close(struct fk_gate *g) {
    fk_networks_free(&g->allow);
    fk_networks_free(&g->proxy);
    fk_networks_free(&g->xforward);
    fk_networks_free(&g->journal_from);
    fk_tls_server_free(&g->tls);
    fk_tally_free(&g->tally);
}

bool fk_gate_allows(const struct fk_gate *g, const struct fk_peer *client) {
    return !g->allow.count || fk_networks_have(&g->allow, client);
}

bool fk_gate_wants_certificate(const struct fk_gate *g) {
    return g->tls && g->options->files.client_ca && *g->options->files.client_ca;
}

bool fk_gate_allows_certificate(const struct fk_gate *g, const struct fk_tls *tls) {
    const char *const *name = g->options->clients;
    struct fk_buf subject = FK_BUF_INIT;
    char sha256[FK_TLS_FINGERPRINT];
    bool verified = fk_tls_client(tls, &subject, sha256);
    fk_buf_free(&subject);
    if (!verified || !name || !*name)
        return verified;
    while (*name && !fk_tls_client_is(tls, *name))
        name++;
    return *name != NULL;
}

bool fk_gate_trusts_journal(const struct fk_gate *g, const struct fk_peer *client) {
    return g->options->journal || fk_networks_have(&g->journal_from, client);
}
