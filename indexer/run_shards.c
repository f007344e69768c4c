/* run_shards.c - batches become shards, shards are merged, what is superseded is deleted. */
#include "indexer/run_priv.h"
#include "base/fault.h"
#include "base/io.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"

#include <errno.h>
#include <sys/statvfs.h>

/* A step that a test makes fail, or dies at: what fk_fault said. */
enum fk_status fk_run__stepped(int injected, struct fk_err *err) {
    return injected ? fk_fail_sys(err, injected, "writing the index") : FK_OK;
}

/* What came of a call to one of the databases. One that is missing is damage as well. */
enum fk_status fk_run__of_database(struct run *r, enum fk_status st, struct fk_err *err) {
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_CORRUPT, "a file of it is missing");
    r->is_damaged |= st == FK_CORRUPT;
    return fk_index_blame(st, r->dir, err);
}

/* From where the list stands. */
void fk_run__begin_at_mark(struct run *r) {
    r->mark = r->next_seq = r->done = r->list->mark;
    r->lines_at = 0;
    fk_buf_reset(&r->lines);
    r->fresh = (struct fk_shard){.number = 0};
}

void fk_run__batch_drop(struct run *r) {
    fk_xwriter_close(&r->writer);
    fk_seqs_free(&r->superseded);
    fk_told__free(&r->told);
    fk_known__batch_end(&r->known);
    r->batch = (struct fk_shard){.number = 0};
    r->batch_postings = 0;
    r->batch_bytes = 0;
}

enum fk_status fk_run__batch_open(struct run *r, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    r->batch.number = ++r->place.newest;
    enum fk_status st = fk_place__path(&r->place, r->batch.number, path, err);
    return st == FK_OK ? fk_run__of_database(r, fk_xwriter_create(path, &r->writer, err), err) : st;
}

/* The index can be made again, acts cannot: so it leaves the reserve to them. */
enum fk_status fk_run__room_check(const struct run *r, uint64_t bytes, struct fk_err *err) {
    struct statvfs s;
    const uint64_t want = 2 * r->options->reserve_bytes + bytes;
    if (statvfs(r->place.index, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for free space", r->place.index);
    if ((uint64_t)s.f_bavail * s.f_frsize < want)
        return fk_fail(err, FK_FULL,
                       "%s: indexing wants %llu bytes free, the disk-reserve among them, and waits "
                       "for room; what was received is kept",
                       r->place.index, (unsigned long long)want);
    return FK_OK;
}

/* A batch of words that are all different needs several times what the readers said of it. */
enum fk_status fk_run__room_for_batch(const struct run *r, struct fk_err *err) {
    return fk_run__room_check(r, 4 * r->batch_bytes, err);
}

/* What the list no longer names goes out of use, and out of being as soon as no search reads it. */
enum fk_status fk_run__publish(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_known__changed(&r->known);
    if (r->list == &r->place.building)
        return fk_place__retire_others(&r->place, err);
    FK_TRY(fk_run__stepped(fk_fault("index-use"), err));
    FK_TRY(fk_place__use(&r->place, err));
    FK_TRY(fk_run__stepped(fk_fault("index-used"), err));
done:
    return st;
}

/* Deletes what is superseded from one shard. */
static enum fk_status shard_purge(struct run *r, struct fk_shard *shard, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    const struct fk_seqs *all = &r->list->superseded;
    char path[FK_PLACE_PATH];
    size_t i = 0;
    while (i < all->count && all->at[i] < shard->first)
        i++;
    if (i == all->count || all->at[i] > shard->last)
        return FK_OK;
    fk_known__changed(&r->known);
    FK_TRY(fk_place__path(&r->place, shard->number, path, err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_open(path, &writer, err), err));
    for (; i < all->count && all->at[i] <= shard->last; i++)
        FK_TRY(fk_run__of_database(r, fk_xwriter_delete(writer, (uint32_t)all->at[i], err), err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_commit(writer, err), err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_count(writer, &shard->documents, err), err));
    shard->has_purged = true;
done:
    fk_xwriter_close(&writer);
    return st;
}

/* The list says that they are superseded until it is published anew: a crash between deletes them
 * once more. */
enum fk_status fk_run__purge(struct run *r, size_t from, size_t to, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_seqs left = {NULL, 0, 0, false};
    const struct fk_seqs *all = &r->list->superseded;
    for (size_t i = from; st == FK_OK && i < to; i++)
        st = shard_purge(r, &r->list->at[i], err);
    if (st != FK_OK || from == to)
        return st;
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i] < r->list->at[from].first || all->at[i] > r->list->at[to - 1].last)
            fk_seqs_add(&left, all->at[i]);
    if (left.failed) {
        fk_seqs_free(&left);
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    }
    fk_seqs_free(&r->list->superseded);
    r->list->superseded = left;
    return FK_OK;
}

/* What the list says of a shard's documents is from before a crash where one came between a change
 * in its place and the list; merging is to lose none of them. */
