/* The receiver in a thread, with clients on real sockets and the test itself in the pen's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "archiver/intake/listener.h"
#include "archiver/intake/receive.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_priv.h"
#include "base/io.h"
#include "tests/unit/support/identity.h"

enum { WAIT_MS = 20000 };

struct house {
    struct fk_receive_options options;
    const char *smtp[2], *lmtp[2];
    char unix_path[200];
    struct fk_receive *receive;
    struct fk_keep *keep;
    struct fk_child child;
    int serve, pen; /* the other ends */
    pthread_t thread;
    enum fk_status ended;
    struct fk_frame frame; /* the last request to the pen */
};

static void *receiver(void *arg) {
    struct house *h = arg;
    struct fk_err err = FK_ERR_INIT;
    h->ended = fk_receive_run(h->receive, h->keep, &h->child, &err);
    return NULL;
}

static const char *test_dir(void) {
    const char *dir = getenv("TEST_DIR");
    return dir ? dir : "/tmp";
}

static struct house *house_new(void) {
    struct house *h = calloc(1, sizeof *h);
    snprintf(h->unix_path, sizeof h->unix_path, "unix:%s/lmtp.sock", test_dir());
    h->smtp[0] = "127.0.0.1:0";
    h->lmtp[0] = h->unix_path;
    h->options = (struct fk_receive_options){.smtp = h->smtp,
                                             .lmtp = h->lmtp,
                                             .hostname = "here",
                                             .source = "mail",
                                             .floor = "P0D",
                                             .size_limit = 1 << 20,
                                             .in_flight = 4 << 20,
                                             .connections = 64,
                                             .command_timeout_s = 300,
                                             .data_timeout_s = 300};
    h->frame = (struct fk_frame)FK_FRAME_INIT;
    return h;
}

static void pen_hello(struct house *h) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, FK_OK);
    fk_put_cstr(&b, "");
    assert_int_equal(fk_frame_send(h->pen, FK_KEEP_HELLO, 0, b.data, b.len, -1, NULL), FK_OK);
    fk_buf_free(&b);
}

static void house_open(struct house *h) {
    int keep[2], control[2];
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_frame_pair(keep, NULL), FK_OK);
    assert_int_equal(fk_frame_pair(control, NULL), FK_OK);
    h->pen = keep[1];
    h->serve = control[1];
    h->child = (struct fk_child){.control = control[0], .signals = -1, .keep = -1, .lend = -1};
    if (fk_receive_open(&h->options, &h->receive, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(fk_keep_attach(keep[0], &h->keep, NULL), FK_OK);
    pen_hello(h);
    assert_int_equal(pthread_create(&h->thread, NULL, receiver, h), 0);
}

static void house_close(struct house *h) {
    fk_close(&h->serve); /* serve is gone: stop */
    pthread_join(h->thread, NULL);
    assert_int_equal(h->ended, FK_OK);
    fk_keep_close(&h->keep);
    fk_receive_close(&h->receive);
    fk_close(&h->child.control);
    fk_close(&h->pen);
    fk_frame_free(&h->frame);
    free(h);
}

/* ---- a client */

static int client_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {WAIT_MS / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void client_connect(struct house *h, int fd) {
    const char *address = fk_receive_addresses(h->receive)[0];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
}

static int client_unix(struct house *h) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", h->unix_path + 5);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads `count` lines (not those with a '-' after the code) and compares the beginning of the last.
 */
static void hear(int fd, int count, const char *expect) {
    char line[1024];
    size_t len = 0;
    while (count) {
        if (recv(fd, line + len, 1, 0) != 1)
            fail_msg("no reply where \"%s\" was expected", expect);
        if (line[len++] != '\n')
            continue;
        count -= line[3] != '-';
        line[len] = 0;
        len = 0;
    }
    if (strncmp(line, expect, strlen(expect)) != 0)
        fail_msg("expected \"%s\", got \"%s\"", expect, line);
}

static void hear_end(int fd) {
    char c;
    ssize_t n = recv(fd, &c, 1, 0);
    if (n > 0 || (n < 0 && errno != ECONNRESET))
        fail_msg("the connection was to be closed");
    close(fd);
}

static int client_open(struct house *h) {
    int fd = client_socket();
    client_connect(h, fd);
    hear(fd, 1, "220 here");
    say(fd, "EHLO client\r\n");
    hear(fd, 1, "250 ");
    return fd;
}

static void say_group(int fd) {
    say(fd, "MAIL FROM:<f@x> BODY=8BITMIME\r\nRCPT TO:<t@x>\r\nRCPT TO:<u%@x>\r\nDATA\r\n");
    hear(fd, 4, "354");
}

/* ---- the pen */

static void pen_take(struct house *h) {
    struct pollfd p = {h->pen, POLLIN, 0};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_int_equal(fk_frame_recv(h->pen, &h->frame, NULL), FK_OK);
    assert_int_equal(h->frame.type, FK_KEEP_MAIL);
    assert_true(h->frame.fd >= 0);
}

static bool pen_has_request(struct house *h, int wait_ms) {
    struct pollfd p = {h->pen, POLLIN, 0};
    return poll(&p, 1, wait_ms) == 1;
}

static void pen_answer(struct house *h, uint32_t id, enum fk_status status, uint64_t seq) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, status);
    fk_put_u64(&b, seq);
    fk_put_cstr(&b, status == FK_OK ? "00112233445566778899aabbccddeeff" : "");
    fk_put_cstr(&b, "");
    assert_int_equal(fk_frame_send(h->pen, FK_KEEP_RECEIPT, id, b.data, b.len, -1, NULL), FK_OK);
    fk_buf_free(&b);
}

