/* The mirror: whatever the pen does, it follows; and a vault made of it has what the vault had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archiver/vault/mirror.h"
#include "archiver/vault/restore.h"
#include "archiver/vault/rows.h"
#include "base/io.h"
#include "base/spawn.h"
#include "tests/unit/support/vaults.h"

enum { MAILS = 400 };

static enum fk_status slice_ask(void *ctx, const struct fk_mark *from, struct fk_slice *out,
                                struct fk_err *err) {
    return fk_pen_slice(*(struct fk_pen **)ctx, from, out, err);
}

static enum fk_status digest_ask(void *ctx, uint64_t seq, uint8_t out[FK_SHA256_BYTES],
                                 struct fk_err *err) {
    return fk_pen_digest(*(struct fk_pen **)ctx, seq, out, err);
}

/* A vault with its mirror beside it. */
struct pair {
    char dir[PATH_MAX], mirror[PATH_MAX + 8], keys[PATH_MAX + 8], made[PATH_MAX + 8];
    struct fk_pen *pen;
    struct fk_mirror_source source;
    struct fk_mirror *m;
    uint64_t seq[MAILS];
    size_t len[MAILS];
    bool gone[MAILS];
    size_t count;
};

static void pair_open(struct pair *p) {
    struct fk_err err = FK_ERR_INIT;
    p->source = (struct fk_mirror_source){p->dir, slice_ask, digest_ask, &p->pen};
    if (fk_mirror_open(p->mirror, &p->source, &p->m, &err) != FK_OK)
        fail_msg("open: %s", err.text);
}

static void pair_make(struct pair *p) {
    struct fk_err err = FK_ERR_INIT;
    *p = (struct pair){.count = 0};
    snprintf(p->dir, sizeof p->dir, "%s", vault_new());
    snprintf(p->mirror, sizeof p->mirror, "%s-mirror", p->dir);
    snprintf(p->made, sizeof p->made, "%s-made", p->dir);
    p->pen = vault_pen(p->dir, 1 << 20);
    if (fk_mirror_init(p->mirror, p->dir, &err) != FK_OK)
        fail_msg("init: %s", err.text);
    pair_open(p);
}

static void step(struct pair *p) {
    struct fk_err err = FK_ERR_INIT;
    uint64_t next = 0;
    for (bool more = true; more;)
        if (fk_mirror_step(p->m, &next, &more, &err) != FK_OK)
            fail_msg("step: %s", err.text);
    assert_int_equal(next, fk_pen_next_seq(p->pen));
}

static void tidy(struct pair *p) {
    struct fk_err err = FK_ERR_INIT;
    for (bool more = true; more;)
        if (fk_mirror_tidy(p->m, &more, &err) != FK_OK)
            fail_msg("tidy: %s", err.text);
}

static void file_read(const char *dir, const char *name, struct fk_buf *out) {
    char path[2 * PATH_MAX];
    struct fk_err err = FK_ERR_INIT;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    fk_buf_reset(out);
    if (fk_read_file(path, 64 << 20, out, &err) != FK_OK)
        fail_msg("%s", err.text);
}

static unsigned files_in(const char *dir) {
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    assert_int_equal(closedir(d), 0);
    return n;
}

/* Key files of both are the same ones: nothing that was destroyed is left. */
static void expect_same_keys(const struct pair *p) {
    char here[PATH_MAX + 16], there[PATH_MAX + 16];
    struct fk_buf a = FK_BUF_INIT, b = FK_BUF_INIT;
    snprintf(here, sizeof here, "%s/keys", p->dir);
    snprintf(there, sizeof there, "%s/keys", p->mirror);
    assert_int_equal(files_in(here), files_in(there));
    DIR *d = opendir(here);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        file_read(here, e->d_name, &a);
        file_read(there, e->d_name, &b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
    }
    assert_int_equal(closedir(d), 0);
    fk_buf_free(&a);
    fk_buf_free(&b);
}

static void mail(struct pair *p, size_t len) {
    assert_true(p->count < MAILS);
    p->len[p->count] = len;
    p->seq[p->count] = vault_mail(p->pen, p->count, len);
    p->count++;
}

static void dispose(struct pair *p, size_t i) {
    char fields[80];
    if (p->gone[i])
        return;
    snprintf(fields, sizeof fields, "of=%" PRIu64 " basis=0 rule=short", p->seq[i]);
    (void)vault_entry(p->pen, "dispose", fields, "reason: test\n");
    assert_int_equal(fk_pen_erase(p->pen, NULL), FK_OK);
    p->gone[i] = true;
}

