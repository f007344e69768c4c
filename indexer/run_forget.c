/* run_forget.c - captures that are disposed of leave the index. A message that others brought too
 * is read again from those that stay, so that nothing that only the disposed one knew is left of
 * it. */
#include "indexer/run_priv.h"
#include "base/fault.h"
#include "base/io.h"
#include "indexer/record/provenance.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A document that a disposed capture is in, and others are too. */
struct group {
    uint32_t docid;
    struct fk_seqs left; /* captures that stay */
    struct fk_buf data;  /* of the document */
};
struct groups {
    struct group *at;
    size_t count, cap;
};

static void groups_free(struct groups *g) {
    for (size_t i = 0; i < g->count; i++) {
        fk_seqs_free(&g->at[i].left);
        fk_buf_free(&g->at[i].data);
    }
    free(g->at);
    *g = (struct groups){NULL, 0, 0};
}

static enum fk_status group_add(struct groups *g, uint32_t docid, struct fk_seqs *left,
                                struct fk_buf *data, struct fk_err *err) {
    for (size_t i = 0; i < g->count; i++)
        if (g->at[i].docid == docid)
            return FK_OK;
    if (g->count == g->cap) {
        const size_t cap = g->cap ? 2 * g->cap : 16;
        void *at = realloc(g->at, cap * sizeof *g->at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "indexing: out of memory");
        g->at = at;
        g->cap = cap;
    }
    g->at[g->count++] = (struct group){docid, *left, *data};
    *left = (struct fk_seqs){NULL, 0, 0, false};
    *data = (struct fk_buf)FK_BUF_INIT;
    return FK_OK;
}

/* Found by a capture that its record does not name any more: a crash came between the text store
 * and the database, which still has all that the capture alone knew. It is put once more. */
static enum fk_status group_look(struct run *r, struct fk_xreader *reader, uint32_t docid,
                                 const struct fk_seqs *gone, struct groups *g, struct fk_err *err) {
    enum fk_status st;
    struct fk_buf data = FK_BUF_INIT;
    struct fk_provenance known = FK_PROVENANCE_INIT;
    struct fk_seqs left = {NULL, 0, 0, false};
    FK_TRY(fk_run__of_database(r, fk_xreader_data(reader, docid, &data, err), err));
    FK_TRY(fk_provenance_read(data.data, data.len, &known, err));
    for (size_t i = 0; i < known.capture_count; i++)
        if (!fk_seqs_has(gone, known.captures[i].seq))
            fk_seqs_add(&left, known.captures[i].seq);
    if (left.failed)
        st = fk_fail(err, FK_NOMEM, "indexing: out of memory");
    else if (known.capture_count > 1 || left.count > 0)
        st = group_add(g, docid, &left, &data, err);
done:
    fk_seqs_free(&left);
    fk_provenance_free(&known);
    fk_buf_free(&data);
    return st;
}

static enum fk_status groups_find(struct run *r, const struct fk_seqs *gone, struct groups *g,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader;
    st = fk_known__reader(&r->known, &r->place, r->list, &reader, err);
    FK_TRY(fk_run__of_database(r, st, err));
    for (size_t i = 0; i < gone->count; i++) {
        char term[32];
        uint32_t docid;
        size_t found = 0;
        const int n =
            snprintf(term, sizeof term, FK_P_CAPTURE "%llu", (unsigned long long)gone->at[i]);
        st = fk_xreader_with_term(reader, term, (size_t)n, &docid, 1, &found, err);
        FK_TRY(fk_run__of_database(r, st, err));
        if (found)
            FK_TRY(group_look(r, reader, docid, gone, g, err));
    }
done:
    return st;
}

