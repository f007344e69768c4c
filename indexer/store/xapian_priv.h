/*
 * xapian_priv.h - what the files of the shim share. It is C++; all others include xapian_shim.h.
 *
 *     xapian_error.cc      what is thrown, as a status
 *     xapian_texts.cc      the text store beside a database
 *     xapian_postings.cc   which documents have a word of a text
 *     xapian_positions.cc  where common words stand, for phrases of them
 *     xapian_order.cc      documents in the order of a value, for the first of many hits
 *     xapian_write.cc      the writer, its documents, merging
 *     xapian_read.cc       the reader: documents by number, term or value
 *     xapian_documents.cc  sets of documents
 *     xapian_query.cc      terms, AND, OR, NOT, ranges, domains
 *     xapian_phrase.cc     what stands in a row or near, held against the text
 *     xapian_words.cc      what a prefix, a pattern, a character stands for
 *     xapian_survey.cc     one pass over what matches
 *
 * Every entry of the shim is noexcept: guarded() runs a piece of Xapian and hands whatever is
 * thrown to map_exception. Written for Xapian 1.4.22 and newer.
 */
#ifndef FK_INDEXER_XAPIAN_PRIV_H
#define FK_INDEXER_XAPIAN_PRIV_H
#include "base/clock.h"
#include "indexer/store/order_priv.h"
#include "indexer/store/positions_priv.h"
#include "indexer/store/xapian_shim.h"
#ifdef __cplusplus
#include <algorithm>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#include <xapian.h>

/* ---- errors (xapian_error.cc) */

/* A status of the house's own, on its way through Xapian. */
struct failure {
    enum fk_status st;
    struct fk_err err;
};

inline void checked(enum fk_status st, const struct fk_err &err) {
    if (st != FK_OK)
        throw failure{st, err};
}

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
enum fk_status into_buf(const void *text, size_t len, struct fk_buf *out, struct fk_err *err);
inline enum fk_status into_buf(const std::string &text, struct fk_buf *out, struct fk_err *err) {
    return into_buf(text.data(), text.size(), out, err);
}
/* A field of a blob, appended; nothing where it has none. */
enum fk_status field_into(const uint8_t *blob, size_t blob_len, const char *prefix,
                          struct fk_buf *out, struct fk_err *err);

/* ---- posting lists (xapian_postings.cc) */

/* The documents of a word, ascending; the list's bytes are borrowed. Thrown: DatabaseCorruptError.
 */
class Postings {
    friend class Joiner;
    const uint8_t *at, *end;
    Xapian::docid current = 0, left = 0;

    Xapian::docid number();

  public:
    Xapian::docid count = 0, first = 0, last = 0;

    explicit Postings(const std::string &bytes); /* "": of none */
    bool at_end() const {
        return left == 0;
    }
    Xapian::docid docid() const {
        return current;
    }
    void advance();
};
std::string postings_made(const Xapian::docid *docids, std::size_t n);
/* Of a word or a term of Xapian's own. */
Xapian::doccount documents_with(const Xapian::Database &db, const std::string &term);
/* The same documents, ascending, as long as fn says so. bytes: the list of a word. */
template <typename F>
void each_in(const Xapian::Database &db, const std::string &term, const std::string &bytes, F fn) {
    if (bytes.empty()) {
        for (auto it = db.postlist_begin(term); it != db.postlist_end(term); ++it)
            if (!fn(*it))
                return;
        return;
    }
    for (Postings list(bytes); !list.at_end(); list.advance())
        if (!fn(list.docid()))
            return;
}
template <typename F>
void each_document(const Xapian::Database &db, const std::string &term, F fn) {
    each_in(db, term, term.empty() ? term : db.get_metadata(term), fn);
}

/* What was looked up in a database, as long as it is searched: a field without a word is asked for
 * it more than once, and a common word's list is long. Of many words, not all lists are kept. */
class Known {
    enum { KEPT_BYTES = 4 << 20 };
    struct list {
        Xapian::doccount documents;
        bool is_kept;
        std::string bytes; /* of a word; empty: a term of Xapian's own, or none */
    };
    const Xapian::Database &db;
    std::unordered_map<std::string, list> lists;
    std::size_t kept = 0; /* bytes */

    const list &of(const std::string &term);

  public:
    std::unordered_map<std::string, bool> stand; /* whether positions tell where it stands */

    explicit Known(const Xapian::Database &database) : db(database) {
    }
    Xapian::doccount documents_with(const std::string &term) {
        return of(term).documents;
    }
    template <typename F> void each_document(const std::string &term, F fn) {
        const list &l = of(term);
        if (l.documents > 0 && l.is_kept)
            each_in(db, term, l.bytes, fn);
        else if (l.documents > 0)
            ::each_document(db, term, fn);
    }
};

/* Posting lists of databases that are merged; common words that more than one of them has are
 * remembered. */
class Joiner : public Xapian::Compactor {
  public:
    const Xapian::doccount least; /* documents that a word is remembered for */
    std::vector<std::string> words;
    explicit Joiner(Xapian::doccount n) : least(n) {
    }
    std::string resolve_duplicate_metadata(const std::string &word, std::size_t n,
                                           const std::string lists[]) override;
};

