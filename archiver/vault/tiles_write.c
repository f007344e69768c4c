/* tiles_write.c - grows the tiles at their right edge.
 *
 * Files are written aside and renamed; one syncfs at the flush makes all of them durable, however
 * many a catch-up wrote. Full tiles are never touched again; a partial one is replaced by a wider
 * one and removed once a checkpoint over the wider one is durable. */
#include "archiver/vault/tiles.h"
#include "base/fault.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fk_tilewriter {
    char dir[PATH_MAX - 128];
    uint64_t pruned; /* before the tiles of this size no partial one is left */
    struct fk_frontier frontier;
    fk_hash edge[FK_TILE_LEVELS][FK_TILE_WIDTH]; /* the tiles being filled */
    struct fk_buf lines;                         /* the bundle being filled */
};

static unsigned width_at(uint64_t size, unsigned level) {
    return (unsigned)(size >> (8 * level) & (FK_TILE_WIDTH - 1));
}

static enum fk_status dirs_make(char *path, size_t base, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (char *p = path + base + 1; st == FK_OK && (p = strchr(p, '/')); p++) {
        *p = 0;
        st = fk_make_dir(path, 0755, err);
        *p = '/';
    }
    return st;
}

static enum fk_status file_put(const struct fk_tilewriter *w, int level, uint64_t n, unsigned width,
                               const void *data, size_t len, struct fk_err *err) {
    char path[PATH_MAX], temp[PATH_MAX + 8];
    enum fk_status st;
    size_t base = (size_t)snprintf(path, sizeof path, "%s/", w->dir);
    fk_tile_path(path + base, sizeof path - base, level, n, width);
    snprintf(temp, sizeof temp, "%s.new", path);
    FK_TRY(dirs_make(path, base - 1, err));
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot create", temp);
    st = fk_write_full(fd, data, len, temp, err);
    if (close(fd) != 0 && st == FK_OK)
        st = fk_fail_sys(err, errno, "%s: cannot close", temp);
    if (st == FK_OK && rename(temp, path) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot rename", temp);
done:
    return st;
}

static enum fk_status file_get(const struct fk_tilewriter *w, int level, uint64_t n, unsigned width,
                               struct fk_buf *out, struct fk_err *err) {
    char path[PATH_MAX];
    size_t base = (size_t)snprintf(path, sizeof path, "%s/", w->dir);
    fk_tile_path(path + base, sizeof path - base, level, n, width);
    return fk_read_file(path, FK_TILE_WIDTH * 65537, out, err);
}

static void frontier_of_edge(struct fk_tilewriter *w, uint64_t size) {
    w->frontier.size = size;
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++) {
        struct fk_frontier part = {0};
        for (unsigned i = 0; i < width_at(size, level); i++)
            fk_frontier_add(&part, w->edge[level][i]);
        memcpy(w->frontier.at + 8 * level, part.at, 8 * sizeof part.at[0]);
    }
}

/* The right edge as it was at `size`. */
static enum fk_status edge_load(struct fk_tilewriter *w, uint64_t size, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf b = FK_BUF_INIT;
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++) {
        unsigned width = width_at(size, level);
        if (width == 0)
            continue;
        fk_buf_reset(&b);
        FK_TRY(file_get(w, (int)level, size >> (8 * level) >> 8, width, &b, err));
        if (b.len != width * sizeof(fk_hash)) {
            st = fk_fail(err, FK_CORRUPT, "tile/%u: the partial tile of %u hashes has %zu bytes",
                         level, width, b.len);
            goto done;
        }
        memcpy(w->edge[level], b.data, b.len);
    }
    if (width_at(size, 0))
        FK_TRY(file_get(w, -1, size >> 8, width_at(size, 0), &w->lines, err));
    frontier_of_edge(w, size);
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_tilewriter_open(const char *log_dir, uint64_t size, const fk_hash root,
                                  struct fk_tilewriter **out, struct fk_err *err) {
    enum fk_status st;
    fk_hash edge_root;
    struct fk_tilewriter *w = calloc(1, sizeof *w);
    if (!w)
        return fk_fail(err, FK_NOMEM, "no memory for the tiles' right edge");
    if (strlen(log_dir) >= sizeof w->dir) {
        st = fk_fail(err, FK_INVALID, "%s: the path is too long", log_dir);
        goto done;
    }
    memcpy(w->dir, log_dir, strlen(log_dir) + 1);
    FK_TRY(fk_make_dir(log_dir, 0755, err));
    FK_TRY(edge_load(w, size, err));
    fk_frontier_root(&w->frontier, edge_root);
    if (memcmp(edge_root, root, sizeof edge_root) != 0) {
        st = fk_fail(err, FK_CORRUPT,
                     "%s: the tiles do not give the root that was signed for %llu entries", log_dir,
                     (unsigned long long)size);
        goto done;
    }
    w->pruned = size;
    *out = w;
    w = NULL;
done:
    fk_tilewriter_close(&w);
    return st;
}

