/* test_keep.c - the keep and lend processes from the outside: rights, form, death, durability. The
 * program under test is what FUMIKURA names. */
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_priv.h"
#include "archiver/vault/lend_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "base/spawn.h"
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

static char dir[PATH_MAX];
static struct fk_err err;

/* ---- what tests share */

static void vault_make(const char *config) {
    char path[PATH_MAX + 32];
    snprintf(dir, sizeof dir, "%s", vault_new());
    snprintf(path, sizeof path, "%s/fumikura.conf", dir);
    assert_int_equal(fk_atomic_put(path, 0600, config, strlen(config), &err), FK_OK);
}

/* A process of its own with one socket of a role. */
static pid_t process_start(const char *name, const char *role, int *sock_out) {
    int pair[2];
    char socket[64];
    pid_t pid;
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    snprintf(socket, sizeof socket, "%s:%d", role, pair[1]);
    const char *argv[] = {getenv("FUMIKURA_PROGRAM"), "-C", dir, name, "--socket", socket, NULL};
    assert_int_equal(fk_spawn(argv, &pair[1], 1, &pid, &err), FK_OK);
    fk_close(&pair[1]);
    *sock_out = pair[0];
    return pid;
}

static int process_wait(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A memory file as fk_keep_send_mail wants it. */
static int mail_file(uint64_t seed, size_t len, bool bad_envelope) {
    struct fk_buf b = FK_BUF_INIT, fields = FK_BUF_INIT;
    int fd;
    vault_bytes(seed, &b, len);
    fk_fields_add_str(&fields, "via", "test");
    fk_envelope_finish(&b, &fields, bad_envelope ? len + 1 : len);
    assert_int_equal(fk_memfile_new("mail", &fd, &err), FK_OK);
    assert_int_equal(fk_write_full(fd, b.data, b.len, "memory", &err), FK_OK);
    fk_buf_free(&b);
    fk_buf_free(&fields);
    return fd;
}

/* FK_RETRY is a pen that has its hands full, or one that died a moment ago: so not for ever. */
static enum fk_status mail_send(struct fk_keep *k, uint32_t id, uint64_t seed, size_t len) {
    int fd = mail_file(seed, len, false);
    struct fk_mail m = {fd, len, "test", "P0D"};
    enum fk_status st = FK_RETRY;
    for (int i = 0; i < 2000 && st == FK_RETRY && (i == 0 || fk_keep_fd(k) >= 0); i++)
        if ((st = fk_keep_send_mail(k, id, &m, &err)) == FK_RETRY)
            usleep(1000);
    fk_close(&fd);
    return st;
}

static struct fk_receipt receipt_next(struct fk_keep *k) {
    struct fk_receipt r;
    if (fk_keep_next_receipt(k, 20000, &r, &err) != FK_OK)
        fail_msg("no receipt: %s", err.text);
    return r;
}

static struct fk_receipt append(struct fk_keep *k, const char *kind, const char *fields,
                                const char *reason) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_record record = {kind, fields, reason ? &body : NULL};
    if (reason)
        fk_fields_add_str(&body, "reason", reason);
    if (fk_keep_append(k, &record, &r, &err) != FK_OK)
        fail_msg("%s %s: %s", kind, fields, err.text);
    fk_buf_free(&body);
    return r;
}

static struct fk_keep *keep_open(void) {
    struct fk_keep *k = NULL;
    if (fk_keep_open(dir, &k, &err) != FK_OK)
        fail_msg("%s", err.text);
    return k;
}

static struct fk_lend *lend_open(void) {
    struct fk_lend *l = NULL;
    if (fk_lend_open(dir, &l, &err) != FK_OK)
        fail_msg("%s", err.text);
    return l;
}

static void content_is_mail(struct fk_lend *l, uint64_t seq, uint64_t act, uint64_t seed,
                            size_t len) {
    struct fk_content c = {.fd = -1};
    struct fk_envelope e;
    struct fk_buf expected = FK_BUF_INIT;
    if (fk_lend_content(l, seq, act, &c, &err) != FK_OK)
        fail_msg("%llu: %s", (unsigned long long)seq, err.text);
    assert_int_equal(fk_envelope_split(c.bytes, c.len, &e, &err), FK_OK);
    vault_bytes(seed, &expected, len);
    assert_int_equal(e.message_len, len);
    if (len)
        assert_memory_equal(e.message, expected.data, len);
    fk_content_free(&c);
    fk_content_free(&c);
    fk_buf_free(&expected);
}

/* ---- the way in and out */

