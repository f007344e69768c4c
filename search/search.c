/*
 * search.c - one search: the question made into a query, counted, recorded, and its hits fetched
 * page by page.
 *
 * Pages are asked for by offset while the index stands still. A cursor, or an index that has moved
 * on, starts a new row of pages at the last hit's received time, and hits that were given before
 * are passed over: ties go by seq, so what comes after a hit is well defined.
 */
#include "search/search.h"
#include "base/clock.h"
#include "base/pack.h"
#include "indexer/index.h"
#include "search/query_plan.h"
#include "search/query_priv.h"
#include "search/receipt_priv.h"
#include "search/related.h"
#include "search/scope.h"
#include "search/tail.h"

enum { REOPEN_TRIES = 10 };

struct fk_search {
    struct fk_xreader *reader; /* NULL: there is no index */
    const char *dir;           /* whose index is read */
    struct fk_query *query;
    struct fk_xquery *whole;  /* the query with user and times */
    struct fk_xquery *missed; /* perhaps: what is only partly searchable (scope.h) */
    struct fk_xquery *rest;   /* of it, what begins at `after`; NULL: all of it */
    struct fk_search_coverage coverage;
    struct fk_seqs disposed; /* captures that the index has not forgotten yet */
    struct fk_seqs gone;     /* documents of nothing but those */
    struct fk_seqs captures; /* of the hit given */
    struct fk_provenance known;
    struct fk_buf canonical, expansion, data, user;
    uint64_t limit, given;
    bool has_after;
    int64_t after_ms; /* the last hit given, or the cursor */
    uint64_t after_seq;
    struct fk_xhits page;
    struct fk_related related;
    struct fk_matches groups; /* where hits are collapsed */
    bool has_receipt;
    struct fk_receipt_found found; /* for it */
    uint64_t page_at;              /* offset of the page in `rest` or `whole` */
    size_t page_size, page_next;
};

/* ---- counting */

static enum fk_status add_page(struct fk_search *s, const struct fk_xquery *q, uint64_t offset,
                               uint64_t *gone, struct fk_err *err) {
    enum fk_status st =
        fk_xreader_search(s->reader, q, FK_SLOT_RECEIVED, offset, FK_XHITS_MAX, &s->page, err);
    for (size_t i = 0; st == FK_OK && i < s->page.count; i++)
        *gone += fk_seqs_has(&s->gone, s->page.docids[i]);
    return st;
}

/* How many documents match, less those that are gone. */
static enum fk_status count(struct fk_search *s, const struct fk_xquery *q, uint64_t *out,
                            struct fk_err *err) {
    uint64_t gone = 0;
    enum fk_status st = fk_xreader_search(s->reader, q, FK_SLOT_RECEIVED, 0, 0, &s->page, err);
    uint64_t total = s->page.total;
    if (s->gone.count > 0)
        for (uint64_t at = 0; st == FK_OK && at < total; at += FK_XHITS_MAX)
            st = add_page(s, q, at, &gone, err);
    if (st == FK_OK)
        *out = total - gone;
    return st;
}

/* How many of the documents that match have this term as well. */
static enum fk_status count_with(struct fk_search *s, const struct fk_xquery *q, const char *term,
                                 uint64_t *out, struct fk_err *err) {
    uint64_t any = 0;
    *out = 0;
    enum fk_status st = fk_xreader_term_count(s->reader, term, strlen(term), &any, err);
    if (st != FK_OK || any == 0)
        return st;
    struct fk_xquery *both = fk_xquery_and(fk_xquery_copy(q), fk_xquery_term(term, strlen(term)));
    st = count(s, both, out, err);
    fk_xquery_free(&both);
    return st;
}

