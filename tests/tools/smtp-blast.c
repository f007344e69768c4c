/*
 * smtp-blast.c - sends files as messages over many connections at once and checks every answer.
 *
 *     smtp-blast [options] ADDRESS PATH...      ADDRESS: host:port or unix:/path; PATH: file or
 * tree
 *
 * The bench's client, and the tests': the same for our server, smtp-sink and Postfix. A file's
 * bytes are sent as they are, dots stuffed after CR LF, CR LF added where the end lacks it. Each
 * acknowledged message is written to the -o file as "path<TAB>seq<TAB>c256" (- and - where the
 * reply does not name them) before the next one is sent, so that a test may kill the server and
 * compare. -L appends to a file the milliseconds that each acknowledged message took, a line each.
 * -T speaks TLS after STARTTLS, -I from the first byte; certificates are not judged. -i
 * opens so many connections more that say EHLO and then nothing until all is sent. The last line of
 * output is "name=value ..." with rate and quantiles. Exit: 0 all acknowledged, 1 some refused or
 * cut, 2 usage.
 */
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_US = 5000 };

struct message {
    char *path;
    char *wire; /* stuffed, with the final dot */
    size_t len;
};

/* What the connection waits for. */
enum stage { GREETING, HELLO, STARTTLS, MAIL, RCPT, DATA, BODY, QUIT, IDLE, GONE };

struct connection {
    int fd;
    SSL *ssl; /* NULL: in the clear */
    enum stage stage;
    bool idle; /* one of -i */
    bool pipelining, group_failed;
    unsigned replies_due; /* of the group or, in LMTP, of the recipients */
    size_t message;
    uint64_t began_ns;
    unsigned sent; /* messages over this connection */
    char in[4096];
    size_t in_len;
    struct fk_buf head;  /* commands of this round */
    struct iovec out[2]; /* what is still to be written: commands, message */
};

static struct {
    bool lmtp, plain, crlf, verbose, again, starttls, implicit;
    unsigned connections, per_connection, recipients, repeat, idle;
    const char *from, *to, *acks, *times;
} opt = {.connections = 1,
         .recipients = 1,
         .repeat = 1,
         .from = "from@blast.example",
         .to = "to@blast.example"};

static struct message *messages;
static size_t message_count, message_cap;
static size_t *queue, queue_next,
    queue_len; /* messages still to send; those to send again are put back */
static struct connection *connections;
static unsigned alive, idle_alive;
static SSL_CTX *tls;
static size_t again_left; /* bounds reconnecting and -a: a server that refuses for ever ends us */
static struct sockaddr_storage server;
static socklen_t server_len;
static int epoll_fd;
static FILE *acks;
static uint64_t *took_ns;
static size_t acknowledged, refused, cut;
static uint64_t bytes_acknowledged;

static void die(const char *what) {
    fprintf(stderr, "smtp-blast: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static char *read_whole(const char *path, size_t *len_out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (fd < 0 || fstat(fd, &s) != 0)
        die(path);
    char *data = malloc((size_t)s.st_size + 1);
    size_t len = 0;
    ssize_t n = 1;
    while (data && len < (size_t)s.st_size &&
           (n = read(fd, data + len, (size_t)s.st_size - len)) > 0)
        len += (size_t)n;
    if (!data || n < 0)
        die(path);
    close(fd);
    *len_out = len;
    return data;
}

/* Dots doubled at the start and after CR LF; with -x every bare LF made CR LF first. */
static void stuff(struct message *m, const char *data, size_t len) {
    m->wire = malloc(2 * len + 6);
    if (!m->wire)
        die("no memory");
    char *w = m->wire;
    bool line_start = true;
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '.' && line_start)
            *w++ = '.';
        if (opt.crlf && data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
            *w++ = '\r';
        *w++ = data[i];
        line_start = data[i] == '\n' && w - m->wire > 1 && w[-2] == '\r';
    }
    if (!line_start || len == 0) {
        if (len) {
            *w++ = '\r';
            *w++ = '\n';
        }
    }
    memcpy(w, ".\r\n", 3);
    m->len = (size_t)(w + 3 - m->wire);
}

