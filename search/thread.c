/* thread.c - the search outward from one message: its ids, who has them, who names them, and where
 * nothing but a subject says so. What comes of it is made a tree by thread_tree.c. */
#include "search/thread_priv.h"
#include "archiver/vault/keep.h"
#include "indexer/record/provenance.h"
#include "indexer/store/state.h"
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "search/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = FK_THREAD_MAX + 1, TOPIC_TRIES = 20, PEOPLE_MAX = 200 };

/* Numbers that were met before. */
struct met {
    uint64_t *at;
    size_t count, cap; /* cap: a power of two */
};

struct finder {
    struct fk_xreader *reader;
    uint64_t before;
    const struct fk_seqs *disposed;
    struct fk_thread *thread;
    struct met ids, docids;
    unsigned topics; /* searches by subject */
    uint32_t found[FOUND_MAX];
};

/* True when it was not there. 0 is no such number. */
static bool met_first(struct met *m, uint64_t n, enum fk_status *st, struct fk_err *err) {
    if (2 * m->count >= m->cap) {
        struct met more = {NULL, 0, m->cap ? 2 * m->cap : 256};
        more.at = calloc(more.cap, sizeof *more.at);
        if (more.at == NULL) {
            *st = fk_fail(err, FK_NOMEM, "out of memory for a conversation");
            return false;
        }
        for (size_t i = 0; i < m->cap; i++)
            if (m->at[i] != 0)
                (void)met_first(&more, m->at[i], st, err);
        free(m->at);
        *m = more;
    }
    size_t i = n & (m->cap - 1);
    for (; m->at[i] != 0; i = (i + 1) & (m->cap - 1))
        if (m->at[i] == n)
            return false;
    m->at[i] = n;
    m->count++;
    return true;
}

/* ---- one message */

static enum fk_status captures_take(const struct finder *f, struct fk_thread_message *m,
                                    struct fk_err *err) {
    struct fk_provenance known = FK_PROVENANCE_INIT;
    enum fk_status st = fk_provenance_read(m->data.data, m->data.len, &known, err);
    m->received_ms = INT64_MAX;
    for (size_t i = 0; st == FK_OK && i < known.capture_count; i++) {
        const struct fk_capture *c = &known.captures[i];
        if (c->seq >= f->before || (f->disposed != NULL && fk_seqs_has(f->disposed, c->seq)))
            continue;
        fk_seqs_add(&m->captures, c->seq);
        m->seq = c->seq;
        if (c->received_ms < m->received_ms)
            m->received_ms = c->received_ms;
    }
    fk_provenance_free(&known);
    return st == FK_OK && m->captures.failed
               ? fk_fail(err, FK_NOMEM, "out of memory for a conversation")
               : st;
}

static void message_free(struct fk_thread_message *m) {
    fk_buf_free(&m->data);
    fk_buf_free(&m->attachments);
    fk_seqs_free(&m->captures);
}

/* Without captures it is none that is looked at. */
static enum fk_status message_read(const struct finder *f, uint32_t docid,
                                   struct fk_thread_message *out, struct fk_err *err) {
    *out = (struct fk_thread_message){.docid = docid, .data = FK_BUF_INIT, .parent = SIZE_MAX};
    enum fk_status st = fk_xreader_data(f->reader, docid, &out->data, err);
    if (st == FK_OK)
        st = captures_take(f, out, err);
    if (st != FK_OK)
        message_free(out);
    return st;
}

static enum fk_status message_add(struct finder *f, uint32_t docid, struct fk_err *err) {
    struct fk_thread *t = f->thread;
    enum fk_status st = FK_OK;
    if (t->count == FK_THREAD_MAX) {
        bool is_there = false;
        for (size_t i = 0; i < t->count; i++)
            is_there |= t->at[i].docid == docid;
        t->is_cut |= !is_there;
        return FK_OK;
    }
    if (!met_first(&f->docids, docid, &st, err))
        return st;
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        void *at = realloc(t->at, cap * sizeof *t->at);
        if (at == NULL)
            return fk_fail(err, FK_NOMEM, "out of memory for a conversation");
        t->at = at;
        t->cap = cap;
    }
    st = message_read(f, docid, &t->at[t->count], err);
    if (st != FK_OK)
        return st;
    if (t->at[t->count].captures.count > 0)
        t->count++;
    else
        message_free(&t->at[t->count]);
    return FK_OK;
}

