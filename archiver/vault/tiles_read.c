/* tiles_read.c - hashes out of tiles, each proven against the checkpoint before it is given out. */
#include "archiver/vault/tiles.h"
#include "base/io.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CACHED = 64 };

struct tile {
    bool known; /* read, and proven */
    unsigned level;
    uint64_t n;
    fk_hash hash[FK_TILE_WIDTH];
};
struct fk_tiles {
    char dir[PATH_MAX - 128];
    uint64_t size;
    struct fk_tree_source source;
    struct tile edge[FK_TILE_LEVELS]; /* partial tiles: proven together by the root */
    struct tile cache[CACHED];
};

static unsigned width_at(uint64_t size, unsigned level) {
    return (unsigned)(size >> (8 * level) & (FK_TILE_WIDTH - 1));
}

/* A width that is there and not less than the one wanted; 0 for none. */
static unsigned wider_find(const struct fk_tiles *t, int level, uint64_t n, unsigned width) {
    char path[PATH_MAX];
    struct dirent *e;
    unsigned found = 0;
    size_t base = (size_t)snprintf(path, sizeof path, "%s/", t->dir);
    fk_tile_path(path + base, sizeof path - base, level, n, FK_TILE_WIDTH);
    if (access(path, F_OK) == 0)
        return FK_TILE_WIDTH;
    fk_tile_path(path + base, sizeof path - base, level, n, 1);
    *strrchr(path, '/') = 0;
    DIR *d = opendir(path);
    while (d && (e = readdir(d))) {
        char *end;
        unsigned long w = strtoul(e->d_name, &end, 10);
        if (*end == 0 && w >= width && w < FK_TILE_WIDTH)
            found = (unsigned)w;
    }
    if (d)
        closedir(d);
    return found;
}

/* A tile that has grown since begins with what the narrower one had: so an old checkpoint is read
 * from the tiles of today. What is taken from them is proven in any case. */
static enum fk_status file_get(const struct fk_tiles *t, int level, uint64_t n, unsigned width,
                               char name[96], struct fk_buf *out, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = FK_NOT_FOUND;
    for (unsigned at = width; st == FK_NOT_FOUND && at; at = wider_find(t, level, n, width)) {
        fk_tile_path(name, 96, level, n, at);
        snprintf(path, sizeof path, "%s/%s", t->dir, name);
        st = fk_read_file(path, FK_TILE_WIDTH * 65537, out, err);
    }
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "%s: the tile is missing", path) : st;
}

static size_t name_width(const char *name) {
    const char *partial = strstr(name, ".p/");
    return partial ? strtoul(partial + 3, NULL, 10) : FK_TILE_WIDTH;
}

/* The bytes of a tile, with its length checked but nothing proven. */
static enum fk_status tile_read(const struct fk_tiles *t, unsigned level, uint64_t n,
                                unsigned width, struct tile *out, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    char name[96];
    enum fk_status st;
    FK_TRY(file_get(t, (int)level, n, width, name, &b, err));
    const size_t all = name_width(name) * sizeof(fk_hash);
    if (b.len != all)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s has %zu bytes, not the %zu of its hashes", name, b.len,
                       all));
    memcpy(out->hash, b.data, width * sizeof(fk_hash));
    out->level = level;
    out->n = n;
done:
    fk_buf_free(&b);
    return st;
}

static void hashes_root(const fk_hash *hash, unsigned count, fk_hash out) {
    struct fk_frontier f = {0};
    for (unsigned i = 0; i < count; i++)
        fk_frontier_add(&f, hash[i]);
    fk_frontier_root(&f, out);
}

static enum fk_status source_hash(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                  struct fk_err *err);

/* A full tile must hash to what the tile above, itself proven, says of it. */
static enum fk_status tile_prove(struct fk_tiles *t, const struct tile *tile, struct fk_err *err) {
    fk_hash own, above;
    char name[96];
    hashes_root(tile->hash, FK_TILE_WIDTH, own);
    enum fk_status st = source_hash(t, 8 * (tile->level + 1), tile->n, above, err);
    if (st != FK_OK || memcmp(own, above, sizeof own) == 0)
        return st;
    fk_tile_path(name, sizeof name, (int)tile->level, tile->n, FK_TILE_WIDTH);
    return fk_fail(err, FK_CORRUPT, "%s does not hash to what the tile above says of it", name);
}

static enum fk_status tile_get(struct fk_tiles *t, unsigned level, uint64_t n,
                               const struct tile **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (n == t->size >> (8 * level) >> 8) {
        *out = &t->edge[level];
        return FK_OK;
    }
    struct tile *slot = &t->cache[(n * FK_TILE_LEVELS + level) % CACHED];
    if (slot->known && slot->level == level && slot->n == n) {
        *out = slot;
        return FK_OK;
    }
    struct tile *fresh = calloc(1, sizeof *fresh); /* the tiles above may need this very slot */
    if (!fresh)
        return fk_fail(err, FK_NOMEM, "no memory for a tile");
    FK_TRY(tile_read(t, level, n, FK_TILE_WIDTH, fresh, err));
    FK_TRY(tile_prove(t, fresh, err));
    fresh->known = true;
    *slot = *fresh;
    *out = slot;
done:
    free(fresh);
    return st;
}

