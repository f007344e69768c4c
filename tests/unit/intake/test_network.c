/* Networks and who is in them; proxies' headers; counting clients; recipients that addresses carry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "archiver/intake/carried.h"
#include "archiver/intake/network.h"
#include "archiver/intake/proxy.h"
#include "archiver/intake/tally.h"

static struct fk_peer peer_at(const char *text) {
    struct fk_network n;
    struct fk_peer p;
    assert_true(fk_network_parse(text, &n));
    fk_peer_make(n.family, n.bytes, 25, &p);
    return p;
}

static void a_network_has_what_its_bits_say(void **state) {
    (void)state;
    static const struct {
        const char *network, *peer;
        bool has;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/25", "192.0.2.127", true},
        {"192.0.2.0/25", "192.0.2.128", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "192.0.2.1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true}, /* an IPv4 client of a socket for both */
        {"unix", "unix", true},
        {"unix", "127.0.0.1", false},
        {"127.0.0.0/8", "unix", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_network n;
        struct fk_peer p = peer_at(cases[i].peer);
        assert_true(fk_network_parse(cases[i].network, &n));
        if (fk_network_has(&n, &p) != cases[i].has)
            fail_msg("%s in %s", cases[i].peer, cases[i].network);
    }
}

static void what_is_no_network_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "a",
                                        "10",
                                        "10.0.0.0/33",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/+8",
                                        "10.0.0.0/8x",
                                        "10.0.0.1/8",
                                        "2001:db8::1/64",
                                        "::/129",
                                        "localhost",
                                        "[::1]",
                                        "127.0.0.1:25",
                                        "Unix",
                                        "unix/0",
                                        "fe80::1%eth0",
                                        "1.2.3.4.5",
                                        "01.2.3.4",
                                        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8"};
    struct fk_network n;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (fk_network_parse(wrong[i], &n))
            fail_msg("\"%s\" was taken", wrong[i]);
    const char *const list[] = {"::1", "10.0.0.1/8", NULL};
    struct fk_networks all;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_networks_parse(list, &all, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "10.0.0.1/8"));
}

/* ---- proxies */

