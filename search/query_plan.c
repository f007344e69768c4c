/*
 * query_plan.c - which terms a text stands for. What a value of from:, to: and the like is, is
 * decided by its form: with an @ inside a whole address, with one before it a domain, otherwise
 * text of names and addresses.
 */
#include "search/query_plan.h"
#include "search/query_priv.h"
#include "base/pack.h"
#include "indexer/index.h"
#include "indexer/terms.h"

struct planner {
    int zone_minutes;
    struct fk_query_fault *fault;
    struct fk_err *err;
};

/* ---- text as terms */

/* The tokens of a text, one after another in `bytes`. */
struct tokens {
    struct fk_buf bytes;
    size_t *ends, count, cap;
    bool failed;
};

static void tokens_add(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        size_t *ends = realloc(t->ends, cap * sizeof *ends);
        if (ends == NULL) {
            t->failed = true;
            return;
        }
        t->ends = ends;
        t->cap = cap;
    }
    fk_buf_add(&t->bytes, token->text, token->len);
    t->ends[t->count++] = t->bytes.len;
}

static void tokens_count(void *ctx, const struct fk_token *token) {
    (void)token;
    ++*(size_t *)ctx;
}

static void tokens_free(struct tokens *t) {
    fk_buf_free(&t->bytes);
    free(t->ends);
}

/* The phrase (or the one term) of the tokens in one field. */
static struct fk_xquery *tokens_query(const struct tokens *t, const char *prefix, bool expand) {
    struct fk_buf terms = FK_BUF_INIT;
    const char **at = calloc(t->count, sizeof *at);
    size_t *lens = calloc(t->count, sizeof *lens), plen = strlen(prefix);
    struct fk_xquery *query = NULL;
    for (size_t i = 0, from = 0; i < t->count; from = t->ends[i++]) {
        fk_buf_add(&terms, prefix, plen);
        fk_buf_add(&terms, t->bytes.data + from, t->ends[i] - from);
    }
    if (at != NULL && lens != NULL && !terms.failed) {
        for (size_t i = 0, from = 0; i < t->count; from = t->ends[i++]) {
            at[i] = (const char *)terms.data + from + i * plen;
            lens[i] = t->ends[i] - from + plen;
        }
        query = t->count > 1 ? fk_xquery_phrase(at, lens, t->count)
                : expand     ? fk_xquery_prefix(at[0], lens[0], FK_PLAN_MAX_EXPANSION)
                             : fk_xquery_term(at[0], lens[0]);
    }
    free(at);
    free(lens);
    fk_buf_free(&terms);
    return query;
}

/* Does the last token of a text grow when letters follow? A word does; in scripts without spaces
 * every character is found by itself, so there a "*" asks for nothing more. */
static enum fk_status ends_open(const struct fk_q_node *node, size_t tokens, bool *out,
                                struct fk_err *err) {
    struct fk_buf longer = FK_BUF_INIT;
    size_t count = 0;
    fk_buf_add(&longer, node->text, node->len);
    fk_buf_byte(&longer, 'a');
    enum fk_status st = longer.failed ? fk_fail(err, FK_NOMEM, "out of memory for a query")
                                      : fk_terms_of_query((const char *)longer.data, longer.len,
                                                          tokens_count, &count, err);
    fk_buf_free(&longer);
    *out = count == tokens;
    return st;
}

/* A text in any of the fields. */
static enum fk_status plan_text(const struct planner *p, const struct fk_q_node *node,
                                const char *const *fields, size_t n, struct fk_xquery **out) {
    struct tokens tokens = {FK_BUF_INIT, NULL, 0, 0, false};
    struct fk_xquery *any = NULL;
    bool expand = false;
    enum fk_status st = FK_OK;
    FK_TRY(fk_terms_of_query(node->text, node->len, tokens_add, &tokens, p->err));
    if (tokens.failed || tokens.bytes.failed) {
        st = fk_fail(p->err, FK_NOMEM, "out of memory for a query");
        goto done;
    }
    if (tokens.count == 0) {
        st = fk_query_blame(node, p->fault, p->err,
                            "signs are not searched for: leave them out, or put them in quotes "
                            "together with the words beside them",
                            "there is no letter or digit in \"%.*s\"",
                            fk_query__cut(node->text, 60), node->text);
        goto done;
    }
    if (node->prefix)
        FK_TRY(ends_open(node, tokens.count, &expand, p->err));
    if (expand && tokens.count > 1) {
        st = fk_query_blame(node, p->fault, p->err, "put the * at a word of its own, joined by AND",
                            "a * goes with one word, and \"%.*s\" is %zu",
                            fk_query__cut(node->text, 60), node->text, tokens.count);
        goto done;
    }
    any = tokens_query(&tokens, fields[0], expand);
    for (size_t i = 1; i < n; i++)
        any = fk_xquery_or(any, tokens_query(&tokens, fields[i], expand));
    *out = any;
done:
    tokens_free(&tokens);
    return st;
}

