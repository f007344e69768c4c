/*
 * config.c - one table of keys; libconfuse reads the file, this file decides what each value may
 * be.
 *
 * Every value is a string to libconfuse, so that one place words what was expected. The text is
 * handed over with its comments blanked: libconfuse 3.3 counts a comment's line end three times,
 * and an error that names the wrong line is worse than none.
 */
#include "cli/config.h"
#include "archiver/vault/stamps.h"
#include "archiver/vault/witnessing.h"
#include "base/io.h"
#include "cli/config_priv.h"
#include "cli/config_value.h"

#include <confuse.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG_MAX_BYTES = 1 << 20, SOCKET_PATH_MAX = 107 };

#define AT(field) offsetof(struct fk_config, field)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

static const struct key keys[] = {
    {"smtp", ADDRESSES, AT(smtp), "{\"127.0.0.1:2525\"}", 0, 0},
    {"lmtp", ADDRESSES, AT(lmtp), "{\"unix:run/lmtp.sock\"}", 0, 0},
    {"milter", ADDRESSES, AT(milter), "{}", 0, 0},
    {"hostname", HOST, AT(hostname), "", 0, 0},
    {"source", NAME, AT(source), "mail", 0, 0},
    {"floor", PERIOD, AT(floor), "P0D", 0, 0},
    {"journal-from", NETWORKS, AT(journal_from), "{}", 0, 0},
    {"size-limit", SIZE, AT(size_limit), "256 MiB", KIB(64), GIB(4)},
    {"connections", NUMBER, AT(connections), "256", 1, 65535},
    {"in-flight", SIZE, AT(in_flight), "1 GiB", MIB(1), GIB(1024)},
    {"command-timeout", SECONDS, AT(command_timeout_s), "5 min", 1, 86400},
    {"data-timeout", SECONDS, AT(data_timeout_s), "3 min", 1, 86400},
    {"segment-size", SIZE, AT(segment_size), "1 GiB", MIB(1), GIB(1024)},
    {"disk-reserve", SIZE, AT(disk_reserve), "64 MiB", MIB(1), GIB(1024)},
    {"seal-rate", SIZE, AT(seal_rate), "64 MiB", KIB(64), GIB(1024)},
    {"compression", NUMBER, AT(compression), "6", 1, 19},
    {"single-instance", ON_OFF, AT(single_instance), "on", 0, 0},
    {"checkpoint-interval", SECONDS, AT(checkpoint_interval_s), "10 s", 1, 300},
    {"mirror", MIRROR, AT(mirror), "off", 0, 0},
    {"mirror-dir", ANY_PATH, AT(mirror_dir), "", 0, 0},
    {"scrub-rate", SIZE, AT(scrub_rate), "10 MiB", 0, GIB(10)},
    {"scrub-interval", SECONDS, AT(scrub_interval_s), "720 h", 1, 366 * 86400},
    {"timestamp", URLS, AT(timestamp), "{}", 0, 0},
    {"timestamp-roots", ANY_PATH, AT(timestamp_roots), "", 0, 0},
    {"timestamp-interval", SECONDS, AT(timestamp_interval_s), "24 h", 60, 31 * 86400},
    {"timestamp-renewal", SECONDS, AT(timestamp_renewal_s), "365 d", 86400, 3650 * 86400},
    {"witness", WITNESSES, AT(witnesses), "{}", 0, 0},
    {"checkpoint-mail-to", MAILBOXES, AT(mail_to), "{}", 0, 0},
    {"checkpoint-mail-from", MAILBOX, AT(mail_from), "", 0, 0},
    {"checkpoint-mail-via", MAIL_SERVER, AT(mail_via), "smtp://127.0.0.1:25", 0, 0},
    {"checkpoint-mail-interval", SECONDS, AT(mail_interval_s), "24 h", 60, 31 * 86400},
    {"checkpoint-mail-retry", SECONDS, AT(mail_retry_s), "5 min", 1, 86400},
    {"gap-min", SECONDS, AT(gap_min_s), "10 s", 1, 86400},
    {"auth-check", ON_OFF, AT(auth_check), "off", 0, 0},
    {"auth-resolver", RESOLVER, AT(auth_resolver), "", 0, 0},
    {"auth-hosts", ANY_PATH, AT(auth_hosts), "", 0, 0},
    {"auth-anchor", ANY_PATH, AT(auth_anchor), "/usr/share/dns/root.key", 0, 0},
    {"auth-clients", WORDS, AT(auth_clients), "{}", 0, 0},
    {"auth-name-time", SECONDS, AT(auth_name_s), "10 s", 1, 300},
    {"auth-retry", SECONDS, AT(auth_retry_s), "5 min", 1, 86400},
    {"auth-time", SECONDS, AT(auth_time_s), "20 s", 1, 3600},
    {"auth-memory", SIZE, AT(auth_memory), "512 MiB", MIB(64), GIB(64)},
    {"own-companies", TEXTS, AT(own_companies), "{}", 0, 0},
    {"trusted-authserv", WORDS, AT(trusted_authserv), "{}", 0, 0},
    {"trusted-verdicts", WORDS, AT(trusted_verdicts), "{}", 0, 0},
    {"trusted-hops", NUMBER, AT(trusted_hops), "1", 1, 16},
    {"trusted-place", PLACE, AT(trusted_place), "above", 0, 0},
    {"index-workers", NUMBER, AT(index_workers), "0", 0, 256},
    {"index-batch", NUMBER, AT(index_batch), "2048", 1, 100000},
    {"index-time", SECONDS, AT(index_time_s), "20 s", 1, 3600},
    {"passwords-file", ANY_PATH, AT(passwords_file), "", 0, 0},
    {"attachments", ON_OFF, AT(attachments), "on", 0, 0},
    {"index-memory", SIZE, AT(index_memory), "512 MiB", MIB(64), GIB(64)},
    {"web", WEB, AT(web), "127.0.0.1:8025", 0, 0},
    {"search-time", SECONDS, AT(search_time_s), "10 s", 1, 3600},
    {"timezone", ZONE, AT(zone_minutes), "+09:00", 0, 0},
    {"domains", DOMAINS, AT(domains), "{}", 0, 0},
    {"fiscal-year-end", MONTH_DAY, AT(fiscal_year_end), "03-31", 0, 0},
};
static const struct key class_keys[] = {
    {"period", PERIOD, offsetof(struct fk_config_class, period), NULL, 0, 0},
    {"from", START, offsetof(struct fk_config_class, from), "received", 0, 0},
    {"source", OPTIONAL_NAME, offsetof(struct fk_config_class, source), "", 0, 0},
};
#define IN(field) offsetof(struct fk_config_listener, field)
static const struct key listener_keys[] = {
    {"address", ADDRESSES, IN(address), "{}", 0, 0},
    {"protocol", PROTOCOL, IN(protocol), "smtp", 0, 0},
    {"source", OPTIONAL_NAME, IN(source), "", 0, 0},
    {"floor", OPTIONAL_PERIOD, IN(floor), "", 0, 0},
    {"tls", TLS, IN(tls), "off", 0, 0},
    {"certificate", ANY_PATH, IN(certificate), "", 0, 0},
    {"key", ANY_PATH, IN(key), "", 0, 0},
    {"client-ca", ANY_PATH, IN(client_ca), "", 0, 0},
    {"clients", TEXTS, IN(clients), "{}", 0, 0},
    {"allow", NETWORKS, IN(allow), "{}", 0, 0},
    {"journal", JOURNAL, IN(journal), "off", 0, 0},
    {"journal-from", NETWORKS, IN(journal_from), "{}", 0, 0},
    {"proxy", NETWORKS, IN(proxy), "{}", 0, 0},
    {"xforward", NETWORKS, IN(xforward), "{}", 0, 0},
    {"carried-recipient", SEPARATOR, IN(carried), "", 0, 0},
    {"peer-connections", NUMBER, IN(peer_connections), "0", 0, 65535},
    {"peer-rate", NUMBER, IN(peer_rate), "0", 0, 1000000},
    {"connection-messages", NUMBER, IN(connection_messages), "0", 0, 1000000},
};
static const struct key canary_keys[] = {
    {"send-via", MAIL_SERVER, offsetof(struct fk_config_canary, send_via), "smtp://127.0.0.1:25", 0,
     0},
    {"from", MAILBOX, offsetof(struct fk_config_canary, from), "", 0, 0},
    {"to", MAILBOX, offsetof(struct fk_config_canary, to), "", 0, 0},
    {"interval", SECONDS, offsetof(struct fk_config_canary, interval_s), "1 h", 1, 31 * 86400},
    {"deadline", SECONDS, offsetof(struct fk_config_canary, deadline_s), "10 min", 1, 7 * 86400},
};
#define OF(field) offsetof(struct fk_config_imap, field)
static const struct key imap_keys[] = {
    {"host", HOST, OF(host), "", 0, 0},
    {"port", NUMBER, OF(port), "0", 0, 65535},
    {"tls", MAILBOX_TLS, OF(tls), "implicit", 0, 0},
    {"ca", ANY_PATH, OF(ca), "", 0, 0},
    {"user", ANY_PATH, OF(user), "", 0, 0},
    {"password-file", ANY_PATH, OF(password_file), "", 0, 0},
    {"folder", ANY_PATH, OF(folder), "INBOX", 0, 0},
    {"interval", SECONDS, OF(interval_s), "60 s", 1, 86400},
    {"delete", ON_OFF, OF(delete_after), "off", 0, 0},
    {"source", OPTIONAL_NAME, OF(source), "", 0, 0},
    {"floor", OPTIONAL_PERIOD, OF(floor), "", 0, 0},
    {"journal", ON_OFF, OF(journal), "off", 0, 0},
};
enum {
    KEYS = sizeof keys / sizeof *keys,
    CLASS_KEYS = sizeof class_keys / sizeof *class_keys,
    LISTENER_KEYS = sizeof listener_keys / sizeof *listener_keys,
    CANARY_KEYS = sizeof canary_keys / sizeof *canary_keys,
    IMAP_KEYS = sizeof imap_keys / sizeof *imap_keys
};

