/* index_run.c - the way from the ledger to the index.
 *
 * Entries are taken in order into a ring. A mail's message goes to a boxed reader; what comes back
 * waits in the ring until all before it is in the index, so that documents are put in the order of
 * their seq and the mark is always the seq after the last one put. Mark and documents are one
 * commit: after any crash the index stands where a commit left it. */
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
    struct fk_pool *pool;
    struct fk_xwriter *writer;
    unsigned number; /* of the database being written */
    struct item ring[RING];
    size_t first, count;
    struct fk_buf lines; /* of the ledger, not yet taken */
    size_t lines_at;
    uint64_t next_seq; /* to be taken */
    uint64_t done;     /* all before it is put */
    uint64_t mark;     /* all before it is committed */
    uint64_t head;     /* of the ledger when last asked */
    size_t batch_documents, batch_postings;
    uint64_t batch_bytes; /* of what the readers said */
    bool is_stopped;
    bool is_damaged;    /* the database, not what goes into it: only a rebuild helps */
    bool has_forgotten; /* deleted postings lie in free blocks of the database */
};

/* A step that a test makes fail, or dies at: what fk_fault said. */
static enum fk_status stepped(int injected, struct fk_err *err) {
    return injected ? fk_fail_sys(err, injected, "writing the index") : FK_OK;
}

/* ---- the database */

/* What came of a call to the database that is being written. */
static enum fk_status of_database(struct run *r, enum fk_status st, struct fk_err *err) {
    char path[FK_PLACE_PATH] = "";
    r->is_damaged |= st == FK_CORRUPT;
    if (fk_place__path(&r->place, r->number, path, NULL) == FK_OK)
        (void)fk_index_blame(st, path, err);
    return st;
}

static enum fk_status meta_number(struct run *r, const char *key, uint64_t *out,
                                  struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = fk_xwriter_get_meta(r->writer, key, &b, err);
    if (st == FK_OK)
        *out = strtoull(fk_buf_cstr(&b), NULL, 10);
    fk_buf_free(&b);
    return st;
}

static enum fk_status writer_open(struct run *r, unsigned number, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    uint64_t forgotten = 0;
    r->number = number;
    enum fk_status st = fk_place__path(&r->place, number, path, err);
    if (st == FK_OK)
        st = fk_xwriter_open(path, &r->writer, err);
    if (st == FK_OK)
        st = meta_number(r, "mark", &r->mark, err);
    if (st == FK_OK)
        st = meta_number(r, "forgotten", &forgotten, err);
    if (st == FK_NOT_FOUND) /* it is made where it is missing: one of its files is */
        st = fk_fail(err, FK_CORRUPT, "a file of it is missing");
    if (st != FK_OK)
        return of_database(r, st, err);
    r->next_seq = r->done = r->mark;
    r->has_forgotten = forgotten != 0;
    r->lines_at = 0;
    fk_buf_reset(&r->lines);
    return st;
}

/* The index can be made again, acts cannot: so it leaves the reserve to them. A batch of words that
 * are all different needs several times what the readers said of it: four times is asked for. */