/* ---- people */

/* A whole value as the index has it (FK_WHOLE_MAX). */
static struct fk_xquery *whole_value(const char *prefix, const char *text, size_t len,
                                     bool expand) {
    char term[FK_WHOLE_MAX + 8];
    size_t n = strlen(prefix), most = n + FK_WHOLE_MAX;
    memcpy(term, prefix, n);
    for (size_t i = 0; i < len && n < most; i++)
        if ((unsigned char)text[i] > ' ' && text[i] != 0x7f)
            term[n++] = text[i];
    return expand ? fk_xquery_prefix(term, n, FK_PLAN_MAX_EXPANSION) : fk_xquery_term(term, n);
}

/* One whole address or domain. */
static enum fk_status plan_address(const struct planner *p, const struct fk_q_node *node,
                                   const char *prefix, const char *text, size_t len,
                                   struct fk_xquery **out) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = fk_terms_of_address(text, len, &folded, p->err);
    if (st == FK_OK && folded.failed)
        st = fk_fail(p->err, FK_NOMEM, "out of memory for a query");
    if (st == FK_OK)
        *out = whole_value(prefix, (const char *)folded.data, folded.len, node->prefix);
    fk_buf_free(&folded);
    return st;
}

/* Which fields a role's names stand in, and which term has its whole addresses. */
struct role {
    enum fk_q_field field;
    const char *names[7];
    size_t count;
    const char *address;
};
static const struct role roles[] = {
    {FK_F_FROM, {FK_P_FROM}, 1, FK_P_FROM_ADDR},
    {FK_F_TO, {FK_P_TO, FK_P_CC, FK_P_BCC, FK_P_ENV_TO}, 4, FK_P_TO_ADDR},
    {FK_F_CC, {FK_P_CC}, 1, FK_P_CC_ADDR},
    {FK_F_BCC, {FK_P_BCC, FK_P_BLIND}, 2, FK_P_BCC_ADDR},
    {FK_F_VIA, {FK_P_VIA}, 1, FK_P_VIA_ADDR},
    {FK_F_ENVFROM, {FK_P_ENV_FROM}, 1, FK_P_ENVFROM_ADDR},
    {FK_F_ENVTO, {FK_P_ENV_TO}, 1, FK_P_ENVTO_ADDR},
    {FK_F_PARTICIPANTS,
     {FK_P_FROM, FK_P_TO, FK_P_CC, FK_P_BCC, FK_P_ENV_FROM, FK_P_ENV_TO, FK_P_VIA},
     7,
     FK_P_PERSON},
};

/* A narrower query and the text of it in the role's own fields. */
static enum fk_status narrowed(const struct planner *p, const struct fk_q_node *node,
                               const struct role *role, struct fk_xquery *narrow,
                               struct fk_xquery **out) {
    struct fk_xquery *text = NULL;
    struct fk_q_node plain = *node;
    plain.prefix = false;
    enum fk_status st = plan_text(p, &plain, role->names, role->count, &text);
    if (st == FK_OK)
        *out = fk_xquery_and(text, narrow);
    else
        fk_xquery_free(&narrow);
    return st;
}

