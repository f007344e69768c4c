/* lexicon.c - see lexicon_priv.h. */
#include "indexer/transaction/lexicon_priv.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

static const char *word_of(const struct fk_lexicon *l, size_t i) {
    return *(const char *const *)((const char *)l->words + i * l->stride);
}

/* From the last word to the first, so that each chain has the table's order. */
static void chains_make(struct fk_lexicon *l) {
    assert(l->count <= FK_LEXICON_WORDS);
    for (size_t i = l->count; i-- > 0;) {
        const char *word = word_of(l, i);
        const size_t len = strlen(word);
        size_t next;
        l->first[i] = fk_glyph(word, len, 0, &next);
        l->second[i] = fk_glyph(word, len, next, &next);
        uint16_t *head = &l->head[l->first[i] % FK_LEXICON_HEADS];
        l->next[i] = *head;
        *head = (uint16_t)(i + 1);
    }
}

void fk_lexicon__make(struct fk_lexicon *l) {
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&making);
    if (!l->is_made) {
        chains_make(l);
        __atomic_store_n(&l->is_made, true, __ATOMIC_RELEASE);
    }
    (void)pthread_mutex_unlock(&making);
}

struct place {
    const char *text;
    size_t len, at;
    uint32_t first, second;
};

/* False where no word of the table begins. */
static bool place_read(struct fk_lexicon *l, struct place *p) {
    size_t next;
    const uint32_t c = fk_glyph(p->text, p->len, p->at, &next);
    if (!fk_lexicon_may_begin(l, c) || fk_glyph_is_inside(p->text, p->len, p->at, c))
        return false;
    p->first = fk_glyph_lower(c);
    p->second = fk_glyph_lower(fk_glyph(p->text, p->len, next, &next));
    return true;
}

/* Blanks may stand before the second character (fk_glyph_word). */
static size_t word_end(const struct fk_lexicon *l, size_t i, const struct place *p) {
    const uint32_t second = l->second[i];
    if (l->first[i] != p->first ||
        (second != FK_GLYPH_END && second != p->second && !fk_glyph_is_blank(p->second)))
        return 0;
    return fk_glyph_word(p->text, p->len, p->at, word_of(l, i));
}

size_t fk_lexicon_first(struct fk_lexicon *l, const char *text, size_t len, size_t at,
                        size_t *end) {
    struct place p = {text, len, at, 0, 0};
    if (!place_read(l, &p))
        return FK_LEXICON_NONE;
    for (size_t n = l->head[p.first % FK_LEXICON_HEADS]; n; n = l->next[n - 1]) {
        const size_t is = word_end(l, n - 1, &p);
        if (is) {
            *end = is;
            return n - 1;
        }
    }
    return FK_LEXICON_NONE;
}

size_t fk_lexicon_longest(struct fk_lexicon *l, const char *text, size_t len, size_t at,
                          size_t *end) {
    struct place p = {text, len, at, 0, 0};
    size_t best = FK_LEXICON_NONE, best_end = 0;
    if (!place_read(l, &p))
        return FK_LEXICON_NONE;
    for (size_t n = l->head[p.first % FK_LEXICON_HEADS]; n; n = l->next[n - 1]) {
        const size_t is = word_end(l, n - 1, &p);
        if (is > best_end) {
            best_end = is;
            best = n - 1;
        }
    }
    if (best_end)
        *end = best_end;
    return best;
}
