/*
 * peers_priv.h - the sockets of a keep or lend process: who is there, in which role, and answers
 * that never block.
 *
 *     fk_peers_new(child, &handlers, ctx, &peers, err);     takes the child's sockets, listens
 *     fk_peers_run(peers, err);                              until told to stop, or nobody is left
 *     fk_peers_free(&peers);                                 gives what is not yet sent 5 s
 *
 * An answer that does not fit into its socket waits in a queue, and nothing more is read from that
 * peer until it is gone: so what waits is bounded by what the peer has asked. A peer that sends
 * what is no frame, or what on_frame refuses with a status, is dropped.
 *
 * Threads: fk_peers_answer, _hold, _release and _wake from any; the rest from one.
 */
#ifndef FK_VAULT_PEERS_PRIV_H
#define FK_VAULT_PEERS_PRIV_H
#include "base/child.h"
#include "base/frame.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_peers;
struct fk_peer;

struct fk_peer_handlers {
    int (*role)(const char *name); /* a number of the main's own, -1 for no such role */
    void (*opened)(void *ctx, struct fk_peer *peer);
    /* FK_OK, or the peer is dropped. A descriptor may be taken from the frame. */
    enum fk_status (*frame)(void *ctx, struct fk_peer *peer, struct fk_frame *f,
                            struct fk_err *err);
    /* After each round; anything but FK_OK ends fk_peers_run. */
    enum fk_status (*round)(void *ctx, struct fk_err *err);
};

FK_CHECKED enum fk_status fk_peers_new(struct fk_child *child, const struct fk_peer_handlers *h,
                                       void *ctx, struct fk_peers **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_peers_run(struct fk_peers *peers, struct fk_err *err);
void fk_peers_free(struct fk_peers **peers);

int fk_peer_role(const struct fk_peer *peer);
int fk_peer_fd(const struct fk_peer *peer);
/* A hold keeps a peer's struct for an answer that comes later; each needs its release. */
void fk_peers_hold(struct fk_peers *peers, struct fk_peer *peer);
void fk_peers_release(struct fk_peers *peers, struct fk_peer *peer);
/* Takes *fd, which is closed when the peer is gone and nobody holds it any more. False: it has one
 * already. */
bool fk_peers_tether(struct fk_peers *peers, struct fk_peer *peer, int *fd);
/* fd -1 for none; it stays the caller's. To a peer that has gone nothing is sent. */
void fk_peers_answer(struct fk_peers *peers, struct fk_peer *peer, uint16_t type, uint32_t id,
                     const struct fk_buf *payload, int fd);
/* The same for a status and its sentence: u32, string. */
void fk_peers_tell(struct fk_peers *peers, struct fk_peer *peer, uint16_t type, uint32_t id,
                   const struct fk_err *err);
/* Tells every socket of a child why it cannot be served, before there are peers. */
void fk_peers_refuse(struct fk_child *child, uint16_t type, const struct fk_err *err);
void fk_peers_wake(struct fk_peers *peers);

#ifdef __cplusplus
}
#endif
#endif
