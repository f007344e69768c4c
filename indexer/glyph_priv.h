/*
 * glyph_priv.h - characters of a text as figures, dates and labels are looked for in: one at a
 * time, full-width forms as ASCII, dashes of all kinds as -, blanks of all kinds as a blank. The
 * text itself stays as it is, so that places in it are those of the mail's own text.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_GLYPH_PRIV_H
#define FK_INDEXER_GLYPH_PRIV_H
#include "indexer/fold_priv.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FK_GLYPH_END = 0, FK_GLYPH_BAD = 0xfffd, FK_GLYPH_YEN = 0xa5 };

static inline uint32_t fk_glyph_folded(uint32_t c) {
    if (c >= 0xff01 && c <= 0xff5e)
        return c - 0xfee0;
    switch (c) {
    case 0:
        return FK_GLYPH_BAD;
    case 0x3000:
    case 0xa0:
    case 0x202f:
        return ' ';
    case 0xffe5:
        return FK_GLYPH_YEN;
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
        return '-';
    default:
        return c >= 0x2000 && c <= 0x200a ? ' ' : c;
    }
}

/* The character at `at`, which is at most len, and where the next one begins. */
static inline uint32_t fk_glyph(const char *text, size_t len, size_t at, size_t *next) {
    if (at >= len) {
        *next = len;
        return FK_GLYPH_END;
    }
    int32_t from = (int32_t)at;
    const int32_t c = fk_utf8_next(text, &from, (int32_t)len);
    *next = (size_t)from;
    return c < 0 ? (uint32_t)FK_GLYPH_BAD : fk_glyph_folded((uint32_t)c);
}

/* The one before `at`; FK_GLYPH_END at the beginning. */
static inline uint32_t fk_glyph_before(const char *text, size_t len, size_t at, size_t *begin) {
    size_t from = at, next;
    *begin = 0;
    if (at == 0)
        return FK_GLYPH_END;
    do
        from--;
    while (from > 0 && at - from < 4 && ((uint8_t)text[from] & 0xc0) == 0x80);
    *begin = from;
    const uint32_t c = fk_glyph(text, len, from, &next);
    return next == at ? c : (uint32_t)FK_GLYPH_BAD;
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

/* Does this word (ASCII in lower case, or any other characters; a NUL ends it) stand at `at`? Where
 * it ends, or 0. Case does not matter; between characters that are no letters blanks are passed
 * over, as in headings that are spread out; a blank in the word is one or more. */
size_t fk_glyph_word(const char *text, size_t len, size_t at, const char *word);

#endif
