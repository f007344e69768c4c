/* pen_erase.c - what dispose entries order: the keys go. Every other key of a segment is wrapped
 * anew under a new intermediate key, and the old one is destroyed, so that what LMDB's free pages
 * or old key files still hold opens nothing. Each step may be done again. */
#include "archiver/vault/pen_priv.h"
#include "base/atomic_file.h"
#include "base/pack.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct erasure {
    struct fk_pen *pen;
    uint64_t number; /* segment */
    struct fk_seqs of;
    struct fk_wrap *from, *to;
};

/* A key that does not unwrap is kept as it is: verify is to go on saying so. */
static void key_rewrap(struct erasure *e, uint64_t seq, const uint8_t *id,
                       uint8_t wrapped[FK_WRAPPED_BYTES]) {
    uint8_t key[FK_KEY_BYTES];
    struct fk_bound to = {e->pen->ledger, id, seq};
    if (fk_unwrap__content(e->from, &to, wrapped, key))
        fk_wrap__content(e->to, &to, key, wrapped);
    OPENSSL_cleanse(key, sizeof key);
}

static int id_of(struct fk_segment *seg, MDB_txn *txn, MDB_val seq,
                 uint8_t id[FK_CONTENT_ID_BYTES]) {
    MDB_val record;
    int rc = mdb_get(txn, seg->contents, &seq, &record);
    if (rc == 0 && record.mv_size < FK_RECORD_HEAD)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        memcpy(id, (uint8_t *)record.mv_data + 2, FK_CONTENT_ID_BYTES);
    return rc;
}

static int item_rewrite(struct erasure *e, struct fk_segment *seg, MDB_txn *txn, MDB_cursor *c,
                        const MDB_val *k, const MDB_val *v) {
    uint8_t key[8], wrapped[FK_WRAPPED_BYTES], id[FK_CONTENT_ID_BYTES];
    if (k->mv_size != sizeof key || v->mv_size != sizeof wrapped)
        return MDB_CORRUPTED;
    memcpy(key, k->mv_data, sizeof key);
    memcpy(wrapped, v->mv_data, sizeof wrapped);
    uint64_t seq = fk_be64_read(key);
    if (fk_seqs_has(&e->of, seq))
        return mdb_cursor_del(c, 0);
    MDB_val mk = {sizeof key, key}, mv = {sizeof wrapped, wrapped};
    int rc = id_of(seg, txn, mk, id);
    if (rc)
        return rc;
    key_rewrap(e, seq, id, wrapped);
    return mdb_cursor_put(c, &mk, &mv, MDB_CURRENT);
}

static int table_rewrite(struct erasure *e, struct fk_segment *seg, MDB_txn *txn,
                         uint64_t generation) {
    MDB_cursor *c;
    MDB_val k, v;
    int rc = mdb_cursor_open(txn, seg->keys, &c);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0)
        if ((rc = item_rewrite(e, seg, txn, c, &k, &v)) != 0)
            break;
    mdb_cursor_close(c);
    if (rc != MDB_NOTFOUND)
        return rc ? rc : MDB_CORRUPTED;
    return fk_segment__meta_number(seg, txn, "generation", generation);
}

static enum fk_status table_commit(struct erasure *e, struct fk_segment *seg, uint64_t generation,
                                   struct fk_err *err) {
    MDB_txn *txn = NULL;
    MDB_stat stat = {0};
    enum fk_status st;
    FK_TRY(fk_segment__begin(seg, &txn, err));
    int rc = mdb_stat(txn, seg->keys, &stat);
    uint64_t pages = stat.ms_leaf_pages + stat.ms_branch_pages;
    if (rc == 0)
        st = fk_segment__room(seg, (2 * pages + 256) * stat.ms_psize, err);
    FK_TRY(st);
    if (rc == 0)
        rc = table_rewrite(e, seg, txn, generation);
    if (rc == 0) {
        rc = fk_segment__commit(&txn);
        if (rc)
            fk_pen__spoil(e->pen, FK_IO);
    }
    if (rc)
        st = fk_segment__fail(seg, rc, "cannot wrap the keys anew", err);
done:
    fk_segment__abort(&txn);
    return st;
}

/* An open segment: active (its environment is open already) or closed. */
static enum fk_status erase_open(struct erasure *e, uint64_t generation, struct fk_err *err) {
    struct fk_pen *pen = e->pen;
    bool active = e->number == pen->active->number;
    struct fk_segment *seg = active ? pen->active : NULL;
    struct fk_keyname name = {pen->dir, pen->ledger, &pen->kek, e->number, generation + 1};
    uint8_t sik[FK_KEY_BYTES];
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_keyfile__create(&name, sik, err));
    FK_TRY(fk_wrap__new(sik, &e->to, err));
    fk_layout__segment(path, pen->dir, e->number, "open");
    if (!active)
        FK_TRY(fk_segment__open(path, e->number, fk_pen__map_bytes(&pen->options), FK_SEGMENT_OPEN,
                                &seg, err));
    FK_TRY(table_commit(e, seg, generation + 1, err));
    if (active) {
        fk_wrap__free(&pen->wrap);
        pen->wrap = e->to;
        pen->generation = generation + 1;
        e->to = NULL;
    }
    st = fk_keyfile__destroy_others(pen->dir, e->number, generation + 1, err);
