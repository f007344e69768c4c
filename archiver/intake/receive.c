/* receive.c - binding, the loop, and stopping. */
#include "archiver/intake/receive_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256, TICK_MS = 1000, LOOK_S = 60, PLAIN = 2 /* gates without a name */ };
enum { TELLS = 20, TELL_MS = 3000 }; /* lines about clients: so many at once, then one in 3 s */

/* ---- the log */

void fk_receive__tell(struct fk_receive *r, bool bad, const char *fmt, ...) {
    char text[700];
    va_list ap;
    if (!r->options->tell)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->options->tell(r->options->tell_ctx, bad, text);
}

void fk_receive__tell_of(struct fk_connection *c, const char *fmt, ...) {
    struct fk_receive *r = c->receive;
    char text[520], client[FK_ADDRESS_SIZE], more[64] = "";
    va_list ap;
    int64_t since = (r->now_ms - r->told_ms) / TELL_MS;
    r->tells = since < TELLS - r->tells ? r->tells + (int)since : TELLS;
    r->told_ms = since ? r->now_ms : r->told_ms;
    if (!r->tells) {
        r->untold++;
        return;
    }
    r->tells--;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fk_peer_format(&c->client, client);
    if (r->untold)
        snprintf(more, sizeof more, " (and %u such lines before, left out)", r->untold);
    r->untold = 0;
    fk_receive__tell(r, true, "%s at %s: %s%s", client, c->listener->address, text, more);
}

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

/* Gates for the plain keys, then those with a name. */
static enum fk_status gates_open(struct fk_receive *r, struct fk_err *err) {
    const struct fk_receive_options *o = r->options;
    for (int i = 0; i < PLAIN; i++)
        r->plain[i] = (struct fk_gate_options){.name = "",
                                               .addresses = i ? o->lmtp : o->smtp,
                                               .lmtp = i == 1,
                                               .source = o->source,
                                               .floor = o->floor,
                                               .journal_from = o->journal_from};
    r->gates = calloc(PLAIN + o->gate_count, sizeof *r->gates);
    if (!r->gates)
        return fk_fail(err, FK_NOMEM, "no memory to listen");
    for (size_t i = 0; i < PLAIN + o->gate_count; i++) {
        enum fk_status st =
            fk_gate_open(i < PLAIN ? &r->plain[i] : &o->gates[i - PLAIN], &r->gates[i], err);
        if (st != FK_OK)
            return st;
        r->gate_count++;
    }
    return FK_OK;
}

/* What an inherited socket calls the gate. */
static const char *gate_name(const struct fk_gate *g) {
    return *g->options->name ? g->options->name : g->options->lmtp ? "lmtp" : "smtp";
}

static void listening_name(struct fk_receive *r, struct fk_gate *g) {
    struct fk_listening *l = &r->listening[r->listening_count];
    l->source.kind = FK_EVENT_LISTENER;
    l->gate = g;
    snprintf(l->name, sizeof l->name, "%s%s=%s", *g->options->name ? "listener:" : "", gate_name(g),
             l->listener.address);
    r->addresses[r->listening_count++] = l->name;
}

/* Those that were inherited for a gate, or else its own addresses. */
static enum fk_status gate_bind(struct fk_receive *r, struct fk_gate *g, struct fk_err *err) {
    const struct fk_receive_options *o = r->options;
    const char *const *address = g->options->addresses;
    enum fk_status st = FK_OK;
    bool inherited = false;
    for (size_t i = 0; i < o->inherited_count && st == FK_OK; i++) {
        if (strcmp(o->inherited[i].role, gate_name(g)) != 0)
            continue;
        inherited = true;
        st = fk_listener_adopt(o->inherited[i].fd, g->options->lmtp,
                               &r->listening[r->listening_count].listener, err);
        if (st == FK_OK)
            listening_name(r, g);
    }
    if (!inherited && *g->options->name && (!address || !*address))
        return fk_fail(
            err, FK_INVALID,
            "listener \"%s\" has no address, and no socket of that name was handed over; "
            "give it an address, or FileDescriptorName=%s in its .socket unit",
            g->options->name, g->options->name);
    for (; !inherited && address && *address && st == FK_OK; address++) {
        st = fk_listener_open(*address, g->options->lmtp,
                              &r->listening[r->listening_count].listener, err);
        if (st == FK_OK)
            listening_name(r, g);
    }
    return st;
}

