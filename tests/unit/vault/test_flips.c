/* One bit turned, somewhere: verify says so, and lives. 10,000 times over a vault that has a sealed
 * segment, an active one and both kinds of key files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/vaults.h"

enum { MAILS = 12, PAGES_MAX = 32 };
static char dir[PATH_MAX];
static struct fk_buf everything; /* what the untouched vault gives out */

static uint64_t random_next(void) {
    static uint64_t x = 88172645463325252ULL;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* All lines, and each content or why there is none. False: something could not be read. */
static bool read_all(struct fk_buf *out) {
    struct fk_desk *desk = NULL;
    struct fk_head head;
    bool ok = fk_desk_open(dir, &desk, NULL) == FK_OK && fk_desk_head(desk, &head, NULL) == FK_OK;
    for (uint64_t seq = 0; ok && seq < head.next_seq; seq++) {
        ok = fk_desk_line(desk, seq, out, NULL) == FK_OK;
        enum fk_status st = fk_desk_content(desk, seq, out, NULL);
        ok = ok && (st == FK_OK || st == FK_NOT_FOUND);
        fk_buf_str(out, fk_status_name(st));
    }
    fk_desk_close(&desk);
    return ok;
}

static void some_entries(struct fk_pen *pen, uint64_t seed) {
    for (uint64_t i = 0; i < MAILS; i++)
        vault_mail(pen, seed + i, (size_t)(i * i * 60));
    vault_entry(pen, "act", "what=search", "person: somebody\n");
    vault_entry(pen, "hold", "", "name: a case\n");
}

static int vault_build(void **state) {
    (void)state;
    uint64_t number;
    char fields[64];
    snprintf(dir, sizeof dir, "%s", vault_new());
    struct fk_pen *pen = vault_pen(dir, 0);
    some_entries(pen, 100);
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    assert_int_equal(fk_pen_seal_next(pen, &number, NULL), FK_OK);
    some_entries(pen, 200);
    snprintf(fields, sizeof fields, "of=3,%" PRIu64 " basis=0 rule=test", fk_pen_next_seq(pen) - 5);
    vault_entry(pen, "dispose", fields, "person: somebody\n");
    assert_int_equal(fk_pen_erase(pen, NULL), FK_OK);
    vault_entry(pen, "act", "what=show of=4", NULL); /* no content, and nothing after it */
    fk_pen_close(&pen);
    vault_expect_sound(dir);
    assert_true(read_all(&everything));
    return 0;
}

static bool verify_finds(void) {
    const struct fk_verify_range all = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum = {0};
    struct fk_desk *desk = NULL;
    bool found = fk_desk_open(dir, &desk, NULL) != FK_OK ||
                 fk_desk_verify(desk, &all, NULL, NULL, NULL, &sum, NULL) != FK_OK;
    fk_desk_close(&desk);
    return found;
}

struct flipped {
    int fd;
    off_t at;
    uint8_t byte;
};

static off_t open_at(const char *name, struct flipped *f) {
    char path[PATH_MAX + 64];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(chmod(path, s.st_mode | 0600), 0);
    f->fd = open(path, O_RDWR);
    assert_true(f->fd >= 0);
    return s.st_size;
}

static void flip(struct flipped *f, off_t at, int bit) {
    f->at = at;
    assert_int_equal(pread(f->fd, &f->byte, 1, at), 1);
    uint8_t turned = (uint8_t)(f->byte ^ 1 << bit);
    assert_int_equal(pwrite(f->fd, &turned, 1, at), 1);
}

static void flip_back(struct flipped *f) {
    assert_int_equal(pwrite(f->fd, &f->byte, 1, f->at), 1);
}

/* What it gives out is what it gave before. */
static bool unchanged(void) {
    struct fk_buf now = FK_BUF_INIT;
    bool same = read_all(&now) && now.len == everything.len &&
                memcmp(now.data, everything.data, now.len) == 0;
    fk_buf_free(&now);
    return same;
}

static void sweep(const char *name, int times, bool every_one) {
    struct flipped f;
    off_t size = open_at(name, &f);
    int harmless = 0;
    for (int i = 0; i < times; i++) {
        off_t at = (off_t)(random_next() % (uint64_t)size);
        int bit = (int)(random_next() % 8);
        flip(&f, at, bit);
        if (!verify_finds()) {
            bool same = unchanged();
            harmless++;
            if (every_one || !same)
                fail_msg("%s: byte %lld, bit %d: verify found nothing%s", name, (long long)at, bit,
                         same ? "" : ", but what it gives out has changed");
        }
        flip_back(&f);
    }
    print_message("%s: %d flips, %d harmless\n", name, times, harmless);
    close(f.fd);
}

static void every_flip_in_a_sealed_segment_is_found(void **state) {
    (void)state;
    sweep("segments/00000001.sealed", 3500, true);
}

static void every_flip_in_the_active_segment_that_matters_is_found(void **state) {
    (void)state;
    sweep("segments/00000002.open", 3600, false);
}

/* A decimal digit of a digest in the line of a mail, in every page of the active segment that has
 * it: LMDB leaves old ones behind. How many. */
static size_t digit_flip(const char *field, uint64_t seq, struct flipped f[PAGES_MAX]) {
    struct fk_desk *desk = NULL;
    struct fk_buf line = FK_BUF_INIT, file = FK_BUF_INIT;
    size_t count = 0;
    const off_t size = open_at("segments/00000002.open", &f[0]);
    assert_int_equal(fk_desk_open(dir, &desk, NULL), FK_OK);
    assert_int_equal(fk_desk_line(desk, seq, &line, NULL), FK_OK);
    fk_desk_close(&desk);
    const char *at = strstr(fk_buf_cstr(&line), field);
    assert_non_null(at);
    at += strlen(field);
    const size_t digit = strcspn(at, "0123456789");
    assert_true(digit < 64 && fk_buf_reserve(&file, (size_t)size));
    assert_int_equal(pread(f[0].fd, file.data, (size_t)size, 0), size);
    const uint8_t *end = file.data + size, *found = file.data;
    for (; (found = memmem(found, (size_t)(end - found), at, 64)); found++) {
        assert_true(count < PAGES_MAX);
        f[count].fd = f[0].fd;
        flip(&f[count++], (off_t)(found - file.data) + (off_t)digit, 0);
    }
    fk_buf_free(&line);
    fk_buf_free(&file);
    return count;
}

/* People get nothing that either digest speaks against; programs nothing that c256 does. */
static void a_content_is_held_against_its_digests(void **state) {
    (void)state;
    static const struct {
        const char *field;
        enum fk_status people, programs;
    } cases[] = {{"c256=", FK_CORRUPT, FK_CORRUPT}, {"c512=", FK_CORRUPT, FK_OK}};
    const uint64_t seq = MAILS + 6; /* a mail of the active segment */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flipped f[PAGES_MAX];
        struct fk_desk *desk = NULL;
        struct fk_buf out = FK_BUF_INIT;
        size_t left = digit_flip(cases[i].field, seq, f);
        assert_int_equal(fk_desk_open(dir, &desk, NULL), FK_OK);
        assert_int_equal(fk_desk_content(desk, seq, &out, NULL), cases[i].people);
        assert_int_equal(fk_desk_content_c256(desk, seq, &out, NULL), cases[i].programs);
        fk_desk_close(&desk);
        while (left > 0)
            flip_back(&f[--left]);
        assert_int_equal(fk_desk_open(dir, &desk, NULL), FK_OK);
        assert_int_equal(fk_desk_content(desk, seq, &out, NULL), FK_OK);
        fk_desk_close(&desk);
        fk_buf_free(&out);
        close(f[0].fd);
    }
}

