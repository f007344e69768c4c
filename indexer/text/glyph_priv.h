/*
 * glyph_priv.h - characters of a text as figures, dates and labels are looked for in: one at a
 * time, full-width forms as ASCII, dashes of all kinds as -, blanks of all kinds as a blank. The
 * text itself stays as it is, so that places in it are those of the mail's own text.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_GLYPH_PRIV_H
#define FK_INDEXER_GLYPH_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FK_GLYPH_END = 0, FK_GLYPH_BAD = 0xfffd, FK_GLYPH_YEN = 0xa5 };

/* fk_glyph and fk_glyph_before where the character is not ASCII. */
uint32_t fk_glyph__wide(const char *text, size_t len, size_t at, size_t *next);
uint32_t fk_glyph__wide_before(const char *text, size_t len, size_t at, size_t *begin);

/* The character at `at`, which is at most len, and where the next one begins. */
static inline uint32_t fk_glyph(const char *text, size_t len, size_t at, size_t *next) {
    if (at >= len) {
        *next = len;
        return FK_GLYPH_END;
    }
    const uint8_t c = (uint8_t)text[at];
    if (c == 0 || c >= 0x80)
        return fk_glyph__wide(text, len, at, next);
    *next = at + 1;
    return c;
}

/* The one before `at`; FK_GLYPH_END at the beginning. */
static inline uint32_t fk_glyph_before(const char *text, size_t len, size_t at, size_t *begin) {
    if (at == 0) {
        *begin = 0;
        return FK_GLYPH_END;
    }
    const uint8_t c = (uint8_t)text[at - 1];
    if (c == 0 || c >= 0x80)
        return fk_glyph__wide_before(text, len, at, begin);
    *begin = at - 1;
    return c;
}

static inline bool fk_glyph_is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}
static inline bool fk_glyph_is_letter(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline uint32_t fk_glyph_lower(uint32_t c) {
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}
static inline bool fk_glyph_is_kanji(uint32_t c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || c == 0x3005 ||
           (c >= 0xf900 && c <= 0xfaff);
}
static inline bool fk_glyph_is_kana(uint32_t c) {
    return (c >= 0x3041 && c <= 0x30ff) || (c >= 0xff66 && c <= 0xff9f);
}
/* A blank within a line. */
static inline bool fk_glyph_is_blank(uint32_t c) {
    return c == ' ' || c == '\t';
}
/* Whether c, which stands at `at`, is a letter of a word that began before. */
static inline bool fk_glyph_is_inside(const char *text, size_t len, size_t at, uint32_t c) {
    size_t begin;
    if (!fk_glyph_is_letter(c))
        return false;
    const uint32_t before = fk_glyph_before(text, len, at, &begin);
    return fk_glyph_is_letter(before) || fk_glyph_is_digit(before);
}

/* Does this word (ASCII in lower case, or any other characters; a NUL ends it) stand at `at`? Where
 * it ends, or 0. Case does not matter; between characters that are no letters blanks are passed
 * over, as in headings that are spread out; a blank in the word is one or more. */
size_t fk_glyph_word(const char *text, size_t len, size_t at, const char *word);

#endif
