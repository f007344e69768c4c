/*
 * search.c - one search: the question made into a query, counted, recorded, and its hits fetched.
 *
 * One pass over what matches gives the counts and the newest hits. Where more are asked for than
 * are remembered, or the index has moved on, another pass looks behind the last hit given: ties of
 * received time go by seq, so what comes after a hit is well defined.
 */
#include "search/search_priv.h"
#include "base/clock.h"
#include "indexer/store/state.h"
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "search/query_priv.h"
#include "search/scope.h"
#include "search/tail.h"

/* Hits that are remembered at once; behind the last of them they are looked for anew. */
enum { REOPEN_TRIES = 10, HITS_KEPT = 1 << 20, CAPTURE_BITS = 32 };

/* ---- counting */

/* A document has the number of its captures, less one, as bits; the first terms are those, then the
 * one of documents that are only partly searchable. */
static const char *const counted[CAPTURE_BITS + 1] = {
#define BITS(n)                                                                                    \
    FK_P_FLAG "captures:" #n "0", FK_P_FLAG "captures:" #n "1", FK_P_FLAG "captures:" #n "2",      \
        FK_P_FLAG "captures:" #n "3", FK_P_FLAG "captures:" #n "4", FK_P_FLAG "captures:" #n "5",  \
        FK_P_FLAG "captures:" #n "6", FK_P_FLAG "captures:" #n "7", FK_P_FLAG "captures:" #n "8",  \
        FK_P_FLAG "captures:" #n "9"
    BITS(),
    BITS(1),
    BITS(2),
    FK_P_FLAG "captures:30",
    FK_P_FLAG "captures:31",
    FK_P_FLAG "partial"};
#undef BITS

/* Of the whole index, no hit is looked at for it. Terms that are nowhere are left out of *used. */
static enum fk_status count_index(struct fk_search *s, const char **used, unsigned *which,
                                  size_t *n_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t n = 0;
    static const char captures[] = FK_P_FLAG "captures:";
    const char *const partial = counted[CAPTURE_BITS];
    uint64_t documents[CAPTURE_BITS + 1];
    FK_TRY(fk_xreader_count(s->reader, &s->coverage.documents, err));
    FK_TRY(fk_xreader_term_counts(s->reader, captures, strlen(captures), counted, CAPTURE_BITS,
                                  documents, err));
    FK_TRY(
        fk_xreader_term_count(s->reader, partial, strlen(partial), &documents[CAPTURE_BITS], err));
    s->coverage.index_captures = s->coverage.documents - s->lessened.count;
    s->coverage.partial = documents[CAPTURE_BITS];
    for (unsigned i = 0; i <= CAPTURE_BITS; i++) {
        if (i < CAPTURE_BITS)
            s->coverage.index_captures += documents[i] << i;
        if (documents[i] > 0) {
            used[n] = counted[i];
            which[n++] = i;
        }
    }
    *n_out = n;
done:
    return st;
}

/* How many of the newest hits are to be remembered: one more than are given, since whether there is
 * a next page is asked too. */
static size_t wanted(const struct fk_search *s) {
    const uint64_t left = s->limit - s->given;
    return s->limit == 0 || left >= HITS_KEPT ? HITS_KEPT : (size_t)left + 1;
}

/* Once through all that matches. */
static enum fk_status count_all(struct fk_search *s, struct fk_err *err) {
    const char *used[CAPTURE_BITS + 1];
    unsigned which[CAPTURE_BITS + 1];
    struct fk_xsurvey *f = &s->found;
    struct fk_search_coverage *c = &s->coverage;
    enum fk_status st = FK_OK;
    struct fk_xhits missed;
    size_t n = 0;
    FK_TRY(count_index(s, used, which, &n, err));
    f->flags = used;
    f->flag_count = n;
    f->watched = s->lessened.at;
    f->watched_count = s->lessened.count;
    f->sort_slot = FK_SLOT_RECEIVED;
    f->want = c->collapse != FK_COLLAPSE_NONE ? 0 : wanted(s);
    st = fk_xreader_survey(s->reader, s->whole, f, err);
    f->flags = NULL;
    f->flag_count = f->watched_count = 0;
    if (st != FK_OK)
        goto done;
    c->total = f->total;
    c->captures = f->total - f->seen;
    c->partial_hits = 0;
    c->is_expansion_cut = f->is_cut;
    FK_TRY(fk_xreader_search(s->reader, s->missed, FK_SLOT_RECEIVED, 0, 0, &missed, err));
    c->partial_scope = missed.total;
    for (size_t i = 0; i < n; i++)
        if (which[i] == CAPTURE_BITS)
            c->partial_hits = f->with[i];
        else
            c->captures += f->with[i] << which[i];
done:
    return st;
}

