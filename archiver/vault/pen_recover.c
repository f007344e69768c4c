/* pen_recover.c - what an end in the middle of something left behind (docs/format-vault.md 6).
 * Every step here may itself be cut short and is then done again. */
#include "archiver/vault/pen_priv.h"
#include "archiver/vault/verify_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct found { /* of a segment's number */
    bool open, sealed, scratch,
        more; /* more: generations that do not count, or half-written ones */
    uint64_t generation;
};
struct survey {
    struct fk_pen *pen;
    struct found *at; /* by number */
    uint64_t count, newest;
    struct fk_shelf *shelf;
};

static enum fk_status survey_grow(struct survey *s, uint64_t number, struct fk_err *err) {
    if (number < s->count)
        return FK_OK;
    if (number > SIZE_MAX / sizeof *s->at / 4)
        return fk_fail(err, FK_CORRUPT, "%s: there is a file with the number %" PRIu64, s->pen->dir,
                       number);
    uint64_t count = 2 * number + 16;
    struct found *at = realloc(s->at, (size_t)count * sizeof *at);
    if (!at)
        return fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", count);
    memset(at + s->count, 0, (size_t)(count - s->count) * sizeof *at);
    s->at = at;
    s->count = count;
    return FK_OK;
}

static enum fk_status segment_file_seen(void *ctx, uint64_t number, const char *rest,
                                        struct fk_err *err) {
    struct survey *s = ctx;
    char path[PATH_MAX];
    enum fk_status st = survey_grow(s, number, err);
    if (st != FK_OK)
        return st;
    struct found *f = &s->at[number];
    f->open |= strcmp(rest, "open") == 0;
    f->sealed |= strcmp(rest, "sealed") == 0;
    f->scratch |= strcmp(rest, "new") == 0;
    if ((f->open || f->sealed) && number > s->newest)
        s->newest = number;
    if (strcmp(rest, "sealing") != 0 && strncmp(rest, "healing", 7) != 0)
        return FK_OK;
    fk_layout__segment(path, s->pen->dir, number, rest);
    return fk_layout__remove(path, err);
}

static enum fk_status key_file_seen(void *ctx, uint64_t number, const char *rest,
                                    struct fk_err *err) {
    struct survey *s = ctx;
    char *end;
    enum fk_status st = survey_grow(s, number, err);
    if (st != FK_OK)
        return st;
    struct found *f = &s->at[number];
    uint64_t generation = strtoull(rest, &end, 10);
    f->more |= f->generation != 0 || strcmp(end, ".keys") != 0;
    if (strcmp(end, ".keys") == 0 && generation > f->generation)
        f->generation = generation;
    return FK_OK;
}

static enum fk_status remove_segment(struct survey *s, uint64_t number, const char *suffix,
                                     struct fk_err *err) {
    char path[PATH_MAX], folder[PATH_MAX];
    fk_layout__segment(path, s->pen->dir, number, suffix);
    enum fk_status st = fk_layout__remove(path, err);
    if (st != FK_OK)
        return st;
    fk_layout__path(folder, s->pen->dir, "segments");
    return fk_sync_dir(folder, err);
}

/* Both files are there: the sealed one counts when a seal entry has its digest. */
static enum fk_status sealed_twin(struct survey *s, uint64_t number, struct fk_err *err) {
    char path[PATH_MAX], said[2 * FK_SHA256_BYTES + 1], is[2 * FK_SHA256_BYTES + 1];
    struct found *f = &s->at[number];
    fk_layout__segment(path, s->pen->dir, number, "sealed");
    enum fk_status st = fk_shelf__seal(s->shelf, number, said, err);
    if (st != FK_OK && st != FK_NOT_FOUND)
        return st;
    bool counts = st == FK_OK;
    if (counts)
        FK_TRY(fk_layout__digest(path, is, err));
    counts = counts && strcmp(said, is) == 0;
    fk_shelf__forget(s->shelf);
    if (!counts) {
        f->sealed = false;
        return remove_segment(s, number, "sealed", err);
    }
    f->open = false;
    FK_TRY(remove_segment(s, number, "open-lock", err));
    st = remove_segment(s, number, "open", err);
done:
    return st;
}

