/* pages_account.c - every page of an LMDB file accounted for: LMDB has no checksums, but its pages
 * are a closed set, and a number that was changed breaks it. */
#include "archiver/vault/pages_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct account {
    struct fk_pages *pages;
    uint8_t *seen;    /* a bit a page */
    uint64_t twice;   /* a page that was seen twice, 0 none */
    uint64_t outside; /* a page past the end of the file, 0 none */
    uint64_t branch, leaf, overflow;
};

static void page_mark(struct account *a, uint64_t page) {
    if (page > a->pages->last_page)
        return;
    uint8_t bit = (uint8_t)(1 << (page % 8));
    if (a->seen[page / 8] & bit)
        a->twice = page;
    a->seen[page / 8] |= bit;
}

static void page_visit(void *ctx, uint64_t page, uint64_t count, char kind) {
    struct account *a = ctx;
    *(kind == 'b' ? &a->branch : kind == 'l' ? &a->leaf : &a->overflow) += count;
    if (page + count > (uint64_t)a->pages->size / a->pages->page_size)
        a->outside = page;
    for (uint64_t i = 0; i < count; i++)
        page_mark(a, page + i);
}

/* A value of the free list: how many pages, then their numbers. */
static enum fk_status free_value(struct account *a, struct fk_cursor *c, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    uint64_t count = 0, page;
    enum fk_status st = fk_value__read(c, 0, c->value_len, &b, err);
    if (st == FK_OK && b.len >= sizeof count)
        memcpy(&count, b.data, sizeof count);
    if (st == FK_OK && (b.len % 8 || count >= b.len / 8))
        st = fk_fail(err, FK_CORRUPT, "%s: an item of the free list is damaged", a->pages->path);
    for (uint64_t i = 1; i <= count && st == FK_OK; i++) {
        memcpy(&page, b.data + 8 * i, sizeof page);
        if (page < 2 || page > a->pages->last_page)
            st = fk_fail(err, FK_CORRUPT, "%s: the free list has page %" PRIu64, a->pages->path,
                         page);
        page_mark(a, page);
    }
    fk_buf_free(&b);
    return st;
}

static enum fk_status tree_account(struct account *a, const char *name, const struct fk_tree *tree,
                                   struct fk_err *err);

static enum fk_status item_account(struct account *a, struct fk_cursor *c, struct fk_err *err) {
    struct fk_tree tree;
    char name[16];
    if (strcmp(c->table, "free list") == 0)
        return free_value(a, c, err);
    if (strcmp(c->table, "main") != 0)
        return FK_OK;
    enum fk_status st = fk_cursor__table(c, &tree, err);
    snprintf(name, sizeof name, "%.*s", (int)c->key_len, (const char *)c->key);
    return st == FK_OK ? tree_account(a, name, &tree, err) : st;
}

/* Bytes for the tables; the free list's keys are numbers in native order. */
static bool key_follows(const struct fk_cursor *c, const uint8_t *last, size_t last_len) {
    if (strcmp(c->table, "free list") == 0) {
        uint64_t a = 0, b = 0;
        memcpy(&a, last, last_len < 8 ? last_len : 8);
        memcpy(&b, c->key, c->key_len < 8 ? c->key_len : 8);
        return c->key_len == 8 && a < b;
    }
    int rc = memcmp(last, c->key, last_len < c->key_len ? last_len : c->key_len);
    return rc < 0 || (rc == 0 && last_len < c->key_len);
}

static enum fk_status items_walk(struct account *a, struct fk_cursor *c, struct fk_err *err) {
    uint8_t last[FK_TREE_KEY_MAX] = {0};
    size_t last_len = 0;
    uint64_t items = 0;
    enum fk_status st = fk_cursor__first(c, err);
    while (st == FK_OK && c->valid) {
        if (a->twice) /* also what keeps a ring of pages from being walked for ever */
            return fk_fail(err, FK_CORRUPT, "%s: page %" PRIu64 " is used twice", a->pages->path,
                           a->twice);
        if (a->outside)
            return fk_fail(err, FK_CORRUPT, "%s: ends before page %" PRIu64, a->pages->path,
                           a->outside);
        if (items++ && !key_follows(c, last, last_len))
            return fk_fail(err, FK_CORRUPT, "%s: the keys of table %s do not ascend",
                           a->pages->path, c->table);
        memcpy(last, c->key, c->key_len);
        last_len = c->key_len;
        st = item_account(a, c, err);
        if (st == FK_OK)
            st = fk_cursor__next(c, err);
    }
    if (st == FK_OK && items != c->tree.entries)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: table %s says it has %" PRIu64 " items, there are %" PRIu64,
                     a->pages->path, c->table, c->tree.entries, items);
    return st;
}

static enum fk_status tree_account(struct account *a, const char *name, const struct fk_tree *tree,
                                   struct fk_err *err) {
    struct fk_cursor *c = NULL;
    uint64_t branch = a->branch, leaf = a->leaf, overflow = a->overflow;
    enum fk_status st;
    FK_TRY(fk_cursor__open_tree(a->pages, name, tree, &c, err));
    c->visit = page_visit;
    c->visit_ctx = a;
    a->branch = a->leaf = a->overflow = 0;
    FK_TRY(items_walk(a, c, err));
    if (a->branch != tree->branch_pages || a->leaf != tree->leaf_pages ||
        a->overflow != tree->overflow_pages)
        st = fk_fail(err, FK_CORRUPT, "%s: table %s does not have the pages it says",
                     a->pages->path, name);
done:
    a->branch = branch;
    a->leaf = leaf;
    a->overflow = overflow;
    fk_cursor__close(&c);
    return st;
}

static enum fk_status all_seen(const struct account *a, struct fk_err *err) {
    for (uint64_t page = 2; page <= a->pages->last_page; page++)
        if (!(a->seen[page / 8] & 1 << (page % 8)))
            return fk_fail(err, FK_CORRUPT,
                           "%s: page %" PRIu64 " belongs to no table and is not free",
                           a->pages->path, page);
    return FK_OK;
}

enum fk_status fk_pages__account(struct fk_pages *p, struct fk_err *err) {
    if (p->last_page >
        (uint64_t)p->size / p->page_size + 65536) /* only free pages may be missing */
        return fk_fail(err, FK_CORRUPT, "%s: ends at page %" PRIu64 ", says it has %" PRIu64,
                       p->path, (uint64_t)p->size / p->page_size, p->last_page);
    struct account a = {.pages = p, .seen = calloc(1, (size_t)p->last_page / 8 + 1)};
    if (!a.seen)
        return fk_fail(err, FK_NOMEM, "%s: no memory to check it", p->path);
    enum fk_status st;
    FK_TRY(tree_account(&a, "free list", &p->free_list, err));
    FK_TRY(tree_account(&a, "main", &p->main, err));
    if (a.twice)
        st = fk_fail(err, FK_CORRUPT, "%s: page %" PRIu64 " is used twice", p->path, a.twice);
    else if (a.outside)
        st = fk_fail(err, FK_CORRUPT, "%s: ends before page %" PRIu64, p->path, a.outside);
    FK_TRY(st);
    st = all_seen(&a, err);
done:
    free(a.seen);
    return st;
}
