/*
 * test_sketch.c - likeness by sketches beside the exact Jaccard coefficient of the same shingles.
 */
#include "indexer/reading/docterms_priv.h"
#include "indexer/text/sketch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first three */
#include <cmocka.h>

enum { WORDS_MAX = 4000 };
struct text {
    uint32_t words[WORDS_MAX];
    size_t count;
};

static uint32_t state = 12345;
static uint32_t random_word(void) {
    state = state * 1664525 + 1013904223;
    uint32_t x = state;
    x ^= x >> 16;
    x *= 0x7feb352d;
    return x ^ x >> 15;
}

static void text_make(struct text *t, size_t words) {
    t->count = words;
    for (size_t i = 0; i < words; i++)
        t->words[i] = random_word();
}

/* Every `every`th word is another one. */
static void text_edit(struct text *t, size_t every) {
    for (size_t i = every / 2; i < t->count; i += every)
        t->words[i] = random_word();
}

static void sketch_of(const struct text *t, uint8_t out[FK_SKETCH_BYTES]) {
    struct fk_sketcher s;
    fk_sketcher_reset(&s);
    for (size_t i = 0; i < t->count; i++)
        fk_sketcher_add(&s, t->words[i]);
    assert_true(fk_sketcher_end(&s, out));
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, FK_SHINGLE * sizeof(uint32_t));
}

/* The set itself, by sorting; of random words no shingle comes twice. */
static unsigned jaccard(const struct text *a, const struct text *b) {
    static uint32_t rows[2 * WORDS_MAX][FK_SHINGLE];
    size_t n = 0, both = 0;
    const struct text *const texts[] = {a, b};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i + FK_SHINGLE <= texts[t]->count; i++)
            memcpy(rows[n++], texts[t]->words + i, sizeof rows[0]);
    qsort(rows, n, sizeof rows[0], compare);
    for (size_t i = 1; i < n; i++)
        both += compare(rows[i - 1], rows[i]) == 0;
    return (unsigned)(both * 100 / (n - both));
}

static bool share_a_band(const uint8_t *a, const uint8_t *b) {
    char x[FK_BAND_SIZE], y[FK_BAND_SIZE];
    for (unsigned i = 0; i < FK_BANDS; i++) {
        fk_sketch_band(a, i, x);
        fk_sketch_band(b, i, y);
        if (strcmp(x, y) == 0)
            return true;
    }
    return false;
}

/* 200 pairs a row. */
static void likeness_is_near_the_exact_one(void **unused) {
    (void)unused;
    static const struct {
        size_t words, every;
        unsigned mean_off, most_off, bands_least; /* percent; bands: of the pairs */
    } table[] = {
        /* words, every nth changed, mean and greatest error, pairs that share a band */
        {2000, 200, 3, 12, 100}, {2000, 50, 4, 15, 99}, {2000, 20, 5, 18, 80}, {500, 50, 4, 15, 99},
        {200, 100, 4, 16, 99},   {200, 40, 5, 20, 98},  {60, 60, 6, 25, 94},
    };
    enum { PAIRS = 200 };
    printf("words  every  exact  sketch  mean off  most off  found by a band\n");
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        unsigned off = 0, most = 0, found = 0, exact_sum = 0, like_sum = 0;
        for (unsigned i = 0; i < PAIRS; i++) {
            static struct text a, b;
            uint8_t x[FK_SKETCH_BYTES], y[FK_SKETCH_BYTES];
            text_make(&a, table[row].words);
            b = a;
            text_edit(&b, table[row].every);
            sketch_of(&a, x);
            sketch_of(&b, y);
            const unsigned exact = jaccard(&a, &b), like = fk_sketch_likeness(x, y);
            const unsigned error = exact > like ? exact - like : like - exact;
            exact_sum += exact;
            like_sum += like;
            off += error;
            most = error > most ? error : most;
            found += share_a_band(x, y);
        }
        printf("%5zu  %5zu  %4u%%  %5u%%  %7.1f  %8u  %u%%\n", table[row].words, table[row].every,
               exact_sum / PAIRS, like_sum / PAIRS, (double)off / PAIRS, most, found * 100 / PAIRS);
        assert_true(off <= table[row].mean_off * PAIRS);
        assert_true(most <= table[row].most_off);
        assert_true(found * 100 >= table[row].bands_least * PAIRS);
    }
}

static void equal_texts_are_wholly_alike(void **unused) {
    (void)unused;
    for (size_t words = 1; words < 40; words++) {
        static struct text a;
        uint8_t x[FK_SKETCH_BYTES], y[FK_SKETCH_BYTES];
        text_make(&a, words);
        sketch_of(&a, x);
        sketch_of(&a, y);
        assert_int_equal(fk_sketch_likeness(x, y), 100);
    }
}

static void strangers_are_not_alike(void **unused) {
    (void)unused;
    unsigned most = 0, shared = 0;
    for (size_t i = 0; i < 2000; i++) {
        static struct text a, b;
        uint8_t x[FK_SKETCH_BYTES], y[FK_SKETCH_BYTES];
        text_make(&a, 3 + i % 100);
        text_make(&b, 3 + i % 100);
        sketch_of(&a, x);
        sketch_of(&b, y);
        const unsigned like = fk_sketch_likeness(x, y);
        most = like > most ? like : most;
        shared += share_a_band(x, y);
    }
    assert_true(most <= 10);
    assert_true(shared <= 2);
}

static void no_words_no_sketch(void **unused) {
    (void)unused;
    struct fk_sketcher s;
    uint8_t x[FK_SKETCH_BYTES];
    fk_sketcher_reset(&s);
    assert_false(fk_sketcher_end(&s, x));
}

/* Through the tokeniser: the same sentence wrapped, quoted, in other width. */
static void the_form_of_a_text_does_not_count(void **unused) {
    (void)unused;
    static const char *const texts[] = {
        "お世話になっております。見積書を添付いたしますので、ご確認をお願いいたします。The price "
        "of Falcon is 100.",
        "お世話になっております。見積書を添付\nいたしますので、ご確認をお願い\nいたします。\nＴＨＥ"
        " price of\nFALCON is １００.",
    };
    struct fk_docterms *d = NULL;
    struct fk_err err = FK_ERR_INIT;
    uint8_t x[2][FK_SKETCH_BYTES];
    assert_int_equal(fk_docterms__new(&d, &err), FK_OK);
    for (size_t i = 0; i < 2; i++) {
        fk_docterms__reset(d);
        assert_int_equal(fk_docterms__text(d, FK_IN_SUBJECT, "whatever it says here", 21, &err),
                         FK_OK);
        assert_int_equal(fk_docterms__text(d, FK_IN_BODY, texts[i], strlen(texts[i]), &err), FK_OK);
        assert_true(fk_docterms__sketch(d, x[i]));
    }
    assert_int_equal(fk_sketch_likeness(x[0], x[1]), 100);
    fk_docterms__free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likeness_is_near_the_exact_one),
        cmocka_unit_test(equal_texts_are_wholly_alike),
        cmocka_unit_test(strangers_are_not_alike),
        cmocka_unit_test(no_words_no_sketch),
        cmocka_unit_test(the_form_of_a_text_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