/* ---- the index */

static enum fk_status open_index(struct fk_search *s, struct fk_err *err) {
    fk_readers_drop(&s->index);
    enum fk_status st = s->readers ? fk_readers_take(s->readers, &s->index, err)
                                   : fk_index_open(s->dir, &s->index.reader, &s->index.mark, err);
    s->reader = s->index.reader;
    s->coverage.mark = s->index.mark;
    if (st == FK_OK)
        fk_xreader_limit(s->reader, s->until_ms);
    return st == FK_NOT_FOUND ? FK_OK : st; /* an empty one */
}

/* Of the query, what has the most in it: alternatives, mostly. */
static const struct fk_q_node *widest(const struct fk_q_node *node, size_t *parts_out) {
    const struct fk_q_node *found = node;
    size_t parts = 0;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
        parts++;
    *parts_out = parts;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        const struct fk_q_node *below = widest(c, &parts);
        if (parts > *parts_out) {
            *parts_out = parts;
            found = below;
        }
    }
    return found;
}

/* A search that was given up says where the query asks for much. */
static enum fk_status blame_time(const struct fk_search *s, struct fk_query_fault *fault,
                                 struct fk_err *err) {
    size_t parts;
    return fk_query_blame(widest(fk_query_root(s->query), &parts), fault, err,
                          "narrow it by received: or from:, ask for a part of it at a time, or use "
                          "the command \"fumikura search\", which takes as long as it needs",
                          "the search was given up after %.1f seconds, and found nothing out",
                          (double)s->most_ms / 1000);
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
    if (st == FK_FULL)
        st = blame_time(s, fault, err);
    (void)fk_index_blame(st, s->dir, err);
done:
    return st;
}

/* ---- the question as a query */

static enum fk_status narrow(struct fk_xquery **whole, struct fk_xquery *by, struct fk_err *err) {
    *whole = fk_xquery_and(*whole, by);
    return *whole != NULL ? FK_OK : fk_fail(err, FK_NOMEM, "out of memory for a query");
}

/* *again_out: the same once more. */
static enum fk_status narrow_to_user(struct fk_search *s, const char *user, struct fk_err *err) {
    struct fk_xquery *part = NULL;
    const enum fk_status st = fk_query_plan_person(user, &part, err);
    if (st == FK_INVALID)
        return fk_fail(err, st, "there is no name or address in the user \"%.*s\"",
                       fk_query__cut(user, 100), user);
    return st != FK_OK ? st : narrow(&s->whole, part, err);
}

static enum fk_status understand(struct fk_search *s, const struct fk_search_options *o,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    size_t len = o->query_len == SIZE_MAX ? strlen(o->query) : o->query_len;
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
    if (o->user != NULL)
        FK_TRY(narrow_to_user(s, o->user, err));
    if (o->since_ms != INT64_MIN || o->until_ms != INT64_MAX)
        FK_TRY(narrow(&s->whole, fk_query_plan_received(o->since_ms, o->until_ms), err));
    const struct fk_scope scope = {.root = fk_query_root(s->query),
                                   .zone_minutes = o->zone_minutes,
                                   .since_ms = o->since_ms,
                                   .until_ms = o->until_ms,
                                   .user = o->user,
                                   .domains = (const char *const *)o->domains,
                                   .whole = s->whole};
    st = fk_scope_missed(&scope, &s->missed, fault, err);
done:
    return st;
}

