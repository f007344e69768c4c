/*
 * pages_priv.h - LMDB's file format, read by us: every number on a page is checked before it is
 * followed, and pages come by pread. LMDB itself trusts its file (it has no checksums; a damaged
 * page can end the process, a short file does by SIGBUS), so it writes, and this reads.
 *
 * Format: LMDB 0.9, data version 1, native byte order, as in its mdb.c: pages of one size; pages 0
 * and 1 hold two metas, the one with the higher transaction id counts; a tree of pages each for
 * the free list, the main table (names to tables) and the tables.
 *
 *     FK_TRY(fk_pages__open(path, 0, &pages, err));
 *     FK_TRY(fk_pages__snapshot(pages, 0, err));
 *     FK_TRY(fk_cursor__open(pages, "entries", &cursor, err));
 *     FK_TRY(fk_cursor__seek(cursor, key, 8, err));     then cursor->valid, key, value
 *     FK_TRY(fk_value__read(cursor, 0, cursor->value_len, buf, err));
 *
 * A snapshot of a file that another process writes holds only while a reader slot of LMDB pins it
 * (book_priv.h). Errors: FK_CORRUPT with file, page and what is wrong; FK_NOT_FOUND no such table
 * or snapshot. Threads: one at a time; what a cursor shows is borrowed until its next move.
 */
#ifndef FK_VAULT_PAGES_PRIV_H
#define FK_VAULT_PAGES_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include <limits.h>
#include <sys/types.h>

enum { FK_TREE_DEPTH_MAX = 32, FK_TREE_KEY_MAX = 511 }; /* LMDB's own */

struct fk_tree {
    uint16_t flags, depth;
    uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct fk_pages {
    int fd;
    char path[PATH_MAX];
    off_t size;
    size_t page_size;
    uint64_t txnid, last_page; /* of the snapshot */
    struct fk_tree free_list, main;
    /* What the other meta has, where that is the transaction before: whole until the next commit.
     */
    struct fk_tree main_before;
    bool has_before;
    uint64_t bytes_read; /* since it was opened */
    uint64_t changes;    /* counts snapshots, so that cursors know theirs */
};

enum { FK_PAGES_DIRECT = 1 }; /* past the page cache, where the file system can */
FK_CHECKED enum fk_status fk_pages__open(const char *path, int flags, struct fk_pages **out,
                                         struct fk_err *err);
void fk_pages__close(struct fk_pages **pages);
/* Takes the newest snapshot, or that of one transaction (FK_NOT_FOUND: it is not to be had). */
FK_CHECKED enum fk_status fk_pages__snapshot(struct fk_pages *p, uint64_t txnid,
                                             struct fk_err *err);

/* The last key of a table in the snapshot before, as it was; *found_out false: there is none. A
 * later snapshot of a table that only grows has no smaller one; else an id was changed to turn back
 * time. */
FK_CHECKED enum fk_status fk_pages__last_before(struct fk_pages *p, const char *table,
                                                uint8_t key[8], bool *found_out,
                                                struct fk_err *err);

struct fk_level {
    uint64_t page;
    uint8_t *data; /* page_size bytes, aligned */
    unsigned at, count;
};
struct fk_cursor {
    struct fk_pages *pages;
    char table[16];
    struct fk_tree tree;
    uint64_t changes;
    struct fk_level level[FK_TREE_DEPTH_MAX];
    uint8_t *space; /* for value pages */
    size_t space_len;
    bool valid; /* there is an item here */
    const uint8_t *key;
    size_t key_len, value_len;
    const uint8_t *value; /* NULL: on pages of its own, from value_page */
    uint64_t value_page;
    uint16_t node_flags;
    /* When set: told of each page as it is read, and of the pages of each value (count over 1, or
     * a value) as the cursor comes to it. */
    void (*visit)(void *ctx, uint64_t page, uint64_t count, char kind); /* kind: b l v */
    void *visit_ctx;
};
FK_CHECKED enum fk_status fk_cursor__open(struct fk_pages *p, const char *table,
                                          struct fk_cursor **out, struct fk_err *err);
/* Over the main table or the free list. */
FK_CHECKED enum fk_status fk_cursor__open_tree(struct fk_pages *p, const char *name,
                                               const struct fk_tree *tree, struct fk_cursor **out,
                                               struct fk_err *err);
void fk_cursor__close(struct fk_cursor **cursor);
/* Follows the pages' newest snapshot; done by seek, first and last as well. */
FK_CHECKED enum fk_status fk_cursor__refresh(struct fk_cursor *c, struct fk_err *err);
/* To the first item whose key is not less; keys compare as bytes. */
FK_CHECKED enum fk_status fk_cursor__seek(struct fk_cursor *c, const void *key, size_t len,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_cursor__first(struct fk_cursor *c, struct fk_err *err);
FK_CHECKED enum fk_status fk_cursor__last(struct fk_cursor *c, struct fk_err *err);
FK_CHECKED enum fk_status fk_cursor__next(struct fk_cursor *c, struct fk_err *err);
/* Appends bytes of the value at the cursor. */
FK_CHECKED enum fk_status fk_value__read(struct fk_cursor *c, size_t from, size_t len,
                                         struct fk_buf *out, struct fk_err *err);

/* The table that an item of the main table is; FK_CORRUPT when it is none. */
FK_CHECKED enum fk_status fk_cursor__table(struct fk_cursor *c, struct fk_tree *out,
                                           struct fk_err *err);

/* Every page of the snapshot must belong to one tree or to the free list, exactly once, every tree
 * have the pages and items it says, and its keys ascend: so a root or an id that was turned back to
 * an older state of the file is found too. Reads no values but the free list's. */
FK_CHECKED enum fk_status fk_pages__account(struct fk_pages *p, struct fk_err *err);
#endif