static void what_is_sent_comes_back_byte_for_byte(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 4096, 70000, 1048560, 5 << 20, 9 << 20};
    enum { N = sizeof sizes / sizeof *sizes };
    uint64_t seq[N] = {0};
    vault_make("");
    struct fk_keep *k = keep_open();
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(mail_send(k, i, i, sizes[i]), FK_OK);
    for (size_t i = 0; i < N; i++) {
        struct fk_receipt r = receipt_next(k);
        assert_int_equal(r.status, FK_OK);
        assert_true(r.id < N && seq[r.id] == 0);
        assert_int_equal(strlen(r.c256), 64);
        seq[r.id] = r.seq;
    }
    struct fk_lend *l = lend_open();
    for (size_t i = 0; i < N; i++) {
        char fields[64];
        snprintf(fields, sizeof fields, "what=show of=%llu", (unsigned long long)seq[i]);
        content_is_mail(l, seq[i], append(k, "act", fields, "test").seq, i, sizes[i]);
    }
    fk_lend_close(&l);
    fk_keep_close(&k);
}

static void an_answer_awaited_does_not_lose_receipts(void **state) {
    (void)state;
    vault_make("");
    struct fk_keep *k = keep_open();
    bool seen[200] = {false};
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(mail_send(k, i, i, 300), FK_OK);
        if (i % 50 == 49)
            append(k, "act", "what=search", "in between");
    }
    for (int i = 0; i < 200; i++) {
        struct fk_receipt r = receipt_next(k);
        assert_true(r.id < 200 && !seen[r.id]);
        seen[r.id] = true;
        assert_int_equal(r.status, FK_OK);
    }
    struct fk_receipt r;
    assert_int_equal(fk_keep_next_receipt(k, 0, &r, &err), FK_RETRY);
    fk_keep_close(&k);
}

static void sealing_leaves_every_content_readable(void **state) {
    (void)state;
    vault_make("segment-size = \"1 MiB\"\n");
    struct fk_keep *k = keep_open();
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(mail_send(k, i, i, 200000), FK_OK); /* closes a segment now and then */
        assert_int_equal(receipt_next(k).status, FK_OK);
    }
    uint64_t last = 0, again = 0;
    assert_int_equal(fk_keep_seal(k, &last, &err), FK_OK);
    assert_true(last >= 3);
    assert_int_equal(fk_keep_seal(k, &again, &err), FK_OK);
    assert_int_equal(append(k, "act", "what=search", NULL).status, FK_OK);
    fk_keep_close(&k);
    struct fk_lend *l = lend_open();
    struct fk_head head;
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    int mails = 0;
    for (uint64_t seq = 0; seq < head.next_seq; seq++) {
        struct fk_buf line = FK_BUF_INIT;
        assert_int_equal(fk_lend_lines(l, seq, &line, &err), FK_OK);
        if (strstr(fk_buf_cstr(&line), " kind=mail ") < strchr(fk_buf_cstr(&line), '\n') &&
            strstr(fk_buf_cstr(&line), " kind=mail ")) {
            content_is_mail(l, seq, 0, mails, 200000);
            mails++;
        }
        fk_buf_free(&line);
    }
    assert_int_equal(mails, 30);
    fk_lend_close(&l);
}

/* ---- who may what */

