/*
 * scope.h - which messages a search may have missed: those that are only partly searchable, are no
 * hits, and would be by all that can be told of them without their text.
 *
 * That is the part of the query that is sure of them (query_fields.c has it field by field): when
 * they were received and their size; what stands in header and envelope, where the header could be
 * read, and the names in it, where their characters could be too; joined by AND with the rest.
 *
 * Errors: FK_NOMEM, FK_INVALID with a fault. Ownership: *out is freed with fk_xquery_free. Threads:
 * any.
 */
#ifndef FK_SEARCH_SCOPE_H
#define FK_SEARCH_SCOPE_H
#include "indexer/store/xapian_shim.h"
#include "search/query_parse.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_scope {
    const struct fk_q_node *root;
    int zone_minutes;
    int64_t since_ms, until_ms;    /* as in struct fk_search_options */
    const char *user;              /* as after participants:, NULL: anyone */
    const char *const *domains;    /* ours, for direction:; ends with NULL; NULL: not known */
    const struct fk_xquery *whole; /* what is a hit */
};
FK_CHECKED enum fk_status fk_scope_missed(const struct fk_scope *scope, struct fk_xquery **out,
                                          struct fk_query_fault *fault, struct fk_err *err);

/* Does it ask for what entries of kind fact with this what= say? */
bool fk_scope_goes_by(const struct fk_q_node *root, const char *what);
/* Does it ask for what the index relates (thread:, similar:)? */
bool fk_scope_is_related(const struct fk_q_node *root);
/* Does it leave anything out that a message knows? */
bool fk_scope_has_not(const struct fk_q_node *root);

#ifdef __cplusplus
}
#endif
#endif