static int docid_compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One that is there twice stays so. */
static void docids_sort(struct fk_seqs *docids) {
    if (docids->count > 0)
        qsort(docids->at, docids->count, sizeof *docids->at, docid_compare);
}

/* What a disposal has named is as if it were not there: documents that have no capture left are
 * hidden, the others have one less. */
static enum fk_status heed_disposals(struct fk_search *s, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_provenance known = FK_PROVENANCE_INIT;
    struct fk_buf data = FK_BUF_INIT;
    struct fk_seqs gone = {NULL, 0, 0, false};
    fk_seqs_free(&s->lessened);
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
        fk_seqs_add(left ? &s->lessened : &gone, docid);
    }
    if (gone.failed || s->lessened.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a list of disposed messages"));
    docids_sort(&gone);
    docids_sort(&s->lessened);
    st = fk_xreader_hide(s->reader, gone.at, gone.count, err);
done:
    fk_seqs_free(&gone);
    fk_provenance_free(&known);
    fk_buf_free(&data);
    return st;
}

/* As hits that come after the last one given; there are no others. */
static enum fk_status load_groups(struct fk_search *s, struct fk_err *err) {
    struct fk_xsurvey *f = &s->found;
    const struct fk_match *all = s->groups.at;
    size_t first = 0;
    while (
        f->has_after && first < s->groups.count &&
        ((uint64_t)all[first].received_ms > f->after.key ||
         ((uint64_t)all[first].received_ms == f->after.key && all[first].docid >= f->after.docid)))
        first++;
    struct fk_xhit *hits = malloc((s->groups.count - first) * sizeof *hits + 1);
    if (hits == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for groups of hits");
    fk_xsurvey_free(f);
    f->hits = hits;
    for (size_t i = first; i < s->groups.count; i++)
        hits[f->hit_count++] = (struct fk_xhit){(uint64_t)all[i].received_ms, all[i].docid};
    f->want = SIZE_MAX;
    s->first_group = first;
    s->next = 0;
    return FK_OK;
}

static enum fk_status collapse(struct fk_search *s, struct fk_err *err) {
    static const struct fk_seqs none = {.at = NULL};
    struct fk_matches all = FK_MATCHES_INIT;
    enum fk_status st = FK_OK;
    if (s->coverage.collapse == FK_COLLAPSE_NONE)
        return FK_OK;
    FK_TRY(fk_matches_read(s->reader, s->whole, &none, FK_SLOT_CONVERSATION, &all, err));
    FK_TRY(fk_collapse(s->reader, s->coverage.collapse, &all, err));
    fk_matches_free(&s->groups);
    s->groups = all;
    s->coverage.groups = all.count;
    return load_groups(s, err);
done:
    fk_matches_free(&all);
    return st;
}

/* What a receipt keeps besides counts. */
static enum fk_status list_all(struct fk_search *s, struct fk_err *err) {
    static const char partial[] = FK_P_FLAG "partial";
    static const struct fk_seqs none = {.at = NULL};
    struct fk_xquery *both =
        fk_xquery_and(fk_xquery_copy(s->whole), fk_xquery_term(partial, sizeof partial - 1));
    enum fk_status st = fk_receipt__found(s->reader, s->whole, both, s->missed, &none, &s->disposed,
                                          &s->listed, err);
    fk_xquery_free(&both);
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
        if (s->reader == NULL)
            break;
        if ((st = heed_disposals(s, err)) == FK_OK && (st = count_all(s, err)) == FK_OK &&
            (st = collapse(s, err)) == FK_OK && s->has_receipt)
            st = list_all(s, err);
        if (st != FK_RETRY || tries == REOPEN_TRIES)
            break;
        FK_TRY(open_index(s, err));
    }
    if (st == FK_FULL)
        st = blame_time(s, fault, err);
    (void)fk_index_blame(st, s->dir, err);
done:
    return st;
}

/* ---- the receipt */

