/*
 * shards.h - databases of a few documents that a test makes through the shim, below $TEST_DIR.
 * Whatever fails, fails the test.
 */
#ifndef FK_TESTS_UNIT_SUPPORT_SHARDS_H
#define FK_TESTS_UNIT_SUPPORT_SHARDS_H
#include "indexer/store/xapian_shim.h"
#include <stdio.h>
#include <string.h>

#define OK(call) assert_int_equal(call, FK_OK)
#define T(word) fk_xquery_term(word, strlen(word))

extern char shard_dir[256]; /* of the newest shard_new */

/* Document n has the words of the text, which is its row, a term XT for each of them, and the value
 * v (8 bytes) in slot 0, if it is not 0. */
void shard_put(struct fk_xwriter *w, uint32_t n, const char *text, uint8_t v);
/* A document that is there, with this record in place of its own. */
void shard_record_put(struct fk_xwriter *w, uint32_t docid, const char *record);

/* A new one: 3 "red apple pie" (its value is 5), 7 "apple red" (9), 8 "green apple red" (9),
 * 900 "plum". */
struct fk_xreader *shard_new(void);
/* Beside that, with docids after its own: 901 "apple red" (7), 902 "red pie". */
void shard_second(char *path, size_t size);
struct fk_xreader *shard_reader(const char *path);

/* One bit of a file's byte is another; the second time it is as it was. */
void shard_flip(FILE *f, long at);

/* These are all hits, by slot 0, as "8 7 3 "; frees the query. */
void shard_expect(struct fk_xreader *r, struct fk_xquery *q, const char *want);

#endif