/* ---- by what messages name */

static enum fk_status with_term(struct finder *f, const char *prefix, const char *text, size_t len,
                                struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    size_t n = 0;
    fk_buf_str(&term, prefix);
    fk_buf_add(&term, text, len < FK_WHOLE_MAX ? len : FK_WHOLE_MAX);
    enum fk_status st = term.failed ? fk_fail(err, FK_NOMEM, "out of memory for a conversation")
                                    : fk_xreader_with_term(f->reader, (const char *)term.data,
                                                           term.len, f->found, FOUND_MAX, &n, err);
    fk_buf_free(&term);
    for (size_t i = 0; i < n && st == FK_OK; i++)
        st = message_add(f, f->found[i], err);
    return st;
}

static enum fk_status id_follow(struct finder *f, const struct fk_buf *id, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (f->ids.count >= FK_THREAD_IDS) {
        f->thread->is_cut = true;
        return FK_OK;
    }
    if (!met_first(&f->ids, fk_thread__id(id->data, id->len), &st, err))
        return st;
    FK_TRY(with_term(f, FK_P_OWN_MSGID, (const char *)id->data, id->len, err));
    FK_TRY(with_term(f, FK_P_REFERENCE, (const char *)id->data, id->len, err));
done:
    return st;
}

bool fk_thread__next_id(struct fk_fields *it, bool *is_own, struct fk_buf *id) {
    for (struct fk_field field; fk_fields_next(it, &field) && !fk_field_is(&field, "capture");) {
        *is_own = fk_field_is(&field, "message-id");
        if (!*is_own && !fk_field_is(&field, "reference") && !fk_field_is(&field, "in-reply-to"))
            continue;
        fk_buf_reset(id);
        fk_field_value(&field, id);
        if (id->len > 0)
            return true;
    }
    return false;
}

/* ---- by the subject alone */

/* Lines of terms as an OR; NULL where there are none. At most PEOPLE_MAX of them. */
static struct fk_xquery *any_of(const char *prefix, const struct fk_buf *lines) {
    struct fk_xquery *any = NULL;
    const char *at = (const char *)lines->data, *end = at + lines->len;
    for (unsigned n = 0; n < PEOPLE_MAX && at < end; n++) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        struct fk_buf term = FK_BUF_INIT;
        fk_buf_str(&term, prefix);
        fk_buf_add(&term, at, (size_t)(lf - at));
        struct fk_xquery *one =
            term.failed ? NULL : fk_xquery_term((const char *)term.data, term.len);
        any = any == NULL ? one : fk_xquery_or(any, one);
        fk_buf_free(&term);
        at = lf + 1;
    }
    return any;
}

/* Sent by one whom this one is for; or by the same person, to somebody whom this one is for too. */
static struct fk_xquery *answered(const struct fk_buf *from, const struct fk_buf *to) {
    struct fk_xquery *same = fk_xquery_and(any_of(FK_P_FROM_ADDR, from), any_of(FK_P_TO_ADDR, to));
    return fk_xquery_or(any_of(FK_P_FROM_ADDR, to), same);
}

/* Messages of the same base subject between two times, to or from who sent this one, which it may
 * answer. None where it has no subject, or no sender, or is for nobody. */
static enum fk_status topic_search(struct finder *f, uint32_t docid, const char *prefix,
                                   int64_t first_ms, int64_t last_ms, struct fk_xhits *hits,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf topic = FK_BUF_INIT, from = FK_BUF_INIT, to = FK_BUF_INIT;
    struct fk_xquery *q = NULL;
    hits->count = 0;
    FK_TRY(fk_xreader_terms(f->reader, docid, FK_P_TOPIC, &topic, err));
    FK_TRY(fk_xreader_terms(f->reader, docid, FK_P_FROM_ADDR, &from, err));
    FK_TRY(fk_xreader_terms(f->reader, docid, FK_P_TO_ADDR, &to, err));
    if (topic.len == 0 || from.len == 0 || to.len == 0)
        goto done;
    q = any_of(prefix, &topic);
    q = fk_xquery_and(q, fk_query_plan_received(first_ms, last_ms));
    q = fk_xquery_and(q, any_of(FK_P_PERSON, &from));
    if (strcmp(prefix, FK_P_TOPIC) == 0)
        q = fk_xquery_and(q, answered(&from, &to));
    st = fk_xreader_search(f->reader, q, FK_SLOT_RECEIVED, 0, FK_XHITS_MAX, hits, err);
done:
    fk_xquery_free(&q);
    fk_buf_free(&topic);
    fk_buf_free(&from);
    fk_buf_free(&to);
    return st;
}

