/* import_map.c - open addressing, linear. */
#include "archiver/intake/import_map.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 1024 };

static const uint8_t nothing[FK_IMPORT_KEY];

static size_t slot_of(const struct fk_import_map *m, const uint8_t *key) {
    uint64_t start;
    memcpy(&start, key, sizeof start);
    size_t i = (size_t)start & (m->cap - 1);
    while (memcmp(m->at[i].key, nothing, FK_IMPORT_KEY) != 0 &&
           memcmp(m->at[i].key, key, FK_IMPORT_KEY) != 0)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static int grow(struct fk_import_map *m) {
    struct fk_import_map wider = {.cap = m->cap ? 2 * m->cap : FIRST, .count = m->count};
    if (!(wider.at = calloc(wider.cap, sizeof *wider.at)))
        return -1;
    for (size_t i = 0; i < m->cap; i++)
        if (memcmp(m->at[i].key, nothing, FK_IMPORT_KEY) != 0)
            wider.at[slot_of(&wider, m->at[i].key)] = m->at[i];
    free(m->at);
    *m = wider;
    return 0;
}

struct fk_import_place *fk_import_map_find(const struct fk_import_map *m,
                                           const uint8_t key[FK_IMPORT_KEY]) {
    if (!m->cap)
        return NULL;
    struct fk_import_place *p = &m->at[slot_of(m, key)];
    return memcmp(p->key, nothing, FK_IMPORT_KEY) != 0 ? p : NULL;
}

struct fk_import_place *fk_import_map_put(struct fk_import_map *m,
                                          const uint8_t key[FK_IMPORT_KEY]) {
    struct fk_import_place *p = fk_import_map_find(m, key);
    if (p)
        return p;
    if (4 * m->count >= 3 * m->cap && grow(m) != 0)
        return NULL;
    p = &m->at[slot_of(m, key)];
    memcpy(p->key, key, FK_IMPORT_KEY);
    m->count++;
    return p;
}

void fk_import_map_free(struct fk_import_map *m) {
    free(m->at);
    *m = (struct fk_import_map){0};
}
