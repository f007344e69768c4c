/*
 * search_priv.h - a search that is open, as search.c and search_act.c see it.
 */
#ifndef FK_SEARCH_SEARCH_PRIV_H
#define FK_SEARCH_SEARCH_PRIV_H
#include "search/readers.h"
#include "search/receipt_priv.h"
#include "search/related.h"
#include "search/search.h"
#include "search/snippet.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_search {
    struct fk_readers *readers; /* that the index is taken from; NULL: none */
    struct fk_reader_kept index;
    bool has_failed;           /* what was taken is not given back */
    struct fk_xreader *reader; /* the index's; NULL: there is none */
    const char *dir;           /* whose index is read */
    int64_t most_ms, until_ms; /* how long open may take, and when that is over */
    struct fk_query *query;
    struct fk_xquery *whole;  /* the query with user and times */
    struct fk_xquery *missed; /* perhaps: what is only partly searchable (scope.h) */
    struct fk_search_coverage coverage;
    struct fk_seqs disposed; /* captures that the index has not forgotten yet */
    struct fk_seqs lessened; /* documents that have some of those and others; once for each */
    struct fk_seqs captures; /* of the hit given */
    struct fk_provenance known;
    struct fk_buf canonical, expansion, stood_for, data, user;
    uint64_t limit, given;
    struct fk_related related;
    struct fk_matches groups; /* where hits are collapsed */
    size_t first_group;       /* of them, the first of what was found */
    bool has_receipt;
    struct fk_receipt_found listed; /* for it */
    struct fk_snippets *snippets;   /* NULL: not asked for */
    struct fk_excerpt snippet;
    struct fk_xsurvey found; /* what comes after `after`, and what all of it counts */
    size_t next;             /* of what was found */
};

/* A line of an act or a receipt; none for an end that is open. */
void fk_search__put_time(struct fk_buf *lines, const char *name, int64_t ms);
/* Appends the act: who asked what, how it was understood, how much was found. Its seq goes into the
 * coverage; what cannot be recorded is not answered. */
FK_CHECKED enum fk_status fk_search__record(struct fk_search *s, struct fk_keep *keep,
                                            const struct fk_search_options *o, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
