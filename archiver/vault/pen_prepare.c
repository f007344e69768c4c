/* pen_prepare.c - a sheet before it has a number: checked, hashed, packed, encrypted. Parts of a
 * large content go out to the active segment as they come; nothing names them until the sheet is
 * committed, and sealing leaves out those that nothing ever named. */
#include "archiver/vault/pen_priv.h"
#include "base/fault.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 4 << 20, TRIES = 4 };

enum fk_status fk_pen__bench_take(struct fk_pen *pen, struct fk_bench **out, struct fk_err *err) {
    *out = NULL;
    pthread_mutex_lock(&pen->bench_lock);
    for (int i = 0; i < FK_BENCHES && !*out; i++) {
        *out = pen->bench[i];
        pen->bench[i] = NULL;
    }
    pthread_mutex_unlock(&pen->bench_lock);
    return *out ? FK_OK : fk_bench__new(out, err);
}

void fk_pen__bench_put(struct fk_pen *pen, struct fk_bench **bench) {
    pthread_mutex_lock(&pen->bench_lock);
    for (int i = 0; i < FK_BENCHES && *bench; i++)
        if (!pen->bench[i]) {
            pen->bench[i] = *bench;
            *bench = NULL;
        }
    pthread_mutex_unlock(&pen->bench_lock);
    fk_bench__free(bench);
}

bool fk_leaf__part(struct fk_leaf *l, size_t len, int chunk) {
    struct fk_leaf_parts *parts = &l->parts;
    if (parts->count == parts->cap) {
        size_t cap = parts->cap ? 2 * parts->cap : 4;
        struct fk_leaf_part *at = realloc(parts->at, cap * sizeof *at);
        if (!at)
            return false;
        parts->at = at;
        parts->cap = cap;
    }
    parts->at[parts->count++] = (struct fk_leaf_part){{0, 0, (uint32_t)len}, chunk, false};
    return true;
}

/* The parts in `stored`, each an extent of its own, in one transaction. */
static int extents_write(struct fk_pen *pen, struct fk_leaf *l, MDB_txn *txn) {
    const uint8_t *data = l->stored.data;
    uint64_t extent = pen->stand.next_extent;
    int rc = 0;
    for (size_t i = l->written; i < l->parts.count && rc == 0; i++) {
        struct fk_part *p = &l->parts.at[i].at;
        rc = fk_segment__append(txn, pen->active->extents, extent, data, p->len);
        p->extent = extent++;
        p->offset = 0;
        data += p->len;
    }
    return rc ? rc : fk_segment__meta_number(pen->active, txn, "next-extent", extent);
}

static enum fk_status flush_locked(struct fk_pen *pen, struct fk_leaf *l, struct fk_err *err) {
    MDB_txn *txn = NULL;
    enum fk_status st;
    FK_TRY(fk_pen__spoiled(pen, err));
    if (l->is_mail)
        FK_TRY(fk_pen__reserve(pen, err));
    if (l->segment == 0)
        l->segment = pen->active->number;
    if (l->segment != pen->active->number)
        return fk_fail(err, FK_RETRY, "the segment was closed while a large content was written");
    FK_TRY(fk_pen__touch(pen, err));
    FK_TRY(fk_segment__room(pen->active, l->stored.len + FK_EXTENT_MAX, err));
    FK_TRY(fk_segment__begin(pen->active, &txn, err));
    int rc = extents_write(pen, l, txn);
    if (rc == 0) {
        rc = fk_segment__commit(&txn);
        if (rc && rc != MDB_MAP_FULL)
            fk_pen__spoil(pen, FK_IO);
    }
    if (rc == MDB_MAP_FULL) {
        fk_segment__abort(&txn);
        FK_TRY(fk_pen__rotate(pen, err));
        return fk_fail(err, FK_RETRY, "the segment is full");
    }
    if (rc)
        st = fk_segment__fail(pen->active, rc, "cannot write a content", err);
    FK_TRY(st);
    pen->stand.next_extent += l->parts.count - l->written;
    l->written = l->parts.count;
    fk_buf_reset(&l->stored);
done:
    fk_segment__abort(&txn);
    return st;
}

struct work {
    struct fk_pen *pen;
    struct fk_leaf *leaf;
    bool large;
};

static enum fk_status part_done(void *ctx, size_t len, int chunk, struct fk_err *err) {
    struct work *w = ctx;
    struct fk_leaf *l = w->leaf;
    if (!fk_leaf__part(l, len, chunk))
        return fk_fail(err, FK_NOMEM, "no memory for a content of %zu parts", l->parts.count);
    if (!w->large || l->stored.len < FLUSH_BYTES)
        return FK_OK;
    pthread_mutex_lock(&w->pen->lock);
    enum fk_status st = flush_locked(w->pen, l, err);
    pthread_mutex_unlock(&w->pen->lock);
    return st;
}