/* A pen started anew: serve gives the receiver another socket. */
static void pen_renew(struct house *h) {
    int keep[2];
    struct fk_buf b = FK_BUF_INIT;
    assert_int_equal(fk_frame_pair(keep, NULL), FK_OK);
    fk_put_cstr(&b, "keep");
    h->pen = keep[1];
    pen_hello(h);
    assert_int_equal(fk_frame_send(h->serve, FK_CHILD_TAKE, 0, b.data, b.len, keep[0], NULL),
                     FK_OK);
    fk_close(&keep[0]);
    fk_buf_free(&b);
}

static bool line_has(const struct fk_buf *fields, const char *name, const char *value) {
    struct fk_buf got = FK_BUF_INIT;
    bool found = fk_fields_find(fields->data, fields->len, name, &got);
    bool same = found && (!value || strcmp(fk_buf_cstr(&got), value) == 0);
    fk_buf_free(&got);
    return same;
}

/* ---- claims */

static void a_message_reaches_the_pen_with_its_envelope(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h);
    say_group(fd);
    say(fd, "Subject: a\r\n\r\n..\nb\r\n.\r\n");
    pen_take(h);
    const uint8_t *data;
    size_t len;
    assert_int_equal(fk_memfile_map(h->frame.fd, &data, &len, NULL), FK_OK);
    static const char message[] = "Subject: a\r\n\r\n.\nb\r\n";
    struct fk_reader r;
    fk_reader_init(&r, h->frame.payload.data, h->frame.payload.len);
    assert_int_equal(fk_get_u64(&r), sizeof message - 1);
    assert_memory_equal(data, message, sizeof message - 1);
    struct fk_buf block = FK_BUF_INIT;
    fk_buf_add(&block, data + sizeof message - 1, len - (sizeof message - 1));
    char lengths[80];
    snprintf(lengths, sizeof lengths, "fumikura-envelope/1 envelope=%010zu message=%020zu\n",
             block.len, sizeof message - 1);
    assert_memory_equal(block.data, lengths, strlen(lengths));
    struct fk_buf fields = FK_BUF_INIT;
    fk_buf_add(&fields, block.data + strlen(lengths), block.len - strlen(lengths));
    assert_memory_equal(fields.data, "received: 20", 12);
    const char *tail = "helo: client\nmail-from: f@x BODY=8BITMIME\nrcpt-to: t@x\nrcpt-to: "
                       "u%25@x\nflags: bare-lf\n";
    assert_true(fields.len > strlen(tail));
    assert_memory_equal(fields.data + fields.len - strlen(tail), tail, strlen(tail));
    assert_true(line_has(&fields, "via", "smtp"));
    assert_true(line_has(&fields, "listener", fk_receive_addresses(h->receive)[0] + 5));
    struct sockaddr_in me;
    socklen_t me_len = sizeof me;
    getsockname(fd, (struct sockaddr *)&me, &me_len);
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%u", ntohs(me.sin_port));
    assert_true(line_has(&fields, "peer", peer));
    fk_memfile_unmap(data, len);
    pen_answer(h, h->frame.id, FK_OK, 42);
    hear(fd, 1, "250 2.0.0 kept seq=42 c256=0011223344556677\r\n");
    close(fd);
    fk_buf_free(&block);
    fk_buf_free(&fields);
    house_close(h);
}

