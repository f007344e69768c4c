/* pen_commit.c - many sheets, one transaction. Small parts share extents; lines, records and
 * wrapped keys follow in the order of the seqs. What the pen knows of where the ledger stands is
 * changed only when the transaction is durable. */
#include "archiver/vault/pen_priv.h"
#include "base/clock.h"
#include "base/pack.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READERS_CHECK_S = 60, LINE_OVERHEAD = 1024, CHUNK_OVERHEAD = 32 };

struct commit {
    struct fk_pen *pen;
    struct fk_leaf **leaf; /* those that are taken */
    size_t count;
    struct fk_stand stand; /* as it will be */
    MDB_txn *txn;
    struct fk_bench *bench; /* NULL until a recipe needs it */
    struct fk_buf line, record;
};

static void refuse(struct fk_leaf *l, enum fk_status st, const struct fk_err *why) {
    l->sheet.status = st;
    snprintf(l->sheet.text, sizeof l->sheet.text, "%.*s", (int)sizeof l->sheet.text - 1, why->text);
}

/* Whether a sheet may stand in this transaction, rules being the newest rules entry before it and
 * full what keeps mail out. */
static enum fk_status judge(const struct fk_pen *pen, const struct fk_leaf *l, uint64_t rules,
                            const struct fk_err *full, struct fk_err *err) {
    if (l->compare && rules > l->basis)
        return fk_fail(err, FK_RETRY,
                       "entry %" PRIu64 " changed the rules after the verdict (basis %" PRIu64
                       "): ask for a new one",
                       rules, l->basis);
    if ((l->written && l->segment != pen->active->number) || l->settled ||
        (l->epoch && l->epoch != fk_chunks__epoch(pen->chunks)))
        return fk_fail(err, FK_RETRY,
                       "the segment that a content was made for was closed: prepare it again");
    if (l->is_mail && full->status != FK_OK) {
        *err = *full;
        return full->status;
    }
    return FK_OK;
}

static void choose(struct commit *c, struct fk_sheet **sheets, size_t n) {
    uint64_t rules = c->pen->stand.rules, seq = c->pen->stand.next_seq;
    struct fk_err full = FK_ERR_INIT;
    full.status = fk_pen__reserve(c->pen, &full);
    c->count = 0;
    for (size_t i = 0; i < n; i++) {
        struct fk_leaf *l = (struct fk_leaf *)sheets[i];
        struct fk_err why = FK_ERR_INIT;
        enum fk_status st = judge(c->pen, l, rules, &full, &why);
        if (st != FK_OK) {
            refuse(l, st, &why);
            continue;
        }
        if (l->is_rules)
            rules = seq;
        seq++;
        c->leaf[c->count++] = l;
    }
}

/* A chunk that has come by another message meanwhile is named, and not stored again. */
static void fresh_settle(struct commit *c, struct fk_leaf *l, struct fk_leaf_part *p) {
    const struct fk_fresh_chunk *f = &l->fresh[p->chunk];
    struct fk_recipe_line *line = &l->recipe.line[f->line];
    struct fk_chunk_known known;
    p->dropped = fk_chunks__find(c->pen->chunks, f->mac, &known);
    if (p->dropped) {
        line->number = known.number;
        memcpy(line->key, known.key, sizeof line->key);
        OPENSSL_cleanse(known.key, sizeof known.key);
        return;
    }
    line->number = c->stand.next_chunk++;
    if (l->chunks++ == 0)
        l->first_chunk = line->number;
    fk_chunks__add(c->pen->chunks, f->mac, line->number, line->key);
}