static enum fk_status plan_role(const struct planner *p, const struct fk_q_node *node,
                                const struct role *role, struct fk_xquery **out) {
    const char *at = memchr(node->text, '@', node->len);
    size_t after = at != NULL ? node->len - (size_t)(at - node->text) - 1 : 0;
    struct fk_xquery *whole = NULL;
    enum fk_status st;
    if (at == NULL || (after == 0 && !node->prefix) || memchr(node->text, ' ', node->len) != NULL) {
        if ((st = plan_text(p, node, role->names, role->count, out)) != FK_OK ||
            role->field != FK_F_PARTICIPANTS || node->prefix)
            return st;
        /* Who stands in the envelope alone has no name, but may be of this domain. */
        if ((st = plan_address(p, node, FK_P_DOMAIN, node->text, node->len, &whole)) == FK_OK)
            *out = fk_xquery_or(*out, whole);
        return st;
    }
    bool domain = at == node->text;
    st = domain ? plan_address(p, node, FK_P_DOMAIN, at + 1, after, &whole)
                : plan_address(p, node, role->address, node->text, node->len, &whole);
    if (st != FK_OK)
        return st;
    if (role->field == FK_F_PARTICIPANTS || !domain) {
        *out = whole;
        return FK_OK;
    }
    if (node->prefix) {
        fk_xquery_free(&whole);
        return fk_query_blame(node, p->fault, p->err, "leave the * out",
                              "a * does not go with a domain");
    }
    return narrowed(p, node, role, whole, out);
}

/* ---- values */

static struct fk_xquery *range_of(unsigned slot, bool low, uint64_t least, bool high,
                                  uint64_t most) {
    uint8_t from[8], to[8];
    fk_be64(from, least);
    fk_be64(to, most);
    return fk_xquery_range(slot, from, low ? sizeof from : 0, to, high ? sizeof to : 0);
}

/* Moments before 1970 stand as 0 in the index. */
static struct fk_xquery *moments(unsigned slot, int64_t first, int64_t last) {
    if (last < 0)
        return fk_xquery_nothing();
    return range_of(slot, first > 0, (uint64_t)(first > 0 ? first : 0), last != INT64_MAX,
                    (uint64_t)last);
}

struct fk_xquery *fk_query_plan_received(int64_t first_ms, int64_t last_ms) {
    struct fk_xquery *begun = moments(FK_SLOT_RECEIVED, INT64_MIN, last_ms);
    return first_ms == INT64_MIN
               ? begun
               : fk_xquery_and(begun, moments(FK_SLOT_LATEST, first_ms, INT64_MAX));
}

static struct fk_xquery *plan_time(const struct planner *p, const struct fk_q_node *node) {
    int64_t first = INT64_MIN, last = INT64_MAX;
    if (node->from.unit != FK_UNIT_OPEN)
        first = fk_q_when_first_ms(&node->from, p->zone_minutes);
    if (node->to.unit != FK_UNIT_OPEN)
        last = fk_q_when_last_ms(&node->to, p->zone_minutes);
    return node->field == FK_F_DATE ? moments(FK_SLOT_DATE, first, last)
                                    : fk_query_plan_received(first, last);
}

static struct fk_xquery *flag(const char *name, const char *reason) {
    struct fk_buf term = FK_BUF_INIT;
    fk_buf_printf(&term, FK_P_FLAG "%s%s", name, reason);
    struct fk_xquery *query = term.failed ? NULL : fk_xquery_term((char *)term.data, term.len);
    fk_buf_free(&term);
    return query;
}

static struct fk_xquery *plan_msgid(const struct fk_q_node *node) {
    const char *at = node->text, *end = at + node->len;
    if (at < end && *at == '<' && end[-1] == '>')
        at++, end--;
    return whole_value(FK_P_MSGID, at, (size_t)(end - at), node->prefix);
}

/* ---- the tree */

