/*
 * row_priv.h - a row (terms.h) unit by unit: a word, or a character of a run with its marks.
 *
 * Ownership: everything is borrowed. Threads: any.
 */
#ifndef FK_INDEXER_ROW_PRIV_H
#define FK_INDEXER_ROW_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* FK_CH_* (fold_priv.h) of the first character; 0 where it is none. next_out: its bytes. */
uint8_t fk_row_class(const char *text, size_t len, size_t *next_out);
/* Bytes of one character and the marks after it. */
size_t fk_row_unit(const char *text, size_t len);
/* What stands between units. */
bool fk_row_is_apart(uint8_t c);

/* The tokens that the row's text was posted by (fk_terms_to_row), at their positions from 1 on; of
 * one word of a text all, ascending. Without what was written in variants. */
typedef void (*fk_row_token_fn)(void *ctx, const char *token, size_t len, uint32_t pos);
void fk_row_tokens(const uint8_t *row, size_t len, fk_row_token_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
