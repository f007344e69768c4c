/* index_run.c - the way from the ledger to the index.
 *
 * Entries are taken in order into a ring. A mail's message goes to a boxed reader; what comes back
 * waits in the ring until all before it is in the index, so that documents are put in the order of
 * their seq and the mark is always the seq after the last one put. A batch of them becomes a shard,
 * and the file that names the shards names the mark too: after any crash the index stands where a
 * commit left it. */
#include "indexer/index.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/fields.h"
#include "base/fault.h"
#include "base/io.h"
#include "indexer/document_priv.h"
#include "indexer/place_priv.h"
#include "indexer/pool_priv.h"
#include "indexer/terms.h"
#include "indexer/xapian_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
    RING = 64,
    POLL_MS = 200,    /* between two looks at the ledger's end */
    ANSWER_MS = 1000, /* a look at other things while a reader works */
    POSTINGS_A_COMMIT = 1000000,
    SALT = 32, /* docs/format-vault.md 2 */
    SEQS_MAX = 1 << 24
};

enum item_state { ITEM_WAITS, ITEM_DONE };
struct item {
    uint64_t seq;
    enum item_state state;
    bool is_mail, has_no_content; /* disposed of: nothing to put */
    struct fk_source source;
    struct fk_buf envelope; /* what source points to */
    unsigned reasons;
    struct fk_buf answer;
    struct fk_seqs forget; /* of a dispose entry */
};

struct run {
    const char *dir;
    struct fk_lend *lend;
    const struct fk_index_options *options;
    struct fk_place place;
    struct fk_shards *list; /* the place's: in use, or being built to be used once it is whole */
    struct fk_pool *pool;
    struct fk_xwriter *writer; /* of the batch; NULL while it has no document */
    struct fk_shard batch;
    struct item ring[RING];
    size_t first, count;
    struct fk_buf lines; /* of the ledger, not yet taken */
    size_t lines_at;
    uint64_t next_seq; /* to be taken */
    uint64_t done;     /* all before it is put */
    uint64_t mark;     /* all before it is committed */
    uint64_t head;     /* of the ledger when last asked */
    size_t batch_postings;
    uint64_t batch_bytes; /* of what the readers said */
    bool is_stopped;
    bool is_damaged; /* the index, not what goes into it: only a rebuild helps */
};

/* A step that a test makes fail, or dies at: what fk_fault said. */
static enum fk_status stepped(int injected, struct fk_err *err) {
    return injected ? fk_fail_sys(err, injected, "writing the index") : FK_OK;
}

/* ---- the shards */

/* What came of a call to one of the databases. One that is missing is damage as well. */
static enum fk_status of_database(struct run *r, enum fk_status st, struct fk_err *err) {
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_CORRUPT, "a file of it is missing");
    r->is_damaged |= st == FK_CORRUPT;
    return fk_index_blame(st, r->dir, err);
}

/* From where the list stands. */
static void begin_at_mark(struct run *r) {
    r->mark = r->next_seq = r->done = r->list->mark;
    r->lines_at = 0;
    fk_buf_reset(&r->lines);
}

static void batch_drop(struct run *r) {
    fk_xwriter_close(&r->writer);
    r->batch = (struct fk_shard){0, 0, 0, 0, false};
    r->batch_postings = 0;
    r->batch_bytes = 0;
}

static enum fk_status batch_open(struct run *r, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    r->batch.number = ++r->place.newest;
    enum fk_status st = fk_place__path(&r->place, r->batch.number, path, err);
    return st == FK_OK ? of_database(r, fk_xwriter_create(path, &r->writer, err), err) : st;
}

/* The index can be made again, acts cannot: so it leaves the reserve to them. */
static enum fk_status room_check(const struct run *r, uint64_t bytes, struct fk_err *err) {
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
static enum fk_status room_for_batch(const struct run *r, struct fk_err *err) {
    return room_check(r, 4 * r->batch_bytes, err);
}

/* What the list no longer names goes out of use, and out of being as soon as no search reads it. */
static enum fk_status publish(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->list == &r->place.building)
        return fk_place__retire_others(&r->place, err);
    FK_TRY(stepped(fk_fault("index-use"), err));
    FK_TRY(fk_place__use(&r->place, err));
    FK_TRY(stepped(fk_fault("index-used"), err));
done:
    return st;
}