/* libconfuse's callbacks carry no pointer of ours: what the load at hand is about. */
static _Thread_local struct {
    const char *path;
    struct fk_err *err;
} loading;

static enum fk_status refuse(int line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum fk_status refuse(int line, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fk_fail(loading.err, FK_INVALID, "%s, line %d: %s", loading.path, line, text);
}

static void on_parse_error(cfg_t *cfg, const char *fmt, va_list ap) {
    char text[300];
    vsnprintf(text, sizeof text, fmt, ap);
    const char *hint = "";
    if (strncmp(text, "no such option", 14) == 0)
        hint = "; fumikura.conf.example lists the keys, and a value with spaces stands in quotes";
    refuse(cfg->line, "%s%s", text, hint);
}

/* An address of a Unix socket is taken from the vault's directory, and must fit the system's limit.
 */
static char *address_make(const char *text, const char *dir) {
    char *out = NULL;
    int n;
    if (strncmp(text, "unix:", 5) == 0 && text[5] != '/')
        n = asprintf(&out, "unix:%s/%s", dir, text + 5);
    else
        n = asprintf(&out, "%s", text);
    return n < 0 ? NULL : out;
}

static void directory_of(const char *path, char out[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int value_check(cfg_t *cfg, cfg_opt_t *opt, const struct key *k) {
    unsigned n = cfg_opt_size(opt);
    const char *text = n ? cfg_opt_getnstr(opt, n - 1) : "";
    const char *expected = fk_config__expected(k, text);
    if (expected) {
        refuse(cfg->line, "%s is \"%s\"; expected %s", k->name, text, expected);
        return -1;
    }
    if (k->max) {
        uint64_t v = fk_config__number(k, text);
        if (v < k->min || v > k->max) {
            refuse(cfg->line, "%s is \"%s\"; expected %llu to %llu%s", k->name, text,
                   (unsigned long long)k->min, (unsigned long long)k->max, fk_config__unit(k));
            return -1;
        }
    }
    if (k->kind == WITNESSES && n > FK_WITNESSES_MAX) {
        refuse(cfg->line, "%s has over %d of them", k->name, FK_WITNESSES_MAX);
        return -1;
    }
    if (k->kind == MAILBOXES && n > FK_MAIL_TO_MAX) {
        refuse(cfg->line, "%s has over %d of them", k->name, FK_MAIL_TO_MAX);
        return -1;
    }
    if (k->kind == URLS && n > FK_AUTHORITIES_MAX) {
        refuse(cfg->line, "%s has over %d of them", k->name, FK_AUTHORITIES_MAX);
        return -1;
    }
    if (strcmp(k->name, "milter") == 0 && n > 1) { /* libmilter has one socket */
        refuse(cfg->line, "milter has over one address; every mail server can use the same");
        return -1;
    }
    if (k->kind == ADDRESSES && fk_value_address(text) == FK_ADDRESS_UNIX) {
        char dir[PATH_MAX];
        directory_of(loading.path, dir);
        char *address = address_make(text, dir);
        size_t len = address ? strlen(address + 5) : 0;
        free(address);
        if (len > SOCKET_PATH_MAX) {
            refuse(cfg->line,
                   "%s is \"%s\"; the whole path has %zu bytes, and a socket's may have %d",
                   k->name, text, len, SOCKET_PATH_MAX);
            return -1;
        }
    }
    return 0;
}

static const struct key *key_find(const struct key *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static int key_check(cfg_t *cfg, cfg_opt_t *opt) {
    return value_check(cfg, opt, key_find(keys, KEYS, opt->name));
}

static int class_key_check(cfg_t *cfg, cfg_opt_t *opt) {
    return value_check(cfg, opt, key_find(class_keys, CLASS_KEYS, opt->name));
}

static int listener_key_check(cfg_t *cfg, cfg_opt_t *opt) {
    return value_check(cfg, opt, key_find(listener_keys, LISTENER_KEYS, opt->name));
}

/* What is wrong with the whole of a listener, or NULL. */
static const char *listener_trouble(cfg_t *section) {
    const char *name = cfg_title(section);
    bool off = strcmp(cfg_getstr(section, "tls"), "off") == 0,
         ca = *cfg_getstr(section, "client-ca") != 0;
    if (!fk_value_name(name) || strlen(name) > 31 || strcmp(name, "smtp") == 0 ||
        strcmp(name, "lmtp") == 0)
        return "expected " FK_EXPECTED_NAME ", at most 31 of them, and not smtp or lmtp";
    if (!off && (!*cfg_getstr(section, "certificate") || !*cfg_getstr(section, "key")))
        return "tls needs certificate and key";
    if (off && ca)
        return "client-ca needs tls";
    if (cfg_size(section, "clients") && !ca)
        return "clients needs client-ca, by which their certificates are";
    if (strcmp(cfg_getstr(section, "journal"), "on") == 0 && cfg_size(section, "journal-from"))
        return "journal is \"on\" for all who may deliver, so journal-from would narrow nothing; "
               "expected one of the two";
    return NULL;
}

static int listener_check(cfg_t *cfg, cfg_opt_t *opt) {
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    const char *trouble = listener_trouble(section);
    if (!trouble && cfg_opt_size(opt) > FK_LISTENERS_MAX)
        trouble = "there are over 32 of them";
    if (trouble)
        refuse(cfg->line, "listener \"%s\": %s", cfg_title(section), trouble);
    return trouble ? -1 : 0;
}

static int class_check(cfg_t *cfg, cfg_opt_t *opt) {
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    if (!fk_value_name(cfg_title(section))) {
        refuse(cfg->line, "class \"%s\"; expected " FK_EXPECTED_NAME, cfg_title(section));
        return -1;
    }
    if (!cfg_getstr(section, "period")) {
        refuse(cfg->line, "class \"%s\" has no period; expected " FK_EXPECTED_PERIOD,
               cfg_title(section));
        return -1;
    }
    return 0;
}

static int canary_key_check(cfg_t *cfg, cfg_opt_t *opt) {
    return value_check(cfg, opt, key_find(canary_keys, CANARY_KEYS, opt->name));
}

static int canary_check(cfg_t *cfg, cfg_opt_t *opt) {
    unsigned n = cfg_opt_size(opt);
    cfg_t *section = cfg_opt_getnsec(opt, n - 1);
    const char *name = cfg_title(section);
    if (!fk_value_name(name) || strlen(name) > 32) {
        refuse(cfg->line, "canary \"%s\"; expected " FK_EXPECTED_NAME ", at most 32", name);
        return -1;
    }
    if (!*cfg_getstr(section, "from") || !*cfg_getstr(section, "to")) {
        refuse(cfg->line, "canary \"%s\" lacks from or to; expected " FK_EXPECTED_MAILBOX, name);
        return -1;
    }
    if (n > FK_CANARIES_MAX) {
        refuse(cfg->line, "there are over %d canaries", FK_CANARIES_MAX);
        return -1;
    }
    return 0;
}

static int imap_key_check(cfg_t *cfg, cfg_opt_t *opt) {
    return value_check(cfg, opt, key_find(imap_keys, IMAP_KEYS, opt->name));
}

static const char *imap_trouble(cfg_t *section, unsigned n) {
    const char *name = cfg_title(section);
    if (!fk_value_name(name) || strlen(name) > 32)
        return "expected " FK_EXPECTED_NAME ", at most 32 of them";
    if (!*cfg_getstr(section, "host") || !*cfg_getstr(section, "user") ||
        !*cfg_getstr(section, "password-file"))
        return "lacks host, user or password-file; expected all three";
    if (!*cfg_getstr(section, "folder"))
        return "folder is empty; expected INBOX, say";
    return n > FK_IMAP_MAX ? "there are over 16 of them" : NULL;
}

static int imap_check(cfg_t *cfg, cfg_opt_t *opt) {
    unsigned n = cfg_opt_size(opt);
    cfg_t *section = cfg_opt_getnsec(opt, n - 1);
    const char *trouble = imap_trouble(section, n);
    if (trouble)
        refuse(cfg->line, "imap \"%s\": %s", cfg_title(section), trouble);
    return trouble ? -1 : 0;
}

/* Spaces in place of comments, line ends kept. Quotes and braces that are never closed are refused
 * here, where their line is known. */
static enum fk_status comments_blank(char *p) {
    int line = 1, opened = 0, depth = 0;
    for (; *p; p++) {
        if (*p == '\n') {
            line++;
        } else if (*p == '"' || *p == '\'') {
            char quote = *p++;
            for (; *p != quote; p++) {
                if (*p == '\\' && p[1] && p[1] != '\n')
                    p++;
                else if (!*p || *p == '\n')
                    return refuse(line, "a quote is not closed; expected %c before the line's end",
                                  quote);
            }
        } else if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
            for (; *p && *p != '\n'; p++)
                *p = ' ';
            p--;
        } else if (p[0] == '/' && p[1] == '*') {
            return refuse(line, "expected comments to begin with #");
        } else if (*p == '{') {
            depth++;
            opened = line;
        } else if (*p == '}') {
            depth--;
        }
    }
    return depth > 0 ? refuse(opened, "expected a } for this {") : FK_OK;
}

static bool value_store(const struct key *k, const char *text, void *base) {
    void *slot = (char *)base + k->at;
    switch (k->kind) {
    case SIZE:
        *(uint64_t *)slot = fk_config__number(k, text);
        return true;
    case SECONDS:
    case NUMBER:
        *(unsigned *)slot = (unsigned)fk_config__number(k, text);
        return true;
    case ZONE:
        return fk_value_zone(text, slot);
    default:
        return (*(char **)slot = strdup(text)) != NULL;
    }
}

static bool is_list(const struct key *k) {
    return k->kind == ADDRESSES || k->kind == WITNESSES || k->kind == URLS ||
           k->kind == MAILBOXES || k->kind == NETWORKS || k->kind == TEXTS || k->kind == WORDS ||
           k->kind == DOMAINS;
}

static bool list_store(cfg_t *cfg, const struct key *k, const char *dir, void *base) {
    unsigned n = cfg_size(cfg, k->name);
    char **list = calloc(n + 1, sizeof *list);
    *(char ***)((char *)base + k->at) = list;
    unsigned used = 0;
    for (unsigned i = 0; list && i < n; i++)
        if ((k->kind != URLS || *cfg_getnstr(cfg, k->name, i)) && /* "" is none, as a single one */
            !(list[used++] = k->kind == ADDRESSES ? address_make(cfg_getnstr(cfg, k->name, i), dir)
                                                  : strdup(cfg_getnstr(cfg, k->name, i))))
            return false;
    return list != NULL;
}

static bool classes_store(cfg_t *cfg, struct fk_config *c) {
    unsigned n = cfg_size(cfg, "class");
    c->classes = calloc(n ? n : 1, sizeof *c->classes);
    for (unsigned i = 0; c->classes && i < n; i++) {
        cfg_t *section = cfg_getnsec(cfg, "class", i);
        struct fk_config_class *class = &c->classes[c->class_count++];
        if (!(class->name = strdup(cfg_title(section))))
            return false;
        for (size_t j = 0; j < CLASS_KEYS; j++)
            if (!value_store(&class_keys[j], cfg_getstr(section, class_keys[j].name), class))
                return false;
    }
    return c->classes != NULL;
}

static bool canaries_store(cfg_t *cfg, struct fk_config *c) {
    unsigned n = cfg_size(cfg, "canary");
    c->canaries = calloc(n ? n : 1, sizeof *c->canaries);
    for (unsigned i = 0; c->canaries && i < n; i++) {
        cfg_t *section = cfg_getnsec(cfg, "canary", i);
        struct fk_config_canary *canary = &c->canaries[c->canary_count++];
        if (!(canary->name = strdup(cfg_title(section))))
            return false;
        for (size_t j = 0; j < CANARY_KEYS; j++)
            if (!value_store(&canary_keys[j], cfg_getstr(section, canary_keys[j].name), canary))
                return false;
    }
    return c->canaries != NULL;
}

/* A path that is not absolute is taken from the vault's directory. */
static bool path_whole(char **path, const char *dir) {
    char *whole = NULL;
    if (!**path || **path == '/')
        return true;
    if (asprintf(&whole, "%s/%s", dir, *path) < 0)
        return false;
    free(*path);
    *path = whole;
    return true;
}

static bool listeners_store(cfg_t *cfg, const char *dir, struct fk_config *c) {
    unsigned n = cfg_size(cfg, "listener");
    bool good = (c->listeners = calloc(n ? n : 1, sizeof *c->listeners)) != NULL;
    for (unsigned i = 0; good && i < n; i++) {
        cfg_t *section = cfg_getnsec(cfg, "listener", i);
        struct fk_config_listener *l = &c->listeners[c->listener_count++];
        good = (l->name = strdup(cfg_title(section))) != NULL;
        for (size_t j = 0; good && j < LISTENER_KEYS; j++) {
            const struct key *k = &listener_keys[j];
            good = is_list(k) ? list_store(section, k, dir, l)
                              : value_store(k, cfg_getstr(section, k->name), l);
        }
        good = good && path_whole(&l->certificate, dir) && path_whole(&l->key, dir) &&
               path_whole(&l->client_ca, dir);
    }
    return good;
}

static bool mailboxes_store(cfg_t *cfg, const char *dir, struct fk_config *c) {
    unsigned n = cfg_size(cfg, "imap");
    bool good = (c->mailboxes = calloc(n ? n : 1, sizeof *c->mailboxes)) != NULL;
    for (unsigned i = 0; good && i < n; i++) {
        cfg_t *section = cfg_getnsec(cfg, "imap", i);
        struct fk_config_imap *m = &c->mailboxes[c->mailbox_count++];
        good = (m->name = strdup(cfg_title(section))) != NULL;
        for (size_t j = 0; good && j < IMAP_KEYS; j++)
            good = value_store(&imap_keys[j], cfg_getstr(section, imap_keys[j].name), m);
        good = good && path_whole(&m->password_file, dir) && path_whole(&m->ca, dir);
    }
    return good;
}

static enum fk_status config_make(cfg_t *cfg, const char *path, struct fk_config **out,
                                  struct fk_err *err) {
    char dir[PATH_MAX];
    directory_of(path, dir);
    struct fk_config *c = calloc(1, sizeof *c);
    bool good = c != NULL;
    for (size_t i = 0; good && i < KEYS; i++)
        good = is_list(&keys[i]) ? list_store(cfg, &keys[i], dir, c)
                                 : value_store(&keys[i], cfg_getstr(cfg, keys[i].name), c);
    good = good && path_whole(&c->timestamp_roots, dir) && path_whole(&c->mirror_dir, dir) &&
           path_whole(&c->passwords_file, dir) && path_whole(&c->auth_hosts, dir) &&
           path_whole(&c->auth_anchor, dir);
    if (!good || !classes_store(cfg, c) || !listeners_store(cfg, dir, c) ||
        !canaries_store(cfg, c) || !mailboxes_store(cfg, dir, c)) {
        fk_config_free(&c);
        return fk_fail(err, FK_NOMEM, "%s: no memory for the configuration", path);
    }
    if (strcmp(c->mirror, "off") != 0 && !*c->mirror_dir) {
        (void)fk_fail(err, FK_INVALID,
                      "%s: mirror is \"%s\", and no mirror-dir says where; expected the directory "
                      "that \"fumikura mirror init\" made",
                      path, c->mirror);
        fk_config_free(&c);
        return FK_INVALID;
    }
    if (*c->mail_to && !*c->mail_from) {
        (void)fk_fail(
            err, FK_INVALID,
            "%s: checkpoint-mail-to names somebody, and no checkpoint-mail-from says from "
            "whom; expected " FK_EXPECTED_MAILBOX,
            path);
        fk_config_free(&c);
        return FK_INVALID;
    }
    *out = c;
    return FK_OK;
}

static void options_of(const struct key *list, size_t n, cfg_opt_t *out) {
    for (size_t i = 0; i < n; i++)
        if (is_list(&list[i]))
            out[i] = (cfg_opt_t)CFG_STR_LIST(list[i].name, (char *)(uintptr_t)list[i].initial,
                                             CFGF_NONE);
        else
            out[i] = (cfg_opt_t)CFG_STR(list[i].name, list[i].initial, CFGF_NONE);
    out[n] = (cfg_opt_t)CFG_END();
}

static void section_checks(cfg_t *cfg, const char *section, const struct key *list, size_t n,
                           cfg_validate_callback_t check) {
    char name[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s|%s", section, list[i].name);
        cfg_set_validate_func(cfg, name, check);
    }
}

static cfg_t *parser_new(void) {
    const cfg_flag_t many = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
    cfg_opt_t options[KEYS + 5], of_class[CLASS_KEYS + 1], of_listener[LISTENER_KEYS + 1],
        of_canary[CANARY_KEYS + 1], of_imap[IMAP_KEYS + 1];
    options_of(class_keys, CLASS_KEYS, of_class);
    options_of(listener_keys, LISTENER_KEYS, of_listener);
    options_of(canary_keys, CANARY_KEYS, of_canary);
    options_of(imap_keys, IMAP_KEYS, of_imap);
    options_of(keys, KEYS, options);
    options[KEYS] = (cfg_opt_t)CFG_SEC("class", of_class, many);
    options[KEYS + 1] = (cfg_opt_t)CFG_SEC("listener", of_listener, many);
    options[KEYS + 2] = (cfg_opt_t)CFG_SEC("canary", of_canary, many);
    options[KEYS + 3] = (cfg_opt_t)CFG_SEC("imap", of_imap, many);
    options[KEYS + 4] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (!cfg)
        return NULL;
    cfg_set_error_function(cfg, on_parse_error);
    for (size_t i = 0; i < KEYS; i++)
        cfg_set_validate_func(cfg, keys[i].name, key_check);
    cfg_set_validate_func(cfg, "class", class_check);
    cfg_set_validate_func(cfg, "listener", listener_check);
    section_checks(cfg, "class", class_keys, CLASS_KEYS, class_key_check);
    section_checks(cfg, "listener", listener_keys, LISTENER_KEYS, listener_key_check);
    cfg_set_validate_func(cfg, "canary", canary_check);
    section_checks(cfg, "canary", canary_keys, CANARY_KEYS, canary_key_check);
    cfg_set_validate_func(cfg, "imap", imap_check);
    section_checks(cfg, "imap", imap_keys, IMAP_KEYS, imap_key_check);
    return cfg;
}

enum fk_status fk_config_parse(const void *text, size_t len, const char *path,
                               struct fk_config **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_err own = FK_ERR_INIT;
    struct fk_buf copy = FK_BUF_INIT;
    cfg_t *cfg = NULL;
    loading.path = path;
    loading.err = err ? err : &own;
    if (len && memchr(text, 0, len))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: holds a NUL byte; expected text", path));
    fk_buf_add(&copy, text, len);
    fk_buf_byte(&copy, 0);
    if (copy.failed || !(cfg = parser_new()))
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: no memory to read the configuration", path));
    FK_TRY(comments_blank((char *)copy.data));
    loading.err->text[0] = 0;
    if (cfg_parse_buf(cfg, (char *)copy.data) != CFG_SUCCESS) {
        if (!loading.err->text[0])
            (void)fk_fail(err, FK_INVALID, "%s: is not a configuration", path);
        FK_TRY(FK_INVALID);
    }
    st = config_make(cfg, path, out, err);
done:
    if (cfg)
        cfg_free(cfg);
    fk_buf_free(&copy);
    return st;
}

enum fk_status fk_config_load(const char *path, struct fk_config **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf text = FK_BUF_INIT;
    char *whole = realpath(path, NULL);
    struct stat s;
    if (!whole)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "%s: there is no such configuration; "
                       "\"fumikura init DIR\" makes a vault with one",
                       path));
    if (stat(whole, &s) == 0 && S_ISDIR(s.st_mode))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is a directory; -C DIR takes a vault's", whole));
    FK_TRY(fk_read_file(whole, CONFIG_MAX_BYTES, &text, err));
    st = fk_config_parse(text.data, text.len, whole, out, err);
done:
    free(whole);
    fk_buf_free(&text);
    return st;
}

static void list_free(char **list) {
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
}

static void listener_free(struct fk_config_listener *l) {
    list_free(l->address);
    list_free(l->clients);
    list_free(l->allow);
    list_free(l->proxy);
    list_free(l->xforward);
    list_free(l->journal_from);
    free(l->name);
    free(l->protocol);
    free(l->source);
    free(l->floor);
    free(l->tls);
    free(l->certificate);
    free(l->key);
    free(l->client_ca);
    free(l->journal);
    free(l->carried);
}

static void mailbox_free(struct fk_config_imap *m) {
    free(m->name);
    free(m->host);
    free(m->user);
    free(m->folder);
    free(m->source);
    free(m->floor);
    free(m->tls);
    free(m->password_file);
    free(m->ca);
    free(m->delete_after);
    free(m->journal);
}

void fk_config_free(struct fk_config **cp) {
    struct fk_config *c = *cp;
    if (!c)
        return;
    list_free(c->smtp);
    list_free(c->lmtp);
    list_free(c->milter);
    list_free(c->journal_from);
    list_free(c->witnesses);
    list_free(c->timestamp);
    list_free(c->mail_to);
    list_free(c->auth_clients);
    list_free(c->domains);
    list_free(c->own_companies);
    list_free(c->trusted_authserv);
    list_free(c->trusted_verdicts);
    free(c->passwords_file);
    free(c->attachments);
    free(c->auth_check);
    free(c->auth_resolver);
    free(c->auth_hosts);
    free(c->auth_anchor);
    free(c->trusted_place);
    free(c->mail_from);
    free(c->mail_via);
    free(c->web);
    free(c->hostname);
    free(c->source);
    free(c->floor);
    free(c->timestamp_roots);
    free(c->mirror);
    free(c->mirror_dir);
    free(c->single_instance);
    free(c->fiscal_year_end);
    for (size_t i = 0; i < c->class_count; i++) {
        free(c->classes[i].name);
        free(c->classes[i].period);
        free(c->classes[i].from);
        free(c->classes[i].source);
    }
    free(c->classes);
    for (size_t i = 0; i < c->listener_count; i++)
        listener_free(&c->listeners[i]);
    free(c->listeners);
    for (size_t i = 0; i < c->canary_count; i++) {
        free(c->canaries[i].name);
        free(c->canaries[i].send_via);
        free(c->canaries[i].from);
        free(c->canaries[i].to);
    }
    free(c->canaries);
    for (size_t i = 0; i < c->mailbox_count; i++)
        mailbox_free(&c->mailboxes[i]);
    free(c->mailboxes);
    free(c);
    *cp = NULL;
}
