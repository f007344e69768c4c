/*
 * query_priv.h - what the files of the query language share: characters, names, values.
 */
#ifndef FK_SEARCH_QUERY_PRIV_H
#define FK_SEARCH_QUERY_PRIV_H
#include "search/query_parse.h"

/* One character: its code and, in `as`, the ASCII character that it is written for in the syntax
 * (full-width forms, typographic quotes, ideographic space), or the code itself. */
struct fk_query__char {
    uint32_t code, as;
    unsigned bytes; /* 0 at the end, or where the text is not UTF-8 */
};
struct fk_query__char fk_query__char_at(const char *at, const char *end);
/* The bytes of text that a message quotes: at most max, no character cut in two; for "%.*s". */
int fk_query__cut(const char *text, int max);
/* Does a word end before this character? */
bool fk_query__is_space(uint32_t as);

enum fk_query__form { FORM_TEXT, FORM_TIME, FORM_SIZE, FORM_CHOICE, FORM_LATER };
enum fk_query__op { OP_IS, OP_GE, OP_LE, OP_GT, OP_LT, OP_NE };
struct fk_query__name {
    const char *name; /* lower case */
    enum fk_q_field field;
    enum fk_query__form form;
    enum fk_query__op op; /* what ":" means: "after:" is received>= */
};
/* NULL when there is no such field. The first name of a field in the table is its canonical one. */
const struct fk_query__name *fk_query__find_name(const char *name, size_t len);
const char *fk_query__name_of(enum fk_q_field field);
/* The canonical names of all fields of this version, separated by spaces. */
void fk_query__names(char *out, size_t size);
/* AND, OR, NOT, NEAR: words that must be quoted to be searched for. */
bool fk_query__is_operator(const char *word, size_t len);

/* "2024-04..2024-06", "10M": into node->from and to, or least and most. False, with `expected`,
 * when the value is none. value: ASCII where the syntax has it, spaces removed at both ends. */
bool fk_query__time_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                          const char **expected);
bool fk_query__size_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                          const char **expected);
/* What dkim:, auth:, spam: and virus: stand for (query_verdict.c). */
struct fk_xquery;
FK_CHECKED enum fk_status fk_query__verdict(const struct fk_q_node *node, struct fk_xquery **out,
                                            struct fk_query_fault *fault, struct fk_err *err);
/* What delivery: stands for (query_delivery.c). */
FK_CHECKED enum fk_status fk_query__delivery(const struct fk_q_node *node, struct fk_xquery **out,
                                             struct fk_query_fault *fault, struct fk_err *err);
/* What thread: and similar: stand for (query_related.c): the captures that were looked up, none
 * before they were. */
FK_CHECKED enum fk_status fk_query__related(const struct fk_q_node *node, struct fk_xquery **out,
                                            struct fk_query_fault *fault, struct fk_err *err);
/* "12", "12/80": the seq and, of similar:, the least percentage. */
FK_CHECKED enum fk_status fk_query__related_value(const struct fk_q_node *node, uint64_t *seq,
                                                  unsigned *percent, struct fk_query_fault *fault,
                                                  struct fk_err *err);
/* For each node of the tree, as long as fn returns FK_OK; it may set what was looked up, in memory
 * of the query's. */
typedef enum fk_status (*fk_query__node_fn)(void *ctx, struct fk_q_node *node, struct fk_err *err);
FK_CHECKED enum fk_status fk_query__each(struct fk_query *query, fk_query__node_fn fn, void *ctx,
                                         struct fk_err *err);
void *fk_query__alloc(struct fk_query *query, size_t size);
void fk_query__print_when(const struct fk_q_when *when, struct fk_buf *out);

#endif