static enum fk_status entry_read_again(struct run *r, uint64_t seq, struct item *i,
                                       struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_entry e;
    FK_TRY(fk_lend_lines(r->lend, seq, &lines, err));
    const char *lf = lines.len ? memchr(lines.data, '\n', lines.len) : NULL;
    if (!lf)
        FK_TRY(fk_fail(err, FK_CORRUPT, "the reading desk gave half a line of the ledger"));
    FK_TRY(fk_entry_read((const char *)lines.data, (size_t)(lf + 1 - (const char *)lines.data), &e,
                         err));
    while (fk_pool__free(r->pool) == 0)
        FK_TRY(fk_run__answer_wait(r, FK_RUN_ANSWER_MS, err));
    i->seq = seq;
    r->aside = i;
    fk_run__mail_begin(r, i, &e);
    FK_TRY(fk_run__mail_take(r, i, err));
    while (i->state == ITEM_WAITS)
        FK_TRY(fk_run__answer_wait(r, FK_RUN_ANSWER_MS, err));
done:
    r->aside = NULL;
    fk_buf_free(&lines);
    return st;
}

/* The document of the captures that stay, each read again; none where nothing of them can be. */
enum fk_status fk_run__read_again(struct run *r, const struct fk_seqs *left, uint32_t *docid,
                                  struct fk_xdoc **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xdoc *doc = NULL;
    struct item item = ITEM_INIT;
    for (size_t i = 0; i < left->count; i++) {
        struct fk_xdoc *next = NULL;
        size_t postings;
        fk_run__item_clear(&item);
        FK_TRY(entry_read_again(r, left->at[i], &item, err));
        if (item.has_no_content)
            continue;
        FK_TRY(
            fk_document__make(&item.source, item.reasons, &item.said, doc, &next, &postings, err));
        fk_xdoc_free(&doc);
        doc = next;
        *docid = (uint32_t)left->at[i];
    }
    *out = doc;
    doc = NULL;
done:
    fk_run__item_clear(&item);
    fk_xdoc_free(&doc);
    return st;
}

enum fk_status fk_run__put_back(struct run *r, uint32_t docid, struct fk_xdoc *doc,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    struct fk_shard *home = fk_shards__of(r->list, docid);
    struct fk_shard own = {home ? home->number : ++r->place.newest, docid, docid, 1, false, false};
    char path[FK_PLACE_PATH];
    FK_TRY(fk_run__room_check(r, 0, err));
    FK_TRY(fk_place__path(&r->place, own.number, path, err));
    st = home ? fk_xwriter_open(path, &writer, err) : fk_xwriter_create(path, &writer, err);
    FK_TRY(fk_run__of_database(r, st, err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_put(writer, docid, doc, err), err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_commit(writer, err), err));
    if (home) {
        FK_TRY(fk_run__of_database(r, fk_xwriter_count(writer, &home->documents, err), err));
        home->wants_renewal |= fk_xwriter_is_worn(writer);
    } else {
        FK_TRY(fk_sync_fs(r->place.index, err));
        FK_TRY(fk_shards__insert(r->list, &own, err));
        FK_TRY(fk_run__publish(r, err));
    }
done:
    fk_xwriter_close(&writer);
    return st;
}

/* Before anything is deleted, what stays of the message is there under its new seq: a crash may
 * leave both for a while, never neither. */
static enum fk_status regroup(struct run *r, const struct group *g, struct fk_seqs *remove,
                              struct fk_err *err) {
    enum fk_status st;
    struct fk_xdoc *doc = NULL;
    uint32_t docid = 0;
    FK_TRY(fk_run__read_again(r, &g->left, &docid, &doc, err));
    if (doc) /* what was found about those that stay stays found */
        FK_TRY(fk_verdicts__carry(doc, &g->data, err));
    if (doc)
        FK_TRY(fk_run__put_back(r, docid, doc, err));
    FK_TRY(fk_run__stepped(fk_fault("index-regroup"), err));
    if (docid != g->docid)
        fk_seqs_add(remove, g->docid);
done:
    fk_xdoc_free(&doc);
    return st;
}