static enum fk_status merge(struct run *r, size_t from, size_t to, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const unsigned number = ++r->place.newest;
    const struct fk_shard *first = &r->list->at[from];
    uint64_t bytes = 0;
    FK_TRY(fk_place__bytes(&r->place, first, to - from, &bytes, err));
    FK_TRY(room_check(r, bytes, err));
    FK_TRY(stepped(fk_fault("index-merge"), err));
    st = fk_place__merge(&r->place, first, to - from, number, err);
    FK_TRY(of_database(r, st, err));
    fk_shards__merged(r->list, from, to, number);
    FK_TRY(publish(r, err));
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
static enum fk_status renew(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = r->list->count; st == FK_OK && i-- > 0;)
        if (r->list->at[i].has_forgotten)
            st = merge(r, i, i + 1, err);
    return st;
}

static enum fk_status commit(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->done == r->mark)
        return FK_OK;
    FK_TRY(room_for_batch(r, err));
    FK_TRY(stepped(fk_fault("index-commit"), err));
    if (r->writer) {
        FK_TRY(of_database(r, fk_xwriter_commit(r->writer, err), err));
        FK_TRY(fk_sync_fs(r->place.index, err));
        FK_TRY(fk_shards__add(r->list, &r->batch, err));
    }
    batch_drop(r);
    r->list->mark = r->done;
    FK_TRY(publish(r, err));
    FK_TRY(stepped(fk_fault("index-committed"), err));
    r->mark = r->done;
    FK_TRY(merge_what_is_due(r, err));
    if (r->options->progress)
        r->options->progress(r->options->ctx, r->mark, r->head);
done:
    return st;
}

/* Deleting again what a crash let be deleted before changes nothing. */
static enum fk_status shard_forget(struct run *r, struct fk_shard *shard,
                                   const struct fk_seqs *seqs, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xwriter *writer = NULL;
    char path[FK_PLACE_PATH];
    FK_TRY(fk_place__path(&r->place, shard->number, path, err));
    FK_TRY(of_database(r, fk_xwriter_open(path, &writer, err), err));
    for (size_t k = 0; k < seqs->count; k++)
        if (seqs->at[k] >= shard->first && seqs->at[k] <= shard->last)
            FK_TRY(of_database(r, fk_xwriter_delete(writer, (uint32_t)seqs->at[k], err), err));
    FK_TRY(of_database(r, fk_xwriter_commit(writer, err), err));
    FK_TRY(of_database(r, fk_xwriter_count(writer, &shard->documents, err), err));
    shard->has_forgotten = true;
done:
    fk_xwriter_close(&writer);
    return st;
}

/* The batch becomes a shard first: what is forgotten may be in it. */
static enum fk_status forget(struct run *r, const struct fk_seqs *seqs, struct fk_err *err) {
    enum fk_status st = seqs->count ? commit(r, err) : FK_OK;
    for (size_t i = 0, k = 0; st == FK_OK && i < r->list->count; i++) {
        struct fk_shard *shard = &r->list->at[i];
        while (k < seqs->count && seqs->at[k] < shard->first)
            k++;
        if (k < seqs->count && seqs->at[k] <= shard->last)
            st = shard_forget(r, shard, seqs, err);
    }
    return st;
}

/* ---- entries into the ring */

static void item_clear(struct item *i) {
    fk_buf_free(&i->envelope);
    fk_buf_free(&i->answer);
    fk_seqs_free(&i->forget);
    *i = (struct item){.state = ITEM_DONE};
}

static enum fk_status mail_submit(struct run *r, struct item *i, struct fk_content *content,
                                  struct fk_err *err) {
    struct fk_envelope envelope;
    enum fk_status st = fk_envelope_split(content->bytes, content->len, &envelope, err);
    if (st != FK_OK) {
        i->reasons = FK_REASON_CONTENT;
        return st == FK_CORRUPT ? FK_OK : st;
    }
    fk_buf_add(&i->envelope, envelope.fields, envelope.fields_len);
    if (i->envelope.failed)
        return fk_fail(err, FK_NOMEM, "indexing: out of memory");
    i->source.envelope = (const char *)i->envelope.data;
    i->source.envelope_len = i->envelope.len;
    i->source.message_bytes = envelope.message_len;
    const struct fk_job job = {.id = i->seq,
                               .kind = FK_JOB_TERMS,
                               .fd = content->fd,
                               .offset = SALT + (uint64_t)(envelope.message - content->bytes),
                               .len = envelope.message_len};
    content->fd = -1;
    i->state = ITEM_WAITS;
    return fk_pool__submit(r->pool, &job, err);
}

