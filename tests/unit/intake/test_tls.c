/* TLS at the server's end, with OpenSSL's own client on a socket pair, and certificates made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archiver/intake/gate.h"
#include "archiver/intake/tls.h"
#include "base/io.h"
#include "tests/unit/support/identity.h"

static const char *dir(void) {
    const char *d = getenv("TEST_DIR");
    return d ? d : "/tmp";
}

static const char *path(const char *name) {
    static char paths[32][300];
    static unsigned turn;
    char *p = paths[turn++ % 32];
    snprintf(p, 300, "%s/%s", dir(), name);
    return p;
}

/* ---- both ends */

struct pair {
    struct fk_tls *server;
    SSL *client;
    SSL_CTX *context;
    int near, far; /* ours and the client's */
};

static struct pair pair_open(const struct fk_tls_server *s, const struct identity *who) {
    struct pair p;
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    p.near = fd[0];
    p.far = fd[1];
    p.context = SSL_CTX_new(TLS_client_method());
    if (who) {
        assert_int_equal(SSL_CTX_use_certificate(p.context, who->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(p.context, who->key), 1);
    }
    p.client = SSL_new(p.context);
    SSL_set_fd(p.client, p.far);
    SSL_set_connect_state(p.client);
    assert_int_equal(fk_tls_new(s, p.near, &p.server, NULL), FK_OK);
    return p;
}

static void pair_close(struct pair *p) {
    fk_tls_free(&p->server);
    SSL_free(p->client);
    SSL_CTX_free(p->context);
    close(p->near);
    close(p->far);
}

/* How the handshake ends at our end. */
static enum fk_status shake(struct pair *p, struct fk_err *err) {
    for (int i = 0; i < 20; i++) {
        (void)SSL_do_handshake(p->client);
        fk_tls_wake(p->server, false);
        enum fk_status st = fk_tls_handshake(p->server, err);
        if (st != FK_RETRY)
            return st;
    }
    return FK_RETRY;
}

static struct fk_tls_server *server_open(const struct fk_tls_files *files) {
    struct fk_tls_server *s = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (fk_tls_server_open(files, &s, &err) != FK_OK)
        fail_msg("%s", err.text);
    return s;
}

static struct identity ca, server, client, stranger;

static int everybody(void **state) {
    (void)state;
    ca = identity_new("ca", NULL, NULL);
    server = identity_new("server", "DNS:mail.example.jp", &ca);
    client =
        identity_new("client", "DNS:mta.example.jp,DNS:*.wild.example,email:mta@example.jp", &ca);
    struct identity other = identity_new("other", NULL, NULL);
    stranger = identity_new("client", "DNS:mta.example.jp", &other);
    identity_free(&other);
    identity_write_certificate(path("ca.pem"), ca.certificate);
    identity_write_certificate(path("server.pem"), server.certificate);
    identity_write_key(path("server.key"), server.key);
    return 0;
}

static int nobody(void **state) {
    (void)state;
    identity_free(&ca);
    identity_free(&server);
    identity_free(&client);
    identity_free(&stranger);
    return 0;
}

/* ---- claims */

static void bytes_come_through_whole_records_at_once(void **state) {
    (void)state;
    struct fk_tls_files files = {path("server.pem"), path("server.key"), NULL};
    struct fk_tls_server *s = server_open(&files);
    struct pair p = pair_open(s, NULL);
    struct fk_buf none = FK_BUF_INIT;
    char in[65536], sha256[FK_TLS_FINGERPRINT];
    assert_int_equal(shake(&p, NULL), FK_OK);
    assert_string_equal(fk_tls_version(p.server), "TLSv1.3");
    assert_false(fk_tls_client(p.server, &none, sha256));
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), -1);
    assert_int_equal(errno, EAGAIN);
    for (int i = 0; i < 10; i++)
        assert_int_equal(SSL_write(p.client, "NOOP\r\n", 6), 6);
    /* No event has come, so the socket is not asked. */
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), -1);
    assert_int_equal(errno, EAGAIN);
    fk_tls_wake(p.server, false);
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), 60);
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), -1);
    assert_int_equal(fk_tls_write(p.server, "250 ok\r\n", 8), 8);
    assert_int_equal(SSL_read(p.client, in, sizeof in), 8);
    SSL_shutdown(p.client);
    fk_tls_wake(p.server, false);
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), 0);
    pair_close(&p);
    fk_tls_server_free(&s);
}