static bool is_before(const struct fk_thread_message *a, const struct fk_thread_message *b) {
    return a->received_ms != b->received_ms ? a->received_ms < b->received_ms : a->docid < b->docid;
}

static const int64_t topic_ms = (int64_t)FK_TOPIC_DAYS * 86400 * 1000;

/* The newest before it; 0 where there is none. */
static enum fk_status topic_parent(struct finder *f, const struct fk_thread_message *m,
                                   uint32_t *out, struct fk_err *err) {
    struct fk_xhits *hits = malloc(sizeof *hits);
    enum fk_status st = FK_OK;
    *out = 0;
    if (hits == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a conversation");
    FK_TRY(topic_search(f, m->docid, FK_P_TOPIC, m->received_ms - topic_ms, m->received_ms, hits,
                        err));
    for (size_t i = 0; i < hits->count && i < TOPIC_TRIES && *out == 0; i++) {
        struct fk_thread_message other;
        FK_TRY(message_read(f, hits->docids[i], &other, err));
        if (other.captures.count > 0 && is_before(&other, m))
            *out = other.docid;
        message_free(&other);
    }
done:
    free(hits);
    return st;
}

static enum fk_status is_topic_reply(struct finder *f, uint32_t docid, bool *out,
                                     struct fk_err *err) {
    struct fk_buf topic = FK_BUF_INIT;
    enum fk_status st = fk_xreader_terms(f->reader, docid, FK_P_TOPIC_REPLY, &topic, err);
    *out = topic.len > 0;
    fk_buf_free(&topic);
    return st;
}

/* Those later ones whose newest before them is this one. */
static enum fk_status topic_children(struct finder *f, const struct fk_thread_message *m,
                                     struct fk_err *err) {
    struct fk_xhits *hits = malloc(sizeof *hits);
    enum fk_status st = FK_OK;
    if (hits == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a conversation");
    FK_TRY(topic_search(f, m->docid, FK_P_TOPIC_REPLY, m->received_ms, m->received_ms + topic_ms,
                        hits, err));
    for (size_t i = 0; i < hits->count; i++) {
        struct fk_thread_message other;
        uint32_t parent = 0;
        if (++f->topics > FK_THREAD_TOPICS) {
            f->thread->is_cut = true;
            break;
        }
        FK_TRY(message_read(f, hits->docids[i], &other, err));
        if (other.captures.count > 0 && other.docid != m->docid)
            st = topic_parent(f, &other, &parent, err);
        message_free(&other);
        if (st == FK_OK && parent == m->docid)
            st = message_add(f, hits->docids[i], err);
        if (st != FK_OK)
            goto done;
    }
done:
    free(hits);
    return st;
}

/* ---- the whole */

static enum fk_status expand(struct finder *f, size_t i, struct fk_err *err) {
    enum fk_status st = FK_OK;
    /* The row moves while it grows; what it points to does not. */
    const struct fk_thread_message m = f->thread->at[i];
    struct fk_fields it = fk_fields_begin(m.data.data, m.data.len);
    struct fk_buf id = FK_BUF_INIT;
    bool is_own, is_reply = false;
    uint32_t parent = 0;
    while (fk_thread__next_id(&it, &is_own, &id))
        FK_TRY(id_follow(f, &id, err));
    if (id.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a conversation"));
    FK_TRY(is_topic_reply(f, m.docid, &is_reply, err));
    if (is_reply) {
        FK_TRY(topic_parent(f, &m, &parent, err));
        f->thread->at[i].topic_of = parent;
        if (parent != 0)
            FK_TRY(message_add(f, parent, err));
    }
    FK_TRY(topic_children(f, &m, err));
done:
    fk_buf_free(&id);
    return st;
}

static enum fk_status start(struct finder *f, uint64_t seq, struct fk_err *err) {
    char term[40];
    uint32_t docid;
    size_t n = 0;
    const int len = snprintf(term, sizeof term, FK_P_CAPTURE "%" PRIu64, seq);
    enum fk_status st = fk_xreader_with_term(f->reader, term, (size_t)len, &docid, 1, &n, err);
    if (st == FK_OK && n > 0)
        st = message_add(f, docid, err);
    if (st == FK_OK && f->thread->count == 0)
        st = fk_fail(err, FK_NOT_FOUND, "the index has no message of entry %" PRIu64, seq);
    return st;
}

enum fk_status fk_thread_find(struct fk_xreader *reader, uint64_t seq, uint64_t before,
                              const struct fk_seqs *disposed, struct fk_thread *out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_thread thread = FK_THREAD_INIT;
    struct finder *f = calloc(1, sizeof *f);
    if (f == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a conversation");
    f->reader = reader;
    f->before = before;
    f->disposed = disposed;
    f->thread = &thread;
    FK_TRY(start(f, seq, err));
    for (size_t i = 0; i < thread.count; i++)
        FK_TRY(expand(f, i, err));
    FK_TRY(fk_thread__tree(&thread, err));
    *out = thread;
    thread = (struct fk_thread)FK_THREAD_INIT;
done:
    fk_thread_free(&thread);
    free(f->ids.at);
    free(f->docids.at);
    free(f);
    return st;
}

/* What the index knows of the bytes of attachments. */
static enum fk_status attachments_read(struct fk_xreader *reader, struct fk_thread *t,
                                       struct fk_err *err) {
    static const char digest[] = "XS";
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < t->count && st == FK_OK; i++)
        st = fk_xreader_terms(reader, t->at[i].docid, digest, &t->at[i].attachments, err);
    if (st != FK_OK)
        fk_thread_free(t);
    return st;
}

enum fk_status fk_thread_read(const char *dir, struct fk_lend *lend, uint64_t seq,
                              struct fk_thread *out, struct fk_thread_covered *covered,
                              struct fk_err *err) {
    enum { TRIES = 10 };
    enum fk_status st = FK_OK;
    struct fk_tail tail = {0, 0, {NULL, 0, 0, false}};
    struct fk_xreader *reader = NULL;
    for (int tries = 0; tries < TRIES; tries++) {
        fk_xreader_close(&reader);
        fk_seqs_free(&tail.disposed);
        st = fk_index_open(dir, &reader, &covered->mark, err);
        if (st == FK_OK)
            st = fk_tail_read(lend, covered->mark, &tail, err);
        if (st == FK_OK)
            st = fk_thread_find(reader, seq, UINT64_MAX, &tail.disposed, out, err);
        if (st == FK_OK)
            st = attachments_read(reader, out, err);
        if (st != FK_RETRY)
            break;
    }
    covered->head = tail.head;
    covered->unread = tail.mails;
    fk_seqs_free(&tail.disposed);
    fk_xreader_close(&reader);
    return fk_index_blame(st, dir, err);
}

enum fk_status fk_thread_record(struct fk_keep *keep, const struct fk_thread_act *act, uint64_t seq,
                                const struct fk_thread *t, uint64_t *act_out, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64], count[24];
    snprintf(count, sizeof count, "%zu", t->count);
    snprintf(fields, sizeof fields, "what=thread of=%" PRIu64, seq);
    fk_fields_add_str(&body, "person", act->person);
    fk_fields_add_str(&body, "via", act->via);
    if (act->reason != NULL)
        fk_fields_add(&body, "reason", act->reason, act->reason_len);
    fk_fields_add_str(&body, "messages", count);
    const struct fk_record record = {.kind = "act", .fields = fields, .body = &body};
    enum fk_status st = body.failed ? fk_fail(err, FK_NOMEM, "out of memory for an act")
                                    : fk_keep_append(keep, &record, &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        *act_out = receipt.seq;
    else
        (void)fk_err_prefix(err, "the look cannot be recorded, so nothing is shown");
    return st;
}

void fk_thread_free(struct fk_thread *t) {
    for (size_t i = 0; i < t->count; i++)
        message_free(&t->at[i]);
    free(t->at);
    *t = (struct fk_thread)FK_THREAD_INIT;
}
