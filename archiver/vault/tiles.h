/*
 * tiles.h - the tree as static files: C2SP tlog-tiles below DIR/log.
 *
 *     tile/L/N          256 hashes of level 8*L, for N in groups of three digits (x001/x234/067)
 *     tile/L/N.p/W      the newest W < 256 of them
 *     tile/entries/N    256 lines, each behind its length in 2 bytes; N.p/W likewise
 *
 * Writing, by the one process that makes checkpoints:
 *
 *     FK_TRY(fk_tilewriter_open(log_dir, size, root, &w, err));    size and root as last signed
 *     FK_TRY(fk_tilewriter_add(w, line, len, err));                each entry line, in order
 *     FK_TRY(fk_tilewriter_flush(w, err));                         durable: now a checkpoint may be
 * signed fk_tilewriter_frontier(w) ... FK_TRY(fk_tilewriter_prune(w, err)); after it: partial tiles
 * it replaced
 *
 * Reading is of the tree at any size up to the newest: a partial tile that is gone is read from the
 * wider one that replaced it. Reading trusts no file: at opening, the right edge must give the
 * checkpoint's root, and each full tile must hash to its entry in the tile above before a hash of
 * it is used (CVE-2026-56865 was a reader that left some out). Errors: FK_CORRUPT names the tile.
 * Costs are those of the tree's height and of what is new, never of its length. Threads: one at a
 * time a handle.
 */
#ifndef FK_VAULT_TILES_H
#define FK_VAULT_TILES_H
#include "archiver/vault/tree.h"
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_TILE_WIDTH = 256, FK_TILE_LEVELS = 8 };

struct fk_tilewriter;
FK_CHECKED enum fk_status fk_tilewriter_open(const char *log_dir, uint64_t size, const fk_hash root,
                                             struct fk_tilewriter **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_tilewriter_add(struct fk_tilewriter *w, const void *line, size_t len,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_tilewriter_flush(struct fk_tilewriter *w, struct fk_err *err);
FK_CHECKED enum fk_status fk_tilewriter_prune(struct fk_tilewriter *w, struct fk_err *err);
/* Borrowed; changes with the next add. */
const struct fk_frontier *fk_tilewriter_frontier(const struct fk_tilewriter *w);
void fk_tilewriter_close(struct fk_tilewriter **w);

struct fk_tiles;
FK_CHECKED enum fk_status fk_tiles_open(const char *log_dir, uint64_t size, const fk_hash root,
                                        struct fk_tiles **out, struct fk_err *err);
/* Authenticated hashes, for proofs. Borrowed. */
const struct fk_tree_source *fk_tiles_source(const struct fk_tiles *t);
/* Appends the line of one entry, checked against its leaf. */
FK_CHECKED enum fk_status fk_tiles_line(struct fk_tiles *t, uint64_t index, struct fk_buf *out,
                                        struct fk_err *err);
/* Appends all lines of bundle n (entries 256 n to 256 n + 255, or the last), each checked. */
FK_CHECKED enum fk_status fk_tiles_bundle(struct fk_tiles *t, uint64_t n, struct fk_buf *out,
                                          struct fk_err *err);
void fk_tiles_close(struct fk_tiles **t);

/* For those who name tiles: "tile/L/N" or, width under 256, "tile/L/N.p/W"; level -1 for entries.
 * Returns the length as snprintf does. */
int fk_tile_path(char *out, size_t size, int level, uint64_t n, unsigned width);

#ifdef __cplusplus
}
#endif
#endif
