/* restore.c - files are put in their places, then the pen is taken up: its recovery makes the next
 * segment, as it does when a crash has left a sealed one last. */
#include "archiver/vault/restore.h"
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/pen_priv.h"
#include "archiver/vault/signet.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, SEQS_A_LINE = 1400 }; /* at most 42 bytes a seq in a list */

struct restore {
    const struct fk_restore *order;
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_kek kek; /* of both vaults */
    struct fk_pen *pen;
    struct fk_seqs gone; /* contents to be named by a dispose entry */
    struct fk_restore_sum sum;
    uint64_t mirrored;           /* entries before it came as rows; 0: none did */
    char origin[FK_ORIGIN_SIZE]; /* of the log that begins here */
    uint64_t bytes, all_bytes;
    uint8_t *block;
    bool made, laid_out; /* the directory; what is in it */
    bool bad_copy;       /* the failure is that of the file copied from */
};

/* Copies all of fd, and checks its digest where one is given. */
static enum fk_status file_copy(struct restore *r, int fd, const char *to, mode_t mode,
                                const char *digest, struct fk_err *err) {
    struct fk_atomic_file *file = NULL;
    struct fk_digest *d = NULL;
    uint8_t sum[FK_SHA256_BYTES];
    char hex[2 * FK_SHA256_BYTES + 1];
    ssize_t n = 1;
    enum fk_status st;
    FK_TRY(fk_digest_new(FK_SHA256, &d, err));
    FK_TRY(fk_atomic_begin(to, mode, &file, err));
    for (off_t at = 0; n != 0; at += n) {
        do
            n = pread(fd, r->block, BLOCK, at);
        while (n < 0 && errno == EINTR);
        r->bad_copy = n < 0;
        if (n < 0)
            FK_TRY(fk_fail_sys(err, errno, "cannot read at byte %lld", (long long)at));
        fk_digest_add(d, r->block, (size_t)n);
        FK_TRY(fk_atomic_write(file, r->block, (size_t)n, err));
        r->bytes += digest ? (uint64_t)n : 0;
        if (digest && r->order->progress)
            r->order->progress(r->order->ctx, r->bytes, r->all_bytes);
    }
    fk_digest_end(d, sum);
    fk_hex(hex, sum, sizeof sum);
    r->bad_copy = digest && strcmp(hex, digest) != 0;
    if (r->bad_copy)
        FK_TRY(fk_fail(err, FK_CORRUPT, "SHA-256 is %s, not that of its seal entry", hex));
    st = fk_atomic_commit(&file, err);
done:
    fk_atomic_abort(&file);
    fk_digest_free(&d);
    return st;
}

/* A copy that was made during a rotation has two: the new vault goes on with it. */
static enum fk_status kek_copy(struct restore *r, struct fk_err *err) {
    enum fk_status st = fk_kek__load(r->order->keys, &r->kek, err);
    return st == FK_OK ? fk_kek__put(r->order->dir, &r->kek, err) : st;
}

/* What the old key has signed may go past what is restored here, so the log begins anew, under an
 * origin of its own; the admin entry names it. */
static enum fk_status log_begin(struct restore *r, struct fk_err *err) {
    char path[PATH_MAX];
    fk_signet_origin(r->origin, r->order->ledger);
    fk_layout__path(path, r->order->dir, "secrets");
    return fk_signet_init(path, r->origin, err);
}

static enum fk_status copy_take(struct restore *r, const char *from, const char *to,
                                const char *digest, struct fk_err *err) {
    uint64_t bytes = r->bytes;
    int fd = -1;
    enum fk_status st = fk_open_plain(AT_FDCWD, from, from, &fd, err);
    r->bad_copy = st != FK_OK;
    if (st == FK_OK && (st = file_copy(r, fd, to, 0400, digest, err)) != FK_OK)
        fk_err_prefix(err, "%s", from);
    if (st != FK_OK)
        r->bytes = bytes;
    fk_close(&fd);
    return st;
}

/* The segment from the first of its copies that is whole. */
static enum fk_status copies_try(struct restore *r, uint64_t number, struct fk_err *err) {
    const struct fk_restore_segment *s = &r->order->segments[number - 1];
    struct fk_err why = FK_ERR_INIT;
    char path[PATH_MAX];
    enum fk_status st = FK_NOT_FOUND;
    fk_layout__segment(path, r->order->dir, number, "sealed");
    for (size_t i = 0; i < s->path_count && st != FK_OK; i++) {
        st = copy_take(r, s->paths[i], path, s->digest, &why);
        if (st == FK_OK || !r->bad_copy || i + 1 == s->path_count)
            break;
        if (r->order->damaged)
            r->order->damaged(r->order->ctx, why.text);
    }
    return st == FK_OK ? FK_OK : fk_fail(err, st, "%s", why.text);
}