static void the_receivers_socket_may_only_send_mail(void **state) {
    (void)state;
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_seqs seqs = {0};
    uint64_t last;
    vault_make("");
    pid_t pid = process_start("keep", "mail", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    assert_int_equal(mail_send(k, 7, 7, 100), FK_OK);
    r = receipt_next(k);
    assert_int_equal(r.status, FK_OK);
    fk_seqs_add(&seqs, r.seq);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    assert_int_equal(fk_keep_seal(k, &last, &err), FK_DENIED);
    struct fk_record act = {.kind = "act", .fields = "what=show"};
    assert_int_equal(fk_keep_append(k, &act, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(process_wait(pid), 0);
}

static void the_webs_socket_may_only_append_acts(void **state) {
    (void)state;
    static const char *const others[] = {"hold",    "release", "mail",   "dispose",
                                         "genesis", "seal",    "segment"};
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_seqs seqs = {0};
    vault_make("");
    pid_t pid = process_start("keep", "act", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    append(k, "act", "what=search", "because");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i], .fields = ""};
        assert_int_equal(fk_keep_append(k, &record, &r, &err), FK_DENIED);
    }
    assert_int_equal(mail_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(receipt_next(k).status, FK_DENIED);
    fk_seqs_add(&seqs, 1);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(process_wait(pid), 0);
}

static void the_watchs_socket_may_only_append_facts_and_gaps(void **state) {
    (void)state;
    static const char *const others[] = {"act",    "hold",    "release", "class",
                                         "policy", "dispose", "export",  "admin"};
    int sock;
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    vault_make("");
    pid_t pid = process_start("keep", "watch", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    append(k, "fact", "what=canary name=a result=arrived", NULL);
    append(k, "gap", "from=a to=b why=stopped", NULL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i], .fields = ""};
        assert_int_equal(fk_keep_append(k, &record, &r, &err), FK_DENIED);
    }
    assert_int_equal(mail_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(receipt_next(k).status, FK_DENIED);
    fk_keep_close(&k);
    assert_int_equal(process_wait(pid), 0);
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
        vault_make("");
        pid_t pid = process_start("keep", roles[i].role, &sock);
        assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
        for (size_t n = 0; n < sizeof roles / sizeof *roles; n++) {
            struct fk_record record = {.kind = "fact", .fields = roles[n].own};
            assert_int_equal(fk_keep_append(k, &record, &r, &err), n == i ? FK_OK : FK_DENIED);
        }
        struct fk_record forged = {.kind = "fact", .fields = "what=destroyed of=1"};
        assert_int_equal(fk_keep_append(k, &forged, &r, &err), FK_DENIED);
        fk_keep_close(&k);
        assert_int_equal(process_wait(pid), 0);
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
    vault_make("");
    pid_t pid = process_start("keep", "auth", &sock);
    assert_int_equal(fk_keep_attach(sock, &k, &err), FK_OK);
    append(k, "fact", "what=auth of=1", "found");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fk_record record = {.kind = others[i].kind, .fields = others[i].fields};
        if (fk_keep_append(k, &record, &r, &err) != FK_DENIED)
            fail_msg("%s %s was taken", others[i].kind, others[i].fields);
    }
    assert_int_equal(mail_send(k, 1, 1, 10), FK_OK);
    assert_int_equal(receipt_next(k).status, FK_DENIED);
    fk_seqs_add(&seqs, 1);
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "rule", NULL, &r, &err), FK_DENIED);
    fk_seqs_free(&seqs);
    fk_keep_close(&k);
    assert_int_equal(process_wait(pid), 0);
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
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    const uint64_t seq = receipt_next(k).seq;
    const uint64_t others[] = {append(k, "hold", "", "a hold").seq,
                               append(k, "act", "what=show of=1", "why").seq,
                               append(k, "fact", "what=auth of=1", "found").seq};
    fk_keep_close(&k);
    pid_t pid = process_start("lend", "auth", &sock);
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
    assert_int_equal(process_wait(pid), 0);
}

static void the_pens_own_kinds_cannot_be_asked_for(void **state) {
    (void)state;
    static const char *const own[] = {"genesis", "segment", "seal", "mail", "dispose", "nonsense"};
    static const char *const fields[] = {"c256=00",      "what=a what=b", "what=a  of=1", " what=a",
                                         "what=a\nof=1", "What=a",        "what=",        "what"};
    struct fk_receipt r;
    vault_make("");
    struct fk_keep *k = keep_open();
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
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    seq = receipt_next(k).seq;
    assert_int_equal(mail_send(k, 2, 2, 100), FK_OK);
    other = receipt_next(k).seq;
    hold = append(k, "hold", "", "a hold").seq;
    good = append(k, "act", "what=show of=1", "x").seq;
    wrong_seq = append(k, "act", "what=show of=2", "x").seq;
    wrong_what = append(k, "act", "what=tag of=1", "x").seq;
    no_list = append(k, "act", "what=show", "x").seq;
    in_clear = append(k, "act", "what=export form=plain of=1", "x").seq;
    sealed = append(k, "act", "what=export form=sealed of=1", "x").seq;
    assert_true(seq == 1 && other == 2);
    fk_keep_close(&k);
    pid_t pid = process_start("lend", "act", &sock);
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
    content_is_mail(l, seq, good, 1, 100);
    assert_int_equal(fk_lend_content(l, other, good, &c, &err), FK_DENIED);
    assert_int_equal(fk_lend_content(l, hold, 0, &c, &err), FK_OK); /* rules are no secret */
    fk_content_free(&c);
    assert_int_equal(fk_lend_content(l, good, 0, &c, &err), FK_DENIED);
    int fd;
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    fk_lend_close(&l);
    assert_int_equal(process_wait(pid), 0);
}