static void every_flip_in_a_key_file_is_found(void **state) {
    (void)state;
    sweep("keys/00000001.3.keys", 500, true);
    sweep("keys/00000002.2.keys", 300, true);
    sweep("secrets/kek", 100, true);
    sweep("ledger", 100, true);
}

static void every_bit_of_the_meta_pages_can_be_turned(void **state) {
    (void)state;
    struct flipped f;
    open_at("segments/00000002.open", &f);
    for (off_t page = 0; page < 2; page++)
        for (off_t at = 0; at < 152; at++)
            for (int bit = 0; bit < 8; bit++) {
                flip(&f, page * 4096 + at, bit);
                if (!verify_finds() && !unchanged())
                    fail_msg("meta %d: byte %d, bit %d is not found", (int)page, (int)at, bit);
                flip_back(&f);
            }
    close(f.fd);
}

/* The last flips were turned back: so the findings above were of the flips. */
static void turned_back_it_is_sound(void **state) {
    (void)state;
    vault_expect_sound(dir);
    fk_buf_free(&everything);
}

/* Files cut off anywhere: found, and no SIGBUS. */
static void a_shortened_file_is_found(void **state) {
    (void)state;
    static const char *const names[] = {"segments/00000001.sealed", "segments/00000002.open",
                                        "keys/00000001.3.keys", "keys/00000002.2.keys"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct flipped f;
        struct fk_buf whole = FK_BUF_INIT;
        off_t size = open_at(names[i], &f);
        assert_true(fk_buf_reserve(&whole, (size_t)size));
        assert_int_equal(pread(f.fd, whole.data, (size_t)size, 0), size);
        for (int n = 0; n < 40; n++) {
            off_t at = (off_t)(random_next() % (uint64_t)size);
            assert_int_equal(ftruncate(f.fd, at), 0);
            bool found = verify_finds() || (i == 1 && unchanged()); /* free pages at the end */
            assert_int_equal(pwrite(f.fd, whole.data, (size_t)size, 0), size);
            if (!found)
                fail_msg("%s cut to %lld of %lld bytes is not found", names[i], (long long)at,
                         (long long)size);
        }
        fk_buf_free(&whole);
        close(f.fd);
    }
}

