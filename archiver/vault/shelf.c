/* shelf.c - the segments of a vault in order; which one has a seq. The first seq of a segment is
 * learnt when it is looked at, so that opening a vault costs the same however old it is. */
#include "archiver/vault/book_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_BOOKS = 16 };

struct slot {
    struct fk_book *book;
    uint64_t used;
};
struct fk_shelf {
    const struct fk_where *where;
    int flags;
    uint64_t count, clock;
    uint64_t *first; /* by number-1; UINT64_MAX where not known yet */
    size_t first_cap;
    struct slot slot[OPEN_BOOKS];
};

static bool number_exists(const struct fk_shelf *s, uint64_t number) {
    char path[PATH_MAX];
    fk_layout__segment(path, s->where->dir, number, "open");
    if (fk_layout__exists(path))
        return true;
    fk_layout__segment(path, s->where->dir, number, "sealed");
    return fk_layout__exists(path);
}

static enum fk_status count_set(struct fk_shelf *s, uint64_t count, struct fk_err *err) {
    if (count > s->first_cap) {
        size_t cap = (size_t)count * 2 + 16;
        uint64_t *first = realloc(s->first, cap * sizeof *first);
        if (!first)
            return fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", count);
        for (size_t i = s->first_cap; i < cap; i++)
            first[i] = UINT64_MAX;
        s->first = first;
        s->first_cap = cap;
    }
    s->count = count;
    return FK_OK;
}

static enum fk_status highest_seen(void *ctx, uint64_t number, const char *rest,
                                   struct fk_err *err) {
    uint64_t *highest = ctx;
    (void)err;
    bool counts = strcmp(rest, "open") == 0 || strcmp(rest, "sealed") == 0;
    if (counts && number > *highest)
        *highest = number;
    return FK_OK;
}

enum fk_status fk_shelf__open(const struct fk_where *where, int flags, struct fk_shelf **out,
                              struct fk_err *err) {
    uint64_t highest = 0;
    struct fk_shelf *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "%s: no memory to open it", where->dir);
    s->where = where;
    s->flags = flags;
    enum fk_status st;
    FK_TRY(fk_layout__each(where->dir, "segments", highest_seen, &highest, err));
    if (highest == 0 || highest > SIZE_MAX / 64)
        st = fk_fail(err, FK_CORRUPT, "%s/segments: there is no segment", where->dir);
    FK_TRY(st);
    st = count_set(s, highest, err);
done:
    if (st == FK_OK)
        *out = s;
    else
        fk_shelf__close(&s);
    return st;
}

void fk_shelf__forget(struct fk_shelf *s) {
    for (int i = 0; i < OPEN_BOOKS; i++)
        fk_book__close(&s->slot[i].book);
}

void fk_shelf__rest(struct fk_shelf *s) {
    for (int i = 0; i < OPEN_BOOKS; i++)
        if (s->slot[i].book)
            fk_book__rest(s->slot[i].book);
}

void fk_shelf__close(struct fk_shelf **sp) {
    if (!*sp)
        return;
    fk_shelf__forget(*sp);
    free((*sp)->first);
    free(*sp);
    *sp = NULL;
}

uint64_t fk_shelf__count(const struct fk_shelf *s) {
    return s->count;
}

static struct slot *slot_for(struct fk_shelf *s, uint64_t number) {
    struct slot *oldest = &s->slot[0];
    for (int i = 0; i < OPEN_BOOKS; i++) {
        struct slot *at = &s->slot[i];
        if (at->book && at->book->number == number)
            return at;
        if (!at->book || (oldest->book && at->used < oldest->used))
            oldest = at;
    }
    fk_book__close(&oldest->book);
    return oldest;
}

enum fk_status fk_shelf__get(struct fk_shelf *s, uint64_t number, struct fk_book **out,
                             struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && number > s->count && number_exists(s, s->count + 1)) /* begun since */
        st = count_set(s, s->count + 1, err);
    if (st != FK_OK)
        return st;
    st = FK_NOT_FOUND;
    if (number == 0 || number > s->count)
        return fk_fail(err, FK_NOT_FOUND, "there is no segment %" PRIu64, number);
    struct slot *slot = slot_for(s, number);
    if (slot->book) {
        st = fk_book__refresh(slot->book, err);
        if (st != FK_OK)
            fk_book__close(&slot->book);
    }
    for (int tries = 0; st == FK_NOT_FOUND && tries < 3; tries++) /* sealed just now, maybe */
        st = fk_book__open(s->where, number, s->flags, &slot->book, err);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_CORRUPT, "%s/segments: segment %" PRIu64 " is missing", s->where->dir,
                     number);
    if (st != FK_OK)
        return st;
    slot->used = ++s->clock;
    s->first[number - 1] = slot->book->first;
    *out = slot->book;
    return FK_OK;
}

enum fk_status fk_shelf__newest(struct fk_shelf *s, struct fk_book **out, struct fk_err *err) {
    for (;;) {
        enum fk_status st = fk_shelf__get(s, s->count, out, err);
        if (st != FK_OK || (*out)->state == FK_BOOK_ACTIVE || !number_exists(s, s->count + 1))
            return st;
        st = count_set(s, s->count + 1, err);
        if (st != FK_OK)
            return st;
    }
}

