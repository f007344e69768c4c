/*
 * arena.h - memory for one piece of work, freed at once.
 *
 * Every allocation is zeroed and aligned for any type; NULL when the limit given at the start or
 * the machine's memory is reached. Threads: one at a time.
 */
#ifndef FK_BASE_ARENA_H
#define FK_BASE_ARENA_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_arena;
/* NULL when out of memory. limit_bytes 0 means none. */
struct fk_arena *fk_arena_new(size_t limit_bytes);
void *fk_arena_alloc(struct fk_arena *a, size_t size);
char *fk_arena_copy(struct fk_arena *a, const char *data, size_t len); /* adds a NUL */
/* Gives all but the first block back and starts anew. */
void fk_arena_reset(struct fk_arena *a);
void fk_arena_free(struct fk_arena **a);

#ifdef __cplusplus
}
#endif
#endif