static void an_act_allows_nothing_after_a_day(void **state) {
    (void)state;
    struct fk_content c = {.fd = -1};
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    assert_int_equal(receipt_next(k).seq, 1);
    uint64_t act = append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    setenv("FUMIKURA_TEST_CLOCK", "+90000000", 1);
    struct fk_lend *l = lend_open();
    unsetenv("FUMIKURA_TEST_CLOCK");
    assert_int_equal(fk_lend_content(l, 1, act, &c, &err), FK_DENIED);
    fk_lend_close(&l);
    l = lend_open();
    content_is_mail(l, 1, act, 1, 100);
    fk_lend_close(&l);
}

static void the_indexers_socket_reads_contents_and_no_files(void **state) {
    (void)state;
    int sock, fd;
    struct fk_lend *l = NULL;
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    receipt_next(k);
    fk_keep_close(&k);
    pid_t pid = process_start("lend", "index", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    content_is_mail(l, 1, 0, 1, 100);
    assert_int_equal(fk_lend_segment_file(l, 1, &fd, &err), FK_DENIED);
    assert_int_equal(fk_lend_segments(l, NULL, NULL, &err), FK_DENIED);
    fk_lend_close(&l);
    assert_int_equal(process_wait(pid), 0);
}

static void the_logs_socket_reads_lines_and_no_content(void **state) {
    (void)state;
    int sock, fd;
    struct fk_lend *l = NULL;
    struct fk_head head, settled;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_content content = {.fd = -1};
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    receipt_next(k);
    uint64_t act = append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    pid_t pid = process_start("lend", "log", &sock);
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
    assert_int_equal(process_wait(pid), 0);
}

/* The named socket of a server: whoever may connect to it still needs an act. */
static void the_named_socket_gives_no_content_without_an_act(void **state) {
    (void)state;
    char path[PATH_MAX + 16];
    struct fk_lend *l = NULL;
    struct fk_content content = {.fd = -1};
    pid_t pid;
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    receipt_next(k);
    uint64_t act = append(k, "act", "what=show of=1", "x").seq;
    fk_keep_close(&k);
    snprintf(path, sizeof path, "%s/run/lend.sock", dir);
    const char *argv[] = {getenv("FUMIKURA_PROGRAM"), "-C", dir, "lend", "--listen", path, NULL};
    assert_int_equal(fk_spawn(argv, NULL, 0, &pid, &err), FK_OK);
    for (int i = 0; i < 200 && access(path, F_OK) != 0; i++)
        usleep(20000);
    assert_int_equal(fk_lend_open(dir, &l, &err), FK_OK);
    enum fk_status st = fk_lend_content(l, 1, 0, &content, &err);
    content_is_mail(l, 1, act, 1, 100);
    fk_lend_close(&l);
    assert_int_equal(kill(pid, SIGTERM), 0); /* before any claim fails: it would go on for ever */
    assert_int_equal(process_wait(pid), 0);
    assert_int_equal(st, FK_DENIED);
}

/* What a checkpoint is to cover is on the disk first; when that fails nothing is said to be. */
static void a_head_that_cannot_be_synced_is_not_settled(void **state) {
    (void)state;
    int sock;
    struct fk_lend *l = NULL;
    struct fk_head head;
    vault_make("");
    assert_int_equal(setenv("FUMIKURA_FAULT", "settle:1:eio", 1), 0);
    pid_t pid = process_start("lend", "log", &sock);
    assert_int_equal(unsetenv("FUMIKURA_FAULT"), 0);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    assert_int_equal(fk_lend_settled_head(l, &head, &err), FK_IO);
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    assert_int_equal(fk_lend_settled_head(l, &head, &err), FK_OK);
    fk_lend_close(&l);
    assert_int_equal(process_wait(pid), 0);
}

/* ---- form */

static void raw(int sock, uint16_t type, const char *payload, size_t len, int fd) {
    assert_int_equal(fk_frame_send(sock, type, 1, payload, len, fd, &err), FK_OK);
}

/* The answer to a raw request; FK_NOT_FOUND when the process hung up. */
static enum fk_status raw_answer(int sock) {
    struct fk_frame f = FK_FRAME_INIT;
    enum fk_status st;
    struct fk_reader r;
    while ((st = fk_frame_recv(sock, &f, &err)) == FK_OK && f.type == FK_KEEP_HELLO)
        ;
    if (st == FK_OK) {
        fk_reader_init(&r, f.payload.data, f.payload.len);
        st = (enum fk_status)fk_get_u32(&r);
    }
    fk_frame_free(&f);
    return st;
}

static void requests_that_are_none_are_refused_and_the_pen_lives(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        const char *payload;
        size_t len;
        enum fk_status expected; /* FK_NOT_FOUND: hung up on */
    } cases[] = {
        {"no such type", 99, "", 0, FK_NOT_FOUND},
        {"an answer as a request", FK_KEEP_RECEIPT, "", 0, FK_NOT_FOUND},
        {"empty mail", FK_KEEP_MAIL, "", 0, FK_INVALID},
        {"mail without a file", FK_KEEP_MAIL, "\0\0\0\0\0\0\0\0\0\0\0\4test\0\0\0\3P0D", 23,
         FK_INVALID},
        {"append with a length that lies", FK_KEEP_APPEND, "\xff\xff\xff\xff", 4, FK_INVALID},
        {"append with a long kind", FK_KEEP_APPEND,
         "\0\0\0\x28"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0\0\0",
         48, FK_INVALID},
        {"append with bytes left over", FK_KEEP_APPEND, "\0\0\0\3act\0\0\0\0x", 12, FK_INVALID},
        {"fields with a NUL", FK_KEEP_APPEND, "\0\0\0\3act\0\0\0\3a\0b", 14, FK_INVALID},
        {"dispose of nothing", FK_KEEP_DISPOSE, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1r", 17,
         FK_INVALID},
        {"dispose of no list", FK_KEEP_DISPOSE, "\0\0\0\3x-y\0\0\0\0\0\0\0\0\0\0\0\1r", 20,
         FK_INVALID},
        {"dispose without a rule", FK_KEEP_DISPOSE, "\0\0\0\1\x31\0\0\0\0\0\0\0\0\0\0\0\0", 17,
         FK_INVALID},
        {"dispose of what is not there", FK_KEEP_DISPOSE,
         "\0\0\0\3\x37\x37\x37\0\0\0\0\0\0\0\0\0\0\0\1r", 20, FK_INVALID},
        {"seal with a payload", FK_KEEP_SEAL, "x", 1, FK_INVALID},
    };
    vault_make("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int sock;
        pid_t pid = process_start("keep", "all", &sock);
        raw(sock, cases[i].type, cases[i].payload, cases[i].len, -1);
        enum fk_status got = raw_answer(sock);
        if (got != cases[i].expected)
            fail_msg("%s: answered %d", cases[i].name, (int)got);
        fk_close(&sock);
        if (process_wait(pid) != 0)
            fail_msg("%s: the pen died", cases[i].name);
    }
}