static void what_the_pen_says_is_what_the_client_hears(void **state) {
    (void)state;
    static const struct {
        enum fk_status status;
        const char *reply;
    } cases[] = {{FK_OK, "250 2.0.0"},    {FK_FULL, "452 4.3.1"},  {FK_IO, "451 4.3.0"},
                 {FK_RETRY, "451 4.3.0"}, {FK_NOMEM, "451 4.3.0"}, {FK_INVALID, "451 4.3.0"}};
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say_group(fd);
        say(fd, "a\r\n.\r\n");
        pen_take(h);
        pen_answer(h, h->frame.id, cases[i].status, 1);
        hear(fd, 1, cases[i].reply);
    }
    close(fd);
    house_close(h);
}

static void lmtp_over_a_unix_socket_answers_each_recipient(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    struct stat s;
    assert_int_equal(stat(h->unix_path + 5, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0666);
    int fd = client_unix(h);
    hear(fd, 1, "220 here LMTP");
    say(fd, "LHLO client\r\n");
    hear(fd, 1, "250 ");
    say_group(fd);
    say(fd, "a\r\n.\r\nQUIT\r\n");
    pen_take(h);
    pen_answer(h, h->frame.id, FK_OK, 7);
    hear(fd, 1, "250 2.0.0 kept seq=7");
    hear(fd, 1, "250 2.0.0 kept seq=7");
    hear(fd, 1, "221");
    hear_end(fd);
    char path[200];
    snprintf(path, sizeof path, "%s", h->unix_path + 5);
    house_close(h);
    assert_int_equal(stat(path, &s), -1);
}

static void a_pen_that_goes_away_costs_451_and_no_connection(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h), idle = client_open(h);
    say_group(fd);
    say(fd, "a\r\n.\r\n");
    pen_take(h);
    fk_close(&h->pen);
    hear(fd, 1, "451 4.3.0");
    say(idle, "MAIL FROM:<f@x>\r\n");
    hear(idle, 1, "451 4.3.0");
    pen_renew(h);
    for (int i = 0; i < 100; i++) { /* until the new socket has been taken */
        say(idle, "MAIL FROM:<f@x>\r\nRSET\r\n");
        char reply[128] = "";
        while (!strstr(reply, "2.0.0 ok"))
            assert_true(recv(idle, reply + strlen(reply), sizeof reply - 1 - strlen(reply), 0) > 0);
        if (reply[0] == '2')
            break;
        usleep(10000);
    }
    say_group(idle);
    say(idle, "b\r\n.\r\n");
    pen_take(h);
    pen_answer(h, h->frame.id, FK_OK, 2);
    hear(idle, 1, "250 2.0.0 kept seq=2");
    close(fd);
    close(idle);
    house_close(h);
}

static void a_message_without_its_final_dot_is_not_handed_over(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h);
    say_group(fd);
    say(fd, "a\r\n.\r");
    close(fd);
    int other = client_open(h); /* the receiver has seen the first one's end by now */
    assert_false(pen_has_request(h, 100));
    close(other);
    house_close(h);
}