static enum fk_status inherited_check(const struct fk_receive *r, struct fk_err *err) {
    const struct fk_receive_options *o = r->options;
    for (size_t i = 0; i < o->inherited_count; i++) {
        bool known = false;
        for (size_t k = 0; k < r->gate_count; k++)
            known |= strcmp(gate_name(&r->gates[k]), o->inherited[i].role) == 0;
        if (!known)
            return fk_fail(
                err, FK_INVALID,
                "a socket named \"%s\" was handed over, and there is no listener of that "
                "name; FileDescriptorName= is one, or smtp or lmtp",
                o->inherited[i].role);
    }
    return FK_OK;
}

static enum fk_status addresses_bind(struct fk_receive *r, struct fk_err *err) {
    size_t n = r->options->inherited_count + 1;
    enum fk_status st = inherited_check(r, err);
    for (size_t i = 0; i < r->gate_count; i++)
        n += list_length(r->gates[i].options->addresses);
    r->listening = calloc(n, sizeof *r->listening);
    r->addresses = calloc(n, sizeof *r->addresses);
    if (st == FK_OK && (!r->listening || !r->addresses))
        return fk_fail(err, FK_NOMEM, "no memory to listen");
    for (size_t i = 0; i < r->gate_count && st == FK_OK; i++)
        st = gate_bind(r, &r->gates[i], err);
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
    for (size_t i = FK_KEEP_IN_FLIGHT; i--;) {
        r->slots[i].next_free = r->free_slots;
        r->free_slots = &r->slots[i];
    }
    r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    enum fk_status st = r->spare < 0 || r->epoll < 0
                            ? fk_fail_sys(err, errno, "cannot wait for connections")
                            : gates_open(r, err);
    if (st == FK_OK)
        st = addresses_bind(r, err);
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
    for (size_t i = 0; i < r->gate_count; i++)
        fk_gate_close(&r->gates[i]);
    fk_close(&r->epoll);
    fk_close(&r->spare);
    free(r->gates);
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

/* ---- now and then */

/* Certificates whose files have changed; with force all of them, and what came of it is told. */
static void certificates_look(struct fk_receive *r, bool force) {
    r->looked_ms = r->now_ms;
    for (size_t i = 0; i < r->gate_count; i++) {
        struct fk_gate *g = &r->gates[i];
        struct fk_err err = FK_ERR_INIT;
        bool renewed;
        if (!g->tls)
            continue;
        if (fk_tls_server_look(g->tls, force, &renewed, &err) != FK_OK)
            fk_receive__tell(
                r, true, "listener \"%s\": %s; the certificate that was read before stays in use",
                g->options->name, err.text);
        else if (renewed)
            fk_receive__tell(r, false, "listener \"%s\": the certificate was read again",
                             g->options->name);
    }
}

static void sweep(struct fk_receive *r) {
    const unsigned look_s = r->options->certificate_look_s;
    r->swept_ms = r->now_ms;
    if (r->now_ms - r->looked_ms >= (int64_t)(look_s ? look_s : LOOK_S) * 1000)
        certificates_look(r, false);
    for (size_t i = 0; i < r->gate_count; i++)
        if (r->gates[i].tally.count)
            fk_tally_sweep(&r->gates[i].tally, r->now_ms);
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
    else if (event.what == FK_CHILD_RELOAD)
        certificates_look(r, true);
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
    if (c->tls) {
        fk_tls_wake(c->tls, c->ended);
        c->readable = true; /* what TLS had to write may have kept it from reading */
    }
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
    bool tick = r->now_ms - r->swept_ms >= TICK_MS, left = r->work_left;
    if (!tick && !left && !r->dead)
        return;
    if (tick)
        sweep(r);
    r->work_left = r->dead = false;
    for (struct fk_connection *c = r->connections, *next; c; c = next) {
        next = c->next;
        if (left && !c->closed && c->readable)
            fk_connection__work(c);
        if (tick && !c->closed)
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
    r->now_ms = r->swept_ms = r->looked_ms = fk_monotonic_ms();
    FK_TRY(watch(r, r->keep_fd, &from_keep, err));
    FK_TRY(watch(r, child->control, &from_child, err));
    FK_TRY(watch(r, child->signals, &from_child, err));
    for (size_t i = 0; i < r->listening_count; i++)
        FK_TRY(watch(r, r->listening[i].listener.fd, &r->listening[i], err));
    st = loop(r, child, err);
done:
    return st;
}