static void rekey(struct pair *p) {
    uint64_t seq;
    assert_int_equal(fk_pen_rekey(p->pen, "person: t\n", 10, &seq, NULL), FK_OK);
    for (bool done = false; !done;)
        assert_int_equal(fk_pen_rekey_step(p->pen, &done, NULL), FK_OK);
}

static void damaged(void *ctx, const char *sentence) {
    char *out = ctx;
    snprintf(out, PATH_MAX, "%s", sentence);
}

static enum fk_status restore(struct pair *p, struct fk_restore_sum *sum, char *said,
                              struct fk_err *err) {
    struct fk_restore order = {.dir = p->made,
                               .keys = p->dir,
                               .mirror = p->mirror,
                               .person = "test",
                               .damaged = damaged,
                               .ctx = said};
    said[0] = 0;
    return fk_vault_restore_mirror(&order, sum, err);
}

/* With the mirror put down: makes a vault of it, and reads all of that. */
static void expect_restores(struct pair *p) {
    struct fk_restore_sum sum;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf out = FK_BUF_INIT;
    char said[PATH_MAX];
    uint64_t next = fk_pen_next_seq(p->pen);
    fk_mirror_close(&p->m);
    if (restore(p, &sum, said, &err) != FK_OK)
        fail_msg("restore: %s", err.text);
    assert_string_equal(said, "");
    assert_true(sum.whole);
    assert_int_equal(sum.restored, next);
    struct fk_desk *desk = vault_desk(p->made);
    for (size_t i = 0; i < p->count; i++) {
        if (!p->gone[i]) {
            vault_expect_mail(desk, p->seq[i], i, p->len[i]);
            continue;
        }
        fk_buf_reset(&out);
        assert_int_not_equal(fk_desk_content(desk, p->seq[i], &out, NULL), FK_OK);
    }
    fk_desk_close(&desk);
    fk_buf_free(&out);
    vault_expect_sound(p->made);
    vault_remove(p->made);
    pair_open(p);
}

static void pair_end(struct pair *p) {
    fk_mirror_close(&p->m);
    fk_pen_close(&p->pen);
    vault_remove(p->mirror);
    vault_remove(p->dir);
}

static uint32_t next_random(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (uint32_t)(*x >> 16);
}

static void seal(struct pair *p) {
    uint64_t number;
    enum fk_status st = fk_pen_seal_next(p->pen, &number, NULL);
    assert_true(st == FK_OK || st == FK_NOT_FOUND);
}

/* Anything in any order, the mirror following at any moment, by steps, parts of tidying, and
 * openings in between. */
static void it_follows_whatever_the_pen_does(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct pair p;
        struct fk_err err = FK_ERR_INIT;
        uint64_t x = seed * 0x9e3779b97f4a7c15ULL;
        bool more;
        pair_make(&p);
        for (int i = 0; i < 120; i++) {
            uint32_t r = next_random(&x);
            if (r % 40 == 0)
                mail(&p, 5000000 + r % 1000000);
            else if (r % 3 == 0)
                mail(&p, r % 100000);
            else if (r % 11 == 1 && p.count)
                dispose(&p, r % p.count);
            else if (r % 11 == 2)
                assert_int_equal(fk_pen_rotate(p.pen, NULL), FK_OK);
            else if (r % 11 == 3)
                seal(&p);
            else if (r % 31 == 4)
                rekey(&p);
            else if (r % 11 == 5)
                step(&p);
            else if (r % 11 == 6 && fk_mirror_tidy(p.m, &more, &err) != FK_OK)
                fail_msg("tidy: %s", err.text);
            else if (r % 29 == 7) {
                fk_mirror_close(&p.m);
                if (r % 2) {
                    fk_pen_close(&p.pen);
                    p.pen = vault_pen(p.dir, 1 << 20);
                }
                pair_open(&p);
            }
        }
        step(&p);
        expect_restores(&p); /* before files have followed */
        step(&p);
        tidy(&p);
        expect_same_keys(&p);
        expect_restores(&p);
        step(&p);
        pair_end(&p);
    }
}

static void rows_path(const struct pair *p, char out[2 * PATH_MAX]) {
    snprintf(out, 2 * PATH_MAX, "%s/segments/00000001.rows", p->mirror);
}

