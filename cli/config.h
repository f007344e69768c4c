/*
 * config.h - fumikura.conf, read and checked (libconfuse). fumikura.conf.example has every key.
 *
 * Errors: FK_NOT_FOUND no such file; FK_INVALID with file, line and what was expected.
 * Ownership: the struct owns all it points to until fk_config_free. Threads: read-only after load.
 */
#ifndef FK_CLI_CONFIG_H
#define FK_CLI_CONFIG_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_config_class {
    char *name, *period, *from, *source;
};
/* A listener with a name (archiver/intake/gate.h). Lists are NULL-terminated, paths absolute or "".
 */
struct fk_config_listener {
    char *name, **address, *protocol, *source, *floor;
    char *tls; /* "off", "starttls", "required" or "implicit" */
    char *certificate, *key, *client_ca;
    char **clients, **allow, **proxy, **xforward, **journal_from;
    char *journal;                                             /* "on" or "off" */
    char *carried;                                             /* "", "+" or "-" */
    unsigned peer_connections, peer_rate, connection_messages; /* 0: no limit */
};
/* A marked message that is sent through a source (cli/canary.h). */
struct fk_config_canary {
    char *name, *send_via, *from, *to;
    unsigned interval_s, deadline_s;
};
/* A mailbox that is fetched from by IMAP (cli/mailboxes.h). */
struct fk_config_imap {
    char *name, *host, *user, *folder, *source, *floor;
    char *tls;                /* "implicit" or "starttls" */
    unsigned port;            /* 0: that of tls */
    char *password_file, *ca; /* absolute; ca may be "" */
    unsigned interval_s;
    char *delete_after, *journal; /* "on" or "off" */
};
enum { FK_MAIL_TO_MAX = 8, FK_LISTENERS_MAX = 32, FK_CANARIES_MAX = 16, FK_IMAP_MAX = 16 };

struct fk_config {
    char **smtp, **lmtp; /* NULL-terminated; "127.0.0.1:2525", "unix:/absolute/path" */
    char **milter;       /* the same; none or one */
    char **journal_from; /* NULL-terminated: networks, of smtp and lmtp */
    char *web, *hostname, *source, *floor;
    uint64_t size_limit, in_flight, segment_size, disk_reserve, seal_rate, index_memory; /* bytes */
    unsigned connections, command_timeout_s, data_timeout_s;
    int compression;
    char *single_instance; /* "on" or "off" */
    unsigned checkpoint_interval_s, timestamp_interval_s, timestamp_renewal_s;
    char **timestamp;           /* NULL-terminated: addresses of authorities */
    char **mail_to;             /* NULL-terminated: addresses that get the checkpoint */
    char *mail_from, *mail_via; /* "" where mail_to is empty; submit.h */
    unsigned mail_interval_s, mail_retry_s;
    unsigned gap_min_s;
    char *timestamp_roots;     /* absolute, or "" */
    char *mirror, *mirror_dir; /* "off", "async" or "sync"; absolute, or "" */
    uint64_t scrub_rate;       /* bytes a second; 0: off */
    unsigned scrub_interval_s;
    char **witnesses;               /* NULL-terminated: "URL KEY" (witnessing.h) */
    char *auth_check;               /* "on" or "off" */
    char *auth_resolver;            /* ADDRESS or ADDRESS@PORT; "" for those of the system */
    char *auth_hosts, *auth_anchor; /* absolute, or "" */
    char **auth_clients;            /* NULL-terminated: listeners where the peer is the client */
    unsigned auth_name_s, auth_time_s, auth_retry_s;
    uint64_t auth_memory;
    char **own_companies;                        /* NULL-terminated */
    char **trusted_authserv, **trusted_verdicts; /* NULL-terminated */
    unsigned trusted_hops;
    char *trusted_place;  /* "above" or "below" */
    char *passwords_file; /* "": none */
    char *attachments;    /* "on" or "off" */
    unsigned index_workers, index_batch, index_time_s, search_time_s;
    int zone_minutes; /* east of UTC */
    char **domains;   /* NULL-terminated: ours */
    char *fiscal_year_end;
    struct fk_config_class *classes;
    size_t class_count;
    struct fk_config_listener *listeners;
    size_t listener_count;
    struct fk_config_canary *canaries;
    size_t canary_count;
    struct fk_config_imap *mailboxes;
    size_t mailbox_count;
};

FK_CHECKED enum fk_status fk_config_load(const char *path, struct fk_config **out,
                                         struct fk_err *err);
/* The same of a text that is not there yet, as it would be read at that absolute path. */
FK_CHECKED enum fk_status fk_config_parse(const void *text, size_t len, const char *path,
                                          struct fk_config **out, struct fk_err *err);
void fk_config_free(struct fk_config **config);

#ifdef __cplusplus
}
#endif
#endif
