/* connection.c - one client: its bytes to the session, the replies back, its time. */
#include "archiver/intake/receive_priv.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READS_A_TURN = 8, STOP_MS = 30000, OPENING_MS = 30000 };

/* ---- coming and going */

static void turn_away(const struct fk_receive *r, int fd) {
    char line[320];
    int n = snprintf(line, sizeof line,
                     "421 4.7.0 %s has too many connections, try again later\r\n", r->hostname);
    (void)send(fd, line, (size_t)n,
               MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy: closing says it too */
    (void)close(fd);                         /* nothing was taken from it */
}

/* With no descriptor left the client would wait in the backlog without a word. */
static void turn_away_with_spare(struct fk_receive *r, const struct fk_listener *l) {
    struct fk_peer peer;
    fk_close(&r->spare);
    int fd = fk_listener_accept(l, &peer);
    if (fd >= 0)
        turn_away(r, fd);
    r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool connection_new(struct fk_receive *r, const struct fk_listening *from, int fd,
                           const struct fk_peer *peer) {
    struct fk_connection *c = calloc(1, sizeof *c);
    if (!c)
        return false;
    c->source.kind = FK_EVENT_CONNECTION;
    c->receive = r;
    c->listener = &from->listener;
    c->gate = from->gate;
    c->fd = fd;
    c->peer = c->client = *peer;
    c->opening_ms = c->active_ms = r->now_ms;
    c->message.file = (struct fk_mailfile)FK_MAILFILE_INIT;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        free(c);
        return false;
    }
    c->at = &r->connections;
    c->next = r->connections;
    if (c->next)
        c->next->at = &c->next;
    r->connections = c;
    r->connection_count++;
    fk_connection__work(c);
    return true;
}

void fk_connection__accept(struct fk_receive *r, const struct fk_listening *from) {
    for (;;) {
        struct fk_peer peer;
        int fd = fk_listener_accept(&from->listener, &peer);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
            turn_away_with_spare(r, &from->listener);
        else if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
            continue;
        else if (fd >= 0 && (r->connection_count >= r->options->connections ||
                             !connection_new(r, from, fd, &peer)))
            turn_away(r, fd);
        if (fd < 0)
            return;
    }
}

static void connection_close(struct fk_connection *c) {
    if (c->closed)
        return;
    c->closed = true;
    fk_smtp_free(&c->smtp);
    fk_tls_free(&c->tls);
    fk_close(&c->fd); /* epoll forgets it as well */
    if (c->counted)
        fk_tally_leave(&c->gate->tally, &c->client);
    c->receive->connection_count--;
    c->receive->dead = true;
}

void fk_connection__free(struct fk_connection *c) {
    connection_close(c);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    fk_buf_free(&c->rest);
    fk_buf_free(&c->facts);
    fk_buf_free(&c->message.fields);
    free(c);
}

/* ---- a turn */

/* False when the client takes no more at the moment, or is gone. */
static bool replies_write(struct fk_connection *c) {
    struct fk_buf *out = fk_smtp_replies(c->smtp);
    size_t done = 0;
    while (done < out->len) {
        ssize_t n = c->tls ? fk_tls_write(c->tls, out->data + done, out->len - done)
                           : send(c->fd, out->data + done, out->len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            c->gone = true;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    memmove(out->data, out->data + done, out->len - done);
    out->len -= done;
    return !out->len;
}

/* What the session did not take before goes to it now; also replies that had to wait come out. */
static void rest_feed(struct fk_connection *c) {
    size_t used = fk_smtp_feed(c->smtp, c->rest.data, c->rest.len);
    if (!used)
        return;
    fk_message__settle(c);
    memmove(c->rest.data, c->rest.data + used, c->rest.len - used);
    c->rest.len -= used;
    if (!c->rest.len)
        fk_buf_free(&c->rest);
}

/* A short read has emptied the socket: the next event will say when there is more. Over TLS only
 * EAGAIN says so, and costs no call of the system. */
static void input_read(struct fk_connection *c) {
    struct fk_receive *r = c->receive;
    ssize_t n;
    do
        n = c->tls ? fk_tls_read(c->tls, r->buffer, sizeof r->buffer)
                   : recv(c->fd, r->buffer, sizeof r->buffer, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        c->readable = false;
        return;
    }
    if (n <= 0) {
        c->gone = true;
        return;
    }
    c->readable = c->readable && (n == sizeof r->buffer || c->ended || c->tls);
    c->active_ms = r->now_ms;
    size_t used = fk_smtp_feed(c->smtp, r->buffer, (size_t)n);
    fk_message__settle(c);
    fk_buf_add(&c->rest, r->buffer + used, (size_t)n - used);
    if (c->rest.failed)
        c->gone = true;
}

static bool is_between_messages(const struct fk_connection *c) {
    return fk_smtp_state(c->smtp) == FK_SMTP_COMMAND;
}

/* False where what comes before mail is not over. */
static bool is_opened(struct fk_connection *c) {
    if (c->opening == FK_OPENED || fk_opening__work(c))
        return true;
    if (c->gone || c->receive->stop_ms)
        connection_close(c);
    return false;
}

/* The reply to STARTTLS has gone out in the clear, and nothing that came in the clear is left. */
static void starttls(struct fk_connection *c) {
    if (c->rest.len)
        c->gone = true;
    else
        fk_opening__starttls(c);
}

void fk_connection__work(struct fk_connection *c) {
    struct fk_receive *r = c->receive;
    for (int reads = 0; !c->closed && is_opened(c);) {
        rest_feed(c);
        if (r->stop_ms && is_between_messages(c))
            fk_smtp_hang_up(c->smtp, FK_SMTP_SHUTDOWN);
        bool said = fk_smtp_replies(c->smtp)->len > 0;
        if (said && !replies_write(c) && !c->gone)
            return;
        if (c->gone || fk_smtp_state(c->smtp) == FK_SMTP_CLOSED)
            connection_close(c);
        else if (fk_smtp_state(c->smtp) == FK_SMTP_STARTTLS)
            starttls(c);
        else if (said || (c->rest.len && fk_smtp_state(c->smtp) != FK_SMTP_PENDING))
            continue;
        else if (!c->readable || fk_smtp_state(c->smtp) == FK_SMTP_PENDING)
            return;
        else if (reads++ < READS_A_TURN)
            input_read(c);
        else {
            r->work_left = true; /* others come first */
            return;
        }
    }
}

/* Once a second. A client that does not read its replies has the same time as one that is silent.
 */
void fk_connection__tick(struct fk_connection *c) {
    const struct fk_receive_options *o = c->receive->options;
    if (c->opening != FK_OPENED) {
        if (c->receive->now_ms - c->opening_ms > OPENING_MS) {
            fk_receive__tell_of(c, c->opening == FK_OPENING_TLS
                                       ? "TLS took longer than 30 s"
                                       : "the proxy's header did not come within 30 s");
            connection_close(c);
        }
        return;
    }
    enum fk_smtp_state state = fk_smtp_state(c->smtp);
    unsigned limit_s = state == FK_SMTP_DATA ? o->data_timeout_s : o->command_timeout_s;
    bool late = c->receive->now_ms - c->active_ms > (int64_t)limit_s * 1000;
    bool stop = c->receive->stop_ms && c->receive->now_ms - c->receive->stop_ms > STOP_MS;
    if ((state == FK_SMTP_PENDING || !late) && !stop)
        return;
    fk_smtp_hang_up(c->smtp, stop ? FK_SMTP_SHUTDOWN : FK_SMTP_TIMEOUT);
    (void)replies_write(c); /* as far as it goes at once */
    connection_close(c);
}
