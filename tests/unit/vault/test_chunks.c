/* Single instance: base64 runs, recipes, chunks, and what a pen and a desk make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archiver/vault/content_priv.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/io.h"
#include "tests/unit/support/vaults.h"

/* ---- runs */

/* Lines of base64 as a mail program writes them, by another coder than ours. */
static void base64_lines(struct fk_buf *out, const void *data, size_t len, size_t width,
                         const char *end) {
    struct fk_buf all = FK_BUF_INIT;
    fk_base64_add(&all, data, len);
    for (size_t at = 0; at < all.len; at += width) {
        fk_buf_add(out, all.data + at, all.len - at < width ? all.len - at : width);
        fk_buf_str(out, end);
    }
    fk_buf_free(&all);
}

/* Every run that is found is, written again, what stood there. How many there are. */
static size_t runs_expect_exact(const uint8_t *data, size_t len) {
    struct fk_run run;
    size_t count = 0;
    for (size_t at = 0; fk_run__find(data, len, at, &run); at = run.at + run.len, count++) {
        struct fk_run_reader r = {data + run.at, data + run.at + run.len, run.width, run.crlf};
        struct fk_run_writer w = {.width = run.width, .crlf = run.crlf};
        struct fk_buf again = FK_BUF_INIT;
        uint8_t plain[3 * FK_RUN_WIDTH_MAX];
        size_t sum = 0;
        for (size_t n; (n = fk_run__read(&r, plain, FK_RUN_WIDTH_MAX + sum % 1000)) > 0; sum += n) {
            assert_true(fk_buf_reserve(&again, fk_run__bound(&w, n)));
            again.len += fk_run__write(&w, plain, n, again.data + again.len);
        }
        assert_true(fk_buf_reserve(&again, 6));
        again.len += fk_run__write_end(&w, again.data + again.len);
        assert_int_equal(sum, run.plain);
        assert_int_equal(again.len, run.len);
        assert_memory_equal(again.data, data + run.at, run.len);
        fk_buf_free(&again);
    }
    return count;
}

static void a_run_of_any_width_and_length_comes_back(void **state) {
    (void)state;
    static const size_t widths[] = {40, 60, 64, 72, 76, 1024};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t len = 0; len < 2200; len += len < 400 ? 1 : 7) {
            struct fk_buf plain = FK_BUF_INIT, text = FK_BUF_INIT;
            vault_bytes(2 * len + 1, &plain, len);
            fk_buf_str(&text, "Content-Transfer-Encoding: base64\r\n\r\n");
            base64_lines(&text, plain.data, len, widths[w], len % 2 ? "\r\n" : "\n");
            if (len % 3)
                fk_buf_str(&text, "\r\n--boundary--\r\n");
            size_t found = runs_expect_exact(text.data, text.len);
            if (len >= FK_RUN_PLAIN_MIN && len > 2 * widths[w])
                assert_int_equal(found, 1);
            fk_buf_free(&plain);
            fk_buf_free(&text);
        }
}

static void what_would_not_come_back_is_no_run(void **state) {
    (void)state;
    uint64_t x = 88172645463325252ULL;
    struct fk_buf plain = FK_BUF_INIT, good = FK_BUF_INIT;
    vault_bytes(3, &plain, 1500);
    base64_lines(&good, plain.data, plain.len, 76, "\r\n");
    for (int round = 0; round < 30000; round++) {
        static const uint8_t bytes[] = "=\r\nAB+/ \t\0\x80x";
        uint8_t *copy = malloc(good.len);
        size_t len = good.len;
        assert_non_null(copy);
        memcpy(copy, good.data, len);
        for (int k = 0; k < 3; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            size_t at = x % len;
            if (k == 2 && x >> 60 == 0) { /* a line shorter by a byte */
                memmove(copy + at, copy + at + 1, len - at - 1);
                len--;
            } else
                copy[at] = bytes[(x >> 32) % (sizeof bytes - 1)];
        }
        runs_expect_exact(copy, len);
        free(copy);
    }
    fk_buf_free(&plain);
    fk_buf_free(&good);
}

static void padding_with_stray_bits_is_no_run(void **state) {
    (void)state;
    char line[400];
    struct fk_run run;
    memset(line, 'Q', 396);
    memcpy(line + 392, "QR==", 4); /* R has bits that stand for no byte */
    memcpy(line + 396, "\r\n", 3);
    assert_false(fk_run__find((uint8_t *)line, 398, 0, &run));
    memcpy(line + 392, "QQ==", 4);
    assert_true(fk_run__find((uint8_t *)line, 398, 0, &run));
    assert_int_equal(run.len, 396);
}