/* Words of documents that are not committed yet: each once, with a number by which documents have
 * it. They are found by a hash in a table of powers of two; since whose words they are may choose
 * them, it begins with numbers that nobody knows. */
class Words {
    enum { MOST = 245 };
    struct slot {
        uint64_t head;   /* the first eight bytes: most words have no more */
        uint32_t tag;    /* 24 bits of the hash, and the length */
        uint32_t number; /* one more than the word's; 0: free */
    };
    struct key {
        const char *word; /* borrowed */
        std::size_t len;
        uint64_t head;
        uint32_t tag; /* as the slot's */
    };
    std::string names;                  /* of all words, one behind the other */
    std::vector<std::size_t> begins{0}; /* of each in it, and where the last one ends */
    std::vector<slot> slots;
    std::map<Xapian::docid, std::vector<uint32_t>> documents;
    std::set<Xapian::docid> replaced; /* their words in the database count no more */

    struct lists;
    std::size_t count() const {
        return begins.size() - 1;
    }
    std::size_t len_of(uint32_t number) const {
        return begins[number + 1] - begins[number];
    }
    std::string name(uint32_t number) const {
        return names.substr(begins[number], len_of(number));
    }
    void grow();
    uint32_t number_of(const key &k);
    std::vector<uint32_t> numbers_of(const std::vector<key> &keys);
    lists turned_over() const;
    std::vector<uint32_t> sorted() const;
    void take_out(Xapian::WritableDatabase &db) const;

  public:
    /* One more word of a document, as put takes them. */
    static void add(std::string &to, const char *word, std::size_t len);
    void put(Xapian::docid docid, const std::string &words);
    void drop(Xapian::docid docid);
    void write(Xapian::WritableDatabase &db); /* and is empty again */
};

/* ---- files beside a database (aside_priv.h) */

/* Opened when it is first asked for, since most questions ask for none. */
template <typename T, enum fk_status (*open)(const char *, T **, struct fk_err *),
          void (*close)(T **)>
class aside {
    struct closer {
        void operator()(T *t) const {
            close(&t);
        }
    };
    std::string dir;
    bool is_open = false;
    std::unique_ptr<T, closer> handle;

  public:
    explicit aside(const std::string &of) : dir(of) {
    }
    /* NULL: it has none. */
    T *get() {
        if (!is_open) {
            T *t = nullptr;
            struct fk_err err = FK_ERR_INIT;
            const enum fk_status st = open(dir.c_str(), &t, &err);
            if (st != FK_NOT_FOUND)
                checked(st, err);
            handle.reset(t);
        }
        is_open = true;
        return handle.get();
    }
};
using positions = aside<struct fk_positions, fk_positions_open, fk_positions_close>;
using order_aside = aside<struct fk_order, fk_order_open, fk_order_close>;

/* ---- positions (xapian_positions.cc) */

/* So many documents make a word common. */
Xapian::doccount positions_least(const Xapian::Database &db);
/* Of a database that was made of others: of its common words, which are some of those that were
 * joined; where none was, of all. */
void positions_merge(const std::string &dir, const std::vector<std::string> &joined);

/* ---- the order of documents (xapian_order.cc) */

/* What a document is sorted by. */
uint64_t sort_key(const Xapian::Document &doc, Xapian::valueno slot);
/* Of a database that was made of others. */
void order_merge(const std::string &dir, Xapian::valueno slot);

/* ---- documents and readers */

/* One that was read knows where its texts are. */
struct fk_xdoc {
    Xapian::Document doc;
    bool has_texts = true; /* its own, and words; otherwise those that are stored stay */
    std::string words;     /* as Words::put takes them */
    std::map<std::string, std::string> texts[FK_TEXTS_FIELDED];
    bool has_record = true; /* its own; otherwise the one that is stored stays */
    std::string record;
    std::function<std::string(enum fk_texts_kind)> stored;
};

struct fk_xreader {
    std::vector<Xapian::Database> dbs;                       /* in the order of their docids */
    std::vector<std::vector<Xapian::docid>> hidden;          /* of each; those that are in it */
    std::vector<texts_handle> texts;                         /* of each */
    std::vector<positions> stand;                            /* of each: where common words stand */
    std::vector<order_aside> orders;                         /* of each */
    std::map<Xapian::docid, std::vector<std::string>> words; /* once a document is dumped */
    int64_t until_ms = INT64_MAX; /* by fk_monotonic_ms: no search goes on */
};

inline bool is_hidden(const struct fk_xreader *r, std::size_t db, Xapian::docid docid) {
    return std::binary_search(r->hidden[db].begin(), r->hidden[db].end(), docid);
}

/* ---- queries */

/* What one search may cost, all databases together. */
struct budget {
    const int64_t until_ms;           /* as in the reader */
    std::atomic<int64_t> spent_ms{0}; /* looking up the words that "a*" stands for */
    std::atomic<bool> is_cut{false};

