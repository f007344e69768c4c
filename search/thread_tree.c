/* thread_tree.c - who answers whom. The parent of a message is the nearest one that it names and
 * that is there: References from its end, then In-Reply-To, then the subject. A message that names
 * one which answers it, by mistake or on purpose, is passed over: there are no circles. */
#include "search/thread_priv.h"
#include "base/digest.h"
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 70 }; /* more than a document has */

uint64_t fk_thread__id(const void *id, size_t len) {
    uint8_t sum[FK_SHA256_BYTES];
    fk_sha256(id, len, sum);
    const uint64_t n = fk_be64_read(sum);
    return n ? n : 1;
}

const char *fk_join_name(enum fk_join join) {
    static const char *const names[] = {"root", "reference", "subject"};
    return names[join];
}

struct tree {
    struct fk_thread *thread;
    uint64_t *own; /* each message's id, 0: none */
    struct fk_thread_message *ordered;
    size_t *place, count;
};

static int compare(const void *a, const void *b) {
    const struct fk_thread_message *x = a, *y = b;
    const int by_time = (x->received_ms > y->received_ms) - (x->received_ms < y->received_ms);
    return by_time ? by_time : (x->docid > y->docid) - (x->docid < y->docid);
}

/* What a message names, in its order; *own is its own. */
static size_t named_read(const struct fk_thread_message *m, uint64_t *own,
                         uint64_t named[NAMED_MAX]) {
    struct fk_fields it = fk_fields_begin(m->data.data, m->data.len);
    struct fk_buf id = FK_BUF_INIT;
    size_t n = 0;
    *own = 0;
    for (bool is_own; fk_thread__next_id(&it, &is_own, &id);) {
        if (is_own)
            *own = fk_thread__id(id.data, id.len);
        else if (n < NAMED_MAX)
            named[n++] = fk_thread__id(id.data, id.len);
    }
    fk_buf_free(&id);
    return n;
}

static bool is_above(const struct fk_thread *t, size_t above, size_t i) {
    for (; i != SIZE_MAX; i = t->at[i].parent)
        if (i == above)
            return true;
    return false;
}

/* The first received one with this id, or docid, that is not below the message itself. */
static size_t parent_find(const struct tree *tree, size_t i, uint64_t id, uint32_t docid) {
    const struct fk_thread *t = tree->thread;
    for (size_t k = 0; k < t->count; k++)
        if ((docid ? t->at[k].docid == docid : tree->own[k] == id) && !is_above(t, i, k))
            return k;
    return SIZE_MAX;
}

static void parent_set(struct tree *tree, size_t i) {
    struct fk_thread_message *m = &tree->thread->at[i];
    uint64_t named[NAMED_MAX], own;
    for (size_t n = named_read(m, &own, named); n > 0 && m->parent == SIZE_MAX; n--)
        m->parent = parent_find(tree, i, named[n - 1], 0);
    m->join = m->parent == SIZE_MAX ? FK_JOIN_ROOT : FK_JOIN_REFERENCE;
    if (m->parent == SIZE_MAX && m->topic_of != 0 &&
        (m->parent = parent_find(tree, i, 0, m->topic_of)) != SIZE_MAX)
        m->join = FK_JOIN_TOPIC;
}

/* A message and, by time, all below it; no deeper than there are messages. */
static void order(struct tree *tree, size_t i, unsigned depth) {
    const struct fk_thread *t = tree->thread;
    tree->place[i] = tree->count;
    tree->ordered[tree->count] = t->at[i];
    tree->ordered[tree->count++].depth = depth;
    for (size_t k = 0; k < t->count; k++)
        if (t->at[k].parent == i)
            order(tree, k, depth + 1);
}

enum fk_status fk_thread__tree(struct fk_thread *t, struct fk_err *err) {
    struct tree tree = {t, calloc(t->count + 1, sizeof *tree.own),
                        calloc(t->count + 1, sizeof *tree.ordered),
                        calloc(t->count + 1, sizeof *tree.place), 0};
    uint64_t named[NAMED_MAX];
    enum fk_status st = FK_OK;
    if (tree.own == NULL || tree.ordered == NULL || tree.place == NULL)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a conversation"));
    qsort(t->at, t->count, sizeof *t->at, compare);
    for (size_t i = 0; i < t->count; i++)
        (void)named_read(&t->at[i], &tree.own[i], named);
    for (size_t i = 0; i < t->count; i++)
        parent_set(&tree, i);
    for (size_t i = 0; i < t->count; i++)
        if (t->at[i].parent == SIZE_MAX)
            order(&tree, i, 0);
    for (size_t i = 0; i < tree.count; i++)
        if (tree.ordered[i].parent != SIZE_MAX)
            tree.ordered[i].parent = tree.place[tree.ordered[i].parent];
    memcpy(t->at, tree.ordered, t->count * sizeof *t->at);
done:
    free(tree.own);
    free(tree.ordered);
    free(tree.place);
    return st;
}