static enum fk_status room_check(const struct run *r, struct fk_err *err) {
    struct statvfs s;
    char path[FK_PLACE_PATH];
    const uint64_t want = 2 * r->options->reserve_bytes + 4 * r->batch_bytes;
    enum fk_status st = fk_place__path(&r->place, r->number, path, err);
    if (st != FK_OK)
        return st;
    if (statvfs(path, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for free space", path);
    if ((uint64_t)s.f_bavail * s.f_frsize < want)
        return fk_fail(err, FK_FULL,
                       "%s: indexing wants %llu bytes free, the disk-reserve among them, and waits "
                       "for room; what was received is kept",
                       path, (unsigned long long)want);
    return FK_OK;
}

static enum fk_status commit(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char text[32];
    if (r->done == r->mark)
        return FK_OK;
    FK_TRY(room_check(r, err));
    snprintf(text, sizeof text, "%llu", (unsigned long long)r->done);
    FK_TRY(fk_xwriter_set_meta(r->writer, "mark", text, err));
    FK_TRY(fk_xwriter_set_meta(r->writer, "forgotten", r->has_forgotten ? "1" : "", err));
    snprintf(text, sizeof text, "%d", FK_TERMS_VERSION);
    FK_TRY(fk_xwriter_set_meta(r->writer, "version", text, err));
    FK_TRY(stepped(fk_fault("index-commit"), err));
    FK_TRY(of_database(r, fk_xwriter_commit(r->writer, err), err));
    FK_TRY(stepped(fk_fault("index-committed"), err));
    r->mark = r->done;
    r->batch_documents = r->batch_postings = 0;
    r->batch_bytes = 0;
    if (r->options->progress)
        r->options->progress(r->options->ctx, r->mark, r->head);
done:
    return st;
}

/* A compacted copy takes the database's place: half the size, and without what was deleted. */
static enum fk_status renew(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char from[FK_PLACE_PATH], to[FK_PLACE_PATH];
    const unsigned number = r->place.newest + 1;
    if (r->has_forgotten) { /* the copy has nothing of it */
        FK_TRY(fk_xwriter_set_meta(r->writer, "forgotten", "", err));
        FK_TRY(of_database(r, fk_xwriter_commit(r->writer, err), err));
    }
    fk_xwriter_close(&r->writer);
    FK_TRY(fk_place__path(&r->place, r->number, from, err));
    FK_TRY(fk_place__path(&r->place, number, to, err));
    r->place.newest = number;
    FK_TRY(stepped(fk_fault("index-compact"), err));
    FK_TRY(of_database(r, fk_xcompact(from, to, err), err));
    FK_TRY(stepped(fk_fault("index-use"), err));
    FK_TRY(fk_place__use(&r->place, number, err));
    FK_TRY(stepped(fk_fault("index-used"), err));
    FK_TRY(writer_open(r, number, err));
done:
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

static enum fk_status item_put(struct run *r, struct item *i, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xdoc *doc = NULL;
    size_t postings = 0;
    if (i->is_mail && !i->has_no_content) {
        st = fk_document__make(&i->source, i->reasons, &i->answer, &doc, &postings, err);
        if (st == FK_OK && i->seq > UINT32_MAX)
            st = fk_fail(err, FK_FULL, "an index has room for %u entries", UINT32_MAX);
        r->batch_bytes += i->answer.len;
        if (st == FK_OK)
            st = room_check(r, err); /* Xapian writes some of it before the commit */
        if (st == FK_OK)
            st = of_database(r, fk_xwriter_put(r->writer, (uint32_t)i->seq, doc, err), err);
        fk_xdoc_free(&doc);
        r->batch_documents++;
        r->batch_postings += postings;
    }
    for (size_t k = 0; st == FK_OK && k < i->forget.count; k++) {
        st = of_database(r, fk_xwriter_delete(r->writer, (uint32_t)i->forget.at[k], err), err);
        r->has_forgotten = true;
    }
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
        if (r->batch_documents >= r->options->batch || r->batch_postings >= POSTINGS_A_COMMIT)
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

static enum fk_status rebuild(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    ring_empty(r);
    fk_xwriter_close(&r->writer);
    FK_TRY(writer_open(r, ++r->place.newest, err));
    FK_TRY(catch_up(r, err));
    if (r->is_stopped)
        goto done; /* half made: put out of use by the next to open the place */
    FK_TRY(renew(r, err));
    FK_TRY(fk_place__rebuild_done(&r->place, err));
done:
    return st;
}

/* Caught up: compacts after a disposal, destroys what is out of use, rebuilds where that was asked.
 */
static enum fk_status tidy(struct run *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (fk_place__rebuild_waits(&r->place))
        FK_TRY(rebuild(r, err));
    else if (r->has_forgotten)
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
    fk_xwriter_close(&r->writer);
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
        if (st == FK_RETRY && r->writer) {
            ring_empty(r);
            FK_TRY(pool_open(r, err));
        } else if (st != FK_OK)
            return st;
        FK_TRY(pause_for(r, r->is_stopped ? 0 : POLL_MS, err));
    }
    st = FK_OK;
done:
    return st;
}

static enum fk_status version_check(struct run *r, struct fk_err *err) {
    uint64_t version;
    enum fk_status st = meta_number(r, "version", &version, err);
    if (st == FK_OK && r->mark > 0 && version != FK_TERMS_VERSION)
        st = fk_index_ask_rebuild(r->dir, err);
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
    if (r->options->rebuild)
        goto done; /* the old one may be damaged: it is not even opened */
    const bool is_new = r->place.current == 0;
    st = writer_open(r, is_new ? ++r->place.newest : r->place.current, err);
    if (st == FK_CORRUPT && r->options->wait)
        return FK_OK; /* follow waits */
    if (st != FK_OK)
        goto done;
    if (is_new) {
        FK_TRY(fk_xwriter_commit(r->writer, err));
        FK_TRY(fk_place__use(&r->place, r->number, err));
    }
    FK_TRY(version_check(r, err));
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