    explicit budget(const struct fk_xreader *r) : until_ms(r->until_ms) {
    }
    void look() const {
        if (fk_monotonic_ms() >= until_ms)
            throw_over();
    }
    [[noreturn]] static void throw_over();
};
/* Looks at the clock once in so many steps. */
class ticker {
    const struct budget &of;
    unsigned steps = 0;

  public:
    static constexpr unsigned STEPS = 1024;
    explicit ticker(const struct budget &budget) : of(budget) {
    }
    void step() {
        if (++steps % STEPS == 0)
            of.look();
    }
};
/* A database and its texts, as long as they are searched. */
struct place {
    const Xapian::Database &db;
    struct fk_texts *texts;
    positions &stand;
    class Known &known;
    struct budget *spent;
};
/* Made anew for each database, since what it is best made of depends on what is in it. */
using query_maker = std::function<Xapian::Query(const place &)>;
/* False where bounds, which cost little to read, say that nothing in the database matches. */
using query_bounds = std::function<bool(const place &)>;
/* Adds all that match, by reading lists of documents one after another. */
using query_lists = std::function<void(const place &, class Documents &)>;
/* Whether that can be done in this database. */
using query_can = std::function<bool(const place &)>;
struct fk_xquery {
    query_maker in;   /* empty: it is always added */
    query_lists add;  /* empty: it is no such thing */
    query_can can;    /* empty: everywhere */
    query_bounds may; /* empty: always */
    query_bounds all; /* true: everything in the database matches; empty: who knows */
    std::string name; /* of equal ones it is the same; "": of nothing else */
    std::string term; /* where it is one term and nothing else; "" otherwise */
    /* AND, OR: of all these; AND_NOT: the first, without the others. Chains are flat: Xapian goes
     * through a tree in a time that is the square of its depth. */
    Xapian::Query::op op = Xapian::Query::OP_INVALID;
    std::vector<std::shared_ptr<const fk_xquery>> parts;

    Xapian::Query made(const place &in) const;
    bool may_match(const place &in) const;
    /* What is left to ask in this database, without conditions that all in it meet and words that
     * are nowhere in it: one of the parts, or the whole. */
    const fk_xquery &left_in(const place &in) const;
    /* Whether it is sums, sections and differences of lists. Made so it costs less than by Xapian,
     * which makes a document of each hit, and no list is held open beside another. */
    bool is_set(const place &in) const;
    void add_set(const place &in, class Documents &found) const;
    class Documents set(const place &in) const;
};

/* What a piece makes; NULL where something is thrown, which can be lack of memory alone. */
template <typename F> struct fk_xquery *guarded_query(F piece) noexcept {
    try {
        return piece();
    } catch (...) {
        return nullptr;
    }
}
template <typename F> struct fk_xquery *query_of(F fill) noexcept {
    return guarded_query([&] {
        std::unique_ptr<fk_xquery> q(new fk_xquery);
        fill(*q);
        return q.release();
    });
}
/* The kind, and each text with its length, so that different ones have different names. */
std::string name_of(char kind, std::initializer_list<std::string> texts);
Xapian::Query everything();

/* ---- sets of documents (xapian_documents.cc) */

/* Documents of one database, a bit for each docid. */
class Documents {
    Xapian::docid first = 1;
    std::vector<uint64_t> bits;

  public:
    explicit Documents(const Xapian::Database &db);
    void add(Xapian::docid docid) {
        const std::size_t at = (docid - first) / 64;
        if (at >= bits.size())
            throw Xapian::DatabaseCorruptError("a posting list has a document that is not there");
        bits[at] |= uint64_t{1} << (docid - first) % 64;
    }
    void add_all(const place &in, const std::string &term);
    void add_once(const place &in, const std::string &word); /* one that is not looked up again */
    void add_postings(const std::string &bytes);
    void drop(Xapian::docid docid) {
        if (has(docid))
            bits[(docid - first) / 64] &= ~(uint64_t{1} << (docid - first) % 64);
    }
    bool has(Xapian::docid docid) const {
        return docid >= first && (docid - first) / 64 < bits.size() &&
               bits[(docid - first) / 64] >> (docid - first) % 64 & 1;
    }
    void add(const Documents &others);  /* of the same database, as below */
    void keep(const Documents &others); /* those that are among these too */
    void take_out(const Documents &others);
    bool is_empty() const;
    Xapian::doccount count() const;
    Xapian::doccount count_of(const Xapian::Database &db, const std::string &term) const;
    Xapian::docid next(Xapian::docid docid) const; /* from docid on; 0 none */
};
Xapian::Query of_documents(const Xapian::Database &db,
                           const std::shared_ptr<const Documents> &documents);

/* ---- phrases by positions (xapian_positions.cc) */

/* Whether each of the words has positions here, and where they stand at consecutive ones. */
bool positions_have(const place &in, const std::vector<std::string> &words);
void add_by_positions(const place &in, const std::vector<std::string> &words, Documents &found);

/* ---- what matches (xapian_survey.cc) */

/* Every document, ascending, with its values. */
void match_all(const Xapian::Database &db, const Xapian::Query &query,
               const std::function<void(const Xapian::Document &)> &take);

#endif
#endif