static enum fk_status content_make(struct fk_pen *pen, const struct fk_draft *draft,
                                   struct fk_leaf *l, struct fk_digests *digests,
                                   struct fk_err *err) {
    struct work w = {pen, l, false};
    struct fk_bench *bench = NULL;
    size_t total = FK_SALT_BYTES;
    for (size_t i = 0; i < draft->pieces; i++)
        total += draft->content[i].iov_len;
    w.large = total > FK_PACK_WHOLE_MAX;
    struct fk_encoding e = {.ledger = pen->ledger,
                            .level = pen->options.zstd_level,
                            .sift = draft->is_mail && !pen->options.every_instance,
                            .chunks = pen->chunks,
                            .pieces = draft->content,
                            .piece_count = draft->pieces,
                            .stored = &l->stored,
                            .part = part_done,
                            .ctx = &w};
    enum fk_status st = fk_pen__bench_take(pen, &bench, err);
    if (st != FK_OK)
        return st;
    for (int tries = 0; tries == 0 || (st == FK_RETRY && tries < TRIES); tries++) {
        l->parts.count = l->written = 0; /* anew, with a new id and key */
        l->segment = 0;
        fk_buf_reset(&l->stored);
        st = fk_content__encode(bench, &e, err);
    }
    fk_pen__bench_put(pen, &bench);
    memcpy(l->id, e.id, sizeof l->id);
    memcpy(l->key, e.key, sizeof l->key);
    OPENSSL_cleanse(e.key, sizeof e.key);
    l->codec = e.codec;
    l->recipe = e.recipe;
    l->fresh = e.fresh;
    l->fresh_count = e.fresh_count;
    l->epoch = e.epoch;
    *digests = e.digests;
    return st;
}

/* The fields with the digests after them. */
static enum fk_status fields_make(const struct fk_draft *draft, const struct fk_digests *digests,
                                  struct fk_leaf *l, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, draft->fields ? draft->fields : "");
    if (digests) {
        fk_hex(l->sheet.c256, digests->c256, FK_SHA256_BYTES);
        fk_buf_printf(&b, "%sc256=%s c512=", b.len ? " " : "", l->sheet.c256);
        fk_buf_hex(&b, digests->c512, FK_SHA512_BYTES);
    }
    l->kind = strdup(draft->kind);
    l->fields = strdup(fk_buf_cstr(&b));
    bool ok = l->kind && l->fields && !b.failed;
    fk_buf_free(&b);
    return ok ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for an entry");
}

/* Refused now, not in the commit with others: a line that could not be written. */
static enum fk_status line_check(const struct fk_leaf *l, struct fk_err *err) {
    static const uint8_t zeros[FK_SHA256_BYTES];
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = fk_entry_write(&b, UINT64_MAX, zeros, l->kind, 0, l->fields, err);
    fk_buf_free(&b);
    return st;
}

static enum fk_status dispose_check(struct fk_leaf *l, struct fk_err *err) {
    size_t len;
    struct fk_entry e = {.fields = l->fields, .fields_len = strlen(l->fields)};
    const char *of = fk_entry_field_at(&e, "of", &len);
    if (!of || !fk_seqs_parse(of, len, SIZE_MAX, &l->of))
        return l->of.failed ? fk_fail(err, FK_NOMEM, "no memory for a list of seqs")
                            : fk_fail(err, FK_INVALID,
                                      "a dispose entry without a list of seqs in its field \"of\"");
    return FK_OK;
}

static enum fk_status kind_check(const struct fk_draft *draft, struct fk_err *err) {
    static const char *const own[] = {"genesis", "segment", "seal"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(draft->kind, own[i]) == 0)
            return fk_fail(err, FK_INVALID, "an entry of kind %s is written by the pen alone",
                           draft->kind);
    struct fk_entry e = {.fields = draft->fields ? draft->fields : ""};
    size_t len;
    e.fields_len = strlen(e.fields);
    if (fk_entry_field_at(&e, "c256", &len) || fk_entry_field_at(&e, "c512", &len))
        return fk_fail(err, FK_INVALID, "c256 and c512 are given by the pen alone");
    return FK_OK;
}

enum fk_status fk_pen_prepare(struct fk_pen *pen, const struct fk_draft *draft,
                              struct fk_sheet **out, struct fk_err *err) {
    enum fk_status st;
    struct fk_digests digests;
    struct fk_leaf *l = NULL;
    FK_TRY(fk_pen__spoiled(pen, err));
    FK_TRY(kind_check(draft, err));
    l = calloc(1, sizeof *l);
    if (!l)
        st = fk_fail(err, FK_NOMEM, "no memory for a sheet");
    FK_TRY(st);
    l->is_mail = draft->is_mail;
    l->compare = draft->compare;
    l->basis = draft->basis;
    l->has_content = draft->pieces > 0;
    l->is_rules = fk_pen__is_rules(draft->kind);
    if (l->has_content)
        FK_TRY(content_make(pen, draft, l, &digests, err));
    FK_TRY(fields_make(draft, l->has_content ? &digests : NULL, l, err));
    FK_TRY(line_check(l, err));
    if (strcmp(l->kind, "dispose") == 0)
        st = dispose_check(l, err);
done:
    if (st == FK_OK)
        *out = &l->sheet;
    else if (l) {
        struct fk_sheet *sheet = &l->sheet;
        fk_sheet_free(&sheet);
    }
    return st;
}

void fk_sheet_free(struct fk_sheet **sheet) {
    struct fk_leaf *l = (struct fk_leaf *)*sheet;
    if (!l)
        return;
    OPENSSL_cleanse(l->key, sizeof l->key);
    free(l->kind);
    free(l->fields);
    free(l->parts.at);
    fk_recipe__free(&l->recipe);
    free(l->fresh);
    fk_seqs_free(&l->of);
    fk_buf_free(&l->stored);
    free(l);
    *sheet = NULL;
}
