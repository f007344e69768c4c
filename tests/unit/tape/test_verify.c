/*
 * test_verify.c - a set made by hand is clean, and whatever is done to it is found and named: each
 * file changed at a random byte, each missing, each exchanged for another, lines of the ledger
 * taken out, put in, exchanged, with and without manifests made anew to match.
 */
#include "archiver/vault/entry.h"
#include "base/io.h"
#include "tape-export/ledger_text.h"
#include "tape-export/tape.h"
#include "tape-export/text.h"
#include "tape-export/volume.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { SEGMENTS = 3, LINES = 40 };

/* The ledger of a set, and what a test does to it before it is written. */
struct ledger {
    struct fk_buf lines[LINES + 8];
    size_t count;
};
static char root[512];
static unsigned seed = 99;

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct fk_err err = FK_ERR_INIT;                                                           \
        if ((call) != FK_OK)                                                                       \
            fail_msg("%s: %s", #call, err.text);                                                   \
    } while (0)

static void append(struct ledger *l, const char *kind, const char *fields) {
    uint8_t prev[FK_SHA256_BYTES] = {0};
    if (l->count)
        fk_sha256(l->lines[l->count - 1].data, l->lines[l->count - 1].len, prev);
    OK(fk_entry_write(&l->lines[l->count], l->count, prev, kind, 1000, fields, &err));
    l->count++;
}

static void segment_bytes(int number, uint8_t out[5000]) {
    for (int i = 0; i < 5000; i++)
        out[i] = (uint8_t)(number * 31 + i * 7 + i / 251);
}

static struct ledger ledger_make(void) {
    struct ledger l = {.count = 0};
    append(&l, "genesis", "ledger=000102030405060708090a0b0c0d0e0f");
    for (int s = 1; s <= SEGMENTS; s++) {
        uint8_t bytes[5000], digest[FK_SHA256_BYTES];
        char fields[300], hex[65];
        for (int i = 0; i < 9; i++)
            append(&l, "mail", "source=mail floor=P0D size=4096");
        segment_bytes(s, bytes);
        fk_sha256(bytes, sizeof bytes, digest);
        fk_hex(hex, digest, sizeof digest);
        snprintf(fields, sizeof fields, "segment=%d first=%d last=%d bytes=5000 digest=%s", s,
                 s * 10 - 10, s * 10 - 1, hex);
        append(&l, "seal", fields);
    }
    return l;
}

static void ledger_free(struct ledger *l) {
    for (size_t i = 0; i < LINES + 8; i++)
        fk_buf_free(&l->lines[i]);
}

static void set_text(struct fk_volume *v, const char *name, struct fk_buf *text) {
    OK(fk_volume_put(v, name, text->data, text->len, &err));
    fk_buf_free(text);
}

