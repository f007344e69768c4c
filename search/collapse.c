/* collapse.c - see collapse.h. */
#include "search/collapse.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "search/related.h"

#include <stdlib.h>
#include <string.h>

const char *fk_collapse_name(enum fk_collapse by) {
    return by == FK_COLLAPSE_THREAD ? "thread" : by == FK_COLLAPSE_SIMILAR ? "similar" : NULL;
}

bool fk_collapse_read(const char *name, enum fk_collapse *out) {
    for (enum fk_collapse by = FK_COLLAPSE_THREAD; by <= FK_COLLAPSE_SIMILAR; by++)
        if (strcmp(fk_collapse_name(by), name) == 0)
            return *out = by, true;
    return false;
}

/* From a number to standing hits: a table of chains, each in the order in which they came. */
enum { NONE = UINT32_MAX };
struct chain {
    uint64_t key;
    uint32_t leader, next;
};
struct table {
    struct chain *at;
    uint32_t *first, *last; /* of each slot */
    uint32_t count, cap, slots;
};

static bool table_new(struct table *t, size_t entries) {
    uint32_t slots = 1024;
    while (slots < entries)
        slots *= 2;
    *t = (struct table){malloc((entries + 1) * sizeof *t->at),
                        malloc(slots * sizeof *t->first),
                        malloc(slots * sizeof *t->last),
                        0,
                        (uint32_t)entries,
                        slots};
    if (t->at == NULL || t->first == NULL || t->last == NULL)
        return false;
    memset(t->first, 0xff, slots * sizeof *t->first);
    return true;
}

static void table_free(struct table *t) {
    free(t->at);
    free(t->first);
    free(t->last);
}

static uint32_t slot_of(const struct table *t, uint64_t key) {
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (t->slots - 1);
}

static void table_add(struct table *t, uint64_t key, uint32_t leader) {
    const uint32_t slot = slot_of(t, key), n = t->count++;
    t->at[n] = (struct chain){key, leader, NONE};
    if (t->first[slot] == NONE)
        t->first[slot] = n;
    else
        t->at[t->last[slot]].next = n;
    t->last[slot] = n;
}

/* The next of this key from `from` on; NONE at the end. */
static uint32_t table_next(const struct table *t, uint64_t key, uint32_t from) {
    while (from != NONE && t->at[from].key != key)
        from = t->at[from].next;
    return from;
}

static enum fk_status by_key(struct fk_matches *hits, struct fk_err *err) {
    struct table t;
    size_t left = 0;
    const bool good = table_new(&t, hits->count);
    for (size_t i = 0; good && i < hits->count; i++) {
        const struct fk_match m = hits->at[i];
        const uint32_t n = m.key ? table_next(&t, m.key, t.first[slot_of(&t, m.key)]) : NONE;
        if (n != NONE) {
            hits->at[t.at[n].leader].others++;
            continue;
        }
        if (m.key)
            table_add(&t, m.key, (uint32_t)left);
        hits->at[left++] = m;
    }
    table_free(&t);
    if (!good)
        return fk_fail(err, FK_NOMEM, "out of memory for groups");
    hits->count = left;
    return FK_OK;
}

/* ---- likeness */

struct likes {
    struct fk_xreader *reader;
    struct table bands;
    uint8_t (*sketches)[FK_SKETCH_BYTES]; /* of those that stand */
    struct fk_buf value;
};

static uint64_t band_key(const uint8_t sketch[FK_SKETCH_BYTES], unsigned band) {
    char term[FK_BAND_SIZE];
    fk_sketch_band(sketch, band, term);
    return strtoull(term + 3, NULL, 16) << 8 | (band + 1);
}

/* The first standing hit that it is like; NONE. */
static uint32_t leader_find(const struct likes *l, const uint8_t sketch[FK_SKETCH_BYTES]) {
    uint32_t best = NONE;
    for (unsigned band = 0; band < FK_BANDS; band++) {
        const uint64_t key = band_key(sketch, band);
        uint32_t n = table_next(&l->bands, key, l->bands.first[slot_of(&l->bands, key)]);
        for (unsigned tries = 0; n != NONE && tries < FK_COLLAPSE_TRIES; tries++) {
            const uint32_t leader = l->bands.at[n].leader;
            if (leader < best &&
                fk_sketch_likeness(sketch, l->sketches[leader]) >= FK_SIMILAR_PERCENT)
                best = leader;
            n = table_next(&l->bands, key, l->bands.at[n].next);
        }
    }
    return best;
}

static enum fk_status like_take(struct likes *l, struct fk_matches *hits, size_t *left,
                                struct fk_match m, struct fk_err *err) {
    fk_buf_reset(&l->value);
    enum fk_status st = fk_xreader_value(l->reader, m.docid, FK_SLOT_SKETCH, &l->value, err);
    if (st != FK_OK)
        return st;
    const bool has_text = l->value.len == FK_SKETCH_BYTES;
    const uint32_t leader = has_text ? leader_find(l, l->value.data) : NONE;
    if (leader != NONE) {
        hits->at[leader].others++;
        return FK_OK;
    }
    if (has_text) {
        memcpy(l->sketches[*left], l->value.data, FK_SKETCH_BYTES);
        for (unsigned band = 0; band < FK_BANDS; band++)
            table_add(&l->bands, band_key(l->value.data, band), (uint32_t)*left);
    }
    hits->at[(*left)++] = m;
    return FK_OK;
}

static enum fk_status by_likeness(struct fk_xreader *reader, struct fk_matches *hits,
                                  struct fk_err *err) {
    struct likes l = {.reader = reader, .value = FK_BUF_INIT};
    enum fk_status st = FK_OK;
    size_t left = 0;
    if (hits->count > FK_COLLAPSE_SIMILAR_MAX)
        return fk_fail(
            err, FK_INVALID,
            "%zu hits are too many to be grouped by likeness, which takes %d: narrow the "
            "query, by time say",
            hits->count, FK_COLLAPSE_SIMILAR_MAX);
    l.sketches = malloc((hits->count + 1) * sizeof *l.sketches);
    if (!table_new(&l.bands, hits->count * FK_BANDS) || l.sketches == NULL)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for groups"));
    for (size_t i = 0; i < hits->count; i++)
        FK_TRY(like_take(&l, hits, &left, hits->at[i], err));
    hits->count = left;
done:
    table_free(&l.bands);
    free(l.sketches);
    fk_buf_free(&l.value);
    return st;
}

enum fk_status fk_collapse(struct fk_xreader *reader, enum fk_collapse by, struct fk_matches *hits,
                           struct fk_err *err) {
    return by == FK_COLLAPSE_THREAD    ? by_key(hits, err)
           : by == FK_COLLAPSE_SIMILAR ? by_likeness(reader, hits, err)
                                       : FK_OK;
}