/* The numbers of chunks are known now, so the recipe can be written: once, under its key. */
static enum fk_status leaf_settle(struct commit *c, struct fk_leaf *l, struct fk_err *err) {
    uint32_t own = 0;
    size_t before = l->stored.len;
    for (size_t i = 0; i < l->parts.count; i++)
        if (l->parts.at[i].chunk == FK_PART_OWN)
            own++;
        else
            fresh_settle(c, l, &l->parts.at[i]);
    const struct fk_recipe_part p = {c->pen->ledger, l->id, l->key, own, &l->recipe};
    l->settled = true;
    enum fk_status st = fk_content__recipe(c->bench, &p, &l->stored, err);
    if (st == FK_OK && !fk_leaf__part(l, l->stored.len - before, FK_PART_OWN))
        st = fk_fail(err, FK_NOMEM, "no memory for a recipe");
    return st;
}

static enum fk_status leaves_settle(struct commit *c, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < c->count && st == FK_OK; i++) {
        if (c->leaf[i]->codec != FK_CODEC_RECIPE || !c->leaf[i]->has_content)
            continue;
        if (!c->bench)
            st = fk_pen__bench_take(c->pen, &c->bench, err);
        if (st == FK_OK)
            st = leaf_settle(c, c->leaf[i], err);
    }
    return st;
}

static uint64_t bytes_bound(const struct commit *c) {
    uint64_t bytes = FK_EXTENT_MAX; /* pages of the trees, and those of old ones not free yet */
    for (size_t i = 0; i < c->count; i++)
        bytes += c->leaf[i]->stored.len + 2 * strlen(c->leaf[i]->fields) + LINE_OVERHEAD +
                 2 * c->leaf[i]->parts.count * (FK_RECORD_HEAD + FK_RECORD_PART + CHUNK_OVERHEAD);
    return bytes;
}

/* One after another over all sheets: the parts that are not in an extent yet. */
struct walk {
    const struct commit *c;
    size_t leaf, part, at; /* at: where in the leaf's stored bytes */
};

static struct fk_part *walk_next(struct walk *w, const uint8_t **data) {
    while (w->leaf < w->c->count) {
        struct fk_leaf *l = w->c->leaf[w->leaf];
        if (w->part < l->written)
            w->part = l->written;
        if (w->part == l->parts.count) {
            w->leaf++;
            w->part = w->at = 0;
            continue;
        }
        struct fk_leaf_part *p = &l->parts.at[w->part++];
        *data = l->stored.data + w->at;
        w->at += p->at.len;
        if (!p->dropped)
            return &p->at;
    }
    return NULL;
}

static size_t extent_length(struct walk ahead) {
    const uint8_t *data;
    const struct fk_part *p;
    size_t len = 0;
    while ((p = walk_next(&ahead, &data)) && len + p->len <= FK_EXTENT_MAX)
        len += p->len;
    return len;
}

static int extents_put(struct commit *c) {
    struct walk w = {.c = c};
    size_t len;
    while ((len = extent_length(w)) > 0) {
        uint8_t *room;
        int rc =
            fk_segment__reserve(c->txn, c->pen->active->extents, c->stand.next_extent, len, &room);
        if (rc)
            return rc;
        for (size_t at = 0; at < len;) {
            const uint8_t *data = NULL;
            struct fk_part *p = walk_next(&w, &data);
            memcpy(room + at, data, p->len);
            p->extent = c->stand.next_extent;
            p->offset = (uint32_t)at;
            at += p->len;
        }
        c->stand.next_extent++;
    }
    const uint8_t *data;
    return walk_next(&w, &data) ? EFBIG : 0; /* a part over an extent's size: none is made */
}

static void record_begin(struct fk_buf *r, uint8_t codec, const uint8_t *id, size_t parts) {
    fk_buf_reset(r);
    fk_put_u8(r, 1);
    fk_put_u8(r, codec);
    fk_buf_add(r, id, FK_CONTENT_ID_BYTES);
    fk_put_u32(r, (uint32_t)parts);
}

static void record_part(struct fk_buf *r, const struct fk_part *p) {
    uint8_t part[FK_RECORD_PART];
    fk_part__write(p, part);
    fk_buf_add(r, part, sizeof part);
}