static enum fk_status plan_leaf(const struct planner *p, const struct fk_q_node *node,
                                struct fk_xquery **out) {
    static const char *const bare[] = FK_BARE;
    static const char *const subject[] = {FK_P_SUBJECT}, *const body[] = {FK_P_BODY, FK_P_WRAPPER},
                             *const file[] = {FK_P_FILE};
    if (node->kind == FK_Q_TIME)
        return *out = plan_time(p, node), FK_OK;
    if (node->kind == FK_Q_SIZE)
        return *out = range_of(FK_SLOT_SIZE, true, node->least, true, node->most), FK_OK;
    if (node->kind == FK_Q_ALL)
        return *out = fk_xquery_all(), FK_OK;
    switch (node->field) {
    case FK_F_SUBJECT:
        return plan_text(p, node, subject, 1, out);
    case FK_F_BODY:
        return plan_text(p, node, body, 2, out);
    case FK_F_FILENAME:
        return plan_text(p, node, file, 1, out);
    case FK_F_MSGID:
        return *out = plan_msgid(node), FK_OK;
    case FK_F_HAS:
        return *out = flag(node->text, ""), FK_OK;
    case FK_F_UNSEARCHABLE:
        *out = strcmp(node->text, "any") == 0 ? flag("partial", "") : flag("partial:", node->text);
        return FK_OK;
    case FK_F_DKIM:
    case FK_F_AUTH:
    case FK_F_SPAM:
    case FK_F_VIRUS:
        return fk_query__verdict(node, out, p->fault, p->err);
    case FK_F_DELIVERY:
        return fk_query__delivery(node, out, p->fault, p->err);
    case FK_F_THREAD:
    case FK_F_SIMILAR:
        return fk_query__related(node, out, p->fault, p->err);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].field == node->field)
            return plan_role(p, node, &roles[i], out);
    return plan_text(p, node, bare, sizeof bare / sizeof *bare, out);
}

static enum fk_status plan(const struct planner *p, const struct fk_q_node *node,
                           struct fk_xquery **out);

/* x AND y AND NOT z: what is to be there, without what is not. */
static enum fk_status plan_and(const struct planner *p, const struct fk_q_node *node,
                               struct fk_xquery **out) {
    struct fk_xquery *with = NULL, *without = NULL, *part = NULL;
    bool some_with = false, some_without = false;
    enum fk_status st = FK_OK;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        bool absent = c->kind == FK_Q_NOT;
        FK_TRY(plan(p, absent ? c->first : c, &part));
        if (absent)
            without = some_without ? fk_xquery_or(without, part) : part;
        else
            with = some_with ? fk_xquery_and(with, part) : part;
        some_with |= !absent;
        some_without |= absent;
    }
    if (!some_with)
        with = fk_xquery_all();
    *out = some_without ? fk_xquery_and_not(with, without) : with;
    with = without = NULL;
done:
    fk_xquery_free(&with);
    fk_xquery_free(&without);
    return st;
}

static enum fk_status plan(const struct planner *p, const struct fk_q_node *node,
                           struct fk_xquery **out) {
    struct fk_xquery *any = NULL, *part = NULL;
    enum fk_status st = FK_OK;
    if (node->kind == FK_Q_AND)
        return plan_and(p, node, out);
    if (node->kind == FK_Q_NOT) {
        if ((st = plan(p, node->first, &part)) == FK_OK)
            *out = fk_xquery_and_not(fk_xquery_all(), part);
        return st;
    }
    if (node->kind != FK_Q_OR)
        return plan_leaf(p, node, out);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        FK_TRY(plan(p, c, &part));
        any = c == node->first ? part : fk_xquery_or(any, part);
    }
    *out = any;
    any = NULL;
done:
    fk_xquery_free(&any);
    return st;
}

enum fk_status fk_query_plan(const struct fk_q_node *node, int zone_minutes, struct fk_xquery **out,
                             struct fk_query_fault *fault, struct fk_err *err) {
    struct planner p = {zone_minutes, fault, err};
    struct fk_xquery *whole = NULL;
    enum fk_status st = plan(&p, node, &whole);
    if (st == FK_OK && whole == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
    if (st == FK_OK)
        *out = whole;
    return st;
}

enum fk_status fk_query_plan_person(const char *person, struct fk_xquery **out,
                                    struct fk_err *err) {
    struct fk_query_fault fault;
    struct fk_q_node node = {.kind = FK_Q_TEXT,
                             .field = FK_F_PARTICIPANTS,
                             .text = person,
                             .len = strlen(person),
                             .byte = 1,
                             .character = 1};
    return fk_query_plan(&node, 0, out, &fault, err);
}
