/*
 * small_index.h - an index of a few documents that a test builds through the shim, and what queries
 * find in it. Whatever fails, fails the test.
 */
#ifndef FK_TESTS_UNIT_SUPPORT_SMALL_INDEX_H
#define FK_TESTS_UNIT_SUPPORT_SMALL_INDEX_H
#include "indexer/store/xapian_shim.h"

struct fk_xwriter *small_index_new(char *dir, size_t size); /* dir: where it is, out */
void small_renew(struct fk_xdoc **doc);                     /* an empty document in its place */
void small_text(struct fk_xdoc *doc, const char *prefix, const char *text);
void small_term(struct fk_xdoc *doc, const char *prefix, const char *value);
void small_value(struct fk_xdoc *doc, unsigned slot, uint64_t n);
struct fk_xreader *small_index_finish(struct fk_xwriter **writer, const char *dir);

/* "3 1", or "!CHARACTER message"; to be freed. The domains b.example and Sub.E.example are ours. */
char *small_found(struct fk_xreader *reader, const char *text, int zone);
/* {query, what is found, or its beginning where that is a fault}; closes the reader. */
void small_check(struct fk_xreader *reader, const char *const table[][2], size_t rows);

#endif
