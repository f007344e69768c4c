/*
 * fold_priv.h - what folding and cutting know of a character, one byte for each, looked up in pages
 * that are made from ICU's data when first needed. Threads: any.
 */
#ifndef FK_INDEXER_FOLD_PRIV_H
#define FK_INDEXER_FOLD_PRIV_H
#include <stdint.h>

enum {
    FK_CH_SELF = 1,      /* folds to itself, whatever stands before it */
    FK_CH_ATTACHED = 2,  /* may join with what stands before it (combining marks, ゛) */
    FK_CH_WORD = 4,      /* letter or digit of a script with spaces */
    FK_CH_CJK = 8,       /* cut into bigrams */
    FK_CH_MARK = 16,     /* belongs to the character before it */
    FK_CH_KANA = 32,     /* hiragana or katakana */
    FK_CH_KATAKANA = 64, /* without ー */
    FK_CH_OURS = 128,    /* folded by our own table */
};
enum { FK_CH_PAGE = 256, FK_CH_PAGES = 0x110000 / FK_CH_PAGE };
extern uint8_t *fk_terms__pages[FK_CH_PAGES]; /* NULL: not made yet */
uint8_t fk_terms__class_make(uint32_t cp);

static inline uint8_t fk_terms__class(uint32_t cp) {
    if (cp >= 0x110000)
        return 0;
    const uint8_t *page = __atomic_load_n(&fk_terms__pages[cp / FK_CH_PAGE], __ATOMIC_ACQUIRE);
    return page ? page[cp % FK_CH_PAGE] : fk_terms__class_make(cp);
}

/* The character at *at, which moves on by at least a byte; -1 where the bytes are not UTF-8. */
static inline int32_t fk_utf8_next(const char *text, int32_t *at, int32_t len) {
    const uint8_t *s = (const uint8_t *)text + *at;
    const int32_t left = len - *at;
    const uint8_t lead = s[0];
    int32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    static const uint8_t lowest[4] = {0, 0x80, 0xa0, 0x90}; /* of the second byte: no overlong */
    if (lead < 0x80) {
        ++*at;
        return lead;
    }
    if (more == 2 && left > 2 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
        const int32_t wide = (lead & 0xf) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        if (wide >= 0x800 && (wide < 0xd800 || wide > 0xdfff)) { /* most of Japanese text */
            *at += 3;
            return wide;
        }
    }
    if (more == 0 || more >= left || lead > 0xf4 || (s[1] & 0xc0) != 0x80 ||
        ((lead == 0xe0 || lead == 0xf0) && s[1] < lowest[more]) || (lead == 0xed && s[1] > 0x9f) ||
        (lead == 0xf4 && s[1] > 0x8f)) {
        ++*at;
        return -1;
    }
    int32_t cp = lead & (0x3f >> more);
    for (int32_t i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            *at += i;
            return -1;
        }
        cp = cp << 6 | (s[i] & 0x3f);
    }
    *at += more + 1;
    return cp;
}

#endif
