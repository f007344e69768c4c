/* verify.c - the whole vault: which files there are, what seals say of them, then each segment.
 * Files are read by our own walk over their pages (pages_priv.h), so a damaged one is a finding and
 * never the end of the process. A sealed file is first compared with the digest in its seal entry.
 */
#include "archiver/vault/verify_priv.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct seal {
    char digest[2 * FK_SHA256_BYTES + 1];
    uint64_t first, last, bytes;
};
struct survey {
    struct fk_check v;
    uint64_t count;       /* segments are 1 .. count */
    struct seal *seal;    /* of each */
    uint64_t *generation; /* of the key file that counts, of each; 0 not known */
};

static enum fk_status number_seen(void *ctx, uint64_t number, const char *rest,
                                  struct fk_err *err) {
    uint64_t *highest = ctx;
    (void)err;
    if ((strcmp(rest, "open") == 0 || strcmp(rest, "sealed") == 0) && number > *highest)
        *highest = number;
    return FK_OK;
}

/* Opened for this check alone: LMDB wants each environment once in a process, so the desk's own
 * shelf is closed meanwhile. */
static enum fk_status book_open(struct survey *s, uint64_t number, struct fk_book **out,
                                struct fk_err *err) {
    enum fk_status st = FK_NOT_FOUND;
    for (int tries = 0; st == FK_NOT_FOUND && tries < 3; tries++) /* sealed just now, maybe */
        st = fk_book__open(&s->v.where, number, FK_BOOK_PINNED, out, err);
    return st;
}

static enum fk_status seal_add(struct survey *s, const struct fk_entry *e) {
    uint64_t number;
    struct seal seal = {0};
    if (fk_entry_number(e, "segment", &number) && number >= 1 && number <= s->count &&
        fk_entry_number(e, "first", &seal.first) && fk_entry_number(e, "last", &seal.last) &&
        fk_entry_number(e, "bytes", &seal.bytes) &&
        fk_entry_field(e, "digest", seal.digest, sizeof seal.digest))
        s->seal[number - 1] = seal;
    return FK_OK;
}

/* Seal and dispose entries of a segment, as far as it can be read; what cannot is found later. */
static enum fk_status collect_from(struct survey *s, struct fk_book *b) {
    struct fk_err ignored;
    struct fk_entry e;
    bool stop;
    enum fk_status st = fk_lines__first(b->lines, &ignored);
    for (; st == FK_OK && b->lines->valid; st = fk_lines__next(b->lines, &ignored)) {
        struct fk_buf *line = &s->v.line;
        fk_buf_reset(line);
        if (fk_lines__read(b->lines, line, &ignored) != FK_OK)
            continue;
        bool seal = memmem(line->data, line->len, " kind=seal ", 11) != NULL;
        bool dispose = memmem(line->data, line->len, " kind=dispose ", 14) != NULL;
        if ((!seal && !dispose) || fk_entry_read(line->data, line->len, &e, &ignored) != FK_OK)
            continue;
        if (fk_entry_is(&e, "seal"))
            st = seal_add(s, &e);
        else if (fk_entry_is(&e, "dispose"))
            st = fk_disposals__add(s->v.disposals, &e, &stop, &ignored);
        if (st == FK_NOMEM)
            return st;
    }
    return st == FK_NOMEM ? st : FK_OK;
}

static enum fk_status collect(struct survey *s, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t wanted = s->v.range.segment;
    for (uint64_t i = 1; i <= s->count && st == FK_OK; i++) {
        struct fk_book *b = NULL;
        struct fk_err ignored;
        enum fk_status opened = book_open(s, i, &b, &ignored);
        if (opened == FK_NOMEM || opened == FK_RETRY)
            st = fk_fail(err, opened, "%s", ignored.text);
        if (opened != FK_OK)
            continue;
        s->v.sum.next_seq = b->next;
        if (b->state == FK_BOOK_ACTIVE &&
            fk_book__meta_number(b, "erased", &s->v.erased, &ignored) != FK_OK)
            s->v.erased = 0; /* found again when the segment is checked */
        if (i >= wanted)
            st = collect_from(s, b);
        if (st == FK_NOMEM)
            st = fk_fail(err, st, "no memory to verify");
        fk_book__close(&b);
    }
    return st;
}

