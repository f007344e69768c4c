/* receive.c - binding, the loop, and stopping. */
#include "archiver/intake/receive_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256, TICK_MS = 1000 };

/* ---- opening */

static void hostname_find(struct fk_receive *r) {
    const char *given = r->options->hostname;
    if (given && *given)
        snprintf(r->hostname, sizeof r->hostname, "%s", given);
    else if (gethostname(r->hostname, sizeof r->hostname - 1) != 0 || !*r->hostname)
        snprintf(r->hostname, sizeof r->hostname, "localhost");
}

static size_t list_length(const char *const *list) {
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static enum fk_status listening_add(struct fk_receive *r, const char *address, bool lmtp,
                                    struct fk_err *err) {
    struct fk_listening *l = &r->listening[r->listening_count];
    enum fk_status st = fk_listener_open(address, lmtp, &l->listener, err);
    if (st != FK_OK)
        return st;
    l->source.kind = FK_EVENT_LISTENER;
    snprintf(l->name, sizeof l->name, "%s=%s", lmtp ? "lmtp" : "smtp", l->listener.address);
    r->addresses[r->listening_count++] = l->name;
    return FK_OK;
}

static enum fk_status addresses_bind(struct fk_receive *r, struct fk_err *err) {
    const struct fk_receive_options *o = r->options;
    size_t smtp = list_length(o->smtp), lmtp = list_length(o->lmtp);
    enum fk_status st = FK_OK;
    r->listening = calloc(smtp + lmtp + 1, sizeof *r->listening);
    r->addresses = calloc(smtp + lmtp + 1, sizeof *r->addresses);
    if (!r->listening || !r->addresses)
        return fk_fail(err, FK_NOMEM, "no memory to listen");
    for (size_t i = 0; i < smtp && st == FK_OK; i++)
        st = listening_add(r, o->smtp[i], false, err);
    for (size_t i = 0; i < lmtp && st == FK_OK; i++)
        st = listening_add(r, o->lmtp[i], true, err);
    return st;
}

enum fk_status fk_receive_open(const struct fk_receive_options *options, struct fk_receive **out,
                               struct fk_err *err) {
    struct fk_receive *r = calloc(1, sizeof *r);
    if (!r)
        return fk_fail(err, FK_NOMEM, "no memory to receive");
    r->options = options;
    r->keep_fd = -1;
    hostname_find(r);
    r->smtp = (struct fk_smtp_options)FK_SMTP_OPTIONS;
    r->smtp.hostname = r->hostname;
    r->smtp.size_limit = options->size_limit;
    r->lmtp = r->smtp;
    r->lmtp.lmtp = true;
    for (size_t i = FK_KEEP_IN_FLIGHT; i--;) {
        r->slots[i].next_free = r->free_slots;
        r->free_slots = &r->slots[i];
    }
    r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    enum fk_status st = r->spare < 0 || r->epoll < 0
                            ? fk_fail_sys(err, errno, "cannot wait for connections")
                            : addresses_bind(r, err);
    if (st == FK_OK)
        *out = r;
    else
        fk_receive_close(&r);
    return st;
}

const char *const *fk_receive_addresses(const struct fk_receive *r) {
    return r->addresses;
}

static void listeners_close(struct fk_receive *r) {
    for (size_t i = 0; i < r->listening_count; i++)
        fk_listener_close(&r->listening[i].listener);
}

void fk_receive_close(struct fk_receive **rp) {
    struct fk_receive *r = *rp;
    if (!r)
        return;
    while (r->connections)
        fk_connection__free(r->connections);
    listeners_close(r);
    fk_close(&r->epoll);
    fk_close(&r->spare);
    free(r->listening);
    free(r->addresses);
    free(r);
    *rp = NULL;
}

/* ---- the pen */

static struct fk_event_source from_keep = {FK_EVENT_KEEP}, from_child = {FK_EVENT_CHILD};

static enum fk_status watch(struct fk_receive *r, int fd, void *source, struct fk_err *err) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = source};
    if (fd >= 0 && epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        return fk_fail_sys(err, errno, "cannot wait for events");
    return FK_OK;
}

/* Those whose message the pen had no room for have their turn when it has answered others. */
static void waiting_send(struct fk_receive *r) {
    for (struct fk_connection *c = r->connections, *next; c && r->waiting; c = next) {
        next = c->next;
        if (!c->closed && c->message.state == FK_MESSAGE_WAITING && !fk_message__send(c))
            return;
    }
}

/* Receipts, until there are none or the pen has gone: its descriptor is then closed. Serve brings a
 * new one; where nobody can, there is nothing left to do here. */
