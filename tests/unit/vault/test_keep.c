/* test_keep.c - the keep and lend processes from the outside: form, disposal, death, durability.
 * The program under test is what FUMIKURA names. */
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

/* ---- the way in and out */

static void what_is_sent_comes_back_byte_for_byte(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 4096, 70000, 1048560, 5 << 20, 9 << 20};
    enum { N = sizeof sizes / sizeof *sizes };
    uint64_t seq[N] = {0};
    pens_vault("");
    struct fk_keep *k = pens_keep();
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(pens_send(k, i, i, sizes[i]), FK_OK);
    for (size_t i = 0; i < N; i++) {
        struct fk_receipt r = pens_receipt(k);
        assert_int_equal(r.status, FK_OK);
        assert_true(r.id < N && seq[r.id] == 0);
        assert_int_equal(strlen(r.c256), 64);
        seq[r.id] = r.seq;
    }
    struct fk_lend *l = pens_lend();
    for (size_t i = 0; i < N; i++) {
        char fields[64];
        snprintf(fields, sizeof fields, "what=show of=%llu", (unsigned long long)seq[i]);
        pens_expect_mail(l, seq[i], pens_append(k, "act", fields, "test").seq, i, sizes[i]);
    }
    fk_lend_close(&l);
    fk_keep_close(&k);
}

static void an_answer_awaited_does_not_lose_receipts(void **state) {
    (void)state;
    pens_vault("");
    struct fk_keep *k = pens_keep();
    bool seen[200] = {false};
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(pens_send(k, i, i, 300), FK_OK);
        if (i % 50 == 49)
            pens_append(k, "act", "what=search", "in between");
    }
    for (int i = 0; i < 200; i++) {
        struct fk_receipt r = pens_receipt(k);
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
    pens_vault("segment-size = \"1 MiB\"\n");
    struct fk_keep *k = pens_keep();
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(pens_send(k, i, i, 200000), FK_OK); /* closes a segment now and then */
        assert_int_equal(pens_receipt(k).status, FK_OK);
    }
    uint64_t last = 0, again = 0;
    assert_int_equal(fk_keep_seal(k, &last, &err), FK_OK);
    assert_true(last >= 3);
    assert_int_equal(fk_keep_seal(k, &again, &err), FK_OK);
    assert_int_equal(pens_append(k, "act", "what=search", NULL).status, FK_OK);
    fk_keep_close(&k);
    struct fk_lend *l = pens_lend();
    struct fk_head head;
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    int mails = 0;
    for (uint64_t seq = 0; seq < head.next_seq; seq++) {
        struct fk_buf line = FK_BUF_INIT;
        assert_int_equal(fk_lend_lines(l, seq, &line, &err), FK_OK);
        if (strstr(fk_buf_cstr(&line), " kind=mail ") < strchr(fk_buf_cstr(&line), '\n') &&
            strstr(fk_buf_cstr(&line), " kind=mail ")) {
            pens_expect_mail(l, seq, 0, mails, 200000);
            mails++;
        }
        fk_buf_free(&line);
    }
    assert_int_equal(mails, 30);
    fk_lend_close(&l);
}

/* ---- form */

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
    pens_vault("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int sock;
        pid_t pid = pens_start("keep", "all", &sock);
        pens_raw(sock, cases[i].type, cases[i].payload, cases[i].len, -1);
        enum fk_status got = pens_answer(sock);
        if (got != cases[i].expected)
            fail_msg("%s: answered %d", cases[i].name, (int)got);
        fk_close(&sock);
        if (pens_wait(pid) != 0)
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
    pens_vault("");
    pid_t pid = pens_start("keep", "mail", &sock);
    int good = pens_mail_file(1, 100, false), bad = pens_mail_file(1, 100, true);
    pens_raw(sock, FK_KEEP_MAIL, ok, 23, good); /* not sealed: it could change under our eyes */
    assert_int_equal(pens_answer(sock), FK_CORRUPT);
    assert_int_equal(fk_memfile_seal(good, &err), FK_OK);
    assert_int_equal(fk_memfile_seal(bad, &err), FK_OK);
    pens_raw(sock, FK_KEEP_MAIL, ok, 23, bad); /* the envelope says one byte more */
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, long_one, 23, good);
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, bad_source, 23, good);
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, bad_floor, 23, good);
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, ok, 23, good);
    assert_int_equal(pens_answer(sock), FK_OK);
    pens_raw(sock, FK_KEEP_MAIL, bad_item, 51, good);
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, short_item, 50, good);
    assert_int_equal(pens_answer(sock), FK_INVALID);
    pens_raw(sock, FK_KEEP_MAIL, item, 51, good);
    assert_int_equal(pens_answer(sock), FK_OK);
    pens_raw(sock, FK_KEEP_TETHER, "", 0, good); /* a receiver leaves nothing with the pen */
    assert_int_equal(pens_answer(sock), FK_DENIED);
    fk_close(&good);
    fk_close(&bad);
    fk_close(&sock);
    assert_int_equal(pens_wait(pid), 0);
}