/* ---- recipes */

#define KEY64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_recipe_has_one_reading(void **state) {
    (void)state;
    static const char good[] =
        "fumikura-recipe/1\nraw 120\nbase64 90000 76 crlf\nchunk 7 60000 " KEY64
        "\nchunk 8 30000 " KEY64 "\nraw 5\nbase64 200 64 lf\nraw 9\n";
    static const char *const bad[] = {
        "",
        "fumikura-recipe/1",
        "fumikura-recipe/2\nraw 1\n",
        "fumikura-recipe/1\nraw 1",
        "fumikura-recipe/1\nraw 0\n",
        "fumikura-recipe/1\nraw 01\n",
        "fumikura-recipe/1\nraw +1\n",
        "fumikura-recipe/1\nraw  1\n",
        "fumikura-recipe/1\nraw 1 \n",
        "fumikura-recipe/1\r\nraw 1\r\n",
        "fumikura-recipe/1\nraw 99999999999999999999999\n",
        "fumikura-recipe/1\nbase64 9 3 lf\n",
        "fumikura-recipe/1\nbase64 9 0 lf\n",
        "fumikura-recipe/1\nbase64 9 1028 lf\n",
        "fumikura-recipe/1\nbase64 9 76 cr\n",
        "fumikura-recipe/1\nchunk 1 5 " KEY64 "\n",
        "fumikura-recipe/1\nraw 5\nchunk 0 5 " KEY64 "\n",
        "fumikura-recipe/1\nraw 5\nchunk 1 4 " KEY64 "\n",
        "fumikura-recipe/1\nraw 300000\nchunk 1 300000 " KEY64 "\n",
        "fumikura-recipe/1\nraw 5\nchunk 1 5 " KEY64 "0\n",
        "fumikura-recipe/1\nraw 5\nchunk 1 5 00\n",
        "fumikura-recipe/1\n\nraw 5\n",
    };
    struct fk_recipe r = {0};
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_recipe__read((const uint8_t *)good, sizeof good - 1, &r, &err), FK_OK);
    assert_int_equal(r.count, 7);
    assert_int_equal(r.chunks, 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fk_recipe__read((const uint8_t *)bad[i], strlen(bad[i]), &r, &err) != FK_CORRUPT)
            fail_msg("taken: %s", bad[i]);
    for (size_t at = 0; at < sizeof good - 1; at++)
        for (int bit = 0; bit < 8; bit++) {
            char text[sizeof good];
            struct fk_buf again = FK_BUF_INIT;
            memcpy(text, good, sizeof text);
            text[at] = (char)(text[at] ^ 1 << bit);
            if (fk_recipe__read((const uint8_t *)text, sizeof text - 1, &r, NULL) == FK_OK) {
                fk_recipe__text(&r, &again);
                assert_int_equal(again.len, sizeof text - 1);
                assert_memory_equal(again.data, text, again.len);
            }
            fk_buf_free(&again);
        }
    fk_recipe__free(&r);
}

/* ---- what is cut */

/* How many chunks the recipe has of one base64 run of `len` bytes; odd seeds do not pack. */
static size_t cut_into(struct fk_bench *bench, struct fk_chunks *chunks, uint64_t seed,
                       size_t len) {
    static const uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_buf plain = FK_BUF_INIT, text = FK_BUF_INIT, stored = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    vault_bytes(seed, &plain, len);
    base64_lines(&text, plain.data, plain.len, 76, "\r\n");
    const struct iovec piece = {text.data, text.len};
    struct fk_encoding e = {.ledger = ledger,
                            .level = 6,
                            .sift = true,
                            .chunks = chunks,
                            .pieces = &piece,
                            .piece_count = 1,
                            .stored = &stored};
    if (fk_content__encode(bench, &e, &err) != FK_OK)
        fail_msg("encode: %s", err.text);
    size_t cut = e.recipe.chunks;
    fk_recipe__free(&e.recipe);
    free(e.fresh);
    fk_buf_free(&plain);
    fk_buf_free(&text);
    fk_buf_free(&stored);
    return cut;
}