static off_t size_of(const char *path) {
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

/* A mirror whose rows file has two slices: how long it is with one and with both, and how many
 * entries there were with one. */
static void two_slices(struct pair *p, char path[2 * PATH_MAX], off_t *one, off_t *both,
                       uint64_t *entries) {
    pair_make(p);
    mail(p, 3000);
    step(p);
    rows_path(p, path);
    *one = size_of(path);
    *entries = fk_pen_next_seq(p->pen);
    mail(p, 300);
    step(p);
    *both = size_of(path);
}

/* A slice cut short at any byte: the ones before it count, and the next step brings it again. */
static void a_torn_slice_is_cut_off(void **state) {
    (void)state;
    struct pair p;
    char path[2 * PATH_MAX], said[PATH_MAX];
    struct fk_restore_sum sum;
    struct fk_err err = FK_ERR_INIT;
    uint64_t before;
    off_t first, whole;
    two_slices(&p, path, &first, &whole, &before);
    for (off_t cut = first; cut < whole; cut++) {
        fk_mirror_close(&p.m);
        assert_int_equal(truncate(path, cut), 0);
        if (cut % 97 == 0) {
            if (restore(&p, &sum, said, &err) != FK_OK)
                fail_msg("restore: %s", err.text);
            assert_int_equal(sum.restored, before);
            if (cut > first)
                assert_non_null(strstr(said, "no whole slice"));
            vault_remove(p.made);
        }
        pair_open(&p);
        assert_int_equal(size_of(path), first);
        step(&p);
        assert_int_equal(size_of(path), whole);
    }
    expect_restores(&p);
    pair_end(&p);
}

static void byte_flip(const char *path, off_t at) {
    uint8_t byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

/* Any bit of a rows file: what is restored ends before it, and says so. */
static void a_flipped_bit_is_found(void **state) {
    (void)state;
    struct pair p;
    char path[2 * PATH_MAX], said[PATH_MAX];
    struct fk_restore_sum sum;
    struct fk_err err = FK_ERR_INIT;
    uint64_t before;
    off_t first, second;
    two_slices(&p, path, &first, &second, &before);
    mail(&p, 200);
    step(&p);
    fk_mirror_close(&p.m);
    off_t whole = size_of(path);
    unsigned refused = 0;
    for (off_t at = first; at < second; at += 7) {
        byte_flip(path, at);
        if (restore(&p, &sum, said, &err) != FK_OK)
            fail_msg("byte %lld: %s", (long long)at, err.text);
        assert_int_equal(sum.restored, before);
        assert_non_null(strstr(said, "damaged"));
        assert_false(sum.whole);
        /* in a line it is seen at once, in rows when they are read; nothing is cut off for it */
        enum fk_status st = fk_mirror_open(p.mirror, &p.source, &p.m, &err);
        assert_true(st == FK_OK || st == FK_CORRUPT);
        refused += st == FK_CORRUPT;
        fk_mirror_close(&p.m);
        assert_int_equal(size_of(path), whole);
        vault_remove(p.made);
        byte_flip(path, at);
    }
    assert_true(refused > 5);
    pair_open(&p);
    pair_end(&p);
}

/* fk_mirror_open says so, and writes nothing. */
static void expect_refused(struct pair *p, enum fk_status want, const char *word) {
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_mirror_open(p->mirror, &p->source, &p->m, &err), want);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
    assert_null(p->m);
}

/* The vault goes on alone for a while: what it destroyed then goes here as well, whatever process
 * it was; and a crash between a slice and the end of an old key file leaves no key. */
static void what_was_destroyed_meanwhile_goes(void **state) {
    (void)state;
    struct pair p;
    char path[2 * PATH_MAX];
    pair_make(&p);
    for (int i = 0; i < 4; i++)
        mail(&p, 500);
    assert_int_equal(fk_pen_rotate(p.pen, NULL), FK_OK);
    seal(&p);
    mail(&p, 500);
    step(&p);
    tidy(&p);
    expect_same_keys(&p);
    for (int round = 0; round < 3; round++) {
        fk_mirror_close(&p.m);
        if (round == 0)
            dispose(&p, 1); /* in a sealed segment */
        else if (round == 1)
            rekey(&p);
        else
            dispose(&p, 4); /* in the active one */
        fk_pen_close(&p.pen);
        p.pen = vault_pen(p.dir, 1 << 20);
        pair_open(&p);
        step(&p);
        tidy(&p);
        expect_same_keys(&p);
    }
    fk_mirror_close(&p.m);
    snprintf(path, sizeof path, "%s/keys/00000002.1.keys", p.mirror);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    pair_open(&p);
    expect_same_keys(&p);
    expect_restores(&p);
    pair_end(&p);
}

/* A link in the mirror leads no write into the vault. */
static void links_are_not_followed(void **state) {
    (void)state;
    struct pair p;
    struct fk_err err = FK_ERR_INIT;
    char path[2 * PATH_MAX], target[2 * PATH_MAX];
    struct fk_buf before = FK_BUF_INIT, after = FK_BUF_INIT;
    uint64_t next;
    bool more;
    pair_make(&p);
    mail(&p, 500);
    step(&p);
    fk_mirror_close(&p.m);
    rows_path(&p, path);
    snprintf(target, sizeof target, "%s/segments/00000001.open", p.dir);
    off_t size = size_of(target);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(target, path), 0);
    expect_refused(&p, FK_IO, "cannot open");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(target, path), 0);
    expect_refused(&p, FK_CORRUPT, "no plain file");
    assert_int_equal(size_of(target), size);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refused(&p, FK_CORRUPT, "no plain file");
    assert_int_equal(unlink(path), 0);

    file_read(p.dir, "secrets/kek", &before);
    snprintf(target, sizeof target, "%s/secrets/kek", p.dir);
    snprintf(path, sizeof path, "%s/keys/00000001.9.keys", p.mirror);
    assert_int_equal(symlink(target, path), 0);
    pair_open(&p);
    assert_int_equal(fk_pen_rotate(p.pen, NULL), FK_OK);
    seal(&p);
    enum fk_status st = FK_OK;
    for (more = true; more && st == FK_OK;)
        st = fk_mirror_step(p.m, &next, &more, &err);
    assert_int_not_equal(st, FK_OK);
    assert_non_null(strstr(err.text, "is a link"));
    file_read(p.dir, "secrets/kek", &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    fk_buf_free(&before);
    fk_buf_free(&after);
    pair_end(&p);
}

