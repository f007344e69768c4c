/*
 * lexicon_priv.h - words of a table that are looked for at every place of a text: most places begin
 * none of them, so they are found by their first character and told apart by the second.
 *
 *     static const struct { const char *word; int kind; } words[] = {{"請求書", 0}, ...};
 *     static struct fk_lexicon lexicon = FK_LEXICON(words, word);
 *     size_t i = fk_lexicon_first(&lexicon, text, len, at, &end);
 *     if (i != FK_LEXICON_NONE) ... words[i].kind
 *
 * Words are those of fk_glyph_word (glyph_priv.h): the answer is what asking it for each word of
 * the table, in the table's order, would give.
 *
 * Ownership: the table stays the caller's, and as it is; it has at most FK_LEXICON_WORDS words.
 * Threads: any.
 */
#ifndef FK_INDEXER_LEXICON_PRIV_H
#define FK_INDEXER_LEXICON_PRIV_H
#include "indexer/text/glyph_priv.h"

#define FK_LEXICON_NONE SIZE_MAX
enum { FK_LEXICON_WORDS = 512, FK_LEXICON_HEADS = 1024 };

struct fk_lexicon {
    const char *const *words; /* the first of them; the next is a stride away */
    size_t stride, count;
    /* Made when first needed. */
    bool is_made;
    uint16_t
        head[FK_LEXICON_HEADS]; /* by the first character's last bits: a word's number and one */
    uint16_t next[FK_LEXICON_WORDS];
    uint32_t first[FK_LEXICON_WORDS], second[FK_LEXICON_WORDS];
};
#define FK_LEXICON(table, member)                                                                  \
    {                                                                                              \
        .words = &(table)[0].member, .stride = sizeof *(table),                                    \
        .count = sizeof(table) / sizeof *(table)                                                   \
    }
/* Of an array of words alone. */
#define FK_LEXICON_OF(array)                                                                       \
    { .words = (array), .stride = sizeof *(array), .count = sizeof(array) / sizeof *(array) }

void fk_lexicon__make(struct fk_lexicon *l);

/* Whether a word may begin with this character. */
static inline bool fk_lexicon_may_begin(struct fk_lexicon *l, uint32_t c) {
    if (!__atomic_load_n(&l->is_made, __ATOMIC_ACQUIRE))
        fk_lexicon__make(l);
    return l->head[fk_glyph_lower(c) % FK_LEXICON_HEADS] != 0;
}

/* The first of the table's words that stands at `at`, and where it ends; FK_LEXICON_NONE, and *end
 * as it was, where there is none. */
size_t fk_lexicon_first(struct fk_lexicon *l, const char *text, size_t len, size_t at, size_t *end);
/* The one that ends last, of equals the first of the table. */
size_t fk_lexicon_longest(struct fk_lexicon *l, const char *text, size_t len, size_t at,
                          size_t *end);

#endif
