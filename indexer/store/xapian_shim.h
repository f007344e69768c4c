/*
 * xapian_shim.h - Xapian in plain C: no policy, no logging, one place that maps exceptions.
 *
 * A struct fk_xwriter is the one writer of a database directory. A struct fk_xreader reads any
 * number of databases as one; a document is in one of them, and keeps its docid. Queries are built
 * bottom-up; each constructor takes what it is given (also NULL, which stands for a query that
 * failed to be built, and makes the result NULL), and the last one is freed with fk_xquery_free.
 *
 * Terms have no positions. Phrases are verified in the text store beside a database (texts_priv.h),
 * which is written with its commits, merged with it, and opened with it.
 *
 * Errors: FK_NOT_FOUND no database or document; FK_RETRY another writer has it, or the reader's
 * snapshot is gone (reopen); FK_CORRUPT; FK_FULL the disk, or of a search its time; FK_INVALID a
 * term over 245 bytes; FK_IO. Threads: one at a time a handle.
 */
#ifndef FK_INDEXER_XAPIAN_SHIM_H
#define FK_INDEXER_XAPIAN_SHIM_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/store/texts_priv.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- writing */
struct fk_xwriter;
struct fk_xdoc;
/* A new database. Committed is not yet on the disk: for what nobody reads until the caller has
 * synced it, at one wait for all its files where Xapian takes one for each. FK_INVALID where there
 * is one. */
FK_CHECKED enum fk_status fk_xwriter_create(const char *dir, struct fk_xwriter **out,
                                            struct fk_err *err);
/* One that is there, to be changed in its place; a commit is on the disk. */
FK_CHECKED enum fk_status fk_xwriter_open(const char *dir, struct fk_xwriter **out,
                                          struct fk_err *err);
void fk_xwriter_close(struct fk_xwriter **w); /* what is not committed is dropped */
FK_CHECKED enum fk_status fk_xwriter_commit(struct fk_xwriter *w, struct fk_err *err);
/* Whether so much was changed in its place that it is to be merged with nothing, to be quick again.
 */
bool fk_xwriter_is_worn(const struct fk_xwriter *w);
FK_CHECKED enum fk_status fk_xwriter_count(struct fk_xwriter *w, uint32_t *documents_out,
                                           struct fk_err *err);

FK_CHECKED enum fk_status fk_xdoc_new(struct fk_xdoc **out, struct fk_err *err);
void fk_xdoc_free(struct fk_xdoc **doc);
FK_CHECKED enum fk_status fk_xdoc_term(struct fk_xdoc *doc, const char *term, size_t len,
                                       struct fk_err *err);
/* A word of a text. It is found as a term is; it cannot be copied or dropped, and a document that
 * comes from a database does not have it (terms and words of one prefix are not to be mixed). */
FK_CHECKED enum fk_status fk_xdoc_word(struct fk_xdoc *doc, const char *word, size_t len,
                                       struct fk_err *err);
/* Several: of each a byte that says its length, and that many. */
FK_CHECKED enum fk_status fk_xdoc_words(struct fk_xdoc *doc, const void *words, size_t len,
                                        struct fk_err *err);
/* Text of a field, in whose row or original it stands apart from what is there (FK_ROW_GAP). */
FK_CHECKED enum fk_status fk_xdoc_text(struct fk_xdoc *doc, enum fk_texts_kind kind,
                                       const char *prefix, const void *text, size_t len,
                                       struct fk_err *err);
/* A field's, appended; nothing where it has none. */
FK_CHECKED enum fk_status fk_xdoc_text_get(const struct fk_xdoc *doc, enum fk_texts_kind kind,
                                           const char *prefix, struct fk_buf *out,
                                           struct fk_err *err);
FK_CHECKED enum fk_status fk_xdoc_value(struct fk_xdoc *doc, unsigned slot, const void *value,
                                        size_t len, struct fk_err *err);
/* Its record (index.h), in place of the one it has; it lies in the text store. */
FK_CHECKED enum fk_status fk_xdoc_data(struct fk_xdoc *doc, const void *data, size_t len,
                                       struct fk_err *err);
/* Terms that begin so, from another document. */
FK_CHECKED enum fk_status fk_xdoc_copy_terms(struct fk_xdoc *doc, const struct fk_xdoc *from,
                                             const char *prefix, struct fk_err *err);
/* Its data, appended. */
FK_CHECKED enum fk_status fk_xdoc_data_get(const struct fk_xdoc *doc, struct fk_buf *out,
                                           struct fk_err *err);
/* Takes out the terms that begin so. */
FK_CHECKED enum fk_status fk_xdoc_drop_terms(struct fk_xdoc *doc, const char *prefix,
                                             struct fk_err *err);
/* docid >= 1; replaces one that is there. The words and texts of one that came from
 * fk_xwriter_document stay as they are. */