/* What a lock on the file says to whoever comes next. */
static void a_tether_is_held_until_the_last_is_kept(void **state) {
    (void)state;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/tether-XXXXXX", getenv("TEST_DIR"));
    int sock, file = mkostemp(path, O_CLOEXEC), good = pens_mail_file(1, 100, false);
    static const char ok[] = "\0\0\0\0\0\0\0\x64\0\0\0\4test\0\0\0\3P0D";
    pens_vault("");
    assert_int_equal(fk_memfile_seal(good, &err), FK_OK);
    assert_int_equal(flock(file, LOCK_EX), 0);
    pid_t pid = pens_start("keep", "all", &sock);
    pens_raw(sock, FK_KEEP_TETHER, "", 0, file);
    assert_int_equal(pens_answer(sock), FK_OK);
    pens_raw(sock, FK_KEEP_TETHER, "", 0, file); /* one a socket */
    assert_int_equal(pens_answer(sock), FK_DENIED);
    fk_close(&file);
    file = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), -1);
    kill(pid, SIGSTOP);
    for (int i = 0; i < 50; i++)
        pens_raw(sock, FK_KEEP_MAIL, ok, 23, good);
    fk_close(&sock);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), -1);
    kill(pid, SIGCONT);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_int_equal(pens_wait(pid), 0);
    /* 0 is the genesis entry */
    struct fk_lend *lend;
    struct fk_head head;
    assert_int_equal(fk_lend_open(pens_dir, &lend, &err), FK_OK);
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
    pens_vault("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int sock;
        pid_t pid = pens_start("lend", "all", &sock);
        pens_raw(sock, cases[i].type, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                 cases[i].len, -1);
        if (pens_answer(sock) != FK_NOT_FOUND)
            fail_msg("%s: was answered", cases[i].name);
        fk_close(&sock);
        assert_int_equal(pens_wait(pid), 0);
    }
}

static void over_the_cap_a_mail_is_refused_not_queued(void **state) {
    (void)state;
    int full = 0, kept = 0;
    pens_vault("in-flight = \"1 MiB\"\n");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 100, 1, 2 << 20), FK_OK);
    assert_int_equal(pens_receipt(k).status, FK_FULL);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(pens_send(k, i, 1, 400000), FK_OK);
    for (int i = 0; i < 20; i++) {
        struct fk_receipt r = pens_receipt(k);
        assert_true(r.status == FK_OK || r.status == FK_FULL);
        *(r.status == FK_OK ? &kept : &full) += 1;
    }
    assert_true(kept >= 2);
    assert_int_equal(pens_send(k, 200, 1, 400000), FK_OK);
    assert_int_equal(pens_receipt(k).status, FK_OK);
    fk_keep_close(&k);
}

/* ---- disposal */

