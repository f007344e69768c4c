/*
 * config_priv.h - what a value of the configuration may be, between config.c, which has the keys,
 * and config_kind.c.
 */
#ifndef FK_CLI_CONFIG_PRIV_H
#define FK_CLI_CONFIG_PRIV_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum kind {
    SIZE,
    SECONDS,
    NUMBER,
    ADDRESSES,
    WITNESSES,
    WEB,
    HOST,
    URLS,
    MAILBOXES,
    MAILBOX,
    MAIL_SERVER,
    ANY_PATH,
    NAME,
    OPTIONAL_NAME,
    PERIOD,
    ZONE,
    MONTH_DAY,
    START,
    MIRROR,
    ON_OFF,
    NETWORKS,
    TEXTS,
    OPTIONAL_PERIOD,
    PROTOCOL,
    TLS,
    JOURNAL,
    SEPARATOR,
    WORDS,
    DOMAINS,
    RESOLVER,
    PLACE,
    MAILBOX_TLS
};
struct key {
    const char *name;
    enum kind kind;
    size_t at; /* in struct fk_config, or that of a section */
    const char *initial;
    uint64_t min, max;
};

/* What was expected, or NULL where the value is good. */
const char *fk_config__expected(const struct key *k, const char *text);
/* Of a value that is good: bytes, seconds, or the number itself. */
uint64_t fk_config__number(const struct key *k, const char *text);
/* " bytes", " s" or "". */
const char *fk_config__unit(const struct key *k);

#ifdef __cplusplus
}
#endif
#endif
