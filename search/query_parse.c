/*
 * query_parse.c - recursive descent over characters, one function a level of the grammar:
 *
 *     any     = all { "OR" all }
 *     all     = one { [ "AND" ] one }                a space is AND
 *     one     = ( "NOT" | "-" ) one | "(" any ")" | NAME ":" value | text
 *     value   = "(" any ")" | text | date | size
 *     text    = word | "phrase", either with a "*" at its end
 *
 * A parenthesis inside a word belongs to it when it closes there too: 田中商事（株） is one word.
 */
#include "base/arena.h"
#include "search/query_priv.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct fk_query {
    struct fk_arena *arena;
    struct fk_q_node *root;
};

/* Where the parser is; copied to look ahead. */
struct spot {
    const char *at;
    size_t character;
};

struct parser {
    const char *text, *end;
    struct spot now;
    struct fk_arena *arena;
    unsigned depth, leaves;
    struct fk_query_fault *fault;
    struct fk_err *err;
};

static enum fk_status blame(struct parser *p, struct spot at, const char *hint, const char *fmt,
                            ...) __attribute__((format(printf, 4, 5)));

static enum fk_status blame(struct parser *p, struct spot at, const char *hint, const char *fmt,
                            ...) {
    struct fk_q_node node = {.byte = (size_t)(at.at - p->text) + 1, .character = at.character};
    char expected[sizeof p->fault->expected];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(expected, sizeof expected, fmt, args);
    va_end(args);
    return fk_query_blame(&node, p->fault, p->err, hint, "%s", expected);
}

/* ---- characters */

static struct fk_query__char peek(const struct parser *p) {
    return fk_query__char_at(p->now.at, p->end);
}

static void advance(struct parser *p) {
    p->now.at += peek(p).bytes;
    p->now.character++;
}

static void skip_space(struct parser *p) {
    while (fk_query__is_space(peek(p).as))
        advance(p);
}

static bool ends_word(struct fk_query__char c) {
    return c.bytes == 0 || c.as == ' ' || c.as == '"' || c.as == '(' || c.as == ')';
}

/* What stands from here to `end`, in ASCII as far as the syntax has it; cut to fit. */
static void folded(const struct parser *p, const char *end, char *out, size_t size) {
    size_t n = 0;
    assert(p->now.at);
    for (const char *at = p->now.at; at < end;) {
        struct fk_query__char c = fk_query__char_at(at, end);
        size_t need = c.as < 0x80 ? 1 : c.bytes;
        if (c.bytes == 0 || n + need >= size)
            break;
        if (c.as < 0x80)
            out[n] = (char)c.as;
        else
            memcpy(out + n, at, c.bytes);
        n += need;
        at += c.bytes;
    }
    out[n] = 0;
}

