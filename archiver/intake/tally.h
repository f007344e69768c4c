/*
 * tally.h - how much each client has had: connections at once, and messages in the last minute.
 *
 *     fk_tally_enter(t, &client, limit)        false: it has so many connections already
 *     fk_tally_message(t, &client, limit, now) false: it has sent so many within a minute
 *     fk_tally_leave(t, &client)               once for each enter that was true
 *     fk_tally_sweep(t, now)                   now and then: who is gone is forgotten
 *
 * A client is an IPv4 address, or the first 64 bits of an IPv6 one (whoever has one such address
 * has all of them). Clients on Unix sockets are not counted. At most FK_TALLY_MAX are remembered;
 * one more is not limited, as the number of connections at once is bounded elsewhere. A minute is a
 * window that begins with a client's first message. Times: monotonic milliseconds. Threads: one at
 * a time.
 */
#ifndef FK_INTAKE_TALLY_H
#define FK_INTAKE_TALLY_H
#include "archiver/intake/network.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_TALLY_BUCKETS = 1024, FK_TALLY_MAX = 65536 };

struct fk_tally {
    struct fk_tally_client *buckets[FK_TALLY_BUCKETS];
    size_t count;
};

bool fk_tally_enter(struct fk_tally *t, const struct fk_peer *client, unsigned limit);
void fk_tally_leave(struct fk_tally *t, const struct fk_peer *client);
bool fk_tally_message(struct fk_tally *t, const struct fk_peer *client, unsigned limit,
                      int64_t now_ms);
void fk_tally_sweep(struct fk_tally *t, int64_t now_ms);
void fk_tally_free(struct fk_tally *t);

#ifdef __cplusplus
}
#endif
#endif