/* What the vault cannot give out any more has been disposed of; what it gives out damaged is found
 * by its seq. */
static enum fk_status mail_take(struct run *r, struct item *i, const struct fk_entry *e,
                                struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    i->is_mail = true;
    i->source = (struct fk_source){.seq = e->seq, .time_ms = e->time_ms};
    enum fk_status st = fk_lend_content(r->lend, e->seq, 0, &content, err);
    if (st == FK_NOT_FOUND) {
        i->has_no_content = true;
        return FK_OK;
    }
    if (st == FK_CORRUPT) {
        i->reasons = FK_REASON_CONTENT;
        return FK_OK;
    }
    if (st == FK_OK)
        st = mail_submit(r, i, &content, err);
    fk_content_free(&content);
    return st;
}

static enum fk_status dispose_take(struct item *i, const struct fk_entry *e, struct fk_err *err) {
    size_t len = 0;
    const char *of = fk_entry_field_at(e, "of", &len);
    if (!of || !fk_seqs_parse(of, len, SEQS_MAX, &i->forget))
        return fk_fail(err, FK_CORRUPT, "entry %llu names no seqs to dispose of",
                       (unsigned long long)e->seq);
    return FK_OK;
}

/* The next line; NULL at the ledger's head. */
static enum fk_status line_next(struct run *r, const char **line, size_t *len, struct fk_err *err) {
    *line = NULL;
    if (r->lines_at == r->lines.len) {
        fk_buf_reset(&r->lines);
        r->lines_at = 0;
        enum fk_status st = fk_lend_lines(r->lend, r->next_seq, &r->lines, err);
        if (st != FK_OK)
            return st == FK_NOT_FOUND ? FK_OK : st;
    }
    const char *at = (const char *)r->lines.data + r->lines_at;
    const char *lf = memchr(at, '\n', r->lines.len - r->lines_at);
    if (!lf)
        return fk_fail(err, FK_CORRUPT, "the reading desk gave half a line of the ledger");
    *line = at;
    *len = (size_t)(lf + 1 - at);
    return FK_OK;
}

/* *taken false: the head is reached. Nothing moves on where something fails. */
static enum fk_status entry_take(struct run *r, bool *taken, struct fk_err *err) {
    const char *line;
    size_t len;
    struct fk_entry e;
    *taken = false;
    enum fk_status st = line_next(r, &line, &len, err);
    if (st != FK_OK || !line)
        return st;
    st = fk_entry_read(line, len, &e, err);
    if (st != FK_OK)
        return st;
    struct item *i = &r->ring[(r->first + r->count) % RING];
    item_clear(i);
    i->seq = e.seq;
    if (fk_entry_is(&e, "mail"))
        st = mail_take(r, i, &e, err);
    else if (fk_entry_is(&e, "dispose"))
        st = dispose_take(i, &e, err);
    if (st != FK_OK)
        return st;
    r->lines_at += len;
    r->next_seq = e.seq + 1;
    r->count++;
    *taken = true;
    return FK_OK;
}

static enum fk_status take_what_fits(struct run *r, bool *at_head, struct fk_err *err) {
    bool taken = true;
    *at_head = false;
    while (taken && r->count < RING && fk_pool__free(r->pool) > 0) {
        enum fk_status st = entry_take(r, &taken, err);
        if (st != FK_OK)
            return st;
        *at_head = !taken;
    }
    return FK_OK;
}

/* ---- out of the ring into the index */

static enum fk_status document_put(struct run *r, uint64_t seq, struct fk_xdoc *doc,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (seq > UINT32_MAX)
        return fk_fail(err, FK_FULL, "an index has room for %u entries", UINT32_MAX);
    FK_TRY(room_for_batch(r, err)); /* Xapian writes some of it before the commit */
    if (!r->writer)
        FK_TRY(batch_open(r, err));
    FK_TRY(of_database(r, fk_xwriter_put(r->writer, (uint32_t)seq, doc, err), err));
    if (r->batch.documents++ == 0)
        r->batch.first = (uint32_t)seq;
    r->batch.last = (uint32_t)seq;
done:
    return st;
}

