/* mirror_replay.c - an open segment made of its rows, in a vault that is being restored. */
#include "archiver/vault/entry.h"
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/pen_priv.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TXN_BYTES = 8 << 20, MAP_MORE = 1 << 30 };

struct replay {
    struct fk_replay *order;
    char from[PATH_MAX];
    int fd;
    struct fk_segment *seg;
    MDB_txn *txn;
    size_t txn_bytes;
    struct fk_buf rows;
    struct fk_mark mark;
    uint64_t first;
    bool closed, begun;
    uint8_t head[FK_SHA256_BYTES];
};

static enum fk_status lmdb_status(struct replay *r, int rc, struct fk_err *err) {
    return rc ? fk_segment__fail(r->seg, rc, "cannot write the segment", err) : FK_OK;
}

static enum fk_status txn_end(struct replay *r, struct fk_err *err) {
    r->txn_bytes = 0;
    return r->txn ? lmdb_status(r, fk_segment__commit(&r->txn), err) : FK_OK;
}

static enum fk_status txn_for(struct replay *r, size_t len, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->txn_bytes > TXN_BYTES)
        FK_TRY(txn_end(r, err));
    r->txn_bytes += len;
    if (r->txn)
        return FK_OK;
    FK_TRY(fk_segment__room(r->seg, 2 * (TXN_BYTES + len), err));
    st = fk_segment__begin(r->seg, &r->txn, err);
done:
    return st;
}

/* The chain is checked by the pen when it takes the vault up. */
static enum fk_status line_note(struct replay *r, const struct fk_row *row, struct fk_err *err) {
    struct fk_entry e;
    enum fk_status st = fk_entry_read(row->value, row->len, &e, err);
    if (st == FK_OK && fk_pen__is_rules(e.kind))
        r->order->rules = row->key;
    fk_sha256(row->value, row->len, r->head);
    return st;
}

static enum fk_status row_put(struct replay *r, const struct fk_row *row, struct fk_err *err) {
    const MDB_dbi table[] = {[FK_ROW_ENTRY] = r->seg->entries,
                             [FK_ROW_EXTENT] = r->seg->extents,
                             [FK_ROW_CONTENT] = r->seg->contents,
                             [FK_ROW_KEY] = r->seg->keys,
                             [FK_ROW_CHUNK] = r->seg->chunks};
    if (row->table == FK_ROW_NO_KEYS)
        return lmdb_status(r, mdb_drop(r->txn, r->seg->keys, 0), err);
    enum fk_status st = row->table == FK_ROW_ENTRY ? line_note(r, row, err) : FK_OK;
    return st == FK_OK ? lmdb_status(r,
                                     fk_segment__append(r->txn, table[row->table], row->key,
                                                        row->value, row->len),
                                     err)
                       : st;
}

static enum fk_status slice_put(struct replay *r, const struct fk_rows_head *h,
                                struct fk_err *err) {
    struct fk_rows_it it = fk_rows_begin(&r->rows);
    struct fk_row row;
    enum fk_status st;
    FK_TRY(txn_for(r, r->rows.len, err));
    while (fk_rows_next(&it, &row))
        FK_TRY(row_put(r, &row, err));
    if (it.bad)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: a row is not of the form", r->from));
    if (!r->begun)
        r->first = h->first;
    r->begun = true;
    r->mark = h->to;
    r->closed = h->closed;
done:
    return st;
}

static enum fk_status meta_put(struct replay *r, struct fk_err *err) {
    char head[2 * FK_SHA256_BYTES + 1];
    enum fk_status st;
    fk_hex(head, r->head, sizeof r->head);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"segment", r->mark.segment},         {"first", r->first},
                   {"next-extent", r->mark.next_extent}, {"generation", r->mark.generation},
                   {"rules", r->order->rules},           {"erased", 0}};
    FK_TRY(txn_for(r, 0, err));
    int rc = fk_segment__meta_put(r->seg, r->txn, "format", "1");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == 0; i++)
        rc = fk_segment__meta_number(r->seg, r->txn, numbers[i].name, numbers[i].value);
    if (rc == 0)
        rc = fk_segment__meta_put(r->seg, r->txn, "state", r->closed ? "closed" : "active");
    if (rc == 0)
        rc = fk_segment__meta_put(r->seg, r->txn, "head", head);
    FK_TRY(lmdb_status(r, rc, err));
    st = txn_end(r, err);
