/*
 * slice.h - what has come into an open segment since a mark, as a mirror takes it
 * (docs/format-mirror.md).
 *
 * The pen cuts slices (fk_pen_slice), the mirror writes them down (mirror.h). Marks are the
 * mirror's: the pen remembers nothing of them.
 */
#ifndef FK_VAULT_SLICE_H
#define FK_VAULT_SLICE_H
#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum fk_row_table {
    FK_ROW_ENTRY = 1,
    FK_ROW_EXTENT,
    FK_ROW_CONTENT,
    FK_ROW_KEY,
    FK_ROW_NO_KEYS,
    FK_ROW_CHUNK
};

/* How much of a segment is there. generation 0: nothing of it yet. */
struct fk_mark {
    uint64_t segment, next_seq, next_extent, generation;
};
struct fk_slice {
    struct fk_mark to;
    uint64_t first; /* seq of the first entry in it */
    uint64_t
        changes; /* of files other than this segment's rows, counted since the pen was opened */
    bool sealed; /* the segment is sealed by now: its file is to be taken, and there are no rows */
    bool closed; /* the segment is closed, and this is its end */
    bool at_end; /* there is nothing after this yet */
    bool new_keys; /* key_file is another one than that of the mark */
    struct fk_buf rows, key_file;
};
static inline void fk_slice_free(struct fk_slice *s) {
    fk_buf_free(&s->rows);
    fk_buf_free(&s->key_file);
}

#ifdef __cplusplus
}
#endif
#endif
