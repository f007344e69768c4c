/*
 * xapian_best_priv.h - of many hits the first ones: greatest sort value first, then greatest docid.
 *
 * A Best is one database's, and one thread's; First gathers those of all databases, and any thread
 * may ask it. C++; of xapian_survey.cc and xapian_order.cc.
 */
#ifndef FK_INDEXER_XAPIAN_BEST_PRIV_H
#define FK_INDEXER_XAPIAN_BEST_PRIV_H
#include "indexer/store/xapian_priv.h"
#ifdef __cplusplus
#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

using hit = struct fk_xhit;
/* Greatest key first, then greatest docid. */
inline bool is_before(const hit &a, const hit &b) {
    return a.key != b.key ? a.key > b.key : a.docid > b.docid;
}

inline uint64_t key_of(const std::string &value) {
    uint64_t key = 0;
    for (std::size_t i = 0; i < 8; i++)
        key = key << 8 | (i < value.size() ? static_cast<unsigned char>(value[i]) : 0);
    return key;
}

/* The sort values of documents that are asked for by ascending docid. Xapian's Document would look
 * each up anew, which was a third of a search (docs/performance.md). */
class Keys {
    Xapian::ValueIterator at, end;

  public:
    Keys(const Xapian::Database &db, unsigned slot)
        : at(db.valuestream_begin(slot)), end(db.valuestream_end(slot)) {
    }
    uint64_t of(Xapian::docid docid) {
        if (at != end && at.get_docid() < docid)
            at.skip_to(docid);
        return at != end && at.get_docid() == docid ? key_of(*at) : 0;
    }
};

/* Those of some hits that come first. Where docids ascend with time each hit is newer than all
 * before, so that a heap would be turned over at each: more are kept, and cut when they are many.
 */
class Best {
    enum { SPARE = 1000 };
    std::vector<hit> kept;
    std::size_t want;
    hit last{}; /* of `want` hits; all that comes after it is left out */
    bool is_full = false;

    void cut() {
        if (want == 0 || kept.size() < want)
            return;
        const auto nth = kept.begin() + static_cast<std::ptrdiff_t>(want) - 1;
        std::nth_element(kept.begin(), nth, kept.end(), is_before);
        last = *nth;
        is_full = true;
        kept.resize(want);
    }

  public:
    explicit Best(std::size_t wanted) : want(wanted) {
    }
    void add(const hit &h) {
        if (want == 0 || (is_full && !is_before(h, last)))
            return;
        kept.push_back(h);
        if (kept.size() >= want + SPARE)
            cut();
    }
    /* Of those wanted, in no order. */
    const std::vector<hit> &all() {
        cut();
        return kept;
    }
    /* No hit with a smaller key is wanted. */
    uint64_t least() const {
        return want == 0 ? UINT64_MAX : is_full ? last.key : 0;
    }
};

/* The first hits of all databases. */
class First {
    std::mutex lock;
    Best best;

  public:
    explicit First(std::size_t want) : best(want) {
    }
    uint64_t least() {
        const std::lock_guard<std::mutex> held(lock);
        return best.least();
    }
    void take(const std::vector<hit> &hits) {
        const std::lock_guard<std::mutex> held(lock);
        for (const hit &h : hits)
            best.add(h);
        (void)best.all();
    }
    std::vector<hit> sorted() {
        std::vector<hit> hits = best.all();
        std::sort(hits.begin(), hits.end(), is_before);
        return hits;
    }
};

/* Of what is found in a database, as many as are wanted: by its order, where it has one and that
 * costs less than reading their values; false where not. least: key of hits that are wanted. */
bool first_by_order(const place &in, order_aside &aside, const Documents &found,
                    Xapian::doccount total, const struct fk_xsurvey &ask, uint64_t least,
                    Best &best);

#endif
#endif