static enum fk_status receipt_state(struct fk_search *s, struct fk_lend *lend,
                                    const struct fk_search_options *o, struct fk_err *err) {
    const bool by_domains = fk_query_asks(fk_query_root(s->query), FK_F_DIRECTION);
    const struct fk_receipt_words words = {.related = &s->related.expansion,
                                           .spellings = &s->expansion,
                                           .domains =
                                               by_domains ? (const char *const *)o->domains : NULL,
                                           .is_cut = s->coverage.is_expansion_cut};
    struct fk_receipt_facts facts = {o, &s->coverage, fk_search_canonical(s), &s->stood_for,
                                     s->listed};
    fk_receipt__stood_for(&words, &s->stood_for);
    if (s->stood_for.failed)
        return fk_fail(err, FK_NOMEM, "out of memory for a query");
    return o->receipt ? fk_receipt__state(&facts, lend, o->receipt, err) : FK_OK;
}

/* ---- hits */

/* From here on only what comes behind a hit. */
static void start_after(struct fk_search *s, uint64_t ms, uint64_t seq) {
    s->found.has_after = true;
    s->found.after = (struct fk_xhit){ms, seq > UINT32_MAX ? UINT32_MAX : (uint32_t)seq};
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
    start_after(s, ms, seq);
    return FK_OK;
}

/* The hits that come after the last one given. */
static enum fk_status look_again(struct fk_search *s, struct fk_err *err) {
    if (s->coverage.collapse != FK_COLLAPSE_NONE)
        return collapse(s, err);
    s->next = 0;
    s->found.want = wanted(s);
    return fk_xreader_survey(s->reader, s->whole, &s->found, err);
}

/* The next hit, with its data. */
static enum fk_status find_and_read(struct fk_search *s, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (s->next == s->found.hit_count) {
        if (s->found.hit_count < s->found.want)
            return fk_fail(err, FK_NOT_FOUND, "no further hits");
        FK_TRY(look_again(s, err));
        if (s->found.hit_count == 0)
            return fk_fail(err, FK_NOT_FOUND, "no further hits");
    }
    const uint32_t docid = s->found.hits[s->next].docid;
    fk_buf_reset(&s->data);
    FK_TRY(fk_xreader_data(s->reader, docid, &s->data, err));
    if (s->snippets != NULL)
        st = fk_snippets_make(s->snippets, s->reader, docid, (const char *)s->data.data,
                              s->data.len, &s->snippet, err);
done:
    return st;
}