static void copy_dir(const char *from, const char *to) {
    const char *argv[] = {"/bin/cp", "-a", from, to, NULL};
    int status = -1;
    pid_t pid;
    assert_int_equal(fk_spawn(argv, NULL, 0, &pid, NULL), FK_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void another_history_is_refused(void **state) {
    (void)state;
    struct pair p, q;
    char old[PATH_MAX + 8], own[PATH_MAX + 8], path[2 * PATH_MAX], elsewhere[2 * PATH_MAX];
    pair_make(&p);
    mail(&p, 100);
    step(&p);
    fk_pen_close(&p.pen);
    snprintf(old, sizeof old, "%s-old", p.dir);
    copy_dir(p.dir, old);
    p.pen = vault_pen(p.dir, 0);
    mail(&p, 100);
    step(&p);
    struct fk_err err = FK_ERR_INIT;
    struct fk_mirror *second = NULL;
    assert_int_equal(fk_mirror_open(p.mirror, &p.source, &second, &err), FK_RETRY);
    fk_mirror_close(&p.m);

    /* yesterday's copy: the mirror is ahead of it; then it goes another way */
    struct fk_pen *now = p.pen;
    p.pen = vault_pen(old, 0);
    p.source.dir = old;
    expect_refused(&p, FK_CORRUPT, "ends before");
    (void)vault_entry(p.pen, "act", "what=show of=1", "person: t\n");
    expect_refused(&p, FK_CORRUPT, "they parted");
    fk_pen_close(&p.pen);
    p.pen = now;
    p.source.dir = p.dir;

    /* another vault's; none at all: a disk that is not mounted */
    pair_make(&q);
    fk_mirror_close(&q.m);
    memcpy(own, q.mirror, sizeof own);
    memcpy(q.mirror, p.mirror, sizeof q.mirror);
    expect_refused(&q, FK_INVALID, "another vault");
    memcpy(q.mirror, own, sizeof q.mirror);
    snprintf(path, sizeof path, "%s/mirror", q.mirror);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", q.mirror);
    assert_int_equal(rename(path, elsewhere), 0);
    expect_refused(&q, FK_NOT_FOUND, "not be mounted");
    assert_int_equal(files_in(q.mirror), 3);
    assert_int_equal(fk_mirror_init(q.mirror, q.dir, &err), FK_INVALID);
    assert_int_equal(rename(elsewhere, path), 0);
    pair_open(&q);
    pair_end(&q);

    pair_open(&p); /* and with its own it goes on */
    step(&p);
    vault_remove(old);
    pair_end(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_whatever_the_pen_does),
        cmocka_unit_test(a_torn_slice_is_cut_off),
        cmocka_unit_test(a_flipped_bit_is_found),
        cmocka_unit_test(what_was_destroyed_meanwhile_goes),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(another_history_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
