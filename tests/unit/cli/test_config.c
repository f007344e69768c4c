/* test_config.c - fumikura.conf: what is read, and what a wrong line is told. */
#include "base/atomic_file.h"
#include "base/io.h"
#include "cli/config.h"
#include "cli/config_value.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char path[PATH_MAX];

static enum fk_status load(const char *text, struct fk_config **out, struct fk_err *err) {
    assert_int_equal(fk_atomic_put(path, 0600, text, strlen(text), err), FK_OK);
    return fk_config_load(path, out, err);
}

struct wrong {
    const char *name, *text;
    int line;
    const char *says;
};
static const struct wrong wrong_lines[] = {
    {"unknown key", "# one\n# two\nsmpt = {\"127.0.0.1:1\"}\n", 3, "no such option 'smpt'"},
    {"comments do not move the line", "source = \"a\" # x\n\n# y\nconnections = \"0\"\n", 4,
     "connections is \"0\"; expected 1 to 65535"},
    {"number with letters", "connections = many\n", 1, "expected a whole number"},
    {"number too large", "connections = 99999999999999999999999\n", 1, "expected a whole number"},
    {"size without sense", "size-limit = \"big\"\n", 1, "expected a size such as \"64 MiB\""},
    {"size in decimal units", "size-limit = \"256 MB\"\n", 1, "expected a size"},
    {"size over 64 bits", "in-flight = \"99999999999 TiB\"\n", 1, "expected a size"},
    {"size too small", "segment-size = \"1 KiB\"\n", 1, "expected 1048576 to"},
    {"a space and no quotes", "source = new mail\n", 1, "stands in quotes"},
    {"time without unit", "index-time = \"20\"\n", 1, "expected a time such as \"20 s\""},
    {"period", "floor = \"7 years\"\n", 1, "expected an ISO 8601 period"},
    {"period out of order", "floor = \"P3M1Y\"\n", 1, "expected an ISO 8601 period"},
    {"empty period", "floor = \"P\"\n", 1, "expected an ISO 8601 period"},
    {"address without port", "smtp = {\"127.0.0.1\"}\n", 1, "smtp is \"127.0.0.1\"; expected an"},
    {"second address of a list", "smtp = {\"127.0.0.1:0\",\n  \"localhost:25\"}\n", 2,
     "smtp is \"localhost:25\""},
    {"port too large", "smtp = {\"127.0.0.1:65536\"}\n", 1, "expected an address"},
    {"IPv6 without brackets", "smtp = {\"::1:25\"}\n", 1, "expected an address"},
    {"empty unix path", "lmtp = {\"unix:\"}\n", 1, "expected an address"},
    {"web for all", "web = \"0.0.0.0:8025\"\n", 1, "expected a loopback address"},
    {"web on a socket", "web = \"unix:x\"\n", 1, "expected a loopback address"},
    {"source in capitals", "source = \"Mail\"\n", 1, "expected a name"},
    {"host name", "hostname = \"a b\"\n", 1, "expected a host name"},
    {"zone", "timezone = \"JST\"\n", 1, "expected an offset"},
    {"domain with an @", "domains = {\"b.example\",\n \"@c.example\"}\n", 2,
     "expected a domain such"},
    {"zone with 61 minutes", "timezone = \"+09:61\"\n", 1, "expected an offset"},
    {"day of the year", "fiscal-year-end = \"02-30\"\n", 1, "expected a month and day"},
    {"level", "compression = 20\n", 1, "expected 1 to 19"},
    {"no equal sign", "\ncompression 3\n", 2, "missing equal sign"},
    {"open quote", "source = \"mail\nfloor = \"P0D\"\n", 1, "a quote is not closed"},
    {"open list", "web = \"127.0.0.1:1\"\nsmtp = {\"127.0.0.1:1\"\n", 2, "expected a }"},
    {"open class", "class \"x\" {\n  period = \"P1Y\"\n", 1, "expected a }"},
    {"class without period", "class \"x\" {\n}\n", 2, "class \"x\" has no period"},
    {"class with a bad name", "class \"X y\" {\n period = \"P1Y\"\n}\n", 3, "expected a name"},
    {"class from nowhere", "class \"x\" {\n period = \"P1Y\"\n from = \"date\"\n}\n", 3,
     "\"received\" or \"fiscal-year-end\""},
    {"class twice", "class x {\n period = P1Y\n}\nclass x {\n period = P1Y\n}\n", 4, "'x'"},
    {"key of a class outside", "period = \"P1Y\"\n", 1, "no such option 'period'"},
    {"mail to no address", "\ncheckpoint-mail-to = {\"auditor\"}\n", 2,
     "expected a mail address such as \"auditor@example.jp\""},
    {"mail to a header", "checkpoint-mail-to = {\"a@b\\r\\nBcc: c@d\"}\n", 1,
     "expected a mail address"},
    {"mail from two", "checkpoint-mail-from = \"a@b,c@d\"\n", 1, "expected a mail address"},
    {"mail by HTTP", "checkpoint-mail-via = \"http://127.0.0.1\"\n", 1, "expected a mail server"},
    {"mail by a path", "checkpoint-mail-via = \"smtp://h:25/x\"\n", 1, "expected a mail server"},
    {"mail by a user", "checkpoint-mail-via = \"smtp://u:p@h\"\n", 1, "expected a mail server"},
    {"mail by no port", "checkpoint-mail-via = \"smtps://h:0\"\n", 1, "expected a mail server"},
    {"mail each second", "checkpoint-mail-interval = \"1 s\"\n", 1, "expected 60 to 2678400 s"},
    {"C comment", "/* x */\n", 1, "begin with #"},
    {"listener with a bad name", "listener \"A b\" {\n}\n", 2, "listener \"A b\": expected a name"},
    {"listener with a plain key's name", "listener smtp {\n}\n", 2, "not smtp or lmtp"},
    {"listener with a long name", "listener aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa {\n}\n", 2,
     "at most 31"},
    {"listener twice", "listener x {\n}\nlistener x {\n}\n", 3, "'x'"},
    {"listener's address", "listener x {\n address = {\"a:25\"}\n}\n", 2, "expected an address"},
    {"listener's protocol", "listener x {\n protocol = \"esmtp\"\n}\n", 2, "\"smtp\" or \"lmtp\""},
    {"listener's floor", "listener x {\n floor = \"7\"\n}\n", 2, "expected an ISO 8601 period"},
    {"listener's source", "listener x {\n source = \"A\"\n}\n", 2, "expected a name"},
    {"listener's TLS", "listener x {\n tls = \"on\"\n}\n", 2, "\"off\", \"starttls\""},
    {"TLS without a certificate", "listener x {\n tls = \"implicit\"\n key = \"k\"\n}\n", 4,
     "tls needs certificate and key"},
    {"CA without TLS", "listener x {\n client-ca = \"c\"\n}\n", 3, "client-ca needs tls"},
    {"clients without CA",
     "listener x {\n tls = starttls\n certificate = c\n key = k\n clients = {\"a\"}\n}\n", 6,
     "clients needs client-ca"},
    {"second network", "listener x {\n allow = {\"::1\",\n \"10.0.0.1/8\"}\n}\n", 3,
     "expected a network such as"},
    {"network of a name", "listener x {\n proxy = {\"localhost\"}\n}\n", 2, "expected a network"},
    {"journal", "listener x {\n journal = \"yes\"\n}\n", 2, "\"on\" or \"off\""},
    {"journal", "listener x {\n journal = \"listed\"\n}\n", 2, "allow alone names nobody"},
    {"journal-from", "journal-from = {\"mail.example.jp\"}\n", 1, "a network such as"},
    {"journal-from", "listener x {\n journal = \"on\"\n journal-from = {\"::1\"}\n}\n", 4,
     "expected one of the two"},
    {"mailbox without a host", "imap x {\n user = u\n password-file = p\n}\n", 4,
     "expected all three"},
    {"mailbox without a user", "imap x {\n host = h\n password-file = p\n}\n", 4,
     "lacks host, user"},
    {"mailbox without a password", "imap x {\n host = h\n user = u\n}\n", 4, "password-file"},
    {"mailbox of no name", "imap \"A B\" {\n}\n", 2, "expected a name"},
    {"mailbox in the clear", "imap x {\n tls = off\n}\n", 2, "\"implicit\" or \"starttls\""},
    {"port", "imap x {\n port = 65536\n}\n", 2, "expected 0 to 65535"},
    {"folder", "imap x {\n host = h\n user = u\n password-file = p\n folder = \"\"\n}\n", 6,
     "folder is empty"},
    {"deletion", "imap x {\n delete = yes\n}\n", 2, "\"on\" or \"off\""},
    {"separator", "listener x {\n carried-recipient = \"=\"\n}\n", 2, "\"+\", \"-\" or \"\""},
    {"rate", "listener x {\n peer-rate = -1\n}\n", 2, "expected a whole number"},
    {"key of a listener outside", "allow = {}\n", 1, "no such option 'allow'"},
    {"key of a class in a listener", "listener x {\n period = P1Y\n}\n", 2, "no such option"},
};

