/* verify_segment.c - one segment, entry by entry: pages, chain, lines, records, parts, keys,
 * digests. A finding never ends the check; where it cannot know how to go on inside a table, it
 * goes on with the next table or segment. */
#include "archiver/vault/verify_priv.h"
#include "base/pack.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void fk_check__tell(struct fk_check *v, uint64_t seq, uint64_t segment, const char *check,
                    const char *fmt, ...) {
    struct fk_finding f = {.seq = seq, .segment = segment};
    va_list ap;
    snprintf(f.check, sizeof f.check, "%s", check);
    va_start(ap, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, ap);
    va_end(ap);
    v->sum.findings++;
    if (v->finding)
        v->finding(v->ctx, &f);
}

enum fk_status fk_check__failed(struct fk_check *v, enum fk_status st, uint64_t seq,
                                uint64_t segment, const char *check, struct fk_err *err) {
    if (st == FK_NOMEM || st == FK_RETRY)
        return st;
    fk_check__tell(v, seq, segment, check, "%s", err->text);
    return FK_OK;
}

void fk_check__free(struct fk_check *v) {
    fk_disposals__free(&v->disposals);
    fk_bench__free(&v->bench);
    fk_buf_free(&v->line);
    fk_buf_free(&v->record.bytes);
    fk_buf_free(&v->chunk.bytes);
    fk_chunk_marks__free(&v->seen);
}

static enum fk_status stored_read(void *ctx, uint32_t part, struct fk_buf *out,
                                  struct fk_err *err) {
    struct fk_check *v = ctx;
    struct fk_part p = fk_record__part(&v->record, part);
    return fk_book__part(v->book, &p, out, err);
}

static enum fk_status chunk_read(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    struct fk_check *v = ctx;
    out->skip = v->tags_only && fk_chunk_marks__has(&v->seen, number);
    if (out->skip)
        return FK_OK;
    if (v->tags_only)
        fk_chunk_marks__set(&v->seen, number);
    return fk_book__chunk(v->book, number, &v->chunk, out, err);
}

/* Without a key the parts can still be looked for. */
static enum fk_status parts_check(struct fk_check *v, uint64_t seq, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (uint32_t i = 0; i < v->record.parts && st == FK_OK; i++) {
        fk_buf_reset(&b);
        st = stored_read(v, i, &b, err);
    }
    fk_buf_free(&b);
    return st == FK_OK ? st : fk_check__failed(v, st, seq, v->book->number, "extent", err);
}

/* A content whose key is not there. */
static enum fk_status keyless(struct fk_check *v, uint64_t seq, struct fk_err *err) {
    uint64_t dispose;
    struct fk_err ignored; /* a ledger that cannot be read is a finding where it cannot */
    enum fk_status st = v->shelf
                            ? fk_disposals__find(&v->disposals, v->shelf, seq, &dispose, &ignored)
                        : fk_disposals__has(v->disposals, seq, &dispose) ? FK_OK
                                                                         : FK_NOT_FOUND;
    if (st == FK_OK)
        v->sum.disposed++;
    else if (st == FK_NOT_FOUND)
        fk_check__tell(v, seq, v->book->number, "key",
                       "the key is missing, and no dispose entry names the entry");
    return parts_check(v, seq, err);
}

static void key_should_be_gone(struct fk_check *v, uint64_t seq) {
    uint64_t dispose;
    if (!fk_disposals__has(v->disposals, seq, &dispose))
        return;
    if (dispose > v->erased) /* being done, or begun and cut short */
        v->sum.unfinished++;
    else
        fk_check__tell(v, seq, v->book->number, "revived",
                       "disposed of by entry %" PRIu64 ", but a key for it is there", dispose);
}

static void digests_compare(struct fk_check *v, uint64_t seq, const struct fk_digests *want,
                            const struct fk_digests *is) {
    if (memcmp(want->c256, is->c256, sizeof is->c256) != 0)
        fk_check__tell(v, seq, v->book->number, "c256",
                       "the SHA-256 of the content is not what the line says");
    if (memcmp(want->c512, is->c512, sizeof is->c512) != 0)
        fk_check__tell(v, seq, v->book->number, "c512",
                       "the SHA-512 of the content is not what the line says");
}

