/*
 * sink_priv.h - the two places a reading goes: terms for the index, a text for people.
 *
 * What the box gives out for a job (reader.h) is written here: for the index flags and date,
 * display lines, terms; for people UTF-8 text.
 */
#ifndef FK_INDEXER_SINK_PRIV_H
#define FK_INDEXER_SINK_PRIV_H
#include "indexer/reading/docterms_priv.h"
#include "indexer/reading/reading_priv.h"

enum { FK_FOUND_ATTACHMENT = 1, FK_FOUND_NESTED = 2, FK_FOUND_DATE = 4 };

/* Reads a message and appends: reasons (32 bits), FK_FOUND_ flags (8), date (64, ms), then lines of
 * fields.h with a 32-bit length before them, three times: for display; Message-ID and people of the
 * headers; of a journal report what it says and where the message is (facts_priv.h). Then terms
 * (docterms_priv.h). */
FK_CHECKED enum fk_status fk_sink__terms(struct fk_docterms *terms, const uint8_t *message,
                                         size_t len, bool headers_only, struct fk_buf *out,
                                         struct fk_err *err);
/* Reads a message (of a journal report, what it reports) and appends: reasons (32 bits), then a
 * text of at most about FK_PEOPLE_MAX bytes. */
enum { FK_PEOPLE_MAX = 16 << 20, FK_PEOPLE_FILE_MAX = 64 << 10 /* of the text of one file */ };
FK_CHECKED enum fk_status fk_sink__people(const uint8_t *message, size_t len, bool headers_only,
                                          struct fk_buf *out, struct fk_err *err);
/* As people, of a journal report what stands around the message, and its lines (facts_priv.h) alone
 * after 32 bits of no reasons. Nothing behind the reasons where it is no report. */
FK_CHECKED enum fk_status fk_sink__wrapper(const uint8_t *message, size_t len, struct fk_buf *out,
                                           struct fk_err *err);
FK_CHECKED enum fk_status fk_sink__report(const uint8_t *message, size_t len, struct fk_buf *out,
                                          struct fk_err *err);

/* As people; of the text, words that may be passwords (password_words_priv.h). */
FK_CHECKED enum fk_status fk_sink__words(const uint8_t *message, size_t len, bool headers_only,
                                         struct fk_buf *out, struct fk_err *err);

#endif
