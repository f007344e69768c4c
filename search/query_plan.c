/*
 * query_plan.c - which terms a text stands for. What a value of from:, to: and the like is, is
 * decided by its form: with an @ inside a whole address, with one before it a domain, otherwise
 * text of names and addresses.
 */
#include "search/query_plan.h"
#include "search/query_priv.h"
#include "base/pack.h"
#include "indexer/host.h"
#include "indexer/index.h"
#include "indexer/terms.h"
#include "indexer/variants.h"
#include <limits.h>

struct planner {
    int zone_minutes;
    const char *const *domains; /* ours; NULL: not known */
    struct fk_query_fault *fault;
    struct fk_err *err;
};

static enum fk_status out_of_memory(const struct planner *p) {
    return fk_fail(p->err, FK_NOMEM, "out of memory for a query");
}

/* ---- text as terms */

/* A token of a text, in `bytes`; written: as fk_token has it. */
struct token {
    size_t at, len, written_at, written_len;
    bool has_variants; /* one of its characters has others that stand for it */
    bool is_character; /* one of a script without spaces */
};
struct tokens {
    struct fk_buf bytes;
    struct token *list;
    size_t count, cap;
    bool failed;
};
#define TOKENS_INIT                                                                                \
    { FK_BUF_INIT, NULL, 0, 0, false }

static void tokens_add(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        struct token *list = realloc(t->list, cap * sizeof *list);
        if (list == NULL) {
            t->failed = true;
            return;
        }
        t->list = list;
        t->cap = cap;
    }
    struct token *is = &t->list[t->count++];
    *is = (struct token){t->bytes.len, token->len, 0, token->written_len, false, false};
    fk_buf_add(&t->bytes, token->text, token->len);
    is->written_at = t->bytes.len;
    if (token->written_len)
        fk_buf_add(&t->bytes, token->written, token->written_len);
    for (const char *at = token->text, *end = at + token->len; at < end;) {
        const struct fk_query__char c = fk_query__char_at(at, end);
        is->has_variants |= fk_variants_class(c.code) != NULL;
        at += c.bytes ? c.bytes : 1;
    }
    is->is_character = fk_terms_is_character(token->text, token->len);
}

static void tokens_count(void *ctx, const struct fk_token *token) {
    (void)token;
    ++*(size_t *)ctx;
}

static void tokens_free(struct tokens *t) {
    fk_buf_free(&t->bytes);
    free(t->list);
}

static enum fk_status tokens_read(const struct planner *p, const char *text, size_t len,
                                  struct tokens *out) {
    enum fk_status st = fk_terms_of_query(text, len, tokens_add, out, p->err);
    return st == FK_OK && (out->failed || out->bytes.failed) ? out_of_memory(p) : st;
}

/* Rows of tokens as terms of one field, for the shim. */
struct terms {
    struct fk_buf bytes;
    size_t lens[FK_PLAN_MAX_TOKENS];
    const char *at[FK_PLAN_MAX_TOKENS];
    size_t count;
};

static void terms_add(struct terms *terms, const struct tokens *t, const char *prefix) {
    for (size_t i = 0; i < t->count && terms->count < FK_PLAN_MAX_TOKENS; i++) {
        const size_t before = terms->bytes.len;
        fk_buf_str(&terms->bytes, prefix);
        fk_buf_add(&terms->bytes, t->bytes.data + t->list[i].at, t->list[i].len);
        terms->lens[terms->count++] = terms->bytes.len - before;
    }
}

static bool terms_settle(struct terms *terms) {
    const char *at = (const char *)terms->bytes.data;
    for (size_t i = 0; i < terms->count; at += terms->lens[i++])
        terms->at[i] = at;
    return !terms->bytes.failed;
}

/* The phrase (or the one term) of the tokens in one field. */
static struct fk_xquery *tokens_query(const struct tokens *t, const char *prefix, bool expand) {
    struct terms *terms = calloc(1, sizeof *terms);
    struct fk_xquery *query = NULL;
    if (terms == NULL)
        return NULL;
    terms_add(terms, t, prefix);
    if (terms_settle(terms))
        query = terms->count > 1 ? fk_xquery_phrase(terms->at, terms->lens, terms->count)
                : expand ? fk_xquery_prefix(terms->at[0], terms->lens[0], FK_PLAN_MAX_EXPANSION)
                         : fk_xquery_term(terms->at[0], terms->lens[0]);
    fk_buf_free(&terms->bytes);
    free(terms);
    return query;
}

