/* xapian_query.cc - terms, AND, OR and NOT as sets of documents, ranges and domains as Xapian's
 * queries, and what is both. */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/host.h"

#include <set>

Xapian::Query everything() {
    return Xapian::Query(std::string());
}

std::string name_of(char kind, std::initializer_list<std::string> texts) {
    std::string name(1, kind);
    for (const std::string &text : texts)
        name += std::to_string(text.size()) + ':' + text;
    return name;
}

bool fk_xquery::may_match(const place &where) const {
    const auto part_may = [&](const std::shared_ptr<const fk_xquery> &p) {
        return p->may_match(where);
    };
    switch (op) {
    case Xapian::Query::OP_AND:
        return std::all_of(parts.begin(), parts.end(), part_may);
    case Xapian::Query::OP_OR:
        return std::any_of(parts.begin(), parts.end(), part_may);
    case Xapian::Query::OP_AND_NOT:
        return part_may(parts.front());
    default:
        return !may || may(where);
    }
}

/* Alternatives that are no lists: more than these are matched one after another into one list of
 * documents. Side by side they are a tree to Xapian, perhaps as deep as they are many, and each
 * step goes through it. */
enum { QUERIES_BESIDE = 100 };

/* Each alternative once. */
static std::vector<const fk_xquery *>
once(const std::vector<std::shared_ptr<const fk_xquery>> &parts, std::size_t from) {
    std::set<std::string> names;
    std::vector<const fk_xquery *> all;
    for (std::size_t i = from; i < parts.size(); i++)
        if (parts[i]->name.empty() || names.insert(parts[i]->name).second)
            all.push_back(parts[i].get());
    return all;
}

static Xapian::Query any_of(const std::vector<std::shared_ptr<const fk_xquery>> &parts,
                            std::size_t from, const place &in) {
    std::vector<const fk_xquery *> others;
    std::vector<Xapian::Query> all;
    const auto found = std::make_shared<Documents>(in.db);
    for (const fk_xquery *p : once(parts, from))
        if (p->is_set(in))
            p->add_set(in, *found);
        else
            others.push_back(p);
    for (const fk_xquery *p : others) {
        in.spent->look();
        if (others.size() > QUERIES_BESIDE)
            match_all(in.db, p->made(in),
                      [&](const Xapian::Document &doc) { found->add(doc.get_docid()); });
        else
            all.push_back(p->made(in));
    }
    all.push_back(of_documents(in.db, found));
    return Xapian::Query(Xapian::Query::OP_OR, all.begin(), all.end());
}

/* Of the conditions, those that are sets are one. */
static Xapian::Query all_of(const std::vector<const fk_xquery *> &parts, const place &in) {
    std::vector<Xapian::Query> conditions;
    std::shared_ptr<Documents> found;
    for (const fk_xquery *p : parts)
        if (!p->is_set(in))
            conditions.push_back(p->made(in));
        else if (found)
            found->keep(p->set(in));
        else
            found = std::make_shared<Documents>(p->set(in));
    if (found)
        conditions.push_back(of_documents(in.db, found));
    return Xapian::Query(Xapian::Query::OP_AND, conditions.begin(), conditions.end());
}

Xapian::Query fk_xquery::made(const place &where) const {
    where.spent->look();
    if (is_set(where))
        return of_documents(where.db, std::make_shared<Documents>(set(where)));
    if (op == Xapian::Query::OP_INVALID)
        return in(where);
    if (op == Xapian::Query::OP_OR)
        return any_of(parts, 0, where);
    if (op == Xapian::Query::OP_AND_NOT)
        return Xapian::Query(op, parts.front()->made(where), any_of(parts, 1, where));
    std::vector<const fk_xquery *> conditions;
    for (const auto &p : parts)
        if (!p->all || !p->all(where))
            conditions.push_back(p.get());
    return conditions.empty() ? everything() : all_of(conditions, where);
}

const fk_xquery &fk_xquery::left_in(const place &where) const {
    const auto counts = [&](const fk_xquery &p) {
        return op == Xapian::Query::OP_AND ? !p.all || !p.all(where) : p.may_match(where);
    };
    const fk_xquery *left = nullptr;
    if (op != Xapian::Query::OP_AND && op != Xapian::Query::OP_OR)
        return *this;
    for (const auto &p : parts)
        if (counts(*p)) {
            if (left)
                return *this;
            left = p.get();
        }
    return left ? left->left_in(where) : *this;
}

bool fk_xquery::is_set(const place &where) const {
    if (op == Xapian::Query::OP_INVALID)
        return add && (!can || can(where));
    return std::all_of(parts.begin(), parts.end(),
                       [&](const std::shared_ptr<const fk_xquery> &p) { return p->is_set(where); });
}

