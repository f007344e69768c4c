/* peers.c - one poll loop; a peer is freed when its socket is closed and nobody holds it. */
#include "archiver/vault/peers_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEERS_MAX = 64, FRAMES_A_ROUND = 64, FLUSH_MS = 5000, LOOK_MS = 1000, FIXED = 4 };

struct answer {
    struct answer *next;
    uint16_t type;
    uint32_t id;
    int fd;
    size_t len;
    uint8_t payload[];
};
struct fk_peer {
    int fd; /* -1 once gone; closed by the loop's thread alone, so that no other uses its number */
    bool broken; /* to be closed */
    int role;
    unsigned holds;
    int tether; /* -1: none */
    struct answer *first, **last;
};
struct fk_peers {
    struct fk_child *child;
    struct fk_peer_handlers h;
    void *ctx;
    pthread_mutex_t lock; /* fd, holds and answers of every peer */
    struct fk_peer *at[PEERS_MAX];
    size_t count;
    int listener, wake;
    struct fk_frame frame;
};

int fk_peer_role(const struct fk_peer *peer) {
    return peer->role;
}

int fk_peer_fd(const struct fk_peer *peer) {
    return peer->fd;
}

void fk_peers_hold(struct fk_peers *p, struct fk_peer *peer) {
    pthread_mutex_lock(&p->lock);
    peer->holds++;
    pthread_mutex_unlock(&p->lock);
}

void fk_peers_wake(struct fk_peers *p) {
    uint64_t one = 1;
    (void)!write(p->wake, &one, sizeof one); /* fails only when it is already readable */
}

bool fk_peers_tether(struct fk_peers *p, struct fk_peer *peer, int *fd) {
    pthread_mutex_lock(&p->lock);
    bool takes = peer->tether < 0;
    if (takes) {
        peer->tether = *fd;
        *fd = -1;
    }
    pthread_mutex_unlock(&p->lock);
    return takes;
}

void fk_peers_release(struct fk_peers *p, struct fk_peer *peer) {
    pthread_mutex_lock(&p->lock);
    bool last = --peer->holds == 0 && (peer->fd < 0 || peer->broken);
    pthread_mutex_unlock(&p->lock);
    if (last)
        fk_peers_wake(p);
}

/* ---- answers */

static void answers_drop(struct fk_peer *peer) {
    for (struct answer *a = peer->first; a;) {
        struct answer *next = a->next;
        fk_close(&a->fd);
        free(a);
        a = next;
    }
    peer->first = NULL;
    peer->last = &peer->first;
}

static void peer_free(struct fk_peer *peer) {
    fk_close(&peer->tether);
    free(peer);
}

static void peer_close(struct fk_peer *peer) {
    fk_close(&peer->fd);
    answers_drop(peer);
}

/* A peer that does not get its answer has to learn that it will not come: its socket is closed. */
static void answer_queue(struct fk_peer *peer, uint16_t type, uint32_t id,
                         const struct fk_buf *payload, int fd) {
    struct answer *a = malloc(sizeof *a + payload->len);
    int own = fd >= 0 && a ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (!a || (fd >= 0 && own < 0)) {
        free(a);
        peer->broken = true;
        return;
    }
    *a = (struct answer){.type = type, .id = id, .fd = own, .len = payload->len};
    if (payload->len)
        memcpy(a->payload, payload->data, payload->len);
    *peer->last = a;
    peer->last = &a->next;
}

void fk_peers_answer(struct fk_peers *p, struct fk_peer *peer, uint16_t type, uint32_t id,
                     const struct fk_buf *payload, int fd) {
    bool wake = false;
    pthread_mutex_lock(&p->lock);
    if (payload->failed) {
        peer->broken = wake = true;
    } else if (peer->fd >= 0 && !peer->broken) {
        enum fk_status st = FK_RETRY;
        if (!peer->first)
            st = fk_frame_send(peer->fd, type, id, payload->data, payload->len, fd, NULL);
        if (st == FK_RETRY)
            answer_queue(peer, type, id, payload, fd);
        else if (st != FK_OK)
            peer->broken = true;
        wake = st != FK_OK;
    }
    pthread_mutex_unlock(&p->lock);
    if (wake)
        fk_peers_wake(p);
}

