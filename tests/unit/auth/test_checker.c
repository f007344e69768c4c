/* test_checker.c - the boxed checker with answers of DNS that are given: no network. */
#include "archiver/auth/checker.h"
#include "archiver/auth/evidence.h"
#include "archiver/auth/protocol.h"
#include "archiver/auth/records.h"
#include "base/frame.h"
#include "base/io.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* After what it needs. */
#include <cmocka.h>

static struct fk_checker *checker;
static char program[PATH_MAX];

static int set_up(void **state) {
    (void)state;
    snprintf(program, sizeof program, "%s", getenv("FUMIKURA"));
    char *slash = strrchr(program, '/');
    assert_non_null(slash);
    snprintf(slash, sizeof program - (size_t)(slash - program), "/fumikura-authcheck");
    const struct fk_checker_options options = {
        .program = program, .seconds = 5, .memory_bytes = (size_t)256 << 20, .offline = true};
    struct fk_err err = FK_ERR_INIT;
    if (fk_checker_open(&options, &checker, &err) != FK_OK)
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    fk_checker_close(&checker);
    return 0;
}

static void submit(uint64_t id, const void *message, size_t len, const char *known) {
    struct fk_checker_job job = {.id = id, .len = len};
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_memfile_new("message", &job.fd, &err), FK_OK);
    assert_int_equal(fk_write_full(job.fd, message, len, "a message", &err), FK_OK);
    assert_int_equal(fk_memfile_seal(job.fd, &err), FK_OK);
    fk_buf_str(&job.known, known);
    if (fk_checker_submit(checker, &job, &err) != FK_OK)
        fail_msg("%s", err.text);
}