/* A segment that is missing or damaged counts as an empty one before the next, so that what is in
 * the others is found; it is asked again each time, as it may be healed. */
static enum fk_status first_of(struct fk_shelf *s, uint64_t number, uint64_t *out,
                               struct fk_err *err) {
    struct fk_book *b;
    enum fk_status st = FK_CORRUPT;
    for (uint64_t i = number; i <= s->count && st == FK_CORRUPT; i++) {
        st = s->first[i - 1] == UINT64_MAX ? fk_shelf__get(s, i, &b, err) : FK_OK;
        *out = s->first[i - 1];
    }
    return st;
}

enum fk_status fk_shelf__find(struct fk_shelf *s, uint64_t seq, struct fk_book **out,
                              struct fk_err *err) {
    uint64_t first, low = 1, high;
    struct fk_book *b;
    enum fk_status st;
    FK_TRY(first_of(s, s->count, &first, err));
    if (seq >= first) {
        FK_TRY(fk_shelf__newest(s, &b, err));
        if (seq >= b->next)
            return fk_fail(err, FK_NOT_FOUND, "there is no entry %" PRIu64 ": the last is %" PRIu64,
                           seq, b->next - 1);
    }
    for (high = s->count; low < high;) { /* the last segment that begins at or before seq */
        uint64_t middle = low + (high - low + 1) / 2;
        FK_TRY(first_of(s, middle, &first, err));
        if (first <= seq)
            low = middle;
        else
            high = middle - 1;
    }
    FK_TRY(fk_shelf__get(s, low, &b, err));
    if (seq >= b->next && low < s->count) /* says why it cannot be read */
        FK_TRY(fk_shelf__get(s, low + 1, &b, err));
    if (seq < b->first || seq >= b->next)
        st = fk_fail(err, FK_CORRUPT, "%s: has entries %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                     b->pages->path, b->first, b->next - 1, seq);
    else
        *out = b;
done:
    return st;
}

/* Before the line is parsed: most are of another kind. */
static bool line_may_be(const struct fk_buf *line, const char *word) {
    return memmem(line->data, line->len, word, strlen(word)) != NULL;
}

static enum fk_status scan_book(struct fk_book *b, uint64_t *next, const char *kind, bool *stop,
                                fk_entry_fn fn, void *ctx, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry entry;
    char word[48];
    enum fk_status st = FK_OK;
    snprintf(word, sizeof word, " kind=%s ", kind);
    for (uint64_t seq = *next; seq < b->next && !*stop; seq++) {
        fk_buf_reset(&line);
        FK_TRY(fk_book__line(b, seq, &line, err));
        if (line_may_be(&line, word)) {
            FK_TRY(fk_entry_read(line.data, line.len, &entry, err));
            if (fk_entry_is(&entry, kind))
                FK_TRY(fn(ctx, &entry, stop, err));
        }
        *next = seq + 1;
    }
done:
    fk_buf_free(&line);
    return st;
}

enum fk_status fk_shelf__scan(struct fk_shelf *s, uint64_t *next, const char *kind, fk_entry_fn fn,
                              void *ctx, struct fk_err *err) {
    struct fk_book *b;
    bool stop = false;
    enum fk_status st;
    FK_TRY(fk_shelf__newest(s, &b, err));
    for (uint64_t head = b->next; *next < head && !stop;) {
        FK_TRY(fk_shelf__find(s, *next, &b, err));
        FK_TRY(scan_book(b, next, kind, &stop, fn, ctx, err));
    }
done:
    return st;
}

struct seal_search {
    uint64_t number;
    char *digest;
    bool found;
};

static enum fk_status seal_seen(void *ctx, const struct fk_entry *e, bool *stop,
                                struct fk_err *err) {
    struct seal_search *search = ctx;
    uint64_t number;
    (void)stop;
    if (!fk_entry_number(e, "segment", &number) || number != search->number)
        return FK_OK;
    if (!fk_entry_field(e, "digest", search->digest, 2 * FK_SHA256_BYTES + 1))
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a seal entry without a digest", e->seq);
    search->found = true;
    return FK_OK;
}

enum fk_status fk_shelf__seal(struct fk_shelf *s, uint64_t number,
                              char digest[2 * FK_SHA256_BYTES + 1], struct fk_err *err) {
    struct seal_search search = {number, digest, false};
    struct fk_err why = FK_ERR_INIT;
    bool unread = false, stop = false;
    if (number >= s->count)
        return fk_fail(err, FK_NOT_FOUND, "segment %" PRIu64 " is the newest", number);
    for (uint64_t i = number + 1; i <= s->count; i++) {
        struct fk_book *b;
        uint64_t next = 0;
        enum fk_status st = fk_shelf__get(s, i, &b, &why);
        if (st == FK_OK) {
            next = b->first;
            st = scan_book(b, &next, "seal", &stop, seal_seen, &search, &why);
        }
        unread |= st == FK_CORRUPT;
        if (st != FK_OK && st != FK_CORRUPT)
            return fk_fail(err, st, "%s", why.text);
    }
    if (search.found)
        return FK_OK;
    return unread ? fk_fail(err, FK_CORRUPT, "%s", why.text)
                  : fk_fail(err, FK_NOT_FOUND, "segment %" PRIu64 " has no seal entry", number);
}