static void a_client_that_leaves_before_the_answer_holds_nothing(void **state) {
    (void)state;
    struct house *h = house_new();
    h->options.in_flight = 600000;
    house_open(h);
    char *line = malloc(400001);
    memset(line, 'x', 400000);
    line[400000] = 0;
    for (int i = 0; i < 4; i++) {
        int fd = client_open(h);
        say_group(fd);
        say(fd, line);
        say(fd, "\r\n.\r\n");
        pen_take(h);
        close(fd);
        pen_answer(h, h->frame.id, FK_OK, 1);
        usleep(20000); /* the receipt is taken before the next message asks for room */
    }
    free(line);
    house_close(h);
}

static void over_the_cap_of_bytes_in_flight_mail_gets_452(void **state) {
    (void)state;
    struct house *h = house_new();
    h->options.in_flight = 600000;
    house_open(h);
    int first = client_open(h), second = client_open(h);
    char *line = malloc(400001);
    memset(line, 'x', 400000);
    line[400000] = 0;
    say_group(first);
    say(first, line);
    say(first, "\r\n.\r\n");
    pen_take(h);
    say(second, "MAIL FROM:<f@x> SIZE=400000\r\n");
    hear(second, 1, "452 4.3.1");
    say_group(second);
    say(second, line);
    say(second, "\r\n.\r\n");
    hear(second, 1, "452 4.3.1");
    pen_answer(h, h->frame.id, FK_OK, 1);
    hear(first, 1, "250");
    say_group(second);
    say(second, line);
    say(second, "\r\n.\r\n");
    pen_take(h);
    pen_answer(h, h->frame.id, FK_OK, 2);
    hear(second, 1, "250");
    free(line);
    close(first);
    close(second);
    house_close(h);
}

static void messages_wait_for_room_in_the_pens_socket(void **state) {
    (void)state;
    enum { CLIENTS = 40 };
    struct house *h = house_new();
    house_open(h);
    int small = 1, fds[CLIENTS];
    assert_int_equal(setsockopt(fk_keep_fd(h->keep), SOL_SOCKET, SO_SNDBUF, &small, sizeof small),
                     0);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(h);
        say_group(fds[i]);
        say(fds[i], "a\r\n.\r\n");
    }
    usleep(50000);
    for (int i = 0; i < CLIENTS; i++) {
        pen_take(h);
        pen_answer(h, h->frame.id, FK_OK, 9);
    }
    for (int i = 0; i < CLIENTS; i++) {
        hear(fds[i], 1, "250 2.0.0 kept seq=9");
        close(fds[i]);
    }
    house_close(h);
}

static void messages_that_wait_for_a_pen_that_dies_get_451(void **state) {
    (void)state;
    enum { CLIENTS = 40 };
    struct house *h = house_new();
    house_open(h);
    int small = 1, fds[CLIENTS];
    assert_int_equal(setsockopt(fk_keep_fd(h->keep), SOL_SOCKET, SO_SNDBUF, &small, sizeof small),
                     0);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(h);
        say_group(fds[i]);
        say(fds[i], "a\r\n.\r\n");
    }
    fk_close(&h->pen);
    for (int i = 0; i < CLIENTS; i++) {
        hear(fds[i], 1, "451 4.3.0");
        close(fds[i]);
    }
    house_close(h);
}

static void one_connection_too_many_is_told_so(void **state) {
    (void)state;
    struct house *h = house_new();
    h->options.connections = 2;
    house_open(h);
    int a = client_open(h), b = client_open(h), c = client_socket();
    client_connect(h, c);
    hear(c, 1, "421 4.7.0");
    hear_end(c);
    say(a, "QUIT\r\n");
    hear(a, 1, "221");
    hear_end(a);
    close(client_open(h));
    close(b);
    house_close(h);
}