done:
    return st;
}

/* All whole slices from the beginning on. A damaged one ends it: what comes after could not be
 * checked against what is missing. */
static enum fk_status slices_put(struct replay *r, struct fk_err *err) {
    struct fk_replay *o = r->order;
    struct fk_rows_end end;
    struct fk_rows_head h;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(fk_rows_scan(r->fd, r->from, o->number, &end, err));
    for (off_t at = 0; at < end.bytes; at += (off_t)(h.line + h.bytes)) {
        st = fk_rows_read(r->fd, r->from, at, &h, &r->rows, &why);
        if (st == FK_CORRUPT) {
            o->damaged(o->ctx, why.text);
            o->damaged_rows = true;
            r->closed = false;
            st = FK_OK;
            break;
        }
        if (st != FK_OK)
            FK_TRY(fk_fail(err, st, "%s", why.text));
        FK_TRY(slice_put(r, &h, err));
    }
    if (st == FK_OK && end.damaged) {
        (void)fk_fail(&why, FK_CORRUPT, "%s: damaged at byte %lld, and what follows is left out",
                      r->from, (long long)end.bytes);
        o->damaged(o->ctx, why.text);
        o->damaged_rows = true;
        r->closed = false;
    } else if (st == FK_OK && end.bytes < end.size) {
        (void)fk_fail(&why, FK_CORRUPT,
                      "%s: the last %lld bytes are no whole slice: one that was cut short while it "
                      "was written, as a rule",
                      r->from, (long long)(end.size - end.bytes));
        o->damaged(o->ctx, why.text);
    }
done:
    return st;
}

/* The key file that the last slice names. */
static enum fk_status keys_place(struct replay *r, struct fk_err *err) {
    char from[PATH_MAX], to[PATH_MAX];
    fk_layout__keys(from, r->order->mirror, r->mark.segment, r->mark.generation);
    fk_layout__keys(to, r->order->where->dir, r->mark.segment, r->mark.generation);
    enum fk_status st = fk_mirror__copy(from, to, 0600, err);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "%s: the key file is missing", from) : st;
}

static enum fk_status segment_make(struct replay *r, struct fk_err *err) {
    const struct fk_where *where = r->order->where;
    char path[PATH_MAX];
    enum fk_status st;
    fk_layout__segment(path, where->dir, r->order->number, "new");
    FK_TRY(fk_segment__open(path, r->order->number, r->order->map_bytes,
                            FK_SEGMENT_NEW | FK_SEGMENT_OPEN, &r->seg, err));
    FK_TRY(slices_put(r, err));
    if (!r->begun || r->mark.next_seq == r->first)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "%s: has no entry", r->from));
    FK_TRY(meta_put(r, err));
    fk_segment__close(&r->seg);
    FK_TRY(keys_place(r, err));
    st = fk_pen__publish(where, r->order->number, err);
done:
    if (st != FK_OK)
        (void)unlink(path);
    return st;
}

enum fk_status fk_mirror__replay(struct fk_replay *order, struct fk_err *err) {
    struct replay r = {.order = order, .fd = -1};
    struct stat s;
    enum fk_status st;
    fk_layout__segment(r.from, order->mirror, order->number, "rows");
    FK_TRY(fk_open_plain(AT_FDCWD, r.from, r.from, &r.fd, err));
    if (fstat(r.fd, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot stat", r.from));
    if (order->map_bytes <
        2 * (uint64_t)s.st_size + MAP_MORE) /* it was larger where it came from */
        order->map_bytes = (2 * (uint64_t)s.st_size + MAP_MORE) & ~(uint64_t)65535;
    FK_TRY(segment_make(&r, err));
    order->next_seq = r.mark.next_seq;
    order->closed = r.closed;
done:
    fk_segment__abort(&r.txn);
    fk_segment__close(&r.seg);
    fk_buf_free(&r.rows);
    fk_close(&r.fd);
    return st;
}