static void a_cut_connection_is_no_end(void **state) {
    (void)state;
    struct fk_tls_files files = {path("server.pem"), path("server.key"), NULL};
    struct fk_tls_server *s = server_open(&files);
    struct pair p = pair_open(s, NULL);
    char in[100];
    assert_int_equal(shake(&p, NULL), FK_OK);
    assert_int_equal(SSL_write(p.client, "a", 1), 1);
    assert_int_equal(shutdown(p.far, SHUT_WR), 0);
    fk_tls_wake(p.server, true);
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), 1);
    assert_int_equal(fk_tls_read(p.server, in, sizeof in), -1);
    assert_int_not_equal(errno, EAGAIN);
    pair_close(&p);
    fk_tls_server_free(&s);
}

static void a_writer_whose_reader_sleeps_is_told_to_wait(void **state) {
    (void)state;
    struct fk_tls_files files = {path("server.pem"), path("server.key"), NULL};
    struct fk_tls_server *s = server_open(&files);
    struct pair p = pair_open(s, NULL);
    static char out[1 << 20], in[1 << 20];
    size_t wrote = 0, got = 0;
    assert_int_equal(shake(&p, NULL), FK_OK);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 7 >> 3);
    while (got < sizeof out) {
        ssize_t n;
        while (wrote < sizeof out &&
               (n = fk_tls_write(p.server, out + wrote, sizeof out - wrote)) > 0)
            wrote += (size_t)n;
        assert_true(wrote == sizeof out || errno == EAGAIN);
        int m = SSL_read(p.client, in + got, (int)(sizeof in - got));
        got += m > 0 ? (size_t)m : 0;
    }
    assert_memory_equal(in, out, sizeof out);
    pair_close(&p);
    fk_tls_server_free(&s);
}

static void garbage_ends_the_handshake(void **state) {
    (void)state;
    static const char *const junk[] = {"EHLO a\r\n", "\x16\x03\x01\x00\x05xxxxx",
                                       "\x80\x80\x80\x80\x80",
                                       "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"};
    struct fk_tls_files files = {path("server.pem"), path("server.key"), NULL};
    struct fk_tls_server *s = server_open(&files);
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        struct pair p = pair_open(s, NULL);
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(write(p.far, junk[i], strlen(junk[i])), strlen(junk[i]));
        assert_int_equal(shutdown(p.far, SHUT_WR), 0);
        fk_tls_wake(p.server, true);
        assert_int_equal(fk_tls_handshake(p.server, &err), FK_CORRUPT);
        assert_memory_equal(err.text, "TLS: ", 5);
        pair_close(&p);
    }
    fk_tls_server_free(&s);
}

