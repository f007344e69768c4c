/* proxy.c - both forms of the header, by the letter: what deviates is no header. */
#include "archiver/intake/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V1_MAX = 107, V2_HEAD = 16 }; /* sections 2.1 and 2.2 */

/* ---- version 1: a line of text */

/* The word at *at, up to the next space or the end; *at goes behind the space. */
static bool word_take(char **at, char **word_out) {
    if (!*at || !**at)
        return false;
    *word_out = *at;
    char *space = strchr(*at, ' ');
    if (space)
        *space = 0;
    *at = space ? space + 1 : NULL;
    return **word_out != 0;
}

static bool v1_address(const char *text, enum fk_family family, struct fk_peer *out) {
    uint8_t bytes[16];
    bool good = inet_pton(family == FK_INET6 ? AF_INET6 : AF_INET, text, bytes) == 1;
    if (good)
        fk_peer_make(family, bytes, out->port, out);
    return good;
}

/* Decimal, no leading zero, 0 to 65535. */
static bool v1_port(const char *text, uint16_t *out) {
    size_t len = strspn(text, "0123456789");
    unsigned long n = strtoul(text, NULL, 10);
    if (!len || len > 5 || text[len] || (len > 1 && text[0] == '0') || n > 65535)
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool v1_line(char *line, struct fk_proxy_header *h) {
    char *at = line + strlen("PROXY "), *word, *from, *to, *from_port, *to_port;
    if (!word_take(&at, &word))
        return false;
    if (strcmp(word, "UNKNOWN") == 0) {
        h->local = true;
        return true;
    }
    enum fk_family family = strcmp(word, "TCP6") == 0 ? FK_INET6 : FK_INET;
    return (family == FK_INET6 || strcmp(word, "TCP4") == 0) && word_take(&at, &from) &&
           word_take(&at, &to) && word_take(&at, &from_port) && word_take(&at, &to_port) && !at &&
           v1_port(from_port, &h->client.port) && v1_port(to_port, &h->server.port) &&
           v1_address(from, family, &h->client) && v1_address(to, family, &h->server);
}

static enum fk_proxy_found v1_read(const uint8_t *data, size_t len, struct fk_proxy_header *h) {
    char line[V1_MAX + 1];
    const uint8_t *lf = memchr(data, '\n', len < V1_MAX ? len : V1_MAX);
    if (!lf)
        return len < V1_MAX ? FK_PROXY_MORE : FK_PROXY_NONE;
    size_t n = (size_t)(lf - data) + 1;
    if (n < 2 || data[n - 2] != '\r' || memchr(data, 0, n))
        return FK_PROXY_NONE;
    memcpy(line, data, n - 2);
    line[n - 2] = 0;
    h->bytes = n;
    h->version = 1;
    return v1_line(line, h) ? FK_PROXY_WHOLE : FK_PROXY_NONE;
}

/* ---- version 2: binary */

static enum fk_proxy_found v2_read(const uint8_t *data, size_t len, struct fk_proxy_header *h) {
    if (len < V2_HEAD)
        return FK_PROXY_MORE;
    unsigned command = data[12], family = data[13];
    size_t body = (size_t)data[14] << 8 | data[15], size = family == 0x11 ? 4 : 16;
    if (command >> 4 != 2 || (command & 15) > 1 || V2_HEAD + body > FK_PROXY_MAX)
        return FK_PROXY_NONE;
    h->local = (command & 15) == 0 || (family != 0x11 && family != 0x21);
    if (!h->local && body < 2 * size + 4)
        return FK_PROXY_NONE;
    if (len < V2_HEAD + body)
        return FK_PROXY_MORE;
    const uint8_t *from = data + V2_HEAD, *to = from + size, *ports = to + size;
    if (!h->local) {
        enum fk_family kind = size == 4 ? FK_INET : FK_INET6;
        fk_peer_make(kind, from, (uint16_t)(ports[0] << 8 | ports[1]), &h->client);
        fk_peer_make(kind, to, (uint16_t)(ports[2] << 8 | ports[3]), &h->server);
    }
    h->bytes = V2_HEAD + body;
    h->version = 2;
    return FK_PROXY_WHOLE;
}

enum fk_proxy_found fk_proxy_read(const uint8_t *data, size_t len, struct fk_proxy_header *out) {
    static const uint8_t one[] = "PROXY ", two[] = "\r\n\r\n\0\r\nQUIT\n";
    enum { ONE = sizeof one - 1, TWO = sizeof two - 1 };
    struct fk_proxy_header h = {.client = {.family = FK_UNIX}};
    enum fk_proxy_found found = FK_PROXY_NONE;
    if (memcmp(data, one, len < ONE ? len : ONE) == 0)
        found = len < ONE ? FK_PROXY_MORE : v1_read(data, len, &h);
    else if (memcmp(data, two, len < TWO ? len : TWO) == 0)
        found = len < TWO ? FK_PROXY_MORE : v2_read(data, len, &h);
    if (found == FK_PROXY_WHOLE)
        *out = h;
    return found;
}