/* The captures of what matches: a document has the number of its own, less one, as bits. */
static enum fk_status count_captures(struct fk_search *s, const struct fk_xquery *q,
                                     uint64_t messages, uint64_t *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t n = 0, sum = messages, of_gone = 0;
    char term[48];
    for (unsigned bit = 0; bit < 32; bit++) {
        (void)snprintf(term, sizeof term, FK_P_FLAG "captures:%u", bit);
        FK_TRY(count_with(s, q, term, &n, err));
        sum += n << bit;
    }
    for (size_t i = 0; i < s->disposed.count; i++) {
        (void)snprintf(term, sizeof term, FK_P_CAPTURE "%llu",
                       (unsigned long long)s->disposed.at[i]);
        FK_TRY(count_with(s, q, term, &n, err));
        of_gone += n;
    }
    *out = sum - of_gone;
done:
    return st;
}

static struct fk_xquery *partly_searchable(void) {
    static const char term[] = FK_P_FLAG "partial";
    return fk_xquery_term(term, sizeof term - 1);
}

/* ---- the index */

static enum fk_status open_index(struct fk_search *s, struct fk_err *err) {
    fk_xreader_close(&s->reader);
    s->coverage.mark = 0;
    enum fk_status st = fk_index_open(s->dir, &s->reader, &s->coverage.mark, err);
    return st == FK_NOT_FOUND ? FK_OK : st; /* an empty one */
}

/* What thread: and similar: stand for, by the index as it is now. */
static enum fk_status relate(struct fk_search *s, const struct fk_search_options *o,
                             struct fk_query_fault *fault, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (int tries = 0; s->reader != NULL; tries++) {
        fk_buf_reset(&s->related.expansion);
        s->related.cut = 0;
        st = fk_query_relate(s->query, s->reader, o->before ? o->before : UINT64_MAX, &s->related,
                             fault, err);
        if (st != FK_RETRY || tries == REOPEN_TRIES)
            break;
        FK_TRY(open_index(s, err));
    }
    s->coverage.related_cut = s->related.cut;
    (void)fk_index_blame(st, s->dir, err);
done:
    return st;
}

/* ---- the question as a query */

/* May it stand for too many words? */
static bool is_expanded(const struct fk_q_node *node) {
    return node->prefix || node->wild || (node->kind == FK_Q_TEXT && node->field == FK_F_IP);
}

/* Which "word*" stands for too many words: the search of it alone is refused. */
static enum fk_status blame_prefix(struct fk_search *s, const struct fk_q_node *node,
                                   struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_xquery *alone = NULL;
    enum fk_status st = FK_OK;
    for (const struct fk_q_node *c = node->first; c != NULL && st == FK_OK; c = c->next)
        st = blame_prefix(s, c, fault, err);
    if (!is_expanded(node) || st != FK_OK)
        return st;
    if (fk_query_plan(node, 0, &alone, fault, NULL) == FK_OK &&
        fk_xreader_search(s->reader, alone, FK_SLOT_RECEIVED, 0, 0, &s->page, NULL) == FK_INVALID)
        st = fk_query_blame(node, fault, err,
                            node->field == FK_F_IP ? "ask for a smaller network"
                                                   : "write more letters beside the *",
                            "\"%.*s%s\" stands for more than %d %s", fk_query__cut(node->text, 60),
                            node->text, node->prefix ? "*" : "", FK_PLAN_MAX_EXPANSION,
                            node->field == FK_F_IP ? "addresses" : "words");
    fk_xquery_free(&alone);
    return st;
}

static enum fk_status narrow(struct fk_xquery **whole, struct fk_xquery *by, struct fk_err *err) {
    *whole = fk_xquery_and(*whole, by);
    return *whole != NULL ? FK_OK : fk_fail(err, FK_NOMEM, "out of memory for a query");
}