static struct fk_xquery *term_of(const char *prefix, const char *mark, const void *text,
                                 size_t len) {
    struct fk_buf term = FK_BUF_INIT;
    fk_buf_str(&term, prefix);
    fk_buf_str(&term, mark);
    fk_buf_add(&term, text, len);
    struct fk_xquery *query = term.failed ? NULL : fk_xquery_term((char *)term.data, term.len);
    fk_buf_free(&term);
    return query;
}

/* Of what has the tokens, what has them in this very spelling: a character that stands for others is
 * not to be there as one of them alone, and one of the others is to be there itself. */
static struct fk_xquery *exactly(struct fk_xquery *query, const struct tokens *t,
                                 const char *prefix) {
    for (size_t i = 0; i < t->count; i++) {
        const struct token *is = &t->list[i];
        if (is->written_len)
            query = fk_xquery_and(
                query, term_of(prefix, "", t->bytes.data + is->written_at, is->written_len));
        else if (is->has_variants)
            query = fk_xquery_and_not(
                query, term_of(prefix, FK_VARIED, t->bytes.data + is->at, is->len));
    }
    return query;
}

/* One character, wherever it stands in a run. In its very spelling it is looked for as it was
 * written. */
static struct fk_xquery *character_query(const struct tokens *t, const char *prefix, bool exact) {
    const struct token *is = &t->list[0];
    const bool as_written = exact && is->written_len > 0;
    return fk_xquery_character(prefix,
                               (const char *)t->bytes.data + (as_written ? is->written_at : is->at),
                               as_written ? is->written_len : is->len,
                               exact ? FK_VARIED : NULL);
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

static enum fk_status blame_signs(const struct planner *p, const struct fk_q_node *node) {
    return fk_query_blame(node, p->fault, p->err,
                          "signs are not searched for: leave them out, or put them in quotes "
                          "together with the words beside them",
                          "there is no letter or digit in \"%.*s\"", fk_query__cut(node->text, 60),
                          node->text);
}

/* A pattern in any of the fields. */
static enum fk_status plan_pattern(const struct planner *p, const struct fk_q_node *node,
                                   const char *const *fields, size_t n, struct fk_xquery **out) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = fk_terms_fold(node->text, node->len, &folded, p->err);
    const char *pattern = fk_buf_cstr(&folded);
    struct fk_xquery *any = NULL;
    if (st == FK_OK && folded.failed)
        st = out_of_memory(p);
    for (size_t i = 0; i < n && st == FK_OK; i++) {
        struct fk_xquery *one =
            fk_xquery_wildcard(fields[i], pattern, folded.len, FK_PLAN_MAX_EXPANSION);
        any = i ? fk_xquery_or(any, one) : one;
    }
    *out = any;
    fk_buf_free(&folded);
    return st;
}

/* One spelling of a text in any of the fields, joined to *any. */
static enum fk_status plan_spelling(const struct planner *p, const struct fk_q_node *node,
                                    const char *text, size_t len, const char *const *fields,
                                    size_t n, bool *begun, struct fk_xquery **any) {
    struct tokens tokens = TOKENS_INIT;
    bool expand = false;
    enum fk_status st = FK_OK;
    FK_TRY(tokens_read(p, text, len, &tokens));
    if (tokens.count == 0)
        FK_TRY(blame_signs(p, node));
    if (tokens.count > FK_PLAN_MAX_TOKENS)
        FK_TRY(fk_query_blame(node, p->fault, p->err, "search for parts of it, joined by AND",
                              "this text has %zu words; at most %d are searched for in a row",
                              tokens.count, FK_PLAN_MAX_TOKENS));
    if (node->prefix)
        FK_TRY(ends_open(node, tokens.count, &expand, p->err));
    if (expand && tokens.count > 1)
        FK_TRY(fk_query_blame(node, p->fault, p->err, "put the * at a word of its own, joined by AND",
                              "a * goes with one word, and \"%.*s\" is %zu",
                              fk_query__cut(node->text, 60), node->text, tokens.count));
    for (size_t i = 0; i < n; i++) {
        const bool is_character = tokens.count == 1 && tokens.list[0].is_character;
        struct fk_xquery *one = is_character
                                    ? character_query(&tokens, fields[i], node->exact)
                                    : tokens_query(&tokens, fields[i], expand);
        if (node->exact && !is_character)
            one = exactly(one, &tokens, fields[i]);
        *any = *begun ? fk_xquery_or(*any, one) : one;
        *begun = true;
    }
done:
    tokens_free(&tokens);
    return st;
}