static void without_descriptors_a_client_is_told_so(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int early = client_open(h), fd = client_socket();
    struct rlimit was, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    now = was;
    now.rlim_cur = (rlim_t)fd + 1;
    int fill[64], n = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    while (n < 64 && (fill[n] = dup(0)) >= 0)
        n++;
    client_connect(h, fd);
    hear(fd, 1, "421 4.7.0");
    hear_end(fd);
    say(early, "NOOP\r\n");
    hear(early, 1, "250");
    while (n)
        close(fill[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    close(client_open(h));
    close(early);
    house_close(h);
}

static void who_waits_too_long_is_told_so(void **state) {
    (void)state;
    struct house *h = house_new();
    h->options.command_timeout_s = h->options.data_timeout_s = 1;
    house_open(h);
    int idle = client_open(h), inside = client_open(h), pending = client_open(h);
    say_group(pending);
    say(pending, "a\r\n.\r\n");
    say_group(inside);
    say(inside, "a");
    pen_take(h);
    hear(idle, 1, "421 4.4.2");
    hear_end(idle);
    hear(inside, 1, "421 4.4.2");
    hear_end(inside);
    pen_answer(h, h->frame.id, FK_OK, 3); /* the pen's time is not the client's */
    hear(pending, 1, "250 2.0.0 kept seq=3");
    close(pending);
    house_close(h);
}

static void stopping_lets_a_running_message_finish(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int idle = client_open(h), inside = client_open(h);
    say_group(inside);
    say(inside, "a\r\n");
    say(idle, "NOOP\r\n");
    hear(idle, 1, "250");
    fk_close(&h->serve);
    hear(idle, 1, "421 4.3.2");
    hear_end(idle);
    int late = client_socket();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)atoi(strrchr(fk_receive_addresses(h->receive)[0], ':') + 1));
    assert_int_equal(connect(late, (struct sockaddr *)&a, sizeof a), -1);
    close(late);
    say(inside, "b\r\n.\r\n");
    pen_take(h);
    pen_answer(h, h->frame.id, FK_OK, 4);
    hear(inside, 1, "250 2.0.0 kept seq=4");
    hear(inside, 1, "421 4.3.2");
    hear_end(inside);
    house_close(h);
}

static void a_half_closed_client_gets_its_answers(void **state) {
    (void)state;
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h);
    say_group(fd);
    say(fd, "a\r\n.\r\nNOOP\r\n");
    shutdown(fd, SHUT_WR);
    pen_take(h);
    pen_answer(h, h->frame.id, FK_OK, 5);
    hear(fd, 1, "250 2.0.0 kept seq=5");
    hear(fd, 1, "250 2.0.0 ok");
    hear_end(fd);
    house_close(h);
}