static enum fk_status segment_place(struct restore *r, uint64_t number, struct fk_err *err) {
    const char *files = r->order->mirror ? r->order->mirror : r->order->keys;
    struct fk_keyname name = {files, r->ledger, &r->kek, number, 0};
    struct fk_keyfile keys = {.fd = -1};
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_keyfile__newest(files, number, &name.generation, err));
    if (!name.generation)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "%s/keys: there is no key file of segment %" PRIu64,
                       files, number));
    FK_TRY(fk_keyfile__open(&name, &keys, err));
    FK_TRY(copies_try(r, number, err));
    fk_layout__keys(path, r->order->dir, number, name.generation);
    st = file_copy(r, keys.fd, path, 0600, NULL, err);
done:
    fk_keyfile__close(&keys);
    return st;
}

/* A copy of the key files alone has no ledger file; then the first line of each says it. */
static enum fk_status keys_check(const struct restore *r, struct fk_err *err) {
    enum fk_status st;
    uint8_t ledger[FK_LEDGER_BYTES];
    char path[PATH_MAX], hex[2 * FK_LEDGER_BYTES + 1];
    FK_TRY(fk_layout__check(r->order->keys, err));
    fk_layout__path(path, r->order->keys, "ledger");
    if (!fk_layout__exists(path))
        return FK_OK;
    FK_TRY(fk_layout__ledger(r->order->keys, ledger, err));
    fk_hex(hex, ledger, sizeof ledger);
    if (memcmp(ledger, r->ledger, sizeof ledger) != 0)
        st = fk_fail(err, FK_INVALID,
                     "%s: is of another archive (ledger %s) than the segments (ledger %s); they "
                     "need the keys of their own",
                     r->order->keys, hex, r->order->ledger);
done:
    return st;
}

/* The newest rules entry of what is there. */
static enum fk_status rules_so_far(struct restore *r, uint64_t *out, struct fk_err *err) {
    const struct fk_where where = {r->order->dir, r->ledger, &r->kek};
    struct fk_book *b = NULL;
    *out = 0;
    if (!r->order->count)
        return FK_OK;
    enum fk_status st = fk_book__open(&where, r->order->count, FK_BOOK_SEALED, &b, err);
    if (st == FK_OK)
        st = fk_book__meta_number(b, "rules", out, err);
    fk_book__close(&b);
    return st;
}

static void damage_tell(void *ctx, const char *sentence) {
    struct restore *r = ctx;
    if (r->order->damaged)
        r->order->damaged(r->order->ctx, sentence);
}

static enum fk_status later_rows_tell(struct restore *r, uint64_t last, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    uint64_t highest;
    enum fk_status st = fk_layout__highest(r->order->mirror, "rows", &highest, err);
    if (st != FK_OK || highest <= last)
        return st;
    (void)fk_fail(&why, FK_CORRUPT,
                  "%s: rows of segments %" PRIu64 " to %" PRIu64
                  " are left out: what comes before them is damaged or missing",
                  r->order->mirror, last + 1, highest);
    damage_tell(r, why.text);
    r->sum.whole = false;
    return FK_OK;
}

/* Segment after segment, until one that is not closed: that is the newest. */
static enum fk_status rows_place(struct restore *r, uint64_t map_bytes, struct fk_err *err) {
    const struct fk_where where = {r->order->dir, r->ledger, &r->kek};
    struct fk_replay replay = {.mirror = r->order->mirror,
                               .where = &where,
                               .map_bytes = map_bytes,
                               .number = r->order->count,
                               .closed = true,
                               .damaged = damage_tell,
                               .ctx = r};
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(rules_so_far(r, &replay.rules, err));
    while (st == FK_OK && replay.closed) {
        replay.number++;
        st = fk_mirror__replay(&replay, &why);
        if (st == FK_OK)
            r->mirrored = replay.next_seq;
        else if (st != FK_NOT_FOUND)
            FK_TRY(fk_fail(err, st, "%s", why.text));
    }
    r->sum.whole = !replay.damaged_rows;
    st = later_rows_tell(r, replay.number, err);
done:
    return st;
}

