/* index_run.c - the way from the ledger to the index.
 *
 * Entries are taken in order into a ring. A mail's message goes to a boxed reader; what comes back
 * waits in the ring until all before it is in the index, so that documents are put in the order of
 * their seq and the mark is always the seq after the last one put. A batch of them becomes a shard,
 * and the file that names the shards names the mark too: after any crash the index stands where a
 * commit left it. */
#include "archiver/vault/envelope.h"
#include "archiver/vault/fields.h"
#include "base/clock.h"
#include "base/fault.h"
#include "indexer/run_priv.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/terms.h"
#include "indexer/transactions_priv.h"
#include "indexer/verdicts_priv.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 200, /* between two looks at the ledger's end */
    POSTINGS_A_COMMIT = 1000000,
    COMMIT_MS = 2000, /* after the first document: somebody may wait for it */
    TOLD_A_COMMIT = 1000,
    SALT = 32, /* docs/format-vault.md 2 */
    SEQS_MAX = 1 << 24
};

/* ---- entries into the ring */

void fk_run__item_clear(struct item *i) {
    fk_buf_free(&i->envelope);
    fk_buf_free(&i->answer);
    fk_seqs_free(&i->forget);
    fk_seqs_free(&i->judged);
    fk_seqs_free(&i->told);
    fk_content_free(&i->content);
    *i = (struct item)ITEM_INIT;
}

/* A reader gets the file of what the item has the bytes of. */
enum fk_status fk_run__item_submit(struct run *r, struct item *i, enum fk_job_kind kind,
                                   const struct fk_envelope *envelope, struct fk_err *err) {
    i->passwords = kind == FK_JOB_TERMS ? r->passwords : NULL;
    const struct fk_job job = {.id = i->seq,
                               .kind = kind,
                               .fd = i->content.fd,
                               .offset = SALT + (uint64_t)(envelope->message - i->content.bytes),
                               .len = envelope->message_len,
                               .passwords = i->passwords};
    i->content.fd = -1;
    i->message = envelope->message;
    i->len = envelope->message_len;
    i->state = ITEM_WAITS;
    return fk_pool__submit(r->pool, &job, err);
}

static enum fk_status mail_submit(struct run *r, struct item *i, struct fk_err *err) {
    struct fk_envelope envelope;
    enum fk_status st = fk_envelope_split(i->content.bytes, i->content.len, &envelope, err);
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
    return fk_run__item_submit(r, i, FK_JOB_TERMS, &envelope, err);
}

void fk_run__mail_begin(const struct run *r, struct item *i, const struct fk_entry *e) {
    i->is_mail = true;
    i->state = ITEM_ASKED;
    i->source = (struct fk_source){.seq = e->seq,
                                   .time_ms = e->time_ms,
                                   .trust = r->options->trust,
                                   .own_companies = r->options->own_companies};
}

static void content_let_go(struct run *r, struct item *i) {
    fk_content_free(&i->content);
    r->in_flight -= i->size;
    i->size = 0;
}

/* What the vault cannot give out any more has been disposed of; what it gives out damaged is found
 * by its seq. */
enum fk_status fk_run__mail_take(struct run *r, struct item *i, struct fk_err *err) {
    enum fk_status st = fk_lend_content(r->lend, i->seq, 0, &i->content, err);
    if (st == FK_OK)
        fk_salts__put(&r->salts, i->seq, i->content.salt);
    if (st == FK_OK)
        st = mail_submit(r, i, err);
    else if (st == FK_NOT_FOUND || st == FK_CORRUPT) {
        i->has_no_content = st == FK_NOT_FOUND;
        i->reasons = st == FK_CORRUPT ? FK_REASON_CONTENT : 0;
        st = FK_OK;
    }
    if (i->state == ITEM_WAITS || st != FK_OK)
        return st;
    i->state = ITEM_DONE;
    content_let_go(r, i);
    return FK_OK;
}

static enum fk_status of_take(struct fk_seqs *out, const struct fk_entry *e, struct fk_err *err) {
    size_t len = 0;
    const char *of = fk_entry_field_at(e, "of", &len);
    if (!of || !fk_seqs_parse(of, len, SEQS_MAX, out))
        return fk_fail(err, FK_CORRUPT, "entry %llu (%s) names no seqs", (unsigned long long)e->seq,
                       e->kind);
    return FK_OK;
}