static const uint8_t v2[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0f\xc0\x00\x02\x07\xc0\x00\x02\x19\x0f\xa0\x00\x19"
    "abc";
enum { V2 = sizeof v2 - 1 };
static const char v1[] = "PROXY TCP6 2001:db8::7 2001:db8::25 4000 25\r\n";

static void a_header_is_whole_at_its_last_byte_and_not_before(void **state) {
    (void)state;
    struct fk_proxy_header h;
    char text[FK_ADDRESS_SIZE];
    uint8_t more[V2 + 10] = {0};
    memcpy(more, v2, V2);
    for (size_t n = 0; n < V2; n++)
        assert_int_equal(fk_proxy_read(v2, n, &h), FK_PROXY_MORE);
    for (size_t n = V2; n <= V2 + 10; n++) { /* what is behind it is not its */
        assert_int_equal(fk_proxy_read(more, n, &h), FK_PROXY_WHOLE);
        assert_int_equal(h.bytes, V2);
    }
    fk_peer_format(&h.client, text);
    assert_string_equal(text, "192.0.2.7:4000");
    for (size_t n = 0; n < sizeof v1 - 1; n++)
        assert_int_equal(fk_proxy_read((const uint8_t *)v1, n, &h), FK_PROXY_MORE);
    assert_int_equal(fk_proxy_read((const uint8_t *)v1, sizeof v1 - 1, &h), FK_PROXY_WHOLE);
    fk_peer_format(&h.server, text);
    assert_string_equal(text, "[2001:db8::25]:25");
    assert_int_equal(h.version, 1);
}

static void what_deviates_is_no_header(void **state) {
    (void)state;
    static const char *const wrong[] = {"EHLO a\r\n",
                                        "PROXY\r\n",
                                        "PROXY \r\n",
                                        "PROXY TCP4\r\n",
                                        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
                                        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
                                        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 ::1 ::1 1 2\r\n",
                                        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
                                        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
                                        "proxy tcp4 1.2.3.4 1.2.3.4 1 2\r\n"};
    struct fk_proxy_header h;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (fk_proxy_read((const uint8_t *)wrong[i], strlen(wrong[i]), &h) != FK_PROXY_NONE)
            fail_msg("taken: %s", wrong[i]);
    char long_line[200] = "PROXY UNKNOWN ";
    memset(long_line + 14, 'x', 180);
    assert_int_equal(fk_proxy_read((const uint8_t *)long_line, 107, &h), FK_PROXY_NONE);
    /* Of version 2 each byte of the signature, the version, and a body too short for its addresses.
     */
    for (size_t i = 0; i < 13; i++) {
        uint8_t bad[V2];
        memcpy(bad, v2, V2);
        bad[i] ^= 0x40;
        assert_int_equal(fk_proxy_read(bad, V2, &h), FK_PROXY_NONE);
    }
    uint8_t bad[V2];
    memcpy(bad, v2, V2);
    bad[15] = 11;
    assert_int_equal(fk_proxy_read(bad, V2, &h), FK_PROXY_NONE);
    bad[14] = 0xff; /* over what is taken of a header */
    assert_int_equal(fk_proxy_read(bad, V2, &h), FK_PROXY_NONE);
}

static void a_proxy_that_speaks_for_itself_is_believed_to(void **state) {
    (void)state;
    struct fk_proxy_header h;
    static const uint8_t local[] = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
                         unix_one[] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\x02xx";
    assert_int_equal(fk_proxy_read(local, sizeof local - 1, &h), FK_PROXY_WHOLE);
    assert_true(h.local);
    assert_int_equal(fk_proxy_read(unix_one, sizeof unix_one - 1, &h), FK_PROXY_WHOLE);
    assert_true(h.local);
    const char *unknown = "PROXY UNKNOWN\r\n";
    assert_int_equal(fk_proxy_read((const uint8_t *)unknown, strlen(unknown), &h), FK_PROXY_WHOLE);
    assert_true(h.local);
}

/* ---- counting */

static void so_many_connections_a_client_and_no_more(void **state) {
    (void)state;
    struct fk_tally t = {.count = 0};
    struct fk_peer a = peer_at("192.0.2.1"), b = peer_at("192.0.2.2"), u = peer_at("unix"),
                   six = peer_at("2001:db8::1"), same = peer_at("2001:db8::2:3"),
                   other = peer_at("2001:db8:0:1::1");
    assert_true(fk_tally_enter(&t, &a, 2));
    assert_true(fk_tally_enter(&t, &a, 2));
    assert_false(fk_tally_enter(&t, &a, 2));
    assert_true(fk_tally_enter(&t, &b, 2));
    fk_tally_leave(&t, &a);
    assert_true(fk_tally_enter(&t, &a, 2));
    assert_true(fk_tally_enter(&t, &six, 1)); /* all of a /64 is one client */
    assert_false(fk_tally_enter(&t, &same, 1));
    assert_true(fk_tally_enter(&t, &other, 1));
    for (int i = 0; i < 10; i++)
        assert_true(fk_tally_enter(&t, &u, 1));
    fk_tally_sweep(&t, 1 << 30); /* who is connected is not forgotten */
    assert_false(fk_tally_enter(&t, &a, 2));
    fk_tally_leave(&t, &b);
    fk_tally_sweep(&t, 1 << 30);
    assert_int_equal(t.count, 3);
    fk_tally_free(&t);
}

static void so_many_messages_a_minute_and_no_more(void **state) {
    (void)state;
    struct fk_tally t = {.count = 0};
    struct fk_peer a = peer_at("192.0.2.1"), b = peer_at("192.0.2.2");
    for (int minute = 0; minute < 3; minute++) {
        for (int i = 0; i < 5; i++)
            assert_true(fk_tally_message(&t, &a, 5, 1000 + minute * 60000 + i));
        assert_false(fk_tally_message(&t, &a, 5, 1000 + minute * 60000 + 59999));
        assert_true(fk_tally_message(&t, &b, 5, 1000 + minute * 60000));
        fk_tally_sweep(&t, 1000 + minute * 60000 + 59999);
        assert_false(fk_tally_message(&t, &a, 5, 1000 + minute * 60000 + 59999));
    }
    assert_true(fk_tally_message(&t, &a, 0, 1)); /* no limit */
    fk_tally_sweep(&t, 10000000);
    assert_int_equal(t.count, 0);
    fk_tally_free(&t);
}

static void as_many_clients_as_there_may_be_are_remembered(void **state) {
    (void)state;
    struct fk_tally t = {.count = 0};
    struct fk_peer p = peer_at("10.0.0.1");
    for (uint32_t i = 0; i < FK_TALLY_MAX + 1000; i++) {
        memcpy(p.bytes, &i, 4);
        assert_true(fk_tally_message(&t, &p, 1, 1));
    }
    assert_int_equal(t.count, FK_TALLY_MAX);
    fk_tally_sweep(&t, 100000);
    assert_int_equal(t.count, 0);
    fk_tally_free(&t);
}

/* ---- carried recipients */

static void an_address_carries_its_recipient(void **state) {
    (void)state;
    static const struct {
        const char *address;
        char separator;
        const char *carried; /* "": none */
    } cases[] = {
        {"archive+tanaka=example.jp@f.invalid", '+', "tanaka@example.jp"},
        {"archive+tanaka+tag=example.jp@f.invalid", '+', "tanaka+tag@example.jp"},
        {"archive+a=b=example.jp@f.invalid", '+', "a=b@example.jp"},
        {"archive-tanaka=example.jp@f.invalid", '-', "tanaka@example.jp"},
        {"archive+tanaka=example.jp", '+', "tanaka@example.jp"}, /* without a host */
        {"archive+\xe4\xbc\x9a=example.jp@f.invalid", '+', "\xe4\xbc\x9a@example.jp"},
        {"archive+\"a b\"=example.jp@f.invalid", '+', "\"a b\"@example.jp"},
        {"archive+tanaka=example.jp@f.invalid", '-', ""},
        {"archive@f.invalid", '+', ""},
        {"archive+@f.invalid", '+', ""},
        {"archive+tanaka@f.invalid", '+', ""},
        {"archive+=example.jp@f.invalid", '+', ""},
        {"archive+tanaka=@f.invalid", '+', ""},
        {"archive@f+tanaka=example.jp", '+', ""}, /* the host's */
        {"\"archive+tanaka=example.jp\"@f.invalid", '+', ""},
        {"@f.invalid", '+', ""},
        {"", '+', ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[200] = "";
        size_t n = fk_carried_recipient(cases[i].address, strlen(cases[i].address),
                                        cases[i].separator, out);
        if (n != strlen(cases[i].carried) || memcmp(out, cases[i].carried, n) != 0)
            fail_msg("%s: %.*s", cases[i].address, (int)n, out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_what_its_bits_say),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(a_header_is_whole_at_its_last_byte_and_not_before),
        cmocka_unit_test(what_deviates_is_no_header),
        cmocka_unit_test(a_proxy_that_speaks_for_itself_is_believed_to),
        cmocka_unit_test(so_many_connections_a_client_and_no_more),
        cmocka_unit_test(so_many_messages_a_minute_and_no_more),
        cmocka_unit_test(as_many_clients_as_there_may_be_are_remembered),
        cmocka_unit_test(an_address_carries_its_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
