/*
 * query_parser_priv.h - where the parser is in a query, for the two files that take it apart: the
 * grammar (query_parse.c) and what a word, a phrase or a value is (query_text.c).
 */
#ifndef FK_SEARCH_QUERY_PARSER_PRIV_H
#define FK_SEARCH_QUERY_PARSER_PRIV_H
#include "base/arena.h"
#include "search/query_priv.h"

/* Where the parser is; copied to look ahead. */
struct fk_query__spot {
    const char *at;
    size_t character;
};

struct fk_query__parser {
    const char *text, *end;
    struct fk_query__spot now;
    struct fk_arena *arena;
    unsigned depth, leaves;
    unsigned braces, exact; /* how deep inside { } and exact: */
    int64_t today;
    const char *remark;
    struct fk_query_fault *fault;
    struct fk_err *err;
};

/* Fills fault and err; FK_INVALID. */
enum fk_status fk_query__blame_at(struct fk_query__parser *p, struct fk_query__spot at,
                                  const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static inline struct fk_query__char peek(const struct fk_query__parser *p) {
    return fk_query__char_at(p->now.at, p->end);
}

static inline void advance(struct fk_query__parser *p) {
    p->now.at += peek(p).bytes;
    p->now.character++;
}

static inline void skip_space(struct fk_query__parser *p) {
    while (fk_query__is_space(peek(p).as))
        advance(p);
}

/* The end of a group, whichever kind it is of. */
static inline bool at_close(const struct fk_query__parser *p) {
    const uint32_t as = peek(p).as;
    return as == ')' || (as == '}' && p->braces > 0);
}

/* What stands from here to `end`, in ASCII as far as the syntax has it; cut to fit. */
void fk_query__folded(const struct fk_query__parser *p, const char *end, char *out, size_t size);
void fk_query__lower(char *text);
/* The end of the word that begins here. */
struct fk_query__spot fk_query__word_end(const struct fk_query__parser *from);

/* A word or a phrase as the text of node; field:* and field:"" make it a node of kind HAS. */
FK_CHECKED enum fk_status fk_query__take_text(struct fk_query__parser *p, struct fk_q_node *node);
FK_CHECKED enum fk_status fk_query__set_text(struct fk_query__parser *p, struct fk_q_node *node,
                                             const char *text, size_t len);
/* Of a text that was taken: one of a few words. */
FK_CHECKED enum fk_status fk_query__take_choice(struct fk_query__parser *p,
                                                struct fk_query__spot at, struct fk_q_node *node);
FK_CHECKED enum fk_status fk_query__take_range(struct fk_query__parser *p,
                                               const struct fk_query__name *name,
                                               enum fk_query__op op, struct fk_q_node *node);

#endif