static enum fk_status seal_check(struct survey *s, uint64_t number, struct fk_book *b,
                                 struct fk_err *err) {
    struct fk_check *v = &s->v;
    const struct seal *seal = &s->seal[number - 1];
    char path[PATH_MAX], digest[2 * FK_SHA256_BYTES + 1];
    if (!seal->digest[0]) {
        fk_check__tell(v, UINT64_MAX, number, "seal",
                       "segment %" PRIu64 " is sealed, but no entry has its digest", number);
        return FK_OK;
    }
    fk_layout__segment(path, v->where.dir, number, "sealed");
    enum fk_status st = fk_layout__digest(path, digest, err);
    if (st != FK_OK)
        return fk_check__failed(v, st, UINT64_MAX, number, "file", err);
    if (strcmp(digest, seal->digest) != 0)
        fk_check__tell(v, UINT64_MAX, number, "seal",
                       "%s: its SHA-256 is %s, its seal entry says %s: take the file from a copy",
                       path, digest, seal->digest);
    else if (b && (b->first != seal->first || b->next - 1 != seal->last))
        fk_check__tell(v, UINT64_MAX, number, "seal",
                       "its seal entry says entries %" PRIu64 " to %" PRIu64, seal->first,
                       seal->last);
    return FK_OK;
}

/* Key records are in order, and the file is the newest and only one, when all is at rest. */
enum fk_status fk_check__keyfile(struct fk_check *v, struct fk_book *b, struct fk_err *err) {
    uint64_t last = 0, seq;
    uint8_t wrapped[FK_WRAPPED_BYTES];
    enum fk_status st = fk_book__wrapped(b, b->first, wrapped, err); /* opens it */
    if (st != FK_OK && st != FK_NOT_FOUND)
        return fk_check__failed(v, st, UINT64_MAX, b->number, "key", err);
    for (uint64_t i = 0; i < b->keyfile.count; i++) {
        st = fk_keyfile__record(&b->keyfile, i, &seq, wrapped, err);
        if (st != FK_OK)
            return fk_check__failed(v, st, UINT64_MAX, b->number, "key", err);
        if ((i && seq <= last) || seq < b->first || seq >= b->next) {
            fk_check__tell(v, UINT64_MAX, b->number, "key",
                           "%s: record %" PRIu64 " is for entry %" PRIu64 ", which is out of order",
                           b->keyfile.path, i, seq);
            return FK_OK;
        }
        last = seq;
    }
    return FK_OK;
}

static bool touches_range(const struct survey *s, uint64_t number, const struct fk_book *b) {
    const struct fk_verify_range *r = &s->v.range;
    if (r->segment)
        return r->segment == number;
    return b->next > r->from && b->first <= r->to;
}

/* The file is there but is no segment any more: what can still be said of it. */
static enum fk_status unreadable(struct survey *s, uint64_t number, enum fk_status st,
                                 struct fk_err *err) {
    struct fk_check *v = &s->v;
    char open[PATH_MAX], sealed[PATH_MAX];
    v->chained = false;
    v->next = UINT64_MAX;
    if (v->range.segment && v->range.segment != number)
        return FK_OK;
    if (st == FK_NOT_FOUND) {
        fk_check__tell(v, UINT64_MAX, number, "gap", "segment %" PRIu64 " is missing", number);
        return FK_OK;
    }
    st = fk_check__failed(v, st, UINT64_MAX, number, "file", err);
    fk_layout__segment(open, v->where.dir, number, "open");
    fk_layout__segment(sealed, v->where.dir, number, "sealed");
    if (st == FK_OK && !fk_layout__exists(open) && fk_layout__exists(sealed))
        st = seal_check(s, number, NULL, err);
    return st;
}

static enum fk_status book_check(struct survey *s, struct fk_book *b, struct fk_err *err) {
    enum fk_status st;
    s->v.succeeded = b->number < s->count;
    FK_TRY(fk_check__book(&s->v, b, err));
    if (b->state == FK_BOOK_SEALED_STATE) {
        FK_TRY(seal_check(s, b->number, b, err));
        FK_TRY(fk_check__keyfile(&s->v, b, err));
        s->generation[b->number - 1] = b->keyfile.fd >= 0 ? b->keyfile.generation : 0;
    } else if (fk_book__meta_number(b, "generation", &s->generation[b->number - 1], err) != FK_OK)
        s->generation[b->number - 1] = 0; /* told already, by whoever asked for a key */
    if (b->number == s->count && b->state == FK_BOOK_SEALED_STATE && !s->v.range.segment)
        fk_check__tell(&s->v, UINT64_MAX, b->number + 1, "gap",
                       "segment %" PRIu64 " is missing: the one before it is sealed",
                       b->number + 1);
done:
    return st;
}