FK_CHECKED enum fk_status fk_xwriter_put(struct fk_xwriter *w, uint32_t docid, struct fk_xdoc *doc,
                                         struct fk_err *err);
/* Content where it is not there. */
FK_CHECKED enum fk_status fk_xwriter_delete(struct fk_xwriter *w, uint32_t docid,
                                            struct fk_err *err);
/* Databases whose docids do not overlap, copied into a new one: compact, and without what was
 * deleted. sort_slot: what hits will be sorted by, mostly. to_dir must not be there yet. */
FK_CHECKED enum fk_status fk_xmerge(const char *const *from_dirs, size_t n, const char *to_dir,
                                    unsigned sort_slot, struct fk_err *err);

/* ---- reading */
struct fk_xreader;
struct fk_xquery;
/* dirs in the order of their docids; with none of them an empty index. */
FK_CHECKED enum fk_status fk_xreader_open(const char *const *dirs, size_t n,
                                          struct fk_xreader **out, struct fk_err *err);
/* From until_ms on (fk_monotonic_ms) no search in it goes on: FK_FULL. INT64_MAX: as long as it
 * takes. Looked at in each text, and once in 1,024 documents. */
void fk_xreader_limit(struct fk_xreader *r, int64_t until_ms);
void fk_xreader_close(struct fk_xreader **r);
FK_CHECKED enum fk_status fk_xreader_count(struct fk_xreader *r, uint64_t *documents_out,
                                           struct fk_err *err);
/* In how many documents a term is; 0 where it is in none. Documents are counted as they are shown.
 */
FK_CHECKED enum fk_status fk_xreader_term_count(struct fk_xreader *r, const char *term, size_t len,
                                                uint64_t *out, struct fk_err *err);
/* The same of n terms that begin alike, none of them a word, by one walk over all that begin so in
 * each database. */
FK_CHECKED enum fk_status fk_xreader_term_counts(struct fk_xreader *r, const char *prefix,
                                                 size_t len, const char *const *terms, size_t n,
                                                 uint64_t *out, struct fk_err *err);
/* The smallest docid that is greater than `after`; FK_NOT_FOUND when there is none. */
FK_CHECKED enum fk_status fk_xreader_next(struct fk_xreader *r, uint32_t after, uint32_t *docid_out,
                                          struct fk_err *err);
/* All that is stored of a document, appended as lines: terms, values, texts, data. For
 * comparing two indexes and for looking into one. */
FK_CHECKED enum fk_status fk_xreader_dump(struct fk_xreader *r, uint32_t docid, struct fk_buf *out,
                                          struct fk_err *err);
