/*
 * import_map.h - from 16 bytes of a digest to two numbers; grows, never shrinks.
 *
 * Keys are of digests, so the first of their bytes spread them; one of all zeros is none. 32 bytes
 * a place, three quarters of the places used at most. Threads: one at a time.
 */
#ifndef FK_INTAKE_IMPORT_MAP_H
#define FK_INTAKE_IMPORT_MAP_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_IMPORT_KEY = 16 };
struct fk_import_place {
    uint8_t key[FK_IMPORT_KEY];
    uint64_t a, b; /* 0 in a new place */
};
struct fk_import_map {
    struct fk_import_place *at;
    size_t count, cap; /* cap: a power of two, or 0 */
};

/* NULL: it is not there. Borrowed until the next fk_import_map_put. */
struct fk_import_place *fk_import_map_find(const struct fk_import_map *m,
                                           const uint8_t key[FK_IMPORT_KEY]);
/* Found, or new; NULL: no memory. */
struct fk_import_place *fk_import_map_put(struct fk_import_map *m,
                                          const uint8_t key[FK_IMPORT_KEY]);
void fk_import_map_free(struct fk_import_map *m);

#ifdef __cplusplus
}
#endif
#endif
