/* book.c - one segment, read. */
#include "archiver/vault/book_priv.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPLACED_MAX = 8 }; /* how often in a row a key file is replaced while it is looked at */

/* A reader slot of LMDB: while its transaction lives, the pages of that snapshot are not reused. */
struct fk_pin {
    MDB_env *env;
    MDB_txn *txn;
    bool held;
};

static void pin_close(struct fk_pin **pp) {
    if (!*pp)
        return;
    if ((*pp)->txn)
        mdb_txn_abort((*pp)->txn);
    if ((*pp)->env)
        mdb_env_close((*pp)->env);
    free(*pp);
    *pp = NULL;
}

static enum fk_status pin_open(const char *path, struct fk_pin **out, struct fk_err *err) {
    struct fk_pin *p = calloc(1, sizeof *p);
    if (!p)
        return fk_fail(err, FK_NOMEM, "%s: no memory to open it", path);
    int rc = mdb_env_create(&p->env);
    if (rc == 0)
        rc = mdb_env_open(p->env, path, MDB_NOSUBDIR | MDB_RDONLY, 0660);
    if (rc == 0)
        rc = mdb_txn_begin(p->env, NULL, MDB_RDONLY, &p->txn);
    p->held = rc == 0;
    if (rc == 0) {
        *out = p;
        return FK_OK;
    }
    pin_close(&p);
    if (rc == ENOENT)
        return fk_fail(err, FK_NOT_FOUND, "%s: no such file", path);
    if (rc == MDB_READERS_FULL)
        return fk_fail(err, FK_RETRY, "%s: every reader's place is taken", path);
    return rc > 0 ? fk_fail_sys(err, rc, "%s: cannot open its lock file", path)
                  : fk_fail(err, FK_CORRUPT, "%s: %s", path, mdb_strerror(rc));
}

static enum fk_status pinned_snapshot(struct fk_book *b, struct fk_err *err) {
    enum fk_status st = FK_NOT_FOUND;
    for (int tries = 0; st == FK_NOT_FOUND && tries < 100; tries++) {
        if (b->pin->held)
            mdb_txn_reset(b->pin->txn);
        b->pin->held = false;
        int rc = mdb_txn_renew(b->pin->txn);
        if (rc == MDB_MAP_RESIZED && mdb_env_set_mapsize(b->pin->env, 0) == 0)
            rc = mdb_txn_renew(b->pin->txn);
        if (rc)
            return fk_fail(err, FK_IO, "%s: cannot pin a snapshot: %s", b->pages->path,
                           mdb_strerror(rc));
        b->pin->held = true;
        st = fk_pages__snapshot(b->pages, mdb_txn_id(b->pin->txn), err);
    }
    return st;
}

void fk_book__rest(struct fk_book *b) {
    if (b->pin && b->pin->held) {
        mdb_txn_reset(b->pin->txn);
        b->pin->held = false;
    }
}

static enum fk_status state_read(struct fk_book *b, struct fk_err *err) {
    static const char *const names[] = {"active", "closed", "sealed"};
    char text[16];
    enum fk_status st = fk_book__meta(b, "state", text, sizeof text, err);
    for (unsigned i = 0; i < 3 && st == FK_OK; i++)
        if (strcmp(text, names[i]) == 0) {
            b->state = (enum fk_book_state)i;
            return FK_OK;
        }
    return st == FK_OK ? fk_fail(err, FK_CORRUPT, "%s: its state is \"%s\"", b->pages->path, text)
                       : st;
}

static enum fk_status range_read(struct fk_book *b, struct fk_err *err) {
    enum fk_status st = fk_lines__last(b->lines, err);
    if (st != FK_OK)
        return st;
    if (!b->lines->valid)
        return fk_fail(err, FK_CORRUPT, "%s: has no entry", b->pages->path);
    uint64_t last = b->lines->seq;
    if (last < b->first || last == UINT64_MAX)
        return fk_fail(err, FK_CORRUPT, "%s: its last entry is %" PRIu64 ", its first %" PRIu64,
                       b->pages->path, last, b->first);
    b->next = last + 1;
    return FK_OK;
}