static void make_dir(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void make_dir(const char *fmt, ...) {
    char path[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    if (mkdir(path, 0755) != 0)
        fail_msg("cannot make %s", path);
}

/* A set with that ledger, in a new directory; its path is in `root`. The head in bag-info.txt is
 * that of the ledger as it should be. */
static void set_make(const struct ledger *l, const struct ledger *right) {
    static int n;
    snprintf(root, sizeof root, "%s/set-%d", getenv("TEST_DIR"), ++n);
    make_dir("%s", root);
    make_dir("%s/data", root);
    make_dir("%s/data/segments", root);
    make_dir("%s/data/ledger", root);
    struct fk_volume v = {.dir = root};
    for (int s = 1; s <= SEGMENTS; s++) {
        char name[64];
        uint8_t bytes[5000];
        segment_bytes(s, bytes);
        snprintf(name, sizeof name, "data/segments/%08d.sealed", s);
        OK(fk_volume_put(&v, name, bytes, sizeof bytes, &err));
    }
    for (size_t i = 0; i < l->count;) {
        char name[64];
        struct fk_buf text = FK_BUF_INIT;
        snprintf(name, sizeof name, "data/ledger/%012zu.txt", i);
        for (size_t end = i + 17; i < end && i < l->count; i++)
            fk_buf_add(&text, l->lines[i].data, l->lines[i].len);
        set_text(&v, name, &text);
    }
    struct fk_buf text = FK_BUF_INIT;
    fk_manifest_write(&v.payload, FK_SHA256, &text);
    set_text(&v, "manifest-sha256.txt", &text);
    fk_manifest_write(&v.payload, FK_SHA512, &text);
    set_text(&v, "manifest-sha512.txt", &text);
    fk_buf_str(&text, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    set_text(&v, "bagit.txt", &text);
    uint8_t head[FK_SHA256_BYTES];
    fk_sha256(right->lines[right->count - 1].data, right->lines[right->count - 1].len, head);
    fk_buf_printf(&text,
                  "Fumikura-Ledger: 000102030405060708090a0b0c0d0e0f\nFumikura-Segments: 1-%d\n"
                  "Fumikura-Entries: %zu\nFumikura-Head: ",
                  SEGMENTS, right->count);
    fk_buf_hex(&text, head, sizeof head);
    fk_buf_str(&text, "\n");
    set_text(&v, "bag-info.txt", &text);
    fk_manifest_write(&v.tags, FK_SHA256, &text);
    set_text(&v, "tagmanifest-sha256.txt", &text);
    fk_volume_free(&v);
}

/* What was found, as "check place; check place; ". */
static void note(void *ctx, const struct fk_tape_finding *f) {
    fk_buf_printf(ctx, "%s %s; ", f->check, f->place);
    if (strstr(f->text, "these are the bytes of"))
        fk_buf_str(ctx, "swapped; ");
}

static struct fk_buf found(void) {
    struct fk_buf b = FK_BUF_INIT;
    struct fk_tape_sum sum;
    struct fk_tape_watch watch = {.finding = note, .ctx = &b};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = fk_tape_verify(root, NULL, &watch, &sum, &err);
    if (st != FK_OK && st != FK_CORRUPT)
        fail_msg("%s", err.text);
    assert_true((st == FK_OK) == (b.len == 0));
    fk_buf_cstr(&b);
    return b;
}

static void expect(const char *want) {
    struct fk_buf b = found();
    if (!strstr((const char *)b.data, want))
        fail_msg("\"%s\" was not found, but: %s", want, (const char *)b.data);
    fk_buf_free(&b);
}

static const char *const files[] = {"data/segments/00000001.sealed",
                                    "data/segments/00000002.sealed",
                                    "data/segments/00000003.sealed",
                                    "data/ledger/000000000000.txt",
                                    "data/ledger/000000000017.txt",
                                    "manifest-sha256.txt",
                                    "manifest-sha512.txt",
                                    "bag-info.txt",
                                    "bagit.txt",
                                    "tagmanifest-sha256.txt"};
enum { FILES = sizeof files / sizeof *files };

static void whole_path(char out[1024], const char *name) {
    snprintf(out, 1024, "%s/%s", root, name);
}

static void a_set_as_written_is_clean(void **state) {
    (void)state;
    struct ledger l = ledger_make();
    set_make(&l, &l);
    struct fk_buf b = found();
    if (b.len)
        fail_msg("%s", (const char *)b.data);
    fk_buf_free(&b);
    ledger_free(&l);
}

static void any_changed_byte_is_found_and_its_file_named(void **state) {
    (void)state;
    struct ledger l = ledger_make();
    set_make(&l, &l);
    for (int i = 0; i < 400; i++) {
        const char *name = files[i % FILES];
        char path[1024];
        struct stat s;
        uint8_t byte, flipped;
        whole_path(path, name);
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0 && fstat(fd, &s) == 0);
        off_t at = rand_r(&seed) % s.st_size;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        flipped = (uint8_t)(byte ^ (1 << rand_r(&seed) % 8));
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        struct fk_buf b = found();
        bool named = strstr((const char *)b.data, name) != NULL;
        /* A change in the last list is told by the file whose line does not fit any more. */
        if (b.len == 0 || (!named && i % FILES != FILES - 1))
            fail_msg("%s byte %lld: %s", name, (long long)at, (const char *)b.data);
        fk_buf_free(&b);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    ledger_free(&l);
}

static void a_missing_an_extra_and_a_swapped_file_are_named(void **state) {
    (void)state;
    struct ledger l = ledger_make();
    set_make(&l, &l);
    char path[1024], aside[1024], want[200];
    for (int i = 0; i < FILES; i++) {
        whole_path(path, files[i]);
        snprintf(aside, sizeof aside, "%s-aside", root);
        assert_int_equal(rename(path, aside), 0);
        snprintf(want, sizeof want, "missing %s", files[i]);
        expect(want);
        assert_int_equal(rename(aside, path), 0);
    }
    whole_path(path, "data/segments/00000009.sealed");
    close(open(path, O_CREAT | O_WRONLY, 0644));
    expect("extra data/segments/00000009.sealed");
    unlink(path);
    whole_path(path, "note.txt");
    close(open(path, O_CREAT | O_WRONLY, 0644));
    expect("extra note.txt");
    unlink(path);
    whole_path(path, "data/link");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    expect("type data/link");
    unlink(path);

    char other[1024];
    whole_path(path, files[0]);
    whole_path(other, files[1]);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(rename(aside, other), 0);
    expect("digest data/segments/00000001.sealed; swapped; digest data/segments/00000002.sealed");
    ledger_free(&l);
}

/* Nobody may be made to wait for a pipe, or to read a device without an end. */
static void what_is_no_plain_file_is_named_and_not_read(void **state) {
    (void)state;
    struct ledger l = ledger_make();
    set_make(&l, &l);
    char path[1024], aside[1024], want[200];
    alarm(60);
    for (int i = 0; i < FILES; i++) {
        whole_path(path, files[i]);
        snprintf(aside, sizeof aside, "%s-aside", root);
        snprintf(want, sizeof want, "type %s; ", files[i]);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(mkfifo(path, 0644), 0);
        expect(want);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/zero", path), 0);
        expect(want);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink(aside, path), 0); /* the right bytes, from elsewhere */
        expect(want);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(aside, path), 0);
    }
    alarm(0);
    ledger_free(&l);
}

/* These sets are consistent in themselves but for the ledger: all manifests are made for it. */
static void a_ledger_that_was_rewritten_is_found(void **state) {
    (void)state;
    struct ledger right = ledger_make(), l;

    l = ledger_make(); /* an entry is taken out */
    fk_buf_free(&l.lines[5]);
    memmove(&l.lines[5], &l.lines[6], (l.count - 6) * sizeof *l.lines);
    l.lines[--l.count] = (struct fk_buf)FK_BUF_INIT;
    set_make(&l, &right);
    expect("chain entry 5");
    ledger_free(&l);

    l = ledger_make(); /* two are exchanged */
    struct fk_buf five = l.lines[5];
    l.lines[5] = l.lines[6];
    l.lines[6] = five;
    set_make(&l, &right);
    expect("chain entry 5");
    ledger_free(&l);

    l = ledger_make(); /* one letter of one is another */
    *(char *)memchr(l.lines[7].data, 'P', l.lines[7].len) = 'Q';
    set_make(&l, &right);
    expect("chain entry 8");
    ledger_free(&l);

    l = ledger_make(); /* the tail is cut off */
    fk_buf_free(&l.lines[--l.count]);
    set_make(&l, &right);
    expect("head bag-info.txt");
    ledger_free(&l);

    l = ledger_make(); /* it says another digest of a segment, and the chain is made anew */
    struct ledger forged = {.count = 0};
    for (size_t i = 0; i < l.count; i++) {
        struct fk_entry e;
        char fields[400];
        OK(fk_entry_read(l.lines[i].data, l.lines[i].len, &e, &err));
        snprintf(fields, sizeof fields, "%.*s", (int)e.fields_len, e.fields);
        if (i == 10)
            fields[strlen(fields) - 1] = fields[strlen(fields) - 1] == '0' ? '1' : '0';
        append(&forged, e.kind, fields);
    }
    set_make(&forged, &forged);
    expect("seal data/segments/00000001.sealed");
    ledger_free(&forged);
    ledger_free(&l);
    ledger_free(&right);
}

static void a_directory_is_known_for_what_it_is(void **state) {
    (void)state;
    struct ledger l = ledger_make();
    struct fk_volume_look look;
    char path[1024], aside[1100];
    set_make(&l, &l);
    OK(fk_volume_look(root, &look, &err));
    assert_int_equal(look.state, FK_VOLUME_COMPLETE);
    assert_string_equal(look.ledger, "000102030405060708090a0b0c0d0e0f");
    whole_path(path, "tagmanifest-sha256.txt");
    assert_int_equal(unlink(path), 0);
    OK(fk_volume_look(root, &look, &err));
    assert_int_equal(look.state, FK_VOLUME_INTERRUPTED);
    whole_path(path, "bag-info.txt");
    assert_int_equal(unlink(path), 0);
    OK(fk_volume_look(root, &look, &err));
    assert_int_equal(look.state, FK_VOLUME_FOREIGN);
    snprintf(aside, sizeof aside, "%s/new", root);
    OK(fk_volume_look(aside, &look, &err));
    assert_int_equal(look.state, FK_VOLUME_EMPTY);
    snprintf(path, sizeof path, "%s/new/lost+found", root);
    assert_int_equal(mkdir(path, 0700), 0);
    OK(fk_volume_look(aside, &look, &err));
    assert_int_equal(look.state, FK_VOLUME_EMPTY);
    ledger_free(&l);
}

static void the_texts_are_in_the_program(void **state) {
    (void)state;
    size_t n = 0;
    for (const struct fk_text *t = fk_tape_texts(); t->name; t++, n++)
        assert_true(t->len > 1000);
    assert_int_equal(n, 5);
    assert_memory_equal(fk_tape_texts()[0].data, "This is an evidence set of Fumikura", 35);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_as_written_is_clean),
        cmocka_unit_test(any_changed_byte_is_found_and_its_file_named),
        cmocka_unit_test(a_missing_an_extra_and_a_swapped_file_are_named),
        cmocka_unit_test(what_is_no_plain_file_is_named_and_not_read),
        cmocka_unit_test(a_ledger_that_was_rewritten_is_found),
        cmocka_unit_test(a_directory_is_known_for_what_it_is),
        cmocka_unit_test(the_texts_are_in_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