static void a_mail_file_is_held_to_its_form(void **state) {
    (void)state;
    static const char ok[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D";
    static const char long_one[] = "\0\0\0\0\0\0\7\x64\0\0\0\4test\0\0\0\3P0D";
    static const char bad_source[] = "\0\0\0\0\0\0\0\x64\0\0\0\4te t\0\0\0\3P0D";
    static const char bad_floor[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P D";
    static const char item[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D\0\0\0\x18"
                               "0123456789abcdef01234567";
    static const char bad_item[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D\0\0\0\x18"
                                   "0123456789abcdef0123456 ";
    static const char short_item[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D\0\0\0\x17"
                                     "0123456789abcdef0123456";
    int sock;
    vault_make("");
    pid_t pid = process_start("keep", "mail", &sock);
    int good = mail_file(1, 100, false), bad = mail_file(1, 100, true);
    raw(sock, FK_KEEP_MAIL, ok, 23, good); /* not sealed: it could change under our eyes */
    assert_int_equal(raw_answer(sock), FK_CORRUPT);
    assert_int_equal(fk_memfile_seal(good, &err), FK_OK);
    assert_int_equal(fk_memfile_seal(bad, &err), FK_OK);
    raw(sock, FK_KEEP_MAIL, ok, 23, bad); /* the envelope says one byte more */
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, long_one, 23, good);
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, bad_source, 23, good);
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, bad_floor, 23, good);
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, ok, 23, good);
    assert_int_equal(raw_answer(sock), FK_OK);
    raw(sock, FK_KEEP_MAIL, bad_item, 51, good);
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, short_item, 50, good);
    assert_int_equal(raw_answer(sock), FK_INVALID);
    raw(sock, FK_KEEP_MAIL, item, 51, good);
    assert_int_equal(raw_answer(sock), FK_OK);
    raw(sock, FK_KEEP_TETHER, "", 0, good); /* a receiver leaves nothing with the pen */
    assert_int_equal(raw_answer(sock), FK_DENIED);
    fk_close(&good);
    fk_close(&bad);
    fk_close(&sock);
    assert_int_equal(process_wait(pid), 0);
}