/* As find_and_read, in a newer state of the index where the one of open is gone. */
static enum fk_status find(struct fk_search *s, struct fk_err *err) {
    if (s->reader == NULL)
        return fk_fail(err, FK_NOT_FOUND, "no further hits");
    for (int tries = 0;; tries++) {
        enum fk_status st = find_and_read(s, err);
        if (st != FK_RETRY || tries == REOPEN_TRIES)
            return fk_index_blame(st, s->dir, err);
        if ((st = open_index(s, err)) != FK_OK)
            return st;
        if (s->reader == NULL)
            return fk_fail(err, FK_NOT_FOUND, "no further hits");
        if ((st = heed_disposals(s, err)) == FK_OK)
            st = look_again(s, err);
        if (st != FK_OK && st != FK_RETRY)
            return fk_index_blame(st, s->dir, err);
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

static enum fk_status heeded(struct fk_search *s, enum fk_status st) {
    s->has_failed |= st != FK_OK && st != FK_NOT_FOUND;
    return st;
}

enum fk_status fk_search_next(struct fk_search *s, struct fk_hit *out, struct fk_err *err) {
    if (s->limit > 0 && s->given == s->limit)
        return fk_fail(err, FK_NOT_FOUND, "the limit of %llu hits is reached",
                       (unsigned long long)s->limit);
    enum fk_status st = find(s, err);
    if (st == FK_OK)
        st = take_captures(s, err);
    if (heeded(s, st) != FK_OK)
        return st;
    const struct fk_xhit hit = s->found.hits[s->next++];
    const uint64_t others = s->coverage.collapse != FK_COLLAPSE_NONE
                                ? s->groups.at[s->first_group + s->next - 1].others
                                : 0;
    start_after(s, hit.key, hit.docid);
    s->given++;
    const uint64_t newest = s->captures.count ? s->captures.at[s->captures.count - 1] : hit.docid;
    *out = (struct fk_hit){newest,
                           (int64_t)hit.key,
                           (const char *)s->data.data,
                           s->data.len,
                           &s->captures,
                           &s->known,
                           others,
                           s->snippets != NULL ? &s->snippet : NULL};
    return FK_OK;
}

enum fk_status fk_search_cursor(struct fk_search *s, struct fk_buf *out, struct fk_err *err) {
    const enum fk_status st = heeded(s, find(s, err));
    if (st == FK_OK)
        fk_buf_printf(out, "%llu-%u", (unsigned long long)s->found.after.key, s->found.after.docid);
    return st;
}

/* ---- the whole */

static void ask(struct fk_search *s, const char *dir, const struct fk_search_options *o) {
    s->dir = dir;
    s->index = (struct fk_reader_kept)FK_READER_KEPT;
    s->readers = o->readers;
    s->has_failed = true; /* until it is open */
    s->limit = o->limit;
    s->most_ms = o->most_ms;
    s->until_ms = o->most_ms ? fk_monotonic_ms() + o->most_ms : INT64_MAX;
    s->has_receipt = o->receipt != NULL;
    s->coverage.zone_minutes = o->zone_minutes;
    s->coverage.since_ms = o->since_ms;
    s->coverage.until_ms = o->until_ms;
    s->coverage.collapse = o->collapse;
    if (o->user != NULL) {
        fk_buf_str(&s->user, o->user);
        s->coverage.user = fk_buf_cstr(&s->user);
    }
}

enum fk_status fk_search_open(const char *dir, struct fk_keep *keep, struct fk_lend *lend,
                              const struct fk_search_options *options, struct fk_search **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_search *s = calloc(1, sizeof *s);
    enum fk_status st = FK_OK;
    memset(fault, 0, sizeof *fault);
    if (s == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a search");
    ask(s, dir, options);
    FK_TRY(open_index(s, err));
    FK_TRY(understand(s, options, fault, err));
    if (options->snippets)
        FK_TRY(fk_snippets_new(fk_query_root(s->query), &s->snippets, err));
    FK_TRY(read_cursor(s, options->cursor, err));
    FK_TRY(measure(s, lend, fault, err));
    FK_TRY(receipt_state(s, lend, options, err));
    FK_TRY(fk_search__record(s, keep, options, err));
    s->until_ms = INT64_MAX; /* of what was found, hits are given */
    if (s->reader != NULL)
        fk_xreader_limit(s->reader, s->until_ms);
    s->has_failed = false;
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

const char *fk_search_stood_for(const struct fk_search *s, size_t *len) {
    *len = s->stood_for.len;
    return (const char *)s->stood_for.data;
}

const char *fk_search_remark(const struct fk_search *s) {
    return fk_query_remark(s->query);
}

void fk_search_close(struct fk_search **search) {
    struct fk_search *s = *search;
    if (s == NULL)
        return;
    if (s->readers && !s->has_failed)
        fk_readers_give(s->readers, &s->index);
    else
        fk_readers_drop(&s->index);
    fk_query_free(&s->query);
    fk_xquery_free(&s->whole);
    fk_xquery_free(&s->missed);
    fk_buf_free(&s->related.expansion);
    fk_receipt__found_free(&s->listed);
    fk_matches_free(&s->groups);
    fk_xsurvey_free(&s->found);
    fk_snippets_free(&s->snippets);
    fk_buf_wipe(&s->snippet.text);
    fk_seqs_free(&s->disposed);
    fk_seqs_free(&s->lessened);
    fk_seqs_free(&s->captures);
    fk_provenance_free(&s->known);
    fk_buf_free(&s->canonical);
    fk_buf_free(&s->expansion);
    fk_buf_free(&s->stood_for);
    fk_buf_free(&s->data);
    fk_buf_free(&s->user);
    free(s);
    *search = NULL;
}