/* A text in any of the fields, in any of its spellings. */
static enum fk_status plan_text(const struct planner *p, const struct fk_q_node *node,
                                const char *const *fields, size_t n, struct fk_xquery **out) {
    struct fk_query__spellings s = FK_SPELLINGS_INIT;
    struct fk_xquery *any = NULL;
    enum fk_status st = FK_OK;
    bool begun = false;
    if (node->wild)
        return plan_pattern(p, node, fields, n, out);
    FK_TRY(fk_query__spell(node, &s, p->err));
    for (size_t i = 0; i < s.count; i++) {
        size_t len;
        const char *text = fk_query__spelling(&s, i, &len);
        FK_TRY(plan_spelling(p, node, text, len, fields, n, &begun, &any));
    }
    *out = any;
    any = NULL;
done:
    fk_xquery_free(&any);
    fk_query__spellings_free(&s);
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
    if (at == NULL || (after == 0 && !node->prefix) || node->wild ||
        memchr(node->text, ' ', node->len) != NULL) {
        if ((st = plan_text(p, node, role->names, role->count, out)) != FK_OK ||
            role->field != FK_F_PARTICIPANTS || node->prefix || node->wild)
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

/* SHA-256 of a file, hex; the beginning of one with a star. */
static enum fk_status plan_digest(const struct planner *p, const struct fk_q_node *node,
                                  struct fk_xquery **out) {
    char hex[65];
    size_t n = 0;
    for (; n < node->len && n < sizeof hex - 1 && strchr("0123456789abcdefABCDEF", node->text[n]);
         n++)
        hex[n] =
            node->text[n] >= 'A' && node->text[n] <= 'F' ? node->text[n] | 0x20 : node->text[n];
    if (n < node->len || (n < 64 && !node->prefix))
        return fk_query_blame(node, p->fault, p->err,
                              "sha256sum FILE prints them; with a * the first of them will do",
                              "expected the 64 hexadecimal digits of a file's SHA-256");
    *out = whole_value(FK_P_DIGEST, hex, n, node->prefix);
    return FK_OK;
}

/* ---- links */

/* A host is found by its term too, which has one form for all that IDNA writes it in. */
static enum fk_status plan_url(const struct planner *p, const struct fk_q_node *node,
                               const char *const *fields, size_t n, struct fk_xquery **out) {
    const bool is_host = node->len > 1 && node->text[0] == '@';
    const bool like_host = memchr(node->text, '.', node->len) != NULL &&
                           strcspn(node->text, "/:@?#= ") == node->len && !node->prefix &&
                           !node->wild && !node->exact;
    struct fk_buf host = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!is_host)
        FK_TRY(plan_text(p, node, fields, n, out));
    if (is_host && (node->prefix || node->wild))
        FK_TRY(fk_query_blame(node, p->fault, p->err, "leave the * out",
                              "a * does not go with a host"));
    if (is_host || like_host) {
        FK_TRY(fk_host_fold(node->text + is_host, node->len - is_host, &host, p->err));
        struct fk_xquery *term = term_of(FK_P_LINK_HOST, "", host.data, host.len);
        *out = is_host ? term : fk_xquery_or(*out, term);
    }
done:
    fk_buf_free(&host);
    return st;
}

/* ---- which way it went */

static enum fk_status any_domain(const struct planner *p, const char *prefix,
                                 struct fk_xquery **out) {
    struct fk_xquery *any = NULL;
    for (size_t i = 0; p->domains[i] != NULL; i++) {
        struct fk_buf folded = FK_BUF_INIT;
        enum fk_status st =
            fk_terms_of_address(p->domains[i], strlen(p->domains[i]), &folded, p->err);
        struct fk_xquery *one =
            st == FK_OK ? term_of(prefix, "", folded.data, folded.len) : NULL;
        fk_buf_free(&folded);
        if (st != FK_OK) {
            fk_xquery_free(&any);
            return st;
        }
        any = i ? fk_xquery_or(any, one) : one;
    }
    *out = any;
    return FK_OK;
}

static struct fk_xquery *goes_outside(const struct planner *p) {
    size_t n = 0;
    while (p->domains[n] != NULL)
        n++;
    return fk_xquery_outside(FK_SLOT_TO_DOMAINS, p->domains, n);
}

/* From us or not, to us or not, to others or not: every message is one of the four. */
static enum fk_status plan_direction(const struct planner *p, const struct fk_q_node *node,
                                     struct fk_xquery **out) {
    struct fk_xquery *of = NULL, *to = NULL;
    enum fk_status st = FK_OK;
    if (p->domains == NULL || p->domains[0] == NULL)
        return fk_query_blame(node, p->fault, p->err,
                              "name your domains in fumikura.conf: domains = {\"example.co.jp\"}",
                              "which domains are yours is not known, so nothing has a direction");
    FK_TRY(any_domain(p, FK_P_OF_DOMAIN, &of));
    FK_TRY(any_domain(p, FK_P_TO_DOMAIN, &to));
    if (strcmp(node->text, "in") == 0)
        *out = fk_xquery_and_not(to, of);
    else if (strcmp(node->text, "other") == 0)
        *out = fk_xquery_and_not(fk_xquery_all(), fk_xquery_or(of, to));
    else {
        *out = strcmp(node->text, "out") == 0 ? fk_xquery_and(of, goes_outside(p))
                                              : fk_xquery_and_not(of, goes_outside(p));
        fk_xquery_free(&to);
    }
    of = to = NULL;
done:
    fk_xquery_free(&of);
    fk_xquery_free(&to);
    return st;
}

/* ---- the tree */

static const char *const bare_fields[] = FK_BARE, *const subject_fields[] = {FK_P_SUBJECT},
                         *const body_fields[] = {FK_P_BODY, FK_P_WRAPPER},
                         *const file_fields[] = {FK_P_FILE}, *const link_fields[] = {FK_P_LINK},
                         *const attachment_fields[] = {FK_P_ATTACHMENT};
struct text_field {
    enum fk_q_field field;
    const char *const *prefixes;
    size_t count;
};
#define PREFIXES(list) list, sizeof(list) / sizeof *(list)
static const struct text_field text_fields[] = {
    {FK_F_ANY, PREFIXES(bare_fields)},      {FK_F_SUBJECT, PREFIXES(subject_fields)},
    {FK_F_BODY, PREFIXES(body_fields)},     {FK_F_FILENAME, PREFIXES(file_fields)},
    {FK_F_URL, PREFIXES(link_fields)},      {FK_F_ATTACHMENT, PREFIXES(attachment_fields)},
};

/* Where the text of a field stands. */
static const char *const *prefixes_of(enum fk_q_field field, size_t *n) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].field == field)
            return *n = roles[i].count, roles[i].names;
    for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields; i++)
        if (text_fields[i].field == field)
            return *n = text_fields[i].count, text_fields[i].prefixes;
    return *n = sizeof bare_fields / sizeof *bare_fields, bare_fields;
}

