/* verify_contents.c - the contents of one segment, read again on all cores. Lines and chain are one
 * walk and cheap (verify_segment.c); contents depend on nothing but their own entry, so threads
 * take blocks of seqs, each with a book of its own. What they find is told by the caller's thread,
 * in the order of the seqs. */
#include "archiver/vault/verify_priv.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, HANDS_MAX = 16 };

struct crew {
    struct fk_check *whole; /* the caller's; its book is the caller's thread's */
    uint64_t from, to;      /* seqs */
    atomic_uint_least64_t next;
    atomic_bool stop;
};

/* One thread. */
struct hand {
    struct crew *crew;
    struct fk_check check;
    struct fk_kek kek; /* a book follows a rotation in it */
    struct fk_finding *found;
    size_t count, cap;
    enum fk_status status;
    struct fk_err err;
    pthread_t thread;
    bool running;
};

static void found_note(void *ctx, const struct fk_finding *f) {
    struct hand *h = ctx;
    if (h->count == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 16;
        struct fk_finding *found = realloc(h->found, cap * sizeof *found);
        if (!found) {
            h->status = fk_fail(&h->err, FK_NOMEM, "no memory for what was found");
            return;
        }
        h->found = found;
        h->cap = cap;
    }
    h->found[h->count++] = *f;
}

/* What is wrong with a line was told by the walk. */
static enum fk_status one_check(struct fk_check *v, uint64_t seq, struct fk_err *err) {
    struct fk_entry e;
    fk_buf_reset(&v->line);
    enum fk_status st = fk_book__line(v->book, seq, &v->line, err);
    if (st == FK_NOMEM || st == FK_RETRY)
        return st;
    if (st != FK_OK || fk_entry_read(v->line.data, v->line.len, &e, err) != FK_OK || e.seq != seq)
        return FK_OK;
    return fk_check__content(v, &e, err);
}

static void blocks_work(struct hand *h) {
    struct crew *c = h->crew;
    while (h->status == FK_OK && !atomic_load(&c->stop)) {
        uint64_t from = atomic_fetch_add(&c->next, BLOCK);
        if (from > c->to || from < c->from)
            return;
        uint64_t to = c->to - from < BLOCK ? c->to : from + BLOCK - 1;
        for (uint64_t seq = from; seq <= to && h->status == FK_OK; seq++) {
            enum fk_status st = one_check(&h->check, seq, &h->err);
            if (st != FK_OK)
                h->status = st;
        }
        if (c->whole->progress && !h->running) /* the caller's own thread */
            c->whole->progress(c->whole->ctx, to, c->whole->progress_all);
    }
    if (h->status != FK_OK)
        atomic_store(&c->stop, true);
}

/* A hand that has no book (the segment was sealed in this moment) leaves the work to the others. */
static void *hand_main(void *arg) {
    struct hand *h = arg;
    struct fk_book *b = NULL;
    const struct fk_book *whole = h->crew->whole->book;
    if (fk_book__open(&h->check.where, whole->number, whole->flags, &b, NULL) != FK_OK)
        return NULL;
    h->check.book = b;
    if (b->first == whole->first && b->next >= whole->next &&
        fk_bench__new(&h->check.bench, NULL) == FK_OK)
        blocks_work(h);
    fk_book__close(&b);
    return NULL;
}

static void hand_begin(struct hand *h, struct crew *c) {
    const struct fk_check *v = c->whole;
    h->crew = c;
    h->check = (struct fk_check){.where = v->where,
                                 .range = v->range,
                                 .tags_only = v->tags_only,
                                 .finding = found_note,
                                 .ctx = h,
                                 .disposals = v->disposals,
                                 .erased = v->erased};
    h->kek = *v->where.kek;
    h->check.where.kek = &h->kek;
}

static void hand_end(struct hand *h) {
    h->check.disposals = NULL; /* the caller's */
    fk_check__free(&h->check);
    OPENSSL_cleanse(&h->kek, sizeof h->kek);
    free(h->found);
}

static int by_seq(const void *a, const void *b) {
    uint64_t x = ((const struct fk_finding *)a)->seq, y = ((const struct fk_finding *)b)->seq;
    return (x > y) - (x < y);
}

/* Sums and findings of all, as if one had done it. */
static enum fk_status hands_join(struct fk_check *v, struct hand *hands, size_t n,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct hand *first = &hands[0];
    for (size_t i = 0; i < n; i++) {
        struct hand *h = &hands[i];
        if (h->running)
            pthread_join(h->thread, NULL);
        v->sum.contents += h->check.sum.contents;
        v->sum.disposed += h->check.sum.disposed;
        v->sum.unfinished += h->check.sum.unfinished;
        v->sum.bytes += h->check.sum.bytes;
        for (size_t k = 0; i > 0 && k < h->count; k++)
            found_note(first, &h->found[k]);
        if (st == FK_OK && h->status != FK_OK)
            st = fk_fail(err, h->status, "%s", h->err.text);
    }
    if (st == FK_OK && first->status != FK_OK)
        st = fk_fail(err, first->status, "%s", first->err.text);
    if (first->count)
        qsort(first->found, first->count, sizeof *first->found, by_seq);
    for (size_t k = 0; k < first->count; k++)
        fk_check__tell(v, first->found[k].seq, first->found[k].segment, first->found[k].check, "%s",
                       first->found[k].text);
    return st;
}

enum fk_status fk_check__contents(struct fk_check *v, unsigned threads, struct fk_err *err) {
    const struct fk_book *b = v->book;
    struct crew c = {.whole = v,
                     .from = b->first > v->range.from ? b->first : v->range.from,
                     .to = b->next - 1 < v->range.to ? b->next - 1 : v->range.to};
    size_t n = threads < HANDS_MAX ? threads : HANDS_MAX;
    if (c.from > c.to)
        return FK_OK;
    struct hand *hands = calloc(n, sizeof *hands);
    if (!hands)
        return fk_fail(err, FK_NOMEM, "no memory to verify on %zu threads", n);
    atomic_init(&c.next, c.from);
    for (size_t i = 0; i < n; i++)
        hand_begin(&hands[i], &c);
    for (size_t i = 1; i < n && c.to - c.from >= i * BLOCK; i++)
        hands[i].running = pthread_create(&hands[i].thread, NULL, hand_main, &hands[i]) == 0;
    hands[0].check.book = v->book; /* the caller's thread works too, so it is done in any case */
    hands[0].check.where.kek = v->where.kek;
    hands[0].check.bench = v->bench;
    blocks_work(&hands[0]);
    hands[0].check.bench = NULL;
    enum fk_status st = hands_join(v, hands, n, err);
    for (size_t i = 0; i < n; i++)
        hand_end(&hands[i]);
    free(hands);
    return st;
}