/* The snapshot before must not have entries that this one lacks. That holds only of a vault whose
 * pen was put down in good order: when LMDB cannot write a meta page it puts the old transaction id
 * back over the new roots (mdb_env_write_meta), which looks the same as a turned bit. */
static enum fk_status before_check(struct fk_book *b, struct fk_err *err) {
    char clean[PATH_MAX];
    uint8_t key[8];
    bool found;
    fk_layout__path(clean, b->where.dir, "run/clean");
    if (b->state == FK_BOOK_SEALED_STATE || !fk_layout__exists(clean))
        return FK_OK;
    enum fk_status st = fk_pages__last_before(b->pages, "entries", key, &found, err);
    if (st == FK_OK && found && fk_be64_read(key) >= b->next)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: the transaction before the last has entry %" PRIu64
                     ", the last ends with %" PRIu64 ": a transaction id was changed",
                     b->pages->path, fk_be64_read(key), b->next - 1);
    return st;
}

/* Key file and wrapping key are of one generation: dropped when that file is gone. */
static void keys_forget(struct fk_book *b) {
    fk_keyfile__close(&b->keyfile);
    fk_wrap__free(&b->wrap);
}

enum fk_status fk_book__refresh(struct fk_book *b, struct fk_err *err) {
    struct stat s;
    enum fk_status st = FK_OK;
    if (fstat(b->pages->fd, &s) == 0 && s.st_nlink == 0)
        return fk_fail(err, FK_NOT_FOUND, "%s: has been sealed, or healed", b->pages->path);
    if (b->state == FK_BOOK_SEALED_STATE)
        return FK_OK;
    uint64_t before = b->pages->changes;
    FK_TRY(b->pin ? pinned_snapshot(b, err) : fk_pages__snapshot(b->pages, 0, err));
    if (before == b->pages->changes)
        return FK_OK;
    FK_TRY(state_read(b, err));
    st = range_read(b, err);
done:
    return st;
}

static enum fk_status number_check(struct fk_book *b, struct fk_err *err) {
    uint64_t number;
    char format[8];
    enum fk_status st;
    FK_TRY(fk_book__meta(b, "format", format, sizeof format, err));
    FK_TRY(fk_book__meta_number(b, "segment", &number, err));
    FK_TRY(fk_book__meta_number(b, "first", &b->first, err));
    if (strcmp(format, b->lines->packed ? "2" : "1") != 0)
        st = fk_fail(err, FK_INVALID,
                     "%s: has format %s, this program knows 1, and 2 where lines are packed",
                     b->pages->path, format);
    else if (number != b->number)
        st = fk_fail(err, FK_CORRUPT, "%s: says it is segment %" PRIu64, b->pages->path, number);
done:
    return st;
}

static enum fk_status book_fill(struct fk_book *b, const char *path, int flags, bool sealed,
                                struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_pages__open(path, flags & FK_BOOK_DIRECT ? FK_PAGES_DIRECT : 0, &b->pages, err));
    if (!sealed && (flags & FK_BOOK_PINNED)) {
        FK_TRY(fk_pages__snapshot(b->pages, 0, err)); /* LMDB opens no file whose metas are bad */
        st = pin_open(path, &b->pin, err);
        if (st == FK_NOT_FOUND) /* sealed between the two opens */
            fk_pages__close(&b->pages);
        FK_TRY(st);
        FK_TRY(pinned_snapshot(b, err));
    } else
        FK_TRY(fk_pages__snapshot(b->pages, 0, err));
    FK_TRY(fk_cursor__open(b->pages, "meta", &b->meta, err));
    FK_TRY(fk_lines__open(b->pages, &b->lines, err));
    FK_TRY(fk_cursor__open(b->pages, "extents", &b->extents, err));
    FK_TRY(fk_cursor__open(b->pages, "contents", &b->contents, err));
    st = fk_cursor__open(b->pages, "chunks", &b->chunks, err);
    if (st != FK_NOT_FOUND)
        FK_TRY(st);
    if (!sealed)
        FK_TRY(fk_cursor__open(b->pages, "keys", &b->keys, err));
    FK_TRY(number_check(b, err));
    FK_TRY(state_read(b, err));
    if ((b->state == FK_BOOK_SEALED_STATE) != sealed)
        st = fk_fail(err, FK_CORRUPT, "%s: its state is not what its name says", path);
    FK_TRY(st);
    FK_TRY(range_read(b, err));
    st = before_check(b, err);
