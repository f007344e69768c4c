/* xapian_phrase.cc - terms that stand in a row or near: of the documents that have them all, those
 * whose text says so. */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/phrase_priv.h"

/* Documents in whose text a phrase stands. It is asked last, of those that all the rest of an AND
 * has: it says that it has every document, and the rarest is gone through. */
namespace {
class Verified : public Xapian::PostingSource {
    std::shared_ptr<const struct fk_phrase> phrase;
    struct fk_texts *texts;
    positions &stand;
    Known &known;
    struct budget *spent;
    Xapian::Database db;
    Xapian::docid at = 0;
    bool is_over = false;

    bool stands(Xapian::docid docid) const {
        spent->look();
        const auto blob = texts_get(texts, FK_TEXTS_ROWS, docid);
        size_t prefix_len, len;
        const char *prefix = fk_phrase_prefix(phrase.get(), &prefix_len);
        const uint8_t *row;
        return fk_texts_field(blob.first, blob.second, prefix, prefix_len, &row, &len) &&
               fk_phrase_stands(phrase.get(), row, len);
    }

  public:
    Verified(std::shared_ptr<const struct fk_phrase> what, const place &in)
        : phrase(std::move(what)), texts(in.texts), stand(in.stand), known(in.known),
          spent(in.spent), db(in.db) {
    }
    Verified *clone() const override {
        return new Verified(phrase, place{db, texts, stand, known, spent});
    }
    void init(const Xapian::Database &) override {
        at = 0;
        is_over = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return 0;
    }
    Xapian::doccount get_termfreq_est() const override {
        return db.get_doccount();
    }
    Xapian::doccount get_termfreq_max() const override {
        return db.get_doccount();
    }
    void next(double weight) override {
        skip_to(at + 1, weight);
    }
    void skip_to(Xapian::docid docid, double) override {
        Xapian::PostingIterator it = db.postlist_begin("");
        for (it.skip_to(docid); it != db.postlist_end(""); ++it)
            if (stands(*it)) {
                at = *it;
                return;
            }
        is_over = true;
    }
    bool check(Xapian::docid docid, double) override {
        if (!stands(docid))
            return false;
        at = docid;
        return true;
    }
    bool at_end() const override {
        return is_over;
    }
    Xapian::docid get_docid() const override {
        return at;
    }
};

struct phrase_freer {
    void operator()(const struct fk_phrase *p) const {
        struct fk_phrase *own = const_cast<struct fk_phrase *>(p);
        fk_phrase_free(&own);
    }
};
} // namespace

/* All of the terms, and then the text. */
static Xapian::Query verified(const std::vector<std::string> &terms,
                              const std::shared_ptr<const struct fk_phrase> &phrase,
                              const place &in) {
    const auto have_all = std::make_shared<Documents>(in.db);
    have_all->add_all(in, terms.front());
    for (std::size_t i = 1; i < terms.size() && !have_all->is_empty(); i++) {
        Documents have(in.db);
        have.add_all(in, terms[i]);
        have_all->keep(have);
    }
    if (have_all->is_empty())
        return Xapian::Query();
    Verified source(phrase, in);
    return Xapian::Query(Xapian::Query::OP_AND, of_documents(in.db, have_all),
                         Xapian::Query(&source));
}

/* The tokens of a term, each with its prefix: each document has to have them all. */
static void filter_add(std::vector<std::string> &out, const std::string &term) {
    const std::string prefix = term.substr(0, fk_phrase_prefix_of(term.data(), term.size()));
    for (std::size_t at = prefix.size(); at < term.size();) {
        const std::size_t stop = std::min(term.find(' ', at), term.size());
        const std::string one = prefix + term.substr(at, stop - at);
        if (std::find(out.begin(), out.end(), one) == out.end())
            out.push_back(one);
        at = stop + 1;
    }
}

/* Where one is in no document, nothing is to be looked at. */
static bool are_there(const std::vector<std::string> &terms, const place &in) {
    return std::all_of(terms.begin(), terms.end(),
                       [&](const std::string &term) { return in.known.documents_with(term) > 0; });
}

static std::vector<std::string> in_row(const char *const *terms, const size_t *lens, size_t n) {
    std::vector<std::string> row;
    for (size_t i = 0; i < n; i++)
        row.emplace_back(terms[i], lens[i]);
    return row;
}

static struct fk_xquery *query_verified(const char *const *terms, const size_t *lens, size_t n,
                                        unsigned window, struct fk_phrase *made) {
    if (!made)
        return nullptr;
    return query_of([&](struct fk_xquery &q) {
        std::shared_ptr<const struct fk_phrase> phrase(made, phrase_freer());
        std::vector<std::string> all;
        q.name = name_of('V', {std::to_string(window)});
        for (size_t i = 0; i < n; i++) {
            const std::string term(terms[i], lens[i]);
            filter_add(all, term);
            q.name += name_of('T', {term});
        }
        q.may = [all](const place &in) { return are_there(all, in); };
        q.in = [all, phrase](const place &in) { return verified(all, phrase, in); };
        if (window)
            return;
        const std::vector<std::string> row = in_row(terms, lens, n);
        q.can = [all, row](const place &in) {
            return !are_there(all, in) || positions_have(in, row);
        };
        q.add = [all, row](const place &in, Documents &found) {
            if (are_there(all, in))
                add_by_positions(in, row, found);
        };
    });
}

struct fk_xquery *fk_xquery_phrase(const char *const *terms, const size_t *lens, size_t n) {
    return n == 1 ? fk_xquery_term(terms[0], lens[0])
                  : query_verified(terms, lens, n, 0, fk_phrase_new(terms, lens, n));
}

struct fk_xquery *fk_xquery_near(const char *const *terms, const size_t *lens, size_t n,
                                 unsigned window) {
    const unsigned within = window ? window : 1;
    return query_verified(terms, lens, n, within, fk_phrase_near(terms, lens, n, within));
}
