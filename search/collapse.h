/*
 * collapse.h - hits as groups: one stands for all of its conversation, or for all that is like it.
 *
 * Of a group the newest hit stands, in its place among the hits; others are counted. It is the same
 * each time the same hits are grouped.
 *
 * By conversation: the root that each message itself names (FK_SLOT_CONVERSATION). That is exact
 * and cheap, and joins less than thread: does: two messages that name different roots stay apart
 * where a third one joins them, and so does what only a subject joins.
 *
 * By likeness: hits from the newest on; each is put to the first group whose standing hit it is
 * like, by FK_SIMILAR_PERCENT at least, or begins one. What is like another hit of the group and
 * not like the one that stands is not in it.
 *
 * Errors: FK_INVALID over FK_COLLAPSE_SIMILAR_MAX hits; FK_NOMEM; what the index gives. Threads:
 * one.
 */
#ifndef FK_SEARCH_COLLAPSE_H
#define FK_SEARCH_COLLAPSE_H
#include "search/matches.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_collapse { FK_COLLAPSE_NONE, FK_COLLAPSE_THREAD, FK_COLLAPSE_SIMILAR };
enum {
    FK_COLLAPSE_SIMILAR_MAX = 200000,
    FK_COLLAPSE_TRIES = 64 /* standing hits of one band that a hit is held against */
};
const char *fk_collapse_name(enum fk_collapse by); /* "thread", "similar"; NULL */
bool fk_collapse_read(const char *name, enum fk_collapse *out);

/* Of all hits, newest first, those that stand are left, with the number of their others. */
FK_CHECKED enum fk_status fk_collapse(struct fk_xreader *reader, enum fk_collapse by,
                                      struct fk_matches *hits, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
