/*
 * receive_priv.h - one receiver: receive.c has the loop, opening.c what comes before mail (who may
 * come in, a proxy's header, TLS), connection.c a client's bytes and time, message.c a message on
 * its way to the pen.
 *
 * Invariants: in_flight is the sum of `held` of all messages and of the bytes of all slots; a
 * connection has at most one message; a message is OPEN (bytes are coming), then WAITING (whole,
 * the pen's socket has no room) or SENT (a slot has its bytes until the receipt), then NONE.
 */
#ifndef FK_INTAKE_RECEIVE_PRIV_H
#define FK_INTAKE_RECEIVE_PRIV_H
#include "archiver/intake/gate.h"
#include "archiver/intake/listener.h"
#include "archiver/intake/mailfile.h"
#include "archiver/intake/proxy.h"
#include "archiver/intake/receive.h"
#include "archiver/intake/smtp_session.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_READ_BYTES = 65536 };

enum fk_event_kind { FK_EVENT_LISTENER, FK_EVENT_CONNECTION, FK_EVENT_KEEP, FK_EVENT_CHILD };
/* What epoll gives back; first in each struct that it may point to. */
struct fk_event_source {
    enum fk_event_kind kind;
};

struct fk_message {
    enum { FK_MESSAGE_NONE, FK_MESSAGE_OPEN, FK_MESSAGE_WAITING, FK_MESSAGE_SENT } state;
    struct fk_mailfile file; /* dropped when it is SENT */
    struct fk_buf fields;    /* of the envelope, as the session tells them */
    uint64_t held;
    enum fk_status failed; /* why a write between two calls of the session did not succeed */
    struct fk_slot *slot;  /* while SENT */
};

struct fk_connection {
    struct fk_event_source source;
    struct fk_receive *receive;
    const struct fk_listener *listener;
    struct fk_gate *gate;
    struct fk_connection *next, **at; /* in receive->connections */
    int fd;
    enum { FK_OPENING_PROXY, FK_OPENING_TLS, FK_OPENED } opening;
    int64_t opening_ms;          /* when it began, or TLS by STARTTLS did */
    struct fk_peer peer, client; /* who connected; the one behind it, where it is a proxy */
    unsigned proxied;            /* version of the proxy's header; 0: there was none */
    struct fk_peer proxy_server; /* whom the client had connected to, by that header */
    bool counted;                /* in the gate's tally */
    struct fk_tls *tls;          /* NULL: in the clear */
    struct fk_buf facts;         /* lines of the envelope: whence and how it came */
    struct fk_smtp_options smtp_options;
    struct fk_smtp *smtp; /* NULL before it is OPENED the first time */
    bool readable;        /* there may be something to read */
    bool ended;           /* the peer sends no more: read until recv says so */
    bool gone;            /* it has closed, or was reset */
    bool closed;          /* to be freed at the end of the round */
    struct fk_buf rest;   /* read, and not yet taken by the session */
    int64_t active_ms;
    struct fk_message message;
};

/* A mail that the pen has and has not answered. Its index is the id. */
struct fk_slot {
    struct fk_slot *next_free;
    struct fk_connection *connection; /* NULL when the client left meanwhile */
    uint64_t bytes;
    bool used;
};

struct fk_listening {
    struct fk_event_source source;
    struct fk_listener listener;
    struct fk_gate *gate;
    char name[FK_ADDRESS_SIZE + 64]; /* "smtp=...", "listener:NAME=..." */
};

struct fk_receive {
    const struct fk_receive_options *options;
    char hostname[256];
    struct fk_gate_options plain[2]; /* of the keys smtp and lmtp */
    struct fk_gate *gates;           /* those two, then the ones with a name */
    size_t gate_count;
    struct fk_listening *listening;
    size_t listening_count;
    const char **addresses;
    int epoll, spare; /* spare: given up for a moment when descriptors run out */
    struct fk_keep *keep;
    int keep_fd; /* as registered with epoll; -1 while the pen is away */
    struct fk_connection *connections;
    unsigned connection_count;
    bool work_left; /* a connection had its turn and has more to read */
    bool dead;      /* one was closed */
    unsigned waiting;
    uint64_t in_flight;
    int64_t now_ms, swept_ms, stop_ms; /* stop_ms: when it was told to stop, 0 before */
    int64_t looked_ms, told_ms;        /* at certificates; a line about a client */
    int tells;                         /* how many such lines may come now */
    unsigned untold;                   /* left out since */
    struct fk_slot slots[FK_KEEP_IN_FLIGHT], *free_slots;
    uint8_t buffer[FK_READ_BYTES];
};

/* A line for the log; about a client: 20 at once, then one in 3 s, so that nobody fills the disk by
 * it. */
void fk_receive__tell(struct fk_receive *r, bool bad, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void fk_receive__tell_of(struct fk_connection *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Goes on as far as it goes without waiting. False: it waits, or c->gone says that it is over. */
bool fk_opening__work(struct fk_connection *c);
/* The session is in STARTTLS and its reply is written. */
void fk_opening__starttls(struct fk_connection *c);

extern const struct fk_smtp_sink fk_message_sink;
/* Bytes that the session took out of a buffer go into the file before the buffer is used again. */
void fk_message__settle(struct fk_connection *c);
/* Hands a WAITING message over; false when the pen's socket has no room still. */
bool fk_message__send(struct fk_connection *c);
/* All receipts that have come; connections whose message was answered are given their turn. */
void fk_message__receipts(struct fk_receive *r);

void fk_connection__accept(struct fk_receive *r, const struct fk_listening *from);
/* Reads, replies and closes as far as it goes without waiting. */
void fk_connection__work(struct fk_connection *c);
void fk_connection__tick(struct fk_connection *c);
void fk_connection__free(struct fk_connection *c);

#ifdef __cplusplus
}
#endif
#endif
