/* Positions of words in a file, and every bit of it changed: what is read is what was written, or
 * damage, or nothing, and never another word's. */
#include "indexer/store/positions_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;
static char dir[300], file[320];
#define OK(call) assert_int_equal(call, FK_OK)

/* "ab", "ac" and "b": the first two differ in one bit. */
static const char *const words[] = {"ab", "ac", "b"};

static void make(void) {
    const size_t lens[] = {2, 2, 1};
    const char *base = getenv("TEST_DIR");
    struct fk_positions_writer *w;
    snprintf(dir, sizeof dir, "%s/positions.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/positions", dir);
    OK(fk_positions_begin(words, lens, 3, &w, &err));
    fk_positions_add(w, 0, 7, 1);
    fk_positions_add(w, 1, 7, 2);
    fk_positions_add(w, 1, 7, 300);
    fk_positions_add(w, 1, 900, 5);
    fk_positions_add(w, 2, 8, 1);
    assert_int_equal(fk_positions_documents(w, 1), 2);
    fk_positions_leave_out(w, 2);
    OK(fk_positions_end(&w, dir, &err));
}

/* "7:2,300 900:5 "; FK_NOT_FOUND, or damage. */
static enum fk_status told(const char *word, char *out, size_t size) {
    struct fk_positions *p = NULL;
    struct fk_positions_list l = {NULL, NULL, NULL, 0, NULL, NULL};
    uint32_t at[8];
    size_t n = 0;
    *out = 0;
    enum fk_status st = fk_positions_open(dir, &p, &err);
    if (st == FK_OK)
        st = fk_positions_read(p, word, strlen(word), &l, &err);
    while (st == FK_OK && fk_positions_next(&l)) {
        const size_t count = fk_positions_of(&l, at, 8);
        n += (size_t)snprintf(out + n, size - n, "%u:", l.docid);
        for (size_t i = 0; i < count; i++)
            n += (size_t)snprintf(out + n, size - n, "%s%u", i ? "," : "", at[i]);
        n += (size_t)snprintf(out + n, size - n, " ");
    }
    fk_positions_list_free(&l);
    fk_positions_close(&p);
    return st;
}

static void what_was_written_is_read(void **state) {
    (void)state;
    char text[200];
    make();
    OK(told("ab", text, sizeof text));
    assert_string_equal(text, "7:1 ");
    OK(told("ac", text, sizeof text));
    assert_string_equal(text, "7:2,300 900:5 ");
    assert_int_equal(told("b", text, sizeof text), FK_NOT_FOUND);
    assert_int_equal(told("zz", text, sizeof text), FK_NOT_FOUND);
    OK(fk_positions_void(dir, &err));
    assert_int_equal(told("ac", text, sizeof text), FK_NOT_FOUND);
}

static void no_changed_bit_tells_another_words_positions(void **state) {
    (void)state;
    unsigned damaged = 0, nothing = 0, same = 0;
    struct stat s;
    make();
    FILE *f = fopen(file, "r+");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &s), 0);
    for (long bit = 0; bit < 8 * s.st_size; bit++)
        for (int i = 0; i < 2; i++) {
            char text[200];
            fseek(f, bit / 8, SEEK_SET);
            const int byte = fgetc(f);
            fseek(f, bit / 8, SEEK_SET);
            fputc(byte ^ 1 << bit % 8, f);
            fflush(f);
            const enum fk_status st = told(words[i], text, sizeof text);
            if (st == FK_OK)
                assert_string_equal(text, i ? "7:2,300 900:5 " : "7:1 ");
            else
                assert_true(st == FK_CORRUPT || st == FK_NOT_FOUND);
            damaged += st == FK_CORRUPT;
            nothing += st == FK_NOT_FOUND;
            same += st == FK_OK;
            fseek(f, bit / 8, SEEK_SET);
            fputc(byte, f);
            fflush(f);
        }
    assert_int_equal(fclose(f), 0);
    assert_true(damaged > 100 && nothing > 10 && same > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(no_changed_bit_tells_another_words_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
