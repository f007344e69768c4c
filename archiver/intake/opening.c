/*
 * opening.c - a connection before mail: who may come in, a proxy's header, TLS.
 *
 * PROXY (only from peers of the gate's proxy list, who must send it) -> TLS (implicit) -> OPENED,
 * where the session begins; OPENED -> TLS -> OPENED by STARTTLS. Nothing is read beyond what
 * belongs to a step: the header is looked at where it lies, and TLS reads from the socket itself.
 */
#include "archiver/intake/receive_priv.h"
#include "archiver/vault/fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- what the envelope says of it */

static void peer_tell(struct fk_buf *facts, const char *name, const struct fk_peer *peer) {
    char text[FK_ADDRESS_SIZE];
    fk_peer_format(peer, text);
    fk_fields_add_str(facts, name, text);
}

static void tls_tell(struct fk_buf *facts, const struct fk_tls *tls) {
    struct fk_buf text = FK_BUF_INIT;
    char sha256[FK_TLS_FINGERPRINT];
    fk_buf_printf(&text, "%s %s", fk_tls_version(tls), fk_tls_cipher(tls));
    fk_fields_add(facts, "tls", text.data, text.len);
    fk_buf_reset(&text);
    if (fk_tls_client(tls, &text, sha256)) {
        fk_fields_add(facts, "tls-client", text.data, text.len);
        fk_fields_add_str(facts, "tls-client-sha256", sha256);
    }
    facts->failed |= text.failed;
    fk_buf_free(&text);
}

/* What this connection's messages have in common. */
static void facts_make(struct fk_connection *c) {
    struct fk_buf *facts = &c->facts;
    const struct fk_gate_options *o = c->gate->options;
    fk_buf_reset(facts);
    fk_fields_add_str(facts, "listener", c->listener->address);
    if (*o->name)
        fk_fields_add_str(facts, "listener-name", o->name);
    peer_tell(facts, "peer", &c->peer);
    if (c->proxied) {
        fk_fields_add_str(facts, "proxy", c->proxied == 1 ? "v1" : "v2");
        peer_tell(facts, "proxy-client", &c->client);
        peer_tell(facts, "proxy-server", &c->proxy_server);
    }
    if (c->tls)
        tls_tell(facts, c->tls);
    if (fk_gate_trusts_journal(c->gate, &c->client))
        fk_fields_add_str(facts, "journal", "trusted");
    if (facts->failed)
        c->gone = true;
}

/* ---- refusing */

/* 421: whoever is refused by mistake tries again. Over TLS that has not begun nothing can be said.
 */
static bool turn_away(struct fk_connection *c, const char *why) {
    char line[320];
    int n = snprintf(line, sizeof line, "421 4.7.1 %s %s\r\n", c->receive->hostname, why);
    if (c->gate->options->tls != FK_TLS_IMPLICIT)
        (void)send(c->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT); /* closing says it too */
    c->gone = true;
    return false;
}

/* ---- the steps */

static enum fk_smtp_xforward xforward_of(const struct fk_connection *c) {
    return !c->gate->xforward.count                           ? FK_SMTP_XFORWARD_ABSENT
           : fk_networks_have(&c->gate->xforward, &c->client) ? FK_SMTP_XFORWARD_TAKEN
                                                              : FK_SMTP_XFORWARD_DENIED;
}

static void certificate_judge(struct fk_connection *c) {
    struct fk_smtp_options *o = &c->smtp_options;
    if (!fk_gate_wants_certificate(c->gate))
        return;
    o->refusal = "450 4.7.1 a client certificate is needed, and you showed none";
    if (c->tls && fk_gate_allows_certificate(c->gate, c->tls))
        o->refusal = NULL;
    else if (c->tls)
        fk_receive__tell_of(c, "showed no certificate that may deliver");
}