static int add_file(const char *path, const struct stat *s, int type, struct FTW *ftw) {
    (void)ftw;
    if (type != FTW_F || !S_ISREG(s->st_mode))
        return 0;
    if (message_count == message_cap) {
        message_cap = message_cap ? 2 * message_cap : 1024;
        messages = realloc(messages, message_cap * sizeof *messages);
        if (!messages)
            die("no memory");
    }
    size_t len;
    char *data = read_whole(path, &len);
    struct message *m = &messages[message_count++];
    m->path = strdup(path);
    stuff(m, data, len);
    free(data);
    return 0;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct message *)a)->path, ((const struct message *)b)->path);
}

static void load(char **paths, int n) {
    for (int i = 0; i < n; i++)
        if (nftw(paths[i], add_file, 32, FTW_PHYS) != 0)
            die(paths[i]);
    qsort(messages, message_count, sizeof *messages, by_path);
    queue_len = message_count * opt.repeat;
    queue = malloc(queue_len * sizeof *queue);
    took_ns = malloc(queue_len * sizeof *took_ns);
    if (!queue || !took_ns)
        die("no message, or no memory");
    again_left = 10 * queue_len;
    for (size_t i = 0; i < queue_len; i++)
        queue[i] = i % message_count;
}

static void resolve(const char *address) {
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un *u = (struct sockaddr_un *)&server;
        u->sun_family = AF_UNIX;
        snprintf(u->sun_path, sizeof u->sun_path, "%s", address + 5);
        server_len = sizeof *u;
        return;
    }
    char host[256];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host) {
        fprintf(stderr, "smtp-blast: %s: host:port or unix:/path is wanted\n", address);
        exit(2);
    }
    bool v6 = address[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * v6, address + v6);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        die(address);
    memcpy(&server, found->ai_addr, found->ai_addrlen);
    server_len = found->ai_addrlen;
    freeaddrinfo(found);
}