static enum fk_status recount(struct run *r, size_t from, size_t to, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader = NULL;
    for (size_t i = from; st == FK_OK && i < to; i++) {
        char path[FK_PLACE_PATH];
        const char *const dir = path;
        uint64_t documents = 0;
        FK_TRY(fk_place__path(&r->place, r->list->at[i].number, path, err));
        FK_TRY(fk_run__of_database(r, fk_xreader_open(&dir, 1, &reader, err), err));
        FK_TRY(fk_run__of_database(r, fk_xreader_count(reader, &documents, err), err));
        fk_xreader_close(&reader);
        r->list->at[i].documents = (uint32_t)documents;
    }
done:
    fk_xreader_close(&reader);
    return st;
}

struct merging {
    struct run *run;
    const struct fk_shard *first;
    size_t count;
    unsigned number;
};

static enum fk_status merge_step(void *ctx, struct fk_err *err) {
    const struct merging *m = ctx;
    enum fk_status st = fk_place__merge(&m->run->place, m->first, m->count, m->number, err);
    return fk_run__of_database(m->run, st, err);
}

static enum fk_status merge(struct run *r, size_t from, size_t to, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct merging m = {r, &r->list->at[from], to - from, ++r->place.newest};
    uint64_t bytes = 0;
    FK_TRY(fk_run__purge(r, from, to, err));
    FK_TRY(recount(r, from, to, err));
    FK_TRY(fk_place__bytes(&r->place, m.first, m.count, &bytes, err));
    FK_TRY(fk_run__room_check(r, bytes, err));
    FK_TRY(fk_run__stepped(fk_fault("index-merge"), err));
    FK_TRY(fk_run__beside(r, merge_step, &m, err));
    fk_shards__merged(r->list, from, to, m.number);
    FK_TRY(fk_run__publish(r, err));
    st = fk_place__destroy_gone(&r->place, err);
    if (st == FK_RETRY)
        st = FK_OK; /* a search has it open: the next time */
done:
    return st;
}

static enum fk_status merge_what_is_due(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t from;
    while (st == FK_OK && (from = fk_shards__due(r->list)) < r->list->count)
        st = merge(r, from, r->list->count, err);
    return st;
}

/* Shards that something was deleted from, made anew without it. */
enum fk_status fk_run__renew(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = r->list->count; st == FK_OK && i-- > 0;)
        if (r->list->at[i].wants_renewal)
            st = merge(r, i, i + 1, err);
    return st;
}

static enum fk_status superseded_take(struct run *r, struct fk_err *err) {
    for (size_t i = 0; i < r->superseded.count; i++)
        fk_seqs_add(&r->list->superseded, r->superseded.at[i]);
    fk_seqs_sort(&r->list->superseded);
    return r->superseded.failed || r->list->superseded.failed
               ? fk_fail(err, FK_NOMEM, "the index: out of memory")
               : FK_OK;
}

/* Put once more after a crash, it changes nothing. */
static enum fk_status told_put(struct run *r, struct fk_err *err) {
    enum fk_status st = fk_deliveries__put(&r->place, r->list, &r->known, r->lend, &r->told, err);
    FK_TRY(fk_run__of_database(r, st, err));
    st = fk_run__stepped(fk_fault("index-told"), err);
done:
    return st;
}

static enum fk_status writer_commit(void *ctx, struct fk_err *err) {
    struct run *r = ctx;
    enum fk_status st = fk_run__of_database(r, fk_xwriter_commit(r->writer, err), err);
    return st == FK_OK ? fk_sync_fs(r->place.index, err) : st;
}

static void fresh_add(struct run *r, const struct fk_shard *batch) {
    if (r->fresh.documents == 0)
        r->fresh.first = batch->first;
    if (batch->documents)
        r->fresh.last = batch->last;
    r->fresh.documents += batch->documents;
}

/* The desk may go away while locked files are tried: the batch is a shard by then, and its files
 * are tried by the next commit. */
enum fk_status fk_run__commit(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->done == r->mark)
        return FK_OK;
    FK_TRY(fk_run__room_for_batch(r, err));
    FK_TRY(fk_run__stepped(fk_fault("index-commit"), err));
    if (r->writer) {
        FK_TRY(fk_run__beside(r, writer_commit, r, err));
        FK_TRY(fk_shards__add(r->list, &r->batch, err));
        FK_TRY(superseded_take(r, err));
    }
    if (r->told.count)
        FK_TRY(told_put(r, err));
    fresh_add(r, &r->batch);
    fk_run__batch_drop(r);
    if (r->fresh.documents)
        FK_TRY(fk_run__unlock(r, &r->fresh, err));
    r->fresh = (struct fk_shard){.number = 0};
    r->list->mark = r->done;
    FK_TRY(fk_run__publish(r, err));
    FK_TRY(fk_run__stepped(fk_fault("index-committed"), err));
    r->mark = r->done;
    if (r->list->superseded.count > FK_SUPERSEDED_MAX) {
        FK_TRY(fk_run__purge(r, 0, r->list->count, err));
        FK_TRY(fk_run__publish(r, err));
    }
    st = merge_what_is_due(r, err);
done:
    return st;
}