static enum fk_status open_segment(struct survey *s, uint64_t number, struct fk_err *err) {
    struct fk_book *b;
    uint64_t generation;
    enum fk_status st;
    FK_TRY(fk_shelf__get(s->shelf, number, &b, err));
    if (number < s->newest && b->state == FK_BOOK_ACTIVE)
        st = fk_fail(err, FK_CORRUPT, "%s: is active, but segment %" PRIu64 " is there too",
                     b->pages->path, number + 1);
    FK_TRY(st);
    FK_TRY(fk_book__meta_number(b, "generation", &generation, err));
    if (!s->at[number].more)
        goto done;
    /* a pen that was killed may have written which one counts, and not synced it */
    if (fdatasync(b->pages->fd) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot sync", b->pages->path));
    st = fk_keyfile__destroy_others(s->pen->dir, number, generation, err);
done:
    return st;
}

/* The newest segment takes no more entries: its successor was begun, or is to be. */
static enum fk_status successor(struct survey *s, const struct fk_book *b, struct fk_err *err) {
    struct fk_pen *pen = s->pen;
    struct fk_stand stand = {.next_seq = b->next};
    struct fk_buf line = FK_BUF_INIT;
    uint64_t next = b->number + 1, erased = b->next - 1;
    enum fk_status st = survey_grow(s, next, err);
    FK_TRY(st);
    if (b->state == FK_BOOK_SEALED_STATE && s->at[next].generation)
        st = fk_fail(err, FK_CORRUPT,
                     "%s/segments: segment %" PRIu64 " is missing, its key file is there", pen->dir,
                     next);
    FK_TRY(st);
    if (!s->at[next].scratch) {
        struct fk_book *book = (struct fk_book *)b;
        FK_TRY(fk_book__line(book, b->next - 1, &line, err));
        fk_sha256(line.data, line.len, stand.last_digest);
        FK_TRY(fk_book__meta_number(book, "rules", &stand.rules, err));
        if (b->state == FK_BOOK_CLOSED)
            FK_TRY(fk_book__meta_number(book, "erased", &erased, err));
        FK_TRY(fk_pen__build_next(&pen->where, next, &stand, erased,
                                  fk_pen__map_bytes(&pen->options), err));
    }
    s->newest = next;
    st = fk_pen__publish(&pen->where, next, err);
done:
    fk_buf_free(&line);
    return st;
}

static enum fk_status newest_check(struct survey *s, struct fk_err *err) {
    struct fk_book *b;
    enum fk_status st;
    FK_TRY(fk_shelf__get(s->shelf, s->newest, &b, err));
    if (b->state != FK_BOOK_ACTIVE)
        return successor(s, b, err);
    FK_TRY(survey_grow(s, s->newest + 1, err));
    struct found *after = &s->at[s->newest + 1];
    if (after->scratch) /* begun, but the active segment was not closed for it */
        FK_TRY(remove_segment(s, s->newest + 1, "new", err));
    if (after->generation || after->more)
        st = fk_keyfile__destroy_others(s->pen->dir, s->newest + 1, 0, err);
done:
    return st;
}

/* What is kept from here on does not need it, and is chained to what came after it: so mail is
 * taken, and the loss is told. Its key files stay as they are. */
static void missing_tell(struct fk_pen *pen, uint64_t number) {
    if (pen->trouble.status == FK_OK)
        (void)fk_fail(&pen->trouble, FK_CORRUPT,
                      "%s/segments: segment %" PRIu64
                      " is missing; mail is taken all the same. Put "
                      "it back: \"fumikura mirror heal\", or from a tape",
                      pen->dir, number);
}

static enum fk_status survey_work(struct survey *s, struct fk_err *err) {
    struct fk_pen *pen = s->pen;
    enum fk_status st;
    FK_TRY(fk_layout__each(pen->dir, "segments", segment_file_seen, s, err));
    FK_TRY(fk_layout__each(pen->dir, "keys", key_file_seen, s, err));
    FK_TRY(fk_shelf__open(&pen->where, 0, &s->shelf, err));
    for (uint64_t i = 1; i <= s->newest; i++) {
        struct found *f = &s->at[i];
        if (!f->open && !f->sealed) {
            missing_tell(pen, i);
            continue;
        }
        if (f->open && f->sealed)
            FK_TRY(sealed_twin(s, i, err));
        if (f->open)
            FK_TRY(open_segment(s, i, err));
        else if (f->more)
            FK_TRY(fk_keyfile__destroy_others(pen->dir, i, f->generation, err));
    }
    st = newest_check(s, err);
done:
    return st;
}

enum fk_status fk_pen__recover(struct fk_pen *pen, uint64_t *active_out, struct fk_err *err) {
    struct survey s = {.pen = pen};
    enum fk_status st = survey_work(&s, err);
    *active_out = s.newest;
    fk_shelf__close(&s.shelf);
    free(s.at);
    return st;
}

static enum fk_status pending_add(void *ctx, const struct fk_entry *e, bool *stop,
                                  struct fk_err *err) {
    struct fk_pen *pen = ctx;
    struct fk_seqs of = {0};
    size_t len;
    (void)stop;
    const char *text = fk_entry_field_at(e, "of", &len);
    bool ok = text && fk_seqs_parse(text, len, SIZE_MAX, &of);
    for (size_t i = 0; i < of.count && ok; i++)
        fk_seqs_add(&pen->pending, of.at[i]);
    fk_seqs_free(&of);
    return ok ? FK_OK
              : fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a dispose entry without seqs", e->seq);
}

static void first_finding(void *ctx, const struct fk_finding *f) {
    struct fk_finding *first = ctx;
    if (!first->check[0])
        *first = *f;
}

/* Chain, records, tags and keys of the active segment, from the disk: pages that a failed sync left
 * in the cache are not what would be there after a power cut. */
static enum fk_status active_check(struct fk_pen *pen, struct fk_err *err) {
    struct fk_finding first = {0};
    struct fk_check v = {.where = pen->where,
                         .range = {0, UINT64_MAX, 0},
                         .tags_only = true,
                         .finding = first_finding,
                         .ctx = &first,
                         .next = pen->first,
                         .disposals = fk_disposals__new()};
    struct fk_book *b = NULL;
    uint64_t next = pen->first;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = v.disposals ? FK_OK : fk_fail(err, FK_NOMEM, "no memory to check");
    FK_TRY(st);
    FK_TRY(fk_bench__new(&v.bench, err));
    FK_TRY(fk_shelf__scan(pen->shelf, &next, "dispose", fk_disposals__add, v.disposals, err));
    FK_TRY(fk_book__open(&pen->where, pen->active->number, FK_BOOK_DIRECT, &b, err));
    st = fk_check__book(&v, b, &why);
    if (st != FK_OK)
        st = fk_fail(err, st, "%s", why.text);
    else if (v.sum.findings)
        st = fk_fail(err, FK_CORRUPT,
                     "segment %" PRIu64 " is damaged (%" PRIu64 " faults, the first: %s: %s): "
                     "nothing is taken; run fumikura verify, and put the file back from a copy",
                     b->number, v.sum.findings, first.check, first.text);
done:
    fk_book__close(&b);
    fk_check__free(&v);
    return st;
}

enum fk_status fk_pen__reread(struct fk_pen *pen, struct fk_err *err) {
    uint64_t next = pen->erased + 1;
    enum fk_status st = active_check(pen, err);
    return st == FK_OK ? fk_shelf__scan(pen->shelf, &next, "dispose", pending_add, pen, err) : st;
}
