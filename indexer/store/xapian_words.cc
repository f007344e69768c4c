/* xapian_words.cc - the words that a prefix, a pattern or a character stands for, as one set of
 * documents. */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/pattern.h"
#include "indexer/text/terms.h"

#include <chrono>

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
} // namespace

namespace {
enum word { WORD_IS_ONE, WORD_IS_NONE, WORD_HAS_PREFIX, WORD_IS_LAST };
} // namespace
/* Documents with any of the words after `head` that `is` takes, of texts and of Xapian's own terms.
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
                found.add_once(in, word);
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

/* A query for what `add` puts into a set. */
static struct fk_xquery *query_of_lists(const std::string &name, const query_lists &add) noexcept {
    return query_of([&](struct fk_xquery &q) {
        q.name = name;
        q.add = add;
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
                found.add_once(in, *t);
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