/* The chunks that it brings, in the order in which they got their numbers. */
static int chunks_put(struct commit *c, struct fk_leaf *l) {
    uint64_t number = l->first_chunk;
    int rc = 0;
    for (size_t i = 0; i < l->parts.count && rc == 0; i++) {
        const struct fk_leaf_part *p = &l->parts.at[i];
        if (p->chunk == FK_PART_OWN || p->dropped)
            continue;
        record_begin(&c->record, l->fresh[p->chunk].codec, l->fresh[p->chunk].id, 1);
        record_part(&c->record, &p->at);
        rc = c->record.failed ? ENOMEM
                              : fk_segment__append(c->txn, c->pen->active->chunks, number++,
                                                   c->record.data, c->record.len);
    }
    return rc;
}

static int content_put(struct commit *c, struct fk_leaf *l) {
    const struct fk_segment *seg = c->pen->active;
    struct fk_buf *r = &c->record;
    uint8_t wrapped[FK_WRAPPED_BYTES];
    size_t own = 0;
    int rc = chunks_put(c, l);
    if (rc)
        return rc;
    for (size_t i = 0; i < l->parts.count; i++)
        own += l->parts.at[i].chunk == FK_PART_OWN;
    record_begin(r, l->codec, l->id, own);
    for (size_t i = 0; i < l->parts.count; i++)
        if (l->parts.at[i].chunk == FK_PART_OWN)
            record_part(r, &l->parts.at[i].at);
    if (l->codec == FK_CODEC_RECIPE) {
        fk_put_u64(r, l->first_chunk);
        fk_put_u32(r, l->chunks);
    }
    if (r->failed)
        return ENOMEM;
    rc = fk_segment__append(c->txn, seg->contents, c->stand.next_seq, r->data, r->len);
    if (rc)
        return rc;
    struct fk_bound to = {c->pen->ledger, l->id, c->stand.next_seq};
    fk_wrap__content(c->pen->wrap, &to, l->key, wrapped);
    return fk_segment__append(c->txn, seg->keys, c->stand.next_seq, wrapped, sizeof wrapped);
}

static int sheet_put(struct commit *c, struct fk_leaf *l, int64_t now) {
    struct fk_err ignored;
    fk_buf_reset(&c->line);
    if (fk_entry_write(&c->line, c->stand.next_seq, c->stand.last_digest, l->kind, now, l->fields,
                       &ignored) != FK_OK)
        return ENOMEM; /* its form was checked when it was prepared */
    int rc = fk_segment__append(c->txn, c->pen->active->entries, c->stand.next_seq, c->line.data,
                                c->line.len);
    if (rc == 0 && l->has_content)
        rc = content_put(c, l);
    fk_sha256(c->line.data, c->line.len, c->stand.last_digest);
    if (l->is_rules)
        c->stand.rules = c->stand.next_seq;
    c->stand.next_seq++;
    return rc;
}

static int transaction_fill(struct commit *c) {
    struct fk_segment *seg = c->pen->active;
    int64_t now = fk_now_ms();
    int rc = extents_put(c);
    for (size_t i = 0; i < c->count && rc == 0; i++)
        rc = sheet_put(c, c->leaf[i], now);
    if (rc == 0 && c->stand.next_extent != c->pen->stand.next_extent)
        rc = fk_segment__meta_number(seg, c->txn, "next-extent", c->stand.next_extent);
    if (rc == 0 && c->stand.rules != c->pen->stand.rules)
        rc = fk_segment__meta_number(seg, c->txn, "rules", c->stand.rules);
    if (rc == 0)
        rc = fk_segment__head_put(seg, c->txn, c->line.data, c->line.len);
    return rc;
}

static void done_note(struct commit *c) {
    struct fk_pen *pen = c->pen;
    uint64_t seq = pen->stand.next_seq;
    for (size_t i = 0; i < c->count; i++) {
        struct fk_leaf *l = c->leaf[i];
        l->sheet.seq = seq++;
        l->sheet.status = FK_OK;
        pen->changes += strcmp(l->kind, "anchor") == 0; /* its files came before it */
        for (size_t k = 0; k < l->of.count; k++)
            fk_seqs_add(&pen->pending, l->of.at[k]);
    }
    pen->stand = c->stand;
}