static void the_importers_socket_sends_mail_and_leaves_a_file(void **state) {
    (void)state;
    static const char ok[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D";
    int sock;
    vault_make("");
    pid_t pid = process_start("keep", "import", &sock);
    int mail = mail_file(1, 100, false);
    assert_int_equal(fk_memfile_seal(mail, &err), FK_OK);
    raw(sock, FK_KEEP_TETHER, "", 0, mail);
    assert_int_equal(raw_answer(sock), FK_OK);
    raw(sock, FK_KEEP_MAIL, ok, 23, mail);
    assert_int_equal(raw_answer(sock), FK_OK);
    raw(sock, FK_KEEP_APPEND, "\0\0\0\3act\0\0\0\0", 11, -1);
    assert_int_equal(raw_answer(sock), FK_DENIED);
    raw(sock, FK_KEEP_SEAL, "", 0, -1);
    assert_int_equal(raw_answer(sock), FK_DENIED);
    fk_close(&mail);
    fk_close(&sock);
    assert_int_equal(process_wait(pid), 0);
}

/* What a lock on the file says to whoever comes next. */
static void a_tether_is_held_until_the_last_is_kept(void **state) {
    (void)state;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/tether-XXXXXX", getenv("TEST_DIR"));
    int sock, file = mkostemp(path, O_CLOEXEC), good = mail_file(1, 100, false);
    static const char ok[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D";
    vault_make("");
    assert_int_equal(fk_memfile_seal(good, &err), FK_OK);
    assert_int_equal(flock(file, LOCK_EX), 0);
    pid_t pid = process_start("keep", "all", &sock);
    raw(sock, FK_KEEP_TETHER, "", 0, file);
    assert_int_equal(raw_answer(sock), FK_OK);
    raw(sock, FK_KEEP_TETHER, "", 0, file); /* one a socket */
    assert_int_equal(raw_answer(sock), FK_DENIED);
    fk_close(&file);
    file = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), -1);
    kill(pid, SIGSTOP);
    for (int i = 0; i < 50; i++)
        raw(sock, FK_KEEP_MAIL, ok, 23, good);
    fk_close(&sock);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), -1);
    kill(pid, SIGCONT);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_int_equal(process_wait(pid), 0);
    /* 0 is the genesis entry */
    struct fk_lend *lend;
    struct fk_head head;
    assert_int_equal(fk_lend_open(dir, &lend, &err), FK_OK);
    assert_int_equal(fk_lend_head(lend, &head, &err), FK_OK);
    assert_int_equal(head.next_seq, 51);
    fk_lend_close(&lend);
    fk_close(&good);
    fk_close(&file);
    unlink(path);
}

static void a_desk_hangs_up_on_what_is_no_request(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        size_t len;
    } cases[] = {{"no such type", 99, 0},
                 {"head with two numbers", FK_LEND_HEAD, 16},
                 {"lines without a number", FK_LEND_LINES, 0},
                 {"content with one number", FK_LEND_CONTENT, 8},
                 {"content with three", FK_LEND_CONTENT, 24}};
    vault_make("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int sock;
        pid_t pid = process_start("lend", "all", &sock);
        raw(sock, cases[i].type, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", cases[i].len,
            -1);
        if (raw_answer(sock) != FK_NOT_FOUND)
            fail_msg("%s: was answered", cases[i].name);
        fk_close(&sock);
        assert_int_equal(process_wait(pid), 0);
    }
}

static void over_the_cap_a_mail_is_refused_not_queued(void **state) {
    (void)state;
    int full = 0, kept = 0;
    vault_make("in-flight = \"1 MiB\"\n");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 100, 1, 2 << 20), FK_OK);
    assert_int_equal(receipt_next(k).status, FK_FULL);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(mail_send(k, i, 1, 400000), FK_OK);
    for (int i = 0; i < 20; i++) {
        struct fk_receipt r = receipt_next(k);
        assert_true(r.status == FK_OK || r.status == FK_FULL);
        *(r.status == FK_OK ? &kept : &full) += 1;
    }
    assert_true(kept >= 2);
    assert_int_equal(mail_send(k, 200, 1, 400000), FK_OK);
    assert_int_equal(receipt_next(k).status, FK_OK);
    fk_keep_close(&k);
}

/* ---- disposal */

static void a_disposal_is_refused_when_the_rules_have_changed(void **state) {
    (void)state;
    struct fk_seqs seqs = {0};
    struct fk_receipt r;
    struct fk_content c = {.fd = -1};
    vault_make("");
    struct fk_keep *k = keep_open();
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    uint64_t seq = receipt_next(k).seq;
    fk_seqs_add(&seqs, seq);
    uint64_t hold = append(k, "hold", "", "wait").seq;
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "short", NULL, &r, &err), FK_RETRY);
    struct fk_lend *l = lend_open();
    content_is_mail(l, seq, 0, 1, 100);
    assert_int_equal(fk_keep_dispose(k, &seqs, hold, "short", NULL, &r, &err), FK_OK);
    assert_true(r.seq > hold);
    assert_int_equal(fk_lend_content(l, seq, 0, &c, &err), FK_NOT_FOUND);
    assert_int_equal(fk_keep_dispose(k, &seqs, hold, "short", NULL, &r, &err), FK_OK);
    assert_int_equal(r.seq, 0); /* nothing was left to do */
    fk_seqs_free(&seqs);
    fk_lend_close(&l);
    fk_keep_close(&k);
}