static void text_is_cut_when_it_comes_again(void **state) {
    (void)state;
    struct fk_chunks *chunks = NULL;
    struct fk_bench *bench = NULL;
    assert_int_equal(fk_chunks__new(&chunks, NULL), FK_OK);
    assert_int_equal(fk_bench__new(&bench, NULL), FK_OK);
    fk_chunks__begin(chunks, true);
    for (uint64_t seed = 2; seed < 100; seed += 2) {
        assert_int_equal(cut_into(bench, chunks, seed, 12000), 0);
        assert_int_equal(cut_into(bench, chunks, seed, 12000), 1);
        assert_int_equal(cut_into(bench, chunks, seed, 12000), 1);
    }
    assert_true(cut_into(bench, chunks, 101, 12000) >= 1); /* what does not pack, at once */
    assert_true(cut_into(bench, chunks, 102, 90000) >= 1); /* and what is long */
    fk_chunks__begin(chunks, true);
    assert_int_equal(cut_into(bench, chunks, 2, 12000), 0);
    fk_bench__free(&bench);
    fk_chunks__free(&chunks);
}

/* ---- in a vault */

/* A message with a text of its own and the attachment `seed`. */
static void mail_make(struct fk_buf *out, unsigned own, uint64_t seed, size_t len) {
    struct fk_buf plain = FK_BUF_INIT;
    vault_bytes(2 * seed + 1, &plain, len);
    fk_buf_printf(out, "Subject: number %u\r\n\r\nPlease find it attached.\r\n\r\n--x\r\n\r\n",
                  own);
    base64_lines(out, plain.data, plain.len, 76, "\r\n");
    fk_buf_str(out, "--x--\r\n");
    fk_buf_free(&plain);
}

static struct fk_sheet *prepared(struct fk_pen *pen, unsigned own, uint64_t seed, size_t len) {
    struct fk_buf m = FK_BUF_INIT;
    struct fk_sheet *sheet = NULL;
    struct fk_err err = FK_ERR_INIT;
    mail_make(&m, own, seed, len);
    struct fk_draft draft = {.kind = "mail",
                             .fields = "source=test floor=P0D size=1",
                             .content = {{m.data, m.len}},
                             .pieces = 1,
                             .is_mail = true};
    if (fk_pen_prepare(pen, &draft, &sheet, &err) != FK_OK)
        fail_msg("prepare: %s", err.text);
    fk_buf_free(&m);
    return sheet;
}

static enum fk_status committed(struct fk_pen *pen, struct fk_sheet *sheet, uint64_t *seq) {
    enum fk_status st = fk_pen_commit(pen, &sheet, 1, NULL);
    if (st == FK_OK)
        st = sheet->status;
    *seq = sheet->seq;
    fk_sheet_free(&sheet);
    return st;
}

static uint64_t kept(struct fk_pen *pen, unsigned own, uint64_t seed, size_t len) {
    uint64_t seq;
    struct fk_sheet *sheet = prepared(pen, own, seed, len);
    struct fk_err err = FK_ERR_INIT;
    if (fk_pen_commit(pen, &sheet, 1, &err) != FK_OK || sheet->status != FK_OK)
        fail_msg("not kept: %s %s", err.text, sheet->text);
    seq = sheet->seq;
    fk_sheet_free(&sheet);
    return seq;
}

/* With no pen open in this process: LMDB takes an environment once a process. */
static void expect(const char *dir, uint64_t seq, unsigned own, uint64_t seed, size_t len) {
    struct fk_desk *desk = vault_desk(dir);
    struct fk_buf want = FK_BUF_INIT, is = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    mail_make(&want, own, seed, len);
    if (fk_desk_content(desk, seq, &is, &err) != FK_OK)
        fail_msg("content of %" PRIu64 ": %s", seq, err.text);
    assert_int_equal(is.len, FK_SALT_BYTES + want.len);
    assert_memory_equal(is.data + FK_SALT_BYTES, want.data, want.len);
    fk_buf_free(&want);
    fk_buf_free(&is);
    fk_desk_close(&desk);
}

