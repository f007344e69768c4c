/* xapian_query.cc - queries that Xapian answers by itself: terms, AND, OR, NOT, ranges, domains. */
#include "indexer/xapian_priv.h"
#include "indexer/host.h"


/* A term that stands in every document of the database. Xapian 1.4 puts the list of all documents
 * in its place and names it by the term, after which that list looks for its further blocks under
 * the wrong name: "Unexpected end of posting list" where docids have gaps or do not begin at 1, as
 * they never do here. So such a term is asked for as what it is, all documents. */
static bool is_everywhere(const Xapian::Database &db, const std::string &term) {
    return !term.empty() && db.get_termfreq(term) == db.get_doccount();
}

Xapian::Query everything() {
    return Xapian::Query(std::string());
}

Xapian::Query query_of_term(const Xapian::Database &db, const std::string &term) {
    return is_everywhere(db, term) ? everything() : Xapian::Query(term);
}

static bool joined_may(Xapian::Query::op op, const fk_xquery &a, const fk_xquery &b,
                       const Xapian::Database &db) {
    if (op == Xapian::Query::OP_AND)
        return may_match(a.may, db) && may_match(b.may, db);
    return may_match(a.may, db) || (op == Xapian::Query::OP_OR && may_match(b.may, db));
}

template <Xapian::Query::op Op>
static struct fk_xquery *query_join(struct fk_xquery *a, struct fk_xquery *b) noexcept {
    struct fk_xquery *joined = nullptr;
    const std::unique_ptr<fk_xquery> own_a(a), own_b(b);
    try {
        if (a && b) {
            const auto both = std::make_shared<const std::pair<fk_xquery, fk_xquery>>(
                std::move(*a), std::move(*b));
            joined = new fk_xquery{[both](const place &in) {
                                       return Xapian::Query(Op, both->first.in(in),
                                                            both->second.in(in));
                                   },
                                   [both](const Xapian::Database &db) {
                                       return joined_may(Op, both->first, both->second, db);
                                   },
                                   {}};
        }
    } catch (...) {
    }
    return joined;
}

struct fk_xquery *fk_xquery_term(const char *term, size_t len) {
    struct fk_xquery *q = query_of([&] {
        return [t = std::string(term, len)](const place &in) { return query_of_term(in.db, t); };
    });
    try {
        if (q)
            q->term.assign(term, len);
    } catch (...) {
        fk_xquery_free(&q);
    }
    return q;
}

struct fk_xquery *fk_xquery_all(void) {
    return query_of([] { return [](const place &) { return everything(); }; });
}

struct fk_xquery *fk_xquery_nothing(void) {
    return query_of([] { return [](const place &) { return Xapian::Query(); }; });
}

struct fk_xquery *fk_xquery_and(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_AND>(a, b);
}

struct fk_xquery *fk_xquery_or(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_OR>(a, b);
}

struct fk_xquery *fk_xquery_and_not(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_AND_NOT>(a, b);
}

/* ---- domains */

/* Documents by a value of lines, one of which is to be outside of the domains. */
namespace {
class Outside : public Xapian::PostingSource {
    const Xapian::valueno slot;
    const std::vector<std::string> ours;
    Xapian::Database db;
    Xapian::ValueIterator at;
    bool begun = false;

    bool is_outside(const std::string &lines) const {
        for (std::size_t from = 0; from < lines.size();) {
            const std::size_t end = std::min(lines.find('\n', from), lines.size());
            const std::string domain = lines.substr(from, end - from);
            if (std::none_of(ours.begin(), ours.end(), [&](const std::string &d) {
                    return fk_host_is_below(domain.c_str(), d.c_str());
                }))
                return true;
            from = end + 1;
        }
        return false;
    }
    void settle() {
        while (at != db.valuestream_end(slot) && !is_outside(*at))
            ++at;
    }

  public:
    Outside(unsigned number, const std::vector<std::string> &domains)
        : slot(number), ours(domains) {
    }
    Outside *clone() const override {
        return new Outside(slot, ours);
    }
    void init(const Xapian::Database &database) override {
        db = database;
        at = db.valuestream_begin(slot);
        begun = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return 0;
    }
    Xapian::doccount get_termfreq_est() const override {
        return db.get_value_freq(slot) / 2;
    }
    Xapian::doccount get_termfreq_max() const override {
        return db.get_value_freq(slot);
    }
    void next(double) override {
        if (begun)
            ++at;
        begun = true;
        settle();
    }
    void skip_to(Xapian::docid docid, double) override {
        begun = true;
        at.skip_to(docid);
        settle();
    }
    bool at_end() const override {
        return at == db.valuestream_end(slot);
    }
    Xapian::docid get_docid() const override {
        return at.get_docid();
    }
};
} // namespace

struct fk_xquery *fk_xquery_outside(unsigned slot, const char *const *domains, size_t n) {
    return query_of([&] {
        return [slot,
                ours = std::vector<std::string>(domains, domains + n)](const place &) {
            return Xapian::Query((new Outside(slot, ours))->release());
        };
    });
}

/* An open lower end is the least value there can be, since to Xapian a document without the value
 * has the empty one. */
struct fk_xquery *fk_xquery_range(unsigned slot, const void *from, size_t from_len, const void *to,
                                  size_t to_len) {
    struct fk_xquery *q = query_of([&] {
        const std::string low = from_len ? std::string(static_cast<const char *>(from), from_len)
                                         : std::string(1, '\0');
        const std::string high(static_cast<const char *>(to), to_len);
        const Xapian::Query within =
            high.empty() ? Xapian::Query(Xapian::Query::OP_VALUE_GE, slot, low)
                         : Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, low, high);
        return [within](const place &) { return within; };
    });
    try {
        if (q)
            q->may = [slot, low = std::string(static_cast<const char *>(from), from_len),
                      high = std::string(static_cast<const char *>(to), to_len)](
                         const Xapian::Database &db) {
                return db.get_value_freq(slot) > 0 && db.get_value_upper_bound(slot) >= low &&
                       (high.empty() || db.get_value_lower_bound(slot) <= high);
            };
    } catch (...) {
        fk_xquery_free(&q);
    }
    return q;
}

/* The same query once more. */
struct fk_xquery *fk_xquery_copy(const struct fk_xquery *q) {
    try {
        return q ? new fk_xquery(*q) : nullptr;
    } catch (...) {
        return nullptr;
    }
}

void fk_xquery_free(struct fk_xquery **q) {
    delete *q;
    *q = nullptr;
}