done:
    return st;
}

enum fk_status fk_book__open(const struct fk_where *where, uint64_t number, int flags,
                             struct fk_book **out, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_book *b = calloc(1, sizeof *b);
    if (!b)
        return fk_fail(err, FK_NOMEM, "no memory to open segment %" PRIu64, number);
    b->where = *where;
    b->number = number;
    b->flags = flags;
    b->keyfile.fd = -1;
    enum fk_status st = FK_NOT_FOUND;
    if (!(flags & FK_BOOK_SEALED)) {
        fk_layout__segment(path, where->dir, number, "open");
        st = book_fill(b, path, flags, false, err);
    }
    if (st == FK_NOT_FOUND && !b->pages) {
        fk_layout__segment(path, where->dir, number, "sealed");
        st = book_fill(b, path, flags, true, err);
    }
    if (st == FK_NOT_FOUND && b->pages) /* a table or name that must be there */
        st = fk_fail(err, FK_CORRUPT, "%s: is not a segment: a table or a name is missing", path);
    if (st == FK_OK)
        *out = b;
    else
        fk_book__close(&b);
    return st;
}

void fk_book__close(struct fk_book **bp) {
    struct fk_book *b = *bp;
    if (!b)
        return;
    fk_lines__close(&b->lines);
    fk_cursor__close(&b->extents);
    fk_cursor__close(&b->contents);
    fk_cursor__close(&b->chunks);
    fk_cursor__close(&b->keys);
    fk_cursor__close(&b->meta);
    pin_close(&b->pin);
    fk_pages__close(&b->pages);
    keys_forget(b);
    free(b);
    *bp = NULL;
}

static enum fk_status seek_seq(struct fk_book *b, struct fk_cursor *c, uint64_t seq,
                               struct fk_err *err) {
    uint8_t key[8];
    fk_be64(key, seq);
    enum fk_status st = fk_cursor__seek(c, key, sizeof key, err);
    if (st == FK_OK && (!c->valid || c->key_len != 8 || memcmp(c->key, key, 8) != 0))
        st = fk_fail(err, FK_NOT_FOUND, "%s: table %s has nothing at %" PRIu64, b->pages->path,
                     c->table, seq);
    return st;
}

enum fk_status fk_book__line(struct fk_book *b, uint64_t seq, struct fk_buf *out,
                             struct fk_err *err) {
    enum fk_status st = fk_lines__seek(b->lines, seq, err);
    if (st == FK_OK && (!b->lines->valid || b->lines->seq != seq))
        st = fk_fail(err, FK_NOT_FOUND, "%s: table %s has nothing at %" PRIu64, b->pages->path,
                     b->lines->table->table, seq);
    return st == FK_OK ? fk_lines__read(b->lines, out, err) : st;
}

enum fk_status fk_book__has_content(struct fk_book *b, uint64_t seq, struct fk_buf *line, bool *out,
                                    struct fk_err *err) {
    struct fk_entry e;
    size_t len;
    fk_buf_reset(line);
    enum fk_status st = fk_book__line(b, seq, line, err);
    if (st == FK_OK)
        st = fk_entry_read(line->data, line->len, &e, err);
    if (st == FK_OK)
        *out = fk_entry_field_at(&e, "c256", &len) != NULL;
    return st;
}