static void a_disposal_is_refused_when_the_rules_have_changed(void **state) {
    (void)state;
    struct fk_seqs seqs = {0};
    struct fk_receipt r;
    struct fk_content c = {.fd = -1};
    pens_vault("");
    struct fk_keep *k = pens_keep();
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    uint64_t seq = pens_receipt(k).seq;
    fk_seqs_add(&seqs, seq);
    uint64_t hold = pens_append(k, "hold", "", "wait").seq;
    assert_int_equal(fk_keep_dispose(k, &seqs, 0, "short", NULL, &r, &err), FK_RETRY);
    struct fk_lend *l = pens_lend();
    pens_expect_mail(l, seq, 0, 1, 100);
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

/* ---- asked for ahead */

static void what_was_asked_for_ahead_is_what_is_given(void **state) {
    (void)state;
    int sock;
    struct fk_lend *l = NULL;
    struct fk_head head;
    struct fk_content c = {.fd = -1};
    pens_vault("");
    struct fk_keep *k = pens_keep();
    uint64_t seq[6];
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(pens_send(k, i, i, 100 + i), FK_OK);
        seq[i] = pens_receipt(k).seq;
    }
    fk_keep_close(&k);
    pid_t pid = pens_start("lend", "index", &sock);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    for (uint32_t i = 0; i < 6; i++) /* too many: the first ones are let go */
        fk_lend_content_soon(l, seq[i], 0);
    for (uint32_t i = 0; i < 6; i++)
        pens_expect_mail(l, seq[i], 0, i, 100 + i);
    for (uint32_t i = 0; i < 4; i++)
        fk_lend_content_soon(l, seq[i], 0);
    pens_expect_mail(l, seq[0], 0, 0, 100);
    pens_expect_mail(l, seq[2], 0, 2, 102); /* not the next */
    pens_expect_mail(l, seq[1], 0, 1, 101);
    fk_lend_content_soon(l, seq[3], 0);
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    assert_true(head.next_seq == seq[5] + 1);
    pens_expect_mail(l, seq[3], 0, 3, 103);
    fk_lend_content_soon(l, seq[4], 0);
    fk_lend_content_soon(l, 999999, 0);
    fk_lend_content_soon(l, seq[5], 0);
    pens_expect_mail(l, seq[4], 0, 4, 104);
    assert_int_equal(fk_lend_content(l, 999999, 0, &c, &err), FK_NOT_FOUND);
    pens_expect_mail(l, seq[5], 0, 5, 105);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

/* The test is the desk: two are asked for before the first is taken, and neither once more. */
static void a_content_asked_for_ahead_is_asked_for_once(void **state) {
    (void)state;
    int pair[2];
    struct fk_lend *l = NULL;
    struct fk_content c;
    struct fk_frame f = FK_FRAME_INIT;
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    assert_int_equal(fk_lend_attach(pair[0], &l, &err), FK_OK);
    fk_lend_content_soon(l, 5, 0);
    fk_lend_content_soon(l, 6, 0);
    for (uint64_t i = 0; i < 2; i++) {
        const int file = pens_mail_file(i, 40, false);
        assert_int_equal(fk_memfile_seal(file, &err), FK_OK);
        assert_int_equal(fk_frame_recv(pair[1], &f, &err), FK_OK);
        assert_int_equal(f.type, FK_LEND_CONTENT);
        assert_int_equal(f.payload.data[7], 5 + i);
        assert_int_equal(fk_frame_send(pair[1], FK_LEND_FILE, f.id, NULL, 0, file, &err), FK_OK);
        assert_int_equal(close(file), 0);
    }
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(fk_lend_content(l, 5 + i, 0, &c, &err), FK_OK);
        fk_content_free(&c);
    }
    assert_int_equal(recv(pair[1], &(char){0}, 1, MSG_DONTWAIT), -1);
    /* Nor where something else is asked between, and the later one first; what fails alone is. */
    for (uint64_t i = 0; i < 3; i++)
        fk_lend_content_soon(l, 15 + i, 0);
    for (uint64_t i = 0; i < 3; i++) {
        const int file = pens_mail_file(i, 40 + i, false);
        assert_int_equal(fk_memfile_seal(file, &err), FK_OK);
        assert_int_equal(fk_frame_recv(pair[1], &f, &err), FK_OK);
        const bool fails = i == 1;
        assert_int_equal(fk_frame_send(pair[1], fails ? FK_LEND_FAIL : FK_LEND_FILE, f.id, NULL, 0,
                                       fails ? -1 : file, &err),
                         FK_OK);
        assert_int_equal(close(file), 0);
    }
    struct fk_buf b = FK_BUF_INIT;
    struct fk_head head;
    fk_put_u64(&b, 99);
    for (int i = 0; i < 32 + 8 + 8; i++)
        fk_put_u8(&b, 0);
    fk_put_cstr(&b, "id");
    assert_int_equal(fk_frame_send(pair[1], FK_LEND_IS_HEAD, f.id + 1, b.data, b.len, -1, &err),
                     FK_OK);
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    assert_true(head.next_seq == 99);
    assert_int_equal(fk_frame_recv(pair[1], &f, &err), FK_OK);
    assert_int_equal(f.type, FK_LEND_HEAD);
    size_t lens[2];
    for (int i = 1; i >= 0; i--) {
        assert_int_equal(fk_lend_content(l, i ? 17 : 15, 0, &c, &err), FK_OK);
        lens[i] = c.len;
        fk_content_free(&c);
    }
    assert_int_equal(lens[1] - lens[0], 2);
    assert_int_equal(recv(pair[1], &(char){0}, 1, MSG_DONTWAIT), -1);
    b.len = 0;
    fk_put_u32(&b, FK_NOT_FOUND);
    fk_put_cstr(&b, "no such seq");
    assert_int_equal(fk_frame_send(pair[1], FK_LEND_FAIL, f.id + 1, b.data, b.len, -1, &err),
                     FK_OK);
    assert_int_equal(fk_lend_content(l, 16, 0, &c, &err), FK_NOT_FOUND);
    assert_int_equal(fk_frame_recv(pair[1], &f, &err), FK_OK);
    assert_int_equal(f.payload.data[7], 16);
    fk_buf_free(&b);
    fk_close(&pair[1]);
    fk_lend_content_soon(l, 7, 0); /* nobody is there */
    assert_int_equal(fk_lend_content(l, 7, 0, &c, &err), FK_RETRY);
    fk_lend_content_soon(l, 8, 0);
    assert_int_equal(fk_lend_content(l, 8, 0, &c, &err), FK_RETRY);
    fk_frame_free(&f);
    fk_lend_close(&l);
}

