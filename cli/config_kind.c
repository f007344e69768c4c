/* config_kind.c - which values a key may have, in words for whoever wrote another. */
#include "archiver/intake/network.h"
#include "archiver/vault/witnessing.h"
#include "cli/config_priv.h"
#include "cli/config_value.h"

#include <string.h>

/* Kinds whose values are words, and what to write instead of another. */
static const struct choice {
    enum kind kind;
    const char *words[5], *expected;
} choices[] = {
    {START, {"received", "fiscal-year-end"}, "\"received\" or \"fiscal-year-end\""},
    {MIRROR, {"off", "async", "sync"}, "\"off\", \"async\" or \"sync\""},
    {PLACE, {"above", "below"}, "\"above\" or \"below\""},
    {ON_OFF, {"on", "off"}, "\"on\" or \"off\""},
    {JOURNAL, {"on", "off"}, "\"on\" or \"off\""},
    {PROTOCOL, {"smtp", "lmtp"}, "\"smtp\" or \"lmtp\""},
    {TLS,
     {"off", "starttls", "required", "implicit"},
     "\"off\", \"starttls\", \"required\" or \"implicit\""},
    {MAILBOX_TLS, {"implicit", "starttls"}, "\"implicit\" or \"starttls\""},
    {SEPARATOR, {"", "+", "-"}, "\"+\", \"-\" or \"\""},
};

static const char *choice_expected(enum kind kind, const char *text) {
    const struct choice *c = choices;
    while (c->kind != kind)
        c++;
    for (const char *const *word = c->words; *word; word++)
        if (strcmp(text, *word) == 0)
            return NULL;
    return c->expected;
}

const char *fk_config__expected(const struct key *k, const char *text) {
    uint64_t v;
    int minutes;
    struct fk_witnessing witness;
    struct fk_network network;
    switch (k->kind) {
    case SIZE:
        return fk_value_size(text, &v) ? NULL : FK_EXPECTED_SIZE;
    case SECONDS:
        return fk_value_seconds(text, &v) ? NULL : FK_EXPECTED_TIME;
    case NUMBER:
        return fk_value_number(text, &v) ? NULL : "a whole number";
    case ADDRESSES:
        return fk_value_address(text) ? NULL : FK_EXPECTED_ADDRESS;
    case WITNESSES:
        return fk_witnessing_parse(text, strlen(text), &witness, NULL) == FK_OK
                   ? NULL
                   : "\"URL KEY\", such as \"https://witness.example.jp "
                     "witness.example.jp+c74f20a3+BA...\" (the key is what \"fumikura witness "
                     "init\" printed)";
    case WEB:
        return fk_value_is_loopback(text) ? NULL
                                          : "a loopback address such as \"127.0.0.1:8025\" (there "
                                            "are no accounts yet, so only this machine may ask)";
    case HOST:
        return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                       strlen(text)
                   ? NULL
                   : "a host name";
    case URLS:
        return !*text || strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0
                   ? NULL
                   : "an address such as \"https://tsa.example.jp/tsr\"";
    case MAILBOX:
        if (!*text)
            return NULL;
        /* fall through */
    case MAILBOXES:
        return fk_value_mailbox(text) ? NULL : FK_EXPECTED_MAILBOX;
    case MAIL_SERVER:
        return fk_value_mail_server(text) ? NULL : FK_EXPECTED_MAIL_SERVER;
    case ANY_PATH:
        return NULL;
    case OPTIONAL_NAME:
        if (!*text)
            return NULL;
        /* fall through */
    case NAME:
        return fk_value_name(text) ? NULL : FK_EXPECTED_NAME;
    case PERIOD:
        return fk_value_period(text) ? NULL : FK_EXPECTED_PERIOD;
    case ZONE:
        return fk_value_zone(text, &minutes) ? NULL : FK_EXPECTED_ZONE;
    case MONTH_DAY:
        return fk_value_month_day(text) ? NULL : FK_EXPECTED_MONTH_DAY;
    case WORDS:
        return *text && !strpbrk(text, " \t\r\n") ? NULL : "a name without blanks";
    case DOMAINS:
        return *text && *text != '.' && !strpbrk(text, " \t\r\n@*/:,")
                   ? NULL
                   : "a domain such as example.co.jp, without @ or *";
    case RESOLVER:
        return fk_value_resolver(text) ? NULL : FK_EXPECTED_RESOLVER;
    case NETWORKS:
        return fk_network_parse(text, &network) ? NULL
                                                : "a network such as \"192.0.2.0/24\", "
                                                  "\"2001:db8::/32\", \"::1\" or \"unix\" (no "
                                                  "bits behind the mask)";
    case TEXTS:
        return *text ? NULL : "a name, a mail address or a fingerprint";
    case OPTIONAL_PERIOD:
        return !*text || fk_value_period(text) ? NULL : FK_EXPECTED_PERIOD;
    case JOURNAL:
        if (strcmp(text, "listed") == 0) /* what there was once */
            return "\"on\", for reports of all who may deliver here, or journal-from with the "
                   "networks that journals come from (allow alone names nobody as a journal)";
        /* fall through */
    case START:
    case MIRROR:
    case PLACE:
    case ON_OFF:
    case PROTOCOL:
    case TLS:
    case MAILBOX_TLS:
    case SEPARATOR:
        return choice_expected(k->kind, text);
    }
    return NULL;
}

uint64_t fk_config__number(const struct key *k, const char *text) {
    uint64_t v = 0;
    if (k->kind == SIZE)
        (void)fk_value_size(text, &v); /* checked when it was read */
    else if (k->kind == SECONDS)
        (void)fk_value_seconds(text, &v);
    else
        (void)fk_value_number(text, &v);
    return v;
}

const char *fk_config__unit(const struct key *k) {
    return k->kind == SIZE ? " bytes" : k->kind == SECONDS ? " s" : "";
}