done:
    OPENSSL_cleanse(sik, sizeof sik);
    if (!active)
        fk_segment__close(&seg);
    return st;
}

static enum fk_status records_rewrite(struct erasure *e, struct fk_book *b,
                                      struct fk_atomic_file *file, struct fk_err *err) {
    struct fk_content_record record = {0};
    enum fk_status st = FK_OK;
    for (uint64_t i = 0; i < b->keyfile.count; i++) {
        uint8_t out[8 + FK_WRAPPED_BYTES];
        uint64_t seq;
        FK_TRY(fk_keyfile__record(&b->keyfile, i, &seq, out + 8, err));
        if (fk_seqs_has(&e->of, seq))
            continue;
        FK_TRY(fk_book__record(b, seq, &record, err));
        fk_be64(out, seq);
        key_rewrap(e, seq, record.id, out + 8);
        FK_TRY(fk_atomic_write(file, out, sizeof out, err));
    }
done:
    fk_buf_free(&record.bytes);
    return st;
}

static uint64_t count_left(const struct erasure *e, struct fk_book *b, enum fk_status *st,
                           struct fk_err *err) {
    uint64_t left = b->keyfile.count;
    uint8_t wrapped[FK_WRAPPED_BYTES];
    for (size_t i = 0; i < e->of.count && *st == FK_OK; i++) {
        *st = fk_keyfile__find(&b->keyfile, e->of.at[i], wrapped, err);
        left -= *st == FK_OK;
        if (*st == FK_NOT_FOUND)
            *st = FK_OK;
    }
    return left;
}

static enum fk_status erase_sealed(struct erasure *e, struct fk_book *b, uint64_t left,
                                   struct fk_err *err) {
    struct fk_pen *pen = e->pen;
    struct fk_keyname name = {pen->dir, pen->ledger, &pen->kek, e->number,
                              b->keyfile.generation + 1};
    struct fk_atomic_file *file = NULL;
    struct fk_buf head = FK_BUF_INIT;
    uint8_t sik[FK_KEY_BYTES];
    char path[PATH_MAX];
    enum fk_status st;
    fk_random(sik, sizeof sik);
    FK_TRY(fk_wrap__new(sik, &e->to, err));
    FK_TRY(fk_keyfile__head(&name, left, sik, &head, err));
    fk_layout__keys(path, pen->dir, e->number, name.generation);
    FK_TRY(fk_atomic_begin(path, 0600, &file, err));
    FK_TRY(fk_atomic_write(file, head.data, head.len, err));
    FK_TRY(records_rewrite(e, b, file, err));
    FK_TRY(fk_atomic_commit(&file, err));
    st = fk_keyfile__destroy_others(pen->dir, e->number, name.generation, err);
done:
    OPENSSL_cleanse(sik, sizeof sik);
    fk_atomic_abort(&file);
    fk_buf_free(&head);
    return st;
}

/* Whether any of the seqs still has a key. */
static enum fk_status any_left(const struct erasure *e, struct fk_book *b, bool *out,
                               struct fk_err *err) {
    uint8_t wrapped[FK_WRAPPED_BYTES];
    enum fk_status st = FK_NOT_FOUND;
    for (size_t i = 0; i < e->of.count && st == FK_NOT_FOUND; i++)
        st = fk_book__wrapped(b, e->of.at[i], wrapped, err);
    *out = st == FK_OK;
    return st == FK_NOT_FOUND ? FK_OK : st;
}

static enum fk_status erase_in(struct erasure *e, struct fk_book *b, struct fk_err *err) {
    uint64_t generation;
    bool left;
    enum fk_status st;
    FK_TRY(any_left(e, b, &left, err)); /* opens the key file and its wrapping key */
    generation = b->keyfile.generation;
    if (!left)
        return fk_keyfile__destroy_others(e->pen->dir, e->number, generation, err);
    e->from = b->wrap;
    if (b->state == FK_BOOK_SEALED_STATE) {
        uint64_t count = count_left(e, b, &st, err);
        FK_TRY(st);
        st = erase_sealed(e, b, count, err);
    } else
        st = erase_open(e, generation, err);
done:
    return st;
}

