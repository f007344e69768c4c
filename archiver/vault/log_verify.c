/* log_verify.c - one pass over the ledger's lines; a second one over the tiles where they differ.
 */
#include "archiver/vault/log_verify.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/tiles.h"
#include "base/io.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LOOKS = 3 };

struct telling {
    fk_finding_fn finding;
    void *ctx;
};

static enum fk_status tell(const struct telling *t, uint64_t seq, const char *check,
                           const char *text, struct fk_err *err) {
    struct fk_finding f = {.seq = seq, .segment = 0};
    snprintf(f.check, sizeof f.check, "%s", check);
    snprintf(f.text, sizeof f.text, "%s", text);
    t->finding(t->ctx, &f);
    return fk_fail(err, FK_CORRUPT, "%s", f.text);
}

/* Each line's leaf, in order, until fn says no. */
typedef enum fk_status (*leaf_fn)(void *ctx, uint64_t seq, const fk_hash leaf, bool *stop,
                                  struct fk_err *err);
static enum fk_status leaves_walk(struct fk_lend *lend, uint64_t until, leaf_fn fn, void *ctx,
                                  struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    bool stop = false;
    for (uint64_t seq = 0; seq < until && !stop;) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, seq, &lines, err));
        const uint8_t *at = lines.data, *end = at + lines.len, *lf;
        for (; seq < until && !stop && (lf = memchr(at, '\n', (size_t)(end - at))); seq++) {
            fk_hash leaf;
            fk_tree_leaf(at, (size_t)(lf + 1 - at), leaf);
            FK_TRY(fn(ctx, seq, leaf, &stop, err));
            at = lf + 1;
        }
    }
done:
    fk_buf_free(&lines);
    return st;
}

static enum fk_status grow(void *ctx, uint64_t seq, const fk_hash leaf, bool *stop,
                           struct fk_err *err) {
    (void)seq;
    (void)stop;
    (void)err;
    fk_frontier_add(ctx, leaf);
    return FK_OK;
}

struct parting {
    const struct fk_tree_source *source;
    uint64_t at; /* the first entry whose leaf is another; UINT64_MAX for none */
};
static enum fk_status part(void *ctx, uint64_t seq, const fk_hash leaf, bool *stop,
                           struct fk_err *err) {
    struct parting *p = ctx;
    fk_hash signed_leaf;
    enum fk_status st = p->source->hash(p->source->ctx, 0, seq, signed_leaf, err);
    if (st == FK_OK && memcmp(leaf, signed_leaf, sizeof signed_leaf) != 0) {
        p->at = seq;
        *stop = true;
    }
    return st;
}

static enum fk_status parting_tell(const char *dir, struct fk_lend *lend,
                                   const struct fk_checkpoint *c, const struct telling *t,
                                   struct fk_err *err) {
    char log_dir[PATH_MAX], text[400];
    struct fk_tiles *tiles = NULL;
    struct parting p = {NULL, UINT64_MAX};
    enum fk_status st;
    FK_TRY(fk_join_path(log_dir, sizeof log_dir, dir, "log", err));
    st = fk_tiles_open(log_dir, c->size, c->root, &tiles, err);
    if (st == FK_OK) {
        p.source = fk_tiles_source(tiles);
        st = leaves_walk(lend, c->size, part, &p, err);
    }
    if (st == FK_OK && p.at != UINT64_MAX)
        snprintf(text, sizeof text,
                 "entry %" PRIu64 " is not the one that the checkpoint over %" PRIu64
                 " entries was signed over; those before it are",
                 p.at, c->size);
    else
        snprintf(text, sizeof text,
                 "the first %" PRIu64 " entries are not those that the checkpoint was signed over; "
                 "the tiles here do not have them either, so which differs first cannot be said",
                 c->size);
    st = tell(t, p.at, "fork", text, err);
done:
    fk_tiles_close(&tiles);
    return st;
}

enum fk_status fk_log_compare(const char *dir, struct fk_lend *lend, const struct fk_checkpoint *c,
                              fk_finding_fn finding, void *ctx, struct fk_err *err) {
    const struct telling t = {finding, ctx};
    struct fk_head head;
    struct fk_frontier f = {0};
    fk_hash root;
    char text[400];
    enum fk_status st;
    FK_TRY(fk_lend_head(lend, &head, err));
    if (head.next_seq < c->size) {
        snprintf(text, sizeof text,
                 "the checkpoint is over %" PRIu64 " entries and the ledger has %" PRIu64
                 ": entries %" PRIu64 " to %" PRIu64 " are gone",
                 c->size, head.next_seq, head.next_seq, c->size - 1);
        FK_TRY(tell(&t, head.next_seq, "truncated", text, err));
    }
    FK_TRY(leaves_walk(lend, c->size, grow, &f, err));
    fk_frontier_root(&f, root);
    if (memcmp(root, c->root, sizeof root) != 0)
        st = parting_tell(dir, lend, c, &t, err);
done:
    return st;
}

/* Every bundle is read, and with its leaves every tile above it. */
static enum fk_status tiles_read(const char *log_dir, const struct fk_checkpoint *c,
                                 struct fk_err *why) {
    struct fk_tiles *tiles = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = fk_tiles_open(log_dir, c->size, c->root, &tiles, why);
    for (uint64_t n = 0; st == FK_OK && n < (c->size + FK_TILE_WIDTH - 1) / FK_TILE_WIDTH; n++) {
        fk_buf_reset(&lines);
        st = fk_tiles_bundle(tiles, n, &lines, why);
    }
    fk_buf_free(&lines);
    fk_tiles_close(&tiles);
    return st;
}

/* A server may replace a partial tile between two looks at its folder: what is missing then is
 * there at another look, and what is damaged is not. */
static enum fk_status tiles_check(const char *dir, const struct fk_checkpoint *c,
                                  const struct telling *t, struct fk_err *err) {
    char log_dir[PATH_MAX];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = fk_join_path(log_dir, sizeof log_dir, dir, "log", err);
    if (st != FK_OK)
        return st;
    st = tiles_read(log_dir, c, &why);
    for (int i = 0; i < LOOKS && st == FK_CORRUPT; i++)
        st = tiles_read(log_dir, c, &why);
    if (st == FK_CORRUPT)
        return tell(t, UINT64_MAX, "tile", why.text, err);
    return st == FK_OK ? FK_OK : fk_fail(err, st, "%s", why.text);
}

enum fk_status fk_log_verify(const char *dir, struct fk_lend *lend, fk_finding_fn finding,
                             void *ctx, struct fk_err *err) {
    const struct telling t = {finding, ctx};
    struct fk_checkpoint c;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status ledger, tiles, st = fk_logbook_newest(dir, NULL, &c, NULL, &why);
    if (st == FK_NOT_FOUND)
        return FK_OK;
    if (st == FK_CORRUPT || st == FK_INVALID)
        return tell(&t, UINT64_MAX, "note", why.text, err);
    if (st != FK_OK)
        return fk_fail(err, st, "%s", why.text);
    ledger = fk_log_compare(dir, lend, &c, finding, ctx, err);
    if (ledger != FK_OK && ledger != FK_CORRUPT)
        return ledger;
    tiles = tiles_check(dir, &c, &t, err);
    return tiles != FK_OK ? tiles : ledger;
}
