/*
 * query_plan.h - a query's tree as a query to the index: which terms, in which fields.
 *
 * A text of one token is looked for as a term, of several as a phrase; without a field in every
 * field of FK_BARE. Variants of characters have one term (variants.h); other spellings are joined
 * by OR. Nothing is stemmed, ranked or left out.
 *
 * Errors: FK_INVALID with a fault (a text of punctuation, a "*" after several words), FK_NOMEM.
 * Ownership: *out is freed with fk_xquery_free. Threads: any.
 */
#ifndef FK_SEARCH_QUERY_PLAN_H
#define FK_SEARCH_QUERY_PLAN_H
#include "indexer/store/xapian_shim.h"
#include "search/query_parse.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_PLAN_MAX_EXPANSION = 20000, /* words that one "word*" stands for at most, in each field */
    FK_PLAN_MAX_TOKENS = 8192,     /* in a row */
    FK_PLAN_NEAR_SIDES = 8,        /* texts in one row of NEAR */
    FK_PLAN_NEAR_WAYS = 64         /* in which spellings and alternatives of them go together */
};

/* node: the root of a query, or a part of it. */
FK_CHECKED enum fk_status fk_query_plan(const struct fk_q_node *node, int zone_minutes,
                                        struct fk_xquery **out, struct fk_query_fault *fault,
                                        struct fk_err *err);
/* domains: ours, for direction:; ends with NULL. NULL: none are known, and it is refused. */
FK_CHECKED enum fk_status fk_query_plan_for(const struct fk_q_node *node, int zone_minutes,
                                            const char *const *domains, struct fk_xquery **out,
                                            struct fk_query_fault *fault, struct fk_err *err);
/* Every other spelling that the query finds, as lines of fields.h, for each text that has any: text
 * (as it was asked), also (one line each), more ("yes", where not all are listed). */
FK_CHECKED enum fk_status fk_query_expansion(const struct fk_q_node *node, struct fk_buf *out,
                                             struct fk_err *err);
/* Does any part of it ask for this field? */
bool fk_query_asks(const struct fk_q_node *node, enum fk_q_field field);
/* Whoever has to do with it: text as after "participants:". Takes nothing else of the language. */
FK_CHECKED enum fk_status fk_query_plan_person(const char *person, struct fk_xquery **out,
                                               struct fk_err *err);
/* Received between two moments, both included; INT64_MIN and INT64_MAX leave a side open. */
struct fk_xquery *fk_query_plan_received(int64_t first_ms, int64_t last_ms);

#ifdef __cplusplus
}
#endif
#endif
