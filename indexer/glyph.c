/* glyph.c - see glyph_priv.h */
#include "indexer/glyph_priv.h"

#include <string.h>

enum { SPREAD = 2 }; /* blanks between two characters of a heading */

static bool is_spread(uint32_t c) {
    return fk_glyph_is_kanji(c) || fk_glyph_is_kana(c);
}

size_t fk_glyph_word(const char *text, size_t len, size_t at, const char *word) {
    const size_t word_len = strlen(word);
    const bool begins_with_letter = fk_glyph_is_letter((uint8_t)word[0]);
    uint32_t last = 0;
    size_t next, begin;
    if (begins_with_letter) {
        const uint32_t before = fk_glyph_before(text, len, at, &begin);
        if (fk_glyph_is_letter(before) || fk_glyph_is_digit(before))
            return 0;
    }
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