static enum fk_status content_decode(struct fk_check *v, uint64_t seq, const uint8_t *key,
                                     const struct fk_digests *want, struct fk_err *err) {
    struct fk_decoding d = {.ledger = v->where.ledger,
                            .id = v->record.id,
                            .key = key,
                            .codec = v->record.codec,
                            .parts = v->record.parts,
                            .tags_only = v->tags_only,
                            .stored = stored_read,
                            .chunk = chunk_read,
                            .ctx = v};
    enum fk_status st = fk_content__decode(v->bench, &d, err);
    v->sum.bytes += d.bytes;
    if (st != FK_OK)
        return fk_check__failed(v, st, seq, v->book->number, d.check ? d.check : "extent", err);
    if (!v->tags_only)
        digests_compare(v, seq, want, &d.digests);
    return FK_OK;
}

enum fk_status fk_check__content(struct fk_check *v, const struct fk_entry *e, struct fk_err *err) {
    struct fk_digests want;
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st = fk_desk__digests(e, &want, err);
    if (st == FK_NOT_FOUND)
        return FK_OK;
    if (st != FK_OK)
        return fk_check__failed(v, st, e->seq, v->book->number, "line", err);
    v->sum.contents++;
    st = fk_book__record(v->book, e->seq, &v->record, err);
    if (st != FK_OK)
        return fk_check__failed(v, st, e->seq, v->book->number, "record", err);
    st = fk_book__key(v->book, e->seq, v->record.id, key, err);
    if (st == FK_NOT_FOUND)
        return keyless(v, e->seq, err);
    if (st != FK_OK)
        return fk_check__failed(v, st, e->seq, v->book->number, "key", err);
    key_should_be_gone(v, e->seq);
    st = content_decode(v, e->seq, key, &want, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

/* The first entry of a segment repeats what it follows. */
static void first_check(struct fk_check *v, const struct fk_entry *e) {
    uint64_t segment, last, size;
    char digest[2 * FK_SHA256_BYTES + 1], is[2 * FK_SHA256_BYTES + 1], ledger[40],
        own[2 * FK_LEDGER_BYTES + 1];
    if (e->seq == 0) {
        fk_hex(own, v->where.ledger, FK_LEDGER_BYTES);
        if (!fk_entry_is(e, "genesis") || !fk_entry_field(e, "ledger", ledger, sizeof ledger) ||
            strcmp(ledger, own) != 0)
            fk_check__tell(
                v, e->seq, v->book->number, "genesis",
                "entry 0 is not the genesis of the ledger that the file \"ledger\" names");
        return;
    }
    fk_hex(is, e->prev, FK_SHA256_BYTES);
    if (!fk_entry_is(e, "segment") || !fk_entry_number(e, "segment", &segment) ||
        !fk_entry_number(e, "last", &last) || !fk_entry_number(e, "size", &size) ||
        !fk_entry_field(e, "digest", digest, sizeof digest) || segment != v->book->number ||
        last != e->seq - 1 || size != e->seq || strcmp(digest, is) != 0)
        fk_check__tell(v, e->seq, v->book->number, "segment",
                       "the first entry of the segment does not say what it follows");
}

static void chain_check(struct fk_check *v, const struct fk_entry *e) {
    static const uint8_t zeros[FK_SHA256_BYTES];
    bool ok = e->seq == 0 ? memcmp(e->prev, zeros, sizeof zeros) == 0
                          : !v->chained || memcmp(e->prev, v->prev, sizeof v->prev) == 0;
    if (!ok && e->seq == 0)
        fk_check__tell(v, 0, v->book->number, "chain", "entry 0 has something before it");
    else if (!ok)
        fk_check__tell(v, e->seq - 1, v->book->number, "chain",
                       "entry %" PRIu64 " is not the one whose digest entry %" PRIu64
                       " has: one of the two lines was changed",
                       e->seq - 1, e->seq);
}

/* Reads the line and checks it; what it says of its content too. */
static enum fk_status entry_check(struct fk_check *v, uint64_t seq, struct fk_err *err) {
    struct fk_entry e;
    v->sum.entries++;
    enum fk_status st = fk_entry_read(v->line.data, v->line.len, &e, err);
    if (st != FK_OK)
        st = fk_check__failed(v, st, seq, v->book->number, "line", err);
    else if (e.seq != seq) {
        fk_check__tell(v, seq, v->book->number, "line", "the line says it is entry %" PRIu64,
                       e.seq);
    } else {
        chain_check(v, &e);
        if (seq == v->book->first)
            first_check(v, &e);
        if (!v->apart)
            st = fk_check__content(v, &e, err);
        fk_sha256(v->line.data, v->line.len, v->prev);
        v->chained = true;
        return st;
    }
    v->chained = false; /* said once: not again by the entry after it */
    return st;
}

static bool in_range(const struct fk_check *v, uint64_t seq) {
    return seq >= v->range.from && seq <= v->range.to;
}

static void gap_tell(struct fk_check *v, uint64_t from, uint64_t to) {
    if (from == to)
        fk_check__tell(v, from, v->book->number, "gap", "entry %" PRIu64 " is missing", from);
    else
        fk_check__tell(v, from, v->book->number, "gap",
                       "entries %" PRIu64 " to %" PRIu64 " are missing", from, to);
    v->chained = false;
}

static enum fk_status line_here(struct fk_check *v, uint64_t seq, struct fk_err *err) {
    fk_buf_reset(&v->line);
    enum fk_status st = fk_lines__read(v->book->lines, &v->line, err);
    if (st != FK_OK) {
        v->chained = false;
        return fk_check__failed(v, st, seq, v->book->number, "line", err);
    }
    if (in_range(v, seq))
        return entry_check(v, seq, err);
    v->chained = seq + 1 == v->range.from; /* vouches for the first that is looked at */
    if (v->chained)
        fk_sha256(v->line.data, v->line.len, v->prev);
    return FK_OK;
}

/* The last entry has no next one to vouch for it: meta has its digest. */
static enum fk_status head_check(struct fk_check *v, struct fk_err *err) {
    char hex[2 * FK_SHA256_BYTES + 1], is[2 * FK_SHA256_BYTES + 1];
    struct fk_book *b = v->book;
    if (b->state == FK_BOOK_SEALED_STATE || !v->chained)
        return FK_OK;
    enum fk_status st = fk_book__meta(b, "head", hex, sizeof hex, err);
    if (st != FK_OK)
        return fk_check__failed(v, st, UINT64_MAX, b->number, "file", err);
    fk_hex(is, v->prev, sizeof v->prev);
    if (strcmp(hex, is) != 0)
        fk_check__tell(v, b->next - 1, b->number, "chain",
                       "the last entry is not the one whose digest the segment has");
    return FK_OK;
}

static enum fk_status entries_walk(struct fk_check *v, struct fk_err *err) {
    struct fk_book *b = v->book;
    uint64_t seq = b->first, read = b->pages->bytes_read;
    enum fk_status st = FK_OK;
    if (v->slice_bytes && v->range.from > b->first) {
        seq = v->range.from - 1; /* the entry before vouches for the first one */
        st = fk_lines__seek(b->lines, seq, err);
    } else
        st = fk_lines__first(b->lines, err);
    for (; st == FK_OK && b->lines->valid; st = fk_lines__next(b->lines, err), seq++) {
        uint64_t at = b->lines->seq;
        if (at < seq) {
            fk_check__tell(v, seq, b->number, "gap", "an entry stands where %" PRIu64 " belongs",
                           seq);
            v->next = b->next;
            v->chained = false;
            return FK_OK;
        }
        if (at > seq)
            gap_tell(v, seq, at - 1);
        seq = at;
        /* contents are read by other cursors: these lines keep their place */
        enum fk_status one = line_here(v, seq, err);
        if (one != FK_OK)
            return one;
        if (v->progress)
            v->progress(v->ctx, seq, v->progress_all);
        v->stopped = v->slice_bytes && seq + 1 < b->next && seq >= v->range.from &&
                     b->pages->bytes_read - read >= v->slice_bytes;
        if (v->stopped) {
            v->next = seq + 1;
            return FK_OK;
        }
    }
    if (st != FK_OK) {
        v->chained = false;
        v->next = b->next;
        return fk_check__failed(v, st, seq, b->number, "file", err);
    }
    v->next = seq;
    return in_range(v, seq - 1) ? head_check(v, err) : FK_OK;
}

/* Records and keys that belong to no entry with a content: there are more of them than such
 * entries. */
static void strays_check(struct fk_check *v, uint64_t contents, uint64_t disposed) {
    struct fk_book *b = v->book;
    if (b->contents->tree.entries > contents)
        fk_check__tell(v, UINT64_MAX, b->number, "record",
                       "there are %" PRIu64 " content records for %" PRIu64 " entries",
                       b->contents->tree.entries, contents);
    uint64_t keys = b->keys ? b->keys->tree.entries : b->keyfile.fd >= 0 ? b->keyfile.count : 0;
    if (keys > contents - disposed)
        fk_check__tell(v, UINT64_MAX, b->number, "key",
                       "there are %" PRIu64 " keys for %" PRIu64 " contents", keys,
                       contents - disposed);
}

/* The number at the cursor; FK_CORRUPT unless it is one more than before, or more: a chunk is
 * looked up with the same cursor, and a key out of its place would send the walk back. */
static enum fk_status chunk_number(const struct fk_book *b, uint64_t *last, struct fk_err *err) {
    uint64_t number = b->chunks->key_len == 8 ? fk_be64_read(b->chunks->key) : 0;
    if (number <= *last)
        return fk_fail(err, FK_CORRUPT,
                       "%s: in table chunks something else stands after number %" PRIu64,
                       b->pages->path, *last);
    *last = number;
    return FK_OK;
}

/* Chunks that no message names any more have to be there too: theirs may be a page that another
 * needs. */
static enum fk_status chunks_walk(struct fk_check *v, struct fk_err *err) {
    struct fk_book *b = v->book;
    struct fk_stored_chunk chunk = {.codec = 0};
    uint64_t number = 0;
    enum fk_status st = b->chunks ? fk_cursor__first(b->chunks, err) : FK_OK;
    while (st == FK_OK && b->chunks && b->chunks->valid) {
        FK_TRY(chunk_number(b, &number, err));
        fk_buf_reset(&chunk.stored);
        st = fk_book__chunk(b, number, &v->chunk, &chunk, err);
        if (st != FK_OK)
            FK_TRY(fk_check__failed(v, st, UINT64_MAX, b->number, "chunk", err));
        st = fk_cursor__next(b->chunks, err);
    }
done:
    fk_buf_free(&chunk.stored);
    return st == FK_CORRUPT ? fk_check__failed(v, st, UINT64_MAX, b->number, "file", err) : st;
}

enum fk_status fk_check__book(struct fk_check *v, struct fk_book *b, struct fk_err *err) {
    uint64_t contents = v->sum.contents, disposed = v->sum.disposed, findings = v->sum.findings;
    v->book = b;
    /* LMDB takes an environment once a process: a pinned book is this thread's alone */
    v->apart = v->threads > 1 && !b->pin;
    bool begun = v->slice_bytes && v->range.from > b->first;
    enum fk_status st = begun ? FK_OK : fk_pages__account(b->pages, err);
    if (st == FK_OK && v->tags_only)
        st = fk_chunk_marks__begin(&v->seen, b, err);
    if (st != FK_OK)
        st = fk_check__failed(v, st, UINT64_MAX, b->number, "file", err);
    if (st == FK_OK && v->next != UINT64_MAX && v->next != b->first) {
        fk_check__tell(v, b->first, b->number, "gap",
                       "the segment begins with entry %" PRIu64 ", expected was %" PRIu64, b->first,
                       v->next);
        v->chained = false;
    }
    if (st == FK_OK)
        st = entries_walk(v, err);
    if (st == FK_OK && v->apart)
        st = fk_check__contents(v, v->threads, err);
    if (st == FK_OK && !v->stopped && in_range(v, b->first) && in_range(v, b->next - 1))
        st = chunks_walk(v, err);
    if (st == FK_OK && b->state == FK_BOOK_ACTIVE && v->succeeded)
        fk_check__tell(v, UINT64_MAX, b->number, "file",
                       "the segment is not closed, but there is one after it");
    bool whole = in_range(v, b->first) && in_range(v, b->next - 1);
    if (st == FK_OK && whole && !v->stopped && v->sum.findings == findings)
        strays_check(v, v->sum.contents - contents, v->sum.disposed - disposed);
    v->book = NULL;
    return st;
}
