/* glyph.c - see glyph_priv.h */
#include "indexer/text/glyph_priv.h"
#include "indexer/text/fold_priv.h"

#include <string.h>

static uint32_t folded(uint32_t c) {
    if (c > 0x3000 && c < 0xff01)
        return c;
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

uint32_t fk_glyph__wide(const char *text, size_t len, size_t at, size_t *next) {
    int32_t from = (int32_t)at;
    const int32_t c = fk_utf8_next(text, &from, (int32_t)len);
    *next = (size_t)from;
    return c < 0 ? (uint32_t)FK_GLYPH_BAD : folded((uint32_t)c);
}

uint32_t fk_glyph__wide_before(const char *text, size_t len, size_t at, size_t *begin) {
    size_t from = at, next;
    do
        from--;
    while (from > 0 && at - from < 4 && ((uint8_t)text[from] & 0xc0) == 0x80);
    *begin = from;
    const uint32_t c = fk_glyph(text, len, from, &next);
    return next == at ? c : (uint32_t)FK_GLYPH_BAD;
}

enum { SPREAD = 2 }; /* blanks between two characters of a heading */

static bool is_spread(uint32_t c) {
    return fk_glyph_is_kanji(c) || fk_glyph_is_kana(c);
}

size_t fk_glyph_word(const char *text, size_t len, size_t at, const char *word) {
    const size_t word_len = strlen(word);
    uint32_t last = 0;
    size_t next;
    if (fk_glyph_is_inside(text, len, at, (uint8_t)word[0]))
        return 0;
    for (size_t w = 0, w_next; w < word_len; w = w_next) {
        const uint32_t want = fk_glyph(word, word_len, w, &w_next);
        uint32_t c = fk_glyph(text, len, at, &next);
        if (want == ' ') {
            if (!fk_glyph_is_blank(c))
                return 0;
            while (fk_glyph_is_blank(fk_glyph(text, len, at, &next)))
                at = next;
            last = want;
            continue;
        }
        for (int i = 0; i < SPREAD && fk_glyph_is_blank(c) && is_spread(last) && is_spread(want);
             i++) {
            at = next;
            c = fk_glyph(text, len, at, &next);
        }
        if (fk_glyph_lower(c) != want)
            return 0;
        last = want;
        at = next;
    }
    if (fk_glyph_is_letter(last) && fk_glyph_is_letter(fk_glyph(text, len, at, &next)))
        return 0;
    return at;
}
