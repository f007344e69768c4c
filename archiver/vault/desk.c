/* desk.c - reading: finds the segment, checks what it gives out. */
#include "archiver/vault/desk_priv.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum fk_status fk_desk_open(const char *dir, struct fk_desk **out, struct fk_err *err) {
    struct fk_desk *d = calloc(1, sizeof *d);
    enum fk_status st = d ? fk_layout__check(dir, err) : fk_fail(err, FK_NOMEM, "no memory");
    FK_TRY(st);
    snprintf(d->dir, sizeof d->dir, "%s", dir);
    d->where = (struct fk_where){d->dir, d->ledger, &d->kek};
    FK_TRY(fk_layout__ledger(dir, d->ledger, err));
    FK_TRY(fk_kek__load(dir, &d->kek, err));
    st = fk_bench__new(&d->bench, err);
done:
    if (st == FK_OK)
        *out = d;
    else
        fk_desk_close(&d);
    return st;
}

void fk_desk_close(struct fk_desk **dp) {
    struct fk_desk *d = *dp;
    if (!d)
        return;
    fk_shelf__close(&d->shelf);
    fk_disposals__free(&d->disposals);
    fk_bench__free(&d->bench);
    fk_buf_free(&d->line);
    fk_buf_free(&d->record.bytes);
    fk_buf_free(&d->chunk.bytes);
    OPENSSL_cleanse(&d->kek, sizeof d->kek);
    free(d);
    *dp = NULL;
}

/* Opened with the first call that needs it, so that a damaged segment does not keep verify from
 * saying which. */
enum fk_status fk_desk__shelf(struct fk_desk *d, struct fk_err *err) {
    fk_kek__follow(d->dir, &d->kek); /* so that an old key is not kept here */
    return d->shelf ? FK_OK : fk_shelf__open(&d->where, FK_BOOK_PINNED, &d->shelf, err);
}

static enum fk_status head_read(struct fk_desk *d, struct fk_head *out, struct fk_err *err) {
    struct fk_book *b;
    struct fk_head head = {0};
    enum fk_status st;
    FK_TRY(fk_desk__shelf(d, err));
    FK_TRY(fk_shelf__newest(d->shelf, &b, err));
    fk_buf_reset(&d->line);
    FK_TRY(fk_book__line(b, b->next - 1, &d->line, err));
    FK_TRY(fk_book__meta_number(b, "rules", &head.rules, err));
    FK_TRY(fk_book__meta_number(b, "erased", &head.erased, err));
    head.next_seq = b->next;
    fk_sha256(d->line.data, d->line.len, head.last_digest);
    fk_hex(head.ledger, d->ledger, sizeof d->ledger);
    *out = head;
done:
    return st;
}

/* Segments before the newest are on the disk since it was begun. */
static enum fk_status settled_head_read(struct fk_desk *d, struct fk_head *out,
                                        struct fk_err *err) {
    struct fk_head head;
    struct fk_book *b;
    char folder[PATH_MAX];
    enum fk_status st;
    FK_TRY(head_read(d, &head, err));
    FK_TRY(fk_shelf__newest(d->shelf, &b, err));
    int injected = fk_fault("settle");
    if (injected || fdatasync(b->pages->fd) != 0)
        FK_TRY(fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", b->pages->path));
    fk_layout__path(folder, d->dir, "segments");
    FK_TRY(fk_sync_dir(folder, err));
    *out = head;
done:
    return st;
}

static enum fk_status lines_read(struct fk_desk *d, uint64_t from, size_t max_bytes,
                                 struct fk_buf *out, struct fk_err *err) {
    struct fk_book *b;
    size_t start = out->len;
    uint64_t seq = from;
    enum fk_status st;
    FK_TRY(fk_desk__shelf(d, err));
    do {
        FK_TRY(fk_shelf__find(d->shelf, seq, &b, err));
        do {
            FK_TRY(fk_book__line(b, seq++, out, err));
        } while (seq < b->next && out->len - start < max_bytes);
    } while (out->len - start < max_bytes);
done:
    return st == FK_NOT_FOUND && seq > from ? FK_OK : st; /* the head is reached */
}

struct out_buf {
    struct fk_desk *desk;
    struct fk_book *book;
    struct fk_buf *plain;
};

static enum fk_status stored_read(void *ctx, uint32_t part, struct fk_buf *out,
                                  struct fk_err *err) {
    struct out_buf *o = ctx;
    struct fk_part p = fk_record__part(&o->desk->record, part);
    return fk_book__part(o->book, &p, out, err);
}

static enum fk_status chunk_read(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    struct out_buf *o = ctx;
    return fk_book__chunk(o->book, number, &o->desk->chunk, out, err);
}

static enum fk_status plain_take(void *ctx, const uint8_t *data, size_t len, struct fk_err *err) {
    struct out_buf *o = ctx;
    fk_buf_add(o->plain, data, len);
    return o->plain->failed ? fk_fail(err, FK_NOMEM, "no memory for a content") : FK_OK;
}

enum fk_status fk_desk__digests(const struct fk_entry *e, struct fk_digests *out,
                                struct fk_err *err) {
    size_t len256, len512;
    const char *c256 = fk_entry_field_at(e, "c256", &len256);
    const char *c512 = fk_entry_field_at(e, "c512", &len512);
    if (!c256 && !c512)
        return fk_fail(err, FK_NOT_FOUND, "entry %" PRIu64 " (%s) has no content", e->seq, e->kind);
    if (!c256 || !c512 || len256 != 2 * FK_SHA256_BYTES || len512 != 2 * FK_SHA512_BYTES ||
        !fk_unhex(out->c256, c256, FK_SHA256_BYTES) || !fk_unhex(out->c512, c512, FK_SHA512_BYTES))
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": c256 or c512 is not a digest", e->seq);
    return FK_OK;
}

