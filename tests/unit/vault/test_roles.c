/* test_roles.c - what a socket of each role may ask of keep and lend, and that it may ask nothing
 * else. The program under test is what FUMIKURA names. */
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_priv.h"
#include "archiver/vault/lend_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "base/spawn.h"
#include "tests/unit/support/pens.h"
#include "tests/unit/support/vaults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;

static void the_receivers_socket_may_only_send_mail(void **state) {
    (void)state;
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_seqs seqs = {0};
    uint64_t last;
    pens_vault("");
    pid_t pid = pens_start("keep", "mail", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    assert_int_equal(pens_send(k, 7, 7, 100), FK_OK);
    r = pens_receipt(k);
    assert_int_equal(r.status, FK_OK);
    fk_seqs_add(&seqs, r.seq);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    assert_int_equal(fk_keep_seal(k, &last, &err), FK_DENIED);
    struct fk_record act = {.kind = "act", .fields = "what=show"};
    assert_int_equal(fk_keep_append(k, &act, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(pens_wait(pid), 0);
}

static void the_webs_socket_may_only_append_acts(void **state) {
    (void)state;
    static const char *const others[] = {"hold",    "release", "mail",   "dispose",
                                         "genesis", "seal",    "segment"};
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_seqs seqs = {0};
    pens_vault("");
    pid_t pid = pens_start("keep", "act", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    pens_append(k, "act", "what=search", "because");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i], .fields = ""};
        assert_int_equal(fk_keep_append(k, &record, &r, &err), FK_DENIED);
    }
    assert_int_equal(pens_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(pens_receipt(k).status, FK_DENIED);
    fk_seqs_add(&seqs, 1);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(pens_wait(pid), 0);
}

static void the_watchs_socket_may_only_append_facts_and_gaps(void **state) {
    (void)state;
    static const char *const others[] = {"act",    "hold",    "release", "class",
                                         "policy", "dispose", "export",  "admin"};
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    pens_vault("");
    pid_t pid = pens_start("keep", "watch", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    pens_append(k, "fact", "what=canary name=a result=arrived", NULL);
    pens_append(k, "gap", "from=a to=b why=stopped", NULL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i], .fields = ""};
        assert_int_equal(fk_keep_append(k, &record, &r, &err), FK_DENIED);
    }
    assert_int_equal(pens_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(pens_receipt(k).status, FK_DENIED);
    fk_keep_close(&k);
    assert_int_equal(pens_wait(pid), 0);
}

static void a_socket_may_only_append_facts_of_its_own_sort(void **state) {
    (void)state;
    static const struct {
        const char *role, *own;
    } roles[] = {{"scrub", "what=damaged segment=1 check=c256"},
                 {"watch", "what=canary name=a result=arrived"},
                 {"auth", "what=auth of=1"}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        int sock;
        struct fk_keep *k = NULL;
        struct fk_receipt r;
        pens_vault("");
        pid_t pid = pens_start("keep", roles[i].role, &sock);
        assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
        for (size_t n = 0; n < sizeof roles / sizeof *roles; n++) {
            struct fk_record record = {.kind = "fact", .fields = roles[n].own};
            assert_int_equal(fk_keep_append(k, &record, &r, &err), n == i ? FK_OK : FK_DENIED);
        }
        struct fk_record forged = {.kind = "fact", .fields = "what=destroyed of=1"};
        assert_int_equal(fk_keep_append(k, &forged, &r, &err), FK_DENIED);
        fk_keep_close(&k);
        assert_int_equal(pens_wait(pid), 0);
    }
}

static void the_checkers_socket_may_only_append_its_facts(void **state) {
    (void)state;
    static const struct {
        const char *kind, *fields;
    } others[] = {{"act", "what=show of=1"},  {"hold", ""},          {"anchor", "size=1"},
                  {"fact", "what=destroyed"}, {"fact", ""},          {"fact", "of=1"},
                  {"fact", "what=authority"}, {"admin", "what=auth"}};
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_seqs seqs = {0};
    pens_vault("");
    pid_t pid = pens_start("keep", "auth", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    pens_append(k, "fact", "what=auth of=1", "found");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i].kind, .fields = others[i].fields};
        if (fk_keep_append(k, &record, &r, &err) != FK_DENIED)
            fail_msg("%s %s was taken", others[i].kind, others[i].fields);
    }
    assert_int_equal(pens_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(pens_receipt(k).status, FK_DENIED);
    fk_seqs_add(&seqs, 1);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(pens_wait(pid), 0);
}

static void the_checkers_socket_is_given_mail_and_nothing_else(void **state) {
    (void)state;
    int sock;
    struct fk_lend *l = NULL;
    struct fk_content c = {.fd = -1};
    struct fk_sealed s = {.parts = 0};
    struct fk_verify_range range = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum;
    int fd = -1;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    const uint64_t seq = pens_receipt(k).seq;
    const uint64_t others[] = {pens_append(k, "hold", "", "a hold").seq,
                               pens_append(k, "act", "what=show of=1", "why").seq,
                               pens_append(k, "fact", "what=auth of=1", "found").seq};
    fk_keep_close(&k);
    pid_t pid = pens_start("lend", "auth", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    assert_int_equal(fk_lend_content(l, seq, 0, &c, &err), FK_OK);
    fk_content_free(&c);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (fk_lend_content(l, others[i], 0, &c, &err) != FK_DENIED)
            fail_msg("entry %llu was given", (unsigned long long)others[i]);
    assert_int_equal(fk_lend_sealed(l, seq, others[1], &s, &err), FK_DENIED);
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    assert_int_not_equal(fk_lend_verify(l, &range, NULL, NULL, NULL, &sum, &err), FK_OK);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

static void the_pens_own_kinds_cannot_be_asked_for(void **state) {
    (void)state;
    static const char *const own[] = {"genesis", "segment", "seal", "mail", "dispose", "nonsense"};
    static const char *const fields[] = {"c256=00",      "what=a what=b", "what=a  of=1", " what=a",
                                         "what=a\nof=1", "What=a",        "what=",        "what"};
    struct fk_receipt r;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        struct fk_record record = {.kind = own[i], .fields = ""};
        assert_int_equal(fk_keep_append(k, &record, &r, &err), FK_DENIED);
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct fk_record record = {.kind = "act", .fields = fields[i]};
        if (fk_keep_append(k, &record, &r, &err) != FK_INVALID)
            fail_msg("fields \"%s\" were taken", fields[i]);
    }
    fk_keep_close(&k);
}

static void a_content_is_given_only_against_an_act_that_names_it(void **state) {
    (void)state;
    int sock;
    struct fk_lend *l = NULL;
    struct fk_content c = {.fd = -1};
    struct fk_sealed s = {.parts = 0};
    uint64_t seq, other, hold, good, wrong_seq, wrong_what, no_list, in_clear, sealed;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    seq = pens_receipt(k).seq;
    assert_int_equal(pens_send(k, 2, 2, 100), FK_OK);
    other = pens_receipt(k).seq;
    hold = pens_append(k, "hold", "", "a hold").seq;
    good = pens_append(k, "act", "what=show of=1", "x").seq;
    wrong_seq = pens_append(k, "act", "what=show of=2", "x").seq;
    wrong_what = pens_append(k, "act", "what=tag of=1", "x").seq;
    no_list = pens_append(k, "act", "what=show", "x").seq;
    in_clear = pens_append(k, "act", "what=export form=plain of=1", "x").seq;
    sealed = pens_append(k, "act", "what=export form=sealed of=1", "x").seq;
    assert_true(seq == 1 && other == 2);
    fk_keep_close(&k);
    pid_t pid = pens_start("lend", "act", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    const uint64_t bad[] = {0, wrong_seq, wrong_what, no_list, hold, seq, 999999};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fk_lend_content(l, seq, bad[i], &c, &err) != FK_DENIED)
            fail_msg("act %llu was accepted", (unsigned long long)bad[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(fk_lend_sealed(l, seq, bad[i], &s, &err), FK_DENIED);
    assert_int_equal(fk_lend_sealed(l, seq, good, &s, &err), FK_DENIED); /* no key for a look */
    assert_int_equal(fk_lend_sealed(l, seq, in_clear, &s, &err), FK_DENIED);
    assert_int_equal(fk_lend_sealed(l, other, sealed, &s, &err), FK_DENIED);
    assert_int_equal(fk_lend_sealed(l, seq, sealed, &s, &err), FK_OK);
    fk_sealed_free(&s);
    pens_expect_mail(l, seq, good, 1, 100);
    assert_int_equal(fk_lend_content(l, other, good, &c, &err), FK_DENIED);
    assert_int_equal(fk_lend_content(l, hold, 0, &c, &err), FK_OK); /* rules are no secret */
    fk_content_free(&c);
    assert_int_equal(fk_lend_content(l, good, 0, &c, &err), FK_DENIED);
    int fd;
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

static void an_act_allows_nothing_after_a_day(void **state) {
    (void)state;
    struct fk_content c = {.fd = -1};
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    assert_int_equal(pens_receipt(k).seq, 1);
    uint64_t act = pens_append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    setenv("FUMIKURA_TEST_CLOCK", "+90000000", 1);
    struct fk_lend *l = pens_lend();
    unsetenv("FUMIKURA_TEST_CLOCK");
    assert_int_equal(fk_lend_content(l, 1, act, &c, &err), FK_DENIED);
    fk_lend_close(&l);
    l = pens_lend();
    pens_expect_mail(l, 1, act, 1, 100);
    fk_lend_close(&l);
}

static void the_indexers_socket_reads_contents_and_no_files(void **state) {
    (void)state;
    int sock, fd;
    struct fk_lend *l = NULL;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    pens_receipt(k);
    fk_keep_close(&k);
    pid_t pid = pens_start("lend", "index", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    pens_expect_mail(l, 1, 0, 1, 100);
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    assert_int_equal(fk_lend_segments(l, NULL, NULL, &err), FK_DENIED);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

static void the_logs_socket_reads_lines_and_no_content(void **state) {
    (void)state;
    int sock, fd;
    struct fk_lend *l = NULL;
    struct fk_head head, settled;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_content content = {.fd = -1};
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    pens_receipt(k);
    uint64_t act = pens_append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    pid_t pid = pens_start("lend", "log", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    assert_int_equal(fk_lend_settled_head(l, &settled, &err), FK_OK);
    assert_int_equal(head.next_seq, settled.next_seq);
    assert_int_equal(fk_lend_lines(l, 0, &lines, &err), FK_OK);
    assert_int_equal(fk_lend_content(l, 1, 0, &content, &err), FK_DENIED);
    assert_int_equal(fk_lend_content(l, 1, act, &content, &err), FK_DENIED);
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    fk_buf_free(&lines);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

/* The named socket of a server: whoever may connect to it still needs an act. */
static void the_named_socket_gives_no_content_without_an_act(void **state) {
    (void)state;
    char path[PATH_MAX + 16];
    struct fk_lend *l = NULL;
    struct fk_content content = {.fd = -1};
    pid_t pid;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    pens_receipt(k);
    uint64_t act = pens_append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    snprintf(path, sizeof path, "%s/run/lend.sock", pens_dir);
    const char *argv[] = {
        getenv("FUMIKURA_PROGRAM"), "-C", pens_dir, "lend", "--listen", path, NULL};
    assert_int_equal(fk_spawn(argv, NULL, 0, &pid, &err), FK_OK);
    for (int i = 0; i < 200 && access(path, F_OK) != 0; i++)
        usleep(20000);
    assert_int_equal(fk_lend_open(pens_dir, &l, &err), FK_OK);
    enum fk_status st = fk_lend_content(l, 1, 0, &content, &err);
    pens_expect_mail(l, 1, act, 1, 100);
    fk_lend_close(&l);
    assert_int_equal(kill(pid, SIGTERM), 0); /* before any claim fails: it would go on for ever */
    assert_int_equal(pens_wait(pid), 0);
    assert_int_equal(st, FK_DENIED);
}

static void the_importers_socket_sends_mail_and_leaves_a_file(void **state) {
    (void)state;
    static const char ok[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D";
    int sock;
    pens_vault("");
    pid_t pid = pens_start("keep", "import", &sock);
    int mail = pens_mail_file(1, 100, false);
    assert_int_equal(fk_memfile_seal(mail, &err), FK_OK);
    pens_raw(sock, FK_KEEP_TETHER, "", 0, mail);
    assert_int_equal(pens_answer(sock), FK_OK);
    pens_raw(sock, FK_KEEP_MAIL, ok, 23, mail);
    assert_int_equal(pens_answer(sock), FK_OK);
    pens_raw(sock, FK_KEEP_APPEND, "\0\0\0\3act\0\0\0\0", 11, -1);
    assert_int_equal(pens_answer(sock), FK_DENIED);
    pens_raw(sock, FK_KEEP_SEAL, "", 0, -1);
    assert_int_equal(pens_answer(sock), FK_DENIED);
    fk_close(&mail);
    fk_close(&sock);
    assert_int_equal(pens_wait(pid), 0);
}

int main(void) {
    pens_program();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_receivers_socket_may_only_send_mail),
        cmocka_unit_test(the_webs_socket_may_only_append_acts),
        cmocka_unit_test(the_watchs_socket_may_only_append_facts_and_gaps),
        cmocka_unit_test(a_socket_may_only_append_facts_of_its_own_sort),
        cmocka_unit_test(the_checkers_socket_may_only_append_its_facts),
        cmocka_unit_test(the_checkers_socket_is_given_mail_and_nothing_else),
        cmocka_unit_test(the_pens_own_kinds_cannot_be_asked_for),
        cmocka_unit_test(a_content_is_given_only_against_an_act_that_names_it),
        cmocka_unit_test(an_act_allows_nothing_after_a_day),
        cmocka_unit_test(the_indexers_socket_reads_contents_and_no_files),
        cmocka_unit_test(the_logs_socket_reads_lines_and_no_content),
        cmocka_unit_test(the_named_socket_gives_no_content_without_an_act),
        cmocka_unit_test(the_importers_socket_sends_mail_and_leaves_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
