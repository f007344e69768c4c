/* disposals.c - the dispose entries of a ledger, collected once and then followed. */
#include "archiver/vault/desk_priv.h"

#include <inttypes.h>
#include <stdlib.h>

struct disposal {
    uint64_t seq;
    struct fk_seqs of;
};
struct fk_disposals {
    uint64_t next; /* entries before this have been looked at */
    struct disposal *at;
    size_t count, cap;
};

enum fk_status fk_disposals__add(void *ctx, const struct fk_entry *e, bool *stop,
                                 struct fk_err *err) {
    struct fk_disposals *d = ctx;
    struct fk_seqs of = {0};
    size_t len;
    (void)stop;
    const char *text = fk_entry_field_at(e, "of", &len);
    if (!text || !fk_seqs_parse(text, len, SIZE_MAX, &of)) {
        fk_seqs_free(&of);
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a dispose entry without a list of seqs",
                       e->seq);
    }
    if (d->count == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 16;
        struct disposal *at = realloc(d->at, cap * sizeof *at);
        if (!at) {
            fk_seqs_free(&of);
            return fk_fail(err, FK_NOMEM, "no memory for the list of disposals");
        }
        d->at = at;
        d->cap = cap;
    }
    d->at[d->count++] = (struct disposal){e->seq, of};
    d->next = e->seq + 1;
    return FK_OK;
}

struct fk_disposals *fk_disposals__new(void) {
    return calloc(1, sizeof(struct fk_disposals));
}

bool fk_disposals__has(const struct fk_disposals *d, uint64_t seq, uint64_t *dispose_out) {
    for (size_t i = 0; i < d->count; i++)
        if (fk_seqs_has(&d->at[i].of, seq)) {
            *dispose_out = d->at[i].seq;
            return true;
        }
    return false;
}

enum fk_status fk_disposals__find(struct fk_disposals **dp, struct fk_shelf *shelf, uint64_t seq,
                                  uint64_t *dispose_out, struct fk_err *err) {
    if (!*dp)
        *dp = fk_disposals__new();
    if (!*dp)
        return fk_fail(err, FK_NOMEM, "no memory for the list of disposals");
    struct fk_disposals *d = *dp;
    enum fk_status st = fk_shelf__scan(shelf, &d->next, "dispose", fk_disposals__add, d, err);
    if (st != FK_OK)
        return st;
    if (fk_disposals__has(d, seq, dispose_out))
        return FK_OK;
    return fk_fail(err, FK_NOT_FOUND, "no dispose entry names %" PRIu64, seq);
}

void fk_disposals__free(struct fk_disposals **dp) {
    if (!*dp)
        return;
    for (size_t i = 0; i < (*dp)->count; i++)
        fk_seqs_free(&(*dp)->at[i].of);
    free((*dp)->at);
    free(*dp);
    *dp = NULL;
}
