/* pages.c - metas, pages and cursors of an LMDB file. */
#include "archiver/vault/pages_priv.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER = 16,      /* of a page: number 8, pad 2, flags 2, lower 2, upper 2 (or pages 4) */
    NODE_HEADER = 8,  /* low 2, high 2, flags 2, key length 2 */
    TREE_RECORD = 48, /* pad 4, flags 2, depth 2, three page counts, entries, root */
    META_BYTES = 136,
    BRANCH = 0x01,
    LEAF = 0x02,
    OVERFLOW_PAGE = 0x04,
    META = 0x08,
    NODE_BIG = 0x01,
    NODE_TREE = 0x02,
    ALIGN = 4096
};
static const uint64_t no_page = UINT64_MAX;

static uint16_t u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static uint32_t u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static uint64_t u64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void tree_read(struct fk_tree *t, const uint8_t *p) {
    t->flags = u16(p + 4);
    t->depth = u16(p + 6);
    t->branch_pages = u64(p + 8);
    t->leaf_pages = u64(p + 16);
    t->overflow_pages = u64(p + 24);
    t->entries = u64(p + 32);
    t->root = u64(p + 40);
}

struct meta {
    uint32_t magic, version, page_size;
    struct fk_tree free_list, main;
    uint64_t last_page, txnid;
};

static void meta_read(struct meta *m, const uint8_t *page) {
    const uint8_t *p = page + HEADER;
    m->magic = u32(p);
    m->version = u32(p + 4);
    m->page_size = u32(p + 24); /* the free list's pad */
    tree_read(&m->free_list, p + 24);
    tree_read(&m->main, p + 72);
    m->last_page = u64(p + 120);
    m->txnid = u64(p + 128);
}

static enum fk_status pages_read(struct fk_pages *p, uint64_t page, uint64_t count, uint8_t *out,
                                 struct fk_err *err) {
    p->bytes_read += count * p->page_size;
    return fk_pread_full(p->fd, out, count * p->page_size, (off_t)(page * p->page_size), p->path,
                         err);
}

static enum fk_status metas_read(struct fk_pages *p, struct meta m[2], struct fk_err *err) {
    uint8_t *page = aligned_alloc(ALIGN, 2 * p->page_size < ALIGN ? ALIGN : 2 * p->page_size);
    if (!page)
        return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
    enum fk_status st = pages_read(p, 0, 2, page, err);
    for (int i = 0; i < 2 && st == FK_OK; i++) {
        const uint8_t *at = page + (size_t)i * p->page_size;
        meta_read(&m[i], at);
        if (u64(at) != (uint64_t)i || u16(at + 10) != META || m[i].magic != 0xBEEFC0DEU ||
            m[i].page_size != p->page_size)
            st = fk_fail(err, FK_CORRUPT, "%s: page %d is not a meta page of LMDB", p->path, i);
        else if (m[i].version != 1)
            st = fk_fail(err, FK_CORRUPT, "%s: LMDB data version %u, known is 1", p->path,
                         m[i].version);
    }
    free(page);
    return st;
}

static enum fk_status page_size_find(struct fk_pages *p, struct fk_err *err) {
    uint8_t *page = aligned_alloc(ALIGN, ALIGN);
    if (!page)
        return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
    enum fk_status st = fk_pread_full(p->fd, page, ALIGN, 0, p->path, err);
    struct meta m;
    meta_read(&m, page);
    free(page);
    if (st != FK_OK)
        return st;
    if (m.page_size < 512 || m.page_size > 65536 || (m.page_size & (m.page_size - 1)))
        return fk_fail(err, FK_CORRUPT, "%s: not an LMDB file: page size %u", p->path, m.page_size);
    p->page_size = m.page_size;
    return FK_OK;
}