static bool session_begin(struct fk_connection *c) {
    const struct fk_receive *r = c->receive;
    const struct fk_gate_options *g = c->gate->options;
    c->smtp_options = (struct fk_smtp_options)FK_SMTP_OPTIONS;
    c->smtp_options.hostname = r->hostname;
    c->smtp_options.lmtp = g->lmtp;
    c->smtp_options.size_limit = r->options->size_limit;
    c->smtp_options.tls = g->tls == FK_TLS_OFFERED    ? FK_SMTP_TLS_OFFERED
                          : g->tls == FK_TLS_REQUIRED ? FK_SMTP_TLS_REQUIRED
                                                      : FK_SMTP_TLS_OFF;
    c->smtp_options.xforward = xforward_of(c);
    c->smtp_options.carried = g->carried;
    c->smtp_options.message_limit = g->message_limit;
    certificate_judge(c);
    facts_make(c);
    if (fk_smtp_new(&c->smtp_options, &fk_message_sink, c, &c->smtp, NULL) != FK_OK)
        c->gone = true;
    c->opening = FK_OPENED;
    c->active_ms = r->now_ms;
    return !c->gone;
}

static bool tls_begin(struct fk_connection *c) {
    c->opening = FK_OPENING_TLS;
    c->opening_ms = c->receive->now_ms;
    c->gone |= fk_tls_new(c->gate->tls, c->fd, &c->tls, NULL) != FK_OK;
    return !c->gone;
}

/* True when the handshake is done. */
static bool tls_work(struct fk_connection *c) {
    struct fk_err err = FK_ERR_INIT;
    if (!c->tls && !tls_begin(c))
        return false;
    enum fk_status st = fk_tls_handshake(c->tls, &err);
    if (st == FK_RETRY)
        return false;
    if (st != FK_OK) {
        fk_receive__tell_of(c, "%s", err.text);
        c->gone = true;
        return false;
    }
    c->readable = true; /* mail may have come with the last of the handshake */
    if (!c->smtp)
        return session_begin(c);
    fk_smtp_secured(c->smtp);
    certificate_judge(c);
    facts_make(c);
    c->opening = FK_OPENED;
    c->active_ms = c->receive->now_ms;
    return !c->gone;
}

/* The client is known. */
static bool client_enter(struct fk_connection *c) {
    const struct fk_gate_options *g = c->gate->options;
    if (!fk_gate_allows(c->gate, &c->client)) {
        fk_receive__tell_of(c, "may not deliver here: it is not in allow");
        return turn_away(c, "does not take mail from you");
    }
    if (g->peer_connections && !fk_tally_enter(&c->gate->tally, &c->client, g->peer_connections))
        return turn_away(c, "has too many connections from you, try again later");
    c->counted = g->peer_connections > 0;
    c->opening = FK_OPENING_TLS;
    return g->tls == FK_TLS_IMPLICIT ? tls_work(c) : session_begin(c);
}

/* Peeked at first: what follows the header is the client's, and perhaps TLS. */
static bool proxy_work(struct fk_connection *c) {
    uint8_t *data = c->receive->buffer;
    struct fk_proxy_header h;
    ssize_t n;
    do
        n = recv(c->fd, data, FK_PROXY_MAX, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        c->gone = n == 0 || errno != EAGAIN;
        return false;
    }
    enum fk_proxy_found found = fk_proxy_read(data, (size_t)n, &h);
    if (found == FK_PROXY_MORE && !c->ended)
        return false;
    if (found != FK_PROXY_WHOLE || recv(c->fd, data, h.bytes, 0) != (ssize_t)h.bytes) {
        fk_receive__tell_of(c, "is listed as a proxy and sent no PROXY header");
        c->gone = true;
        return false;
    }
    c->proxied = h.local ? 0 : h.version;
    if (!h.local) {
        c->client = h.client;
        c->proxy_server = h.server;
    }
    return client_enter(c);
}

bool fk_opening__work(struct fk_connection *c) {
    if (c->opening == FK_OPENING_TLS)
        return tls_work(c);
    return fk_networks_have(&c->gate->proxy, &c->peer) ? proxy_work(c) : client_enter(c);
}

void fk_opening__starttls(struct fk_connection *c) {
    (void)tls_begin(c); /* c->gone says that it did not */
}