static void lower(char *text) {
    for (char *c = text; *c != 0; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

/* Just after the ) of the ( here, when both stand in one word; NULL otherwise. */
static const char *closes_in_word(const struct parser *from) {
    unsigned open = 0;
    for (struct parser p = *from;; advance(&p)) {
        struct fk_query__char c = peek(&p);
        if (c.bytes == 0 || c.as == ' ' || c.as == '"')
            return NULL;
        open += c.as == '(';
        open -= c.as == ')';
        if (open == 0)
            return p.now.at + c.bytes;
    }
}

/* The end of the word that begins here. */
static struct spot word_end(const struct parser *from) {
    struct parser p = *from;
    const char *closed = p.now.at; /* parentheses up to here belong to the word */
    for (;; advance(&p)) {
        struct fk_query__char c = peek(&p);
        if (c.bytes == 0 || c.as == ' ' || c.as == '"')
            return p.now;
        if (p.now.at < closed || (c.as != '(' && c.as != ')'))
            continue;
        char word[8]; /* NOT(a) is an operator and a group */
        folded(from, p.now.at, word, sizeof word);
        bool is_operator = fk_query__is_operator(word, strlen(word));
        if (c.as == ')' || p.now.at == from->now.at || is_operator ||
            (closed = closes_in_word(&p)) == NULL)
            return p.now;
    }
}

/* Is the word here this operator, whole? */
static bool at_operator(const struct parser *p, const char *word) {
    char text[8];
    folded(p, word_end(p).at, text, sizeof text);
    return strcmp(text, word) == 0;
}

/* ---- nodes */

static enum fk_status new_node(struct parser *p, enum fk_q_kind kind, struct spot at,
                               struct fk_q_node **out) {
    struct fk_q_node *node = fk_arena_alloc(p->arena, sizeof *node);
    if (node == NULL)
        return fk_fail(p->err, FK_NOMEM, "out of memory for a query");
    node->kind = kind;
    node->byte = (size_t)(at.at - p->text) + 1;
    node->character = at.character;
    *out = node;
    return FK_OK;
}

static enum fk_status new_leaf(struct parser *p, enum fk_q_kind kind, struct spot at,
                               struct fk_q_node **out) {
    if (++p->leaves > FK_QUERY_MAX_TERMS)
        return blame(p, at, "search in several steps", "this is term %u; a query has at most %d",
                     p->leaves, FK_QUERY_MAX_TERMS);
    return new_node(p, kind, at, out);
}

static enum fk_status deeper(struct parser *p, struct spot at) {
    if (++p->depth > FK_QUERY_MAX_DEPTH)
        return blame(p, at, "", "parentheses and NOTs are more than %d deep", FK_QUERY_MAX_DEPTH);
    return FK_OK;
}

/* ---- values */

/* A word or a phrase as the text of node. */
static enum fk_status take_text(struct parser *p, struct fk_q_node *node) {
    struct spot begin = p->now, end;
    const char *text = begin.at;
    bool quoted = peek(p).as == '"';
    if (quoted) {
        advance(p);
        text = p->now.at;
        while (peek(p).bytes != 0 && peek(p).as != '"')
            advance(p);
        if (peek(p).bytes == 0)
            return blame(p, begin, "put a \" at the end of the phrase", "this phrase has no end");
        end = p->now;
        advance(p);
        node->prefix = peek(p).as == '*';
        if (node->prefix)
            advance(p);
    } else {
        end = word_end(p);
        for (; p->now.at < end.at; advance(p)) {
            if (peek(p).as != '*')
                continue;
            struct spot star = p->now;
            advance(p);
            if (p->now.at != end.at || star.at == begin.at)
                return blame(p, star, "to search for the sign itself, put the word in quotes",
                             "a * stands at the end of a word, as in budget*");
            end = star;
            node->prefix = true;
            break;
        }
    }
    if (end.at == text)
        return blame(p, begin, "", "there is no text here to search for");
    node->text = fk_arena_copy(p->arena, text, (size_t)(end.at - text));
    node->len = (size_t)(end.at - text);
    return node->text != NULL ? FK_OK : fk_fail(p->err, FK_NOMEM, "out of memory for a query");
}

/* One of a few words; as everywhere, case and width do not matter. */
static enum fk_status take_choice(struct parser *p, struct spot at, struct fk_q_node *node) {
    char word[80];
    const struct parser value = {.now = {.at = node->text}};
    folded(&value, node->text + node->len, word, sizeof word);
    lower(word);
    if (node->field == FK_F_HAS) {
        if (strcmp(word, "journal") == 0)
            return node->text = "journal", FK_OK;
        if (strcmp(word, "attachment") != 0 && strcmp(word, "attachments") != 0 &&
            strcmp(word, "添付") != 0)
            return blame(p, at, "", "expected has:attachment or has:journal");
        node->text = "attachment";
        node->len = strlen(node->text);
        return FK_OK;
    }
    const size_t len = strlen(word);
    if (len + 1 == sizeof word || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return blame(p, at, "", "expected unsearchable:any, or one of the reasons that hits show");
    node->text = fk_arena_copy(p->arena, word, len);
    node->len = len;
    return node->text != NULL ? FK_OK : fk_fail(p->err, FK_NOMEM, "out of memory for a query");
}

static enum fk_status take_range(struct parser *p, const struct fk_query__name *name,
                                 enum fk_query__op op, struct fk_q_node *node) {
    char value[80];
    const char *expected;
    struct spot begin = p->now, end;
    bool quoted = peek(p).as == '"';
    if (quoted) {
        const struct spot quote = begin;
        advance(p);
        begin = p->now;
        while (peek(p).bytes != 0 && peek(p).as != '"')
            advance(p);
        if (peek(p).bytes == 0)
            return blame(p, quote, "put a \" at the end of the value",
                         "this value in quotes has no end");
        end = p->now;
        p->now = begin;
    } else {
        end = word_end(p);
    }
    folded(p, end.at, value, sizeof value);
    bool good = name->form == FORM_TIME ? fk_query__time_value(value, op, node, &expected)
                                        : fk_query__size_value(value, op, node, &expected);
    if (!good)
        return blame(p, begin, "", "expected %s", expected);
    p->now = end;
    if (quoted)
        advance(p);
    return FK_OK;
}

/* ---- fields */

/* "name:" and its like. Leaves p after the operator; *name_out NULL, and p where it was, when what
 * stands here is text. */
static enum fk_status take_name(struct parser *p, const struct fk_query__name **name_out,
                                enum fk_query__op *op_out) {
    struct parser ahead = *p;
    *name_out = NULL;
    while (!ends_word(peek(&ahead)) &&
           !(peek(&ahead).as < 0x80 && strchr(":=<>", (int)peek(&ahead).as)))
        advance(&ahead);
    uint32_t sign = peek(&ahead).as;
    char name[64];
    if (ends_word(peek(&ahead)) || ahead.now.at == p->now.at)
        return FK_OK;
    folded(p, ahead.now.at, name, sizeof name);
    lower(name);
    advance(&ahead);
    uint32_t second = peek(&ahead).as;
    const struct fk_query__name *known = fk_query__find_name(name, strlen(name));
    if (known == NULL) {
        bool like_a_name = name[0] >= 'a' && name[0] <= 'z' &&
                           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == 0;
        bool has_value = !ends_word(peek(&ahead)) || second == '"' || second == '(';
        if (sign != ':' || !like_a_name || !has_value || second == '/' || second == '\\')
            return FK_OK;
        char fields[200], hint[sizeof p->fault->hint];
        fk_query__names(fields, sizeof fields);
        snprintf(hint, sizeof hint,
                 "to search for the text itself, put it in quotes; fields are %s", fields);
        return blame(p, p->now, hint, "there is no field \"%s\"", name);
    }
    if (known->form == FORM_LATER)
        return blame(p, p->now, "to search for the text itself, put it in quotes",
                     "the field \"%s\" is not in this version", name);
    *op_out = known->op;
    if (sign == '<' || sign == '>') {
        bool equal = second == '=', differs = sign == '<' && second == '>';
        if (known->form != FORM_TIME && known->form != FORM_SIZE)
            return blame(p, ahead.now, "", "%s: takes a colon; < and > are for dates and sizes",
                         name);
        *op_out = differs ? OP_NE : sign == '>' ? (equal ? OP_GE : OP_GT) : (equal ? OP_LE : OP_LT);
        if (equal || differs)
            advance(&ahead);
        if (known->op != OP_IS)
            return blame(p, p->now, "", "%s: takes a colon", name);
    }
    *name_out = known;
    p->now = ahead.now;
    return FK_OK;
}

static enum fk_status take_any(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

static enum fk_status take_group(struct parser *p, const struct fk_query__name *field,
                                 struct fk_q_node **out) {
    struct spot open = p->now;
    enum fk_status st = deeper(p, open);
    if (st != FK_OK)
        return st;
    advance(p);
    if ((st = take_any(p, field, out)) != FK_OK)
        return st;
    if (peek(p).as != ')')
        return blame(p, open, "put a ) where the group ends", "this parenthesis is not closed");
    advance(p);
    p->depth--;
    return FK_OK;
}

/* What follows "name:", or stands in a group that does. */
static enum fk_status take_value(struct parser *p, const struct fk_query__name *name,
                                 enum fk_query__op op, struct fk_q_node **out) {
    struct spot begin = p->now;
    if (peek(p).as == '(')
        return take_group(p, name, out);
    char word[8];
    folded(p, word_end(p).at, word, sizeof word);
    if (peek(p).bytes == 0 || peek(p).as == ')' || fk_query__is_operator(word, strlen(word)))
        return blame(p, begin, "", "expected a value after %s:", name->name);
    bool range = name->form == FORM_TIME || name->form == FORM_SIZE;
    enum fk_q_kind kind = !range ? FK_Q_TEXT : name->form == FORM_TIME ? FK_Q_TIME : FK_Q_SIZE;
    enum fk_status st = new_leaf(p, kind, begin, out);
    if (st != FK_OK)
        return st;
    (*out)->field = name->field;
    if (range)
        st = take_range(p, name, op == OP_NE ? OP_IS : op, *out);
    else if ((st = take_text(p, *out)) == FK_OK && name->form == FORM_CHOICE)
        st = take_choice(p, begin, *out);
    if (st != FK_OK || op != OP_NE)
        return st;
    struct fk_q_node *not = NULL, *leaf = *out;
    if ((st = new_node(p, FK_Q_NOT, begin, &not )) != FK_OK)
        return st;
    not ->first = leaf;
    *out = not ;
    return FK_OK;
}

static enum fk_status take_not(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

static enum fk_status take_one(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct spot begin = p->now;
    struct fk_query__char c = peek(p);
    enum fk_query__op op = OP_IS;
    enum fk_status st;
    if (c.as == '-' || at_operator(p, "NOT"))
        return take_not(p, field, out);
    if (c.as == '(')
        return take_group(p, field, out);
    char word[8];
    folded(p, word_end(p).at, word, sizeof word);
    if (strncmp(word, "NEAR", 4) == 0 && fk_query__is_operator(word, strlen(word)))
        return blame(p, begin,
                     "AND finds both words anywhere, a \"phrase\" finds them side by side",
                     "NEAR is not in this version");
    if (c.bytes == 0 || c.as == ')' || fk_query__is_operator(word, strlen(word)))
        return blame(p, begin, "to search for AND, OR or NOT as a word, put it in quotes",
                     "expected something to search for%s%s",
                     c.bytes == 0 ? " at the end" : ", found ",
                     c.bytes == 0  ? ""
                     : c.as == ')' ? ")"
                                   : word);
    if (c.as != '"') {
        const struct fk_query__name *name;
        if ((st = take_name(p, &name, &op)) != FK_OK)
            return st;
        if (name != NULL && field != NULL)
            return blame(p, begin, "", "a field inside the parentheses of %s:", field->name);
        if (name != NULL) {
            skip_space(p);
            return take_value(p, name, op, out);
        }
        if (field == NULL && c.as == '*' && word[1] == 0) {
            advance(p);
            return new_leaf(p, FK_Q_ALL, begin, out);
        }
    }
    if (field != NULL)
        return take_value(p, field, field->op, out);
    if ((st = new_leaf(p, FK_Q_TEXT, begin, out)) != FK_OK)
        return st;
    return take_text(p, *out);
}

static enum fk_status take_not(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct spot begin = p->now;
    struct fk_q_node *child;
    enum fk_status st = deeper(p, begin);
    if (st != FK_OK)
        return st;
    if (peek(p).as == '-') {
        advance(p);
        if (peek(p).bytes == 0 || peek(p).as == ' ')
            return blame(p, begin, "put it directly before the word that is not to be there",
                         "this minus stands alone");
    } else {
        p->now = word_end(p);
        skip_space(p);
    }
    if ((st = take_one(p, field, &child)) != FK_OK ||
        (st = new_node(p, FK_Q_NOT, begin, out)) != FK_OK)
        return st;
    (*out)->first = child;
    p->depth--;
    return FK_OK;
}

/* ---- AND and OR: a row of parts. One part stands for itself; a part of the same kind is taken in.
 */

struct row {
    enum fk_q_kind kind;
    struct fk_q_node *first, *last;
};

static void row_add(struct row *row, struct fk_q_node *node) {
    struct fk_q_node *first = node, *last = node;
    if (node->kind == row->kind) {
        first = node->first;
        for (last = first; last->next != NULL;)
            last = last->next;
    }
    if (row->last == NULL)
        row->first = first;
    else
        row->last->next = first;
    row->last = last;
}

static enum fk_status row_end(struct parser *p, const struct row *row, struct spot begin,
                              struct fk_q_node **out) {
    if (row->first == row->last) {
        *out = row->last;
        return FK_OK;
    }
    enum fk_status st = new_node(p, row->kind, begin, out);
    if (st == FK_OK)
        (*out)->first = row->first;
    return st;
}

static enum fk_status take_all(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct row row = {FK_Q_AND, NULL, NULL};
    struct spot begin = p->now;
    for (;;) {
        struct fk_q_node *part = NULL;
        enum fk_status st = take_one(p, field, &part);
        if (st != FK_OK)
            return st;
        assert(part);
        row_add(&row, part);
        skip_space(p);
        if (peek(p).bytes == 0 || peek(p).as == ')' || at_operator(p, "OR"))
            return row_end(p, &row, begin, out);
        if (at_operator(p, "AND")) {
            p->now = word_end(p);
            skip_space(p);
        }
    }
}

static enum fk_status take_any(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct row row = {FK_Q_OR, NULL, NULL};
    skip_space(p);
    struct spot begin = p->now;
    for (;;) {
        struct fk_q_node *part = NULL;
        enum fk_status st = take_all(p, field, &part);
        if (st != FK_OK)
            return st;
        row_add(&row, part);
        if (!at_operator(p, "OR"))
            return row_end(p, &row, begin, out);
        p->now = word_end(p);
        skip_space(p);
    }
}

/* ---- the whole */

static enum fk_status check_characters(struct parser *p) {
    struct spot begin = p->now;
    if ((size_t)(p->end - p->text) > FK_QUERY_MAX_BYTES)
        return blame(p, begin, "search in several steps", "a query has at most %d bytes, not %zu",
                     FK_QUERY_MAX_BYTES, (size_t)(p->end - p->text));
    for (; p->now.at < p->end; advance(p)) {
        struct fk_query__char c = peek(p);
        if (c.bytes == 0)
            return blame(p, p->now, "", "this is not UTF-8");
        if (c.as < 0x20 || c.as == 0x7f)
            return blame(p, p->now, "", "a control character (0x%02x)", (unsigned)c.as);
    }
    p->now = begin;
    return FK_OK;
}

static enum fk_status parse(struct parser *p, struct fk_q_node **root) {
    enum fk_status st = check_characters(p);
    if (st != FK_OK)
        return st;
    skip_space(p);
    if (p->now.at == p->end)
        return new_node(p, FK_Q_ALL, p->now, root);
    if ((st = take_any(p, NULL, root)) != FK_OK)
        return st;
    if (p->now.at < p->end)
        return blame(p, p->now, "take it out, or put its text in quotes", "this ) closes nothing");
    return FK_OK;
}

enum fk_status fk_query_parse(const char *text, size_t len, struct fk_query **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_query *query = calloc(1, sizeof *query);
    struct fk_q_node *root = NULL;
    struct parser p = {text, text + len, {text, 1}, fk_arena_new(0), 0, 0, fault, err};
    memset(fault, 0, sizeof *fault);
    enum fk_status st;
    if (query == NULL || p.arena == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
    else
        st = parse(&p, &root);
    if (st != FK_OK) {
        fk_arena_free(&p.arena);
        free(query);
        return st;
    }
    query->arena = p.arena;
    query->root = root;
    *out = query;
    return FK_OK;
}

void fk_query_free(struct fk_query **query) {
    if (*query == NULL)
        return;
    fk_arena_free(&(*query)->arena);
    free(*query);
    *query = NULL;
}

/* No deeper than the parser lets a query be. */
static enum fk_status node_each(struct fk_q_node *node, fk_query__node_fn fn, void *ctx,
                                struct fk_err *err) {
    enum fk_status st = fn(ctx, node, err);
    for (struct fk_q_node *c = node->first; c != NULL && st == FK_OK; c = c->next)
        st = node_each(c, fn, ctx, err);
    return st;
}

enum fk_status fk_query__each(struct fk_query *query, fk_query__node_fn fn, void *ctx,
                              struct fk_err *err) {
    return node_each(query->root, fn, ctx, err);
}

void *fk_query__alloc(struct fk_query *query, size_t size) {
    return fk_arena_alloc(query->arena, size);
}

const struct fk_q_node *fk_query_root(const struct fk_query *query) {
    return query->root;
}
