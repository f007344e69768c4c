/* query_text.c - the characters of a query as words, phrases, choices and ranges. */
#include "search/query_parser_priv.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum fk_status fk_query__blame_at(struct fk_query__parser *p, struct fk_query__spot at,
                                  const char *hint, const char *fmt, ...) {
    struct fk_q_node node = {.byte = (size_t)(at.at - p->text) + 1, .character = at.character};
    char expected[sizeof p->fault->expected];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(expected, sizeof expected, fmt, args);
    va_end(args);
    return fk_query_blame(&node, p->fault, p->err, hint, "%s", expected);
}

/* What stands from here to `end`, in ASCII as far as the syntax has it; cut to fit. */
void fk_query__folded(const struct fk_query__parser *p, const char *end, char *out, size_t size) {
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

void fk_query__lower(char *text) {
    for (char *c = text; *c != 0; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

/* Just after the ) of the ( here, when both stand in one word; NULL otherwise. */
static const char *closes_in_word(const struct fk_query__parser *from) {
    unsigned open = 0;
    for (struct fk_query__parser p = *from;; advance(&p)) {
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
struct fk_query__spot fk_query__word_end(const struct fk_query__parser *from) {
    struct fk_query__parser p = *from;
    const char *closed = p.now.at; /* parentheses up to here belong to the word */
    for (;; advance(&p)) {
        struct fk_query__char c = peek(&p);
        if (c.bytes == 0 || c.as == ' ' || c.as == '"' || (c.as == '}' && p.braces > 0))
            return p.now;
        if (p.now.at < closed || (c.as != '(' && c.as != ')'))
            continue;
        char word[8]; /* NOT(a) is an operator and a group */
        fk_query__folded(from, p.now.at, word, sizeof word);
        bool is_operator = fk_query__is_operator(word, strlen(word));
        if (c.as == ')' || p.now.at == from->now.at || is_operator ||
            (closed = closes_in_word(&p)) == NULL)
            return p.now;
    }
}

/* ---- values */

enum fk_status fk_query__set_text(struct fk_query__parser *p, struct fk_q_node *node,
                                  const char *text, size_t len) {
    node->text = fk_arena_copy(p->arena, text, len);
    node->len = len;
    return node->text != NULL ? FK_OK : fk_fail(p->err, FK_NOMEM, "out of memory for a query");
}

/* What stands in quotes here. */
static enum fk_status take_phrase(struct fk_query__parser *p, struct fk_q_node *node) {
    const struct fk_query__spot begin = p->now;
    advance(p);
    const char *text = p->now.at;
    while (peek(p).bytes != 0 && peek(p).as != '"')
        advance(p);
    if (peek(p).bytes == 0)
        return fk_query__blame_at(p, begin, "put a \" at the end of the phrase",
                                  "this phrase has no end");
    const size_t len = (size_t)(p->now.at - text);
    advance(p);
    if (len == 0 && fk_query__can_be_empty(node->field)) {
        node->kind = FK_Q_HAS; /* not: see take_value */
        node->len = 0;
        return FK_OK;
    }
    if (len == 0)
        return fk_query__blame_at(p, begin, "", "there is no text here to search for");
    node->prefix = peek(p).as == '*';
    if (node->prefix)
        advance(p);
    return fk_query__set_text(p, node, text, len);
}

/* A word of letters and digits with * and ? among them. */
static enum fk_status take_pattern(struct fk_query__parser *p, struct fk_query__spot begin,
                                   const char *word, struct fk_q_node *node) {
    size_t letters = 0;
    for (const char *c = word; *c; c++)
        letters += *c != '*' && *c != '?';
    if (letters < 2)
        return fk_query__blame_at(p, begin, "write more letters",
                                  "a pattern has at least two letters");
    if (strstr(word, "**") != NULL)
        return fk_query__blame_at(p, begin, "", "one * stands for any number of letters already");
    node->wild = true;
    return fk_query__set_text(p, node, word, strlen(word));
}

/* A word, and what its stars mean: *@domain, field:*, *.pdf, pro*ect, budget*. */
static enum fk_status take_word(struct fk_query__parser *p, struct fk_q_node *node) {
    const struct fk_query__spot begin = p->now, end = fk_query__word_end(p);
    struct fk_query__parser look = *p;
    char word[128];
    fk_query__folded(p, end.at, word, sizeof word);
    p->now = end;
    const size_t len = (size_t)(end.at - begin.at);
    if (len == 0)
        return fk_query__blame_at(p, begin, "", "there is no text here to search for");
    if (strcmp(word, "*") == 0 && fk_query__can_be_empty(node->field))
        return node->kind = FK_Q_HAS, node->len = 1, FK_OK;
    if (word[0] == '*' && word[1] == '@' && word[2] && !strchr(word + 1, '*') &&
        node->field != FK_F_ANY && node->field <= FK_F_PARTICIPANTS) {
        advance(&look); /* everybody there */
        return fk_query__set_text(p, node, look.now.at, (size_t)(end.at - look.now.at));
    }
    if (node->field == FK_F_FILENAME && strncmp(word, "*.", 2) == 0 && word[2] &&
        strlen(word) <= 18 &&
        strspn(word + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
            strlen(word + 2)) {
        node->field = FK_F_FILETYPE;
        node->exact = false; /* it has one spelling */
        fk_query__lower(word);
        return fk_query__set_text(p, node, word + 2, strlen(word + 2));
    }
    if (strlen(word) + 1 < sizeof word && fk_query__is_pattern(word))
        return take_pattern(p, begin, word, node);
    for (; look.now.at < end.at; advance(&look)) {
        if (peek(&look).as != '*')
            continue;
        const struct fk_query__spot star = look.now;
        advance(&look);
        if (look.now.at != end.at || star.at == begin.at)
            return fk_query__blame_at(
                p, star,
                "between letters and digits it stands for any of them, as in pro*ect; to "
                "search for the sign itself, put the word in quotes; for texts near to "
                "one another write NEAR",
                "a * stands at the end of a word, as in budget*");
        node->prefix = true;
        return fk_query__set_text(p, node, begin.at, (size_t)(star.at - begin.at));
    }
    return fk_query__set_text(p, node, begin.at, len);
}

/* A word or a phrase as the text of node. */
enum fk_status fk_query__take_text(struct fk_query__parser *p, struct fk_q_node *node) {
    node->exact = p->exact > 0 && fk_query__has_text(node->field);
    return peek(p).as == '"' ? take_phrase(p, node) : take_word(p, node);
}

static enum fk_status choose_direction(struct fk_query__parser *p, struct fk_query__spot at,
                                       const char *word, struct fk_q_node *node) {
    static const char *const words[][6] = {
        {"in", "incoming", "inbound", "受信", NULL},
        {"out", "outgoing", "outbound", "送信", NULL},
        {"internal", "社内", "内部", NULL},
        {"other", "その他", NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t k = 0; words[i][k] != NULL; k++)
            if (strcmp(word, words[i][k]) == 0)
                return fk_query__set_text(p, node, words[i][0], strlen(words[i][0]));
    return fk_query__blame_at(p, at, "", "expected direction:in, out, internal or other");
}

static enum fk_status choose_filetype(struct fk_query__parser *p, struct fk_query__spot at,
                                      const char *word, struct fk_q_node *node) {
    const char *type = word + (*word == '.');
    const size_t n = strlen(type);
    if (n == 0 || n > 16 || strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
        return fk_query__blame_at(p, at, "",
                                  "expected what stands behind the point of a file's name, as in "
                                  "filetype:pdf");
    return fk_query__set_text(p, node, type, n);
}

static enum fk_status choose_has(struct fk_query__parser *p, struct fk_query__spot at,
                                 const char *word, struct fk_q_node *node) {
    if (strcmp(word, "journal") == 0)
        return fk_query__set_text(p, node, word, strlen(word));
    if (strcmp(word, "attachment") != 0 && strcmp(word, "attachments") != 0 &&
        strcmp(word, "添付") != 0)
        return fk_query__blame_at(p, at, "", "expected has:attachment or has:journal");
    return fk_query__set_text(p, node, "attachment", strlen("attachment"));
}

static enum fk_status choose_reason(struct fk_query__parser *p, struct fk_query__spot at,
                                    const char *word, struct fk_q_node *node) {
    const size_t len = strlen(word);
    if (len + 1 == 80 || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return fk_query__blame_at(
            p, at, "", "expected unsearchable:any, or one of the reasons that hits show");
    return fk_query__set_text(p, node, word, len);
}

/* One of a few words; as everywhere, case and width do not matter. */
enum fk_status fk_query__take_choice(struct fk_query__parser *p, struct fk_query__spot at,
                                     struct fk_q_node *node) {
    char word[80];
    const struct fk_query__parser value = {.now = {.at = node->text}};
    fk_query__folded(&value, node->text + node->len, word, sizeof word);
    fk_query__lower(word);
    if (node->prefix || node->wild)
        return fk_query__blame_at(p, at, "", "%s: takes a word, without a *",
                                  fk_query__name_of(node->field));
    switch (node->field) {
    case FK_F_HAS:
        return choose_has(p, at, word, node);
    case FK_F_DIRECTION:
        return choose_direction(p, at, word, node);
    case FK_F_FILETYPE:
        return choose_filetype(p, at, word, node);
    case FK_F_GARBLED:
        return strcmp(word, "any") == 0 ? fk_query__set_text(p, node, "any", 3)
                                        : fk_query__blame_at(p, at, "", "expected garbled:any");
    default:
        return choose_reason(p, at, word, node);
    }
}

enum fk_status fk_query__take_range(struct fk_query__parser *p, const struct fk_query__name *name,
                                    enum fk_query__op op, struct fk_q_node *node) {
    char value[80];
    const char *expected;
    struct fk_query__spot begin = p->now, end;
    bool quoted = peek(p).as == '"';
    if (quoted) {
        const struct fk_query__spot quote = begin;
        advance(p);
        begin = p->now;
        while (peek(p).bytes != 0 && peek(p).as != '"')
            advance(p);
        if (peek(p).bytes == 0)
            return fk_query__blame_at(p, quote, "put a \" at the end of the value",
                                      "this value in quotes has no end");
        end = p->now;
        p->now = begin;
    } else {
        end = fk_query__word_end(p);
    }
    fk_query__folded(p, end.at, value, sizeof value);
    const bool is_star = strcmp(value, "*") == 0 && !quoted;
    if (fk_query__can_be_empty(node->field) && (is_star || (quoted && value[0] == 0))) {
        node->kind = FK_Q_HAS;
        node->len = is_star;
        p->now = end;
        if (quoted)
            advance(p);
        return FK_OK;
    }
    char currency[4] = "";
    bool good = name->form == FORM_TIME ? fk_query__time_value(value, op, p->today, node, &expected)
                : name->form == FORM_AMOUNT
                    ? fk_query__amount_value(value, op, node, currency, &expected)
                    : fk_query__size_value(value, op, node, &expected);
    if (!good)
        return fk_query__blame_at(
            p, begin,
            name->form == FORM_TIME
                ? "a date of several words stands in quotes, as in date:\"last month\""
                : "",
            "expected %s", expected);
    if (name->form == FORM_AMOUNT &&
        (node->text = fk_arena_copy(p->arena, currency, strlen(currency))) == NULL)
        return fk_fail(p->err, FK_NOMEM, "out of memory for a query");
    p->now = end;
    if (quoted)
        advance(p);
    return FK_OK;
}
