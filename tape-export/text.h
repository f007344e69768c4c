/*
 * text.h - the texts that go with every set and package: they are linked into the program as they
 * stand in tape-export/text/ and docs/format-vault.md.
 */
#ifndef FK_TAPE_TEXT_H
#define FK_TAPE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_text {
    const char *name; /* on the tape */
    const void *data;
    size_t len;
    bool in_package; /* not on tapes alone */
};
/* Ended by a NULL name. */
const struct fk_text *fk_tape_texts(void);

#ifdef __cplusplus
}
#endif
#endif
