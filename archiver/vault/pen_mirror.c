/* pen_mirror.c - what a mirror is shown. Slices are cut under the pen's lock, so nothing in them is
 * of a transaction that is not durable, and no page changes meanwhile; they are small, so that
 * commits wait a millisecond or two; but after a disposal or an exchange of the key-encryption key
 * the first has all keys of the segment, some 90 bytes a message. */
#include "archiver/vault/pen_priv.h"
#include "base/io.h"
#include "base/pack.h"

#include <inttypes.h>
#include <string.h>

enum { SLICE_BYTES = 4 << 20, KEY_HEAD_MAX = 512 };

struct cut {
    struct fk_pen *pen;
    struct fk_book *book;
    struct fk_slice *slice;
    struct fk_content_record record, chunk;
};

static void row_begin(struct fk_buf *out, enum fk_row_table table, uint64_t key, size_t len) {
    fk_put_u8(out, (uint8_t)table);
    fk_put_u64(out, key);
    fk_put_u32(out, (uint32_t)len);
}

/* FK_NOT_FOUND: the table has no such row. */
static enum fk_status row_take(struct cut *c, enum fk_row_table table, struct fk_cursor *from,
                               uint64_t number, struct fk_err *err) {
    uint8_t key[8];
    fk_be64(key, number);
    enum fk_status st = fk_cursor__seek(from, key, sizeof key, err);
    if (st != FK_OK)
        return st;
    if (!from->valid || from->key_len != sizeof key || memcmp(from->key, key, sizeof key) != 0)
        return fk_fail(err, FK_NOT_FOUND, "%s: table %s has nothing at %" PRIu64,
                       c->book->pages->path, from->table, number);
    row_begin(&c->slice->rows, table, number, from->value_len);
    return fk_value__read(from, 0, from->value_len, &c->slice->rows, err);
}

static enum fk_status key_file_take(struct cut *c, struct fk_err *err) {
    char path[PATH_MAX];
    c->slice->new_keys = true;
    fk_layout__keys(path, c->pen->dir, c->book->number, c->slice->to.generation);
    return fk_read_plain(path, KEY_HEAD_MAX, &c->slice->key_file, err);
}

/* The keys of what the mark has already, under another intermediate key than they had. */
static enum fk_status keys_take(struct cut *c, uint64_t before, struct fk_err *err) {
    struct fk_cursor *k = c->book->keys;
    struct fk_buf *out = &c->slice->rows;
    enum fk_status st;
    row_begin(out, FK_ROW_NO_KEYS, 0, 0);
    FK_TRY(fk_cursor__first(k, err));
    while (k->valid && k->key_len == 8 && fk_be64_read(k->key) < before) {
        row_begin(out, FK_ROW_KEY, fk_be64_read(k->key), k->value_len);
        FK_TRY(fk_value__read(k, 0, k->value_len, out, err));
        FK_TRY(fk_cursor__next(k, err));
    }
done:
    return st;
}

static void last_extent(const struct fk_content_record *r, uint64_t *last) {
    for (uint32_t i = 0; i < r->parts; i++)
        if (fk_record__part(r, i).extent > *last)
            *last = fk_record__part(r, i).extent;
}

/* Of the message and of the chunks that came with it. */
static enum fk_status last_of_entry(struct cut *c, uint64_t *last, struct fk_err *err) {
    enum fk_status st = FK_OK;
    *last = 0;
    last_extent(&c->record, last);
    for (uint32_t i = 0; i < c->record.chunks && st == FK_OK; i++) {
        st = fk_book__chunk_record(c->book, c->record.first_chunk + i, &c->chunk, err);
        if (st == FK_OK)
            last_extent(&c->chunk, last);
    }
    return st;
}

/* Extents up to the last that the entry needs; *whole false: the slice is full before. */
static enum fk_status extents_take(struct cut *c, bool *whole, struct fk_err *err) {
    uint64_t last, *next = &c->slice->to.next_extent;
    struct fk_cursor *x = c->book->extents;
    uint8_t key[8];
    enum fk_status st;
    FK_TRY(last_of_entry(c, &last, err));
    if (*next > last)
        return FK_OK;
    fk_be64(key, *next);
    FK_TRY(fk_cursor__seek(x, key, sizeof key, err));
    while (x->valid && x->key_len == sizeof key && fk_be64_read(x->key) <= last) {
        *whole = c->slice->rows.len < SLICE_BYTES;
        if (!*whole)
            return FK_OK;
        *next = fk_be64_read(x->key);
        row_begin(&c->slice->rows, FK_ROW_EXTENT, *next, x->value_len);
        FK_TRY(fk_value__read(x, 0, x->value_len, &c->slice->rows, err));
        ++*next;
        FK_TRY(fk_cursor__next(x, err));
    }
    *next = last + 1;
done:
    return st;
}