enum fk_status fk_book__meta(struct fk_book *b, const char *name, char *out, size_t size,
                             struct fk_err *err) {
    struct fk_cursor *c = b->meta;
    enum fk_status st = fk_cursor__seek(c, name, strlen(name), err);
    if (st != FK_OK)
        return st;
    if (!c->valid || c->key_len != strlen(name) || memcmp(c->key, name, c->key_len) != 0)
        return fk_fail(err, FK_NOT_FOUND, "%s: meta has no %s", b->pages->path, name);
    if (!c->value || c->value_len >= size)
        return fk_fail(err, FK_CORRUPT, "%s: meta %s is too long", b->pages->path, name);
    memcpy(out, c->value, c->value_len);
    out[c->value_len] = 0;
    return FK_OK;
}

enum fk_status fk_book__meta_number(struct fk_book *b, const char *name, uint64_t *out,
                                    struct fk_err *err) {
    char text[24], *end;
    enum fk_status st = fk_book__meta(b, name, text, sizeof text, err);
    if (st != FK_OK)
        return st;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9')
        return fk_fail(err, FK_CORRUPT, "%s: meta %s is not a number", b->pages->path, name);
    *out = n;
    return FK_OK;
}

static bool record_read(struct fk_content_record *out) {
    struct fk_reader r;
    fk_reader_init(&r, out->bytes.data, out->bytes.len);
    uint8_t version = fk_get_u8(&r);
    out->codec = fk_get_u8(&r);
    const uint8_t *id = fk_get_raw(&r, FK_CONTENT_ID_BYTES);
    out->parts = fk_get_u32(&r);
    out->first_chunk = 0;
    out->chunks = 0;
    size_t more = out->codec == FK_CODEC_RECIPE ? FK_RECORD_CHUNKS : 0;
    if (r.bad || version != 1 || out->parts == 0 ||
        (uint64_t)(r.end - r.at) != (uint64_t)out->parts * FK_RECORD_PART + more)
        return false;
    memcpy(out->id, id, sizeof out->id);
    if (more) {
        (void)fk_get_raw(&r, (size_t)out->parts * FK_RECORD_PART);
        out->first_chunk = fk_get_u64(&r);
        out->chunks = fk_get_u32(&r);
    }
    return true;
}

static enum fk_status record_at(struct fk_book *b, struct fk_cursor *table, uint64_t number,
                                struct fk_content_record *out, struct fk_err *err) {
    fk_buf_reset(&out->bytes);
    enum fk_status st = seek_seq(b, table, number, err);
    if (st == FK_OK)
        st = fk_value__read(table, 0, table->value_len, &out->bytes, err);
    return st;
}

enum fk_status fk_book__record(struct fk_book *b, uint64_t seq, struct fk_content_record *out,
                               struct fk_err *err) {
    enum fk_status st = record_at(b, b->contents, seq, out, err);
    if (st == FK_OK && !record_read(out))
        st = fk_fail(err, FK_CORRUPT, "%s: the content record of entry %" PRIu64 " is damaged",
                     b->pages->path, seq);
    return st;
}

enum fk_status fk_book__chunk_record(struct fk_book *b, uint64_t number,
                                     struct fk_content_record *out, struct fk_err *err) {
    enum fk_status st = b->chunks ? record_at(b, b->chunks, number, out, err) : FK_NOT_FOUND;
    if (st == FK_NOT_FOUND)
        return fk_fail(err, FK_NOT_FOUND, "%s: chunk %" PRIu64 " is missing", b->pages->path,
                       number);
    if (st == FK_OK && (!record_read(out) || out->parts != 1))
        st = fk_fail(err, FK_CORRUPT, "%s: the record of chunk %" PRIu64 " is damaged",
                     b->pages->path, number);
    return st;
}

enum fk_status fk_book__chunk(struct fk_book *b, uint64_t number, struct fk_content_record *record,
                              struct fk_stored_chunk *out, struct fk_err *err) {
    enum fk_status st = fk_book__chunk_record(b, number, record, err);
    if (st != FK_OK)
        return st;
    struct fk_part part = fk_record__part(record, 0);
    memcpy(out->id, record->id, sizeof out->id);
    out->codec = record->codec;
    return fk_book__part(b, &part, &out->stored, err);
}