static void a_client_is_who_its_certificate_says(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool is;
    } names[] = {{"mta.example.jp", true},
                 {"MTA.example.JP", true},
                 {"mta@example.jp", true},
                 {"other@example.jp", false},
                 {"mail.example.jp", false},
                 {"a.wild.example", false}, /* a wildcard vouches for nobody here */
                 {"example.jp", false},
                 {"", false}};
    struct fk_tls_files files = {path("server.pem"), path("server.key"), path("ca.pem")};
    struct fk_tls_server *s = server_open(&files);
    struct pair p = pair_open(s, &client);
    struct fk_buf subject = FK_BUF_INIT;
    char sha256[FK_TLS_FINGERPRINT], colons[100] = "";
    assert_int_equal(shake(&p, NULL), FK_OK);
    assert_true(fk_tls_client(p.server, &subject, sha256));
    assert_string_equal(fk_buf_cstr(&subject), "CN=client");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fk_tls_client_is(p.server, names[i].name) != names[i].is)
            fail_msg("%s", names[i].name);
    assert_true(fk_tls_client_is(p.server, sha256));
    for (size_t i = 0; i < 64; i++)
        snprintf(colons + strlen(colons), 4, i % 2 && i < 63 ? "%c:" : "%c",
                 sha256[i] & ~(sha256[i] >= 'a' ? 32 : 0));
    assert_true(fk_tls_client_is(p.server, colons)); /* as openssl x509 -fingerprint writes it */
    sha256[0] = sha256[0] == '0' ? '1' : '0';
    assert_false(fk_tls_client_is(p.server, sha256));
    fk_buf_free(&subject);
    pair_close(&p);
    fk_tls_server_free(&s);
}

static void who_may_deliver_is_by_certificate(void **state) {
    (void)state;
    const char *const named[] = {"mail.example.jp", "mta.example.jp", NULL}, *const others[] = {
                                                                                 "else.example",
                                                                                 NULL};
    struct fk_gate_options o = {.name = "g",
                                .tls = FK_TLS_REQUIRED,
                                .files = {path("server.pem"), path("server.key"), path("ca.pem")}};
    struct fk_gate g;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_gate_open(&o, &g, &err), FK_OK);
    assert_true(fk_gate_wants_certificate(&g));
    struct pair p = pair_open(g.tls, &client);
    assert_int_equal(shake(&p, &err), FK_OK);
    assert_true(fk_gate_allows_certificate(&g, p.server)); /* any of the CA's */
    o.clients = named;
    assert_true(fk_gate_allows_certificate(&g, p.server));
    o.clients = others;
    assert_false(fk_gate_allows_certificate(&g, p.server));
    pair_close(&p);
    p = pair_open(g.tls, NULL); /* none is shown: the handshake goes on, delivery does not */
    o.clients = NULL;
    assert_int_equal(shake(&p, &err), FK_OK);
    assert_false(fk_gate_allows_certificate(&g, p.server));
    pair_close(&p);
    p = pair_open(g.tls, &stranger);
    assert_int_equal(shake(&p, &err), FK_CORRUPT);
    pair_close(&p);
    fk_gate_close(&g);
}

/* A session that is resumed shows no certificate again: the one of before counts, and is told. */
static void a_resumed_session_has_its_client(void **state) {
    (void)state;
    struct fk_gate_options o = {.name = "g",
                                .tls = FK_TLS_REQUIRED,
                                .files = {path("server.pem"), path("server.key"), path("ca.pem")}};
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct fk_gate g;
    char in[10], first[FK_TLS_FINGERPRINT], again[FK_TLS_FINGERPRINT];
    assert_int_equal(fk_gate_open(&o, &g, NULL), FK_OK);
    for (size_t i = 0; i < 2; i++) {
        struct fk_buf subject = FK_BUF_INIT;
        struct pair p = pair_open(g.tls, &client);
        SSL_set_max_proto_version(p.client, versions[i]);
        assert_int_equal(shake(&p, NULL), FK_OK);
        assert_true(fk_tls_client(p.server, &subject, first));
        assert_int_equal(fk_tls_write(p.server, "a", 1), 1);
        assert_int_equal(SSL_read(p.client, in, 1), 1); /* and the ticket before it */
        SSL_SESSION *session = SSL_get1_session(p.client);
        (void)SSL_shutdown(p.client); /* without it the session would not be resumable */
        pair_close(&p);
        p = pair_open(g.tls, NULL);
        SSL_set_max_proto_version(p.client, versions[i]);
        assert_int_equal(SSL_set_session(p.client, session), 1);
        assert_int_equal(shake(&p, NULL), FK_OK);
        assert_int_equal(SSL_session_reused(p.client), 1);
        assert_true(fk_tls_client(p.server, &subject, again));
        assert_string_equal(again, first);
        assert_true(fk_gate_allows_certificate(&g, p.server));
        pair_close(&p);
        /* Once the files were read again it has to be shown anew. */
        bool renewed;
        assert_int_equal(fk_tls_server_look(g.tls, true, &renewed, NULL), FK_OK);
        p = pair_open(g.tls, NULL);
        assert_int_equal(SSL_set_session(p.client, session), 1);
        assert_int_equal(shake(&p, NULL), FK_OK);
        assert_int_equal(SSL_session_reused(p.client), 0);
        assert_false(fk_gate_allows_certificate(&g, p.server));
        pair_close(&p);
        SSL_SESSION_free(session);
        fk_buf_free(&subject);
    }
    fk_gate_close(&g);
}

