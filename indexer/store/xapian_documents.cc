/* xapian_documents.cc - sets of documents: a bit for each docid of a database. */
#include "indexer/store/xapian_priv.h"

Documents::Documents(const Xapian::Database &db) {
    const Xapian::PostingIterator all = db.postlist_begin("");
    if (all != db.postlist_end(""))
        first = *all;
    const Xapian::docid last = db.get_lastdocid();
    bits.resize(last >= first ? (last - first) / 64 + 1 : 0);
}

void Documents::add_all(const place &in, const std::string &term) {
    ticker watch(*in.spent);
    in.known.each_document(term, [&](Xapian::docid docid) {
        watch.step();
        add(docid);
        return true;
    });
}

void Documents::add_once(const place &in, const std::string &word) {
    ticker watch(*in.spent);
    each_document(in.db, word, [&](Xapian::docid docid) {
        watch.step();
        add(docid);
        return true;
    });
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

/* Through the shorter one of the two: the term's own list, or these in it. */
Xapian::doccount Documents::count_of(const Xapian::Database &db, const std::string &term) const {
    enum { STEPS_A_SKIP = 8 };
    Xapian::doccount n = 0;
    Xapian::PostingIterator at = db.postlist_begin(term);
    const Xapian::PostingIterator end = db.postlist_end(term);
    if (db.get_termfreq(term) / STEPS_A_SKIP < count()) {
        for (; at != end; ++at)
            n += has(*at);
        return n;
    }
    for (Xapian::docid docid = next(0); docid && at != end; docid = next(docid + 1)) {
        at.skip_to(docid);
        n += at != end && *at == docid;
    }
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

/* ---- as a part of Xapian's queries */

namespace {
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
