/* xapian_words.cc - the words that a prefix, a pattern or a character stands for, as one list of
 * documents. */
#include "indexer/xapian_priv.h"
#include "indexer/pattern.h"
#include "indexer/terms.h"

#include <chrono>

Documents::Documents(const Xapian::Database &db) {
    const Xapian::PostingIterator all = db.postlist_begin("");
    if (all != db.postlist_end(""))
        first = *all;
    const Xapian::docid last = db.get_lastdocid();
    bits.resize(last >= first ? (last - first) / 64 + 1 : 0);
}

void Documents::add_all(const place &in, const std::string &term) {
    ticker watch(*in.spent);
    each_document(in.db, term, [&](Xapian::docid docid) {
        watch.step();
        add(docid);
        return true;
    });
}

void Documents::add_row(const std::string &bytes) {
    for (Row row(bytes); !row.at_end(); row.advance())
        add(row.docid());
}

void Documents::add(const Documents &others) {
    for (std::size_t i = 0; i < bits.size(); i++)
        bits[i] |= others.bits[i];
}

void Documents::keep(const Documents &others) {
    for (std::size_t i = 0; i < bits.size(); i++)
        bits[i] &= others.bits[i];
}

void Documents::take_out(const Documents &others) {
    for (std::size_t i = 0; i < bits.size(); i++)
        bits[i] &= ~others.bits[i];
}

bool Documents::is_empty() const {
    return std::all_of(bits.begin(), bits.end(), [](uint64_t word) { return word == 0; });
}

Xapian::doccount Documents::count() const {
    Xapian::doccount n = 0;
    for (const uint64_t word : bits)
        n += static_cast<Xapian::doccount>(__builtin_popcountll(word));
    return n;
}

Xapian::docid Documents::next(Xapian::docid docid) const {
    const std::size_t from = docid > first ? docid - first : 0;
    std::size_t i = from / 64;
    if (i >= bits.size())
        return 0;
    for (uint64_t word = bits[i] & ~uint64_t{0} << from % 64;; word = bits[i]) {
        if (word)
            return static_cast<Xapian::docid>(first + i * 64 +
                                              static_cast<std::size_t>(__builtin_ctzll(word)));
        if (++i == bits.size())
            return 0;
    }
}

namespace {
class stopwatch {
    struct budget &of;
    const std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

    int64_t ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now() - began)
            .count();
    }

  public:
    explicit stopwatch(struct budget &budget) : of(budget) {
    }
    stopwatch(const stopwatch &) = delete;
    stopwatch &operator=(const stopwatch &) = delete;
    ~stopwatch() {
        of.spent_ms += ms();
    }
    bool is_over() const {
        return of.spent_ms + ms() >= FK_XEXPANSION_MS;
    }
};
class OfDocuments : public Xapian::PostingSource {
    std::shared_ptr<const Documents> all;
    Xapian::doccount count;
    Xapian::docid at = 0;
    bool is_over = false;

  public:
    OfDocuments(std::shared_ptr<const Documents> documents, Xapian::doccount n)
        : all(std::move(documents)), count(n) {
    }
    OfDocuments *clone() const override {
        return new OfDocuments(all, count);
    }
    void init(const Xapian::Database &) override {
        at = 0;
        is_over = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return count;
    }
    Xapian::doccount get_termfreq_est() const override {
        return count;
    }
    Xapian::doccount get_termfreq_max() const override {
        return count;
    }
    void next(double weight) override {
        skip_to(at + 1, weight);
    }
    void skip_to(Xapian::docid docid, double) override {
        if (docid > at)
            at = all->next(docid);
        is_over = at == 0;
    }
    bool at_end() const override {
        return is_over;
    }
    Xapian::docid get_docid() const override {
        return at;
    }
};

} // namespace

Xapian::Query of_documents(const Xapian::Database &db,
                           const std::shared_ptr<const Documents> &documents) {
    const Xapian::doccount n = documents->count();
    if (n == 0)
        return Xapian::Query();
    return n == db.get_doccount() ? everything()
                                  : Xapian::Query((new OfDocuments(documents, n))->release());
}

namespace {
enum word { WORD_IS_ONE, WORD_IS_NONE, WORD_HAS_PREFIX, WORD_IS_LAST };
} // namespace
/* Documents with any of the words after `head` that `is` takes, of rows and of Xapian's own terms.
 * One list of documents is read after another, so that memory does not grow with the words; what is
 * over `max` words or the time for words is left out, and said. */
