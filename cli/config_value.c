/* config_value.c - text to numbers, sizes, times, periods and addresses; nothing is guessed. */
#include "cli/config_value.h"
#include "archiver/vault/submit.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Digits at *at; moves *at behind them. */
static bool digits_read(const char **at, uint64_t *out) {
    uint64_t v = 0;
    const char *p = *at;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
            return false;
    *at = p;
    *out = v;
    return true;
}

bool fk_value_number(const char *text, uint64_t *out) {
    uint64_t v;
    if (!digits_read(&text, &v) || *text)
        return false;
    *out = v;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool with_unit(const char *text, const struct unit *units, size_t n, uint64_t *out) {
    uint64_t v;
    if (!digits_read(&text, &v))
        return false;
    while (*text == ' ')
        text++;
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, units[i].name) == 0) {
            if (__builtin_mul_overflow(v, units[i].factor, &v))
                return false;
            *out = v;
            return true;
        }
    return false;
}

bool fk_value_size(const char *text, uint64_t *bytes_out) {
    static const struct unit units[] = {{"", 1},
                                        {"KiB", 1024},
                                        {"MiB", (uint64_t)1 << 20},
                                        {"GiB", (uint64_t)1 << 30},
                                        {"TiB", (uint64_t)1 << 40}};
    return with_unit(text, units, sizeof units / sizeof *units, bytes_out);
}

bool fk_value_seconds(const char *text, uint64_t *seconds_out) {
    static const struct unit units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    return with_unit(text, units, sizeof units / sizeof *units, seconds_out);
}

bool fk_value_period(const char *text) {
    const char *letters = "YMD";
    if (*text++ != 'P' || !*text)
        return false;
    while (*text) {
        uint64_t v;
        if (!digits_read(&text, &v) || v > 9999)
            return false;
        const char *letter = *text ? strchr(letters, *text) : NULL;
        if (!letter)
            return false;
        letters = letter + 1;
        text++;
    }
    return true;
}

/* Two digits and no more than max; -1 otherwise. */
static int two_digits(const char *p, int max) {
    if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
        return -1;
    int v = (p[0] - '0') * 10 + (p[1] - '0');
    return v <= max ? v : -1;
}

bool fk_value_zone(const char *text, int *minutes_out) {
    if (strlen(text) != 6 || (*text != '+' && *text != '-') || text[3] != ':')
        return false;
    int h = two_digits(text + 1, 14), m = two_digits(text + 4, 59);
    if (h < 0 || m < 0)
        return false;
    *minutes_out = (*text == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

bool fk_value_month_day(const char *text) {
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 5 || text[2] != '-')
        return false;
    int m = two_digits(text, 12);
    return m > 0 && two_digits(text + 3, days[m - 1]) > 0;
}

bool fk_value_name(const char *text) {
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool port_is_good(const char *text) {
    uint64_t port;
    return strlen(text) <= 5 && fk_value_number(text, &port) && port <= 65535;
}

/* The address in front of ":PORT", without brackets, into out. */
static bool host_part(const char *text, char out[INET6_ADDRSTRLEN + 2], bool *bracketed_out) {
    const char *colon = strrchr(text, ':');
    if (!colon || !port_is_good(colon + 1))
        return false;
    size_t len = (size_t)(colon - text);
    *bracketed_out = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (*bracketed_out) {
        text++;
        len -= 2;
    }
    if (len > INET6_ADDRSTRLEN)
        return false;
    memcpy(out, text, len);
    out[len] = 0;
    return true;
}

enum fk_address_kind fk_value_address(const char *text) {
    if (strncmp(text, "unix:", 5) == 0)
        return text[5] ? FK_ADDRESS_UNIX : FK_ADDRESS_NONE;
    char host[INET6_ADDRSTRLEN + 2];
    bool bracketed;
    if (!host_part(text, host, &bracketed))
        return FK_ADDRESS_NONE;
    struct in6_addr a;
    if (bracketed)
        return inet_pton(AF_INET6, host, &a) == 1 ? FK_ADDRESS_INET6 : FK_ADDRESS_NONE;
    return inet_pton(AF_INET, host, &a) == 1 ? FK_ADDRESS_INET : FK_ADDRESS_NONE;
}

bool fk_value_is_loopback(const char *text) {
    if (fk_value_address(text) == FK_ADDRESS_INET6)
        return strncmp(text, "[::1]:", 6) == 0;
    return fk_value_address(text) == FK_ADDRESS_INET && strncmp(text, "127.", 4) == 0;
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
enum { MAILBOX_MAX = 254 }; /* RFC 5321, section 4.5.3.1.3, without the brackets */

bool fk_value_mailbox(const char *text) {
    const size_t local = strspn(text, ALNUM "!#$%&'*+-/=?^_`{|}~.");
    if (!local || text[local] != '@' || strlen(text) > MAILBOX_MAX)
        return false;
    const char *domain = text + local + 1;
    return *domain && *domain != '.' && *domain != '-' && !domain[strspn(domain, ALNUM ".-")];
}

bool fk_value_mail_server(const char *text) {
    static const char *const schemes[] = {"smtp://", "smtps://", FK_SUBMIT_STARTTLS};
    const char *host = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            host = text + strlen(schemes[i]);
    if (!host)
        return false;
    const bool six = *host == '[';
    size_t len = six ? strspn(host + 1, "0123456789abcdefABCDEF:.") : strspn(host, ALNUM ".-");
    uint64_t port;
    if (!len || (six && host[++len] != ']'))
        return false;
    host += len + six;
    return !*host || (*host == ':' && fk_value_number(host + 1, &port) && port && port <= 65535);
}

bool fk_value_resolver(const char *text) {
    char address[64];
    struct in_addr v4;
    struct in6_addr v6;
    uint64_t port = 53;
    const char *at = strchr(text, '@');
    const size_t len = at ? (size_t)(at - text) : strlen(text);
    if (!*text)
        return true;
    if (len >= sizeof address || (at && !fk_value_number(at + 1, &port)) || !port || port > 65535)
        return false;
    snprintf(address, sizeof address, "%.*s", (int)len, text);
    return inet_pton(AF_INET, address, &v4) == 1 || inet_pton(AF_INET6, address, &v6) == 1;
}
