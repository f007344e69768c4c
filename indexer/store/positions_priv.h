/*
 * positions_priv.h - where common words stand, beside a database (docs/format-index.md).
 *
 * A phrase is verified in the text of each message that has all its words (phrase_priv.h). Where
 * that is every other message, reading them all takes more than a second of a million; so a large
 * shard, when it is merged, is given the positions of the words that most of its messages have.
 * They are a help and never needed: a shard without the file, or a word that is not in it, goes by
 * its texts.
 *
 *     positions          words in order, where each one's list is and its SHA-256; the lists
 *     positions.void     is there once they count no more
 *
 * Errors: FK_NOT_FOUND there are none; FK_CORRUPT. Threads: one at a time a handle.
 */
#ifndef FK_INDEXER_POSITIONS_PRIV_H
#define FK_INDEXER_POSITIONS_PRIV_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_POSITIONS_WORDS = 65536 }; /* at most, of a shard */

/* ---- writing: all in memory until the end */
struct fk_positions_writer;
/* Words ascend by their bytes, and are copied. */
FK_CHECKED enum fk_status fk_positions_begin(const char *const *words, const size_t *lens, size_t n,
                                             struct fk_positions_writer **out, struct fk_err *err);
/* docids ascend, and positions (from 1 on) within one. */
void fk_positions_add(struct fk_positions_writer *w, size_t word, uint32_t docid, uint32_t pos);
/* In how many documents it was. */
uint32_t fk_positions_documents(const struct fk_positions_writer *w, size_t word);
void fk_positions_leave_out(struct fk_positions_writer *w, size_t word);
/* DIR/positions, where any word is left; the caller syncs. Frees *w in every case. */
FK_CHECKED enum fk_status fk_positions_end(struct fk_positions_writer **w, const char *dir,
                                           struct fk_err *err);
void fk_positions_abort(struct fk_positions_writer **w);

/* ---- reading */
struct fk_positions;
FK_CHECKED enum fk_status fk_positions_open(const char *dir, struct fk_positions **out,
                                            struct fk_err *err);
void fk_positions_close(struct fk_positions **p);
FK_CHECKED enum fk_status fk_positions_has(struct fk_positions *p, const char *word, size_t len,
                                           bool *out, struct fk_err *err);

/* The documents of a word; begin with all zero. */
struct fk_positions_list {
    uint8_t *bytes;
    const uint8_t *at, *end;
    uint32_t docid;
    const uint8_t *first, *last; /* of its positions */
};
/* FK_NOT_FOUND: no such word. To be freed in every case. */
FK_CHECKED enum fk_status fk_positions_read(struct fk_positions *p, const char *word, size_t len,
                                            struct fk_positions_list *out, struct fk_err *err);
/* The next document; false at the end. */
bool fk_positions_next(struct fk_positions_list *l);
/* Of the document at hand, into at most max; how many there are. */
size_t fk_positions_of(const struct fk_positions_list *l, uint32_t *out, size_t max);
void fk_positions_list_free(struct fk_positions_list *l);

/* Before rows are changed in their place, which the positions would not follow: from then on there
 * are none. On the disk on return. */
FK_CHECKED enum fk_status fk_positions_void(const char *dir, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
