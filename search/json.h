/*
 * json.h - what a search gives, as JSON: the same for the command line and for HTTP
 * (docs/openapi.json has every key).
 *
 * Ownership: a json_t is the caller's (json_decref); NULL when out of memory. Text that is not
 * UTF-8 comes with U+FFFD where it is wrong. Threads: any.
 */
#ifndef FK_SEARCH_JSON_H
#define FK_SEARCH_JSON_H
#include "search/search.h"
#include <jansson.h>
#ifdef __cplusplus
extern "C" {
#endif

json_t *fk_json_text(const char *text, size_t len);
json_t *fk_json_time(int64_t ms);
/* Whether a file of the message has said this reason. */
bool fk_json_file_says(const struct fk_hit *hit, const char *reason);
json_t *fk_json_hit(const struct fk_hit *hit);
/* Who had one message, and where that is known from; with its captures and versions. */
struct fk_message_record;
json_t *fk_json_provenance(const struct fk_message_record *record);
/* What a document's data has of deliveries of the captures that are there, and, of a notice, what
 * that says (delivery_record.h): at most max of them. Where it is no notice: NULL. */
json_t *fk_json_deliveries(const void *data, size_t len, const struct fk_provenance *known,
                           size_t max);
json_t *fk_json_notice(const void *data, size_t len, size_t max);
/* The notices about one message. */
json_t *fk_json_notices(const struct fk_message_record *record);
/* Lines of fk_query_expansion (query_plan.h). */
json_t *fk_json_expansion(const char *lines, size_t len);
/* What it is about (indexer/transaction/transaction_record.h); whole: with all that was found, and
 * how people corrected it. */
struct fk_transaction;
json_t *fk_json_transaction(const struct fk_transaction *t, bool whole);
json_t *fk_json_coverage(const struct fk_search *search);
/* Appends one line of text without its LF. False when out of memory. Takes the reference. */
bool fk_json_print(json_t *json, struct fk_buf *out);

/* One message of a conversation, t->at[i]: with the seq of its parent, how it is joined. */
struct fk_thread;
json_t *fk_json_thread_message(const struct fk_thread *t, size_t i);

#ifdef __cplusplus
}
#endif
#endif