static enum fk_status segment_check(struct survey *s, uint64_t number, struct fk_err *err) {
    struct fk_book *b = NULL;
    enum fk_status st = book_open(s, number, &b, err);
    if (st == FK_NOMEM || st == FK_RETRY)
        return st;
    if (st != FK_OK)
        return unreadable(s, number, st, err);
    if (touches_range(s, number, b))
        st = book_check(s, b, err);
    else {
        s->v.chained = false;
        s->v.next = b->next;
    }
    fk_book__close(&b);
    return st;
}

static enum fk_status segment_leftover(void *ctx, uint64_t number, const char *rest,
                                       struct fk_err *err) {
    struct survey *s = ctx;
    (void)err;
    if (strcmp(rest, "new") == 0 || strcmp(rest, "sealing") == 0 ||
        strncmp(rest, "healing", 7) == 0)
        fk_check__tell(&s->v, UINT64_MAX, number, "leftover",
                       "segments/%08" PRIu64 ".%s is left over: the next start removes it", number,
                       rest);
    return FK_OK;
}

static enum fk_status keys_leftover(void *ctx, uint64_t number, const char *rest,
                                    struct fk_err *err) {
    struct survey *s = ctx;
    char *end;
    (void)err;
    uint64_t generation = strtoull(rest, &end, 10);
    bool counts = number <= s->count && strcmp(end, ".keys") == 0 &&
                  (s->generation[number - 1] == generation || !s->generation[number - 1]);
    if (!counts)
        fk_check__tell(&s->v, UINT64_MAX, number, "leftover",
                       "keys/%08" PRIu64 ".%s does not count: the next start destroys it", number,
                       rest);
    return FK_OK;
}

/* Only where the pen was put down in good order; while it writes there are files in the making. */
static enum fk_status leftovers_check(struct survey *s, struct fk_err *err) {
    char clean[PATH_MAX];
    fk_layout__path(clean, s->v.where.dir, "run/clean");
    if (!fk_layout__exists(clean) || s->v.range.segment || s->v.range.from || s->v.sum.findings)
        return FK_OK;
    enum fk_status st = fk_layout__each(s->v.where.dir, "segments", segment_leftover, s, err);
    if (st == FK_OK)
        st = fk_layout__each(s->v.where.dir, "keys", keys_leftover, s, err);
    return st;
}

static enum fk_status survey_run(struct survey *s, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_layout__each(s->v.where.dir, "segments", number_seen, &s->count, err));
    if (s->count == 0 || s->count > SIZE_MAX / sizeof *s->seal / 2)
        return fk_fail(err, FK_CORRUPT, "%s/segments: there is no segment", s->v.where.dir);
    s->seal = calloc((size_t)s->count, sizeof *s->seal);
    s->generation = calloc((size_t)s->count, sizeof *s->generation);
    s->v.disposals = fk_disposals__new();
    if (!s->seal || !s->generation || !s->v.disposals)
        return fk_fail(err, FK_NOMEM, "no memory to verify %" PRIu64 " segments", s->count);
    FK_TRY(fk_bench__new(&s->v.bench, err));
    FK_TRY(collect(s, err));
    s->v.progress_all = s->v.sum.next_seq;
    for (uint64_t i = 1; i <= s->count; i++)
        FK_TRY(segment_check(s, i, err));
    st = leftovers_check(s, err);
done:
    return st;
}

static unsigned cores(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 1 ? (unsigned)n : 1;
}

enum fk_status fk_desk_verify(struct fk_desk *d, const struct fk_verify_range *range,
                              fk_finding_fn finding, fk_progress_fn progress, void *ctx,
                              struct fk_verify_sum *out, struct fk_err *err) {
    struct survey s = {.v = {.where = d->where,
                             .range = *range,
                             .finding = finding,
                             .progress = progress,
                             .ctx = ctx,
                             .threads = cores()}};
    struct fk_err why =
        FK_ERR_INIT; /* findings are told in its words, whether the caller wants it or not */
    fk_shelf__close(&d->shelf);
    enum fk_status st = survey_run(&s, &why);
    if (st != FK_OK)
        st = fk_fail(err, st, "%s", why.text);
    *out = s.v.sum;
    if (st == FK_OK && progress)
        progress(ctx, s.v.progress_all, s.v.progress_all);
    if (st == FK_OK && s.v.sum.findings)
        st = fk_fail(err, FK_CORRUPT, "%s: verification found %" PRIu64 " faults", d->dir,
                     s.v.sum.findings);
    fk_check__free(&s.v);
    free(s.seal);
    free(s.generation);
    return st;
}