static off_t sealed_bytes(struct fk_pen *pen, const char *dir, unsigned number) {
    char path[PATH_MAX];
    struct stat s;
    uint64_t sealed;
    struct fk_err err = FK_ERR_INIT;
    if (fk_pen_rotate(pen, &err) != FK_OK)
        fail_msg("rotate: %s", err.text);
    if (fk_pen_seal_next(pen, &sealed, &err) != FK_OK)
        fail_msg("seal: %s", err.text);
    assert_int_equal(sealed, number);
    snprintf(path, sizeof path, "%s/segments/%08u.sealed", dir, number);
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

enum { LEN = 700000 };

static void an_attachment_is_stored_once_a_segment(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    struct fk_sheet *group[8];
    uint64_t seq[12];
    for (unsigned i = 0; i < 8; i++) /* of one moment: none knows of the others */
        group[i] = prepared(pen, i, 1, LEN);
    assert_int_equal(fk_pen_commit(pen, group, 8, NULL), FK_OK);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(group[i]->status, FK_OK);
        seq[i] = group[i]->seq;
        fk_sheet_free(&group[i]);
    }
    for (unsigned i = 8; i < 12; i++)
        seq[i] = kept(pen, i, 1, LEN);
    fk_pen_close(&pen);
    for (unsigned i = 0; i < 12; i++)
        expect(dir, seq[i], i, 1, LEN);
    vault_expect_sound(dir);
    pen = vault_pen(dir, 0);
    assert_in_range(sealed_bytes(pen, dir, 1), LEN, LEN + LEN / 4);
    uint64_t later = kept(pen, 99, 1, LEN); /* of the next segment: with chunks of its own */
    fk_pen_close(&pen);
    for (unsigned i = 0; i < 12; i++)
        expect(dir, seq[i], i, 1, LEN);
    expect(dir, later, 99, 1, LEN);
    vault_expect_sound(dir);
    vault_remove(dir);
}

static void a_large_message_is_cut_too(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    uint64_t one = kept(pen, 1, 2, 9000000), two = kept(pen, 2, 2, 9000000);
    fk_pen_close(&pen);
    expect(dir, one, 1, 2, 9000000);
    expect(dir, two, 2, 2, 9000000);
    pen = vault_pen(dir, 0);
    assert_in_range(sealed_bytes(pen, dir, 1), 9000000, 10000000);
    fk_pen_close(&pen);
    expect(dir, one, 1, 2, 9000000);
    expect(dir, two, 2, 2, 9000000);
    vault_expect_sound(dir);
    vault_remove(dir);
}

static void dispose(struct fk_pen *pen, uint64_t seq) {
    char fields[64];
    snprintf(fields, sizeof fields, "of=%" PRIu64 " basis=0 rule=test", seq);
    vault_entry(pen, "dispose", fields, "person: test\n");
    assert_int_equal(fk_pen_erase(pen, NULL), FK_OK);
}

static void a_chunk_lives_as_long_as_one_that_holds_it(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    uint64_t one = kept(pen, 1, 3, LEN), two = kept(pen, 2, 3, LEN), gone = kept(pen, 3, 4, LEN);
    dispose(pen, one);
    dispose(pen, gone);
    uint64_t again = kept(pen, 4, 4, LEN); /* its chunks are not those that nobody holds */
    fk_pen_close(&pen);
    expect(dir, two, 2, 3, LEN);
    expect(dir, again, 4, 4, LEN);
    pen = vault_pen(dir, 0);
    assert_in_range(sealed_bytes(pen, dir, 1), 2 * LEN, 2 * LEN + LEN / 2);
    fk_pen_close(&pen);
    expect(dir, two, 2, 3, LEN);
    expect(dir, again, 4, 4, LEN);
    struct fk_desk *desk = vault_desk(dir);
    struct fk_buf out = FK_BUF_INIT;
    assert_int_equal(fk_desk_content(desk, gone, &out, NULL), FK_NOT_FOUND);
    fk_buf_free(&out);
    fk_desk_close(&desk);
    vault_expect_sound(dir);
    vault_remove(dir);
}

static void chunks_of_an_epoch_that_has_ended_are_not_named(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    uint64_t seq;
    kept(pen, 1, 5, LEN);
    struct fk_sheet *before = prepared(pen, 2, 5, LEN);
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    assert_int_equal(committed(pen, before, &seq), FK_RETRY);
    uint64_t first = kept(pen, 2, 5, LEN);
    before = prepared(pen, 3, 5, LEN);
    dispose(pen, first);
    assert_int_equal(committed(pen, before, &seq), FK_RETRY);
    assert_int_equal(committed(pen, prepared(pen, 3, 5, LEN), &seq), FK_OK);
    fk_pen_close(&pen);
    expect(dir, seq, 3, 5, LEN);
    vault_expect_sound(dir);
    vault_remove(dir);
}

/* Its numbers are given to others: whoever named them would have other people's bytes. The first of
 * all commits, which main makes fail. */
