/* network.c - addresses as bytes, and prefixes of them. */
#include "archiver/intake/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fk_peer_make(enum fk_family family, const uint8_t *bytes, uint16_t port, struct fk_peer *out) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *out = (struct fk_peer){.family = family, .port = port};
    if (family == FK_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        out->family = FK_INET;
        bytes += sizeof mapped;
    }
    memcpy(out->bytes, bytes, out->family == FK_INET6 ? 16 : 4);
}

void fk_peer_of(const struct sockaddr_storage *a, struct fk_peer *out) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
    *out = (struct fk_peer){.family = FK_UNIX};
    if (a->ss_family == AF_INET)
        fk_peer_make(FK_INET, (const uint8_t *)&in->sin_addr, ntohs(in->sin_port), out);
    else if (a->ss_family == AF_INET6)
        fk_peer_make(FK_INET6, in6->sin6_addr.s6_addr, ntohs(in6->sin6_port), out);
}

void fk_peer_format(const struct fk_peer *peer, char out[FK_ADDRESS_SIZE]) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (peer->family == FK_UNIX) {
        snprintf(out, FK_ADDRESS_SIZE, "unix");
        return;
    }
    bool six = peer->family == FK_INET6;
    inet_ntop(six ? AF_INET6 : AF_INET, peer->bytes, host, sizeof host);
    snprintf(out, FK_ADDRESS_SIZE, six ? "[%s]:%u" : "%s:%u", host, peer->port);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 &&
           (!rest || ((a[whole] ^ b[whole]) & (uint8_t)(0xff << (8 - rest))) == 0);
}

static bool bits_read(const char *text, unsigned max, unsigned *out) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > max)
        return false;
    *out = (unsigned)n;
    return true;
}

bool fk_network_parse(const char *text, struct fk_network *out) {
    struct fk_network n = {.family = FK_UNIX};
    char host[INET6_ADDRSTRLEN];
    if (strcmp(text, "unix") == 0) {
        *out = n;
        return true;
    }
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    n.family = strchr(host, ':') ? FK_INET6 : FK_INET;
    unsigned all = n.family == FK_INET6 ? 128 : 32;
    n.bits = all;
    if (inet_pton(n.family == FK_INET6 ? AF_INET6 : AF_INET, host, n.bytes) != 1 ||
        (slash && !bits_read(slash + 1, all, &n.bits)))
        return false;
    for (unsigned i = n.bits; i < all; i++)
        if (n.bytes[i / 8] & (0x80 >> i % 8))
            return false;
    *out = n;
    return true;
}

bool fk_network_has(const struct fk_network *n, const struct fk_peer *peer) {
    return n->family == peer->family && same_bits(n->bytes, peer->bytes, n->bits);
}

enum fk_status fk_networks_parse(const char *const *texts, struct fk_networks *out,
                                 struct fk_err *err) {
    size_t n = 0;
    while (texts && texts[n])
        n++;
    struct fk_networks list = {calloc(n + 1, sizeof *list.list), n};
    if (!list.list)
        return fk_fail(err, FK_NOMEM, "no memory for a list of networks");
    for (size_t i = 0; i < n; i++)
        if (!fk_network_parse(texts[i], &list.list[i])) {
            fk_networks_free(&list);
            return fk_fail(err, FK_INVALID,
                           "%s: not a network; expected one such as 192.0.2.0/24, 2001:db8::/32, "
                           "::1 or unix",
                           texts[i]);
        }
    *out = list;
    return FK_OK;
}

bool fk_networks_have(const struct fk_networks *list, const struct fk_peer *peer) {
    for (size_t i = 0; i < list->count; i++)
        if (fk_network_has(&list->list[i], peer))
            return true;
    return false;
}

void fk_networks_free(struct fk_networks *list) {
    free(list->list);
    *list = (struct fk_networks){NULL, 0};
}
