/* note_priv.h - reading line by line, for the files that know the forms of notes. */
#ifndef FK_VAULT_NOTE_PRIV_H
#define FK_VAULT_NOTE_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line without its LF from *p on; false where there is none. */
bool fk_note__line(const char **p, const char *end, const char **line, size_t *len);
/* A decimal number of at most 2^63 - 1 without leading zeros. */
bool fk_note__size(const char *text, size_t len, uint64_t *out);

#endif
