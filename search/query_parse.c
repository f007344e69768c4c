/*
 * query_parse.c - recursive descent over characters, one function a level of the grammar:
 *
 *     any     = all { "OR" all }
 *     all     = near { [ "AND" ] near }              a space is AND
 *     near    = one { ( "NEAR" [ "(" N ")" ] | "NEAR/N" | "w/N" | "AROUND" N ) one }
 *     one     = ( "NOT" | "-" ) near | "(" any ")" | "{" near { near } "}" | NAME ":" value
 *             | "exact:" one | [ "+" ] text          in { } a space is OR
 *     value   = "(" any ")" | text | date | size
 *     text    = word | "phrase", either with a "*" at its end | pattern
 *
 * A parenthesis inside a word belongs to it when it closes there too: 田中商事（株） is one word.
 */
#include "base/clock.h"
#include "search/query_parser_priv.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct fk_query {
    struct fk_arena *arena;
    struct fk_q_node *root;
    const char *remark;
};

static bool ends_word(struct fk_query__char c) {
    return c.bytes == 0 || c.as == ' ' || c.as == '"' || c.as == '(' || c.as == ')';
}

/* Is the word here this operator, whole? */
static bool at_operator(const struct fk_query__parser *p, const char *word) {
    char text[8];
    fk_query__folded(p, fk_query__word_end(p).at, text, sizeof text);
    return strcmp(text, word) == 0;
}

/* ---- nodes */

static enum fk_status new_node(struct fk_query__parser *p, enum fk_q_kind kind,
                               struct fk_query__spot at, struct fk_q_node **out) {
    struct fk_q_node *node = fk_arena_alloc(p->arena, sizeof *node);
    if (node == NULL)
        return fk_fail(p->err, FK_NOMEM, "out of memory for a query");
    node->kind = kind;
    node->byte = (size_t)(at.at - p->text) + 1;
    node->character = at.character;
    *out = node;
    return FK_OK;
}

static enum fk_status new_leaf(struct fk_query__parser *p, enum fk_q_kind kind,
                               struct fk_query__spot at, struct fk_q_node **out) {
    if (++p->leaves > FK_QUERY_MAX_TERMS)
        return fk_query__blame_at(p, at, "search in several steps",
                                  "this is term %u; a query has at most %d", p->leaves,
                                  FK_QUERY_MAX_TERMS);
    return new_node(p, kind, at, out);
}

static enum fk_status deeper(struct fk_query__parser *p, struct fk_query__spot at) {
    if (++p->depth > FK_QUERY_MAX_DEPTH)
        return fk_query__blame_at(p, at, "", "parentheses and NOTs are more than %d deep",
                                  FK_QUERY_MAX_DEPTH);
    return FK_OK;
}

/* ---- fields */

/* "name:" and its like. Leaves p after the operator; *name_out NULL, and p where it was, when what
 * stands here is text. */
static enum fk_status take_name(struct fk_query__parser *p, const struct fk_query__name **name_out,
                                enum fk_query__op *op_out) {
    struct fk_query__parser ahead = *p;
    *name_out = NULL;
    while (!ends_word(peek(&ahead)) && !at_close(&ahead) &&
           !(peek(&ahead).as < 0x80 && strchr(":=<>", (int)peek(&ahead).as)))
        advance(&ahead);
    uint32_t sign = peek(&ahead).as;
    char name[64];
    if (ends_word(peek(&ahead)) || at_close(&ahead) || ahead.now.at == p->now.at)
        return FK_OK;
    fk_query__folded(p, ahead.now.at, name, sizeof name);
    fk_query__lower(name);
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
        return fk_query__blame_at(p, p->now, hint, "there is no field \"%s\"", name);
    }
    if (known->form == FORM_LATER)
        return fk_query__blame_at(p, p->now, "to search for the text itself, put it in quotes",
                                  "the field \"%s\" is not in this version", name);
    *op_out = known->op;
    if (sign == '<' || sign == '>') {
        bool equal = second == '=', differs = sign == '<' && second == '>';
        if (known->form != FORM_TIME && known->form != FORM_SIZE && known->form != FORM_AMOUNT)
            return fk_query__blame_at(p, ahead.now, "",
                                      "%s: takes a colon; < and > are for dates, sizes and amounts",
                                      name);
        *op_out = differs ? OP_NE : sign == '>' ? (equal ? OP_GE : OP_GT) : (equal ? OP_LE : OP_LT);
        if (equal || differs)
            advance(&ahead);
        if (known->op != OP_IS)
            return fk_query__blame_at(p, p->now, "", "%s: takes a colon", name);
    }
    *name_out = known;
    p->now = ahead.now;
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