static void chunks_of_a_transaction_that_failed_are_not_named(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    uint64_t seq;
    struct fk_sheet *lost = prepared(pen, 1, 6, LEN);
    assert_int_equal(fk_pen_commit(pen, &lost, 1, NULL), FK_FULL);
    uint64_t other = kept(pen, 2, 7, LEN);
    assert_int_equal(committed(pen, lost, &seq), FK_RETRY); /* its recipe is encrypted already */
    uint64_t again = kept(pen, 1, 6, LEN);
    fk_pen_close(&pen);
    expect(dir, other, 2, 7, LEN);
    expect(dir, again, 1, 6, LEN);
    vault_expect_sound(dir);
    vault_remove(dir);
}

static void finding_count(void *ctx, const struct fk_finding *f) {
    if (strstr(f->text, "table chunks"))
        ++*(int *)ctx;
}

/* A walk over the table that looks chunks up by what it has read must not turn back. */
static void a_number_out_of_its_place_ends_the_walk(void **state) {
    (void)state;
    static const uint8_t others[] = {13, 11, 8, 4, 1, 255};
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    char path[PATH_MAX];
    int told = 0;
    kept(pen, 1, 8, 900000);
    sealed_bytes(pen, dir, 1);
    fk_pen_close(&pen);
    snprintf(path, sizeof path, "%s/segments/00000001.sealed", dir);
    assert_int_equal(chmod(path, 0600), 0);
    struct fk_buf file = FK_BUF_INIT;
    assert_int_equal(fk_read_plain(path, 64 << 20, &file, NULL), FK_OK);
    for (size_t at = 0; at + 8 <= file.len; at++) {
        if (memcmp(file.data + at, "\0\0\0\0\0\0\0\x05", 8) != 0)
            continue;
        for (size_t i = 0; i < sizeof others; i++) {
            struct fk_verify_range all = {0, UINT64_MAX, 0};
            struct fk_verify_sum sum;
            struct fk_desk *desk = vault_desk(dir);
            FILE *f = fopen(path, "r+");
            assert_non_null(f);
            assert_int_equal(fseek(f, (long)at + 7, SEEK_SET), 0);
            assert_int_equal(fputc(others[i], f), others[i]);
            assert_int_equal(fclose(f), 0);
            alarm(60);
            (void)!fk_desk_verify(desk, &all, finding_count, NULL, &told, &sum, NULL);
            alarm(0);
            fk_desk_close(&desk);
        }
        FILE *f = fopen(path, "r+");
        assert_non_null(f);
        assert_int_equal(fseek(f, (long)at + 7, SEEK_SET), 0);
        assert_int_equal(fputc(5, f), 5);
        assert_int_equal(fclose(f), 0);
    }
    assert_true(told > 0);
    fk_buf_free(&file);
    vault_expect_sound(dir);
    vault_remove(dir);
}

/* With attachments, which is where the bytes are. */
static void sealing_chunks_keeps_the_pace_too(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    struct fk_pace pace = {.bytes_per_s = 2 << 20};
    struct fk_sealing *job = NULL;
    uint64_t number;
    kept(pen, 1, 9, 2000000);
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    assert_int_equal(fk_pen_seal_begin(pen, &job, NULL), FK_OK);
    int64_t began = fk_monotonic_ms();
    assert_int_equal(fk_pen_seal_run(job, &pace, NULL), FK_OK);
    assert_in_range(fk_monotonic_ms() - began, 800, 20000);
    assert_int_equal(fk_pen_seal_end(pen, &job, &number, NULL), FK_OK);
    fk_pen_close(&pen);
    vault_expect_sound(dir);
    vault_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_a_transaction_that_failed_are_not_named),
        cmocka_unit_test(a_run_of_any_width_and_length_comes_back),
        cmocka_unit_test(what_would_not_come_back_is_no_run),
        cmocka_unit_test(padding_with_stray_bits_is_no_run),
        cmocka_unit_test(a_recipe_has_one_reading),
        cmocka_unit_test(text_is_cut_when_it_comes_again),
        cmocka_unit_test(an_attachment_is_stored_once_a_segment),
        cmocka_unit_test(a_large_message_is_cut_too),
        cmocka_unit_test(a_chunk_lives_as_long_as_one_that_holds_it),
        cmocka_unit_test(chunks_of_an_epoch_that_has_ended_are_not_named),
        cmocka_unit_test(a_number_out_of_its_place_ends_the_walk),
        cmocka_unit_test(sealing_chunks_keeps_the_pace_too),
    };
    setenv("FUMIKURA_FAULT", "room:2:enospc", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
