/*
 * gate.h - a listener of the configuration: what comes in at its addresses, from whom, and how.
 *
 * Who may deliver: a client that `allow` has (or anybody, where it is empty), and that shows a
 * certificate by client_ca, with a name of `clients` (or any, where that is empty), where client_ca
 * is given. A client behind a proxy is the one that the proxy names.
 *
 * Whose journal reports count: nobody's, unless the listener says so: of all who may deliver there
 * (journal), or of clients in journal_from. A client that may deliver is not yet one that writes
 * journals: a mail server that copies what comes from the Internet passes forged reports on.
 *
 * Ownership: options, and all they point to, are borrowed as long as the gate lives. Errors:
 * FK_INVALID a network, certificate or key that is none; else those of tls.h. Threads: one at a
 * time.
 */
#ifndef FK_INTAKE_GATE_H
#define FK_INTAKE_GATE_H
#include "archiver/intake/network.h"
#include "archiver/intake/tally.h"
#include "archiver/intake/tls.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_gate_tls { FK_TLS_OFF, FK_TLS_OFFERED, FK_TLS_REQUIRED, FK_TLS_IMPLICIT };

/* Lists are ended by NULL; a list that is NULL is empty. Limits: 0 for none. */
struct fk_gate_options {
    const char *name;             /* "": the addresses of the keys smtp and lmtp */
    const char *const *addresses; /* listener.h */
    bool lmtp;
    const char *source, *floor; /* of each entry */
    enum fk_gate_tls tls;
    struct fk_tls_files files;
    const char *const *clients; /* names or fingerprints of certificates */
    const char *const *allow, *const *proxy, *const *xforward; /* networks */
    bool journal;                    /* reports count of all who may deliver */
    const char *const *journal_from; /* networks whose reports count */
    char carried;                    /* carried.h; 0: off */
    unsigned peer_connections;       /* of one client at once */
    unsigned peer_rate;              /* messages a minute of one client */
    unsigned message_limit;          /* messages over one connection */
};

struct fk_gate {
    const struct fk_gate_options *options;
    struct fk_networks allow, proxy, xforward, journal_from;
    struct fk_tls_server *tls; /* NULL: off */
    struct fk_tally tally;
};

FK_CHECKED enum fk_status fk_gate_open(const struct fk_gate_options *options, struct fk_gate *out,
                                       struct fk_err *err);
void fk_gate_close(struct fk_gate *g);

bool fk_gate_allows(const struct fk_gate *g, const struct fk_peer *client);
bool fk_gate_wants_certificate(const struct fk_gate *g);
bool fk_gate_allows_certificate(const struct fk_gate *g, const struct fk_tls *tls);
bool fk_gate_trusts_journal(const struct fk_gate *g, const struct fk_peer *client);

#ifdef __cplusplus
}
#endif
#endif
