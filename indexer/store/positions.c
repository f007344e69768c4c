/* positions.c - see positions_priv.h. A list is its word, so that its sum is of both, and for each
 * document: its distance from the one before, the bytes of its positions, and each one's distance
 * from the one before (varint_priv.h).
 */
#include "indexer/store/positions_priv.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/store/aside_priv.h"
#include "indexer/text/varint_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD_MAX = 255,
    HEAD_BYTES = 8 + 4 + 4,
    ENTRY_MAX = 1 + WORD_MAX + 16 + FK_SHA256_BYTES,
    LIST_MAX = 1 << 30
};
static const char magic[8] = "FKPOSN1\n";

static void number_add(struct fk_buf *b, uint32_t n) {
    uint8_t bytes[FK_VARINT_MAX];
    fk_buf_add(b, bytes, fk_varint_put(bytes, n));
}

/* ---- writing */

struct word {
    struct fk_buf name, list, own; /* own: positions of the document at hand */
    uint32_t docid, before, pos, documents;
    bool is_left_out;
};
struct fk_positions_writer {
    struct word *at;
    size_t count;
};

enum fk_status fk_positions_begin(const char *const *words, const size_t *lens, size_t n,
                                  struct fk_positions_writer **out, struct fk_err *err) {
    struct fk_positions_writer *w = calloc(1, sizeof *w);
    struct word *at = calloc(n + 1, sizeof *at);
    if (!w || !at || n > FK_POSITIONS_WORDS) {
        free(w);
        free(at);
        return fk_fail(err, FK_NOMEM, "positions of %zu words: out of memory", n);
    }
    for (size_t i = 0; i < n; i++) {
        fk_buf_add(&at[i].name, words[i], lens[i]);
        at[i].is_left_out = lens[i] > WORD_MAX;
        fk_put_u8(&at[i].list, (uint8_t)lens[i]);
        fk_buf_add(&at[i].list, words[i], lens[i]);
    }
    *w = (struct fk_positions_writer){at, n};
    *out = w;
    return FK_OK;
}

static void document_end(struct word *w) {
    if (!w->own.len)
        return;
    number_add(&w->list, w->docid - w->before);
    number_add(&w->list, (uint32_t)w->own.len);
    fk_buf_add(&w->list, w->own.data, w->own.len);
    fk_buf_reset(&w->own);
    w->before = w->docid;
    w->documents++;
}

void fk_positions_add(struct fk_positions_writer *writer, size_t i, uint32_t docid, uint32_t pos) {
    struct word *w = &writer->at[i];
    if (w->is_left_out)
        return;
    if (docid != w->docid) {
        document_end(w);
        w->docid = docid;
        w->pos = 0;
    }
    number_add(&w->own, pos - w->pos);
    w->pos = pos;
}

uint32_t fk_positions_documents(const struct fk_positions_writer *w, size_t i) {
    return w->at[i].documents + (w->at[i].own.len ? 1 : 0);
}

void fk_positions_leave_out(struct fk_positions_writer *w, size_t i) {
    w->at[i].is_left_out = true;
    fk_buf_free(&w->at[i].list);
}

static void entry_put(const struct word *w, uint64_t at, struct fk_buf *head) {
    uint8_t sum[FK_SHA256_BYTES];
    fk_sha256(w->list.data, w->list.len, sum);
    fk_put_u8(head, (uint8_t)w->name.len);
    fk_buf_add(head, w->name.data, w->name.len);
    fk_put_u64(head, at);
    fk_put_u64(head, w->list.len);
    fk_buf_add(head, sum, sizeof sum);
}

/* Where an entry stands is told from the first entry on, and where a list from the first list on.
 */
static void head_put(struct fk_positions_writer *w, size_t left, struct fk_buf *head) {
    struct fk_buf entries = FK_BUF_INIT;
    uint64_t at = 0;
    fk_buf_add(head, magic, sizeof magic);
    fk_put_u32(head, (uint32_t)left);
    const size_t bytes_at = head->len;
    fk_put_u32(head, 0);
    for (size_t i = 0; i < w->count; i++) {
        const struct word *one = &w->at[i];
        if (one->is_left_out)
            continue;
        fk_put_u32(head, (uint32_t)entries.len);
        entry_put(one, at, &entries);
        at += one->list.len;
    }
    head->failed |= entries.failed;
    if (!head->failed)
        for (size_t i = 0; i < 4; i++)
            head->data[bytes_at + i] = (uint8_t)(entries.len >> (24 - 8 * i));
    fk_buf_add(head, entries.data, entries.len);
    fk_buf_free(&entries);
}

