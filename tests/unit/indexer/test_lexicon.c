/* test_lexicon.c - a lexicon answers what asking for each of its words would. */
#include "indexer/transaction/lexicon_priv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

/* U+4E00 and U+5200 have the same last ten bits, as "no." and U+686E have. */
static const struct {
    const char *word;
    int number;
} words[] = {{"合計", 0},      {"合計金額", 1}, {"合計", 2},   {"total", 3},
             {"total due", 4}, {"no.", 5},      {"no", 6},     {"№", 7},
             {"一", 8},        {"刀", 9},       {"税 込", 10}, {"po #", 11},
             {"$", 12},        {"桮", 13},      {"𠮷野", 14},  {"total amount", 15}};
static const char *const texts[] = {
    "合計金額 合 計 金 額: 合計",
    "合　　計合  計額合   計",
    "total due TOTAL  DUE,Ｔｏｔａｌ total\tamount, subtotal totals 1total total1",
    "no. no NO.5 №5 noon 一 刀 桮 𠮷野 𠮷 野 税込 税 込 税  込 po#1 PO #2 us$ ＄",
    "\xe5\x90\x88\xe8\xa8 \xff total\0no. \xf0\xa0\xae",
    "",
};
static const size_t text_lens[] = {0, 0, 0, 0, 21, 0};
enum { WORDS = sizeof words / sizeof *words, TEXTS = sizeof texts / sizeof *texts };

static size_t first_by_asking(const char *text, size_t len, size_t at, size_t *end) {
    for (size_t i = 0; i < WORDS; i++)
        if ((*end = fk_glyph_word(text, len, at, words[i].word)))
            return i;
    return FK_LEXICON_NONE;
}

static size_t longest_by_asking(const char *text, size_t len, size_t at, size_t *end) {
    size_t best = FK_LEXICON_NONE;
    *end = 0;
    for (size_t i = 0; i < WORDS; i++) {
        const size_t is = fk_glyph_word(text, len, at, words[i].word);
        if (is > *end) {
            *end = is;
            best = i;
        }
    }
    return best;
}

static void every_place_has_the_word_that_stands_there(void **state) {
    (void)state;
    static struct fk_lexicon lexicon = FK_LEXICON(words, word);
    unsigned found = 0;
    for (size_t t = 0; t < TEXTS; t++) {
        const size_t len = text_lens[t] ? text_lens[t] : strlen(texts[t]);
        for (size_t at = 0; at <= len; at++) {
            size_t end = 0, wanted_end = 0;
            const size_t first = first_by_asking(texts[t], len, at, &wanted_end);
            assert_int_equal(fk_lexicon_first(&lexicon, texts[t], len, at, &end), first);
            assert_int_equal(end, wanted_end);
            end = 0;
            const size_t longest = longest_by_asking(texts[t], len, at, &wanted_end);
            assert_int_equal(fk_lexicon_longest(&lexicon, texts[t], len, at, &end), longest);
            assert_int_equal(end, wanted_end);
            found += first != FK_LEXICON_NONE;
        }
    }
    assert_true(found > 20);
}

static void what_is_not_there_leaves_the_end_alone(void **state) {
    (void)state;
    static struct fk_lexicon lexicon = FK_LEXICON(words, word);
    size_t end = 77;
    assert_true(fk_lexicon_first(&lexicon, "totem", 5, 0, &end) == FK_LEXICON_NONE && end == 77);
    assert_true(fk_lexicon_longest(&lexicon, "totem", 5, 0, &end) == FK_LEXICON_NONE && end == 77);
    assert_true(fk_lexicon_may_begin(&lexicon, 'T') && !fk_lexicon_may_begin(&lexicon, 'x'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_has_the_word_that_stands_there),
        cmocka_unit_test(what_is_not_there_leaves_the_end_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
