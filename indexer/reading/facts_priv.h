/*
 * facts_priv.h - who had a message, as lines (provenance.h has their names): written in the box,
 * looked through outside of it before they are used. Lines over FK_FACTS_MAX bytes are left out,
 * and that is told by false. Threads: any.
 */
#ifndef FK_INDEXER_FACTS_PRIV_H
#define FK_INDEXER_FACTS_PRIV_H
#include "base/buf.h"
#include "indexer/reading/unwrap_priv.h"

enum { FK_FACTS_MAX = 8 << 20, FK_FACT_VALUE_MAX = 8192 };

/* One person of a header; header is lower-case. What is no recipient's header adds nothing. */
bool fk_facts__header(struct fk_buf *out, const char *header, const char *address, size_t len);
/* One of Domino's $JournalRecipients fields, which stand in the message itself: as a report's line.
 */
bool fk_facts__domino(struct fk_buf *out, const char *header, const char *address, size_t len);
/* What a report says, and Domino's lines; nothing where there is neither. */
bool fk_facts__report(struct fk_buf *out, const struct fk_unwrapped *u,
                      const struct fk_buf *domino);

/* Nothing but lines that fk_facts__header and notice_priv.h write, or fk_facts__report. */
bool fk_facts__own_is_good(const void *lines, size_t len);
bool fk_facts__report_is_good(const void *lines, size_t len);
/* Each "inner: OFFSET LENGTH ENCODING" line; false at the end and where one is none. */
struct fk_fields;
bool fk_facts__inner_next(struct fk_fields *it, struct fk_slice *out);

#endif