static enum fk_status entry_take(struct cut *c, uint64_t seq, bool *whole, struct fk_err *err) {
    enum fk_status st = fk_book__record(c->book, seq, &c->record, err);
    bool has_content = st == FK_OK;
    if (st != FK_OK && st != FK_NOT_FOUND)
        return st;
    if (has_content)
        FK_TRY(extents_take(c, whole, err));
    if (!*whole)
        return FK_OK;
    FK_TRY(row_take(c, FK_ROW_ENTRY, c->book->lines->table, seq, err));
    if (!has_content)
        goto done;
    for (uint32_t i = 0; i < c->record.chunks; i++)
        FK_TRY(row_take(c, FK_ROW_CHUNK, c->book->chunks, c->record.first_chunk + i, err));
    FK_TRY(row_take(c, FK_ROW_CONTENT, c->book->contents, seq, err));
    st = row_take(c, FK_ROW_KEY, c->book->keys, seq, err);
    if (st == FK_NOT_FOUND) /* disposed of */
        st = FK_OK;
done:
    return st;
}

static enum fk_status entries_take(struct cut *c, struct fk_err *err) {
    struct fk_slice *s = c->slice;
    bool whole = true;
    while (s->to.next_seq < c->book->next && s->rows.len < SLICE_BYTES) {
        enum fk_status st = entry_take(c, s->to.next_seq, &whole, err);
        if (st != FK_OK)
            return st;
        if (!whole)
            break;
        s->to.next_seq++;
    }
    s->at_end = s->to.next_seq == c->book->next;
    s->closed = s->at_end && c->book->state == FK_BOOK_CLOSED;
    return FK_OK;
}

static enum fk_status cut_open(struct cut *c, const struct fk_mark *from, struct fk_err *err) {
    struct fk_slice *s = c->slice;
    enum fk_status st;
    if (!from->generation)
        s->to = (struct fk_mark){from->segment, c->book->first, 1, 0};
    FK_TRY(fk_book__generation(c->book, &s->to.generation, err));
    s->first = s->to.next_seq;
    if (s->first > c->book->next)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "segment %" PRIu64 " of the mirror ends with entry %" PRIu64
                       ", and that of the vault with %" PRIu64,
                       from->segment, s->first - 1, c->book->next - 1));
    if (s->to.generation != from->generation)
        FK_TRY(key_file_take(c, err));
    if (s->new_keys && from->generation)
        FK_TRY(keys_take(c, from->next_seq, err));
    FK_TRY(entries_take(c, err));
    if (s->rows.failed || s->key_file.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for the mirror");
done:
    return st == FK_NOT_FOUND
               ? fk_fail(err, FK_CORRUPT, "%s: a row is missing", c->book->pages->path)
               : st;
}

static enum fk_status cut_locked(struct cut *c, const struct fk_mark *from, struct fk_err *err) {
    struct fk_slice *s = c->slice;
    enum fk_status st;
    FK_TRY(fk_pen__spoiled(c->pen, err));
    s->changes = c->pen->changes;
    FK_TRY(fk_shelf__get(c->pen->shelf, from->segment, &c->book, err));
    s->sealed = c->book->state == FK_BOOK_SEALED_STATE;
    if (!s->sealed)
        st = cut_open(c, from, err);
done:
    return st;
}

enum fk_status fk_pen_slice(struct fk_pen *pen, const struct fk_mark *from, struct fk_slice *out,
                            struct fk_err *err) {
    struct cut c = {.pen = pen, .slice = out};
    struct fk_buf rows = out->rows, key_file = out->key_file;
    fk_buf_reset(&rows);
    fk_buf_reset(&key_file);
    *out = (struct fk_slice){.to = *from, .rows = rows, .key_file = key_file};
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = cut_locked(&c, from, err);
    pthread_mutex_unlock(&pen->lock);
    fk_buf_free(&c.record.bytes);
    fk_buf_free(&c.chunk.bytes);
    return st;
}

enum fk_status fk_pen_digest(struct fk_pen *pen, uint64_t seq, uint8_t out[FK_SHA256_BYTES],
                             struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_book *b;
    enum fk_status st;
    pthread_mutex_lock(&pen->lock);
    FK_TRY(fk_pen__spoiled(pen, err));
    FK_TRY(fk_shelf__find(pen->shelf, seq, &b, err));
    FK_TRY(fk_book__line(b, seq, &line, err));
    fk_sha256(line.data, line.len, out);
done:
    pthread_mutex_unlock(&pen->lock);
    fk_buf_free(&line);
    return st;
}