static enum fk_status keep_look(struct fk_receive *r, const struct fk_child *child,
                                struct fk_err *err) {
    fk_message__receipts(r);
    r->keep_fd = fk_keep_fd(r->keep);
    waiting_send(r);
    if (r->keep_fd < 0 && child->control < 0)
        return fk_fail(err, FK_RETRY, "the pen has gone; start again when \"keep\" runs");
    return FK_OK;
}

static enum fk_status keep_renew(struct fk_receive *r, int sock, struct fk_err *err) {
    fk_keep_reattach(r->keep, sock);
    r->keep_fd = fk_keep_fd(r->keep);
    fk_message__receipts(r); /* those that the old one did not answer */
    waiting_send(r);
    return watch(r, r->keep_fd, &from_keep, err);
}

/* ---- the loop */

static void stop_begin(struct fk_receive *r) {
    if (r->stop_ms)
        return;
    r->stop_ms = r->now_ms;
    listeners_close(r);
    for (struct fk_connection *c = r->connections; c; c = c->next)
        fk_connection__work(c);
}

static enum fk_status child_look(struct fk_receive *r, struct fk_child *child, struct fk_err *err) {
    struct fk_child_event event;
    enum fk_status st = fk_child_next(child, 0, &event, err);
    if (st != FK_OK)
        return st;
    if (event.what == FK_CHILD_STOP)
        stop_begin(r);
    else if (event.what == FK_CHILD_SOCKET && strcmp(event.name, "keep") == 0)
        return keep_renew(r, event.fd, err);
    else if (event.what == FK_CHILD_SOCKET)
        fk_close(&event.fd);
    return FK_OK;
}

static void connection_look(struct fk_connection *c, uint32_t events) {
    if (c->closed)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->readable = true;
    c->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    fk_connection__work(c);
}

static enum fk_status event_look(struct fk_receive *r, const struct epoll_event *e,
                                 struct fk_child *child, struct fk_err *err) {
    const struct fk_event_source *source = e->data.ptr;
    switch (source->kind) {
    case FK_EVENT_LISTENER:
        if (!r->stop_ms)
            fk_connection__accept(r, e->data.ptr);
        return FK_OK;
    case FK_EVENT_CONNECTION:
        connection_look(e->data.ptr, e->events);
        return FK_OK;
    case FK_EVENT_KEEP:
        return keep_look(r, child, err);
    default:
        return child_look(r, child, err);
    }
}

/* After the events of a round: the rest of long reads, the clock, and the dead. */
static void round_end(struct fk_receive *r) {
    bool sweep = r->now_ms - r->swept_ms >= TICK_MS, left = r->work_left;
    if (!sweep && !left && !r->dead)
        return;
    if (sweep)
        r->swept_ms = r->now_ms;
    r->work_left = r->dead = false;
    for (struct fk_connection *c = r->connections, *next; c; c = next) {
        next = c->next;
        if (left && !c->closed && c->readable)
            fk_connection__work(c);
        if (sweep && !c->closed)
            fk_connection__tick(c);
        if (c->closed)
            fk_connection__free(c);
    }
}

static enum fk_status loop(struct fk_receive *r, struct fk_child *child, struct fk_err *err) {
    struct epoll_event events[EVENTS];
    enum fk_status st = FK_OK;
    while (st == FK_OK && (!r->stop_ms || r->connection_count)) {
        int n = epoll_wait(r->epoll, events, EVENTS, r->work_left ? 0 : TICK_MS);
        if (n < 0 && errno != EINTR)
            return fk_fail_sys(err, errno, "cannot wait for events");
        r->now_ms = fk_monotonic_ms();
        for (int i = 0; i < n && st == FK_OK; i++)
            st = event_look(r, &events[i], child, err);
        round_end(r);
    }
    return st;
}

enum fk_status fk_receive_run(struct fk_receive *r, struct fk_keep *keep, struct fk_child *child,
                              struct fk_err *err) {
    enum fk_status st;
    r->keep = keep;
    r->keep_fd = fk_keep_fd(keep);
    r->now_ms = r->swept_ms = fk_monotonic_ms();
    FK_TRY(watch(r, r->keep_fd, &from_keep, err));
    FK_TRY(watch(r, child->control, &from_child, err));
    FK_TRY(watch(r, child->signals, &from_child, err));
    for (size_t i = 0; i < r->listening_count; i++)
        FK_TRY(watch(r, r->listening[i].listener.fd, &r->listening[i], err));
    st = loop(r, child, err);
done:
    return st;
}
