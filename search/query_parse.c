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
#include "base/arena.h"
#include "base/clock.h"
#include "search/query_priv.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct fk_query {
    struct fk_arena *arena;
    const struct fk_q_node *root;
    const char *remark;
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
    unsigned braces, exact; /* how deep inside { } and exact: */
    int64_t today;
    const char *remark;
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

/* The end of a group, whichever kind it is of. */
static bool at_close(const struct parser *p) {
    const uint32_t as = peek(p).as;
    return as == ')' || (as == '}' && p->braces > 0);
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
        if (c.bytes == 0 || c.as == ' ' || c.as == '"' || (c.as == '}' && p.braces > 0))
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
        if (c.bytes == 0 || c.as == ' ' || c.as == '"' || (c.as == '}' && p.braces > 0))
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

static enum fk_status set_text(struct parser *p, struct fk_q_node *node, const char *text,
                               size_t len) {
    node->text = fk_arena_copy(p->arena, text, len);
    node->len = len;
    return node->text != NULL ? FK_OK : fk_fail(p->err, FK_NOMEM, "out of memory for a query");
}

/* What stands in quotes here. */
static enum fk_status take_phrase(struct parser *p, struct fk_q_node *node) {
    const struct spot begin = p->now;
    advance(p);
    const char *text = p->now.at;
    while (peek(p).bytes != 0 && peek(p).as != '"')
        advance(p);
    if (peek(p).bytes == 0)
        return blame(p, begin, "put a \" at the end of the phrase", "this phrase has no end");
    const size_t len = (size_t)(p->now.at - text);
    advance(p);
    if (len == 0 && fk_query__can_be_empty(node->field)) {
        node->kind = FK_Q_HAS; /* not: see take_value */
        node->len = 0;
        return FK_OK;
    }
    if (len == 0)
        return blame(p, begin, "", "there is no text here to search for");
    node->prefix = peek(p).as == '*';
    if (node->prefix)
        advance(p);
    return set_text(p, node, text, len);
}

/* A word of letters and digits with * and ? among them. */
static enum fk_status take_pattern(struct parser *p, struct spot begin, const char *word,
                                   struct fk_q_node *node) {
    size_t letters = 0;
    for (const char *c = word; *c; c++)
        letters += *c != '*' && *c != '?';
    if (letters < 2)
        return blame(p, begin, "write more letters", "a pattern has at least two letters");
    if (strstr(word, "**") != NULL)
        return blame(p, begin, "", "one * stands for any number of letters already");
    node->wild = true;
    return set_text(p, node, word, strlen(word));
}

/* A word, and what its stars mean: *@domain, field:*, *.pdf, pro*ect, budget*. */
static enum fk_status take_word(struct parser *p, struct fk_q_node *node) {
    const struct spot begin = p->now, end = word_end(p);
    struct parser look = *p;
    char word[128];
    folded(p, end.at, word, sizeof word);
    p->now = end;
    const size_t len = (size_t)(end.at - begin.at);
    if (len == 0)
        return blame(p, begin, "", "there is no text here to search for");
    if (strcmp(word, "*") == 0 && fk_query__can_be_empty(node->field))
        return node->kind = FK_Q_HAS, node->len = 1, FK_OK;
    if (word[0] == '*' && word[1] == '@' && word[2] && !strchr(word + 1, '*') &&
        node->field != FK_F_ANY && node->field <= FK_F_PARTICIPANTS) {
        advance(&look); /* everybody there */
        return set_text(p, node, look.now.at, (size_t)(end.at - look.now.at));
    }
    if (node->field == FK_F_FILENAME && strncmp(word, "*.", 2) == 0 && word[2] &&
        strlen(word) <= 18 &&
        strspn(word + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
            strlen(word + 2)) {
        node->field = FK_F_FILETYPE;
        node->exact = false; /* it has one spelling */
        lower(word);
        return set_text(p, node, word + 2, strlen(word + 2));
    }
    if (strlen(word) + 1 < sizeof word && fk_query__is_pattern(word))
        return take_pattern(p, begin, word, node);
    for (; look.now.at < end.at; advance(&look)) {
        if (peek(&look).as != '*')
            continue;
        const struct spot star = look.now;
        advance(&look);
        if (look.now.at != end.at || star.at == begin.at)
            return blame(p, star,
                         "between letters and digits it stands for any of them, as in pro*ect; to "
                         "search for the sign itself, put the word in quotes; for texts near to "
                         "one another write NEAR",
                         "a * stands at the end of a word, as in budget*");
        node->prefix = true;
        return set_text(p, node, begin.at, (size_t)(star.at - begin.at));
    }
    return set_text(p, node, begin.at, len);
}

/* A word or a phrase as the text of node. */
static enum fk_status take_text(struct parser *p, struct fk_q_node *node) {
    node->exact = p->exact > 0 && fk_query__has_text(node->field);
    return peek(p).as == '"' ? take_phrase(p, node) : take_word(p, node);
}

static enum fk_status choose_direction(struct parser *p, struct spot at, const char *word,
                                       struct fk_q_node *node) {
    static const char *const words[][6] = {
        {"in", "incoming", "inbound", "受信", NULL},
        {"out", "outgoing", "outbound", "送信", NULL},
        {"internal", "社内", "内部", NULL},
        {"other", "その他", NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t k = 0; words[i][k] != NULL; k++)
            if (strcmp(word, words[i][k]) == 0)
                return set_text(p, node, words[i][0], strlen(words[i][0]));
    return blame(p, at, "", "expected direction:in, out, internal or other");
}

static enum fk_status choose_filetype(struct parser *p, struct spot at, const char *word,
                                      struct fk_q_node *node) {
    const char *type = word + (*word == '.');
    const size_t n = strlen(type);
    if (n == 0 || n > 16 || strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
        return blame(p, at, "", "expected what stands behind the point of a file's name, as in "
                                "filetype:pdf");
    return set_text(p, node, type, n);
}

static enum fk_status choose_has(struct parser *p, struct spot at, const char *word,
                                 struct fk_q_node *node) {
    if (strcmp(word, "journal") == 0)
        return set_text(p, node, word, strlen(word));
    if (strcmp(word, "attachment") != 0 && strcmp(word, "attachments") != 0 &&
        strcmp(word, "添付") != 0)
        return blame(p, at, "", "expected has:attachment or has:journal");
    return set_text(p, node, "attachment", strlen("attachment"));
}

static enum fk_status choose_reason(struct parser *p, struct spot at, const char *word,
                                    struct fk_q_node *node) {
    const size_t len = strlen(word);
    if (len + 1 == 80 || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return blame(p, at, "", "expected unsearchable:any, or one of the reasons that hits show");
    return set_text(p, node, word, len);
}

/* One of a few words; as everywhere, case and width do not matter. */
static enum fk_status take_choice(struct parser *p, struct spot at, struct fk_q_node *node) {
    char word[80];
    const struct parser value = {.now = {.at = node->text}};
    folded(&value, node->text + node->len, word, sizeof word);
    lower(word);
    if (node->prefix || node->wild)
        return blame(p, at, "", "%s: takes a word, without a *", fk_query__name_of(node->field));
    switch (node->field) {
    case FK_F_HAS:
        return choose_has(p, at, word, node);
    case FK_F_DIRECTION:
        return choose_direction(p, at, word, node);
    case FK_F_FILETYPE:
        return choose_filetype(p, at, word, node);
    case FK_F_GARBLED:
        return strcmp(word, "any") == 0 ? set_text(p, node, "any", 3)
                                        : blame(p, at, "", "expected garbled:any");
    default:
        return choose_reason(p, at, word, node);
    }
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
    const bool is_star = strcmp(value, "*") == 0 && !quoted;
    if (fk_query__can_be_empty(node->field) && (is_star || (quoted && value[0] == 0))) {
        node->kind = FK_Q_HAS;
        node->len = is_star;
        p->now = end;
        if (quoted)
            advance(p);
        return FK_OK;
    }
    bool good = name->form == FORM_TIME
                    ? fk_query__time_value(value, op, p->today, node, &expected)
                                        : fk_query__size_value(value, op, node, &expected);
    if (!good)
        return blame(p, begin,
                     name->form == FORM_TIME
                         ? "a date of several words stands in quotes, as in date:\"last month\""
                         : "",
                     "expected %s", expected);
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
    while (!ends_word(peek(&ahead)) && !at_close(&ahead) &&
           !(peek(&ahead).as < 0x80 && strchr(":=<>", (int)peek(&ahead).as)))
        advance(&ahead);
    uint32_t sign = peek(&ahead).as;
    char name[64];
    if (ends_word(peek(&ahead)) || at_close(&ahead) || ahead.now.at == p->now.at)
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

/* A word that looks as if an operator were meant. */
static void remark(struct parser *p, struct spot at, const struct fk_q_node *part,
                   bool is_between) {
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

static enum fk_status take_any(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);
static enum fk_status take_near(struct parser *p, const struct fk_query__name *field,
                                struct fk_q_node **out);
static enum fk_status take_one(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

static enum fk_status take_group(struct parser *p, const struct fk_query__name *field,
                                 struct fk_q_node **out) {
    struct spot open = p->now;
    const unsigned braces = p->braces; /* a } belongs to what is opened outside */
    enum fk_status st = deeper(p, open);
    if (st != FK_OK)
        return st;
    advance(p);
    p->braces = 0;
    if ((st = take_any(p, field, out)) != FK_OK)
        return st;
    if (peek(p).as != ')')
        return blame(p, open, "put a ) where the group ends", "this parenthesis is not closed");
    advance(p);
    p->braces = braces;
    p->depth--;
    return FK_OK;
}

/* { a b }: Gmail's OR. */
static enum fk_status take_braces(struct parser *p, const struct fk_query__name *field,
                                  struct fk_q_node **out) {
    struct row row = {FK_Q_OR, NULL, NULL};
    const struct spot open = p->now;
    enum fk_status st = deeper(p, open);
    if (st != FK_OK)
        return st;
    advance(p);
    p->braces++;
    for (skip_space(p);; skip_space(p)) {
        struct fk_q_node *part = NULL;
        if (at_operator(p, "OR") && row.first != NULL) {
            p->now = word_end(p);
            skip_space(p);
        }
        if (at_operator(p, "AND"))
            return blame(p, p->now, "inside { } a space is OR; put parentheses around what is "
                                    "joined by AND",
                         "an AND inside { }");
        if (peek(p).bytes == 0)
            return blame(p, open, "put a } where the group ends", "this { is not closed");
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

static enum fk_status negate(struct parser *p, struct spot begin, struct fk_q_node **node) {
    struct fk_q_node *leaf = *node;
    enum fk_status st = new_node(p, FK_Q_NOT, begin, node);
    if (st == FK_OK)
        (*node)->first = leaf;
    return st;
}

/* list:x is what a list was expanded to, or what went to its address. */
static enum fk_status or_to(struct parser *p, struct spot begin, struct fk_q_node **node) {
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

static enum fk_status take_foreign(struct parser *p, const struct fk_query__name *name,
                                   struct fk_q_node **out) {
    const struct spot begin = p->now;
    struct fk_q_node text = {.kind = FK_Q_TEXT};
    const char *hint;
    char word[40] = "";
    enum fk_status st = take_text(p, &text);
    if (st != FK_OK)
        return st;
    const struct parser value = {.now = {.at = text.text}};
    folded(&value, text.text + text.len, word, sizeof word);
    lower(word);
    const enum fk_query__meaning is = fk_query__foreign(name->name, word, &hint);
    if (is == MEANS_NOTHING || text.prefix || text.wild)
        return blame(p, begin, hint, "%s: does not take \"%.*s\" here", name->name,
                     fk_query__cut(text.text, 60), text.text);
    if ((st = new_leaf(p, is == MEANS_ALL ? FK_Q_ALL : FK_Q_TEXT, begin, out)) != FK_OK ||
        is == MEANS_ALL)
        return st;
    (*out)->field = FK_F_HAS;
    st = set_text(p, *out, "attachment", strlen("attachment"));
    return st == FK_OK && is == MEANS_NO_ATTACHMENT ? negate(p, begin, out) : st;
}

static enum fk_status take_leaf(struct parser *p, const struct fk_query__name *name,
                                enum fk_query__op op, struct fk_q_node **out) {
    const struct spot begin = p->now;
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
    if (st == FK_OK && (*out)->kind == FK_Q_HAS && (*out)->len == 0)
        st = negate(p, begin, out); /* subject:"" */
    else if (st == FK_OK && name->form == FORM_LIST && (*out)->kind == FK_Q_TEXT)
        st = or_to(p, begin, out);
    return st == FK_OK && op == OP_NE ? negate(p, begin, out) : st;
}

/* What follows "name:", or stands in a group that does. */
static enum fk_status take_value(struct parser *p, const struct fk_query__name *name,
                                 enum fk_query__op op, struct fk_q_node **out) {
    struct spot begin = p->now;
    if (peek(p).as == '(')
        return take_group(p, name, out);
    if (peek(p).as == '{')
        return take_braces(p, name, out);
    char word[8];
    folded(p, word_end(p).at, word, sizeof word);
    if (peek(p).bytes == 0 || at_close(p) || fk_query__is_operator(word, strlen(word)))
        return blame(p, begin, "", "expected a value after %s:", name->name);
    return name->form == FORM_FOREIGN ? take_foreign(p, name, out) : take_leaf(p, name, op, out);
}

static enum fk_status take_not(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out);

/* Behind "exact:". */
static enum fk_status take_exact(struct parser *p, const struct fk_query__name *field,
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
static void skip_plus(struct parser *p) {
    struct parser ahead = *p;
    if (peek(p).as != '+')
        return;
    advance(&ahead);
    const struct fk_query__char c = peek(&ahead);
    if (c.bytes > 0 && c.as != ' ' && c.as != ')' && c.as != '}' && c.as != '+' && c.as != '-' &&
        c.as != '*' && !(c.as >= '0' && c.as <= '9'))
        p->now = ahead.now;
}

static enum fk_status take_one(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    skip_plus(p);
    struct spot begin = p->now;
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
    folded(p, word_end(p).at, word, sizeof word);
    if (c.bytes == 0 || at_close(p) || fk_query__is_operator(word, strlen(word)))
        return blame(p, begin, "to search for AND, OR, NOT or NEAR as a word, put it in quotes",
                     "expected something to search for%s%s",
                     c.bytes == 0 ? " at the end" : ", found ",
                     c.bytes == 0   ? ""
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
    if ((st = take_near(p, field, &child)) != FK_OK ||
        (st = new_node(p, FK_Q_NOT, begin, out)) != FK_OK)
        return st;
    (*out)->first = child;
    p->depth--;
    return FK_OK;
}

/* ---- NEAR: texts of one field */

/* "(5)" or "(n=5)" here; p stays where it was when it is none. */
static bool take_number(struct parser *p, char *out, size_t size) {
    struct parser ahead = *p;
    size_t n = 0;
    if (peek(p).as != '(')
        return false;
    for (advance(&ahead); peek(&ahead).as < 0x80 && peek(&ahead).as > ' ' && n + 1 < size &&
                          peek(&ahead).as != ')';
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
static bool take_between(struct parser *p, char *word, size_t word_size, char *number,
                         size_t size) {
    struct parser ahead = *p;
    folded(p, word_end(p).at, word, word_size);
    ahead.now = word_end(p);
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
        folded(&ahead, word_end(&ahead).at, number, size);
        ahead.now = word_end(&ahead);
        if (number[0] == 0 || strspn(number, "0123456789") != strlen(number))
            return false;
    } else if (slash != NULL && (fk_query__is_operator(word, strlen(word)) ||
                                 fk_query__is_between(word))) {
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

static enum fk_status take_window(struct parser *p, struct spot at, const char *word,
                                  const char *number, unsigned *out) {
    if (word[0] == 'O' || (word[0] | 0x20) == 'p')
        return blame(p, at, "NEAR(n) finds the texts in either order",
                     "an order of texts (%s) is not in this version", word);
    *out = FK_QUERY_NEAR;
    if (number[0] == 0)
        return FK_OK;
    *out = (unsigned)strtoul(number, NULL, 10);
    if (strspn(number, "0123456789") != strlen(number) || strlen(number) > 4 ||
        *out > FK_QUERY_MAX_NEAR)
        return blame(p, at, "", "%s takes a number up to %d, as in NEAR(5)", word,
                     FK_QUERY_MAX_NEAR);
    return FK_OK;
}

static enum fk_status take_near(struct parser *p, const struct fk_query__name *field,
                                struct fk_q_node **out) {
    char word[24], number[24];
    enum fk_status st = take_one(p, field, out);
    struct fk_q_node *near = NULL, *last = *out;
    for (;;) {
        if (st != FK_OK)
            return st;
        struct parser before = *p;
        skip_space(p);
        const struct spot at = p->now;
        unsigned window = FK_QUERY_NEAR;
        enum fk_q_field of = FK_F_ANY, with = FK_F_ANY;
        if (!take_between(p, word, sizeof word, number, sizeof number)) {
            p->now = before.now;
            return FK_OK;
        }
        if ((st = take_window(p, at, word, number, &window)) != FK_OK)
            return st;
        if (near != NULL && near->window != window)
            return blame(p, at, "search for them in two parts, joined by AND",
                         "one row of NEAR has one number");
        struct fk_q_node *next = NULL;
        if ((st = take_one(p, field, &next)) != FK_OK)
            return st;
        if (!may_be_near(last, &of) || !may_be_near(next, &with) || of != with)
            return blame(p, at,
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

static enum fk_status take_all(struct parser *p, const struct fk_query__name *field,
                               struct fk_q_node **out) {
    struct row row = {FK_Q_AND, NULL, NULL};
    struct spot begin = p->now;
    for (;;) {
        struct fk_q_node *part = NULL;
        const struct spot at = p->now;
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

static int64_t day_at(int64_t ms, int zone_minutes) {
    const int64_t day_ms = 86400000, local = ms + (int64_t)zone_minutes * 60000;
    return local / day_ms - (local % day_ms < 0);
}

enum fk_status fk_query_parse_at(const char *text, size_t len, int64_t now_ms, int zone_minutes,
                                 struct fk_query **out, struct fk_query_fault *fault,
                                 struct fk_err *err) {
    struct fk_query *query = calloc(1, sizeof *query);
    struct fk_q_node *root = NULL;
    struct parser p = {.text = text,
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

const struct fk_q_node *fk_query_root(const struct fk_query *query) {
    return query->root;
}