static enum fk_status source_hash(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                  struct fk_err *err) {
    struct fk_tiles *t = ctx;
    unsigned tile_level = level / 8, below = level % 8;
    if (tile_level >= FK_TILE_LEVELS || index >= t->size >> level)
        return fk_fail(err, FK_INVALID, "hash %llu of level %u is not in a tree of %llu entries",
                       (unsigned long long)index, level, (unsigned long long)t->size);
    uint64_t first = index << below;
    const struct tile *tile = NULL;
    enum fk_status st = tile_get(t, tile_level, first >> 8, &tile, err);
    if (st == FK_OK)
        hashes_root(tile->hash + (first & (FK_TILE_WIDTH - 1)), 1u << below, out);
    return st;
}

/* Reads the right edge; together its hashes must give the root. */
static enum fk_status edge_prove(struct fk_tiles *t, const fk_hash root, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_frontier f = {.size = t->size};
    fk_hash own;
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++) {
        unsigned width = width_at(t->size, level);
        struct fk_frontier part = {0};
        if (width == 0)
            continue;
        FK_TRY(tile_read(t, level, t->size >> (8 * level) >> 8, width, &t->edge[level], err));
        for (unsigned i = 0; i < width; i++)
            fk_frontier_add(&part, t->edge[level].hash[i]);
        memcpy(f.at + 8 * level, part.at, 8 * sizeof part.at[0]);
    }
    fk_frontier_root(&f, own);
    if (memcmp(own, root, sizeof own) != 0)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: the partial tiles do not give the checkpoint's root over %llu entries",
                     t->dir, (unsigned long long)t->size);
done:
    return st;
}

enum fk_status fk_tiles_open(const char *log_dir, uint64_t size, const fk_hash root,
                             struct fk_tiles **out, struct fk_err *err) {
    enum fk_status st;
    struct fk_tiles *t = calloc(1, sizeof *t);
    if (!t)
        return fk_fail(err, FK_NOMEM, "no memory for a tile reader");
    if (strlen(log_dir) >= sizeof t->dir) {
        st = fk_fail(err, FK_INVALID, "%s: the path is too long", log_dir);
        goto done;
    }
    memcpy(t->dir, log_dir, strlen(log_dir) + 1);
    t->size = size;
    t->source = (struct fk_tree_source){source_hash, t};
    FK_TRY(edge_prove(t, root, err));
    *out = t;
    t = NULL;
done:
    fk_tiles_close(&t);
    return st;
}

const struct fk_tree_source *fk_tiles_source(const struct fk_tiles *t) {
    return &t->source;
}

/* The lines of a bundle, one after another; false where the bundle ends. */
static bool line_next(const struct fk_buf *b, size_t *at, const uint8_t **line, size_t *len) {
    if (b->len - *at < 2)
        return false;
    *len = (size_t)b->data[*at] << 8 | b->data[*at + 1];
    *line = b->data + *at + 2;
    if (b->len - *at - 2 < *len)
        return false;
    *at += 2 + *len;
    return true;
}

/* Those from `from` to `to` (places in the bundle), each against its leaf in the tree. */
static enum fk_status lines_read(struct fk_tiles *t, uint64_t n, unsigned from, unsigned to,
                                 struct fk_buf *out, struct fk_err *err) {
    enum fk_status st;
    struct fk_buf b = FK_BUF_INIT;
    fk_hash leaf, own;
    char name[96];
    const uint8_t *line = NULL;
    size_t len = 0, at = 0;
    const unsigned width = n == t->size >> 8 ? width_at(t->size, 0) : FK_TILE_WIDTH;
    FK_TRY(file_get(t, -1, n, width, name, &b, err));
    for (unsigned i = 0; i < to; i++) {
        const unsigned long long index = (unsigned long long)n << 8 | i;
        if (!line_next(&b, &at, &line, &len))
            FK_TRY(fk_fail(err, FK_CORRUPT, "%s ends before entry %llu", name, index));
        if (i < from)
            continue;
        FK_TRY(source_hash(t, 0, index, leaf, err));
        fk_tree_leaf(line, len, own);
        if (memcmp(own, leaf, sizeof own) != 0)
            FK_TRY(
                fk_fail(err, FK_CORRUPT, "%s: entry %llu is not the one in the tree", name, index));
        fk_buf_add(out, line, len);
    }
    if (to == name_width(name) && at != b.len)
        FK_TRY(
            fk_fail(err, FK_CORRUPT, "%s has %zu bytes more than its entries", name, b.len - at));
    if (out->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for entries of the log");
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_tiles_line(struct fk_tiles *t, uint64_t index, struct fk_buf *out,
                             struct fk_err *err) {
    const unsigned at = (unsigned)(index & (FK_TILE_WIDTH - 1));
    if (index >= t->size)
        return fk_fail(err, FK_INVALID, "entry %llu is not in a tree of %llu entries",
                       (unsigned long long)index, (unsigned long long)t->size);
    return lines_read(t, index >> 8, at, at + 1, out, err);
}

enum fk_status fk_tiles_bundle(struct fk_tiles *t, uint64_t n, struct fk_buf *out,
                               struct fk_err *err) {
    const uint64_t last = t->size >> 8;
    if (n > last || (n == last && width_at(t->size, 0) == 0))
        return fk_fail(err, FK_INVALID, "bundle %llu is not in a tree of %llu entries",
                       (unsigned long long)n, (unsigned long long)t->size);
    return lines_read(t, n, 0, n == last ? width_at(t->size, 0) : FK_TILE_WIDTH, out, err);
}

void fk_tiles_close(struct fk_tiles **t) {
    free(*t);
    *t = NULL;
}
