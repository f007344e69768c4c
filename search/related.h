/*
 * related.h - messages that belong to one another: found by thread: and similar:.
 *
 * A query with such a field is related to the index between parsing and planning:
 *
 *     FK_TRY(fk_query_parse(text, len, &query, &fault, err));
 *     FK_TRY(fk_query_relate(query, reader, before, &found, &fault, err));
 *     FK_TRY(fk_query_plan(fk_query_root(query), zone, &plan, &fault, err));
 *
 * before: messages that have no capture below it are left out, and join nothing; UINT64_MAX: none
 * are. Errors: FK_INVALID with a fault where the index has no such message; FK_RETRY, FK_CORRUPT
 * from the index; FK_NOMEM. Threads: one.
 */
#ifndef FK_SEARCH_RELATED_H
#define FK_SEARCH_RELATED_H
#include "archiver/vault/fields.h"
#include "search/query_parse.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_SIMILAR_PERCENT = 90, /* unless said otherwise */
    FK_SIMILAR_LEAST = 70,   /* below, too much of what is alike would be missed (sketch.h) */
    FK_SIMILAR_MAX = 10000   /* messages; the newest where there are more */
};

struct fk_related {
    struct fk_buf expansion; /* a line for each field: "thread:12 = 3-5,9"; "and more" behind it */
    unsigned cut;            /* fields that stand for more messages than are taken */
};
struct fk_xreader;
FK_CHECKED enum fk_status fk_query_relate(struct fk_query *query, struct fk_xreader *reader,
                                          uint64_t before, struct fk_related *out,
                                          struct fk_query_fault *fault, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