static void tls_begin(struct connection *c) {
    c->ssl = SSL_new(tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
        die("no TLS");
    SSL_set_connect_state(c->ssl);
}

/* As recv; EAGAIN also where TLS has first to write. */
static ssize_t wire_read(struct connection *c, void *data, size_t len) {
    if (!c->ssl)
        return recv(c->fd, data, len, 0);
    int n = SSL_read(c->ssl, data, (int)len);
    if (n > 0)
        return n;
    int why = SSL_get_error(c->ssl, n);
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t wire_write(struct connection *c) {
    struct msghdr m = {.msg_iov = c->out, .msg_iovlen = 2};
    if (!c->ssl)
        return sendmsg(c->fd, &m, MSG_NOSIGNAL);
    const struct iovec *v = &c->out[c->out[0].iov_len == 0];
    int n = SSL_write(c->ssl, v->iov_base, (int)(v->iov_len < 1 << 20 ? v->iov_len : 1 << 20));
    errno = EAGAIN; /* or the reader will see the end */
    return n > 0 ? n : -1;
}

static bool connection_open(struct connection *c) {
    c->fd = socket(server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    if (connect(c->fd, (struct sockaddr *)&server, server_len) != 0) {
        close(c->fd);
        c->fd = -1;
        c->stage = GONE;
        return false;
    }
    int one = 1;
    if (server.ss_family != AF_UNIX)
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->stage = GREETING;
    c->in_len = 0;
    c->sent = 0;
    if (opt.implicit)
        tls_begin(c);
    c->out[0].iov_len = c->out[1].iov_len = 0;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll");
    alive += !c->idle;
    idle_alive += c->idle;
    return true;
}

static void connection_gone(struct connection *c, bool expected) {
    if (!expected && c->stage >= MAIL && c->stage <= BODY) {
        cut++;
        if (opt.verbose)
            fprintf(stderr, "cut %s\n", messages[c->message].path);
    }
    if (c->ssl && expected)
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
    c->fd = -1;
    c->stage = GONE;
    alive -= !c->idle;
    idle_alive -= c->idle;
}

static void flush(struct connection *c) {
    while (c->out[0].iov_len + c->out[1].iov_len) {
        ssize_t n = wire_write(c);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* no room now, or the reader will see the end */
        for (int i = 0; i < 2; i++) {
            size_t part = (size_t)n < c->out[i].iov_len ? (size_t)n : c->out[i].iov_len;
            c->out[i].iov_base = (char *)c->out[i].iov_base + part;
            c->out[i].iov_len -= part;
            n -= (ssize_t)part;
        }
    }
}

static void say(struct connection *c, const char *line) {
    fk_buf_str(&c->head, line);
}

static void say_rcpt(struct connection *c, unsigned i) {
    if (i)
        fk_buf_printf(&c->head, "RCPT TO:<%u%s>\r\n", i, opt.to);
    else
        fk_buf_printf(&c->head, "RCPT TO:<%s>\r\n", opt.to);
}

/* Begins a round: what the last one could not send yet stays at the front. */
static void said_reset(struct connection *c) {
    size_t left = c->out[0].iov_len;
    if (left)
        memmove(c->head.data, c->out[0].iov_base, left);
    c->head.len = left;
    c->out[0].iov_base = c->head.data;
}

/* Sends what has been said since; it stays in the buffer until the next round. */
static void send_said(struct connection *c) {
    if (c->head.failed)
        die("no memory");
    c->out[0] = (struct iovec){c->head.data, c->head.len};
    flush(c);
}

/* The next message's commands, in one write where the server takes them so; QUIT when none is left.
 */
static void next_message(struct connection *c) {
    bool enough = opt.per_connection && c->sent >= opt.per_connection;
    if (queue_next == queue_len || enough) {
        c->stage = QUIT;
        say(c, "QUIT\r\n");
        return;
    }
    c->message = queue[queue_next++];
    c->sent++;
    c->stage = MAIL;
    c->group_failed = false;
    c->began_ns = now_ns();
    c->replies_due = opt.recipients;
    fk_buf_printf(&c->head, "MAIL FROM:<%s>\r\n", opt.from);
    if (!c->pipelining)
        return;
    for (unsigned i = 0; i < opt.recipients; i++)
        say_rcpt(c, i);
    say(c, "DATA\r\n");
}

static void message_refused(struct connection *c, const char *line) {
    if (opt.verbose || refused < 5)
        fprintf(stderr, "refused %s: %s\n", messages[c->message].path, line);
    refused++;
    if (opt.again && again_left) {
        (void)usleep(AGAIN_US); /* a server that is away for a second is to be found back */
        again_left--;
        queue[--queue_next] = c->message;
    }
}

static void message_acknowledged(struct connection *c, const char *line) {
    const struct message *m = &messages[c->message];
    took_ns[acknowledged++ % queue_len] = now_ns() - c->began_ns;
    bytes_acknowledged += m->len;
    if (!acks)
        return;
    const char *seq = strstr(line, "seq="), *c256 = strstr(line, "c256=");
    fprintf(acks, "%s\t%.*s\t%.*s\n", m->path, seq ? (int)strcspn(seq + 4, " ") : 1,
            seq ? seq + 4 : "-", c256 ? (int)strcspn(c256 + 5, " \r") : 1, c256 ? c256 + 5 : "-");
    fflush(acks);
}

/* A reply to MAIL or RCPT. Without pipelining the next command is said now, and after a refusal
 * RSET; with it the rest of the group is read to its end. */
static void in_group(struct connection *c, bool ok, const char *line) {
    if (!ok && !c->group_failed) {
        c->group_failed = true;
        message_refused(c, line);
    }
    bool done = c->stage == RCPT && --c->replies_due == 0;
    c->stage = done ? DATA : RCPT;
    if (c->pipelining)
        return;
    if (!ok) {
        c->stage = HELLO;
        say(c, "RSET\r\n");
    } else if (done) {
        say(c, "DATA\r\n");
    } else {
        say_rcpt(c, opt.recipients - c->replies_due);
    }
}

static void in_data(struct connection *c, const char *line) {
    if (line[0] == '3') {
        c->stage = BODY;
        c->replies_due = opt.lmtp ? opt.recipients : 1;
        c->out[1] = (struct iovec){messages[c->message].wire, messages[c->message].len};
        return;
    }
    if (!c->group_failed)
        message_refused(c, line);
    next_message(c);
}

static void in_body(struct connection *c, bool ok, const char *line) {
    if (!ok && !c->group_failed) {
        c->group_failed = true;
        message_refused(c, line);
    }
    if (--c->replies_due)
        return;
    if (!c->group_failed)
        message_acknowledged(c, line);
    next_message(c);
}

static void take_reply(struct connection *c, const char *line) {
    bool ok = line[0] == '2';
    switch (c->stage) {
    case GREETING:
        c->stage = ok ? HELLO : QUIT;
        say(c, !ok ? "QUIT\r\n" : opt.lmtp ? "LHLO blast\r\n" : "EHLO blast\r\n");
        break;
    case HELLO: /* also after RSET */
        if (opt.starttls && !c->ssl) {
            c->stage = STARTTLS;
            say(c, "STARTTLS\r\n");
        } else if (c->idle) {
            c->stage = IDLE;
        } else {
            next_message(c);
        }
        break;
    case STARTTLS:
        if (!ok) {
            fprintf(stderr, "smtp-blast: STARTTLS: %s\n", line);
            exit(1);
        }
        tls_begin(c);
        c->stage = HELLO;
        say(c, opt.lmtp ? "LHLO blast\r\n" : "EHLO blast\r\n");
        break;
    case MAIL:
    case RCPT:
        in_group(c, ok, line);
        break;
    case DATA:
        in_data(c, line);
        break;
    case BODY:
        in_body(c, ok, line);
        break;
    default:
        break;
    }
}

static void take_input(struct connection *c) {
    for (;;) {
        ssize_t n = wire_read(c, c->in + c->in_len, sizeof c->in - 1 - c->in_len);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            connection_gone(c, c->stage == QUIT);
            return;
        }
        c->in_len += (size_t)n;
        c->in[c->in_len] = 0;
        said_reset(c);
        char *line = c->in, *end;
        while ((end = memchr(line, '\n', c->in_len - (size_t)(line - c->in)))) {
            *end = 0;
            if (end > line && end[-1] == '\r')
                end[-1] = 0;
            if (c->stage == HELLO && strncasecmp(line + 4, "PIPELINING", 10) == 0 && !opt.plain)
                c->pipelining = true;
            if (strlen(line) < 4 || line[3] != '-')
                take_reply(c, line);
            line = end + 1;
        }
        c->in_len -= (size_t)(line - c->in);
        memmove(c->in, line, c->in_len);
        send_said(c);
        if (c->in_len == sizeof c->in - 1) {
            fprintf(stderr, "smtp-blast: a reply line is over %zu bytes\n", sizeof c->in);
            connection_gone(c, false);
            return;
        }
    }
}

/* A connection that has ended is begun anew while there is something to send. */
static void connection_turn(struct connection *c) {
    bool anew = (opt.per_connection || opt.again) && !c->idle;
    if (c->stage == GONE && queue_next < queue_len && anew && again_left) {
        again_left--;
        (void)connection_open(c);
    }
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile_ms(double q) {
    size_t n = acknowledged < queue_len ? acknowledged : queue_len;
    return n ? (double)took_ns[(size_t)((double)(n - 1) * q)] / 1e6 : 0;
}

static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void times_write(size_t n) {
    FILE *f = fopen(opt.times, "a");
    if (!f)
        die(opt.times);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%.3f\n", (double)took_ns[i] / 1e6);
    if (fclose(f) != 0)
        die(opt.times);
}

static void report(uint64_t took, double cpu) {
    const size_t n = acknowledged < queue_len ? acknowledged : queue_len;
    if (opt.times)
        times_write(n);
    qsort(took_ns, n, sizeof *took_ns, by_number);
    double s = (double)took / 1e9;
    printf("messages=%zu connections=%u seconds=%.3f rate=%.1f mb_s=%.1f p50_ms=%.2f p99_ms=%.2f "
           "max_ms=%.2f refused=%zu cut=%zu unsent=%zu client_cpu_s=%.2f\n",
           acknowledged, opt.connections, s, (double)acknowledged / s,
           (double)bytes_acknowledged / 1e6 / s, quantile_ms(.5), quantile_ms(.99), quantile_ms(1),
           refused, cut, queue_len - queue_next, cpu);
}

static int usage(void) {
    fputs("usage: smtp-blast [-l] [-c CONNECTIONS] [-m MESSAGES-A-CONNECTION] [-r REPEAT]\n"
          "  [-R RECIPIENTS] [-f FROM] [-t TO] [-o ACKS] [-P] [-x] [-a] [-v] ADDRESS PATH...\n"
          "  [-L TIMES] -T STARTTLS   -I TLS at once   -i IDLE-CONNECTIONS   -l LMTP   -P no "
          "pipelining   -x "
          "bare LF becomes CR LF   -a refused messages again\n",
          stderr);
    return 2;
}

static bool options(int argc, char **argv) {
    for (int o; (o = getopt(argc, argv, "lPxavTIc:i:m:r:R:f:t:o:L:")) != -1;)
        switch (o) {
        case 'l':
            opt.lmtp = true;
            break;
        case 'P':
            opt.plain = true;
            break;
        case 'x':
            opt.crlf = true;
            break;
        case 'a':
            opt.again = true;
            break;
        case 'v':
            opt.verbose = true;
            break;
        case 'T':
            opt.starttls = true;
            break;
        case 'I':
            opt.implicit = true;
            break;
        case 'i':
            opt.idle = (unsigned)atoi(optarg);
            break;
        case 'c':
            opt.connections = (unsigned)atoi(optarg);
            break;
        case 'm':
            opt.per_connection = (unsigned)atoi(optarg);
            break;
        case 'r':
            opt.repeat = (unsigned)atoi(optarg);
            break;
        case 'R':
            opt.recipients = (unsigned)atoi(optarg);
            break;
        case 'f':
            opt.from = optarg;
            break;
        case 't':
            opt.to = optarg;
            break;
        case 'o':
            opt.acks = optarg;
            break;
        case 'L':
            opt.times = optarg;
            break;
        default:
            return false;
        }
    return argc - optind >= 2 && opt.connections && opt.recipients && opt.repeat;
}

static void round_of_events(void) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll_fd, events, 64, -1);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        flush(c);
        take_input(c);
        connection_turn(c);
    }
}

