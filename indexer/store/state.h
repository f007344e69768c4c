/*
 * state.h - the index as it is now, for those who read it: opened, how far it has come, who writes
 * it, and how to have it made anew. Threads: any.
 */
#ifndef FK_INDEXER_STATE_H
#define FK_INDEXER_STATE_H
#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* All its shards and its mark. FK_NOT_FOUND where there is none yet; FK_RETRY where it is of
 * another version and waits to be made anew; a search that meets FK_RETRY in it later opens anew.
 * Free with fk_xreader_close (xapian_shim.h). */
struct fk_xreader;
FK_CHECKED enum fk_status fk_index_open(const char *dir, struct fk_xreader **reader, uint64_t *mark,
                                        struct fk_err *err);
/* Where st is FK_CORRUPT, the sentence gets the index that is damaged and what cures it; any other
 * st leaves it as it is. Returns st. */
enum fk_status fk_index_blame(enum fk_status st, const char *dir, struct fk_err *err);
/* How far it has come and what it covers. */
struct fk_index_state {
    uint64_t mark, documents, partial;
};
FK_CHECKED enum fk_status fk_index_state(const char *dir, struct fk_index_state *out,
                                         struct fk_err *err);

/* Asks the indexer that has the index to rebuild it; answered when fk_index_rebuild_waits is
 * false again. */
FK_CHECKED enum fk_status fk_index_ask_rebuild(const char *dir, struct fk_err *err);
bool fk_index_rebuild_waits(const char *dir);
bool fk_index_is_being_written(const char *dir); /* an indexer has it */

#ifdef __cplusplus
}
#endif
#endif