static enum fk_status files_place(struct restore *r, uint64_t map_bytes, struct fk_err *err) {
    const struct fk_restore *o = r->order;
    enum fk_status st;
    FK_TRY(keys_check(r, err));
    FK_TRY(fk_pen__lay_out(o->dir, &r->made, err));
    r->laid_out = true;
    FK_TRY(kek_copy(r, err));
    FK_TRY(log_begin(r, err));
    for (size_t i = 0; i < o->count; i++)
        r->all_bytes += o->segments[i].bytes;
    for (size_t i = 0; i < o->count; i++)
        FK_TRY(segment_place(r, i + 1, err));
    r->sum.whole = true;
    if (o->mirror)
        FK_TRY(rows_place(r, map_bytes, err));
    st = fk_layout__ledger_write(o->dir, r->ledger, err);
done:
    return st;
}

/* Of a mirror: what is whole is not given up for it; verify names what is damaged. */
static void segment_damage_tell(struct restore *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void segment_damage_tell(struct restore *r, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    damage_tell(r, text);
    r->sum.whole = false;
}

static enum fk_status seals_append(struct restore *r, struct fk_err *err) {
    char fields[256], digest[2 * FK_SHA256_BYTES + 1];
    for (size_t i = 0; i < r->order->count; i++) {
        const struct fk_restore_segment *s = &r->order->segments[i];
        enum fk_status st = fk_shelf__seal(r->pen->shelf, i + 1, digest, err);
        if (st == FK_NOT_FOUND) {
            snprintf(fields, sizeof fields,
                     "segment=%zu first=%" PRIu64 " last=%" PRIu64 " bytes=%" PRIu64 " digest=%s",
                     i + 1, s->first, s->last, s->bytes, s->digest);
            st = fk_pen__append(r->pen, "seal", fields, err);
        } else if (st == FK_OK && strcmp(digest, s->digest) != 0)
            segment_damage_tell(r, "%s: SHA-256 is %s, and the seal entry of segment %zu says %s",
                                s->paths[0], s->digest, i + 1, digest);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

/* The contents of one segment without a key, and those that the old ledger disposed of after it. */
static enum fk_status contents_check(struct restore *r, uint64_t number, struct fk_err *err) {
    struct fk_book *b;
    struct fk_buf line = FK_BUF_INIT;
    uint8_t wrapped[FK_WRAPPED_BYTES];
    uint64_t contents = 0, missing = 0;
    bool has_content;
    enum fk_status st;
    FK_TRY(fk_shelf__get(r->pen->shelf, number, &b, err));
    for (uint64_t seq = b->first; seq < b->next; seq++) {
        FK_TRY(fk_book__has_content(b, seq, &line, &has_content, err));
        if (!has_content)
            continue;
        contents++;
        st = fk_book__wrapped(b, seq, wrapped, err);
        if (st == FK_NOT_FOUND)
            missing++;
        else if (st != FK_OK)
            goto done;
        bool later = fk_seqs_has(r->order->disposed, seq);
        if (st == FK_NOT_FOUND || later)
            fk_seqs_add(&r->gone, seq);
        r->sum.readable += st == FK_OK && !later;
    }
    st = FK_OK;
    if (contents && missing == contents && !r->order->accept_missing && !r->order->mirror)
        st = fk_fail(err, FK_CORRUPT,
                     "the key file of segment %" PRIu64 " has no key for any of its %" PRIu64
                     " contents: it may be a copy from before the segment was sealed; "
                     "--accept-missing if all of them were disposed of",
                     number, contents);
done:
    fk_buf_free(&line);
    return st;
}

/* Seqs that a dispose entry of the restored ledger names already need no other. */
static enum fk_status named_already(void *ctx, const struct fk_entry *e, bool *stop,
                                    struct fk_err *err) {
    struct restore *r = ctx;
    struct fk_seqs of = {0};
    size_t len, kept = 0;
    (void)stop;
    const char *text = fk_entry_field_at(e, "of", &len);
    if (!text || !fk_seqs_parse(text, len, SIZE_MAX, &of))
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a dispose entry without seqs", e->seq);
    for (size_t i = 0; i < r->gone.count; i++)
        if (!fk_seqs_has(&of, r->gone.at[i]))
            r->gone.at[kept++] = r->gone.at[i];
    r->gone.count = kept;
    fk_seqs_free(&of);
    return FK_OK;
}

static enum fk_status entry_append(struct restore *r, const char *kind, const char *fields,
                                   const char *reason, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_sheet *sheet = NULL;
    enum fk_status st = FK_OK;
    fk_fields_add_str(&body, "person", r->order->person);
    fk_fields_add_str(&body, "reason", reason);
    if (body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an entry"));
    struct fk_draft draft = {
        .kind = kind, .fields = fields, .content = {{body.data, body.len}}, .pieces = 1};
    FK_TRY(fk_pen_prepare(r->pen, &draft, &sheet, err));
    FK_TRY(fk_pen_commit(r->pen, &sheet, 1, err));
    if (sheet->status != FK_OK)
        st = fk_fail(err, sheet->status, "%s", sheet->text);
done:
    fk_sheet_free(&sheet);
    fk_buf_free(&body);
    return st;
}

static enum fk_status gone_append(struct restore *r, struct fk_err *err) {
    struct fk_buf fields = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < r->gone.count; i += SEQS_A_LINE) {
        struct fk_seqs some = {.at = r->gone.at + i, .count = r->gone.count - i};
        if (some.count > SEQS_A_LINE)
            some.count = SEQS_A_LINE;
        fk_buf_reset(&fields);
        fk_buf_str(&fields, "of=");
        fk_seqs_format(&some, &fields);
        fk_buf_printf(&fields, " basis=%" PRIu64 " rule=restore", r->pen->stand.rules);
        FK_TRY(fields.failed ? fk_fail(err, FK_NOMEM, "no memory for a dispose entry")
                             : entry_append(r, "dispose", fk_buf_cstr(&fields),
                                            "disposed of in the vault that this one was restored "
                                            "from",
                                            err));
    }
done:
    fk_buf_free(&fields);
    return st;
}

/* Whatever the ledger disposed of has no key here from now on, however old the copy of the keys. */
static enum fk_status all_erase(struct restore *r, struct fk_err *err) {
    struct fk_pen *pen = r->pen;
    enum fk_status st;
    pthread_mutex_lock(&pen->lock);
    pen->erased = 0;
    st = fk_pen__reread(pen, err);
    if (st == FK_OK)
        st = fk_pen__erase(pen, err);
    pthread_mutex_unlock(&pen->lock);
    return st;
}

static enum fk_status entries_make(struct restore *r, struct fk_err *err) {
    char fields[384];
    const struct fk_restore *o = r->order;
    struct fk_err why = FK_ERR_INIT;
    uint64_t next = 0;
    enum fk_status st;
    r->sum.restored = r->mirrored ? r->mirrored : o->segments[o->count - 1].last + 1;
    if (!r->mirrored && r->pen->first != r->sum.restored)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "the segments end with entry %" PRIu64 ", not %" PRIu64
                       " as their seal entries say",
                       r->pen->first - 1, r->sum.restored - 1));
    for (uint64_t i = 1; i <= r->pen->active->number; i++) {
        st = contents_check(r, i, &why);
        if (st == FK_CORRUPT && o->mirror)
            segment_damage_tell(r, "%s", why.text);
        else if (st != FK_OK)
            FK_TRY(fk_fail(err, st, "%s", why.text));
    }
    if (r->gone.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a list of seqs"));
    r->sum.erased = r->gone.count;
    FK_TRY(fk_shelf__scan(r->pen->shelf, &next, "dispose", named_already, r, err));
    FK_TRY(seals_append(r, err));
    FK_TRY(gone_append(r, err));
    snprintf(fields, sizeof fields, "what=restore first=0 last=%" PRIu64 " %s%s origin=%s",
             r->sum.restored - 1,
             o->mirror ? "from=" : "manifest=", o->mirror ? "mirror" : o->manifest, r->origin);
    FK_TRY(entry_append(r, "admin", fields,
                        o->mirror ? "restored from a mirror" : "restored from sealed segments",
                        err));
    FK_TRY(all_erase(r, err));
    r->sum.next_seq = fk_pen_next_seq(r->pen);
done:
    return st;
}

enum fk_status fk_vault_restore(const struct fk_restore *order, struct fk_restore_sum *out,
                                struct fk_err *err) {
    const struct fk_pen_options options = FK_PEN_OPTIONS;
    struct restore r = {.order = order, .block = malloc(BLOCK)};
    enum fk_status st = FK_OK;
    if (!r.block)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to restore a vault"));
    if ((order->count == 0 && !order->mirror) ||
        !fk_unhex(r.ledger, order->ledger, sizeof r.ledger) ||
        strlen(order->ledger) != 2 * sizeof r.ledger)
        FK_TRY(fk_fail(err, FK_INVALID, "there are no segments to restore, or no ledger id"));
    FK_TRY(files_place(&r, fk_pen__map_bytes(&options), err));
    FK_TRY(fk_pen_open(order->dir, &options, &r.pen, err));
    FK_TRY(entries_make(&r, err));
    *out = r.sum;
done:
    fk_pen_close(&r.pen);
    if (r.laid_out && st != FK_OK) /* another attempt needs the place, and no key may stay */
        fk_pen__clear(order->dir, r.made, err);
    fk_seqs_free(&r.gone);
    OPENSSL_cleanse(&r.kek, sizeof r.kek);
    free(r.block);
    return st;
}