/* One of another form says nothing here: the index does not stop for it. */
static void told_take(struct item *i, const struct fk_entry *e) {
    size_t len = 0;
    const char *of = fk_entry_field_at(e, "of", &len);
    i->told_one = (struct fk_told_one){
        .entry = e->seq, .time_ms = e->time_ms, .is_of_transaction = fk_transactions__are_in(e)};
    if (of && !fk_seqs_parse(of, len, SEQS_MAX, &i->told))
        fk_seqs_free(&i->told);
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

/* A mail's content will be asked for when there is a reader for it. */
static void mail_announce(struct run *r, struct item *i, const struct fk_entry *e) {
    fk_run__mail_begin(r, i, e);
    (void)fk_entry_number(e, "size", &i->size);
    r->in_flight += i->size;
    fk_lend_content_soon(r->lend, e->seq, 0);
}

/* *is_head: there is none. Nothing moves on where something fails. */
static enum fk_status entry_take(struct run *r, bool *is_head, struct fk_err *err) {
    const char *line;
    size_t len;
    struct fk_entry e;
    enum fk_status st = line_next(r, &line, &len, err);
    *is_head = st == FK_OK && !line;
    if (st != FK_OK || !line)
        return st;
    st = fk_entry_read(line, len, &e, err);
    if (st != FK_OK)
        return st;
    struct item *i = &r->ring[(r->first + r->count) % FK_RUN_RING];
    fk_run__item_clear(i);
    i->seq = e.seq;
    if (fk_entry_is(&e, "mail"))
        mail_announce(r, i, &e);
    else if (fk_entry_is(&e, "dispose"))
        st = of_take(&i->forget, &e, err);
    else if (fk_verdicts__are_in(&e))
        st = of_take(&i->judged, &e, err);
    else if (fk_deliveries__are_in(&e) || fk_transactions__are_in(&e))
        told_take(i, &e);
    if (st != FK_OK)
        return st;
    r->lines_at += len;
    r->next_seq = e.seq + 1;
    r->count++;
    return FK_OK;
}

/* Entries before there is a reader for them: the desk looks for their contents meanwhile. Not
 * beyond the lines that are here: the next ones are waited for. */
static bool may_look_ahead(const struct run *r) {
    const size_t ahead = r->count - r->taken;
    if (r->count == FK_RUN_RING)
        return false;
    return ahead == 0 || (ahead < FK_LEND_SOON && r->in_flight < FK_RUN_FLIGHT_BYTES &&
                          r->lines_at < r->lines.len);
}

static bool may_take(const struct run *r) {
    return r->answer_bytes < FK_RUN_RING_BYTES && fk_pool__free(r->pool) > 0 &&
           (r->in_flight < FK_RUN_FLIGHT_BYTES || fk_pool__idle(r->pool) > 0);
}

enum fk_status fk_run__take_what_fits(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool is_head = false;
    while (may_take(r)) {
        while (!is_head && may_look_ahead(r))
            FK_TRY(entry_take(r, &is_head, err));
        if (r->taken == r->count || !may_take(r))
            break;
        struct item *i = &r->ring[(r->first + r->taken) % FK_RUN_RING];
        if (i->state == ITEM_ASKED)
            FK_TRY(fk_run__mail_take(r, i, err));
        r->taken++;
    }
    r->has_more = !is_head || r->taken < r->count;
done:
    return st;
}

/* ---- out of the readers */

static struct item *item_of(struct run *r, uint64_t seq) {
    if (r->aside && r->aside->seq == seq)
        return r->aside;
    for (size_t k = 0; k < r->count; k++) {
        struct item *i = &r->ring[(r->first + k) % FK_RUN_RING];
        if (i->seq == seq && i->state == ITEM_WAITS)
            return i;
    }
    return NULL;
}

/* What the message is, by its bytes; after that they are let go. */
static enum fk_status item_name(struct run *r, struct item *i, struct fk_err *err) {
    enum fk_status st = fk_document__take(&i->answer, i->passwords, &i->said, err);
    if (st == FK_OK)
        st = fk_document__key(&i->said, i->message, i->len, i->source.key, &i->source.message_bytes,
                              err);
    content_let_go(r, i);
    return st;
}

enum fk_status fk_run__answer_wait(struct run *r, int wait_ms, struct fk_err *err) {
    struct fk_job_result result;
    enum fk_status st = fk_pool__wait(r->pool, wait_ms, &result, err);
    if (st != FK_OK)
        return st == FK_RETRY ? FK_OK : st;
    struct item *i = item_of(r, result.id);
    if (!i) {
        fk_buf_free(&result.answer);
        return fk_fail(err, FK_IO, "an index reader answered what was not asked");
    }
    i->answer = result.answer;
    i->reasons |= result.reasons;
    i->state = ITEM_DONE;
    if (i != r->aside)
        r->answer_bytes += i->answer.len;
    return item_name(r, i, err);
}

/* ---- out of the ring into the index */

static enum fk_status document_put(struct run *r, uint64_t seq, struct fk_xdoc *doc,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (seq > UINT32_MAX)
        return fk_fail(err, FK_FULL, "an index has room for %u entries", UINT32_MAX);
    FK_TRY(fk_run__room_for_batch(r, err)); /* Xapian writes some of it before the commit */
    if (!r->writer)
        FK_TRY(fk_run__batch_open(r, err));
    FK_TRY(fk_run__of_database(r, fk_xwriter_put(r->writer, (uint32_t)seq, doc, err), err));
    if (r->batch.documents++ == 0) {
        r->batch.first = (uint32_t)seq;
        r->batch_since_ms = fk_monotonic_ms();
    }
    r->batch.last = (uint32_t)seq;
done:
    return st;
}

/* The document of the captures before gives way: at once in the batch, elsewhere by the commit. */
static enum fk_status supersede(struct run *r, const struct fk_known_found *found,
                                struct fk_err *err) {
    if (!found->is_in_batch) {
        fk_seqs_add(&r->superseded, found->docid);
        return FK_OK;
    }
    r->batch.documents--;
    return fk_run__of_database(r, fk_xwriter_delete(r->writer, found->docid, err), err);
}

static enum fk_status mail_put(struct run *r, struct item *i, struct fk_err *err) {
    enum fk_status st;
    struct fk_xdoc *doc = NULL;
    struct fk_known_found found = {NULL, 0, false};
    size_t postings = 0;
    if (r->told.count)
        FK_TRY(fk_run__commit(r, err));
    st = fk_known__find(&r->known, &r->place, r->list, r->writer, i->source.key, i->said.read,
                        &found, err);
    FK_TRY(fk_run__of_database(r, st, err));
    FK_TRY(fk_document__make(&i->source, i->reasons, &i->said, found.doc, &doc, &postings, err));
    r->batch_bytes += i->answer.len;
    r->batch_postings += postings;
    FK_TRY(document_put(r, i->seq, doc, err));
    FK_TRY(fk_known__add(&r->known, i->source.key, (uint32_t)i->seq, err));
    if (found.doc)
        st = supersede(r, &found, err);
done:
    fk_known__found_free(&found);
    fk_xdoc_free(&doc);
    return st;
}

/* The batch becomes a shard first: what is judged may be in it. */
static enum fk_status judge(struct run *r, const struct item *i, struct fk_err *err) {
    enum fk_status st = FK_OK;
    FK_TRY(fk_run__commit(r, err));
    FK_TRY(fk_run__room_check(r, 0, err));
    st = fk_verdicts__take(&r->place, r->list, &r->known, r->lend, &r->salts, i->seq, &i->judged,
                           err);
    st = fk_run__of_database(r, st, err);
done:
    return st;
}

/* The same; then they wait for one another. */
static enum fk_status tell(struct run *r, const struct item *i, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (!r->told.count)
        FK_TRY(fk_run__commit(r, err));
    st = fk_told__add(&r->told, &i->told_one, &i->told, err);
done:
    return st;
}

static enum fk_status item_put(struct run *r, struct item *i, struct fk_err *err) {
    if (i->judged.count)
        return judge(r, i, err);
    if (i->told.count)
        return tell(r, i, err);
    return i->is_mail && !i->has_no_content ? mail_put(r, i, err)
                                            : fk_run__forget(r, &i->forget, err);
}

static void ring_drop_first(struct run *r) {
    struct item *i = &r->ring[r->first];
    r->answer_bytes -= i->answer.len;
    content_let_go(r, i);
    fk_run__item_clear(i);
    r->first = (r->first + 1) % FK_RUN_RING;
    r->count--;
    r->taken -= r->taken > 0;
}

static bool is_batch_due(const struct run *r) {
    return r->batch.documents >= r->options->batch || r->batch_postings >= POSTINGS_A_COMMIT ||
           r->told.count >= TOLD_A_COMMIT ||
           (r->batch.documents && fk_monotonic_ms() - r->batch_since_ms >= COMMIT_MS);
}

static bool has_first_to_put(const struct run *r) {
    return r->count > 0 && r->ring[r->first].state == ITEM_DONE;
}

static enum fk_status first_put(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct item *i = &r->ring[r->first];
    FK_TRY(item_put(r, i, err));
    FK_TRY(fk_run__stepped(fk_fault("index-put"), err));
    r->done = i->seq + 1;
    ring_drop_first(r);
    if (r->options->progress)
        r->options->progress(r->options->ctx, r->done, r->head);
    if (is_batch_due(r))
        FK_TRY(fk_run__commit(r, err));
done:
    return st;
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

/* One of an earlier version takes nothing more: it is made anew from the first entry on. */
static bool is_of_earlier_version(const struct run *r) {
    return r->list->version != FK_TERMS_VERSION;
}

/* Everything up to the head, or until the run is stopped. */
static enum fk_status take_and_put(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    r->has_more = true;
    while (!r->is_stopped && (r->has_more || r->count > 0)) {
        FK_TRY(fk_run__take_what_fits(r, err));
        if (has_first_to_put(r))
            FK_TRY(first_put(r, err));
        if (r->count > 0)
            FK_TRY(fk_run__answer_wait(r, has_first_to_put(r) ? 0 : FK_RUN_ANSWER_MS, err));
        FK_TRY(pause_for(r, 0, err));
    }
done:
    r->has_more = false;
    return st;
}

/* Everything up to the head is put and committed; or the run is stopped, and what was put is. */
static enum fk_status catch_up(struct run *r, struct fk_err *err) {
    struct fk_head head;
    if (is_of_earlier_version(r))
        return FK_OK;
    enum fk_status st = fk_lend_head(r->lend, &head, err);
    if (st != FK_OK)
        return st;
    r->head = head.next_seq;
    st = take_and_put(r, err);
    return st == FK_OK ? fk_run__commit(r, err) : st;
}

/* What is in flight is taken again later: the mark is before it. */
static void ring_empty(struct run *r) {
    while (r->count > 0)
        ring_drop_first(r);
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
    fk_run__batch_drop(r);
    fk_known__changed(&r->known);
    fk_shards__free(&r->place.building);
    r->place.building.version = FK_TERMS_VERSION;
    r->list = &r->place.building;
    fk_run__begin_at_mark(r);
}

/* What was made of it is put out of use by the next to publish. */
static void rebuild_drop(struct run *r) {
    fk_run__batch_drop(r);
    fk_known__changed(&r->known);
    fk_shards__free(&r->place.building);
    r->list = &r->place.shards;
    fk_run__begin_at_mark(r);
}

static enum fk_status rebuild(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    rebuild_begin(r);
    FK_TRY(catch_up(r, err));
    if (r->is_stopped)
        goto done;
    fk_shards__free(&r->place.shards);
    r->place.shards = r->place.building;
    r->place.building = (struct fk_shards)FK_SHARDS_NONE;
    r->list = &r->place.shards;
    FK_TRY(fk_run__publish(r, err));
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
        FK_TRY(fk_run__renew(r, err));
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
    fk_run__begin_at_mark(r);
    if (r->options->rebuild)
        goto done; /* the old one may be damaged: it is not even opened */
    if (r->place.is_new) {
        r->list->version = FK_TERMS_VERSION;
        FK_TRY(fk_run__publish(r, err));
    }
    if (is_of_earlier_version(r)) {
        st = fk_index_ask_rebuild(r->dir, err);
        goto done;
    }
    st = whole_check(r, err);
    if (st == FK_CORRUPT && r->options->wait)
        return FK_OK; /* follow waits */
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
    for (size_t i = 0; i < FK_RUN_RING; i++)
        r->ring[i] = (struct item)ITEM_INIT;
    enum fk_status st = begin(r, err);
    if (st == FK_OK)
        st = options->wait ? follow(r, err) : once(r, err);
    fk_xwriter_close(&r->writer);
    fk_pool__close(&r->pool);
    for (size_t i = 0; i < FK_RUN_RING; i++)
        fk_run__item_clear(&r->ring[i]);
    fk_buf_free(&r->lines);
    fk_seqs_free(&r->superseded);
    fk_told__free(&r->told);
    fk_known__free(&r->known);
    fk_place__close(&r->place);
    free(r);
    return st;
}