static enum fk_status understand(struct fk_search *s, const struct fk_search_options *o,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    size_t len = o->query_len == SIZE_MAX ? strlen(o->query) : o->query_len;
    struct fk_xquery *part = NULL;
    struct fk_scope scope = {NULL, o->zone_minutes, o->since_ms, o->until_ms, NULL, NULL};
    enum fk_status st = FK_OK;
    FK_TRY(fk_query_parse_at(o->query, len, fk_now_ms(), o->zone_minutes, &s->query, fault, err));
    fk_query_canonical(s->query, &s->canonical);
    FK_TRY(fk_query_expansion(fk_query_root(s->query), &s->expansion, err));
    (void)fk_buf_cstr(&s->canonical); /* its NUL */
    if (s->canonical.failed || s->user.failed) {
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
        goto done;
    }
    FK_TRY(relate(s, o, fault, err));
    FK_TRY(fk_query_plan_for(fk_query_root(s->query), o->zone_minutes,
                             (const char *const *)o->domains, &s->whole, fault, err));
    if (o->user != NULL) {
        st = fk_query_plan_person(o->user, &part, err);
        if (st == FK_INVALID)
            st = fk_fail(err, st, "there is no name or address in the user \"%.*s\"",
                         fk_query__cut(o->user, 100), o->user);
        if (st != FK_OK)
            goto done;
        scope.user = fk_xquery_copy(part);
        FK_TRY(narrow(&s->whole, part, err));
    }
    if (o->since_ms != INT64_MIN || o->until_ms != INT64_MAX)
        FK_TRY(narrow(&s->whole, fk_query_plan_received(o->since_ms, o->until_ms), err));
    scope.root = fk_query_root(s->query);
    scope.whole = s->whole;
    st = fk_scope_missed(&scope, &s->missed, fault, err);
    scope.user = NULL;
done:
    fk_xquery_free(&scope.user);
    return st;
}