enum fk_status fk_pages__open(const char *path, int flags, struct fk_pages **out,
                              struct fk_err *err) {
    struct fk_pages *p = calloc(1, sizeof *p);
    if (!p)
        return fk_fail(err, FK_NOMEM, "%s: no memory to open it", path);
    enum fk_status st = FK_OK;
    snprintf(p->path, sizeof p->path, "%s", path);
    p->fd = open(path, O_RDONLY | O_CLOEXEC | (flags & FK_PAGES_DIRECT ? O_DIRECT : 0));
    if (p->fd < 0 && errno == EINVAL) { /* tmpfs and others have no O_DIRECT */
        p->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (p->fd >= 0)
            (void)posix_fadvise(p->fd, 0, 0, POSIX_FADV_DONTNEED); /* the next best, a hint */
    }
    if (p->fd < 0)
        st = errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: no such file", path)
                             : fk_fail_sys(err, errno, "%s: cannot open", path);
    FK_TRY(st);
    st = page_size_find(p, err);
done:
    if (st == FK_OK)
        *out = p;
    else
        fk_pages__close(&p);
    return st;
}

void fk_pages__close(struct fk_pages **pp) {
    if (!*pp)
        return;
    fk_close(&(*pp)->fd);
    free(*pp);
    *pp = NULL;
}

/* LMDB writes transaction N to meta N & 1, so the other has N - 1. Anything else was not written
 * by it, or is just being written. */
static int meta_choose(const struct meta m[2], uint64_t txnid) {
    int newest = m[1].txnid > m[0].txnid;
    uint64_t high = m[newest].txnid;
    if (high != m[!newest].txnid + 1 || (high & 1) != (uint64_t)newest)
        return -1;
    if (txnid == 0 || txnid == high)
        return newest;
    return txnid == high - 1 ? !newest : -2;
}

enum fk_status fk_pages__snapshot(struct fk_pages *p, uint64_t txnid, struct fk_err *err) {
    struct meta m[2];
    struct stat s;
    int which = -1;
    for (int tries = 0; which < 0 && tries < 100; tries++) {
        enum fk_status st = metas_read(p, m, err);
        if (st != FK_OK)
            return st;
        which = meta_choose(m, txnid);
        if (which == -2)
            return fk_fail(err, FK_NOT_FOUND, "%s: transaction %" PRIu64 " is gone", p->path,
                           txnid);
        if (which < 0)
            sched_yield();
    }
    if (which < 0)
        return fk_fail(err, FK_CORRUPT,
                       "%s: the two meta pages do not follow one another (%" PRIu64 ", %" PRIu64
                       ")",
                       p->path, m[0].txnid, m[1].txnid);
    if (fstat(p->fd, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", p->path);
    if (m[which].last_page < 2 || m[which].last_page > INT64_MAX / p->page_size - 1)
        return fk_fail(err, FK_CORRUPT, "%s: says its last page is %" PRIu64, p->path,
                       m[which].last_page);
    if (m[which].txnid != p->txnid || p->changes == 0)
        p->changes++;
    p->size = s.st_size;
    p->txnid = m[which].txnid;
    p->last_page = m[which].last_page;
    p->free_list = m[which].free_list;
    p->main = m[which].main;
    p->main_before = m[!which].main;
    p->has_before = m[!which].txnid < m[which].txnid && m[!which].txnid > 0;
    return FK_OK;
}

static enum fk_status corrupt(struct fk_cursor *c, uint64_t page, const char *what,
                              struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "%s: page %" PRIu64 " of table %s: %s", c->pages->path, page,
                   c->table, what);
}

static unsigned node_count(const uint8_t *page) {
    return (unsigned)(u16(page + 12) - HEADER) / 2;
}

/* The page's own numbers; nodes are checked one by one when they are used. */
static enum fk_status page_load(struct fk_cursor *c, unsigned depth, uint64_t number, bool leaf,
                                struct fk_err *err) {
    struct fk_pages *p = c->pages;
    struct fk_level *l = &c->level[depth];
    if (number < 2 || number > p->last_page)
        return corrupt(c, number, "is not a page of the file", err);
    if (!l->data) {
        l->data = aligned_alloc(ALIGN, p->page_size < ALIGN ? ALIGN : p->page_size);
        l->page = no_page;
        if (!l->data)
            return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
    }
    if (l->page != number) {
        l->page = no_page;
        enum fk_status st = pages_read(p, number, 1, l->data, err);
        if (st != FK_OK)
            return st;
    }
    unsigned lower = u16(l->data + 12), upper = u16(l->data + 14);
    if (u64(l->data) != number)
        return corrupt(c, number, "has another page's number", err);
    if (u16(l->data + 10) != (leaf ? LEAF : BRANCH))
        return corrupt(c, number, leaf ? "is not a leaf" : "is not a branch", err);
    if (lower < HEADER || lower % 2 || lower > upper || upper > p->page_size ||
        node_count(l->data) < (leaf ? 1U : 2U))
        return corrupt(c, number, "does not say how many items it has", err);
    if (l->page != number && c->visit)
        c->visit(c->visit_ctx, number, 1, leaf ? 'l' : 'b');
    l->page = number;
    l->count = node_count(l->data);
    return FK_OK;
}

/* The i-th node with its header and key inside the page; NULL when it is not. */
static const uint8_t *node_at(const struct fk_cursor *c, const struct fk_level *l, unsigned i) {
    size_t size = c->pages->page_size;
    unsigned at = u16(l->data + HEADER + 2 * i);
    if (at < u16(l->data + 14) || at + NODE_HEADER > size)
        return NULL;
    const uint8_t *node = l->data + at;
    return at + NODE_HEADER + u16(node + 6) <= size && u16(node + 6) <= FK_TREE_KEY_MAX ? node
                                                                                        : NULL;
}

static uint64_t node_child(const uint8_t *node) {
    return (uint64_t)u16(node) | (uint64_t)u16(node + 2) << 16 | (uint64_t)u16(node + 4) << 32;
}

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    int rc = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return rc ? rc : a_len < b_len ? -1 : a_len > b_len;
}

