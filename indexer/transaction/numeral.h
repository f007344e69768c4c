/*
 * numeral.h - numbers as Japanese mail writes them.
 *
 *     1,234,567   １２３万   1.2億   3万5千   25千   一〇二四   千二十四   壱阡弐拾四   廿
 *
 * Digits, of either width, go in groups of three with a comma or not at all; a decimal point may
 * follow once. Kanji digits stand one after another, or before 十百千, which descend; sections end
 * with 万億兆, which descend. The characters of documents (壱弐参拾佰仟萬 ...) are the same
 * numbers.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_NUMERAL_H
#define FK_INDEXER_NUMERAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Under a hundred million billion: what is over it is no number here. */
#define FK_NUMERAL_MAX INT64_C(4999999999999999999)

struct fk_numeral {
    int64_t hundredths; /* of one: no more than two decimals are left when the units are counted */
    size_t end;         /* where it ends in the text */
    bool has_digits;    /* 0-9 are in it; else it is kanji alone */
    bool is_bare;       /* one unit alone, such as 千: mostly no number but a word */
    bool has_leading_zero;
};
/* The longest number that begins at `at`; false where none does, or where it has a form that no
 * number has (1.2.3, 12,34, 万 alone, more decimals than hundredths). */
bool fk_numeral_read(const char *text, size_t len, size_t at, struct fk_numeral *out);
/* 0 to 9 for a kanji digit, -1 for any other character. */
int fk_numeral_kanji_digit(uint32_t character);

#ifdef __cplusplus
}
#endif
#endif
