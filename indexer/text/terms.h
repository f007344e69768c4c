/*
 * terms.h - how text becomes terms, the same way for messages and for queries.
 *
 * Text is folded (ICU NFKC_Casefold, then a few characters that NFKC leaves apart: fold.c) and cut
 * into tokens. A word of a script with spaces, and a number, is a run of letters, digits and their
 * marks: one token with one position; all else separates, so that an address or a file name is its
 * words in a row. Scripts without spaces (Han, kana and marks such as ー々〇, Thai, ...), Hangul
 * and private characters (gaiji) make CJK runs: each character has a position; at it stands the
 * bigram that begins there, at the run's last character the single character, and at its first one
 * both. So a phrase is always a row of tokens at consecutive positions, and a character is found by
 * the bigrams that begin with it and, where it ends a run, by itself:
 *
 *     "A会議 B"  ->  A@0 会議@1 会@1 議@2 B@3
 *     a query 会議室 is 会議@0 議室@1; a query "会議 B" is 会議@0 議@1 B@2
 *
 * Japanese is wrapped inside words: a line end between two CJK characters does not end a run.
 * Blanks around it and marks of quotation after it are passed over; an empty line ends the run.
 * Since a line end may also be the end of a word, both characters there are treated as ends of a
 * run as well, and 東京 / 大阪 on two lines is found as 京大, as 東京大阪 and as "東京 大阪". A
 * blank within a line ends a run.
 *
 * A row is a text in which positions are seen without being written down: units (a word, or a
 * character of a run with its marks) one after another, each at the next position. Between two of
 * them is a blank; nothing inside a run; FK_ROW_LINE where a line ends inside a run; FK_ROW_GAP
 * between what no phrase crosses. A phrase is found in it by bytes (phrase_priv.h).
 * In CJK runs a character stands for all that are the same in names (variants.h): the bigram of
 * 髙橋 is 高橋, with 髙橋 as what was written.
 *
 * Words over FK_WORD_MAX bytes are cut into pieces of at most that, on both sides alike, so that
 * nothing is missed. Ownership: tokens are borrowed for the call. Threads: any.
 */
#ifndef FK_INDEXER_TERMS_H
#define FK_INDEXER_TERMS_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_WORD_MAX = 128, FK_ADDRESS_MAX = 240, FK_TERMS_VERSION = 8 };

struct fk_token {
    const char *text; /* UTF-8, folded, not NUL-terminated */
    size_t len;
    uint32_t pos;
    const char *written; /* folded, with the characters that text has others for; NULL: as text */
    size_t written_len;
};
typedef void (*fk_token_fn)(void *ctx, const struct fk_token *token);

/* What stands between the units of a row. */
enum {
    FK_ROW_BLANK = ' ', /* the next position */
    FK_ROW_LINE = '\n', /* a line end inside a run */
    FK_ROW_GAP = '\f'   /* FK_FIELD_GAP positions (prefixes.h) */
};

/* Folds text as the index has it; appended as UTF-8. Bytes that are not UTF-8 become U+FFFD. */
FK_CHECKED enum fk_status fk_terms_fold(const char *text, size_t len, struct fk_buf *out,
                                        struct fk_err *err);
/* Every token of a document's text, by position; at each, the one of a phrase's row comes first.
 * pos: first position to use; *next_out: first unused. */
FK_CHECKED enum fk_status fk_terms_of_text(const char *text, size_t len, uint32_t pos,
                                           fk_token_fn fn, void *ctx, uint32_t *next_out,
                                           struct fk_err *err);
/* The same, and the text as a row, appended (NULL: none). */
FK_CHECKED enum fk_status fk_terms_to_row(const char *text, size_t len, uint32_t pos,
                                          fk_token_fn fn, void *ctx, uint32_t *next_out,
                                          struct fk_buf *row, struct fk_err *err);
/* The tokens that a document must have, in this order and at consecutive positions, to hold the
 * query text literally; one token for a single word or character. None for text of punctuation. */
FK_CHECKED enum fk_status fk_terms_of_query(const char *text, size_t len, fk_token_fn fn, void *ctx,
                                            struct fk_err *err);
/* Is a token of a query one character of a run, with its marks? It is posted by itself at the ends
 * of runs alone; everywhere else a token begins with it. */
bool fk_terms_is_character(const char *text, size_t len);
/* Does a token begin with this character, without further marks on it? */
bool fk_terms_begins_with(const char *token, size_t len, const char *character, size_t n);
/* A mail address or domain as one term: folded, without blanks and angle brackets around it, cut at
 * FK_ADDRESS_MAX bytes. */
FK_CHECKED enum fk_status fk_terms_of_address(const char *text, size_t len, struct fk_buf *out,
                                              struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