static bool shard_mark(struct fk_shard *shard) {
    const bool changes = shard && !shard->wants_renewal;
    if (changes)
        shard->wants_renewal = true;
    return changes;
}

enum fk_status fk_run__mark(struct run *r, const struct fk_seqs *docids, struct fk_err *err) {
    bool changed = false;
    for (size_t i = 0; i < docids->count; i++)
        changed |= shard_mark(fk_shards__of(r->list, docids->at[i]));
    return changed ? fk_run__publish(r, err) : FK_OK;
}

/* Shards that hold what is to be forgotten until they are made anew: the documents' own, and those
 * from which earlier ones of the same messages were deleted. That is on the disk before anything
 * changes, so that no crash makes it be overlooked. */
static enum fk_status groups_mark(struct run *r, const struct groups *g, struct fk_err *err) {
    bool changed = false;
    for (size_t i = 0; i < r->list->count; i++)
        changed |= r->list->at[i].has_purged && shard_mark(&r->list->at[i]);
    for (size_t k = 0; k < g->count; k++)
        changed |= shard_mark(fk_shards__of(r->list, g->at[k].docid));
    return changed ? fk_run__publish(r, err) : FK_OK;
}

/* Deleting again what a crash let be deleted before changes nothing. */
static enum fk_status shard_forget(struct run *r, struct fk_shard *shard,
                                   const struct fk_seqs *seqs, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    char path[FK_PLACE_PATH];
    FK_TRY(fk_place__path(&r->place, shard->number, path, err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_open(path, &writer, err), err));
    for (size_t k = 0; k < seqs->count; k++)
        if (seqs->at[k] >= shard->first && seqs->at[k] <= shard->last)
            FK_TRY(
                fk_run__of_database(r, fk_xwriter_delete(writer, (uint32_t)seqs->at[k], err), err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_commit(writer, err), err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_count(writer, &shard->documents, err), err));
    shard->wants_renewal = true;
done:
    fk_xwriter_close(&writer);
    return st;
}

static enum fk_status remove_from_shards(struct run *r, const struct fk_seqs *seqs,
                                         struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0, k = 0; st == FK_OK && i < r->list->count; i++) {
        struct fk_shard *shard = &r->list->at[i];
        while (k < seqs->count && seqs->at[k] < shard->first)
            k++;
        if (k < seqs->count && seqs->at[k] <= shard->last)
            st = shard_forget(r, shard, seqs, err);
    }
    fk_known__changed(&r->known);
    return st;
}

/* The batch becomes a shard first: what is forgotten may be in it. What is superseded goes first,
 * so that a document that is put back is not taken for one of those. */
enum fk_status fk_run__forget(struct run *r, const struct fk_seqs *seqs, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct groups groups = {NULL, 0, 0};
    struct fk_seqs remove = {NULL, 0, 0, false};
    if (seqs->count == 0)
        return FK_OK;
    fk_salts__drop(&r->salts, seqs);
    FK_TRY(fk_run__commit(r, err));
    if (r->list->superseded.count) {
        FK_TRY(fk_run__purge(r, 0, r->list->count, err));
        FK_TRY(fk_run__publish(r, err));
    }
    FK_TRY(groups_find(r, seqs, &groups, err));
    FK_TRY(groups_mark(r, &groups, err));
    for (size_t i = 0; i < seqs->count; i++)
        fk_seqs_add(&remove, seqs->at[i]);
    for (size_t i = 0; i < groups.count; i++)
        FK_TRY(regroup(r, &groups.at[i], &remove, err));
    fk_seqs_sort(&remove);
    st = remove.failed ? fk_fail(err, FK_NOMEM, "indexing: out of memory")
                       : remove_from_shards(r, &remove, err);
    if (st == FK_OK)
        st = fk_run__lock_again(r, seqs, err);
done:
    groups_free(&groups);
    fk_seqs_free(&remove);
    return st;
}