static enum fk_status row_end(struct fk_query__parser *p, const struct row *row,
                              struct fk_query__spot begin, struct fk_q_node **out) {
    if (row->first == row->last) {
        *out = row->last;
        return FK_OK;
    }
    enum fk_status st = new_node(p, row->kind, begin, out);
    if (st == FK_OK)
        (*out)->first = row->first;
    return st;
}

/* A word that looks as if an operator were meant. */
static void remark(struct fk_query__parser *p, struct fk_query__spot at,
                   const struct fk_q_node *part, bool is_between) {
    static const char *const words[][2] = {
        {"and", "\"and\" is searched for as a word: AND joins, as a space does"},
        {"or", "\"or\" is searched for as a word: OR in upper case joins"},
        {"not", "\"not\" is searched for as a word: NOT in upper case, or -, leaves out"},
        {"near", "\"near\" is searched for as a word: NEAR in upper case joins"},
    };
    if (part->kind != FK_Q_TEXT || part->field != FK_F_ANY || *at.at == '"')
        return;
    for (size_t i = 0; i < sizeof words / sizeof *words && p->remark == NULL; i++)
        if (strcmp(part->text, words[i][0]) == 0 && (is_between || (i == 2 && part->next == NULL)))
            p->remark = words[i][1];
}

static enum fk_status take_any(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);
static enum fk_status take_near(struct fk_query__parser *p, const struct fk_query__name *field,
                                struct fk_q_node **out);
