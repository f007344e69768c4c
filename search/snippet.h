/*
 * snippet.h - a few words of a hit around what was found in it.
 *
 *     FK_TRY(fk_snippets_new(fk_query_root(query), &snippets, err));
 *     FK_TRY(fk_snippets_make(snippets, reader, docid, fields, fields_len, &snippet, err));
 *     fk_snippets_free(&snippets);
 *
 * Looked for are the texts of the query that stand in subject, body, attachments and their names,
 * in all their spellings, as far as they are not under a NOT; people, addresses and values are in
 * the hit's own fields. The body and the subject are as they were written; of attachments there is
 * the folded text alone. Where nothing is found so, it is the beginning of the body.
 *
 * Errors: FK_CORRUPT, FK_RETRY, FK_IO of the index. Threads: one at a time.
 */
#ifndef FK_SEARCH_SNIPPET_H
#define FK_SEARCH_SNIPPET_H
#include "indexer/store/xapian_shim.h"
#include "indexer/text/excerpt.h"
#include "search/query_parse.h"

struct fk_snippets;
FK_CHECKED enum fk_status fk_snippets_new(const struct fk_q_node *root, struct fk_snippets **out,
                                          struct fk_err *err);
void fk_snippets_free(struct fk_snippets **snippets);
/* fields: the document's data (indexer/index.h). An empty text where the message says nothing. */
FK_CHECKED enum fk_status fk_snippets_make(struct fk_snippets *snippets, struct fk_xreader *reader,
                                           uint32_t docid, const char *fields, size_t fields_len,
                                           struct fk_excerpt *out, struct fk_err *err);

#endif
