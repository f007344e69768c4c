/* certificate.c - see certificate.h */
#include "retention/certificate.h"

/* Where an entry lists no messages, it may have any between its first and its last. */
static bool has_any(const struct fk_package *p, const struct fk_seqs *seqs) {
    for (size_t i = 0; i < seqs->count; i++)
        if (p->of.count ? fk_seqs_has(&p->of, seqs->at[i])
                        : seqs->at[i] >= p->first && seqs->at[i] <= p->last)
            return true;
    return false;
}

static bool was_out(uint64_t made, uint64_t destroyed, uint64_t entry) {
    return made < entry && (!destroyed || destroyed > entry);
}

static void packages_each(const struct fk_package *p, size_t count, enum fk_copy_kind kind,
                          uint64_t entry, const struct fk_seqs *seqs, fk_copy_fn fn, void *ctx) {
    for (size_t i = 0; i < count; i++)
        if (was_out(p[i].seq, p[i].destroyed, entry) && has_any(&p[i], seqs))
            fn(ctx, &(struct fk_copy){kind, p[i].seq, p[i].time_ms, p[i].destroyed});
}

void fk_copies_each(const struct fk_roll *roll, uint64_t entry, const struct fk_seqs *seqs,
                    fk_copy_fn fn, void *ctx) {
    for (size_t i = 0; i < roll->bundle_count; i++) {
        const struct fk_bundle *b = &roll->bundles[i];
        if (was_out(b->seq, b->destroyed, entry) && seqs->count && seqs->at[0] < b->seq)
            fn(ctx, &(struct fk_copy){FK_COPY_BUNDLE, b->seq, b->time_ms, b->destroyed});
    }
    packages_each(roll->packages, roll->package_count, FK_COPY_PACKAGE, entry, seqs, fn, ctx);
    packages_each(roll->tapes, roll->tape_count, FK_COPY_TAPE, entry, seqs, fn, ctx);
}