/* What was given out before, as far as it could be read, is given out still. */
static bool begins_with(const struct fk_buf *before) {
    struct fk_buf now = FK_BUF_INIT;
    (void)read_all(&now);
    bool same = now.len >= before->len && memcmp(now.data, before->data, before->len) == 0;
    fk_buf_free(&now);
    return same;
}

static bool mail_try(struct fk_pen *pen) {
    static uint8_t text[3000] = "a mail";
    struct fk_sheet *sheet = NULL;
    const struct fk_draft draft = {
        .kind = "act", .fields = "what=search", .content = {{text, sizeof text}}, .pieces = 1};
    bool taken = fk_pen_prepare(pen, &draft, &sheet, NULL) == FK_OK &&
                 fk_pen_commit(pen, &sheet, 1, NULL) == FK_OK && sheet->status == FK_OK;
    fk_sheet_free(&sheet);
    return taken;
}

static void whole_put(int fd, const struct fk_buf *whole) {
    char path[PATH_MAX + 16];
    assert_int_equal(ftruncate(fd, (off_t)whole->len), 0);
    assert_int_equal(pwrite(fd, whole->data, whole->len, 0), whole->len);
    snprintf(path, sizeof path, "%s/run/clean", dir);
    int marker = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(marker >= 0);
    close(marker);
}

/* Whatever looks like a page's number, in the free list above all, is made another: a pen that was
 * put down in good order either refuses, or writes without touching what is there. */
static void no_pen_writes_over_a_page_that_is_in_use(void **state) {
    (void)state;
    struct flipped f;
    struct fk_buf whole = FK_BUF_INIT, before = FK_BUF_INIT;
    int refused = 0, written = 0;
    off_t size = open_at("segments/00000002.open", &f);
    assert_true(fk_buf_reserve(&whole, (size_t)size));
    assert_int_equal(pread(f.fd, whole.data, (size_t)size, 0), size);
    whole.len = (size_t)size;
    for (off_t at = 8192; at + 8 <= size; at += 8) {
        struct fk_pen *pen = NULL;
        const struct fk_pen_options options = FK_PEN_OPTIONS;
        uint64_t word;
        memcpy(&word, whole.data + at, sizeof word);
        if (word < 2 || word >= (uint64_t)size / 4096)
            continue;
        flip(&f, at, (int)(random_next() % 4));
        fk_buf_reset(&before);
        (void)read_all(&before);
        if (fk_pen_open(dir, &options, &pen, NULL) != FK_OK) {
            refused++;
        } else {
            written += mail_try(pen);
            fk_pen_close(&pen);
            if (!begins_with(&before))
                fail_msg("word at %lld: the pen has written over what was there", (long long)at);
        }
        whole_put(f.fd, &whole);
    }
    print_message("%d refused, %d written\n", refused, written);
    assert_true(refused > 10 && written > 10);
    fk_buf_free(&whole);
    fk_buf_free(&before);
    close(f.fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flip_in_a_sealed_segment_is_found),
        cmocka_unit_test(every_flip_in_the_active_segment_that_matters_is_found),
        cmocka_unit_test(a_content_is_held_against_its_digests),
        cmocka_unit_test(every_flip_in_a_key_file_is_found),
        cmocka_unit_test(every_bit_of_the_meta_pages_can_be_turned),
        cmocka_unit_test(a_shortened_file_is_found),
        cmocka_unit_test(no_pen_writes_over_a_page_that_is_in_use),
        cmocka_unit_test(turned_back_it_is_sound),
    };
    return cmocka_run_group_tests(tests, vault_build, NULL);
}