static void a_wrong_line_is_named_with_what_was_expected(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong_lines / sizeof *wrong_lines; i++) {
        const struct wrong *w = &wrong_lines[i];
        struct fk_config *config = NULL;
        struct fk_err err = FK_ERR_INIT;
        char place[PATH_MAX + 32];
        enum fk_status st = load(w->text, &config, &err);
        snprintf(place, sizeof place, "%s, line %d: ", path, w->line);
        if (st != FK_INVALID || strncmp(err.text, place, strlen(place)) != 0 ||
            !strstr(err.text, w->says))
            fail_msg("%s: status %d, says \"%s\"", w->name, (int)st, err.text);
        assert_null(config);
    }
}

static void the_example_has_every_key_with_its_default(void **state) {
    (void)state;
    struct fk_config *example = NULL, *empty = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT;
    char from[PATH_MAX];
    const char *root = getenv("ROOT");
    snprintf(from, sizeof from, "%s/fumikura.conf.example", root ? root : ".");
    assert_int_equal(fk_read_file(from, 1 << 20, &text, &err), FK_OK);
    if (load(fk_buf_cstr(&text), &example, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(load("", &empty, &err), FK_OK);
    assert_string_equal(example->smtp[0], empty->smtp[0]);
    assert_string_equal(example->lmtp[0], empty->lmtp[0]);
    assert_string_equal(example->web, empty->web);
    assert_string_equal(example->hostname, empty->hostname);
    assert_string_equal(example->source, empty->source);
    assert_string_equal(example->floor, empty->floor);
    assert_int_equal(example->size_limit, empty->size_limit);
    assert_int_equal(example->in_flight, empty->in_flight);
    assert_int_equal(example->connections, empty->connections);
    assert_int_equal(example->command_timeout_s, empty->command_timeout_s);
    assert_int_equal(example->data_timeout_s, empty->data_timeout_s);
    assert_int_equal(example->segment_size, empty->segment_size);
    assert_int_equal(example->disk_reserve, empty->disk_reserve);
    assert_int_equal(example->compression, empty->compression);
    assert_int_equal(example->index_workers, empty->index_workers);
    assert_int_equal(example->index_batch, empty->index_batch);
    assert_int_equal(example->index_time_s, empty->index_time_s);
    assert_int_equal(example->search_time_s, empty->search_time_s);
    assert_int_equal(example->index_memory, empty->index_memory);
    assert_null(example->mail_to[0]);
    assert_string_equal(example->mail_from, empty->mail_from);
    assert_string_equal(example->mail_via, empty->mail_via);
    assert_int_equal(example->mail_interval_s, empty->mail_interval_s);
    assert_int_equal(example->mail_retry_s, empty->mail_retry_s);
    assert_int_equal(example->zone_minutes, 540);
    assert_int_equal(empty->zone_minutes, 540);
    assert_int_equal(example->class_count, 0);
    static const char *const names[] = {"smtp",
                                        "lmtp",
                                        "hostname",
                                        "source",
                                        "floor",
                                        "size-limit",
                                        "connections",
                                        "in-flight",
                                        "data-timeout",
                                        "command-timeout",
                                        "segment-size",
                                        "compression",
                                        "disk-reserve",
                                        "index-batch",
                                        "index-workers",
                                        "checkpoint-mail-to",
                                        "checkpoint-mail-from",
                                        "checkpoint-mail-via",
                                        "checkpoint-mail-interval",
                                        "checkpoint-mail-retry",
                                        "index-time",
                                        "web",
                                        "search-time",
                                        "fiscal-year-end",
                                        "timezone",
                                        "index-memory"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(fk_buf_cstr(&text), names[i]))
            fail_msg("fumikura.conf.example does not mention %s", names[i]);
    fk_config_free(&example);
    fk_config_free(&empty);
    fk_buf_free(&text);
}

static void values_are_read_in_their_units(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    const char *text = "smtp = {\"0.0.0.0:25\", \"[::]:25\"}\nlmtp = {}\nsize-limit = 10MiB # ten\n"
                       "command-timeout = \"1 h\"\ntimezone = \"-03:30\"\nsource = \"a-#b\" \n";
    assert_int_equal(load(text, &c, &err), FK_INVALID); /* # inside quotes is the value's */
    assert_non_null(strstr(err.text, "line 6: source is \"a-#b\""));
    text = "smtp = {\"0.0.0.0:25\", \"[::]:25\"}\nlmtp = {}\nsize-limit = 10MiB # ten\n"
           "command-timeout = \"1 h\"\ntimezone = \"-03:30\"\n"
           "class \"long\" {\n  period = \"P10Y\"\n  from = \"fiscal-year-end\"\n}\n"
           "class \"short\" {\n  period = \"P1Y2M3D\"\n  source = \"sales\"\n}\n";
    if (load(text, &c, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_string_equal(c->smtp[1], "[::]:25");
    assert_null(c->smtp[2]);
    assert_null(c->lmtp[0]);
    assert_int_equal(c->size_limit, 10 << 20);
    assert_int_equal(c->command_timeout_s, 3600);
    assert_int_equal(c->zone_minutes, -210);
    assert_int_equal(c->class_count, 2);
    assert_string_equal(c->classes[0].name, "long");
    assert_string_equal(c->classes[0].from, "fiscal-year-end");
    assert_string_equal(c->classes[1].period, "P1Y2M3D");
    assert_string_equal(c->classes[1].from, "received");
    assert_string_equal(c->classes[1].source, "sales");
    fk_config_free(&c);
}

static void a_listener_has_its_own_ways(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (load("listener one {\n}\nlistener two {\n address = {\"[::]:25\", \"unix:run/two\"}\n"
             "protocol = \"lmtp\"\n source = \"border\"\n floor = \"P10Y\"\n tls = \"required\"\n"
             "certificate = \"tls/c.pem\"\n key = \"/etc/k.pem\"\n client-ca = \"ca.pem\"\n"
             "clients = {\"mta.example.jp\", \"AA:BB\"}\n allow = {\"192.0.2.0/24\", \"unix\"}\n"
             "journal = \"off\"\n proxy = {\"::1\"}\n xforward = {\"127.0.0.1\"}\n "
             "carried-recipient = \"+\"\n"
             "peer-connections = 3\n peer-rate = 60\n connection-messages = 100\n}\n",
             &c, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(c->listener_count, 2);
    const struct fk_config_listener *one = &c->listeners[0], *two = &c->listeners[1];
    assert_string_equal(one->name, "one");
    assert_null(one->address[0]);
    assert_string_equal(one->protocol, "smtp");
    assert_string_equal(one->tls, "off");
    assert_string_equal(one->journal, "off");
    assert_null(one->journal_from[0]);
    assert_string_equal(one->certificate, "");
    assert_string_equal(one->carried, "");
    assert_null(one->allow[0]);
    assert_int_equal(one->peer_connections, 0);
    char dir[PATH_MAX], expected[PATH_MAX + 32];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    snprintf(expected, sizeof expected, "unix:%s/run/two", dir);
    assert_string_equal(two->address[0], "[::]:25");
    assert_string_equal(two->address[1], expected);
    snprintf(expected, sizeof expected, "%s/tls/c.pem", dir);
    assert_string_equal(two->certificate, expected);
    assert_string_equal(two->key, "/etc/k.pem");
    assert_string_equal(two->clients[1], "AA:BB");
    assert_string_equal(two->allow[1], "unix");
    assert_string_equal(two->proxy[0], "::1");
    assert_string_equal(two->xforward[0], "127.0.0.1");
    assert_string_equal(two->floor, "P10Y");
    assert_string_equal(two->carried, "+");
    assert_int_equal(two->peer_rate, 60);
    assert_int_equal(two->connection_messages, 100);
    fk_config_free(&c);
}

/* The section stands in the example as a comment: with its marks taken away it must be one, with
 * defaults as the program has them. */
static void the_examples_listener_is_one(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT, section = FK_BUF_INIT;
    char from[PATH_MAX];
    const char *root = getenv("ROOT");
    snprintf(from, sizeof from, "%s/fumikura.conf.example", root ? root : ".");
    assert_int_equal(fk_read_file(from, 1 << 20, &text, &err), FK_OK);
    const char *line = strstr(fk_buf_cstr(&text), "# listener \"border\" {");
    assert_non_null(line);
    for (bool inside = true; inside; line = strchr(line, '\n') + 1) {
        fk_buf_add(&section, line + 1, strcspn(line, "\n"));
        inside = strncmp(line, "# }", 3) != 0;
    }
    fk_buf_str(&section, "listener \"empty\" {\n}\n");
    if (load(fk_buf_cstr(&section), &c, &err) != FK_OK)
        fail_msg("%s", err.text);
    const struct fk_config_listener *l = &c->listeners[0], *empty = &c->listeners[1];
    const char *const said[] = {l->protocol, l->source,  l->floor,   l->tls,
                                l->key,      l->journal, l->carried, l->client_ca};
    const char *const is[] = {empty->protocol, empty->source,  empty->floor,   empty->tls,
                              empty->key,      empty->journal, empty->carried, empty->client_ca};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        assert_string_equal(said[i], is[i]);
    static const char *const names[] = {"address",
                                        "protocol",
                                        "source",
                                        "floor",
                                        "tls",
                                        "certificate",
                                        "key",
                                        "client-ca",
                                        "clients",
                                        "allow",
                                        "journal",
                                        "journal-from",
                                        "proxy",
                                        "xforward",
                                        "carried-recipient",
                                        "peer-connections",
                                        "peer-rate",
                                        "connection-messages"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(fk_buf_cstr(&section), names[i]))
            fail_msg("the example's listener does not mention %s", names[i]);
    fk_config_free(&c);
    fk_buf_free(&text);
    fk_buf_free(&section);
}

static void a_mailbox_has_the_defaults_of_the_example(void **state) {
    (void)state;
    char from[PATH_MAX];
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT, section = FK_BUF_INIT;
    const char *root = getenv("ROOT");
    snprintf(from, sizeof from, "%s/fumikura.conf.example", root ? root : ".");
    assert_int_equal(fk_read_file(from, 1 << 20, &text, &err), FK_OK);
    const char *line = strstr(fk_buf_cstr(&text), "# imap \"google\" {");
    assert_non_null(line);
    for (bool inside = true; inside; line = strchr(line, '\n') + 1) {
        inside = strncmp(line, "# }", 3) != 0;
        if (!inside) /* what it needs */
            fk_buf_str(&section, " host = \"h\"\n user = \"u\"\n password-file = \"p\"\n");
        fk_buf_add(&section, line + 1, strcspn(line, "\n"));
    }
    fk_buf_str(&section, "imap \"least\" {\n host = h\n user = u\n password-file = p\n}\n");
    if (load(fk_buf_cstr(&section), &c, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(c->mailbox_count, 2);
    const struct fk_config_imap *all = &c->mailboxes[0], *least = &c->mailboxes[1];
    const char *const said[] = {all->host,    all->user,         all->folder, all->tls,
                                all->source,  all->floor,        all->ca,     all->delete_after,
                                all->journal, all->password_file};
    const char *const is[] = {
        least->host,  least->user, least->folder,       least->tls,     least->source,
        least->floor, least->ca,   least->delete_after, least->journal, least->password_file};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        assert_string_equal(said[i], is[i]);
    assert_int_equal(all->interval_s, least->interval_s);
    assert_int_equal(all->port, least->port);
    assert_int_equal(*all->password_file, '/');
    assert_string_equal(all->journal, "off");
    assert_string_equal(all->delete_after, "off");
    fk_config_free(&c);
    fk_buf_free(&text);
    fk_buf_free(&section);
}

static void a_socket_is_taken_from_the_vaults_directory(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    char expected[PATH_MAX], *dir = realpath(getenv("TEST_DIR"), NULL);
    snprintf(expected, sizeof expected, "unix:%s/run/l", dir);
    free(dir);
    assert_int_equal(load("lmtp = {\"unix:run/l\", \"unix:/abs\"}\n", &c, &err), FK_OK);
    assert_string_equal(c->lmtp[0], expected);
    assert_string_equal(c->lmtp[1], "unix:/abs");
    fk_config_free(&c);
}

static void a_socket_path_over_the_systems_limit_is_refused(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    char text[256];
    snprintf(text, sizeof text, "\nlmtp = {\"unix:/%0107d\"}\n", 1);
    assert_int_equal(load(text, &c, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "line 2: lmtp is"));
    assert_non_null(strstr(err.text, "has 108 bytes, and a socket's may have 107"));
    snprintf(text, sizeof text, "lmtp = {\"unix:/%0106d\"}\n", 1);
    assert_int_equal(load(text, &c, &err), FK_OK);
    fk_config_free(&c);
}

static void mail_to_somebody_wants_a_sender(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(load("checkpoint-mail-to = {\"a@b.jp\"}\n", &c, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "no checkpoint-mail-from"));
    const char *text =
        "checkpoint-mail-to = {\"a.b+c@d.jp\", \"e@f\"}\ncheckpoint-mail-from = g@h\n"
        "checkpoint-mail-via = \"smtp+starttls://[::1]:587\"\n";
    if (load(text, &c, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_string_equal(c->mail_to[0], "a.b+c@d.jp");
    assert_string_equal(c->mail_to[1], "e@f");
    assert_null(c->mail_to[2]);
    assert_string_equal(c->mail_via, "smtp+starttls://[::1]:587");
    assert_int_equal(c->mail_interval_s, 86400);
    assert_int_equal(c->mail_retry_s, 300);
    fk_config_free(&c);
}

static void a_missing_file_says_how_to_make_one(void **state) {
    (void)state;
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_config_load("/nowhere/fumikura.conf", &c, &err), FK_NOT_FOUND);
    assert_non_null(strstr(err.text, "fumikura init"));
}

static void loopback_is_told_from_the_rest(void **state) {
    (void)state;
    assert_true(fk_value_is_loopback("127.0.0.1:0"));
    assert_true(fk_value_is_loopback("127.8.8.8:80"));
    assert_true(fk_value_is_loopback("[::1]:80"));
    assert_false(fk_value_is_loopback("[::]:80"));
    assert_false(fk_value_is_loopback("127.0.0.1.example:80"));
    assert_false(fk_value_is_loopback("10.0.0.1:80"));
    assert_false(fk_value_is_loopback("unix:/127."));
}

int main(void) {
    const char *dir = getenv("TEST_DIR");
    snprintf(path, sizeof path, "%s/fumikura.conf", dir ? dir : "/tmp");
    char *whole = realpath(dir ? dir : "/tmp", NULL);
    snprintf(path, sizeof path, "%s/fumikura.conf", whole);
    free(whole);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_line_is_named_with_what_was_expected),
        cmocka_unit_test(the_example_has_every_key_with_its_default),
        cmocka_unit_test(values_are_read_in_their_units),
        cmocka_unit_test(a_listener_has_its_own_ways),
        cmocka_unit_test(the_examples_listener_is_one),
        cmocka_unit_test(a_mailbox_has_the_defaults_of_the_example),
        cmocka_unit_test(a_socket_is_taken_from_the_vaults_directory),
        cmocka_unit_test(a_socket_path_over_the_systems_limit_is_refused),
        cmocka_unit_test(mail_to_somebody_wants_a_sender),
        cmocka_unit_test(a_missing_file_says_how_to_make_one),
        cmocka_unit_test(loopback_is_told_from_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