/* One try. *full_out: the map has no room: rotate and try again. */
static enum fk_status commit_try(struct commit *c, bool *full_out, struct fk_err *err) {
    struct fk_pen *pen = c->pen;
    enum fk_status st;
    c->stand = pen->stand;
    *full_out = false;
    FK_TRY(leaves_settle(c, err));
    FK_TRY(fk_pen__touch(pen, err));
    FK_TRY(fk_segment__room(pen->active, bytes_bound(c), err));
    FK_TRY(fk_segment__begin(pen->active, &c->txn, err));
    int rc = transaction_fill(c);
    bool written = rc == 0;
    if (written)
        rc = fk_segment__commit(&c->txn);
    *full_out = rc == MDB_MAP_FULL;
    if (rc && !*full_out && (written || rc != ENOMEM))
        fk_pen__spoil(pen, FK_IO);
    if (rc)
        st = fk_segment__fail(pen->active, rc, "cannot commit", err);
    FK_TRY(st);
    pen->settled = true;
    done_note(c);
done:
    fk_segment__abort(&c->txn);
    if (st != FK_OK && c->bench) /* chunks were named that did not come */
        fk_pen__chunks_forget(pen);
    return st;
}

static void readers_clear(struct fk_pen *pen) {
    time_t now = time(NULL);
    int dead;
    if (now - pen->readers_checked < READERS_CHECK_S && now >= pen->readers_checked)
        return;
    pen->readers_checked = now;
    (void)mdb_reader_check(pen->active->env, &dead); /* a slot that stays only costs space */
}

static enum fk_status commit_locked(struct commit *c, struct fk_sheet **sheets, size_t n,
                                    struct fk_err *err) {
    struct fk_pen *pen = c->pen;
    bool full;
    enum fk_status st = fk_pen__spoiled(pen, err);
    if (st != FK_OK)
        return st;
    readers_clear(pen);
    choose(c, sheets, n);
    if (c->count == 0)
        return FK_OK;
    st = commit_try(c, &full, err);
    if (full && pen->stand.next_seq - pen->first > 1) {
        st = fk_pen__rotate(pen, err);
        if (st == FK_OK)
            choose(c, sheets, n);
        if (st == FK_OK && c->count)
            st = commit_try(c, &full, err);
    }
    if (st == FK_OK && fk_segment__bytes(pen->active) >= pen->options.rotate_bytes &&
        fk_pen__rotate(pen, NULL) != FK_OK)
        return FK_OK; /* kept is kept; the next commit tries again, or finds the pen spoiled */
    return st;
}

enum fk_status fk_pen_commit(struct fk_pen *pen, struct fk_sheet **sheets, size_t n,
                             struct fk_err *err) {
    struct commit c = {.pen = pen, .leaf = calloc(n ? n : 1, sizeof *c.leaf)};
    if (!c.leaf)
        return fk_fail(err, FK_NOMEM, "no memory to commit %zu sheets", n);
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = commit_locked(&c, sheets, n, err);
    pthread_mutex_unlock(&pen->lock);
    if (c.bench)
        fk_pen__bench_put(pen, &c.bench);
    fk_buf_free(&c.line);
    fk_buf_free(&c.record);
    free(c.leaf);
    return st;
}

enum fk_status fk_pen__append(struct fk_pen *pen, const char *kind, const char *fields,
                              struct fk_err *err) {
    struct fk_leaf leaf = {.kind = (char *)kind, .fields = (char *)fields};
    struct fk_leaf *taken;
    struct fk_sheet *sheet = &leaf.sheet;
    struct commit c = {.pen = pen, .leaf = &taken};
    enum fk_status st = commit_locked(&c, &sheet, 1, err);
    fk_buf_free(&c.line);
    fk_buf_free(&c.record);
    return st;
}