static void records_of_a_byte_each_come_in_order(void **state) {
    (void)state;
    enum { BYTES = 3000 };
    struct fk_tls_files files = {path("server.pem"), path("server.key"), NULL};
    struct fk_tls_server *s = server_open(&files);
    struct pair p = pair_open(s, NULL);
    char in[65536];
    size_t got = 0;
    assert_int_equal(shake(&p, NULL), FK_OK);
    for (int sent = 0; sent < BYTES;) {
        char c = (char)sent;
        if (SSL_write(p.client, &c, 1) == 1) {
            sent++;
            continue;
        }
        fk_tls_wake(p.server, false);
        for (ssize_t n; (n = fk_tls_read(p.server, in + got, sizeof in - got)) > 0;) {
            assert_true(n <= 1024);
            got += (size_t)n;
        }
    }
    fk_tls_wake(p.server, false);
    for (ssize_t n; (n = fk_tls_read(p.server, in + got, sizeof in - got)) > 0;)
        got += (size_t)n;
    assert_int_equal(got, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        assert_int_equal(in[i], (char)i);
    pair_close(&p);
    fk_tls_server_free(&s);
}

static void new_files_are_taken_and_wrong_ones_are_not(void **state) {
    (void)state;
    struct fk_tls_files files = {path("live.pem"), path("live.key"), NULL};
    struct fk_err err = FK_ERR_INIT;
    bool renewed = true;
    identity_write_certificate(path("live.pem"), server.certificate);
    identity_write_key(path("live.key"), server.key);
    struct fk_tls_server *s = server_open(&files);
    struct pair old = pair_open(s, NULL);
    assert_int_equal(shake(&old, NULL), FK_OK);
    assert_int_equal(fk_tls_server_look(s, false, &renewed, &err), FK_OK);
    assert_false(renewed); /* nothing has changed */
    struct identity next = identity_new("next", NULL, &ca);
    assert_int_equal(unlink(path("live.pem")), 0);
    identity_write_certificate(path("live.pem"), next.certificate);
    assert_int_equal(fk_tls_server_look(s, false, &renewed, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "not that of"));
    assert_int_equal(fk_tls_server_look(s, false, &renewed, &err), FK_OK); /* said once */
    assert_false(renewed);
    struct pair p = pair_open(s, NULL);
    assert_int_equal(shake(&p, NULL), FK_OK);
    X509 *shown = SSL_get1_peer_certificate(p.client);
    assert_int_equal(X509_cmp(shown, server.certificate), 0);
    X509_free(shown);
    pair_close(&p);
    identity_write_key(path("live.key"), next.key);
    assert_int_equal(fk_tls_server_look(s, false, &renewed, &err), FK_OK);
    assert_true(renewed);
    p = pair_open(s, NULL);
    assert_int_equal(shake(&p, NULL), FK_OK);
    shown = SSL_get1_peer_certificate(p.client);
    assert_int_equal(X509_cmp(shown, next.certificate), 0);
    X509_free(shown);
    pair_close(&p);
    char in[10]; /* the connection of before goes on */
    assert_int_equal(SSL_write(old.client, "a", 1), 1);
    fk_tls_wake(old.server, false);
    assert_int_equal(fk_tls_read(old.server, in, sizeof in), 1);
    pair_close(&old);
    fk_tls_server_free(&s);
    identity_free(&next);
}

static void what_is_wrong_with_the_files_is_said(void **state) {
    (void)state;
    identity_write_key(path("other.key"), client.key);
    FILE *f = fopen(path("junk.pem"), "w");
    assert_true(fputs("junk\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    const struct {
        struct fk_tls_files files;
        const char *says;
    } cases[] = {
        {{"", "", NULL}, "TLS needs a certificate"},
        {{path("server.pem"), "", NULL}, "TLS needs a key"},
        {{path("absent"), path("server.key"), NULL}, "absent: the certificate: No such file"},
        {{path("junk.pem"), path("server.key"), NULL}, "junk.pem: no certificate in PEM form"},
        {{path("server.pem"), path("junk.pem"), NULL}, "junk.pem: no key in PEM form"},
        {{path("server.pem"), path("other.key"), NULL},
         "other.key: no key in PEM form without a passphrase, or not that of"},
        {{path("server.pem"), path("server.key"), path("junk.pem")},
         "junk.pem: no certificates of a CA"},
        {{path("server.pem"), path("server.key"), path("absent")},
         "absent: the client CA: No such file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_tls_server *s = NULL;
        struct fk_tls_report report;
        struct fk_err err = FK_ERR_INIT;
        if (fk_tls_server_open(&cases[i].files, &s, &err) == FK_OK ||
            !strstr(err.text, cases[i].says))
            fail_msg("%s: \"%s\"", cases[i].says, err.text);
        assert_int_not_equal(fk_tls_files_check(&cases[i].files, &report, &err), FK_OK);
    }
}

static void a_journal_counts_of_whom_the_listener_names_for_it(void **state) {
    (void)state;
    static const char *const networks[] = {"192.0.2.0/24", NULL};
    static const struct {
        bool journal, from, allow, far, trusted;
    } cases[] = {{false, false, false, false, false}, /* this machine's own is nothing special */
                 {false, false, true, true, false},   /* nor is one that may deliver */
                 {true, false, false, true, true},    {true, false, true, true, true},
                 {false, true, false, true, true},    {false, true, false, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_gate_options o = {.name = "g",
                                    .journal = cases[i].journal,
                                    .journal_from = cases[i].from ? networks : NULL,
                                    .allow = cases[i].allow ? networks : NULL};
        struct fk_gate g;
        struct fk_peer peer;
        assert_int_equal(fk_gate_open(&o, &g, NULL), FK_OK);
        fk_peer_make(FK_INET,
                     (const uint8_t *)(cases[i].far ? "\xc0\x00\x02\x01" : "\x7f\x00\x00\x01"), 1,
                     &peer);
        if (fk_gate_trusts_journal(&g, &peer) != cases[i].trusted)
            fail_msg("case %zu", i);
        fk_gate_close(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_through_whole_records_at_once),
        cmocka_unit_test(a_cut_connection_is_no_end),
        cmocka_unit_test(a_writer_whose_reader_sleeps_is_told_to_wait),
        cmocka_unit_test(garbage_ends_the_handshake),
        cmocka_unit_test(a_client_is_who_its_certificate_says),
        cmocka_unit_test(who_may_deliver_is_by_certificate),
        cmocka_unit_test(a_resumed_session_has_its_client),
        cmocka_unit_test(records_of_a_byte_each_come_in_order),
        cmocka_unit_test(new_files_are_taken_and_wrong_ones_are_not),
        cmocka_unit_test(what_is_wrong_with_the_files_is_said),
        cmocka_unit_test(a_journal_counts_of_whom_the_listener_names_for_it),
    };
    return cmocka_run_group_tests(tests, everybody, nobody);
}