void fk_xquery::add_set(const place &where, Documents &found) const {
    where.spent->look();
    if (op == Xapian::Query::OP_INVALID)
        add(where, found);
    else if (op == Xapian::Query::OP_OR)
        for (const fk_xquery *p : once(parts, 0))
            p->add_set(where, found);
    else
        found.add(set(where));
}

Documents fk_xquery::set(const place &where) const {
    Documents found(where.db);
    if (op != Xapian::Query::OP_AND && op != Xapian::Query::OP_AND_NOT) {
        add_set(where, found);
        return found;
    }
    parts.front()->add_set(where, found);
    for (std::size_t i = 1; i < parts.size() && !found.is_empty(); i++)
        if (op == Xapian::Query::OP_AND)
            found.keep(parts[i]->set(where));
        else
            found.take_out(parts[i]->set(where));
    return found;
}

/* b's alternatives or conditions one by one where it is a chain of this kind. */
static void parts_add(fk_xquery &to, Xapian::Query::op op, std::unique_ptr<fk_xquery> b) {
    if (b->op == op)
        to.parts.insert(to.parts.end(), b->parts.begin(), b->parts.end());
    else
        to.parts.emplace_back(std::move(b));
}

static struct fk_xquery *query_join(Xapian::Query::op op, struct fk_xquery *a,
                                    struct fk_xquery *b) noexcept {
    std::unique_ptr<fk_xquery> own_a(a), own_b(b);
    if (!a || !b)
        return nullptr;
    return guarded_query([&] {
        if (own_a->op != op) {
            std::unique_ptr<fk_xquery> joined(new fk_xquery);
            joined->op = op;
            joined->parts.emplace_back(std::move(own_a));
            own_a = std::move(joined);
        }
        parts_add(*own_a, op == Xapian::Query::OP_AND_NOT ? Xapian::Query::OP_OR : op,
                  std::move(own_b));
        return own_a.release();
    });
}

struct fk_xquery *fk_xquery_term(const char *term, size_t len) {
    return query_of([&](struct fk_xquery &q) {
        q.term.assign(term, len);
        q.name = name_of('T', {q.term});
        q.may = [t = q.term](const place &in) { return in.known.documents_with(t) > 0; };
        q.add = [t = q.term](const place &in, Documents &found) { found.add_all(in, t); };
    });
}

struct fk_xquery *fk_xquery_all(void) {
    return query_of([](struct fk_xquery &q) {
        q.add = [](const place &in, Documents &found) { found.add_all(in, std::string()); };
    });
}

struct fk_xquery *fk_xquery_nothing(void) {
    return query_of([](struct fk_xquery &q) { q.add = [](const place &, Documents &) {}; });
}

struct fk_xquery *fk_xquery_and(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join(Xapian::Query::OP_AND, a, b);
}

struct fk_xquery *fk_xquery_or(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join(Xapian::Query::OP_OR, a, b);
}

struct fk_xquery *fk_xquery_and_not(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join(Xapian::Query::OP_AND_NOT, a, b);
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
    return query_of([&](struct fk_xquery &q) {
        q.in = [slot, ours = std::vector<std::string>(domains, domains + n)](const place &) {
            return Xapian::Query((new Outside(slot, ours))->release());
        };
    });
}

/* Made anew for each database as all are: Xapian counts references without a lock, and databases
 * are read in parallel. An open lower end is the least value there can be, since to Xapian a
 * document without the value has the empty one. */
struct fk_xquery *fk_xquery_range(unsigned slot, const void *from, size_t from_len, const void *to,
                                  size_t to_len) {
    return query_of([&](struct fk_xquery &q) {
        const std::string low(static_cast<const char *>(from), from_len);
        const std::string high(static_cast<const char *>(to), to_len);
        const std::string least = low.empty() ? std::string(1, '\0') : low;
        q.in = [slot, least, high](const place &) {
            return high.empty() ? Xapian::Query(Xapian::Query::OP_VALUE_GE, slot, least)
                                : Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, least, high);
        };
        q.may = [slot, low, high](const place &in) {
            const Xapian::Database &db = in.db;
            return db.get_value_freq(slot) > 0 && db.get_value_upper_bound(slot) >= low &&
                   (high.empty() || db.get_value_lower_bound(slot) <= high);
        };
        q.all = [slot, least, high](const place &in) {
            const Xapian::Database &db = in.db;
            return db.get_value_freq(slot) == db.get_doccount() &&
                   db.get_value_lower_bound(slot) >= least &&
                   (high.empty() || db.get_value_upper_bound(slot) <= high);
        };
    });
}

/* The same query once more. */
struct fk_xquery *fk_xquery_copy(const struct fk_xquery *q) {
    return guarded_query([&] { return q ? new fk_xquery(*q) : nullptr; });
}

void fk_xquery_free(struct fk_xquery **q) {
    delete *q;
    *q = nullptr;
}
