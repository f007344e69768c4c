/* pen_rotate.c - from one segment to the next. What can fail for want of room (the new file and its
 * keys) is done while the old segment still takes entries; the mark `closed` is the point of no
 * return, and the rename after it makes the new segment known. */
#include "archiver/vault/pen_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <inttypes.h>
#include <string.h>

static int first_write(struct fk_segment *seg, MDB_txn *txn, const struct fk_beginning *b,
                       const struct fk_buf *line) {
    int rc = fk_segment__append(txn, seg->entries, b->seq, line->data, line->len);
    if (rc == 0)
        rc = fk_segment__meta_put(seg, txn, "format", "1");
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "segment", b->number);
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "first", b->seq);
    if (rc == 0)
        rc = fk_segment__meta_put(seg, txn, "state", "active");
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "next-extent", 1);
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "generation", 1);
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "rules", b->rules);
    if (rc == 0)
        rc = fk_segment__meta_number(seg, txn, "erased", b->erased);
    return rc ? rc : fk_segment__head_put(seg, txn, line->data, line->len);
}

enum fk_status fk_pen__build(const struct fk_beginning *b, struct fk_err *err) {
    struct fk_keyname name = {b->where->dir, b->where->ledger, b->where->kek, b->number, 1};
    uint8_t sik[FK_KEY_BYTES];
    struct fk_segment *seg = NULL;
    MDB_txn *txn = NULL;
    struct fk_buf line = FK_BUF_INIT;
    char path[PATH_MAX];
    int rc;
    enum fk_status st;
    FK_TRY(fk_entry_write(&line, b->seq, b->prev, b->kind, fk_now_ms(), b->fields, err));
    FK_TRY(fk_keyfile__create(&name, sik, err));
    fk_layout__segment(path, b->where->dir, b->number, "new");
    FK_TRY(fk_segment__open(path, b->number, b->map_bytes, FK_SEGMENT_NEW | FK_SEGMENT_OPEN, &seg,
                            err));
    FK_TRY(fk_segment__begin(seg, &txn, err));
    rc = first_write(seg, txn, b, &line);
    if (rc == 0)
        rc = fk_segment__commit(&txn);
    if (rc)
        st = fk_segment__fail(seg, rc, "cannot begin the segment", err);
    FK_TRY(st);
    fk_layout__path(path, b->where->dir, "segments");
    st = fk_sync_dir(path, err);
done:
    fk_segment__abort(&txn);
    fk_segment__close(&seg);
    fk_buf_free(&line);
    return st;
}

enum fk_status fk_pen__build_next(const struct fk_where *where, uint64_t number,
                                  const struct fk_stand *stand, uint64_t erased, uint64_t map_bytes,
                                  struct fk_err *err) {
    char fields[256], digest[2 * FK_SHA256_BYTES + 1];
    fk_hex(digest, stand->last_digest, FK_SHA256_BYTES);
    snprintf(fields, sizeof fields, "segment=%" PRIu64 " last=%" PRIu64 " digest=%s size=%" PRIu64,
             number, stand->next_seq - 1, digest, stand->next_seq);
    struct fk_beginning b = {where,  number,    stand->next_seq,    stand->rules,
                             erased, map_bytes, stand->last_digest, "segment",
                             fields};
    return fk_pen__build(&b, err);
}

enum fk_status fk_pen__publish(const struct fk_where *where, uint64_t number, struct fk_err *err) {
    char from[PATH_MAX], to[PATH_MAX];
    fk_layout__segment(from, where->dir, number, "new");
    fk_layout__segment(to, where->dir, number, "open");
    return fk_layout__rename(where->dir, from, to, err);
}

static enum fk_status close_mark(struct fk_pen *pen, struct fk_err *err) {
    MDB_txn *txn = NULL;
    /* a little more than was allowed: the segment may be closed because its map is full */
    int rc = mdb_env_set_mapsize(pen->active->env, pen->active->map_bytes + FK_EXTENT_MAX);
    if (rc)
        return fk_segment__fail(pen->active, rc, "cannot close the segment", err);
    enum fk_status st = fk_segment__begin(pen->active, &txn, err);
    if (st != FK_OK)
        return st;
    rc = fk_segment__meta_put(pen->active, txn, "state", "closed");
    if (rc) {
        fk_segment__abort(&txn);
        return fk_segment__fail(pen->active, rc, "cannot close the segment", err);
    }
    rc = fk_segment__commit(&txn);
    return rc ? fk_pen__spoil(pen,
                              fk_segment__fail(pen->active, rc, "cannot close the segment", err))
              : FK_OK;
}

/* Dispose entries whose keys are still there are left to the new segment to remember. */
static uint64_t erased_up_to(const struct fk_pen *pen) {
    return pen->pending.count ? pen->erased : pen->stand.next_seq - 1;
}

enum fk_status fk_pen__rotate(struct fk_pen *pen, struct fk_err *err) {
    uint64_t next = pen->active->number + 1;
    enum fk_status st;
    if (pen->stand.next_seq - pen->first < 2)
        return FK_OK;
    FK_TRY(fk_pen__touch(pen, err));
    FK_TRY(fk_segment__room(pen->active, FK_EXTENT_MAX, err));
    FK_TRY(fk_pen__build_next(&pen->where, next, &pen->stand, erased_up_to(pen),
                              fk_pen__map_bytes(&pen->options), err));
    FK_TRY(close_mark(pen, err));
    pen->changes++;
    st = fk_pen__publish(&pen->where, next, err);
    if (st == FK_OK)
        st = fk_pen__take(pen, next, err);
    if (st != FK_OK)
        fk_pen__spoil(pen, st); /* the old one is closed and there is no other */
done:
    return st;
}

enum fk_status fk_pen_rotate(struct fk_pen *pen, struct fk_err *err) {
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = fk_pen__spoiled(pen, err);
    if (st == FK_OK)
        st = fk_pen__rotate(pen, err);
    pthread_mutex_unlock(&pen->lock);
    return st;
}