static enum fk_status take_one(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

static enum fk_status take_group(struct fk_query__parser *p, const struct fk_query__name *field,
                                 struct fk_q_node **out) {
    struct fk_query__spot open = p->now;
    const unsigned braces = p->braces; /* a } belongs to what is opened outside */
    enum fk_status st = deeper(p, open);
    if (st != FK_OK)
        return st;
    advance(p);
    p->braces = 0;
    if ((st = take_any(p, field, out)) != FK_OK)
        return st;
    if (peek(p).as != ')')
        return fk_query__blame_at(p, open, "put a ) where the group ends",
                                  "this parenthesis is not closed");
    advance(p);
    p->braces = braces;
    p->depth--;
    return FK_OK;
}

/* { a b }: Gmail's OR. */
static enum fk_status take_braces(struct fk_query__parser *p, const struct fk_query__name *field,
                                  struct fk_q_node **out) {
    struct row row = {FK_Q_OR, NULL, NULL};
    const struct fk_query__spot open = p->now;
    enum fk_status st = deeper(p, open);
    if (st != FK_OK)
        return st;
    advance(p);
    p->braces++;
    for (skip_space(p);; skip_space(p)) {
        struct fk_q_node *part = NULL;
        if (at_operator(p, "OR") && row.first != NULL) {
            p->now = fk_query__word_end(p);
            skip_space(p);
        }
        if (at_operator(p, "AND"))
            return fk_query__blame_at(p, p->now,
                                      "inside { } a space is OR; put parentheses around what is "
                                      "joined by AND",
                                      "an AND inside { }");
        if (peek(p).bytes == 0)
            return fk_query__blame_at(p, open, "put a } where the group ends",
                                      "this { is not closed");
        if ((st = take_near(p, field, &part)) != FK_OK)
            return st;
        row_add(&row, part);
        skip_space(p);
        if (peek(p).as == '}')
            break;
    }
    advance(p);
    p->braces--;
    p->depth--;
    return row_end(p, &row, open, out);
}

static enum fk_status negate(struct fk_query__parser *p, struct fk_query__spot begin,
                             struct fk_q_node **node) {
    struct fk_q_node *leaf = *node;
    enum fk_status st = new_node(p, FK_Q_NOT, begin, node);
    if (st == FK_OK)
        (*node)->first = leaf;
    return st;
}

/* list:x is what a list was expanded to, or what went to its address. */
static enum fk_status or_to(struct fk_query__parser *p, struct fk_query__spot begin,
                            struct fk_q_node **node) {
    struct fk_q_node *via = *node, *to = NULL;
    enum fk_status st = new_leaf(p, via->kind, begin, &to);
    if (st != FK_OK)
        return st;
    *to = *via;
    to->field = FK_F_TO;
    via->next = to;
    if ((st = new_node(p, FK_Q_OR, begin, node)) == FK_OK)
        (*node)->first = via;
    return st;
}

static enum fk_status take_foreign(struct fk_query__parser *p, const struct fk_query__name *name,
                                   struct fk_q_node **out) {
    const struct fk_query__spot begin = p->now;
    struct fk_q_node text = {.kind = FK_Q_TEXT};
    const char *hint;
    char word[40] = "";
    enum fk_status st = fk_query__take_text(p, &text);
    if (st != FK_OK)
        return st;
    const struct fk_query__parser value = {.now = {.at = text.text}};
    fk_query__folded(&value, text.text + text.len, word, sizeof word);
    fk_query__lower(word);
    const enum fk_query__meaning is = fk_query__foreign(name->name, word, &hint);
    if (is == MEANS_NOTHING || text.prefix || text.wild)
        return fk_query__blame_at(p, begin, hint, "%s: does not take \"%.*s\" here", name->name,
                                  fk_query__cut(text.text, 60), text.text);
    if ((st = new_leaf(p, is == MEANS_ALL ? FK_Q_ALL : FK_Q_TEXT, begin, out)) != FK_OK ||
        is == MEANS_ALL)
        return st;
    (*out)->field = FK_F_HAS;
    st = fk_query__set_text(p, *out, "attachment", strlen("attachment"));
    return st == FK_OK && is == MEANS_NO_ATTACHMENT ? negate(p, begin, out) : st;
}

static enum fk_status take_leaf(struct fk_query__parser *p, const struct fk_query__name *name,
                                enum fk_query__op op, struct fk_q_node **out) {
    const struct fk_query__spot begin = p->now;
    bool range = name->form == FORM_TIME || name->form == FORM_SIZE || name->form == FORM_AMOUNT;
    enum fk_q_kind kind = !range                      ? FK_Q_TEXT
                          : name->form == FORM_TIME   ? FK_Q_TIME
                          : name->form == FORM_AMOUNT ? FK_Q_AMOUNT
                                                      : FK_Q_SIZE;
    enum fk_status st = new_leaf(p, kind, begin, out);
    if (st != FK_OK)
        return st;
    (*out)->field = name->field;
    if (range)
        st = fk_query__take_range(p, name, op == OP_NE ? OP_IS : op, *out);
    else if ((st = fk_query__take_text(p, *out)) == FK_OK && name->form == FORM_CHOICE)
        st = fk_query__take_choice(p, begin, *out);
    if (st == FK_OK && (*out)->kind == FK_Q_HAS && (*out)->len == 0)
        st = negate(p, begin, out); /* subject:"" */
    else if (st == FK_OK && name->form == FORM_LIST && (*out)->kind == FK_Q_TEXT)
        st = or_to(p, begin, out);
    return st == FK_OK && op == OP_NE ? negate(p, begin, out) : st;
}

/* What follows "name:", or stands in a group that does. */
static enum fk_status take_value(struct fk_query__parser *p, const struct fk_query__name *name,
                                 enum fk_query__op op, struct fk_q_node **out) {
    struct fk_query__spot begin = p->now;
    if (peek(p).as == '(')
        return take_group(p, name, out);
    if (peek(p).as == '{')
        return take_braces(p, name, out);
    char word[8];
    fk_query__folded(p, fk_query__word_end(p).at, word, sizeof word);
    if (peek(p).bytes == 0 || at_close(p) || fk_query__is_operator(word, strlen(word)))
        return fk_query__blame_at(p, begin, "", "expected a value after %s:", name->name);
    return name->form == FORM_FOREIGN ? take_foreign(p, name, out) : take_leaf(p, name, op, out);
}

static enum fk_status take_not(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

/* Behind "exact:". */
static enum fk_status take_exact(struct fk_query__parser *p, const struct fk_query__name *field,
                                 struct fk_q_node **out) {
    enum fk_status st = deeper(p, p->now);
    if (st != FK_OK)
        return st;
    p->exact++;
    if ((st = take_one(p, field, out)) != FK_OK)
        return st;
    p->exact--;
    p->depth--;
    return FK_OK;
}

/* A + before a word asks that it is there, which is so without it; before a digit it is a sign. */
static void skip_plus(struct fk_query__parser *p) {
    struct fk_query__parser ahead = *p;
    if (peek(p).as != '+')
        return;
    advance(&ahead);
    const struct fk_query__char c = peek(&ahead);
    if (c.bytes > 0 && c.as != ' ' && c.as != ')' && c.as != '}' && c.as != '+' && c.as != '-' &&
        c.as != '*' && !(c.as >= '0' && c.as <= '9'))
        p->now = ahead.now;
}

static enum fk_status take_one(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    skip_plus(p);
    struct fk_query__spot begin = p->now;
    struct fk_query__char c = peek(p);
    enum fk_query__op op = OP_IS;
    enum fk_status st;
    if (c.as == '-' || at_operator(p, "NOT"))
        return take_not(p, field, out);
    if (c.as == '(')
        return take_group(p, field, out);
    if (c.as == '{')
        return take_braces(p, field, out);
    char word[8];
    fk_query__folded(p, fk_query__word_end(p).at, word, sizeof word);
    if (c.bytes == 0 || at_close(p) || fk_query__is_operator(word, strlen(word)))
        return fk_query__blame_at(
            p, begin, "to search for AND, OR, NOT or NEAR as a word, put it in quotes",
            "expected something to search for%s%s", c.bytes == 0 ? " at the end" : ", found ",
            c.bytes == 0  ? ""
            : c.as == ')' ? ")"
            : c.as == '}' ? "}"
                          : word);
    if (c.as != '"') {
        const struct fk_query__name *name;
        if ((st = take_name(p, &name, &op)) != FK_OK)
            return st;
        if (name != NULL && name->form == FORM_EXACT) {
            skip_space(p);
            return take_exact(p, field, out);
        }
        if (name != NULL && field != NULL)
            return fk_query__blame_at(p, begin, "",
                                      "a field inside the parentheses of %s:", field->name);
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
    return fk_query__take_text(p, *out);
}

static enum fk_status take_not(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct fk_query__spot begin = p->now;
    struct fk_q_node *child;
    enum fk_status st = deeper(p, begin);
    if (st != FK_OK)
        return st;
    if (peek(p).as == '-') {
        advance(p);
        if (peek(p).bytes == 0 || peek(p).as == ' ')
            return fk_query__blame_at(p, begin,
                                      "put it directly before the word that is not to be there",
                                      "this minus stands alone");
    } else {
        p->now = fk_query__word_end(p);
        skip_space(p);
    }
    if ((st = take_near(p, field, &child)) != FK_OK ||
        (st = new_node(p, FK_Q_NOT, begin, out)) != FK_OK)
        return st;
    (*out)->first = child;
    p->depth--;
    return FK_OK;
}

/* ---- NEAR: texts of one field */

/* "(5)" or "(n=5)" here; p stays where it was when it is none. */
static bool take_number(struct fk_query__parser *p, char *out, size_t size) {
    struct fk_query__parser ahead = *p;
    size_t n = 0;
    if (peek(p).as != '(')
        return false;
    for (advance(&ahead);
         peek(&ahead).as < 0x80 && peek(&ahead).as > ' ' && n + 1 < size && peek(&ahead).as != ')';
         advance(&ahead))
        out[n++] = (char)peek(&ahead).as;
    out[n] = 0;
    if (peek(&ahead).as != ')')
        return false;
    if (strncmp(out, "n=", 2) == 0)
        memmove(out, out + 2, strlen(out + 2) + 1);
    advance(&ahead);
    p->now = ahead.now;
    return true;
}

/* The operator between two texts, with the digits behind it, "" for none. False, and p where it
 * was, when what stands here is none. */
static bool take_between(struct fk_query__parser *p, char *word, size_t word_size, char *number,
                         size_t size) {
    struct fk_query__parser ahead = *p;
    fk_query__folded(p, fk_query__word_end(p).at, word, word_size);
    ahead.now = fk_query__word_end(p);
    number[0] = 0;
    char *slash = strchr(word, '/');
    if (strcmp(word, "NEAR") == 0 || strcmp(word, "ONEAR") == 0)
        (void)take_number(&ahead, number, size);
    else if (strncmp(word, "AROUND(", 7) == 0) {
        word[6] = 0;
        snprintf(number, size, "%s", word + 7);
        number[strcspn(number, ")")] = 0;
    } else if (strcmp(word, "AROUND") == 0) {
        skip_space(&ahead);
        fk_query__folded(&ahead, fk_query__word_end(&ahead).at, number, size);
        ahead.now = fk_query__word_end(&ahead);
        if (number[0] == 0 || strspn(number, "0123456789") != strlen(number))
            return false;
    } else if (slash != NULL &&
               (fk_query__is_operator(word, strlen(word)) || fk_query__is_between(word))) {
        snprintf(number, size, "%s", slash[1] ? slash + 1 : "/");
        *slash = 0;
        skip_space(&ahead);
        if ((word[0] | 0x20) == 'w' && (peek(&ahead).bytes == 0 || at_close(&ahead) ||
                                        at_operator(&ahead, "OR") || at_operator(&ahead, "AND")))
            return false; /* w/o much between, it is a word */
    } else
        return false;
    p->now = ahead.now;
    skip_space(p);
    return true;
}

/* Its field, where the node may stand beside a NEAR; false otherwise. */
static bool may_be_near(const struct fk_q_node *node, enum fk_q_field *field) {
    if (node->kind == FK_Q_TEXT && !node->prefix && !node->wild &&
        fk_query__has_text(node->field)) {
        *field = node->field;
        return true;
    }
    if (node->kind != FK_Q_OR)
        return false;
    enum fk_q_field first;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        if (c->kind != FK_Q_TEXT || !may_be_near(c, c == node->first ? &first : field) ||
            (c != node->first && *field != first))
            return false;
        *field = first;
    }
    return true;
}

static enum fk_status take_window(struct fk_query__parser *p, struct fk_query__spot at,
                                  const char *word, const char *number, unsigned *out) {
    if (word[0] == 'O' || (word[0] | 0x20) == 'p')
        return fk_query__blame_at(p, at, "NEAR(n) finds the texts in either order",
                                  "an order of texts (%s) is not in this version", word);
    *out = FK_QUERY_NEAR;
    if (number[0] == 0)
        return FK_OK;
    *out = (unsigned)strtoul(number, NULL, 10);
    if (strspn(number, "0123456789") != strlen(number) || strlen(number) > 4 ||
        *out > FK_QUERY_MAX_NEAR)
        return fk_query__blame_at(p, at, "", "%s takes a number up to %d, as in NEAR(5)", word,
                                  FK_QUERY_MAX_NEAR);
    return FK_OK;
}

static enum fk_status take_near(struct fk_query__parser *p, const struct fk_query__name *field,
                                struct fk_q_node **out) {
    char word[24], number[24];
    enum fk_status st = take_one(p, field, out);
    struct fk_q_node *near = NULL, *last = *out;
    for (;;) {
        if (st != FK_OK)
            return st;
        struct fk_query__parser before = *p;
        skip_space(p);
        const struct fk_query__spot at = p->now;
        unsigned window = FK_QUERY_NEAR;
        enum fk_q_field of = FK_F_ANY, with = FK_F_ANY;
        if (!take_between(p, word, sizeof word, number, sizeof number)) {
            p->now = before.now;
            return FK_OK;
        }
        if ((st = take_window(p, at, word, number, &window)) != FK_OK)
            return st;
        if (near != NULL && near->window != window)
            return fk_query__blame_at(p, at, "search for them in two parts, joined by AND",
                                      "one row of NEAR has one number");
        struct fk_q_node *next = NULL;
        if ((st = take_one(p, field, &next)) != FK_OK)
            return st;
        if (!may_be_near(last, &of) || !may_be_near(next, &with) || of != with)
            return fk_query__blame_at(
                p, at,
                "to the left and right of NEAR stand words or phrases of one field, or "
                "several joined by OR in parentheses",
                "NEAR does not go with what stands beside it");
        if (near == NULL) {
            if ((st = new_node(p, FK_Q_NEAR, at, &near)) != FK_OK)
                return st;
            near->first = last;
            near->window = window;
            near->field = of;
            *out = near;
        }
        last->next = next;
        last = next;
    }
}

static enum fk_status take_all(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct row row = {FK_Q_AND, NULL, NULL};
    struct fk_query__spot begin = p->now;
    for (;;) {
        struct fk_q_node *part = NULL;
        const struct fk_query__spot at = p->now;
        enum fk_status st = take_near(p, field, &part);
        if (st != FK_OK)
            return st;
        assert(part);
        const bool is_between = row.first != NULL;
        row_add(&row, part);
        skip_space(p);
        const bool ends = peek(p).bytes == 0 || at_close(p);
        remark(p, at, part, is_between && !ends);
        if (ends || at_operator(p, "OR"))
            return row_end(p, &row, begin, out);
        if (at_operator(p, "AND")) {
            p->now = fk_query__word_end(p);
            skip_space(p);
        }
    }
}

static enum fk_status take_any(struct fk_query__parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct row row = {FK_Q_OR, NULL, NULL};
    skip_space(p);
    struct fk_query__spot begin = p->now;
    for (;;) {
        struct fk_q_node *part = NULL;
        enum fk_status st = take_all(p, field, &part);
        if (st != FK_OK)
            return st;
        row_add(&row, part);
        if (!at_operator(p, "OR"))
            return row_end(p, &row, begin, out);
        p->now = fk_query__word_end(p);
        skip_space(p);
    }
}

/* ---- the whole */

static enum fk_status check_characters(struct fk_query__parser *p) {
    struct fk_query__spot begin = p->now;
    if ((size_t)(p->end - p->text) > FK_QUERY_MAX_BYTES)
        return fk_query__blame_at(p, begin, "search in several steps",
                                  "a query has at most %d bytes, not %zu", FK_QUERY_MAX_BYTES,
                                  (size_t)(p->end - p->text));
    for (; p->now.at < p->end; advance(p)) {
        struct fk_query__char c = peek(p);
        if (c.bytes == 0)
            return fk_query__blame_at(p, p->now, "", "this is not UTF-8");
        if (c.as < 0x20 || c.as == 0x7f)
            return fk_query__blame_at(p, p->now, "", "a control character (0x%02x)",
                                      (unsigned)c.as);
    }
    p->now = begin;
    return FK_OK;
}

static enum fk_status parse(struct fk_query__parser *p, struct fk_q_node **root) {
    enum fk_status st = check_characters(p);
    if (st != FK_OK)
        return st;
    skip_space(p);
    if (p->now.at == p->end)
        return new_node(p, FK_Q_ALL, p->now, root);
    if ((st = take_any(p, NULL, root)) != FK_OK)
        return st;
    if (p->now.at < p->end)
        return fk_query__blame_at(p, p->now, "take it out, or put its text in quotes",
                                  "this ) closes nothing");
    return FK_OK;
}

static int64_t day_at(int64_t ms, int zone_minutes) {
    const int64_t day_ms = 86400000, local = ms + (int64_t)zone_minutes * 60000;
    return local / day_ms - (local % day_ms < 0);
}

enum fk_status fk_query_parse_at(const char *text, size_t len, int64_t now_ms, int zone_minutes,
                                 struct fk_query **out, struct fk_query_fault *fault,
                                 struct fk_err *err) {
    struct fk_query *query = calloc(1, sizeof *query);
    struct fk_q_node *root = NULL;
    struct fk_query__parser p = {.text = text,
                                 .end = text + len,
                                 .now = {text, 1},
                                 .arena = fk_arena_new(0),
                                 .today = day_at(now_ms, zone_minutes),
                                 .fault = fault,
                                 .err = err};
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
    query->remark = p.remark;
    *out = query;
    return FK_OK;
}

enum fk_status fk_query_parse(const char *text, size_t len, struct fk_query **out,
                              struct fk_query_fault *fault, struct fk_err *err) {
    return fk_query_parse_at(text, len, fk_now_ms(), 0, out, fault, err);
}

const char *fk_query_remark(const struct fk_query *query) {
    return query->remark != NULL ? query->remark : "";
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