/* All of them have said EHLO before the first message goes out. */
static void open_idle(const char *address) {
    unsigned waiting = opt.idle;
    for (unsigned i = opt.connections; i < opt.connections + opt.idle; i++) {
        connections[i].idle = true;
        if (!connection_open(&connections[i]))
            die(address);
    }
    while (waiting) {
        round_of_events();
        waiting = 0;
        for (unsigned i = opt.connections; i < opt.connections + opt.idle; i++)
            waiting += connections[i].stage != IDLE && connections[i].stage != GONE;
    }
    if (idle_alive != opt.idle) {
        fprintf(stderr, "smtp-blast: %u of %u idle connections stand\n", idle_alive, opt.idle);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (!options(argc, argv))
        return usage();
    load(argv + optind + 1, argc - optind - 1);
    if (!message_count) {
        fputs("smtp-blast: no file there\n", stderr);
        return 2;
    }
    resolve(argv[optind]);
    if (opt.acks && !(acks = fopen(opt.acks, "w")))
        die(opt.acks);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(opt.connections + opt.idle, sizeof *connections);
    tls = SSL_CTX_new(TLS_client_method());
    if (!connections || !tls)
        die("no memory");
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    signal(SIGPIPE, SIG_IGN);
    open_idle(argv[optind]);
    uint64_t began = now_ns();
    double cpu = cpu_seconds();
    for (unsigned i = 0; i < opt.connections; i++)
        if (!connection_open(&connections[i]))
            die(argv[optind]);
    while (alive)
        round_of_events();
    report(now_ns() - began, cpu_seconds() - cpu);
    if (acks && fclose(acks) != 0)
        die(opt.acks);
    return acknowledged == queue_len ? 0 : 1;
}
