/*
 * query_plan_priv.h - what the files that plan a query share.
 *
 * Constructors of queries take what they are given and give NULL without memory, as those of
 * xapian_shim.h.
 */
#ifndef FK_SEARCH_QUERY_PLAN_PRIV_H
#define FK_SEARCH_QUERY_PLAN_PRIV_H
#include "search/query_plan.h"
#include "search/query_priv.h"

struct fk_query__planner {
    int zone_minutes;
    const char *const *domains; /* ours; NULL: not known */
    struct fk_query_fault *fault;
    struct fk_err *err;
};

enum fk_status fk_query__out_of_memory(const struct fk_query__planner *p);
/* PREFIX MARK TEXT as one term. */
struct fk_xquery *fk_query__term(const char *prefix, const char *mark, const void *text,
                                 size_t len);
/* A text in any of the fields, in any of its spellings. */
FK_CHECKED enum fk_status fk_query__plan_text(const struct fk_query__planner *p,
                                              const struct fk_q_node *node,
                                              const char *const *fields, size_t n,
                                              struct fk_xquery **out);
/* A node of kind NEAR, in any of the fields. */
FK_CHECKED enum fk_status fk_query__plan_near(const struct fk_query__planner *p,
                                              const struct fk_q_node *node,
                                              const char *const *prefixes, size_t n,
                                              struct fk_xquery **out);
/* What direction: stands for (query_direction.c). */
FK_CHECKED enum fk_status fk_query__plan_direction(const struct fk_query__planner *p,
                                                   const struct fk_q_node *node,
                                                   struct fk_xquery **out);

#endif