/* There is no key: a dispose entry must say why. */
static enum fk_status key_missing(struct fk_desk *d, uint64_t seq, struct fk_err *err) {
    uint64_t dispose;
    enum fk_status st = fk_disposals__find(&d->disposals, d->shelf, seq, &dispose, err);
    if (st == FK_OK)
        return fk_fail(err, FK_NOT_FOUND,
                       "the content of entry %" PRIu64 " was disposed of by entry %" PRIu64, seq,
                       dispose);
    if (st == FK_NOT_FOUND)
        return fk_fail(err, FK_CORRUPT,
                       "the key of entry %" PRIu64 " is missing, and no dispose entry names it",
                       seq);
    return st;
}

enum fk_status fk_desk__content_find(struct fk_desk *d, uint64_t seq, struct fk_book **book_out,
                                     struct fk_digests *want, uint8_t key[FK_KEY_BYTES],
                                     struct fk_err *err) {
    struct fk_entry entry;
    struct fk_book *b;
    enum fk_status st;
    FK_TRY(fk_desk__shelf(d, err));
    FK_TRY(fk_shelf__find(d->shelf, seq, &b, err));
    fk_buf_reset(&d->line);
    FK_TRY(fk_book__line(b, seq, &d->line, err));
    FK_TRY(fk_entry_read(d->line.data, d->line.len, &entry, err));
    FK_TRY(fk_desk__digests(&entry, want, err));
    st = fk_book__record(b, seq, &d->record, err);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_CORRUPT, "the content record of entry %" PRIu64 " is missing", seq);
    FK_TRY(st);
    st = fk_book__key(b, seq, d->record.id, key, err);
    if (st == FK_NOT_FOUND)
        st = key_missing(d, seq, err);
    FK_TRY(st);
    *book_out = b;
done:
    return st;
}

