/* pen_rekey.c - another key-encryption key. Messages and their keys stay as they are: each
 * segment's intermediate key is wrapped anew, in a key file of the next generation.
 *
 * The order, and what a crash leaves after each step:
 *
 *     1 draft      a key that nothing is wrapped by          recovery destroys it
 *     2 entry      the ledger orders it                      recovery goes on with 3
 *     3 begin      the new key wraps, the old one unwraps    the next pen goes on with 4
 *     4 segments   one after another, commits in between
 *     5 finish     only when all open with the new one       the next pen does it
 *
 * Between 2 and 3 the pen writes nothing else (what fails there spoils it), so recovery finds the
 * entry among the last ones. */
#include "archiver/vault/pen_priv.h"
#include "base/atomic_file.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

enum { LAST_ENTRIES = 4 }; /* the order, and the first entry of a segment begun with it or after */

/* ---- one segment */

/* The key file that counts, open. */
static enum fk_status keyfile_take(struct fk_pen *pen, uint64_t number, struct fk_kek *kek,
                                   struct fk_book **book_out, struct fk_keyfile *out,
                                   struct fk_err *err) {
    struct fk_keyname name = {pen->dir, pen->ledger, kek, number, 0};
    enum fk_status st;
    FK_TRY(fk_shelf__get(pen->shelf, number, book_out, err));
    FK_TRY(fk_book__generation(*book_out, &name.generation, err));
    st = fk_keyfile__open(&name, out, err);
done:
    return st;
}

static enum fk_status generation_commit(struct fk_pen *pen, struct fk_segment *seg,
                                        uint64_t generation, struct fk_err *err) {
    MDB_txn *txn = NULL;
    enum fk_status st;
    FK_TRY(fk_segment__room(seg, FK_EXTENT_MAX, err));
    FK_TRY(fk_segment__begin(seg, &txn, err));
    int rc = fk_segment__meta_number(seg, txn, "generation", generation);
    if (rc == 0) {
        rc = fk_segment__commit(&txn);
        if (rc)
            fk_pen__spoil(pen, FK_IO);
    }
    if (rc)
        st = fk_segment__fail(seg, rc, "cannot name its new key file", err);
done:
    fk_segment__abort(&txn);
    return st;
}

/* An open segment names the generation that counts. */
static enum fk_status open_follow(struct fk_pen *pen, uint64_t number, uint64_t generation,
                                  struct fk_err *err) {
    struct fk_segment *seg = NULL;
    char path[PATH_MAX];
    enum fk_status st;
    if (number == pen->active->number) {
        FK_TRY(generation_commit(pen, pen->active, generation, err));
        pen->generation = generation;
        return FK_OK;
    }
    fk_layout__segment(path, pen->dir, number, "open");
    FK_TRY(fk_segment__open(path, number, fk_pen__map_bytes(&pen->options), FK_SEGMENT_OPEN, &seg,
                            err));
    st = generation_commit(pen, seg, generation, err);
done:
    fk_segment__close(&seg);
    return st;
}

static enum fk_status generation_next(struct fk_pen *pen, const struct fk_book *b,
                                      const struct fk_keyfile *kf, struct fk_err *err) {
    const bool sealed = b->state == FK_BOOK_SEALED_STATE;
    struct fk_keyname next = {pen->dir, pen->ledger, &pen->kek, b->number, kf->generation + 1};
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_pen__touch(pen, err));
    pen->changes++;
    if (!sealed)
        fk_pen__sealing_stale(pen); /* it reads that file, and would write this one */
    st = fk_keyfile__rewrap(kf, &next, err);
    fk_layout__keys(path, pen->dir, next.segment, next.generation);
    if (st != FK_OK && fk_layout__exists(path)) /* of a sealed one it counts, on the disk or not */
        fk_pen__spoil(pen, st);
    FK_TRY(st);
    if (!sealed)
        FK_TRY(open_follow(pen, next.segment, next.generation, err));
    st = fk_keyfile__destroy_others(pen->dir, next.segment, next.generation, err);
    if (st != FK_OK) /* a file of the old key is left: recovery destroys it */
        fk_pen__spoil(pen, st);
done:
    return st;
}

static enum fk_status segment_rewrap(struct fk_pen *pen, uint64_t number, bool *was_old,
                                     struct fk_err *err) {
    struct fk_keyfile kf = {.fd = -1};
    struct fk_book *b = NULL;
    enum fk_status st;
    FK_TRY(keyfile_take(pen, number, &pen->kek, &b, &kf, err));
    *was_old = kf.by_before;
    if (kf.by_before)
        st = generation_next(pen, b, &kf, err);
done:
    fk_keyfile__close(&kf);
    if (*was_old)
        fk_shelf__forget(pen->shelf);
    return st;
}

/* Every segment opens with this key. */
static enum fk_status all_open(struct fk_pen *pen, struct fk_kek *kek, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (uint64_t i = 1; i <= pen->active->number && st == FK_OK; i++) {
        struct fk_keyfile kf = {.fd = -1};
        struct fk_book *b;
        st = keyfile_take(pen, i, kek, &b, &kf, err);
        fk_keyfile__close(&kf);
    }
    return st;
}

/* ---- the order */

enum fk_status fk_pen__entry(struct fk_pen *pen, const char *kind, const char *fields,
                             const void *body, size_t len, uint64_t *seq_out, struct fk_err *err) {
    struct fk_draft draft = {.kind = kind,
                             .fields = fields,
                             .content = {{(void *)(uintptr_t)body, len}},
                             .pieces = len ? 1 : 0};
    struct fk_sheet *sheet = NULL;
    enum fk_status st;
    FK_TRY(fk_pen_prepare(pen, &draft, &sheet, err));
    FK_TRY(fk_pen_commit(pen, &sheet, 1, err));
    if (sheet->status != FK_OK)
        FK_TRY(fk_fail(err, sheet->status, "%s", sheet->text));
    *seq_out = sheet->seq;
done:
    fk_sheet_free(&sheet);
    return st;
}