static enum fk_status erased_mark(struct fk_pen *pen, struct fk_err *err) {
    MDB_txn *txn = NULL;
    enum fk_status st;
    FK_TRY(fk_segment__room(pen->active, FK_EXTENT_MAX, err));
    FK_TRY(fk_segment__begin(pen->active, &txn, err));
    int rc = fk_segment__meta_number(pen->active, txn, "erased", pen->stand.next_seq - 1);
    if (rc == 0) {
        rc = fk_segment__commit(&txn);
        if (rc)
            fk_pen__spoil(pen, FK_IO);
    }
    if (rc)
        st = fk_segment__fail(pen->active, rc, "cannot mark what is erased", err);
done:
    fk_segment__abort(&txn);
    return st;
}

enum fk_status fk_pen__erase(struct fk_pen *pen, struct fk_err *err) {
    struct erasure e = {.pen = pen};
    struct fk_book *b;
    enum fk_status st = FK_OK;
    if (pen->pending.count == 0)
        return FK_OK;
    if (pen->pending.failed)
        return fk_fail(err, FK_NOMEM, "no memory for the list of what is to be erased");
    fk_seqs_sort(&pen->pending);
    FK_TRY(fk_pen__touch(pen, err));
    fk_pen__sealing_stale(pen);
    pen->changes++;
    fk_pen__chunks_forget(pen); /* or the next message with the same attachment revived its key */
    for (size_t i = 0; i < pen->pending.count;) {
        FK_TRY(fk_shelf__find(pen->shelf, pen->pending.at[i], &b, err));
        e.number = b->number;
        e.of.count = 0;
        for (; i < pen->pending.count && pen->pending.at[i] < b->next; i++)
            fk_seqs_add(&e.of, pen->pending.at[i]);
        st = e.of.failed ? fk_fail(err, FK_NOMEM, "no memory to erase") : FK_OK;
        FK_TRY(st);
        FK_TRY(erase_in(&e, b, err));
        fk_wrap__free(&e.to);
        fk_shelf__forget(pen->shelf);
    }
    FK_TRY(erased_mark(pen, err));
    pen->erased = pen->stand.next_seq - 1;
    pen->pending.count = 0;
done:
    fk_wrap__free(&e.to);
    fk_seqs_free(&e.of);
    return st;
}

enum fk_status fk_pen_erase(struct fk_pen *pen, struct fk_err *err) {
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = fk_pen__spoiled(pen, err);
    if (st == FK_OK)
        st = fk_pen__erase(pen, err);
    pthread_mutex_unlock(&pen->lock);
    return st;
}

bool fk_pen_is_erasing(struct fk_pen *pen) {
    pthread_mutex_lock(&pen->lock);
    bool erasing = pen->pending.count > 0;
    pthread_mutex_unlock(&pen->lock);
    return erasing;
}

/* c256 is there exactly when the entry has a content. */
static enum fk_status content_check(struct fk_book *b, uint64_t seq, struct fk_buf *line,
                                    struct fk_err *err) {
    struct fk_entry e;
    size_t len;
    fk_buf_reset(line);
    enum fk_status st = fk_book__line(b, seq, line, err);
    if (st == FK_OK)
        st = fk_entry_read(line->data, line->len, &e, err);
    if (st == FK_OK && !fk_entry_field_at(&e, "c256", &len))
        st = fk_fail(err, FK_NOT_FOUND, "entry %" PRIu64 " (%s) has no content", seq, e.kind);
    return st;
}

static enum fk_status sort_out(struct fk_pen *pen, const struct fk_seqs *seqs, struct fk_seqs *left,
                               struct fk_buf *line, struct fk_err *err) {
    uint8_t wrapped[FK_WRAPPED_BYTES];
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < seqs->count; i++) {
        struct fk_book *b;
        FK_TRY(fk_shelf__find(pen->shelf, seqs->at[i], &b, err));
        FK_TRY(content_check(b, seqs->at[i], line, err));
        st = fk_book__wrapped(b, seqs->at[i], wrapped, err);
        if (st == FK_OK)
            fk_seqs_add(left, seqs->at[i]);
        else if (st != FK_NOT_FOUND)
            return st;
        st = FK_OK;
    }
    if (left->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a list of seqs");
done:
    return st;
}

enum fk_status fk_pen_has_content(struct fk_pen *pen, const struct fk_seqs *seqs,
                                  struct fk_seqs *left_out, struct fk_err *err) {
    struct fk_seqs left = {0};
    struct fk_buf line = FK_BUF_INIT;
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = fk_pen__spoiled(pen, err);
    if (st == FK_OK)
        st = sort_out(pen, seqs, &left, &line, err);
    pthread_mutex_unlock(&pen->lock);
    fk_buf_free(&line);
    if (st == FK_OK) {
        fk_seqs_free(left_out);
        *left_out = left;
    } else
        fk_seqs_free(&left);
    return st;
}