/* A tile that has become full is written, and its root goes into the tile above. */
static enum fk_status edge_push(struct fk_tilewriter *w, uint64_t index, const fk_hash leaf,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_hash up;
    memcpy(up, leaf, sizeof up);
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++, index >>= 8) {
        unsigned at = (unsigned)(index & (FK_TILE_WIDTH - 1));
        memcpy(w->edge[level][at], up, sizeof up);
        if (at < FK_TILE_WIDTH - 1)
            break;
        FK_TRY(file_put(w, (int)level, index >> 8, FK_TILE_WIDTH, w->edge[level],
                        sizeof w->edge[level], err));
        struct fk_frontier full = {0};
        for (unsigned i = 0; i < FK_TILE_WIDTH; i++)
            fk_frontier_add(&full, w->edge[level][i]);
        fk_frontier_root(&full, up);
    }
done:
    return st;
}

enum fk_status fk_tilewriter_add(struct fk_tilewriter *w, const void *line, size_t len,
                                 struct fk_err *err) {
    enum fk_status st;
    fk_hash leaf;
    uint64_t index = w->frontier.size;
    uint8_t length[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    if (len > UINT16_MAX)
        return fk_fail(err, FK_INVALID, "an entry of %zu bytes is over the tiles' limit of %d", len,
                       UINT16_MAX);
    fk_buf_add(&w->lines, length, sizeof length);
    fk_buf_add(&w->lines, line, len);
    if (w->lines.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a bundle of entries");
    fk_tree_leaf(line, len, leaf);
    if (width_at(index, 0) == FK_TILE_WIDTH - 1) {
        FK_TRY(file_put(w, -1, index >> 8, FK_TILE_WIDTH, w->lines.data, w->lines.len, err));
        fk_buf_reset(&w->lines);
    }
    FK_TRY(edge_push(w, index, leaf, err));
    fk_frontier_add(&w->frontier, leaf);
done:
    return st;
}

enum fk_status fk_tilewriter_flush(struct fk_tilewriter *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t size = w->frontier.size;
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++) {
        unsigned width = width_at(size, level);
        if (width)
            FK_TRY(file_put(w, (int)level, size >> (8 * level) >> 8, width, w->edge[level],
                            width * sizeof(fk_hash), err));
    }
    if (width_at(size, 0))
        FK_TRY(file_put(w, -1, size >> 8, width_at(size, 0), w->lines.data, w->lines.len, err));
    st = fk_sync_fs(w->dir, err);
done:
    return st;
}

/* Removes the partial tiles n.p/ of a level but the one of a width (0: none is kept). */
static enum fk_status partials_remove(const struct fk_tilewriter *w, int level, uint64_t n,
                                      unsigned keep, struct fk_err *err) {
    char path[PATH_MAX];
    struct dirent *e;
    enum fk_status st = FK_OK;
    size_t base = (size_t)snprintf(path, sizeof path, "%s/", w->dir);
    fk_tile_path(path + base, sizeof path - base, level, n, 1);
    *strrchr(path, '/') = 0;
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "%s: cannot read", path);
    while (st == FK_OK && (e = readdir(d))) {
        if (e->d_name[0] == '.' || (keep && strtoul(e->d_name, NULL, 10) == keep))
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) != 0 && errno != ENOENT)
            st = fk_fail_sys(err, errno, "%s/%s: cannot remove", path, e->d_name);
    }
    closedir(d);
    if (st == FK_OK && !keep && rmdir(path) != 0 && errno != ENOENT)
        st = fk_fail_sys(err, errno, "%s: cannot remove", path);
    return st;
}

enum fk_status fk_tilewriter_prune(struct fk_tilewriter *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t size = w->frontier.size;
    for (unsigned level = 0; level < FK_TILE_LEVELS; level++) {
        uint64_t from = w->pruned >> (8 * level) >> 8, edge = size >> (8 * level) >> 8;
        for (uint64_t n = from; n <= edge; n++) {
            unsigned keep = n == edge ? width_at(size, level) : 0;
            FK_TRY(partials_remove(w, (int)level, n, keep, err));
            if (level == 0)
                FK_TRY(partials_remove(w, -1, n, keep, err));
        }
    }
    w->pruned = size;
done:
    return st;
}

const struct fk_frontier *fk_tilewriter_frontier(const struct fk_tilewriter *w) {
    return &w->frontier;
}

void fk_tilewriter_close(struct fk_tilewriter **w) {
    if (!*w)
        return;
    fk_buf_free(&(*w)->lines);
    free(*w);
    *w = NULL;
}