/* Shows the item at the cursor. */
static enum fk_status item_show(struct fk_cursor *c, struct fk_err *err) {
    struct fk_level *l = &c->level[c->tree.depth - 1];
    const uint8_t *node = node_at(c, l, l->at);
    if (!node)
        return corrupt(c, l->page, "an item lies outside of it", err);
    c->key_len = u16(node + 6);
    c->key = node + NODE_HEADER;
    c->value_len = (size_t)u16(node) | (size_t)u16(node + 2) << 16;
    c->node_flags = u16(node + 4);
    const uint8_t *value = c->key + c->key_len, *end = l->data + c->pages->page_size;
    if (c->node_flags & NODE_BIG) {
        if (end - value < 8)
            return corrupt(c, l->page, "a value lies outside of it", err);
        c->value = NULL;
        c->value_page = u64(value);
        uint64_t pages = (HEADER + c->value_len + c->pages->page_size - 1) / c->pages->page_size;
        if (c->value_page < 2 || c->value_page > c->pages->last_page ||
            pages > c->pages->last_page - c->value_page + 1)
            return corrupt(c, l->page, "a value's pages are not in the file", err);
        if (c->visit)
            c->visit(c->visit_ctx, c->value_page, pages, 'v');
    } else {
        if ((size_t)(end - value) < c->value_len)
            return corrupt(c, l->page, "a value lies outside of it", err);
        c->value = value;
    }
    if (c->node_flags & ~(NODE_BIG | NODE_TREE))
        return corrupt(c, l->page, "an item is of a form that is not used here", err);
    c->valid = true;
    return FK_OK;
}

/* Where in a page to go on: the first leaf item not less than key, the last branch item not
 * greater. NULL key: the first; len SIZE_MAX: the last. */
static enum fk_status level_search(struct fk_cursor *c, struct fk_level *l, bool leaf,
                                   const uint8_t *key, size_t len, struct fk_err *err) {
    unsigned low = leaf ? 0 : 1, high = l->count; /* a branch's first item has no key */
    if (!key) {
        l->at = len == SIZE_MAX ? l->count - 1 : 0;
        return FK_OK;
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const uint8_t *node = node_at(c, l, middle);
        if (!node)
            return corrupt(c, l->page, "an item lies outside of it", err);
        int rc = compare(node + NODE_HEADER, u16(node + 6), key, len);
        if (rc < 0 || (!leaf && rc == 0))
            low = middle + 1;
        else
            high = middle;
    }
    l->at = leaf ? low : low - 1;
    return FK_OK;
}