static enum fk_status content_check(struct fk_desk *d, uint64_t seq, bool c256_only,
                                    struct fk_buf *out, struct fk_err *err) {
    struct out_buf o = {d, NULL, out};
    struct fk_digests want;
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st;
    FK_TRY(fk_desk__content_find(d, seq, &o.book, &want, key, err));
    struct fk_decoding dec = {.ledger = d->ledger,
                              .id = d->record.id,
                              .key = key,
                              .codec = d->record.codec,
                              .parts = d->record.parts,
                              .c256_only = c256_only,
                              .stored = stored_read,
                              .chunk = chunk_read,
                              .plain = plain_take,
                              .ctx = &o};
    FK_TRY(fk_content__decode(d->bench, &dec, err));
    if (memcmp(dec.digests.c256, want.c256, sizeof want.c256) != 0 ||
        (!c256_only && memcmp(dec.digests.c512, want.c512, sizeof want.c512) != 0))
        st = fk_fail(err, FK_CORRUPT,
                     "%s: content of entry %" PRIu64 ": %s is not what the line says",
                     o.book->pages->path, seq,
                     memcmp(dec.digests.c256, want.c256, sizeof want.c256) ? "c256" : "c512");
done:
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

static enum fk_status content_read(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                   struct fk_err *err) {
    return content_check(d, seq, false, out, err);
}

static enum fk_status content_read_c256(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                        struct fk_err *err) {
    return content_check(d, seq, true, out, err);
}

/* Every call ends with the pins let go: the pen may reuse pages again. */
static enum fk_status rest(struct fk_desk *d, enum fk_status st) {
    if (d->shelf)
        fk_shelf__rest(d->shelf);
    return st;
}

enum fk_status fk_desk_head(struct fk_desk *d, struct fk_head *out, struct fk_err *err) {
    return rest(d, head_read(d, out, err));
}

enum fk_status fk_desk_settled_head(struct fk_desk *d, struct fk_head *out, struct fk_err *err) {
    return rest(d, settled_head_read(d, out, err));
}

enum fk_status fk_desk_line(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                            struct fk_err *err) {
    return rest(d, lines_read(d, seq, 1, out, err));
}

enum fk_status fk_desk_lines(struct fk_desk *d, uint64_t from, size_t max_bytes, struct fk_buf *out,
                             struct fk_err *err) {
    return rest(d, lines_read(d, from, max_bytes, out, err));
}

typedef enum fk_status (*read_fn)(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                  struct fk_err *err);

static enum fk_status read_twice(struct fk_desk *d, uint64_t seq, read_fn fn, struct fk_buf *out,
                                 struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    size_t len = out->len;
    enum fk_status st = rest(d, fn(d, seq, out, &why));
    if (st == FK_CORRUPT) { /* or sealed, or its keys exchanged, in this moment: once more */
        out->len = len;
        st = rest(d, fn(d, seq, out, &why));
    }
    return st == FK_OK ? st : fk_fail(err, st, "%s", why.text);
}

enum fk_status fk_desk_content(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                               struct fk_err *err) {
    return read_twice(d, seq, content_read, out, err);
}

enum fk_status fk_desk_content_c256(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                    struct fk_err *err) {
    return read_twice(d, seq, content_read_c256, out, err);
}

enum fk_status fk_desk_sealed(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                              struct fk_err *err) {
    return read_twice(d, seq, fk_desk__sealed_read, out, err);
}

enum fk_status fk_desk_disposal(struct fk_desk *d, uint64_t seq, uint64_t *dispose_out,
                                struct fk_err *err) {
    enum fk_status st = fk_desk__shelf(d, err);
    if (st == FK_OK)
        st = fk_disposals__find(&d->disposals, d->shelf, seq, dispose_out, err);
    return rest(d, st);
}

/* What can be said of a segment that cannot be read: its seqs lie between those of its neighbours.
 */
static void info_unread(struct fk_desk *d, uint64_t number, struct fk_segment_info *info) {
    char path[PATH_MAX];
    struct fk_book *b;
    struct stat s;
    fk_layout__segment(path, d->dir, number, "sealed");
    bool there = stat(path, &s) == 0;
    if (!there) {
        fk_layout__segment(path, d->dir, number, "open");
        there = stat(path, &s) == 0;
    }
    snprintf(info->state, sizeof info->state, "%s", there ? "damaged" : "missing");
    info->bytes = there ? (uint64_t)s.st_size : 0;
    info->first = info->last = UINT64_MAX;
    if (number > 1 && fk_shelf__get(d->shelf, number - 1, &b, NULL) == FK_OK)
        info->first = b->next;
    if (fk_shelf__get(d->shelf, number + 1, &b, NULL) == FK_OK && b->first)
        info->last = b->first - 1;
    if (fk_shelf__seal(d->shelf, number, info->digest, NULL) != FK_OK)
        *info->digest = 0;
}

static enum fk_status info_fill(struct fk_desk *d, uint64_t number, struct fk_segment_info *out,
                                struct fk_err *err) {
    static const char *const states[] = {"active", "closed", "sealed"};
    struct fk_segment_info info = {.number = number};
    struct fk_book *b;
    struct stat s;
    enum fk_status st;
    st = fk_shelf__get(d->shelf, number, &b, err);
    if (st == FK_CORRUPT && number < fk_shelf__count(d->shelf)) {
        info_unread(d, number, &info);
        *out = info;
        return FK_OK;
    }
    FK_TRY(st);
    info.first = b->first;
    info.last = b->next - 1;
    snprintf(info.state, sizeof info.state, "%s", states[b->state]);
    if (fstat(b->pages->fd, &s) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot stat", b->pages->path);
    FK_TRY(st);
    info.bytes = (uint64_t)s.st_size;
    if (b->state == FK_BOOK_SEALED_STATE) {
        st = fk_shelf__seal(d->shelf, number, info.digest, err);
        if (st == FK_NOT_FOUND) /* a vault restored from sealed segments alone */
            st = FK_OK;
    }
    FK_TRY(st);
    *out = info;
done:
    return st;
}

enum fk_status fk_desk_segments(struct fk_desk *d, fk_segment_fn fn, void *ctx,
                                struct fk_err *err) {
    struct fk_book *b;
    enum fk_status st;
    FK_TRY(fk_desk__shelf(d, err));
    FK_TRY(fk_shelf__newest(d->shelf, &b, err));
    for (uint64_t i = 1; i <= fk_shelf__count(d->shelf) && st == FK_OK; i++) {
        struct fk_segment_info info;
        st = rest(d, info_fill(d, i, &info, err));
        if (st == FK_OK)
            st = fn(ctx, &info, err);
    }
done:
    return rest(d, st);
}

enum fk_status fk_desk_segment_file(struct fk_desk *d, uint64_t number, int *fd_out,
                                    struct fk_err *err) {
    char path[PATH_MAX];
    fk_layout__segment(path, d->dir, number, "open");
    if (fk_layout__exists(path))
        return fk_fail(err, FK_NOT_FOUND, "segment %" PRIu64 " is not sealed yet", number);
    fk_layout__segment(path, d->dir, number, "sealed");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "there is no segment %" PRIu64, number)
                               : fk_fail_sys(err, errno, "%s: cannot open", path);
    *fd_out = fd;
    return FK_OK;
}