static void replies_come_out_though_the_client_reads_late(void **state) {
    (void)state;
    enum { COMMANDS = 40000 };
    struct house *h = house_new();
    house_open(h);
    int fd = client_open(h);
    struct fk_buf many = FK_BUF_INIT;
    for (int i = 0; i < COMMANDS; i++)
        fk_buf_str(&many, "HELP\r\n");
    size_t sent = 0, heard = 0;
    while (sent < many.len) {
        ssize_t n = send(fd, many.data + sent, many.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            break; /* the receiver waits for us to read */
        sent += (size_t)n;
    }
    size_t each = strlen("214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT\r\n");
    char in[65536];
    while (heard < each * COMMANDS) {
        struct pollfd p = {fd, (short)(POLLIN | (sent < many.len ? POLLOUT : 0)), 0};
        if (poll(&p, 1, WAIT_MS) != 1)
            fail_msg("after %zu bytes sent and %zu heard nothing comes", sent, heard);
        ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
        heard += n > 0 ? (size_t)n : 0;
        if (sent < many.len &&
            (n = send(fd, many.data + sent, many.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
            sent += (size_t)n;
    }
    close(fd);
    fk_buf_free(&many);
    house_close(h);
}

static void addresses_that_cannot_be_had_are_named(void **state) {
    (void)state;
    struct fk_listener l, other;
    struct fk_err err = FK_ERR_INIT;
    static const char *const wrong[] = {
        "",         "2525",      "localhost:2525", "127.0.0.1", "127.0.0.1:99999",
        "::1:2525", "[::1]2525", "[]:1",           ":2525",     "unix:"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (fk_listener_open(wrong[i], false, &l, &err) != FK_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
    char path[300];
    snprintf(path, sizeof path, "unix:%s/%0100d", test_dir(), 0);
    assert_int_equal(fk_listener_open(path, true, &l, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "at most 107 bytes"));
    assert_int_equal(fk_listener_open("127.0.0.1:0", false, &l, &err), FK_OK);
    assert_int_equal(fk_listener_open(l.address, false, &other, &err), FK_IO);
    assert_non_null(strstr(err.text, l.address));
    assert_non_null(strstr(err.text, "in use"));
    fk_listener_close(&l);
    assert_int_equal(fk_listener_open("[::1]:0", false, &l, &err), FK_OK);
    assert_memory_equal(l.address, "[::1]:", 6);
    fk_listener_close(&l);
}

/* ---- listeners with a name */

static int told_good, told_bad;

static void tell(void *ctx, bool bad, const char *text) {
    (void)ctx;
    (void)text;
    __atomic_fetch_add(bad ? &told_bad : &told_good, 1, __ATOMIC_SEQ_CST);
}

static void until(int *count, int is) {
    for (int i = 0; i < WAIT_MS / 10 && __atomic_load_n(count, __ATOMIC_SEQ_CST) < is; i++)
        usleep(10000);
    assert_int_equal(__atomic_load_n(count, __ATOMIC_SEQ_CST), is);
}

static void certificate_make(const char *name) {
    char path[300];
    struct identity it = identity_new(name, NULL, NULL);
    snprintf(path, sizeof path, "%s/%s.pem", test_dir(), name);
    identity_write_certificate(path, it.certificate);
    snprintf(path, sizeof path, "%s/%s.key", test_dir(), name);
    identity_write_key(path, it.key);
    identity_free(&it);
}

static void move(const char *from, const char *to) {
    char a[300], b[300];
    snprintf(a, sizeof a, "%s/%s", test_dir(), from);
    snprintf(b, sizeof b, "%s/%s", test_dir(), to);
    assert_int_equal(rename(a, b), 0);
}

static void certificates_that_change_are_read_without_being_told(void **state) {
    (void)state;
    static const char *const address[] = {"127.0.0.1:0", NULL};
    char certificate[300], key[300];
    snprintf(certificate, sizeof certificate, "%s/live.pem", test_dir());
    snprintf(key, sizeof key, "%s/live.key", test_dir());
    certificate_make("live");
    certificate_make("next");
    struct fk_gate_options gate = {.name = "tls",
                                   .addresses = address,
                                   .source = "mail",
                                   .floor = "P0D",
                                   .tls = FK_TLS_OFFERED,
                                   .files = {certificate, key, NULL}};
    struct house *h = house_new();
    h->options.gates = &gate;
    h->options.gate_count = 1;
    h->options.certificate_look_s = 1;
    h->options.tell = tell;
    house_open(h);
    assert_string_equal(fk_receive_addresses(h->receive)[2] + strlen("listener:tls="),
                        strstr(fk_receive_addresses(h->receive)[2], "127.0.0.1"));
    move("next.pem", "live.pem"); /* half of it: the key is another's still */
    until(&told_bad, 1);
    usleep(2100000); /* said once, not each second */
    until(&told_bad, 1);
    move("next.key", "live.key");
    until(&told_good, 1);
    house_close(h);
}

static void limits_of_a_listener_are_its_own(void **state) {
    (void)state;
    static const char *const address[] = {"127.0.0.1:0", NULL}, *const far[] = {"192.0.2.1", NULL};
    struct fk_gate_options gates[] = {
        {.name = "one",
         .addresses = address,
         .source = "one",
         .floor = "P1Y",
         .peer_connections = 1},
        {.name = "far", .addresses = address, .source = "far", .floor = "P0D", .allow = far}};
    struct house *h = house_new();
    h->options.gates = gates;
    h->options.gate_count = 2;
    house_open(h);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *const *at = fk_receive_addresses(h->receive);
    int fd[3];
    for (int i = 0; i < 3; i++) {
        a.sin_port = htons((uint16_t)atoi(strrchr(at[i < 2 ? 2 : 3], ':') + 1));
        fd[i] = client_socket();
        assert_int_equal(connect(fd[i], (struct sockaddr *)&a, sizeof a), 0);
        hear(fd[i], 1, i ? "421 4.7.1 here" : "220 here");
    }
    hear_end(fd[1]);
    hear_end(fd[2]);
    close(client_open(h)); /* the plain listener's are not counted there */
    say(fd[0], "EHLO a\r\n");
    hear(fd[0], 1, "250 ");
    say_group(fd[0]);
    say(fd[0], "a\r\n.\r\n");
    pen_take(h);
    struct fk_reader r;
    char source[32], floor[32];
    fk_reader_init(&r, h->frame.payload.data, h->frame.payload.len);
    (void)fk_get_u64(&r);
    fk_get_cstr(&r, source, sizeof source);
    fk_get_cstr(&r, floor, sizeof floor);
    assert_string_equal(source, "one");
    assert_string_equal(floor, "P1Y");
    pen_answer(h, h->frame.id, FK_OK, 1);
    hear(fd[0], 1, "250");
    close(fd[0]);
    house_close(h);
}

static void an_old_socket_is_replaced_and_nothing_else(void **state) {
    (void)state;
    struct fk_listener l, other;
    struct fk_err err = FK_ERR_INIT;
    char path[200];
    snprintf(path, sizeof path, "unix:%s/old.sock", test_dir());
    assert_int_equal(fk_listener_open(path, true, &l, &err), FK_OK);
    assert_int_equal(fk_listener_open(path, true, &other, &err), FK_IO);
    assert_non_null(strstr(err.text, "in use"));
    fk_close(&l.fd); /* as a kill leaves it */
    assert_int_equal(fk_listener_open(path, true, &l, &err), FK_OK);
    fk_listener_close(&l);
    FILE *f = fopen(path + 5, "w");
    (void)fclose(f); /* only read */
    assert_int_equal(fk_listener_open(path, true, &l, &err), FK_INVALID);
    assert_int_equal(unlink(path + 5), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_reaches_the_pen_with_its_envelope),
        cmocka_unit_test(what_the_pen_says_is_what_the_client_hears),
        cmocka_unit_test(lmtp_over_a_unix_socket_answers_each_recipient),
        cmocka_unit_test(a_pen_that_goes_away_costs_451_and_no_connection),
        cmocka_unit_test(a_message_without_its_final_dot_is_not_handed_over),
        cmocka_unit_test(a_client_that_leaves_before_the_answer_holds_nothing),
        cmocka_unit_test(over_the_cap_of_bytes_in_flight_mail_gets_452),
        cmocka_unit_test(messages_wait_for_room_in_the_pens_socket),
        cmocka_unit_test(messages_that_wait_for_a_pen_that_dies_get_451),
        cmocka_unit_test(one_connection_too_many_is_told_so),
        cmocka_unit_test(without_descriptors_a_client_is_told_so),
        cmocka_unit_test(who_waits_too_long_is_told_so),
        cmocka_unit_test(stopping_lets_a_running_message_finish),
        cmocka_unit_test(a_half_closed_client_gets_its_answers),
        cmocka_unit_test(replies_come_out_though_the_client_reads_late),
        cmocka_unit_test(addresses_that_cannot_be_had_are_named),
        cmocka_unit_test(an_old_socket_is_replaced_and_nothing_else),
        cmocka_unit_test(certificates_that_change_are_read_without_being_told),
        cmocka_unit_test(limits_of_a_listener_are_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