/* Which documents have no capture left. */
static enum fk_status find_gone(struct fk_search *s, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_provenance known = FK_PROVENANCE_INIT;
    struct fk_buf data = FK_BUF_INIT;
    fk_seqs_free(&s->gone);
    for (size_t i = 0; i < s->disposed.count; i++) {
        char term[48];
        uint32_t docid;
        size_t found = 0, left = 0;
        (void)snprintf(term, sizeof term, FK_P_CAPTURE "%llu",
                       (unsigned long long)s->disposed.at[i]);
        FK_TRY(fk_xreader_with_term(s->reader, term, strlen(term), &docid, 1, &found, err));
        if (!found)
            continue;
        fk_buf_reset(&data);
        FK_TRY(fk_xreader_data(s->reader, docid, &data, err));
        fk_provenance_free(&known);
        FK_TRY(fk_provenance_read(data.data, data.len, &known, err));
        for (size_t k = 0; k < known.capture_count; k++)
            left += !fk_seqs_has(&s->disposed, known.captures[k].seq);
        if (left == 0)
            fk_seqs_add(&s->gone, docid);
    }
    fk_seqs_sort(&s->gone);
    if (s->gone.failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a list of disposed messages");
done:
    fk_provenance_free(&known);
    fk_buf_free(&data);
    return st;
}

static enum fk_status collapse(struct fk_search *s, struct fk_err *err) {
    struct fk_matches all = FK_MATCHES_INIT;
    enum fk_status st = FK_OK;
    if (s->coverage.collapse == FK_COLLAPSE_NONE)
        return FK_OK;
    FK_TRY(fk_matches_read(s->reader, s->whole, &s->gone, FK_SLOT_CONVERSATION, &all, err));
    FK_TRY(fk_collapse(s->reader, s->coverage.collapse, &all, err));
    fk_matches_free(&s->groups);
    s->groups = all;
    s->coverage.groups = all.count;
    return FK_OK;
done:
    fk_matches_free(&all);
    return st;
}

static enum fk_status count_all(struct fk_search *s, struct fk_err *err) {
    struct fk_xquery *partial = partly_searchable(), *both = NULL, *all = fk_xquery_all();
    enum fk_status st = FK_OK;
    FK_TRY(find_gone(s, err));
    FK_TRY(fk_xreader_count(s->reader, &s->coverage.documents, err));
    FK_TRY(count(s, s->whole, &s->coverage.total, err));
    FK_TRY(count_captures(s, s->whole, s->coverage.total, &s->coverage.captures, err));
    FK_TRY(count_captures(s, all, s->coverage.documents - s->gone.count,
                          &s->coverage.index_captures, err));
    FK_TRY(count(s, partial, &s->coverage.partial, err));
    both = fk_xquery_and(fk_xquery_copy(s->whole), partial);
    partial = NULL;
    FK_TRY(count(s, both, &s->coverage.partial_hits, err));
    FK_TRY(count(s, s->missed, &s->coverage.partial_scope, err));
    FK_TRY(collapse(s, err));
    if (s->has_receipt)
        FK_TRY(fk_receipt__found(s->reader, s->whole, both, s->missed, &s->gone, &s->disposed,
                                 &s->found, err));
done:
    fk_xquery_free(&partial);
    fk_xquery_free(&both);
    fk_xquery_free(&all);
    return st;
}

/* Mark, tail and counts belong together; where the index moves on in between, all are made anew. */
static enum fk_status measure(struct fk_search *s, struct fk_lend *lend,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_tail tail;
    enum fk_status st = FK_OK;
    for (int tries = 0;; tries++) {
        FK_TRY(fk_tail_read(lend, s->coverage.mark, &tail, err));
        s->coverage.head = tail.head;
        s->coverage.unread = tail.mails;
        fk_seqs_free(&s->disposed);
        s->disposed = tail.disposed;
        if (s->reader == NULL || (st = count_all(s, err)) != FK_RETRY || tries == REOPEN_TRIES)
            break;
        FK_TRY(open_index(s, err));
    }
    (void)fk_index_blame(st, s->dir, err);
    if (st == FK_INVALID) {
        st = blame_prefix(s, fk_query_root(s->query), fault, err);
        st = st == FK_OK ? FK_INVALID : st;
    }
done:
    return st;
}

/* ---- the act */

static void add_time(struct fk_buf *body, const char *name, int64_t ms) {
    char text[FK_TIME_SIZE];
    if (ms == INT64_MIN || ms == INT64_MAX)
        return;
    fk_time_format(text, ms);
    fk_fields_add_str(body, name, text);
}

static void add_number(struct fk_buf *body, const char *name, uint64_t n) {
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    fk_fields_add_str(body, name, text);
}

/* Which other spellings were hits too: as many as say what was understood. */
enum { SPELLINGS_RECORDED = 8192 };
static void add_spellings(struct fk_buf *body, const struct fk_buf *expansion) {
    struct fk_fields it = fk_fields_begin(expansion->data, expansion->len);
    const size_t begin = body->len;
    for (struct fk_field f; fk_fields_next(&it, &f) && body->len - begin < SPELLINGS_RECORDED;)
        fk_buf_printf(body, "%s: %.*s\n",
                      fk_field_is(&f, "text")   ? "spelled"
                      : fk_field_is(&f, "also") ? "also"
                                                : "also-more",
                      (int)f.value_len, f.value);
}

void fk_search_zone(char out[FK_ZONE_SIZE], int minutes) {
    unsigned east = (unsigned)abs(minutes);
    (void)snprintf(out, FK_ZONE_SIZE, "%c%02u:%02u", minutes < 0 ? '-' : '+', east / 60 % 24,
                   east % 60);
}

static enum fk_status record(struct fk_search *s, struct fk_keep *keep,
                             const struct fk_search_options *o, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char zone[FK_ZONE_SIZE], fields[100];
    (void)snprintf(fields, sizeof fields, "what=search%s%s", o->receipt ? " receipt=" : "",
                   o->receipt ? o->receipt->digest : "");
    fk_search_zone(zone, o->zone_minutes);
    fk_fields_add_str(&body, "person", o->person);
    fk_fields_add_str(&body, "via", o->via);
    if (o->reason != NULL)
        fk_fields_add_str(&body, "reason", o->reason);
    fk_fields_add(&body, "query", o->query,
                  o->query_len == SIZE_MAX ? strlen(o->query) : o->query_len);
    fk_fields_add_str(&body, "canonical", fk_search_canonical(s));
    add_spellings(&body, &s->expansion);
    if (fk_query_asks(fk_query_root(s->query), FK_F_DIRECTION))
        for (size_t i = 0; o->domains != NULL && o->domains[i] != NULL; i++)
            fk_fields_add_str(&body, "domain", o->domains[i]);
    if (o->user != NULL)
        fk_fields_add_str(&body, "user", o->user);
    add_time(&body, "since", o->since_ms);
    add_time(&body, "until", o->until_ms);
    fk_fields_add_str(&body, "zone", zone);
    if (o->cursor != NULL)
        fk_fields_add_str(&body, "cursor", o->cursor);
    if (o->collapse != FK_COLLAPSE_NONE)
        fk_fields_add_str(&body, "collapse", fk_collapse_name(o->collapse));
    if (o->receipt != NULL)
        fk_fields_add_str(&body, "receipt", o->receipt->digest);
    add_number(&body, "limit", o->limit);
    add_number(&body, "hits", s->coverage.total);
    add_number(&body, "captures", s->coverage.captures);
    add_number(&body, "index", s->coverage.mark);
    add_number(&body, "unread", s->coverage.unread);
    enum fk_status st =
        body.failed
            ? fk_fail(err, FK_NOMEM, "out of memory for an act")
            : fk_keep_append(keep,
                             &(struct fk_record){.kind = "act", .fields = fields, .body = &body},
                             &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        s->coverage.act = receipt.seq;
    else
        (void)fk_err_prefix(err, "the search cannot be recorded, so it is not answered");
    return st;
}

static enum fk_status receipt_state(struct fk_search *s, struct fk_lend *lend,
                                    const struct fk_search_options *o, struct fk_err *err) {
    struct fk_receipt_facts facts = {o, &s->coverage, fk_search_canonical(s), &s->related.expansion,
                                     s->found};
    return o->receipt ? fk_receipt__state(&facts, lend, o->receipt, err) : FK_OK;
}

/* ---- hits */

/* From here on only what comes behind a hit. */
static enum fk_status start_after(struct fk_search *s, int64_t ms, uint64_t seq,
                                  struct fk_err *err) {
    s->has_after = true;
    s->after_ms = ms;
    s->after_seq = seq;
    s->page_at = s->page_size = s->page_next = 0;
    fk_xquery_free(&s->rest);
    s->rest = fk_xquery_and(fk_xquery_copy(s->whole), fk_query_plan_received(INT64_MIN, ms));
    return s->rest != NULL ? FK_OK : fk_fail(err, FK_NOMEM, "out of memory for a query");
}

static enum fk_status read_cursor(struct fk_search *s, const char *cursor, struct fk_err *err) {
    unsigned long long ms, seq;
    int end = 0;
    if (cursor == NULL)
        return FK_OK;
    if (strspn(cursor, "0123456789-") != strlen(cursor) ||
        sscanf(cursor, "%19llu-%19llu%n", &ms, &seq, &end) != 2 || cursor[end] != 0 ||
        ms > INT64_MAX)
        return fk_fail(err, FK_INVALID, "the cursor is not one that a search gave: begin anew");
    return start_after(s, (int64_t)ms, seq, err);
}

static enum fk_status received_of(struct fk_search *s, uint32_t docid, int64_t *out,
                                  struct fk_err *err) {
    fk_buf_reset(&s->data);
    enum fk_status st = fk_xreader_value(s->reader, docid, FK_SLOT_RECEIVED, &s->data, err);
    if (st == FK_OK)
        *out = s->data.len == 8 ? (int64_t)fk_be64_read(s->data.data) : 0;
    return st;
}

/* As many of the groups as a page takes. */
static void load_groups(struct fk_search *s, uint64_t want) {
    const uint64_t left = s->groups.count - s->page_at;
    s->page.count = (size_t)(want < left ? want : left);
    for (size_t i = 0; i < s->page.count; i++)
        s->page.docids[i] = s->groups.at[s->page_at + i].docid;
}

static enum fk_status load_page(struct fk_search *s, struct fk_err *err) {
    uint64_t want = s->limit > 0 ? s->limit - s->given + 1 : FK_XHITS_MAX;
    if (want > FK_XHITS_MAX)
        want = FK_XHITS_MAX;
    s->page_at += s->page_size;
    s->page_next = s->page_size = 0;
    enum fk_status st = FK_OK;
    if (s->coverage.collapse != FK_COLLAPSE_NONE)
        load_groups(s, want);
    else
        st = fk_xreader_search(s->reader, s->rest != NULL ? s->rest : s->whole, FK_SLOT_RECEIVED,
                               s->page_at, (size_t)want, &s->page, err);
    if (st == FK_OK)
        s->page_size = s->page.count;
    if (st == FK_OK && s->page_size == 0)
        return fk_fail(err, FK_NOT_FOUND, "no further hits");
    return st;
}

/* The next docid that is a hit, left in the page. */
static enum fk_status find_next(struct fk_search *s, int64_t *received, struct fk_err *err) {
    for (;; s->page_next++) {
        enum fk_status st = FK_OK;
        if (s->page_next == s->page_size && (st = load_page(s, err)) != FK_OK)
            return st;
        uint32_t docid = s->page.docids[s->page_next];
        if (fk_seqs_has(&s->gone, docid))
            continue;
        if ((st = received_of(s, docid, received, err)) != FK_OK)
            return st;
        if (!s->has_after || *received < s->after_ms ||
            (*received == s->after_ms && docid < s->after_seq))
            return FK_OK;
    }
}

static enum fk_status find_and_read(struct fk_search *s, int64_t *received, struct fk_err *err) {
    enum fk_status st = find_next(s, received, err);
    if (st != FK_OK)
        return st;
    fk_buf_reset(&s->data);
    return fk_xreader_data(s->reader, s->page.docids[s->page_next], &s->data, err);
}

/* As find_and_read, in a newer state of the index where the one of open is gone. */
static enum fk_status find(struct fk_search *s, int64_t *received, struct fk_err *err) {
    for (int tries = 0;; tries++) {
        if (s->reader == NULL)
            return fk_fail(err, FK_NOT_FOUND, "no further hits");
        enum fk_status st = find_and_read(s, received, err);
        if (st != FK_RETRY || tries == REOPEN_TRIES)
            return fk_index_blame(st, s->dir, err);
        if ((st = open_index(s, err)) != FK_OK || (st = collapse(s, err)) != FK_OK ||
            (st = start_after(s, s->has_after ? s->after_ms : INT64_MAX,
                              s->has_after ? s->after_seq : UINT64_MAX, err)) != FK_OK)
            return st;
    }
}

static enum fk_status take_captures(struct fk_search *s, struct fk_err *err) {
    fk_seqs_free(&s->captures);
    fk_provenance_free(&s->known);
    enum fk_status st = fk_provenance_read(s->data.data, s->data.len, &s->known, err);
    if (st == FK_OK && s->disposed.count > 0)
        st = fk_provenance_without(&s->known, &s->disposed, err);
    for (size_t i = 0; st == FK_OK && i < s->known.capture_count; i++)
        fk_seqs_add(&s->captures, s->known.captures[i].seq);
    return st == FK_OK && s->captures.failed ? fk_fail(err, FK_NOMEM, "out of memory for a hit")
                                             : st;
}

enum fk_status fk_search_next(struct fk_search *s, struct fk_hit *out, struct fk_err *err) {
    int64_t received;
    if (s->limit > 0 && s->given == s->limit)
        return fk_fail(err, FK_NOT_FOUND, "the limit of %llu hits is reached",
                       (unsigned long long)s->limit);
    enum fk_status st = find(s, &received, err);
    if (st != FK_OK)
        return st;
    if ((st = take_captures(s, err)) != FK_OK)
        return st;
    s->has_after = true;
    s->after_ms = received;
    const uint64_t others = s->coverage.collapse != FK_COLLAPSE_NONE
                                ? s->groups.at[s->page_at + s->page_next].others
                                : 0;
    s->after_seq = s->page.docids[s->page_next++];
    s->given++;
    const uint64_t newest =
        s->captures.count ? s->captures.at[s->captures.count - 1] : s->after_seq;
    *out = (struct fk_hit){
        newest, received, (const char *)s->data.data, s->data.len, &s->captures, &s->known, others};
    return FK_OK;
}

enum fk_status fk_search_cursor(struct fk_search *s, struct fk_buf *out, struct fk_err *err) {
    int64_t received;
    enum fk_status st = find(s, &received, err);
    if (st == FK_OK)
        fk_buf_printf(out, "%lld-%llu", (long long)s->after_ms, (unsigned long long)s->after_seq);
    return st;
}

/* ---- the whole */

enum fk_status fk_search_open(const char *dir, struct fk_keep *keep, struct fk_lend *lend,
                              const struct fk_search_options *options, struct fk_search **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_search *s = calloc(1, sizeof *s);
    enum fk_status st = FK_OK;
    memset(fault, 0, sizeof *fault);
    if (s == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a search");
    s->dir = dir;
    s->limit = options->limit;
    s->coverage.zone_minutes = options->zone_minutes;
    s->coverage.since_ms = options->since_ms;
    s->coverage.until_ms = options->until_ms;
    if (options->user != NULL) {
        fk_buf_str(&s->user, options->user);
        s->coverage.user = fk_buf_cstr(&s->user);
    }
    s->coverage.collapse = options->collapse;
    s->has_receipt = options->receipt != NULL;
    FK_TRY(open_index(s, err));
    FK_TRY(understand(s, options, fault, err));
    FK_TRY(read_cursor(s, options->cursor, err));
    FK_TRY(measure(s, lend, fault, err));
    FK_TRY(receipt_state(s, lend, options, err));
    FK_TRY(record(s, keep, options, err));
    *out = s;
    s = NULL;
done:
    fk_search_close(&s);
    return st;
}

const struct fk_search_coverage *fk_search_coverage(const struct fk_search *s) {
    return &s->coverage;
}

const char *fk_search_canonical(const struct fk_search *s) {
    return (const char *)s->canonical.data;
}

const char *fk_search_expansion(const struct fk_search *s, size_t *len) {
    *len = s->expansion.len;
    return (const char *)s->expansion.data;
}

const char *fk_search_remark(const struct fk_search *s) {
    return fk_query_remark(s->query);
}

void fk_search_close(struct fk_search **search) {
    struct fk_search *s = *search;
    if (s == NULL)
        return;
    fk_xreader_close(&s->reader);
    fk_query_free(&s->query);
    fk_xquery_free(&s->whole);
    fk_xquery_free(&s->missed);
    fk_xquery_free(&s->rest);
    fk_buf_free(&s->related.expansion);
    fk_receipt__found_free(&s->found);
    fk_matches_free(&s->groups);
    fk_seqs_free(&s->disposed);
    fk_seqs_free(&s->gone);
    fk_seqs_free(&s->captures);
    fk_provenance_free(&s->known);
    fk_buf_free(&s->canonical);
    fk_buf_free(&s->expansion);
    fk_buf_free(&s->data);
    fk_buf_free(&s->user);
    free(s);
    *search = NULL;
}