/* A field's text, appended; nothing where it has none. FK_CORRUPT also where the store lacks it. */
FK_CHECKED enum fk_status fk_xreader_text(struct fk_xreader *r, uint32_t docid,
                                          enum fk_texts_kind kind, const char *prefix,
                                          struct fk_buf *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_xreader_data(struct fk_xreader *r, uint32_t docid, struct fk_buf *out,
                                          struct fk_err *err);
/* The document itself, to be freed before the reader is closed. */
FK_CHECKED enum fk_status fk_xreader_document(struct fk_xreader *r, uint32_t docid,
                                              struct fk_xdoc **out, struct fk_err *err);
/* As one that the writer has, committed or not. */
FK_CHECKED enum fk_status fk_xwriter_document(struct fk_xwriter *w, uint32_t docid,
                                              struct fk_xdoc **out, struct fk_err *err);
/* Documents with this term, ascending, at most max of them; hidden ones are none. */
FK_CHECKED enum fk_status fk_xreader_with_term(struct fk_xreader *r, const char *term, size_t len,
                                               uint32_t *docids, size_t max, size_t *count_out,
                                               struct fk_err *err);
/* A document's terms that begin so, each without that and with an LF behind it, appended. */
FK_CHECKED enum fk_status fk_xreader_terms(struct fk_xreader *r, uint32_t docid, const char *prefix,
                                           struct fk_buf *out, struct fk_err *err);
/* From here on these documents too are as if they were not there. docids ascend. */
FK_CHECKED enum fk_status fk_xreader_hide(struct fk_xreader *r, const uint64_t *docids, size_t n,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_xreader_value(struct fk_xreader *r, uint32_t docid, unsigned slot,
                                           struct fk_buf *out, struct fk_err *err);

struct fk_xquery *fk_xquery_term(const char *term, size_t len);
struct fk_xquery *fk_xquery_all(void);
struct fk_xquery *fk_xquery_nothing(void);
struct fk_xquery *fk_xquery_and(struct fk_xquery *a, struct fk_xquery *b);
struct fk_xquery *fk_xquery_or(struct fk_xquery *a, struct fk_xquery *b);
struct fk_xquery *fk_xquery_and_not(struct fk_xquery *a, struct fk_xquery *b);
/* Terms at consecutive positions, in this order. Borrowed for the call. */
struct fk_xquery *fk_xquery_phrase(const char *const *terms, const size_t *lens, size_t n);
/* Terms of which each stands within `window` positions of all others, in any order; equal ones at
 * different positions. A term may be several tokens in a row with a blank between; the first has
 * the prefix. */
struct fk_xquery *fk_xquery_near(const char *const *terms, const size_t *lens, size_t n,
                                 unsigned window);
/* Every term that begins so, in each database at most max of them, and as many as are looked up in
 * FK_XEXPANSION_MS; fk_xsurvey says where that left some out. */
struct fk_xquery *fk_xquery_prefix(const char *prefix, size_t len, unsigned max);
/* A character of a run (terms.h), wherever it stands: every token that begins with it. varied: not
 * where the token behind this mark stands too (FK_VARIED); NULL: anywhere. */
struct fk_xquery *fk_xquery_character(const char *prefix_of_field, const char *character,
                                      size_t len, const char *varied);
/* Every term of the field that matches the pattern: * is any bytes, ? one character. Limits as of a
 * prefix. */
struct fk_xquery *fk_xquery_wildcard(const char *prefix_of_field, const char *pattern, size_t len,
                                     unsigned max);
/* Documents whose value has a line that is none of these domains and below none of them; or is "*".
 * Borrowed for the call. */
struct fk_xquery *fk_xquery_outside(unsigned slot, const char *const *domains, size_t n);
/* from <= value <= to; an empty one is open. A document without the value is never in it. */
struct fk_xquery *fk_xquery_range(unsigned slot, const void *from, size_t from_len, const void *to,
                                  size_t to_len);
/* The same query once more, for a second use. */
struct fk_xquery *fk_xquery_copy(const struct fk_xquery *q);
void fk_xquery_free(struct fk_xquery **q);

enum {
    FK_XFLAGS_MAX = 40,
    FK_XEXPANSION_MS = 3000, /* all words of one search together */
    FK_XSURVEY_ALONE = 20000 /* so many documents are worth a second thread */
};
/* One pass over all that matches. Databases are read in parallel, those with the greatest sort
 * values first; one whose bounds are outside of a range of the query is not read. What is asked is
 * borrowed; hits are freed with fk_xsurvey_free. */
struct fk_xhit {
    uint64_t key; /* the sort value: its first 8 bytes, big-endian */
    uint32_t docid;
};
struct fk_xsurvey {
    unsigned sort_slot;
    size_t want;    /* so many hits, greatest value first, then greatest docid */
    bool has_after; /* of those that come after this one: */
    struct fk_xhit after;
    const char *const *flags; /* terms, no words: how many of the hits have each; FK_XFLAGS_MAX */
    size_t flag_count;
    const uint64_t *watched; /* docids, ascending, perhaps several times */
    size_t watched_count;
    unsigned threads; /* 0: as many as there are CPUs, if that is worth it */

    uint64_t total;               /* exact, never Xapian's estimate */
    uint64_t with[FK_XFLAGS_MAX]; /* of each flag */
    uint64_t seen;                /* of those watched */
    struct fk_xhit *hits;
    size_t hit_count;
    bool is_cut; /* a prefix or pattern stands for more words than were taken */
};
FK_CHECKED enum fk_status fk_xreader_survey(struct fk_xreader *r, const struct fk_xquery *q,
                                            struct fk_xsurvey *survey, struct fk_err *err);
void fk_xsurvey_free(struct fk_xsurvey *survey);

struct fk_xhits {
    uint32_t docids[1000];
    size_t count;
    uint64_t total; /* exact, never Xapian's estimate */
};
enum { FK_XHITS_MAX = 1000 };
/* Sorted by a value, greatest first, ties by docid, greatest first. offset and limit in hits;
 * limit at most FK_XHITS_MAX. Takes nothing: q stays the caller's. */
FK_CHECKED enum fk_status fk_xreader_search(struct fk_xreader *r, const struct fk_xquery *q,
                                            unsigned sort_slot, uint64_t offset, size_t limit,
                                            struct fk_xhits *out, struct fk_err *err);

/* Every document that matches, by docid, with two of its values (empty where it has none); what fn
 * returns other than FK_OK ends it. For lists that are made in one pass and sorted by the caller.
 */
struct fk_xmatch {
    uint32_t docid;
    const void *first, *second;
    size_t first_len, second_len;
};
typedef enum fk_status (*fk_xmatch_fn)(void *ctx, const struct fk_xmatch *match,
                                       struct fk_err *err);
FK_CHECKED enum fk_status fk_xreader_each(struct fk_xreader *r, const struct fk_xquery *q,
                                          unsigned first_slot, unsigned second_slot,
                                          fk_xmatch_fn fn, void *ctx, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
