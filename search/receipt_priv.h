/*
 * receipt_priv.h - how a search has its receipt stated.
 */
#ifndef FK_SEARCH_RECEIPT_PRIV_H
#define FK_SEARCH_RECEIPT_PRIV_H
#include "indexer/store/xapian_shim.h"
#include "search/matches.h"
#include "search/receipt.h"
#include "search/search.h"

/* What a search found, as it is kept. */
struct fk_receipt_found {
    struct fk_receipt_list hits;
    struct fk_seqs hit_captures, hits_partly, missed;
};
/* Reads all of it; disposed: captures that are none. */
FK_CHECKED enum fk_status fk_receipt__found(struct fk_xreader *reader, const struct fk_xquery *hits,
                                            const struct fk_xquery *partly,
                                            const struct fk_xquery *missed,
                                            const struct fk_seqs *gone,
                                            const struct fk_seqs *disposed,
                                            struct fk_receipt_found *out, struct fk_err *err);
void fk_receipt__found_free(struct fk_receipt_found *f);

struct fk_receipt_words {
    const struct fk_buf *related;   /* lines of struct fk_related */
    const struct fk_buf *spellings; /* lines of fk_query_expansion */
    const char *const *domains;     /* NULL where no direction: is asked for */
    bool is_cut;                    /* a word with a * stood for more than was looked for */
};
/* Appends a line "expansion: ..." for each of them. */
void fk_receipt__stood_for(const struct fk_receipt_words *words, struct fk_buf *out);

struct fk_receipt_facts {
    const struct fk_search_options *options;
    const struct fk_search_coverage *coverage;
    const char *canonical;
    const struct fk_buf *stood_for; /* lines */
    struct fk_receipt_found found;
};
FK_CHECKED enum fk_status fk_receipt__state(const struct fk_receipt_facts *f, struct fk_lend *lend,
                                            struct fk_search_receipt *out, struct fk_err *err);

#endif