static void sentence_put(struct fk_buf *b, const struct fk_err *err) {
    fk_put_u32(b, (uint32_t)err->status);
    fk_put_cstr(b, err->text);
}

void fk_peers_tell(struct fk_peers *p, struct fk_peer *peer, uint16_t type, uint32_t id,
                   const struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    sentence_put(&b, err);
    fk_peers_answer(p, peer, type, id, &b, -1);
    fk_buf_free(&b);
}

void fk_peers_refuse(struct fk_child *child, uint16_t type, const struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    sentence_put(&b, err);
    for (size_t i = 0; !b.failed && i < child->socket_count; i++)
        if (fk_frame_send(child->sockets[i].fd, type, 0, b.data, b.len, -1, NULL) != FK_OK)
            continue; /* nobody there to be told */
    fk_buf_free(&b);
}

static void answers_send(struct fk_peers *p, struct fk_peer *peer) {
    pthread_mutex_lock(&p->lock);
    while (peer->fd >= 0 && !peer->broken && peer->first) {
        struct answer *a = peer->first;
        enum fk_status st =
            fk_frame_send(peer->fd, a->type, a->id, a->payload, a->len, a->fd, NULL);
        if (st == FK_RETRY)
            break;
        if (st != FK_OK) {
            peer->broken = true;
            break;
        }
        if (!(peer->first = a->next))
            peer->last = &peer->first;
        fk_close(&a->fd);
        free(a);
    }
    pthread_mutex_unlock(&p->lock);
}

/* ---- coming and going */

/* Takes the descriptor. */
static enum fk_status peer_add(struct fk_peers *p, int fd, int role, struct fk_err *err) {
    struct fk_peer *peer = p->count < PEERS_MAX ? calloc(1, sizeof *peer) : NULL;
    if (!peer || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        free(peer);
        fk_close(&fd);
        return fk_fail(err, FK_FULL, "more than %d connections", PEERS_MAX);
    }
    peer->fd = fd;
    peer->tether = -1;
    peer->role = role;
    peer->last = &peer->first;
    p->at[p->count++] = peer;
    p->h.opened(p->ctx, peer);
    return FK_OK;
}

static enum fk_status role_add(struct fk_peers *p, const char *name, int fd, struct fk_err *err) {
    int role = p->h.role(name);
    if (role >= 0)
        return peer_add(p, fd, role, err);
    fk_close(&fd);
    return fk_fail(err, FK_INVALID, "there is no role \"%s\"", name);
}

static void gone_free(struct fk_peers *p) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count;) {
        struct fk_peer *peer = p->at[i];
        if (peer->broken)
            peer_close(peer);
        if (peer->fd >= 0 || peer->holds) {
            i++;
            continue;
        }
        peer_free(peer);
        p->at[i] = p->at[--p->count];
    }
    pthread_mutex_unlock(&p->lock);
}

enum fk_status fk_peers_new(struct fk_child *child, const struct fk_peer_handlers *h, void *ctx,
                            struct fk_peers **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_peers *p = calloc(1, sizeof *p);
    if (!p)
        return fk_fail(err, FK_NOMEM, "no memory for connections");
    p->child = child;
    p->h = *h;
    p->ctx = ctx;
    p->listener = -1;
    p->frame = (struct fk_frame)FK_FRAME_INIT;
    pthread_mutex_init(&p->lock, NULL);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake < 0)
        FK_TRY(fk_fail_sys(err, errno, "cannot make an eventfd"));
    if (child->listen) {
        FK_TRY(fk_frame_listen(child->listen, &p->listener, err));
        if (fcntl(p->listener, F_SETFL, O_NONBLOCK) != 0)
            FK_TRY(fk_fail_sys(err, errno, "%s: cannot listen", child->listen));
    }
    *out = p;
    p = NULL;
done:
    fk_peers_free(&p);
    return st;
}

