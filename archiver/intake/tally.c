/* tally.c - clients in chains by a hash of their address. */
#include "archiver/intake/tally.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

struct fk_tally_client {
    struct fk_tally_client *next;
    struct fk_peer who;
    unsigned connections, messages;
    int64_t began_ms; /* of the minute in which those messages came */
};

static bool client_of(const struct fk_peer *peer, struct fk_peer *out) {
    *out = *peer;
    out->port = 0;
    memset(out->bytes + 8, 0, 8);
    return peer->family != FK_UNIX;
}

/* FNV-1a. Who picks addresses that fall into one chain makes it at most FK_TALLY_MAX long, and has
 * to have as many networks. */
static size_t bucket_of(const struct fk_peer *who) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < 8; i++)
        h = (h ^ who->bytes[i]) * 16777619u;
    return h % FK_TALLY_BUCKETS;
}

/* NULL for one that is not counted. */
static struct fk_tally_client *client_find(struct fk_tally *t, const struct fk_peer *peer,
                                           bool make) {
    struct fk_peer who;
    if (!client_of(peer, &who))
        return NULL;
    struct fk_tally_client **bucket = &t->buckets[bucket_of(&who)], *c = *bucket;
    while (c && (c->who.family != who.family || memcmp(c->who.bytes, who.bytes, 8) != 0))
        c = c->next;
    if (c || !make || t->count >= FK_TALLY_MAX || !(c = calloc(1, sizeof *c)))
        return c;
    c->who = who;
    c->next = *bucket;
    *bucket = c;
    t->count++;
    return c;
}

bool fk_tally_enter(struct fk_tally *t, const struct fk_peer *client, unsigned limit) {
    struct fk_tally_client *c = client_find(t, client, true);
    if (c && limit && c->connections >= limit)
        return false;
    if (c)
        c->connections++;
    return true;
}

void fk_tally_leave(struct fk_tally *t, const struct fk_peer *client) {
    struct fk_tally_client *c = client_find(t, client, false);
    if (c && c->connections)
        c->connections--;
}

bool fk_tally_message(struct fk_tally *t, const struct fk_peer *client, unsigned limit,
                      int64_t now_ms) {
    struct fk_tally_client *c = limit ? client_find(t, client, true) : NULL;
    if (!c)
        return true;
    if (now_ms - c->began_ms >= MINUTE_MS || !c->messages) {
        c->began_ms = now_ms;
        c->messages = 0;
    }
    if (c->messages >= limit)
        return false;
    c->messages++;
    return true;
}

void fk_tally_sweep(struct fk_tally *t, int64_t now_ms) {
    for (size_t i = 0; i < FK_TALLY_BUCKETS; i++)
        for (struct fk_tally_client **at = &t->buckets[i], *c; (c = *at);) {
            if (c->connections || (c->messages && now_ms - c->began_ms < MINUTE_MS)) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            free(c);
            t->count--;
        }
}

void fk_tally_free(struct fk_tally *t) {
    for (size_t i = 0; i < FK_TALLY_BUCKETS; i++)
        for (struct fk_tally_client *c = t->buckets[i], *next; c; c = next) {
            next = c->next;
            free(c);
        }
    memset(t, 0, sizeof *t);
}