/* ---- death */

static void a_pen_that_goes_away_tells_once_for_each_mail(void **state) {
    (void)state;
    int pair[2], again[2];
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    bool seen[3] = {false};
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    assert_int_equal(fk_keep_attach(pair[0], &k, &err), FK_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(mail_send(k, i, i, 10), FK_OK);
    assert_int_equal(fk_keep_next_receipt(k, 0, &r, &err), FK_RETRY);
    fk_close(&pair[1]);
    for (int i = 0; i < 3; i++) {
        r = receipt_next(k);
        assert_int_equal(r.status, FK_RETRY);
        assert_true(r.id < 3 && !seen[r.id]);
        seen[r.id] = true;
    }
    assert_int_equal(fk_keep_next_receipt(k, -1, &r, &err), FK_NOT_FOUND);
    assert_int_equal(fk_keep_fd(k), -1);
    assert_int_equal(mail_send(k, 9, 9, 10), FK_RETRY);
    struct fk_record act = {.kind = "act", .fields = "what=show"};
    assert_int_equal(fk_keep_append(k, &act, &r, &err), FK_RETRY);
    assert_int_equal(fk_frame_pair(again, &err), FK_OK);
    fk_keep_reattach(k, again[0]);
    assert_int_equal(mail_send(k, 10, 10, 10), FK_OK);
    assert_int_equal(fk_keep_next_receipt(k, 0, &r, &err), FK_RETRY);
    fk_close(&again[1]);
    fk_keep_close(&k);
}

static void a_new_socket_answers_the_old_ones_mail_first(void **state) {
    (void)state;
    int pair[2], again[2];
    struct fk_keep *k = NULL;
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    assert_int_equal(fk_frame_pair(again, &err), FK_OK);
    assert_int_equal(fk_keep_attach(pair[0], &k, &err), FK_OK);
    assert_int_equal(mail_send(k, 5, 5, 10), FK_OK);
    fk_keep_reattach(k, again[0]);
    assert_int_equal(mail_send(k, 6, 6, 10), FK_OK);
    struct fk_receipt r = receipt_next(k);
    assert_true(r.id == 5 && r.status == FK_RETRY);
    assert_int_equal(fk_keep_next_receipt(k, 0, &r, &err), FK_RETRY);
    fk_close(&pair[1]);
    fk_close(&again[1]);
    fk_keep_close(&k);
}

static void a_receipt_nobody_asked_for_ends_the_talk(void **state) {
    (void)state;
    int pair[2];
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    struct fk_buf b = FK_BUF_INIT;
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    assert_int_equal(fk_keep_attach(pair[0], &k, &err), FK_OK);
    fk_put_u32(&b, FK_OK);
    fk_put_u64(&b, 1);
    fk_put_cstr(&b, "");
    fk_put_cstr(&b, "");
    assert_int_equal(fk_frame_send(pair[1], FK_KEEP_RECEIPT, 77, b.data, b.len, -1, &err), FK_OK);
    assert_int_equal(fk_keep_next_receipt(k, 1000, &r, &err), FK_NOT_FOUND);
    fk_buf_free(&b);
    fk_close(&pair[1]);
    fk_keep_close(&k);
}

static void a_failed_sync_answers_all_and_ends_the_pen(void **state) {
    (void)state;
    struct fk_receipt r;
    vault_make("");
    setenv("FUMIKURA_FAULT", "txn-commit:2+:eio", 1);
    struct fk_keep *k = NULL;
    enum fk_status st = fk_keep_open(dir, &k, &err);
    unsetenv("FUMIKURA_FAULT");
    assert_int_equal(st, FK_OK);
    int kept = 0, failed = 0;
    for (uint32_t i = 0; i < 20 && mail_send(k, i, i, 100) == FK_OK; i++) {
        while ((st = fk_keep_next_receipt(k, 5000, &r, &err)) == FK_RETRY)
            ;
        if (st != FK_OK)
            break;
        if (r.status == FK_OK)
            kept++;
        else
            failed++;
        assert_true(r.status == FK_OK || r.status == FK_IO || r.status == FK_RETRY);
    }
    assert_int_equal(kept, 1);
    assert_true(failed >= 1);
    while (fk_keep_next_receipt(k, 5000, &r, &err) == FK_OK)
        assert_int_not_equal(r.status, FK_OK);
    fk_keep_close(&k);
    k = keep_open(); /* opens anew, and reads what is there */
    assert_int_equal(mail_send(k, 1, 1, 100), FK_OK);
    assert_int_equal(receipt_next(k).seq, 2);
    fk_keep_close(&k);
}

static void a_second_pen_is_told_so(void **state) {
    (void)state;
    struct fk_pen *pen = NULL;
    struct fk_pen_options options = FK_PEN_OPTIONS;
    int sock;
    struct fk_frame f = FK_FRAME_INIT;
    vault_make("");
    assert_int_equal(fk_pen_open(dir, &options, &pen, &err), FK_OK);
    pid_t pid = process_start("keep", "all", &sock);
    assert_int_equal(fk_frame_recv(sock, &f, &err), FK_OK);
    assert_int_equal(f.type, FK_KEEP_HELLO);
    struct fk_reader r;
    fk_reader_init(&r, f.payload.data, f.payload.len);
    assert_int_equal(fk_get_u32(&r), FK_RETRY);
    fk_frame_free(&f);
    fk_close(&sock);
    assert_int_equal(WEXITSTATUS(process_wait(pid)), 75);
    fk_pen_close(&pen);
}

static void a_vault_that_is_none_is_told_so(void **state) {
    (void)state;
    struct fk_keep *k = NULL;
    struct fk_lend *l = NULL;
    char path[PATH_MAX + 32];
    assert_int_equal(fk_keep_open("/nowhere", &k, &err), FK_NOT_FOUND);
    snprintf(dir, sizeof dir, "%s/foreign-XXXXXX", getenv("TEST_DIR"));
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/fumikura.conf", dir);
    assert_int_equal(fk_atomic_put(path, 0600, "", 0, &err), FK_OK);
    assert_int_not_equal(fk_keep_open(dir, &k, &err), FK_OK);
    assert_non_null(strstr(err.text, dir));
    assert_int_not_equal(fk_lend_open(dir, &l, &err), FK_OK);
    assert_non_null(strstr(err.text, dir));
}

static void neither_process_can_reach_the_network(void **state) {
    (void)state;
    vault_make("");
    static const char *const names[] = {"keep", "lend"};
    for (int i = 0; i < 2; i++) {
        int sock;
        char path[64], text[8192];
        struct fk_frame f = FK_FRAME_INIT;
        pid_t pid = process_start(names[i], "all", &sock);
        assert_int_equal(fk_frame_recv(sock, &f, &err), FK_OK); /* greeted: it has set itself up */
        snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, text, sizeof text - 1);
        assert_true(n > 0);
        text[n] = 0;
        fk_close(&fd);
        assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
        fk_frame_free(&f);
        fk_close(&sock);
        assert_int_equal(process_wait(pid), 0);
    }
}