/* field:*; of participants: anybody at all. */
static struct fk_xquery *plan_has(const struct fk_q_node *node) {
    static const enum fk_q_field people[] = {FK_F_FROM, FK_F_TO,      FK_F_CC,   FK_F_BCC,
                                             FK_F_VIA,  FK_F_ENVFROM, FK_F_ENVTO};
    struct fk_xquery *any = NULL;
    if (node->field == FK_F_DATE)
        return range_of(FK_SLOT_DATE, false, 0, false, 0);
    if (node->field != FK_F_PARTICIPANTS)
        return flag("in:", fk_query__name_of(node->field));
    for (size_t i = 0; i < sizeof people / sizeof *people; i++) {
        struct fk_xquery *one = flag("in:", fk_query__name_of(people[i]));
        any = i ? fk_xquery_or(any, one) : one;
    }
    return any;
}

static enum fk_status plan_leaf(const struct planner *p, const struct fk_q_node *node,
                                struct fk_xquery **out) {
    size_t n;
    const char *const *prefixes = prefixes_of(node->field, &n);
    if (node->kind == FK_Q_TIME)
        return *out = plan_time(p, node), FK_OK;
    if (node->kind == FK_Q_SIZE)
        return *out = range_of(FK_SLOT_SIZE, true, node->least, true, node->most), FK_OK;
    if (node->kind == FK_Q_ALL)
        return *out = fk_xquery_all(), FK_OK;
    if (node->kind == FK_Q_HAS)
        return *out = plan_has(node), FK_OK;
    switch (node->field) {
    case FK_F_SHA256:
        return plan_digest(p, node, out);
    case FK_F_GARBLED:
        return *out = flag("partial:", "charset"), FK_OK;
    case FK_F_URL:
        return plan_url(p, node, prefixes, n, out);
    case FK_F_IP:
        return fk_query__ip(node, out, p->fault, p->err);
    case FK_F_FILETYPE:
        return *out = flag("ext:", node->text), FK_OK;
    case FK_F_DIRECTION:
        return plan_direction(p, node, out);
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
    default:
        break;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].field == node->field)
            return plan_role(p, node, &roles[i], out);
    return plan_text(p, node, prefixes, n, out);
}

