/*
 * phrase_priv.h - whether a row (terms.h) has tokens at consecutive positions, or near one another.
 *
 *     struct fk_phrase *p = fk_phrase_new(terms, lens, n);       NULL: no memory
 *     if (fk_phrase_stands(p, row, len)) ...
 *     fk_phrase_free(&p);
 *
 * Terms are those of fk_terms_of_query with the prefix of their field before each; all have the
 * same. Ownership: terms are copied. Threads: any; a phrase is read-only.
 */
#ifndef FK_INDEXER_PHRASE_PRIV_H
#define FK_INDEXER_PHRASE_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_phrase;
struct fk_phrase *fk_phrase_new(const char *const *terms, const size_t *lens, size_t n);
/* Texts of which each begins within `window` positions of all others, in any order; equal ones at
 * different positions. A text is one term, or several in a row with a blank between, of which only
 * the first has the prefix. */
struct fk_phrase *fk_phrase_near(const char *const *terms, const size_t *lens, size_t n,
                                 unsigned window);
void fk_phrase_free(struct fk_phrase **p);
bool fk_phrase_stands(const struct fk_phrase *p, const uint8_t *row, size_t len);
/* Of the field; not terminated. */
const char *fk_phrase_prefix(const struct fk_phrase *p, size_t *len_out);
/* Of a term. */
size_t fk_phrase_prefix_of(const char *term, size_t len);

#ifdef __cplusplus
}
#endif
#endif