/* A vault in which a key file does not open is not to lose the key that a copy of it may need. */
enum fk_status fk_pen__keys_check(struct fk_pen *pen, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_pen__spoiled(pen, err));
    if (pen->kek.rotating)
        FK_TRY(fk_fail(err, FK_RETRY, "a rotation of the key-encryption key is under way"));
    st = all_open(pen, &pen->kek, err);
    if (st != FK_OK)
        fk_err_prefix(err, "all that the key-encryption key wraps must open first");
done:
    return st;
}

static enum fk_status exchange_begin(struct fk_pen *pen, struct fk_err *err) {
    enum fk_status st = fk_kek__begin(pen->dir, &pen->kek, err);
    pen->rekey_next = 1;
    return st == FK_OK ? st
                       : fk_pen__spoil(pen, st); /* the entry is there: only recovery may act */
}

enum fk_status fk_pen_rekey(struct fk_pen *pen, const void *body, size_t len, uint64_t *seq_out,
                            struct fk_err *err) {
    char from[FK_KEK_ID_SIZE], to[FK_KEK_ID_SIZE], fields[80];
    enum fk_status st;
    bool drafted = false;
    pthread_mutex_lock(&pen->lock);
    st = fk_pen__keys_check(pen, err);
    fk_kek__id(pen->kek.key, from);
    pthread_mutex_unlock(&pen->lock);
    FK_TRY(st);
    drafted = true;
    FK_TRY(fk_kek__draft(pen->dir, to, err));
    snprintf(fields, sizeof fields, "what=kek from=%s to=%s", from, to);
    FK_TRY(fk_pen__entry(pen, "key", fields, body, len, seq_out, err));
    drafted = false;
    pthread_mutex_lock(&pen->lock);
    st = exchange_begin(pen, err);
    pthread_mutex_unlock(&pen->lock);
done:
    if (drafted && fk_pen__spoiled(pen, NULL) == FK_OK)
        (void)!fk_kek__draft_drop(pen->dir, NULL); /* the next draft replaces it */
    return st;
}

/* ---- the steps */

bool fk_pen_is_rekeying(struct fk_pen *pen) {
    pthread_mutex_lock(&pen->lock);
    bool rotating = pen->kek.rotating;
    pthread_mutex_unlock(&pen->lock);
    return rotating;
}

/* The old key goes; what is wrapped by the new one was seen to open, and is on the disk. */
static enum fk_status exchange_finish(struct fk_pen *pen, struct fk_err *err) {
    struct fk_kek alone = {.rotating = false};
    enum fk_status st;
    memcpy(alone.key, pen->kek.key, sizeof alone.key);
    FK_TRY(all_open(pen, &alone, err));
    FK_TRY(fk_pen__touch(pen, err));
    st = fk_kek__finish(pen->dir, &pen->kek, err);
    if (st != FK_OK)
        fk_pen__spoil(pen, st);
done:
    OPENSSL_cleanse(&alone, sizeof alone);
    return st;
}

static enum fk_status step_locked(struct fk_pen *pen, bool *done_out, struct fk_err *err) {
    bool was_old = false;
    enum fk_status st;
    FK_TRY(fk_pen__spoiled(pen, err));
    while (pen->kek.rotating && !was_old && pen->rekey_next <= pen->active->number) {
        FK_TRY(segment_rewrap(pen, pen->rekey_next, &was_old, err));
        pen->rekey_next++;
    }
    if (pen->kek.rotating && !was_old)
        FK_TRY(exchange_finish(pen, err));
    *done_out = !pen->kek.rotating;
done:
    return st;
}

enum fk_status fk_pen_rekey_step(struct fk_pen *pen, bool *done_out, struct fk_err *err) {
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = step_locked(pen, done_out, err);
    pthread_mutex_unlock(&pen->lock);
    return st;
}

/* ---- recovery */

struct order_search {
    const char *id;
    bool found;
};

static enum fk_status order_seen(void *ctx, const struct fk_entry *e, bool *stop,
                                 struct fk_err *err) {
    struct order_search *s = ctx;
    char id[FK_KEK_ID_SIZE];
    (void)stop;
    (void)err;
    s->found |= fk_entry_field(e, "to", id, sizeof id) && strcmp(id, s->id) == 0;
    return FK_OK;
}

enum fk_status fk_pen__rekey_recover(struct fk_pen *pen, struct fk_err *err) {
    char id[FK_KEK_ID_SIZE];
    struct order_search order = {.id = id};
    struct fk_err why = FK_ERR_INIT;
    uint64_t head = pen->stand.next_seq, next = head > LAST_ENTRIES ? head - LAST_ENTRIES : 0;
    pen->rekey_next = 1;
    enum fk_status st = fk_kek__draft_id(pen->dir, id, &why);
    if (st == FK_NOT_FOUND)
        return fk_kek__draft_drop(pen->dir, err);
    if (st != FK_OK)
        return fk_fail(err, st, "%s", why.text);
    FK_TRY(fk_shelf__scan(pen->shelf, &next, "key", order_seen, &order, err));
    FK_TRY(fk_pen__touch(pen, err));
    st = order.found ? fk_kek__begin(pen->dir, &pen->kek, err) : fk_kek__draft_drop(pen->dir, err);
done:
    return st;
}
