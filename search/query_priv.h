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

enum fk_query__form {
    FORM_TEXT,
    FORM_TIME,
    FORM_SIZE,
    FORM_AMOUNT,
    FORM_CHOICE,
    FORM_LATER,   /* in the language, not in this version */
    FORM_EXACT,   /* exact: stands before what it is about */
    FORM_LIST,    /* via: or to: */
    FORM_FOREIGN, /* another system's: query_foreign.c says what it means here */
};
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
/* "NEAR/5", "w/5", "AROUND": operators where they stand between two texts. */
bool fk_query__is_between(const char *word);
/* Is this word of letters, digits, * and ? a pattern: a * before its end, or a ? inside? */
bool fk_query__is_pattern(const char *word);
/* ---- what fields are like (query_fields.c) */

/* Have fields of this kind text in all its spellings, so that exact: and NEAR mean something? */
bool fk_query__has_text(enum fk_q_field field);
/* Are characters that are the same in names one (variants.h)? */
bool fk_query__has_variants(enum fk_q_field field);
/* Can it be asked whether the field has anything? */
bool fk_query__can_be_empty(enum fk_q_field field);
/* Entries of kind fact with this what= may change later what it finds; NULL: none do. */
const char *fk_query__fact(enum fk_q_field field);
/* Is it looked up in the index before the query is planned (related.h)? */
bool fk_query__is_related(enum fk_q_field field);
/* Of a message that is only partly searchable: what can be told for sure with a leaf of the tree.
 * Each is sure of less than the one behind it. */
enum fk_query__known {
    KNOWN_NEVER,  /* nothing: it may stand in what was not read */
    KNOWN_NAMES,  /* where its header fields could be read, and all of their characters */
    KNOWN_HEADER, /* where its header fields could be read */
    KNOWN_ALWAYS
};
enum fk_query__known fk_query__known(const struct fk_q_node *leaf);

/* What a name of Gmail's or Purview's with this value stands for. */
enum fk_query__meaning { MEANS_ALL, MEANS_ATTACHMENT, MEANS_NO_ATTACHMENT, MEANS_NOTHING };
enum fk_query__meaning fk_query__foreign(const char *name, const char *value, const char **hint);

/* today: days since 1970-01-01 there; FK_NO_DAY where nobody knows, and nothing is relative to it.
 */
#define FK_NO_DAY INT64_MIN
/* "2024-04..2024-06", "10M": into node->from and to, or least and most. False, with `expected`,
 * when the value is none. value: ASCII where the syntax has it, spaces removed at both ends. */
bool fk_query__time_value(const char *value, enum fk_query__op op, int64_t today,
                          struct fk_q_node *node, const char **expected);
bool fk_query__size_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                          const char **expected);
/* The same of money; currency: "" where none is named. */
bool fk_query__amount_value(const char *value, enum fk_query__op op, struct fk_q_node *node,
                            char currency[4], const char **expected);
void fk_query__print_amount(const struct fk_q_node *node, struct fk_buf *out);
/* "a..b" (or "a~b", as Japanese writes ranges) cut in two; *to is NULL when there is one value. */
void fk_query__split_range(char *value, char **to);
/* A text and the spellings that are searched for with it: the katakana that is written in two ways
 * (サーバー サーバ, ヴァイオリン バイオリン), numbers with and without commas. Each is as long as
 * its end less that of the one before; the first is the text, folded (query_loose.c). */
enum { FK_SPELLINGS_MAX = 16 };
struct fk_query__spellings {
    struct fk_buf bytes;
    size_t ends[FK_SPELLINGS_MAX];
    size_t count;
    bool more; /* there would be more of them: some combinations are left out */
};
#define FK_SPELLINGS_INIT                                                                          \
    { .bytes = FK_BUF_INIT, .count = 0, .more = false }
FK_CHECKED enum fk_status fk_query__spell(const struct fk_q_node *node,
                                          struct fk_query__spellings *out, struct fk_err *err);
void fk_query__spellings_free(struct fk_query__spellings *s);
static inline const char *fk_query__spelling(const struct fk_query__spellings *s, size_t i,
                                             size_t *len) {
    const size_t from = i ? s->ends[i - 1] : 0;
    *len = s->ends[i] - from;
    return (const char *)s->bytes.data + from;
}
/* Is the value one whole address, or a domain? Those have one spelling. */
bool fk_query__is_address(const struct fk_q_node *node);

/* What dkim:, auth:, spam: and virus: stand for (query_verdict.c). */
struct fk_xquery;
FK_CHECKED enum fk_status fk_query__verdict(const struct fk_q_node *node, struct fk_xquery **out,
                                            struct fk_query_fault *fault, struct fk_err *err);
/* What delivery: stands for (query_delivery.c). */
FK_CHECKED enum fk_status fk_query__delivery(const struct fk_q_node *node, struct fk_xquery **out,
                                             struct fk_query_fault *fault, struct fk_err *err);
/* What ip: and filetype: stand for (query_ip.c, query_plan.c). */
FK_CHECKED enum fk_status fk_query__ip(const struct fk_q_node *node, struct fk_xquery **out,
                                       struct fk_query_fault *fault, struct fk_err *err);
/* What txn: and the other fields of transactions stand for (query_transaction.c). */
FK_CHECKED enum fk_status fk_query__transaction(const struct fk_q_node *node,
                                                struct fk_xquery **out,
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

/* Whole days, months or years, both ends included (query_period.c). */
struct fk_query__period {
    struct fk_q_when from, to;
    bool is_age; /* "7d": a day so long ago; by itself everything from there on */
};
/* One day or month as a when (query_value.c). */
struct fk_q_when fk_query__day(int64_t days);
int64_t fk_query__day_of(int64_t year, int64_t month, int64_t day);
void fk_query__date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day);
int64_t fk_query__days_in_month(int64_t year, int64_t month); /* month from 1 */
bool fk_query__when(const char *text, struct fk_q_when *out);
/* A date, a wareki date, a fiscal year, or a word that is relative to today. *expected is set where
 * it can be said better than "a date". */
bool fk_query__period(const char *text, int64_t today, struct fk_query__period *out,
                      const char **expected);

#endif
