/* matches.c - see matches.h. */
#include "search/matches.h"
#include "base/pack.h"
#include "indexer/text/prefixes.h"

#include <stdlib.h>

struct taking {
    struct fk_matches *out;
    const struct fk_seqs *gone;
};

static enum fk_status match_take(void *ctx, const struct fk_xmatch *m, struct fk_err *err) {
    struct taking *t = ctx;
    struct fk_matches *out = t->out;
    if (fk_seqs_has(t->gone, m->docid))
        return FK_OK;
    if (out->count == FK_MATCHES_MAX)
        return fk_fail(err, FK_INVALID,
                       "more than %d messages match, too many for a list or groups of them: narrow "
                       "the query, by time say",
                       FK_MATCHES_MAX);
    if (out->count == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 256;
        void *at = realloc(out->at, cap * sizeof *out->at);
        if (at == NULL)
            return fk_fail(err, FK_NOMEM, "out of memory for hits");
        out->at = at;
        out->cap = cap;
    }
    out->at[out->count++] =
        (struct fk_match){m->first_len == 8 ? (int64_t)fk_be64_read(m->first) : 0,
                          m->second_len >= 8 ? fk_be64_read(m->second) : 0, m->docid, 0};
    return FK_OK;
}

static int newest_first(const void *a, const void *b) {
    const struct fk_match *x = a, *y = b;
    const int by_time = (x->received_ms < y->received_ms) - (x->received_ms > y->received_ms);
    return by_time ? by_time : (x->docid < y->docid) - (x->docid > y->docid);
}

enum fk_status fk_matches_read(struct fk_xreader *reader, const struct fk_xquery *query,
                               const struct fk_seqs *gone, unsigned key_slot,
                               struct fk_matches *out, struct fk_err *err) {
    struct fk_matches all = FK_MATCHES_INIT;
    struct taking t = {&all, gone};
    enum fk_status st =
        fk_xreader_each(reader, query, FK_SLOT_RECEIVED, key_slot, match_take, &t, err);
    if (st != FK_OK) {
        fk_matches_free(&all);
        return st;
    }
    if (all.count > 1)
        qsort(all.at, all.count, sizeof *all.at, newest_first);
    *out = all;
    return FK_OK;
}

void fk_matches_free(struct fk_matches *m) {
    free(m->at);
    *m = (struct fk_matches)FK_MATCHES_INIT;
}