int main(void) {
    const char *program = getenv("FUMIKURA");
    setenv("FUMIKURA_PROGRAM", program ? program : "build/test/fumikura", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_comes_back_byte_for_byte),
        cmocka_unit_test(an_answer_awaited_does_not_lose_receipts),
        cmocka_unit_test(sealing_leaves_every_content_readable),
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
        cmocka_unit_test(a_head_that_cannot_be_synced_is_not_settled),
        cmocka_unit_test(requests_that_are_none_are_refused_and_the_pen_lives),
        cmocka_unit_test(a_mail_file_is_held_to_its_form),
        cmocka_unit_test(the_importers_socket_sends_mail_and_leaves_a_file),
        cmocka_unit_test(a_tether_is_held_until_the_last_is_kept),
        cmocka_unit_test(a_desk_hangs_up_on_what_is_no_request),
        cmocka_unit_test(over_the_cap_a_mail_is_refused_not_queued),
        cmocka_unit_test(a_disposal_is_refused_when_the_rules_have_changed),
        cmocka_unit_test(a_pen_that_goes_away_tells_once_for_each_mail),
        cmocka_unit_test(a_new_socket_answers_the_old_ones_mail_first),
        cmocka_unit_test(a_receipt_nobody_asked_for_ends_the_talk),
        cmocka_unit_test(a_failed_sync_answers_all_and_ends_the_pen),
        cmocka_unit_test(a_second_pen_is_told_so),
        cmocka_unit_test(a_vault_that_is_none_is_told_so),
        cmocka_unit_test(neither_process_can_reach_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