enum fk_status fk_positions_end(struct fk_positions_writer **writer, const char *dir,
                                struct fk_err *err) {
    struct fk_positions_writer *w = *writer;
    enum fk_status st = FK_OK;
    struct fk_buf head = FK_BUF_INIT;
    char path[PATH_MAX];
    int fd = -1;
    size_t left = 0;
    bool failed = false;
    for (size_t i = 0; i < w->count; i++) {
        document_end(&w->at[i]);
        left += !w->at[i].is_left_out;
        failed |= !w->at[i].is_left_out &&
                  (w->at[i].list.failed || w->at[i].name.failed || w->at[i].own.failed);
    }
    if (left)
        head_put(w, left, &head);
    if (failed || head.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "positions of common words: out of memory"));
    if (!left)
        goto done;
    FK_TRY(fk_aside_create(dir, "positions", path, &fd, err));
    FK_TRY(fk_write_full(fd, head.data, head.len, path, err));
    for (size_t i = 0; i < w->count; i++)
        if (!w->at[i].is_left_out)
            FK_TRY(fk_write_full(fd, w->at[i].list.data, w->at[i].list.len, path, err));
done:
    fk_close(&fd);
    fk_buf_free(&head);
    fk_positions_abort(writer);
    return st;
}

void fk_positions_abort(struct fk_positions_writer **writer) {
    struct fk_positions_writer *w = *writer;
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++) {
        fk_buf_free(&w->at[i].name);
        fk_buf_free(&w->at[i].list);
        fk_buf_free(&w->at[i].own);
    }
    free(w->at);
    free(w);
    *writer = NULL;
}

/* ---- reading */

struct entry {
    uint8_t bytes[ENTRY_MAX];
    const char *word;
    size_t len;
    uint64_t at, size;
    const uint8_t *sum;
};
enum { FOUND_KEPT = 8 }; /* whether a word is there is asked before its list is read */
struct fk_positions {
    char path[PATH_MAX];
    struct entry found[FOUND_KEPT]; /* the last ones; no word: none */
    size_t next_found;
    int fd;
    uint32_t count;
    uint64_t entries, lists, size; /* where they begin; bytes of the file */
};

static enum fk_status damaged(const struct fk_positions *p, const char *how, struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "%s %s", p->path, how);
}

static enum fk_status part_read(const struct fk_positions *p, void *to, size_t len, uint64_t at,
                                struct fk_err *err) {
    return fk_pread_full(p->fd, to, len, (off_t)at, p->path, err);
}

static enum fk_status head_read(struct fk_positions *p, struct fk_err *err) {
    uint8_t begin[HEAD_BYTES];
    struct fk_reader r;
    enum fk_status st = part_read(p, begin, sizeof begin, 0, err);
    if (st != FK_OK)
        return st;
    fk_reader_init(&r, begin + sizeof magic, sizeof begin - sizeof magic);
    p->count = fk_get_u32(&r);
    p->entries = HEAD_BYTES + 4 * (uint64_t)p->count;
    p->lists = p->entries + fk_get_u32(&r);
    return memcmp(begin, magic, sizeof magic) == 0 && p->count <= FK_POSITIONS_WORDS &&
                   p->lists <= p->size
               ? FK_OK
               : damaged(p, "is no list of positions", err);
}

enum fk_status fk_positions_open(const char *dir, struct fk_positions **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_positions *p = calloc(1, sizeof *p);
    if (!p)
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    p->fd = -1;
    FK_TRY(fk_aside_open(dir, "positions", p->path, &p->fd, &p->size, err));
    FK_TRY(head_read(p, err));
    *out = p;
    p = NULL;
done:
    fk_positions_close(&p);
    return st;
}

void fk_positions_close(struct fk_positions **positions) {
    if (!*positions)
        return;
    fk_close(&(*positions)->fd);
    free(*positions);
    *positions = NULL;
}