static enum fk_status item_put(struct run *r, struct item *i, struct fk_err *err) {
    struct fk_xdoc *doc = NULL;
    size_t postings = 0;
    if (!i->is_mail || i->has_no_content)
        return forget(r, &i->forget, err);
    enum fk_status st = fk_document__make(&i->source, i->reasons, &i->answer, &doc, &postings, err);
    r->batch_bytes += i->answer.len;
    r->batch_postings += postings;
    if (st == FK_OK)
        st = document_put(r, i->seq, doc, err);
    fk_xdoc_free(&doc);
    return st;
}

static enum fk_status put_what_is_done(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (r->count > 0 && r->ring[r->first].state == ITEM_DONE) {
        struct item *i = &r->ring[r->first];
        FK_TRY(item_put(r, i, err));
        FK_TRY(stepped(fk_fault("index-put"), err));
        r->done = i->seq + 1;
        item_clear(i);
        r->first = (r->first + 1) % RING;
        r->count--;
        if (r->batch.documents >= r->options->batch || r->batch_postings >= POSTINGS_A_COMMIT)
            FK_TRY(commit(r, err));
    }
done:
    return st;
}

static enum fk_status answer_wait(struct run *r, int wait_ms, struct fk_err *err) {
    struct fk_job_result result;
    enum fk_status st = fk_pool__wait(r->pool, wait_ms, &result, err);
    if (st != FK_OK)
        return st == FK_RETRY ? FK_OK : st;
    for (size_t k = 0; k < r->count; k++) {
        struct item *i = &r->ring[(r->first + k) % RING];
        if (i->seq == result.id && i->state == ITEM_WAITS) {
            i->answer = result.answer;
            i->reasons |= result.reasons;
            i->state = ITEM_DONE;
            return FK_OK;
        }
    }
    fk_buf_free(&result.answer);
    return fk_fail(err, FK_IO, "an index reader answered what was not asked");
}

/* ---- the run */

static enum fk_status pause_for(struct run *r, int wait_ms, struct fk_err *err) {
    if (!r->options->wait)
        return FK_OK;
    enum fk_status st = r->options->wait(r->options->ctx, wait_ms, err);
    if (st == FK_NOT_FOUND) {
        r->is_stopped = true;
        return FK_OK;
    }
    return st;
}

/* Everything up to the head is put and committed; or the run is stopped, and what was put is. */
static enum fk_status catch_up(struct run *r, struct fk_err *err) {
    bool at_head = false;
    struct fk_head head;
    enum fk_status st = fk_lend_head(r->lend, &head, err);
    if (st != FK_OK)
        return st;
    r->head = head.next_seq;
    while (!r->is_stopped && (!at_head || r->count > 0)) {
        FK_TRY(take_what_fits(r, &at_head, err));
        FK_TRY(put_what_is_done(r, err));
        if (r->count > 0)
            FK_TRY(answer_wait(r, ANSWER_MS, err));
        FK_TRY(pause_for(r, 0, err));
    }
    st = commit(r, err);
done:
    return st;
}

/* What is in flight is taken again later: the mark is before it. */
static void ring_empty(struct run *r) {
    for (; r->count > 0; r->count--, r->first = (r->first + 1) % RING)
        item_clear(&r->ring[r->first]);
    r->next_seq = r->done;
    r->lines_at = 0;
    fk_buf_reset(&r->lines);
}

static enum fk_status pool_open(struct run *r, struct fk_err *err) {
    fk_pool__close(&r->pool);
    return fk_pool__open(r->options, &r->pool, err);
}

static void rebuild_begin(struct run *r) {
    ring_empty(r);
    batch_drop(r);
    fk_shards__free(&r->place.building);
    r->place.building.version = FK_TERMS_VERSION;
    r->list = &r->place.building;
    begin_at_mark(r);
}

/* What was made of it is put out of use by the next to publish. */
static void rebuild_drop(struct run *r) {
    batch_drop(r);
    fk_shards__free(&r->place.building);
    r->list = &r->place.shards;
    begin_at_mark(r);
}

static enum fk_status rebuild(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    rebuild_begin(r);
    FK_TRY(catch_up(r, err));
    if (r->is_stopped)
        goto done;
    fk_shards__free(&r->place.shards);
    r->place.shards = r->place.building;
    r->place.building = (struct fk_shards){NULL, 0, 0, 0, 0};
    r->list = &r->place.shards;
    FK_TRY(publish(r, err));
    FK_TRY(fk_place__rebuild_done(&r->place, err));
done:
    return st;
}

/* Caught up: renews after a disposal, destroys what is out of use, rebuilds where that was asked.
 */
