/* patch.h - for parsers of large or checksummed bytes: an input says what is changed of good ones.
 *
 * Changes, one after another: a byte (kind), three bytes (where, from the front, modulo the
 * length), a byte n (1 to 256 bytes of it), then, where it needs them, n bytes. So a mutation
 * moves, widens or exchanges a change. */
#ifndef FK_FUZZ_PATCH_H
#define FK_FUZZ_PATCH_H
#include "tests/fuzz/support/fuzz.h"

enum { FUZZ_PATCHES_MAX = 32 };
void fuzz_patch(struct fk_buf *b, struct fuzz_input *in);
#endif