/* ---- NEAR */

/* One text that may stand on one side, in one spelling. */
struct side {
    const struct fk_q_node *node;
    struct tokens tokens;
    unsigned width; /* positions that it takes */
};
struct near {
    struct side *sides;
    size_t count, from[FK_PLAN_NEAR_SIDES + 1]; /* where those of each child begin */
    size_t children;
    unsigned window; /* positions between two of them */
};

static void near_free(struct near *near) {
    for (size_t i = 0; i < near->count; i++)
        tokens_free(&near->sides[i].tokens);
    free(near->sides);
}

static enum fk_status side_add(const struct planner *p, struct near *near,
                               const struct fk_q_node *node, const char *text, size_t len) {
    struct side *sides = realloc(near->sides, (near->count + 1) * sizeof *sides);
    if (sides == NULL)
        return out_of_memory(p);
    near->sides = sides;
    struct side *s = &sides[near->count++];
    size_t ignored = 0;
    uint32_t width = 0;
    *s = (struct side){node, TOKENS_INIT, 0};
    enum fk_status st = tokens_read(p, text, len, &s->tokens);
    if (st == FK_OK)
        st = fk_terms_of_text(text, len, 0, tokens_count, &ignored, &width, p->err);
    s->width = width;
    if (st == FK_OK && s->tokens.count == 0)
        st = blame_signs(p, node);
    if (st == FK_OK && s->tokens.count == 1 && s->tokens.list[0].is_character)
        st = fk_query_blame(node, p->fault, p->err, "write one more character",
                            "NEAR takes two characters or more of Japanese");
    return st;
}

static enum fk_status sides_add(const struct planner *p, struct near *near,
                                const struct fk_q_node *node) {
    struct fk_query__spellings s = FK_SPELLINGS_INIT;
    enum fk_status st = FK_OK;
    if (node->kind == FK_Q_OR) {
        for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
            FK_TRY(sides_add(p, near, c));
        return FK_OK;
    }
    FK_TRY(fk_query__spell(node, &s, p->err));
    for (size_t i = 0; i < s.count; i++) {
        size_t len;
        const char *text = fk_query__spelling(&s, i, &len);
        FK_TRY(side_add(p, near, node, text, len));
    }
done:
    fk_query__spellings_free(&s);
    return st;
}

