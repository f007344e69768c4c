/*
 * password_words_priv.h - words of a mail that may be the password of a file in another one.
 * Runs in the box. Errors: out->failed. Threads: any.
 */
#ifndef FK_INDEXER_PASSWORD_WORDS_PRIV_H
#define FK_INDEXER_PASSWORD_WORDS_PRIV_H
#include "base/buf.h"

enum { FK_PASSWORD_WORD_LEAST = 4, FK_PASSWORD_WORD_MOST = 32 }; /* bytes */

/* Of a text for people: those behind "password" and its like first, of a short one then every word
 * that may be one. Appends u16 count, strings. */
void fk_password_words__of(const char *text, size_t len, struct fk_buf *out);

#endif