static void accept_all(struct fk_peers *p) {
    int fd;
    while ((fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        (void)role_add(p, "all", fd, NULL); /* one too many finds its socket closed */
}

static void frames_read(struct fk_peers *p, struct fk_peer *peer) {
    struct fk_err err = FK_ERR_INIT;
    for (int i = 0; i < FRAMES_A_ROUND && peer->fd >= 0 && !peer->first; i++) {
        enum fk_status st = fk_frame_recv(peer->fd, &p->frame, &err);
        if (st == FK_RETRY)
            return;
        if (st == FK_OK)
            st = p->h.frame(p->ctx, peer, &p->frame, &err);
        if (st != FK_OK) {
            pthread_mutex_lock(&p->lock);
            peer_close(peer);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* ---- the loop */

static size_t poll_set(struct fk_peers *p, struct pollfd *set, struct fk_peer **who) {
    uint64_t count;
    size_t n = 0;
    (void)!read(p->wake, &count, sizeof count); /* empties it; what it told is looked at below */
    set[n++] = (struct pollfd){p->child->signals, POLLIN, 0};
    set[n++] = (struct pollfd){p->child->control, POLLIN, 0};
    set[n++] = (struct pollfd){p->wake, POLLIN, 0};
    set[n++] = (struct pollfd){p->listener, POLLIN, 0};
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count; i++) {
        who[i] = p->at[i];
        set[n++] = (struct pollfd){who[i]->fd, who[i]->first ? POLLOUT : POLLIN, 0};
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}

static enum fk_status child_look(struct fk_peers *p, bool *stop, struct fk_err *err) {
    struct fk_child_event event;
    enum fk_status st = fk_child_next(p->child, 0, &event, err);
    if (st == FK_OK && event.what == FK_CHILD_STOP)
        *stop = true;
    else if (st == FK_OK && event.what == FK_CHILD_SOCKET)
        st = role_add(p, event.name, event.fd, err);
    return st;
}

/* Somebody hung up whose work still runs. Its end wakes the loop by a write to an eventfd, which no
 * disk makes fail, but a test that lets every write fail does: the loop then looks by itself. */
static int look_again_ms(const struct fk_peers *p) {
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i]->fd < 0 || p->at[i]->broken)
            return LOOK_MS;
    return -1;
}

static bool nobody_left(const struct fk_peers *p) {
    return p->child->control < 0 && p->listener < 0 && !p->count;
}

enum fk_status fk_peers_run(struct fk_peers *p, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct pollfd set[FIXED + PEERS_MAX];
    struct fk_peer *who[PEERS_MAX];
    for (size_t i = 0; i < p->child->socket_count; i++) {
        struct fk_child_socket *s = &p->child->sockets[i];
        FK_TRY(role_add(p, s->role, fk_child_take(&s->fd), err));
    }
    for (bool stop = false; !stop;) {
        FK_TRY(p->h.round(p->ctx, err));
        gone_free(p);
        if (nobody_left(p))
            break;
        size_t n = poll_set(p, set, who);
        if (poll(set, n, look_again_ms(p)) < 0 && errno != EINTR)
            FK_TRY(fk_fail_sys(err, errno, "cannot wait for connections"));
        if (set[0].revents || set[1].revents)
            FK_TRY(child_look(p, &stop, err));
        if (set[3].revents)
            accept_all(p);
        for (size_t i = 0; i < n - FIXED; i++) {
            short got = set[FIXED + i].revents;
            if (got & POLLOUT)
                answers_send(p, who[i]);
            else if (got)
                frames_read(p, who[i]);
        }
    }
done:
    return st;
}

static bool answers_wait(struct fk_peers *p) {
    for (size_t i = 0; i < p->count; i++)
        if (p->at[i]->fd >= 0 && !p->at[i]->broken && p->at[i]->first)
            return true;
    return false;
}

static void answers_flush(struct fk_peers *p) {
    int64_t until = fk_monotonic_ms() + FLUSH_MS;
    while (answers_wait(p) && fk_monotonic_ms() < until) {
        for (size_t i = 0; i < p->count; i++)
            answers_send(p, p->at[i]);
        (void)poll(NULL, 0, 5);
    }
}

void fk_peers_free(struct fk_peers **pp) {
    struct fk_peers *p = *pp;
    if (!p)
        return;
    answers_flush(p);
    for (size_t i = 0; i < p->count; i++) {
        peer_close(p->at[i]);
        peer_free(p->at[i]);
    }
    if (p->listener >= 0)
        (void)unlink(p->child->listen); /* a stale socket is only a refused connection */
    fk_close(&p->listener);
    fk_close(&p->wake);
    fk_frame_free(&p->frame);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *pp = NULL;
}