/* ---- */

/* What a checkpoint is to cover is on the disk first; when that fails nothing is said to be. */
static void a_head_that_cannot_be_synced_is_not_settled(void **state) {
    (void)state;
    int sock;
    struct fk_lend *l = NULL;
    struct fk_head head;
    pens_vault("");
    assert_int_equal(setenv("FUMIKURA_FAULT", "settle:1:eio", 1), 0);
    pid_t pid = pens_start("lend", "log", &sock);
    assert_int_equal(unsetenv("FUMIKURA_FAULT"), 0);
    assert_int_equal(fk_lend_attach(sock, &l, &err), FK_OK);
    assert_int_equal(fk_lend_settled_head(l, &head, &err), FK_IO);
    assert_int_equal(fk_lend_head(l, &head, &err), FK_OK);
    assert_int_equal(fk_lend_settled_head(l, &head, &err), FK_OK);
    fk_lend_close(&l);
    assert_int_equal(pens_wait(pid), 0);
}

static void a_pen_that_goes_away_tells_once_for_each_mail(void **state) {
    (void)state;
    int pair[2], again[2];
    struct fk_keep *k = NULL;
    struct fk_receipt r;
    bool seen[3] = {false};
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    assert_int_equal(fk_keep_attach(pair[0], &k, &err), FK_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pens_send(k, i, i, 10), FK_OK);
    assert_int_equal(fk_keep_next_receipt(k, 0, &r, &err), FK_RETRY);
    fk_close(&pair[1]);
    for (int i = 0; i < 3; i++) {
        r = pens_receipt(k);
        assert_int_equal(r.status, FK_RETRY);
        assert_true(r.id < 3 && !seen[r.id]);
        seen[r.id] = true;
    }
    assert_int_equal(fk_keep_next_receipt(k, -1, &r, &err), FK_NOT_FOUND);
    assert_int_equal(fk_keep_fd(k), -1);
    assert_int_equal(pens_send(k, 9, 9, 10), FK_RETRY);
    struct fk_record act = {.kind = "act", .fields = "what=show"};
    assert_int_equal(fk_keep_append(k, &act, &r, &err), FK_RETRY);
    assert_int_equal(fk_frame_pair(again, &err), FK_OK);
    fk_keep_reattach(k, again[0]);
    assert_int_equal(pens_send(k, 10, 10, 10), FK_OK);
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
    assert_int_equal(pens_send(k, 5, 5, 10), FK_OK);
    fk_keep_reattach(k, again[0]);
    assert_int_equal(pens_send(k, 6, 6, 10), FK_OK);
    struct fk_receipt r = pens_receipt(k);
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
    pens_vault("");
    setenv("FUMIKURA_FAULT", "txn-commit:2+:eio", 1);
    struct fk_keep *k = NULL;
    enum fk_status st = fk_keep_open(pens_dir, &k, &err);
    unsetenv("FUMIKURA_FAULT");
    assert_int_equal(st, FK_OK);
    int kept = 0, failed = 0;
    for (uint32_t i = 0; i < 20 && pens_send(k, i, i, 100) == FK_OK; i++) {
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
    k = pens_keep(); /* opens anew, and reads what is there */
    assert_int_equal(pens_send(k, 1, 1, 100), FK_OK);
    assert_int_equal(pens_receipt(k).seq, 2);
    fk_keep_close(&k);
}

static void a_second_pen_is_told_so(void **state) {
    (void)state;
    struct fk_pen *pen = NULL;
    struct fk_pen_options options = FK_PEN_OPTIONS;
    int sock;
    struct fk_frame f = FK_FRAME_INIT;
    pens_vault("");
    assert_int_equal(fk_pen_open(pens_dir, &options, &pen, &err), FK_OK);
    pid_t pid = pens_start("keep", "all", &sock);
    assert_int_equal(fk_frame_recv(sock, &f, &err), FK_OK);
    assert_int_equal(f.type, FK_KEEP_HELLO);
    struct fk_reader r;
    fk_reader_init(&r, f.payload.data, f.payload.len);
    assert_int_equal(fk_get_u32(&r), FK_RETRY);
    fk_frame_free(&f);
    fk_close(&sock);
    assert_int_equal(WEXITSTATUS(pens_wait(pid)), 75);
    fk_pen_close(&pen);
}

static void a_vault_that_is_none_is_told_so(void **state) {
    (void)state;
    struct fk_keep *k = NULL;
    struct fk_lend *l = NULL;
    char path[PATH_MAX + 32];
    assert_int_equal(fk_keep_open("/nowhere", &k, &err), FK_NOT_FOUND);
    snprintf(pens_dir, sizeof pens_dir, "%s/foreign-XXXXXX", getenv("TEST_DIR"));
    assert_non_null(mkdtemp(pens_dir));
    snprintf(path, sizeof path, "%s/fumikura.conf", pens_dir);
    assert_int_equal(fk_atomic_put(path, 0600, "", 0, &err), FK_OK);
    assert_int_not_equal(fk_keep_open(pens_dir, &k, &err), FK_OK);
    assert_non_null(strstr(err.text, pens_dir));
    assert_int_not_equal(fk_lend_open(pens_dir, &l, &err), FK_OK);
    assert_non_null(strstr(err.text, pens_dir));
}

static void neither_process_can_reach_the_network(void **state) {
    (void)state;
    pens_vault("");
    static const char *const names[] = {"keep", "lend"};
    for (int i = 0; i < 2; i++) {
        int sock;
        char path[64], text[8192];
        struct fk_frame f = FK_FRAME_INIT;
        pid_t pid = pens_start(names[i], "all", &sock);
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
        assert_int_equal(pens_wait(pid), 0);
    }
}

int main(void) {
    pens_program();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_comes_back_byte_for_byte),
        cmocka_unit_test(an_answer_awaited_does_not_lose_receipts),
        cmocka_unit_test(sealing_leaves_every_content_readable),
        cmocka_unit_test(what_was_asked_for_ahead_is_what_is_given),
        cmocka_unit_test(a_content_asked_for_ahead_is_asked_for_once),
        cmocka_unit_test(a_head_that_cannot_be_synced_is_not_settled),
        cmocka_unit_test(requests_that_are_none_are_refused_and_the_pen_lives),
        cmocka_unit_test(a_mail_file_is_held_to_its_form),
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