static void check(const char *message, const char *known, struct fk_checker_result *r) {
    struct fk_err err = FK_ERR_INIT;
    submit(7, message, strlen(message), known);
    if (fk_checker_wait(checker, 60000, r, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(r->id, 7);
}

/* The first line of a name, or "". */
static const char *line_of(struct fk_checker_result *r, const char *name) {
    static char out[1024];
    struct fk_fields it = fk_fields_begin(r->answer.data, r->answer.len);
    *out = 0;
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (fk_field_is(&f, name)) {
            snprintf(out, sizeof out, "%.*s", (int)f.value_len, f.value);
            break;
        }
    return out;
}

#define MAIL(from) "From: " from "\r\nTo: b@example.jp\r\nSubject: s\r\n\r\nbody\r\n"
#define CLIENT "time: 1795890217396\nclient: 192.0.2.1\nhelo: mx.sender.example\nmail-from: "
#define TXT(name, text) "dns: insecure ok TXT " name "\nrecord: " text "\n"
#define NO(name) "dns: insecure nxdomain TXT " name "\n"

static void spf_says_what_the_rfc_says(void **state) {
    (void)state;
    static const struct {
        const char *name, *known, *expected;
    } cases[] = {
        {"pass by address",
         CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 ip4:192.0.2.0/24 -all"),
         "pass sender.example"},
        {"fail", CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 ip4:198.51.100.1 -all"),
         "fail sender.example"},
        {"softfail", CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 ~all"),
         "softfail sender.example"},
        {"no record", CLIENT "a@sender.example\n" NO("sender.example"), "none sender.example"},
        {"include",
         CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 include:other.example -all")
             TXT("other.example", "v=spf1 ip4:192.0.2.1 -all"),
         "pass sender.example"},
        {"mx",
         CLIENT "a@sender.example\n" TXT(
             "sender.example",
             "v=spf1 mx -all") "dns: insecure ok MX sender.example\nrecord: 10 "
                               "mail.sender.example\n"
                               "dns: insecure ok A mail.sender.example\nrecord: 192.0.2.1\n",
         "pass sender.example"},
        {"null sender",
         "time: 1\nclient: 192.0.2.1\nhelo: mx.sender.example\nmail-from: \n" TXT(
             "mx.sender.example", "v=spf1 ip4:192.0.2.1 -all"),
         "pass mx.sender.example"},
        {"two records",
         CLIENT "a@sender.example\n"
                "dns: insecure ok TXT sender.example\nrecord: v=spf1 -all\nrecord: v=spf1 +all\n",
         "permerror sender.example"},
        {"DNS did not answer",
         CLIENT "a@sender.example\ndns: unchecked failed TXT sender.example\n",
         "temperror sender.example"},
        {"a bogus answer",
         CLIENT "a@sender.example\ndns: bogus ok TXT sender.example\nrecord: v=spf1 +all\n",
         "temperror sender.example"},
        {"an IPv6 client",
         "time: 1\nclient: 2001:db8::1\nhelo: h.example\nmail-from: a@sender.example\n" TXT(
             "sender.example", "v=spf1 ip6:2001:db8::/32 -all"),
         "pass sender.example"},
        {"includes itself",
         CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 include:sender.example -all"),
         "permerror sender.example"},
        {"a client of this machine",
         "time: 1\nclient: 127.0.0.1\nhelo: h.example\nmail-from: a@sender.example\n", ""},
        {"nobody knows the client", "time: 1\n", ""},
        {"it stood in a journal report",
         "inside: yes\n" CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 +all"),
         "none - not applicable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_checker_result r;
        check(MAIL("a@elsewhere.example"), cases[i].known, &r);
        const char *got = line_of(&r, "spf");
        if (r.unread || strncmp(got, cases[i].expected, strlen(cases[i].expected)) != 0 ||
            (!*cases[i].expected && *got))
            fail_msg("%s: expected \"%s\", got \"%s\" (%s)", cases[i].name, cases[i].expected, got,
                     r.unread ? r.unread : "read");
        fk_checker_result_free(&r);
    }
}

static void dmarc_wants_what_people_see_to_be_vouched_for(void **state) {
    (void)state;
    static const char spf_pass[] = CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 +all");
    static const struct {
        const char *name, *from, *record, *expected;
    } cases[] = {
        {"aligned", "x@sender.example", TXT("_dmarc.sender.example", "v=DMARC1; p=reject"),
         "pass sender.example reject spf"},
        {"a sub-domain, relaxed", "x@news.sender.example",
         NO("_dmarc.news.sender.example")
             TXT("_dmarc.sender.example", "v=DMARC1; p=none; sp=quarantine"),
         "pass news.sender.example quarantine spf"},
        {"a sub-domain, strict", "x@news.sender.example",
         NO("_dmarc.news.sender.example")
             TXT("_dmarc.sender.example", "v=DMARC1; p=reject; aspf=s"),
         "fail news.sender.example reject -"},
        {"another domain", "x@bank.example", TXT("_dmarc.bank.example", "v=DMARC1; p=reject"),
         "fail bank.example reject -"},
        {"neighbours below a public suffix", "x@other.co.jp",
         TXT("_dmarc.other.co.jp", "v=DMARC1; p=quarantine"), "fail other.co.jp quarantine -"},
        {"a public suffix of two words is no organization", "x@b.c.kawasaki.jp",
         TXT("_dmarc.b.c.kawasaki.jp", "v=DMARC1; p=reject"), "fail b.c.kawasaki.jp reject -"},
        {"no policy", "x@sender.example", NO("_dmarc.sender.example"), "none sender.example - -"},
        {"two policies", "x@sender.example",
         "dns: insecure ok TXT _dmarc.sender.example\nrecord: v=DMARC1; p=none\nrecord: v=DMARC1; "
         "p=reject\n",
         "none sender.example - -"},
        {"a broken policy", "x@sender.example", TXT("_dmarc.sender.example", "v=DMARC1; p=bob"),
         "permerror sender.example - -"},
        {"DNS did not answer", "x@sender.example",
         "dns: unchecked failed TXT _dmarc.sender.example\n", "temperror sender.example - -"},
        {"two in From", "a@sender.example, b@bank.example", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_checker_result r;
        char mail[400], known[2000];
        snprintf(mail, sizeof mail, "From: %s\r\n\r\nbody\r\n", cases[i].from);
        snprintf(known, sizeof known, "%s%s", spf_pass, cases[i].record);
        check(mail, known, &r);
        const char *got = line_of(&r, "dmarc");
        if (r.unread || strcmp(got, cases[i].expected) != 0)
            fail_msg("%s: expected \"%s\", got \"%s\" (%s)", cases[i].name, cases[i].expected, got,
                     r.unread ? r.unread : "read");
        fk_checker_result_free(&r);
    }
}

/* libopendmarc 1.4.2 has "com" for both of them. */
static void neighbours_are_strangers(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"x.com", "y.com"},
                                           {"x.co.jp", "y.co.jp"},
                                           {"a.x.com", "x.com"},
                                           {"a.c.kawasaki.jp", "b.c.kawasaki.jp"}};
    static const char *const expected[] = {"fail", "fail", "pass", "fail"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct fk_checker_result r;
        char mail[200], known[600];
        snprintf(mail, sizeof mail, "From: a@%s\r\n\r\nbody\r\n", pairs[i][1]);
        snprintf(known, sizeof known,
                 CLIENT "a@%s\ndns: insecure ok TXT %s\nrecord: v=spf1 +all\n"
                        "dns: insecure ok TXT _dmarc.%s\nrecord: v=DMARC1; p=none\n",
                 pairs[i][0], pairs[i][0], pairs[i][1]);
        check(mail, known, &r);
        if (strncmp(line_of(&r, "dmarc"), expected[i], 4) != 0)
            fail_msg("%s for %s: %s", pairs[i][0], pairs[i][1], line_of(&r, "dmarc"));
        fk_checker_result_free(&r);
    }
}

static void two_from_fields_say_nothing(void **state) {
    (void)state;
    struct fk_checker_result r;
    check("From: a@sender.example\r\nFrom: b@bank.example\r\n\r\nx\r\n", "time: 1\n", &r);
    assert_string_equal(line_of(&r, "dmarc"), "");
    fk_checker_result_free(&r);
}

static void a_message_that_kills_or_holds_it_is_given_back(void **state) {
    (void)state;
    static const struct {
        const char *message, *unread;
    } cases[] = {
        {"X-Fumikura-Auth-Test: crash\r\nFrom: a@b.example\r\n\r\n", "crash"},
        {"X-Fumikura-Auth-Test: hog\r\nFrom: a@b.example\r\n\r\n", "crash"},
        {"X-Fumikura-Auth-Test: spin\r\nFrom: a@b.example\r\n\r\n", "time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_checker_result r;
        check(cases[i].message, "time: 1\n", &r);
        assert_non_null(r.unread);
#ifdef __SANITIZE_ADDRESS__ /* no limit on memory there: it ends by its time */
        assert_true(strcmp(r.unread, cases[i].unread) == 0 || strcmp(r.unread, "time") == 0);
#else
        assert_string_equal(r.unread, cases[i].unread);
#endif
        assert_int_equal(r.answer.len, 0);
        fk_checker_result_free(&r);
        /* The next one does not notice. */
        check(MAIL("a@sender.example"),
              CLIENT "a@sender.example\n" TXT("sender.example", "v=spf1 +all"), &r);
        assert_null(r.unread);
        assert_string_equal(line_of(&r, "spf"), "pass sender.example");
        fk_checker_result_free(&r);
    }
}

#define BYTES(text) text, sizeof text - 1
static void odd_messages_are_read(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {BYTES("")},
        {BYTES("\n")},
        {BYTES("\r\n")},
        {BYTES("\0\0\0")},
        {BYTES("no header at all")},
        {BYTES("From:\r\n\r\n")},
        {BYTES(":::\r\n : \r\n\r\n")},
        {BYTES("From: <\r\n\r\n")},
        {BYTES("DKIM-Signature:\r\n\r\n")},
        {BYTES("DKIM-Signature: v=1; a=rsa-sha256; d=; s=; b=; bh=; h=\r\n\r\n")},
        {BYTES("DKIM-Signature: v=1; d=../etc; s=a b; a=rsa-sha256; b=AA; bh=AA; h=from\r\nFrom: "
               "a@b.c\r\n\r\n")},
        {BYTES("From: a@b\xff\xfe.example\r\n\r\n")},
        {BYTES("\r\r\r\n\n\n")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_checker_result r;
        struct fk_err err = FK_ERR_INIT;
        submit(7, cases[i].bytes, cases[i].len, "time: 1\n");
        assert_int_equal(fk_checker_wait(checker, 60000, &r, &err), FK_OK);
        if (r.unread)
            fail_msg("message %zu: %s", i, r.unread);
        fk_checker_result_free(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spf_says_what_the_rfc_says),
        cmocka_unit_test(dmarc_wants_what_people_see_to_be_vouched_for),
        cmocka_unit_test(neighbours_are_strangers),
        cmocka_unit_test(two_from_fields_say_nothing),
        cmocka_unit_test(a_message_that_kills_or_holds_it_is_given_back),
        cmocka_unit_test(odd_messages_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
