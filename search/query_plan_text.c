/* query_plan_text.c - a text as terms of the index, in all of its spellings, and texts that stand
 * near to one another. */
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "indexer/text/variants.h"
#include "search/query_plan_priv.h"
#include <limits.h>
#include <stdlib.h>

enum fk_status fk_query__out_of_memory(const struct fk_query__planner *p) {
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

static enum fk_status tokens_read(const struct fk_query__planner *p, const char *text, size_t len,
                                  struct tokens *out) {
    enum fk_status st = fk_terms_of_query(text, len, tokens_add, out, p->err);
    return st == FK_OK && (out->failed || out->bytes.failed) ? fk_query__out_of_memory(p) : st;
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

struct fk_xquery *fk_query__term(const char *prefix, const char *mark, const void *text,
                                 size_t len) {
    struct fk_buf term = FK_BUF_INIT;
    fk_buf_str(&term, prefix);
    fk_buf_str(&term, mark);
    fk_buf_add(&term, text, len);
    struct fk_xquery *query = term.failed ? NULL : fk_xquery_term((char *)term.data, term.len);
    fk_buf_free(&term);
    return query;
}

/* Of what has the tokens, what has them in this very spelling: a character that stands for others
 * is not to be there as one of them alone, and one of the others is to be there itself. */
static struct fk_xquery *exactly(struct fk_xquery *query, const struct tokens *t,
                                 const char *prefix) {
    struct fk_xquery *without = NULL;
    bool some_without = false;
    for (size_t i = 0; i < t->count; i++) {
        const struct token *is = &t->list[i];
        if (is->written_len) {
            query = fk_xquery_and(
                query, fk_query__term(prefix, "", t->bytes.data + is->written_at, is->written_len));
        } else if (is->has_variants) {
            struct fk_xquery *one =
                fk_query__term(prefix, FK_VARIED, t->bytes.data + is->at, is->len);
            without = some_without ? fk_xquery_or(without, one) : one;
            some_without = true;
        }
    }
    return some_without ? fk_xquery_and_not(query, without) : query;
}

/* One character, wherever it stands in a run. In its very spelling it is looked for as it was
 * written. */
static struct fk_xquery *character_query(const struct tokens *t, const char *prefix, bool exact) {
    const struct token *is = &t->list[0];
    const bool as_written = exact && is->written_len > 0;
    return fk_xquery_character(prefix,
                               (const char *)t->bytes.data + (as_written ? is->written_at : is->at),
                               as_written ? is->written_len : is->len, exact ? FK_VARIED : NULL);
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

static enum fk_status blame_signs(const struct fk_query__planner *p, const struct fk_q_node *node) {
    return fk_query_blame(node, p->fault, p->err,
                          "signs are not searched for: leave them out, or put them in quotes "
                          "together with the words beside them",
                          "there is no letter or digit in \"%.*s\"", fk_query__cut(node->text, 60),
                          node->text);
}

/* A pattern in any of the fields. */
static enum fk_status plan_pattern(const struct fk_query__planner *p, const struct fk_q_node *node,
                                   const char *const *fields, size_t n, struct fk_xquery **out) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = fk_terms_fold(node->text, node->len, &folded, p->err);
    const char *pattern = fk_buf_cstr(&folded);
    struct fk_xquery *any = NULL;
    if (st == FK_OK && folded.failed)
        st = fk_query__out_of_memory(p);
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
static enum fk_status plan_spelling(const struct fk_query__planner *p, const struct fk_q_node *node,
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
        FK_TRY(fk_query_blame(node, p->fault, p->err,
                              "put the * at a word of its own, joined by AND",
                              "a * goes with one word, and \"%.*s\" is %zu",
                              fk_query__cut(node->text, 60), node->text, tokens.count));
    for (size_t i = 0; i < n; i++) {
        const bool is_character = tokens.count == 1 && tokens.list[0].is_character;
        struct fk_xquery *one = is_character ? character_query(&tokens, fields[i], node->exact)
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
enum fk_status fk_query__plan_text(const struct fk_query__planner *p, const struct fk_q_node *node,
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

static enum fk_status side_add(const struct fk_query__planner *p, struct near *near,
                               const struct fk_q_node *node, const char *text, size_t len) {
    struct side *sides = realloc(near->sides, (near->count + 1) * sizeof *sides);
    if (sides == NULL)
        return fk_query__out_of_memory(p);
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

static enum fk_status sides_add(const struct fk_query__planner *p, struct near *near,
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

static enum fk_status near_read(const struct fk_query__planner *p, const struct fk_q_node *node,
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
            return fk_query_blame(
                c, p->fault, p->err, "search for them in parts, or put exact: before them",
                "the texts beside NEAR go together in more than %d ways", FK_PLAN_NEAR_WAYS);
    }
    size_t span = (size_t)near->window * (near->children - 1);
    for (size_t i = 0; i < near->children; i++) {
        unsigned widest = 0;
        for (size_t k = near->from[i]; k < near->from[i + 1]; k++) {
            tokens += near->sides[k].tokens.count;
            if (near->sides[k].width > widest)
                widest = near->sides[k].width;
        }
        span += widest;
    }
    if (span > FK_FIELD_GAP) /* parts of a message are not near to one another */
        return fk_query_blame(node, p->fault, p->err, "ask for a smaller number, or use AND",
                              "NEAR spans at most %d words, with the texts themselves",
                              FK_FIELD_GAP);
    if (tokens > FK_PLAN_MAX_TOKENS)
        st = fk_query_blame(node, p->fault, p->err, "search for shorter texts",
                            "the texts beside NEAR have more than %d words", FK_PLAN_MAX_TOKENS);
done:
    return st;
}

enum fk_status fk_query__plan_near(const struct fk_query__planner *p, const struct fk_q_node *node,
                                   const char *const *prefixes, size_t n, struct fk_xquery **out) {
    struct near near = {.window = node->window};
    size_t chosen[FK_PLAN_NEAR_SIDES];
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