/* From a level down to the leaf. */
static enum fk_status descend(struct fk_cursor *c, unsigned depth, uint64_t page,
                              const uint8_t *key, size_t len, struct fk_err *err) {
    for (;; depth++) {
        bool leaf = depth + 1 == c->tree.depth;
        struct fk_level *l = &c->level[depth];
        enum fk_status st = page_load(c, depth, page, leaf, err);
        if (st == FK_OK)
            st = level_search(c, l, leaf, key, len, err);
        if (st != FK_OK || leaf)
            return st;
        const uint8_t *node = node_at(c, l, l->at);
        if (!node)
            return corrupt(c, l->page, "an item lies outside of it", err);
        page = node_child(node);
    }
}

/* At the end of a leaf: up to a branch with a next item, and down again. */
static enum fk_status leaf_next(struct fk_cursor *c, struct fk_err *err) {
    for (unsigned depth = c->tree.depth - 1; depth-- > 0;) {
        struct fk_level *l = &c->level[depth];
        if (l->at + 1 >= l->count)
            continue;
        const uint8_t *node = node_at(c, l, ++l->at);
        if (!node)
            return corrupt(c, l->page, "an item lies outside of it", err);
        enum fk_status st = descend(c, depth + 1, node_child(node), NULL, 0, err);
        return st == FK_OK ? item_show(c, err) : st;
    }
    return FK_OK; /* the end: not valid */
}

static enum fk_status cursor_go(struct fk_cursor *c, const void *key, size_t len,
                                struct fk_err *err) {
    enum fk_status st = fk_cursor__refresh(c, err);
    c->valid = false;
    if (st != FK_OK || c->tree.root == no_page)
        return st;
    st = descend(c, 0, c->tree.root, key, len, err);
    if (st != FK_OK)
        return st;
    struct fk_level *l = &c->level[c->tree.depth - 1];
    return l->at < l->count ? item_show(c, err) : leaf_next(c, err);
}

enum fk_status fk_cursor__seek(struct fk_cursor *c, const void *key, size_t len,
                               struct fk_err *err) {
    return cursor_go(c, key, len, err);
}

enum fk_status fk_cursor__first(struct fk_cursor *c, struct fk_err *err) {
    return cursor_go(c, NULL, 0, err);
}

enum fk_status fk_cursor__last(struct fk_cursor *c, struct fk_err *err) {
    return cursor_go(c, NULL, SIZE_MAX, err);
}

enum fk_status fk_cursor__next(struct fk_cursor *c, struct fk_err *err) {
    struct fk_level *l = &c->level[c->tree.depth - 1];
    c->valid = false;
    if (l->at + 1 < l->count) {
        l->at++;
        return item_show(c, err);
    }
    return leaf_next(c, err);
}

static enum fk_status tree_check(struct fk_cursor *c, struct fk_err *err) {
    struct fk_tree *t = &c->tree;
    bool empty = t->root == no_page;
    if (empty ? t->depth || t->entries : t->depth == 0 || t->depth > FK_TREE_DEPTH_MAX)
        return corrupt(c, t->root, "the root and the depth of the table do not agree", err);
    return FK_OK;
}

enum fk_status fk_cursor__table(struct fk_cursor *c, struct fk_tree *out, struct fk_err *err) {
    if (c->node_flags != NODE_TREE || c->value_len != TREE_RECORD || u16(c->value + 4) != 0)
        return corrupt(c, c->level[0].page, "an item is not a table", err);
    tree_read(out, c->value);
    return FK_OK;
}

static enum fk_status table_find(struct fk_pages *p, const char *table, struct fk_tree *out,
                                 struct fk_err *err) {
    struct fk_cursor *c = NULL;
    enum fk_status st;
    FK_TRY(fk_cursor__open_tree(p, "main", &p->main, &c, err));
    FK_TRY(fk_cursor__seek(c, table, strlen(table), err));
    if (!c->valid || c->key_len != strlen(table) || memcmp(c->key, table, c->key_len) != 0)
        st = fk_fail(err, FK_NOT_FOUND, "%s: has no table %s", p->path, table);
    else
        st = fk_cursor__table(c, out, err);
done:
    fk_cursor__close(&c);
    return st;
}