static enum fk_status tidy(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (fk_place__rebuild_waits(&r->place))
        FK_TRY(rebuild(r, err));
    else
        FK_TRY(renew(r, err));
    st = fk_place__destroy_gone(&r->place, err);
    if (st == FK_RETRY && r->options->wait)
        st = FK_OK; /* a search has it open: the next time */
done:
    return st;
}

/* A damaged index: to begin anew would find the same damage, so this tells and waits until somebody
 * asks for a rebuild. One that comes to nothing as well is asked for again, not tried for ever. */
static enum fk_status outlast_damage(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->options->damaged && !fk_place__rebuild_waits(&r->place))
        r->options->damaged(r->options->ctx, err);
    while (!r->is_stopped && !fk_place__rebuild_waits(&r->place))
        FK_TRY(pause_for(r, POLL_MS, err));
    if (r->is_stopped)
        goto done;
    r->is_damaged = false;
    FK_TRY(pool_open(r, err));
    st = rebuild(r, err);
    if (r->is_damaged && fk_place__rebuild_done(&r->place, NULL) != FK_OK)
        st = fk_fail(err, FK_IO, "cannot take back the request for a rebuild below %s",
                     r->place.index);
done:
    return st;
}

/* The desk went away: what was in flight is dropped, and asked for again once it is back. */
static enum fk_status follow(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (!r->is_stopped) {
        st = r->is_damaged ? outlast_damage(r, err) : catch_up(r, err);
        if (st == FK_OK && !r->is_stopped)
            st = tidy(r, err);
        if (st == FK_CORRUPT && r->is_damaged)
            continue;
        if (st == FK_RETRY) {
            ring_empty(r);
            if (r->list == &r->place.building)
                rebuild_drop(r);
            FK_TRY(pool_open(r, err));
        } else if (st != FK_OK)
            return st;
        FK_TRY(pause_for(r, r->is_stopped ? 0 : POLL_MS, err));
    }
    st = FK_OK;
done:
    return st;
}

/* Damage to a database shows when it is opened, or else when it is searched or merged. */
static enum fk_status whole_check(struct run *r, struct fk_err *err) {
    struct fk_xreader *reader = NULL;
    uint64_t mark = 0;
    enum fk_status st = fk_index_open(r->dir, &reader, &mark, err);
    r->is_damaged |= st == FK_CORRUPT;
    fk_xreader_close(&reader);
    return st;
}

static enum fk_status once(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (!r->options->rebuild)
        FK_TRY(catch_up(r, err));
    st = tidy(r, err);
    for (int tries = 0; st == FK_RETRY && tries < 25; tries++) {
        (void)poll(NULL, 0, POLL_MS);
        st = fk_place__destroy_gone(&r->place, err);
    }
    if (st == FK_RETRY)
        st = FK_OK; /* somebody still searches the old one; the next run destroys it */
done:
    return st;
}

static enum fk_status begin(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    FK_TRY(fk_place__open(r->dir, &r->place, err));
    if (r->options->rebuild)
        FK_TRY(fk_index_ask_rebuild(r->dir, err));
    FK_TRY(pool_open(r, err));
    r->list = &r->place.shards;
    begin_at_mark(r);
    if (r->options->rebuild)
        goto done; /* the old one may be damaged: it is not even opened */
    if (r->place.is_new) {
        r->list->version = FK_TERMS_VERSION;
        FK_TRY(publish(r, err));
    }
    st = whole_check(r, err);
    if (st == FK_CORRUPT && r->options->wait)
        return FK_OK; /* follow waits */
    if (st == FK_OK && r->list->version != FK_TERMS_VERSION)
        st = fk_index_ask_rebuild(r->dir, err);
done:
    return st;
}

enum fk_status fk_index_run(const char *dir, struct fk_lend *lend,
                            const struct fk_index_options *options, struct fk_err *err) {
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return fk_fail(err, FK_NOMEM, "indexing: out of memory");
    r->dir = dir;
    r->lend = lend;
    r->options = options;
    r->place.lock = -1;
    enum fk_status st = begin(r, err);
    if (st == FK_OK)
        st = options->wait ? follow(r, err) : once(r, err);
    fk_xwriter_close(&r->writer);
    fk_pool__close(&r->pool);
    for (size_t i = 0; i < RING; i++)
        item_clear(&r->ring[i]);
    fk_buf_free(&r->lines);
    fk_place__close(&r->place);
    free(r);
    return st;
}