template <typename F>
static void any_word(const place &in, const std::string &head, unsigned max, F is,
                     Documents &found) {
    const stopwatch watch(*in.spent);
    unsigned n = 0, looked = 0;
    const auto look = [&](Xapian::TermIterator t, const Xapian::TermIterator &end) {
        while (t != end) {
            const std::string word = *t;
            const enum word what = is(word);
            if (what == WORD_IS_LAST)
                return;
            if ((what == WORD_IS_ONE && n == max) || (looked++ % 16 == 15 && watch.is_over())) {
                in.spent->is_cut = true;
                return;
            }
            if (what == WORD_IS_ONE) {
                found.add_all(in, word);
                n++;
            }
            if (what == WORD_HAS_PREFIX)
                t.skip_to("[");
            else
                ++t;
        }
    };
    look(in.db.metadata_keys_begin(head), in.db.metadata_keys_end(head));
    look(in.db.allterms_begin(head), in.db.allterms_end(head));
}

/* A query for what `add` puts into a list. */
static struct fk_xquery *query_of_lists(const std::string &name, const query_lists &add) noexcept {
    return query_of([&](struct fk_xquery &q) {
        q.name = name;
        q.add = add;
        q.in = [add](const place &in) {
            const auto found = std::make_shared<Documents>(in.db);
            in.spent->look();
            add(in, *found);
            return of_documents(in.db, found);
        };
    });
}

struct fk_xquery *fk_xquery_prefix(const char *prefix, size_t len, unsigned max) {
    return guarded_query([&] {
        const std::string p(prefix, len);
        return query_of_lists(name_of('P', {p}), [p, max](const place &in, Documents &found) {
            any_word(
                in, p, max, [](const std::string &) { return WORD_IS_ONE; }, found);
        });
    });
}

/* Those of one word, without those in which it is a variant. */
static void add_exactly(const place &in, const std::string &field, const std::string &mark,
                        const std::string &token, Documents &found) {
    Documents varied(in.db);
    varied.add_all(in, field + mark + token);
    each_document(in.db, field + token, [&](Xapian::docid docid) {
        if (!varied.has(docid))
            found.add(docid);
        return true;
    });
}

static void add_character(const place &in, const std::string &field, const std::string &character,
                          const std::string &mark, Documents &found) {
    const std::string head = field + character;
    const auto look = [&](Xapian::TermIterator t, const Xapian::TermIterator &end) {
        for (; t != end; ++t) {
            const std::string token = (*t).substr(field.size());
            in.spent->look();
            if (!fk_terms_begins_with(token.data(), token.size(), character.data(),
                                      character.size()))
                continue;
            if (mark.empty())
                found.add_all(in, *t);
            else
                add_exactly(in, field, mark, token, found);
        }
    };
    look(in.db.metadata_keys_begin(head), in.db.metadata_keys_end(head));
    look(in.db.allterms_begin(head), in.db.allterms_end(head));
}

struct fk_xquery *fk_xquery_character(const char *prefix_of_field, const char *character,
                                      size_t len, const char *varied) {
    return guarded_query([&] {
        const std::string f(prefix_of_field), c(character, len), mark(varied ? varied : "");
        return query_of_lists(name_of('C', {f, c, mark}),
                              [f, c, mark](const place &in, Documents &found) {
                                  add_character(in, f, c, mark, found);
                              });
    });
}

/* ---- patterns */

/* Looking stops at the first script that is cut into bigrams, which no pattern is about, and passes
 * over the fields that have a prefix where the one asked for has none. */
static const char *const PATTERN_END = "\xe3";

static void add_matching(const place &in, const std::string &field, const std::string &pattern,
                         unsigned max, Documents &found) {
    const std::string head = field + pattern.substr(0, pattern.find_first_of("*?"));
    const auto is = [&](const std::string &term) {
        if (field.empty() && term[0] >= 'A' && term[0] <= 'Z')
            return WORD_HAS_PREFIX;
        if (term.compare(field.size(), 1, PATTERN_END) >= 0)
            return WORD_IS_LAST;
        return fk_pattern_matches(pattern.data(), pattern.size(), term.data() + field.size(),
                                  term.size() - field.size())
                   ? WORD_IS_ONE
                   : WORD_IS_NONE;
    };
    any_word(in, head, max, is, found);
}

struct fk_xquery *fk_xquery_wildcard(const char *prefix_of_field, const char *pattern, size_t len,
                                     unsigned max) {
    return guarded_query([&] {
        const std::string f(prefix_of_field), p(pattern, len);
        return query_of_lists(name_of('W', {f, p}), [f, p, max](const place &in, Documents &found) {
            add_matching(in, f, p, max, found);
        });
    });
}