/* One text for each child, in one field: all their tokens close together, and each text whole. */
static struct fk_xquery *near_query(const struct near *near, const size_t *chosen,
                                    const char *prefix) {
    struct terms *terms = calloc(1, sizeof *terms);
    struct fk_xquery *query = NULL;
    unsigned window = near->window * (unsigned)(near->children - 1), spare = UINT_MAX;
    if (terms == NULL)
        return NULL;
    for (size_t i = 0; i < near->children; i++) {
        const struct side *s = &near->sides[chosen[i]];
        const unsigned behind = s->width - (unsigned)s->tokens.count; /* its last token begins */
        terms_add(terms, &s->tokens, prefix);
        window += s->width;
        spare = behind < spare ? behind : spare;
    }
    window -= spare; /* of the last of them, whichever it is */
    if (terms_settle(terms))
        query = fk_xquery_near(terms->at, terms->lens, terms->count, window);
    for (size_t i = 0; i < near->children; i++) {
        const struct side *s = &near->sides[chosen[i]];
        if (s->tokens.count > 1)
            query = fk_xquery_and(query, tokens_query(&s->tokens, prefix, false));
        if (s->node->exact)
            query = exactly(query, &s->tokens, prefix);
    }
    fk_buf_free(&terms->bytes);
    free(terms);
    return query;
}

/* The next choice of a text for each child; false after the last. */
static bool choose_next(const struct near *near, size_t *chosen) {
    for (size_t i = 0; i < near->children; i++) {
        if (++chosen[i] < near->from[i + 1])
            return true;
        chosen[i] = near->from[i];
    }
    return false;
}

static enum fk_status near_read(const struct planner *p, const struct fk_q_node *node,
                                struct near *near) {
    enum fk_status st = FK_OK;
    size_t ways = 1, tokens = 0;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        if (near->children == FK_PLAN_NEAR_SIDES)
            return fk_query_blame(c, p->fault, p->err, "search for them in parts",
                                  "NEAR has at most %d texts", FK_PLAN_NEAR_SIDES);
        near->from[near->children] = near->count;
        FK_TRY(sides_add(p, near, c));
        near->from[++near->children] = near->count;
        ways *= near->count - near->from[near->children - 1];
        if (ways > FK_PLAN_NEAR_WAYS)
            return fk_query_blame(c, p->fault, p->err,
                                  "search for them in parts, or put exact: before them",
                                  "the texts beside NEAR go together in more than %d ways",
                                  FK_PLAN_NEAR_WAYS);
    }
    for (size_t i = 0; i < near->count; i++)
        tokens += near->sides[i].tokens.count;
    if (tokens > FK_PLAN_MAX_TOKENS)
        st = fk_query_blame(node, p->fault, p->err, "search for shorter texts",
                            "the texts beside NEAR have more than %d words", FK_PLAN_MAX_TOKENS);
done:
    return st;
}

static enum fk_status plan_near(const struct planner *p, const struct fk_q_node *node,
                                struct fk_xquery **out) {
    struct near near = {.window = node->window};
    size_t n, chosen[FK_PLAN_NEAR_SIDES];
    const char *const *prefixes = prefixes_of(node->field, &n);
    struct fk_xquery *any = NULL;
    bool begun = false;
    enum fk_status st = FK_OK;
    FK_TRY(near_read(p, node, &near));
    for (size_t f = 0; f < n; f++) {
        memcpy(chosen, near.from, near.children * sizeof *chosen);
        do {
            struct fk_xquery *one = near_query(&near, chosen, prefixes[f]);
            any = begun ? fk_xquery_or(any, one) : one;
            begun = true;
        } while (choose_next(&near, chosen));
    }
    *out = any;
done:
    near_free(&near);
    return st;
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
    if (node->kind == FK_Q_NEAR)
        return plan_near(p, node, out);
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

enum fk_status fk_query_plan_for(const struct fk_q_node *node, int zone_minutes,
                                 const char *const *domains, struct fk_xquery **out,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    struct planner p = {zone_minutes, domains, fault, err};
    struct fk_xquery *whole = NULL;
    enum fk_status st = plan(&p, node, &whole);
    if (st == FK_OK && whole == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
    if (st == FK_OK)
        *out = whole;
    return st;
}

enum fk_status fk_query_plan(const struct fk_q_node *node, int zone_minutes, struct fk_xquery **out,
                             struct fk_query_fault *fault, struct fk_err *err) {
    return fk_query_plan_for(node, zone_minutes, NULL, out, fault, err);
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