enum fk_status fk_chunk_marks__begin(struct fk_chunk_marks *m, struct fk_book *b,
                                     struct fk_err *err) {
    struct fk_cursor *c = b->chunks;
    enum fk_status st = c ? fk_cursor__last(c, err) : FK_OK;
    fk_chunk_marks__free(m);
    if (st == FK_OK && c && c->valid && c->key_len == 8)
        m->max = fk_be64_read(c->key);
    /* so a rotted number is told before memory is taken for it */
    if (st == FK_OK && c && m->max != c->tree.entries)
        st = fk_fail(err, FK_CORRUPT, "%s: the last of %" PRIu64 " chunks has number %" PRIu64,
                     b->pages->path, c->tree.entries, m->max);
    if (st == FK_OK && !(m->bits = calloc(1, (size_t)(m->max / 8 + 1))))
        st = fk_fail(err, FK_NOMEM, "no memory to look at %" PRIu64 " chunks", m->max);
    if (st != FK_OK)
        m->max = 0;
    return st;
}

bool fk_chunk_marks__has(const struct fk_chunk_marks *m, uint64_t number) {
    return number <= m->max && m->bits && m->bits[number / 8] & 1u << number % 8;
}

void fk_chunk_marks__set(struct fk_chunk_marks *m, uint64_t number) {
    if (number <= m->max && m->bits)
        m->bits[number / 8] |= (uint8_t)(1u << number % 8);
}

void fk_chunk_marks__free(struct fk_chunk_marks *m) {
    free(m->bits);
    *m = (struct fk_chunk_marks){0};
}

struct fk_part fk_record__part(const struct fk_content_record *r, uint32_t i) {
    struct fk_reader in;
    fk_reader_init(&in, r->bytes.data + FK_RECORD_HEAD + (size_t)i * FK_RECORD_PART,
                   FK_RECORD_PART);
    struct fk_part p;
    p.extent = fk_get_u64(&in);
    p.offset = fk_get_u32(&in);
    p.len = fk_get_u32(&in);
    return p;
}

void fk_part__write(const struct fk_part *part, uint8_t *out) {
    fk_be64(out, part->extent);
    fk_be64(out + 8, (uint64_t)part->offset << 32 | part->len); /* 4 bytes each */
}

enum fk_status fk_book__part(struct fk_book *b, const struct fk_part *part, struct fk_buf *out,
                             struct fk_err *err) {
    enum fk_status st = seek_seq(b, b->extents, part->extent, err);
    if (st == FK_NOT_FOUND)
        return fk_fail(err, FK_CORRUPT, "%s: extent %" PRIu64 " is missing", b->pages->path,
                       part->extent);
    return st == FK_OK ? fk_value__read(b->extents, part->offset, part->len, out, err) : st;
}

static enum fk_status newest_find(struct fk_book *b, uint64_t *out, struct fk_err *err) {
    enum fk_status st = fk_keyfile__newest(b->where.dir, b->number, out, err);
    if (st == FK_OK && *out == 0)
        st = fk_fail(err, FK_CORRUPT, "%s/keys: segment %" PRIu64 " has no key file", b->where.dir,
                     b->number);
    return st;
}

enum fk_status fk_book__generation(struct fk_book *b, uint64_t *out, struct fk_err *err) {
    return b->state == FK_BOOK_SEALED_STATE ? newest_find(b, out, err)
                                            : fk_book__meta_number(b, "generation", out, err);
}

static enum fk_status keys_open(struct fk_book *b, uint64_t generation, struct fk_err *err) {
    struct fk_keyname name = {b->where.dir, b->where.ledger, b->where.kek, b->number, generation};
    enum fk_status st;
    FK_TRY(fk_keyfile__open(&name, &b->keyfile, err));
    st = fk_wrap__new(b->keyfile.sik, &b->wrap, err);
done:
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT,
                                        "%s/keys: the key file of segment %" PRIu64
                                        ", generation %" PRIu64 ", is missing",
                                        b->where.dir, b->number, generation)
                              : st;
}