static enum fk_status entry_read(const struct fk_positions *p, uint32_t i, struct entry *e,
                                 struct fk_err *err) {
    uint8_t where[4];
    struct fk_reader r;
    enum fk_status st = part_read(p, where, sizeof where, HEAD_BYTES + 4 * (uint64_t)i, err);
    FK_TRY(st);
    fk_reader_init(&r, where, sizeof where);
    const uint64_t at = p->entries + fk_get_u32(&r);
    const uint64_t left = at < p->lists ? p->lists - at : 0;
    const size_t most = left < ENTRY_MAX ? (size_t)left : ENTRY_MAX;
    FK_TRY(part_read(p, e->bytes, most, at, err));
    fk_reader_init(&r, e->bytes, most);
    e->len = fk_get_u8(&r);
    e->word = (const char *)fk_get_raw(&r, e->len);
    e->at = fk_get_u64(&r);
    e->size = fk_get_u64(&r);
    e->sum = fk_get_raw(&r, FK_SHA256_BYTES);
    if (r.bad || e->size > LIST_MAX || e->at > p->size - p->lists ||
        e->size > p->size - p->lists - e->at)
        st = damaged(p, "was changed or is cut short", err);
done:
    return st;
}

static int compare(const struct entry *e, const char *word, size_t len) {
    const int by_bytes = memcmp(e->word, word, e->len < len ? e->len : len);
    return by_bytes != 0 ? by_bytes : (e->len > len) - (e->len < len);
}

/* FK_NOT_FOUND: it is not there, or cannot be found any more: phrases of it go by the texts. The
 * entry is the handle's, as long as not FOUND_KEPT others were looked for. */
static enum fk_status entry_find(struct fk_positions *p, const char *word, size_t len,
                                 const struct entry **out, struct fk_err *err) {
    for (size_t i = 0; i < FOUND_KEPT; i++)
        if (p->found[i].word && compare(&p->found[i], word, len) == 0) {
            *out = &p->found[i];
            return FK_OK;
        }
    struct entry *const e = &p->found[p->next_found];
    e->word = NULL;
    for (uint32_t low = 0, high = p->count; low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        const enum fk_status st = entry_read(p, middle, e, err);
        const int order = st == FK_OK ? compare(e, word, len) : 0;
        if (st == FK_OK && order == 0) {
            p->next_found = (p->next_found + 1) % FOUND_KEPT;
            *out = e;
            return FK_OK;
        }
        e->word = NULL;
        if (st != FK_OK)
            return st;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return FK_NOT_FOUND;
}

enum fk_status fk_positions_has(struct fk_positions *p, const char *word, size_t len, bool *out,
                                struct fk_err *err) {
    const struct entry *e;
    const enum fk_status st = entry_find(p, word, len, &e, err);
    *out = st == FK_OK;
    return st == FK_NOT_FOUND ? FK_OK : st;
}

enum fk_status fk_positions_read(struct fk_positions *p, const char *word, size_t len,
                                 struct fk_positions_list *out, struct fk_err *err) {
    uint8_t sum[FK_SHA256_BYTES];
    const struct entry *e;
    enum fk_status st;
    *out = (struct fk_positions_list){NULL, NULL, NULL, 0, NULL, NULL};
    FK_TRY(entry_find(p, word, len, &e, err));
    out->bytes = malloc((size_t)e->size + 1);
    if (!out->bytes)
        FK_TRY(fk_fail(err, FK_NOMEM, "the index: out of memory"));
    FK_TRY(part_read(p, out->bytes, (size_t)e->size, p->lists + e->at, err));
    fk_sha256(out->bytes, (size_t)e->size, sum);
    if (memcmp(sum, e->sum, sizeof sum) != 0)
        FK_TRY(damaged(p, "was changed", err));
    if (e->size < 1 + len || out->bytes[0] != len || memcmp(out->bytes + 1, word, len) != 0)
        FK_TRY(damaged(p, "was changed", err));
    out->at = out->bytes + 1 + len;
    out->end = out->bytes + e->size;
done:
    return st;
}

bool fk_positions_next(struct fk_positions_list *l) {
    uint32_t step, bytes;
    if (!fk_varint_take(&l->at, l->end, &step) || !fk_varint_take(&l->at, l->end, &bytes) ||
        bytes > (size_t)(l->end - l->at))
        return false;
    l->docid += step;
    l->first = l->at;
    l->last = l->at += bytes;
    return true;
}

size_t fk_positions_of(const struct fk_positions_list *l, uint32_t *out, size_t max) {
    const uint8_t *at = l->first;
    size_t n = 0;
    uint32_t pos = 0, step;
    for (; fk_varint_take(&at, l->last, &step); n++) {
        pos += step;
        if (n < max)
            out[n] = pos;
    }
    return n;
}

void fk_positions_list_free(struct fk_positions_list *l) {
    free(l->bytes);
    *l = (struct fk_positions_list){NULL, NULL, NULL, 0, NULL, NULL};
}

enum fk_status fk_positions_void(const char *dir, struct fk_err *err) {
    return fk_aside_void(dir, "positions", err);
}