enum fk_status fk_cursor__open_tree(struct fk_pages *p, const char *name,
                                    const struct fk_tree *tree, struct fk_cursor **out,
                                    struct fk_err *err) {
    struct fk_cursor *c = calloc(1, sizeof *c);
    if (!c)
        return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
    c->pages = p;
    snprintf(c->table, sizeof c->table, "%s", name);
    c->tree = *tree;
    c->changes = p->changes;
    enum fk_status st = tree_check(c, err);
    if (st == FK_OK)
        *out = c;
    else
        fk_cursor__close(&c);
    return st;
}

enum fk_status fk_cursor__open(struct fk_pages *p, const char *table, struct fk_cursor **out,
                               struct fk_err *err) {
    struct fk_tree tree;
    enum fk_status st = table_find(p, table, &tree, err);
    return st == FK_OK ? fk_cursor__open_tree(p, table, &tree, out, err) : st;
}

enum fk_status fk_pages__last_before(struct fk_pages *p, const char *table, uint8_t key[8],
                                     bool *found_out, struct fk_err *err) {
    struct fk_pages before = *p;
    struct fk_cursor *c = NULL;
    enum fk_status st = FK_OK;
    *found_out = false;
    if (!p->has_before)
        return FK_OK;
    before.main = p->main_before;
    FK_TRY(fk_cursor__open(&before, table, &c, err));
    FK_TRY(fk_cursor__last(c, err));
    *found_out = c->valid && c->key_len == 8;
    if (*found_out)
        memcpy(key, c->key, 8);
done:
    fk_cursor__close(&c);
    return st;
}

void fk_cursor__close(struct fk_cursor **cp) {
    struct fk_cursor *c = *cp;
    if (!c)
        return;
    for (unsigned i = 0; i < FK_TREE_DEPTH_MAX; i++)
        free(c->level[i].data);
    free(c->space);
    free(c);
    *cp = NULL;
}

enum fk_status fk_cursor__refresh(struct fk_cursor *c, struct fk_err *err) {
    if (c->changes == c->pages->changes)
        return FK_OK;
    enum fk_status st = table_find(c->pages, c->table, &c->tree, err);
    if (st != FK_OK)
        return st;
    for (unsigned i = 0; i < FK_TREE_DEPTH_MAX; i++)
        c->level[i].page = no_page;
    c->valid = false;
    st = tree_check(c, err);
    if (st == FK_OK)
        c->changes = c->pages->changes;
    return st;
}

static enum fk_status value_pages_read(struct fk_cursor *c, size_t from, size_t len,
                                       struct fk_buf *out, struct fk_err *err) {
    struct fk_pages *p = c->pages;
    uint64_t first = (HEADER + from) / p->page_size;
    uint64_t last = (HEADER + from + len - 1) / p->page_size;
    size_t need = (size_t)(last - first + 1) * p->page_size;
    if (c->space_len < need) {
        free(c->space);
        c->space_len = 0;
        c->space = aligned_alloc(ALIGN, (need + ALIGN - 1) / ALIGN * ALIGN);
        if (!c->space)
            return fk_fail(err, FK_NOMEM, "%s: no memory to read it", p->path);
        c->space_len = need;
    }
    enum fk_status st = pages_read(p, c->value_page + first, last - first + 1, c->space, err);
    if (st != FK_OK)
        return st;
    if (first == 0 && (u64(c->space) != c->value_page || u16(c->space + 10) != OVERFLOW_PAGE))
        return corrupt(c, c->value_page, "is not the first page of a value", err);
    fk_buf_add(out, c->space + (HEADER + from - first * p->page_size), len);
    return FK_OK;
}

enum fk_status fk_value__read(struct fk_cursor *c, size_t from, size_t len, struct fk_buf *out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (from > c->value_len || len > c->value_len - from)
        return fk_fail(err, FK_CORRUPT, "%s: a value of table %s is too short (%zu bytes)",
                       c->pages->path, c->table, c->value_len);
    if (len == 0)
        return FK_OK;
    if (c->value)
        fk_buf_add(out, c->value + from, len);
    else
        st = value_pages_read(c, from, len, out, err);
    if (st == FK_OK && out->failed)
        st = fk_fail(err, FK_NOMEM, "%s: no memory to read it", c->pages->path);
    return st;
}