/* Another process may replace the key file, or the key that it is wrapped by, between any two
 * looks; a rotation keeps the intermediate key, so the newest file opens an older snapshot as well.
 */
static enum fk_status keys_open_newest(struct fk_book *b, uint64_t generation, struct fk_err *err) {
    for (int i = 0; i < REPLACED_MAX; i++) {
        uint64_t newest;
        enum fk_status st = keys_open(b, generation, err);
        if (st != FK_CORRUPT)
            return st;
        bool followed = fk_kek__follow(b->where.dir, b->where.kek);
        if (fk_keyfile__newest(b->where.dir, b->number, &newest, NULL) != FK_OK || newest == 0 ||
            (newest == generation && !followed))
            return st;
        generation = newest;
    }
    return fk_fail(err, FK_RETRY, "the keys of segment %" PRIu64 " are being exchanged; try again",
                   b->number);
}

/* The key file of the generation that counts now. */
static enum fk_status keys_follow(struct fk_book *b, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    uint64_t generation = b->keyfile.generation;
    enum fk_status st = FK_OK;
    bool stale = fk_keyfile__is_stale(&b->keyfile);
    if (stale || b->state != FK_BOOK_SEALED_STATE)
        FK_TRY(fk_book__generation(b, &generation, err));
    if (!stale && b->wrap && generation <= b->keyfile.generation)
        return FK_OK;
    keys_forget(b);
    st = keys_open_newest(b, generation, &why);
    if (st != FK_OK)
        st = fk_fail(err, st, "%s", why.text);
done:
    return st;
}

enum fk_status fk_book__wrapped(struct fk_book *b, uint64_t seq, uint8_t out[FK_WRAPPED_BYTES],
                                struct fk_err *err) {
    enum fk_status st = keys_follow(b, err);
    if (st != FK_OK)
        return st;
    if (!b->keys)
        return fk_keyfile__find(&b->keyfile, seq, out, err);
    st = seek_seq(b, b->keys, seq, err);
    if (st != FK_OK)
        return st;
    if (!b->keys->value || b->keys->value_len != FK_WRAPPED_BYTES)
        return fk_fail(err, FK_CORRUPT, "%s: the key of entry %" PRIu64 " is damaged",
                       b->pages->path, seq);
    memcpy(out, b->keys->value, FK_WRAPPED_BYTES);
    return FK_OK;
}

static enum fk_status key_unwrap(struct fk_book *b, uint64_t seq,
                                 const uint8_t id[FK_CONTENT_ID_BYTES], uint8_t out[FK_KEY_BYTES],
                                 struct fk_err *err) {
    uint8_t wrapped[FK_WRAPPED_BYTES];
    enum fk_status st = fk_book__wrapped(b, seq, wrapped, err);
    if (st != FK_OK)
        return st;
    struct fk_bound to = {b->where.ledger, id, seq};
    if (!fk_unwrap__content(b->wrap, &to, wrapped, out))
        return fk_fail(err, FK_CORRUPT,
                       "segment %" PRIu64 ": the key of entry %" PRIu64
                       " does not unwrap for this entry and content",
                       b->number, seq);
    return FK_OK;
}

/* A key file that was overwritten while it was read is not one without the key. */
enum fk_status fk_book__key(struct fk_book *b, uint64_t seq, const uint8_t id[FK_CONTENT_ID_BYTES],
                            uint8_t out[FK_KEY_BYTES], struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_CORRUPT;
    for (int i = 0; i < REPLACED_MAX; i++) {
        st = key_unwrap(b, seq, id, out, &why);
        if (st == FK_OK)
            return st;
        if ((st != FK_NOT_FOUND && st != FK_CORRUPT) || b->keyfile.fd < 0 ||
            !fk_keyfile__is_stale(&b->keyfile))
            break;
    }
    return fk_fail(err, st, "%s", why.text);
}
