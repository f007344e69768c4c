/*
 * xapian_priv.h - what the files of the shim share. It is C++; all others include xapian_shim.h.
 *
 *     xapian_error.cc   what is thrown, as a status
 *     xapian_texts.cc   the text store beside a database
 *     xapian_write.cc   the writer, its documents, merging
 *     xapian_read.cc    the reader: documents by number, term or value
 *     xapian_query.cc   terms, AND, OR, NOT, ranges, domains
 *     xapian_phrase.cc  what stands in a row or near, held against the text
 *     xapian_words.cc   what a prefix, a pattern, a character stands for
 *     xapian_survey.cc  one pass over what matches
 *
 * Every entry of the shim is noexcept: guarded() runs a piece of Xapian and hands whatever is thrown
 * to map_exception. Written for Xapian 1.4.22 and newer.
 */
#ifndef FK_INDEXER_XAPIAN_PRIV_H
#define FK_INDEXER_XAPIAN_PRIV_H
#include "indexer/xapian_shim.h"
#ifdef __cplusplus
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <xapian.h>

/* ---- errors (xapian_error.cc) */

/* What the text store says has gone wrong, on its way through Xapian. */
struct text_failure {
    enum fk_status st;
    struct fk_err err;
};

/* Called in a catch-all only. */
enum fk_status map_exception(const char *what, struct fk_err *err) noexcept;

/* Runs a piece of Xapian and turns what it throws into a status. */
template <typename F>
enum fk_status guarded(const char *what, struct fk_err *err, F piece) noexcept {
    try {
        return piece();
    } catch (...) {
        return map_exception(what, err);
    }
}

/* ---- texts (xapian_texts.cc) */

struct texts_closer {
    void operator()(struct fk_texts *t) const {
        fk_texts_close(&t);
    }
};
using texts_handle = std::unique_ptr<struct fk_texts, texts_closer>;
texts_handle texts_open(const std::string &dir);
/* Borrowed until the next call for this kind. */
std::pair<const uint8_t *, size_t> texts_get(struct fk_texts *texts, enum fk_texts_kind kind,
                                             Xapian::docid docid);
enum fk_status into_buf(const std::string &text, struct fk_buf *out, struct fk_err *err);
/* A field of a blob, appended; nothing where it has none. */
enum fk_status field_into(const uint8_t *blob, size_t blob_len, const char *prefix,
                          struct fk_buf *out, struct fk_err *err);

/* ---- documents and readers */

/* One that was read knows where its texts are. */
struct fk_xdoc {
    Xapian::Document doc;
    bool has_texts = true; /* its own; otherwise those of the store stay */
    std::map<std::string, std::string> texts[FK_TEXTS_KINDS];
    std::function<std::string(enum fk_texts_kind)> stored;
};

struct fk_xreader {
    std::vector<Xapian::Database> dbs;              /* in the order of their docids */
    std::vector<std::vector<Xapian::docid>> hidden; /* of each; those that are in it */
    std::vector<texts_handle> texts;                /* of each */
};

inline bool is_hidden(const struct fk_xreader *r, std::size_t db, Xapian::docid docid) {
    return std::binary_search(r->hidden[db].begin(), r->hidden[db].end(), docid);
}

/* ---- queries */

/* How long the words that "a*" stands for have been looked up, all databases together. */
struct budget {
    std::atomic<int64_t> spent_ms{0};
    std::atomic<bool> is_cut{false};
};
/* A database and its texts, as long as they are searched. */
struct place {
    const Xapian::Database &db;
    struct fk_texts *texts;
    struct budget *expansion;
};
/* Made anew for each database, since what it is best made of depends on what is in it. */
using query_maker = std::function<Xapian::Query(const place &)>;
/* False where bounds that cost nothing to read say that nothing in the database matches. */
using query_bounds = std::function<bool(const Xapian::Database &)>;
struct fk_xquery {
    query_maker in;
    query_bounds may;  /* empty: always */
    std::string term;  /* where it is one term and nothing else; "" otherwise */
};

inline bool may_match(const query_bounds &may, const Xapian::Database &db) {
    return !may || may(db);
}
template <typename F> struct fk_xquery *query_of(F make) noexcept {
    try {
        return new fk_xquery{make(), {}, {}};
    } catch (...) {
        return nullptr;
    }
}
/* Of a term: all documents where it stands in each of them (xapian_query.cc). */
Xapian::Query query_of_term(const Xapian::Database &db, const std::string &term);
Xapian::Query everything();

#endif
#endif
