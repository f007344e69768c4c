/* xapian_survey.cc - one pass over all that matches: counts, and the first hits. */
#include "indexer/store/xapian_best_priv.h"
#include "indexer/store/xapian_priv.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace {
/* Xapian shows it every hit, by ascending docid. */
class Taking : public Xapian::MatchSpy {
    const std::function<void(const Xapian::Document &)> &take;

  public:
    explicit Taking(const std::function<void(const Xapian::Document &)> &fn) : take(fn) {
    }
    void operator()(const Xapian::Document &doc, double) override {
        take(doc);
    }
};

place place_of(struct fk_xreader *r, std::size_t i, Known &known, struct budget *spent) {
    return place{r->dbs[i], r->texts[i].get(), r->stand[i], known, spent};
}

Documents found_in(const fk_xquery &query, const place &in) {
    if (query.is_set(in))
        return query.set(in);
    Documents found(in.db);
    ticker watch(*in.spent);
    match_all(in.db, query.made(in), [&](const Xapian::Document &doc) {
        watch.step();
        found.add(doc.get_docid());
    });
    return found;
}

/* Several times where it is watched several times. */
uint64_t watched_in(const Documents &found, const struct fk_xsurvey &ask) {
    uint64_t n = 0;
    for (std::size_t i = 0; i < ask.watched_count; i++)
        n += ask.watched[i] <= UINT32_MAX && found.has(static_cast<Xapian::docid>(ask.watched[i]));
    return n;
}

/* What one database adds to the sums. */
struct counts {
    Xapian::doccount total;
    uint64_t seen;
    std::vector<uint64_t> with; /* of each flag */
};

counts counts_of(const Documents &found, const Xapian::Database &db, const struct fk_xsurvey &ask) {
    counts c{found.count(), watched_in(found, ask), {}};
    for (std::size_t i = 0; i < ask.flag_count; i++)
        c.with.push_back(c.total > 0 ? found.count_of(db, ask.flags[i]) : 0);
    return c;
}

void first_by_value(const place &in, const Documents &found, const struct fk_xsurvey &ask,
                    uint64_t least, Best &best) {
    Keys keys(in.db, ask.sort_slot);
    ticker watch(*in.spent);
    for (Xapian::docid docid = found.next(0); docid; docid = found.next(docid + 1)) {
        watch.step();
        const hit h = {keys.of(docid), docid};
        if (h.key >= least && (!ask.has_after || is_before(ask.after, h)))
            best.add(h);
    }
}

class Survey {
    struct fk_xreader *r;
    const struct fk_xquery *q;
    struct fk_xsurvey &s;
    struct budget spent;
    First first;
    std::vector<std::size_t> order; /* databases, those with the newest first */
    std::atomic<std::size_t> next{0};
    std::mutex lock; /* of the sums, and of what went wrong */
    std::exception_ptr wrong;

    /* Whether some in this database may be among the first. */
    bool wants_of(const Xapian::Database &db) {
        return s.want > 0 && key_of(db.get_value_upper_bound(s.sort_slot)) >= first.least();
    }
    /* The term's list says it. */
    bool count_is_known(std::size_t i, const fk_xquery &left) {
        return !left.term.empty() && s.flag_count + s.watched_count == 0 && r->hidden[i].empty() &&
               !wants_of(r->dbs[i]);
    }
    void first_of(std::size_t i, const place &here, const Documents &found,
                  Xapian::doccount total) {
        const uint64_t least = first.least();
        if (total == 0 || !wants_of(here.db))
            return;
        Best best(s.want);
        if (!first_by_order(here, r->orders[i], found, total, s, least, best))
            first_by_value(here, found, s, least, best);
        first.take(best.all());
    }
    void add(const counts &c) {
        const std::lock_guard<std::mutex> held(lock);
        s.total += c.total;
        s.seen += c.seen;
        for (std::size_t i = 0; i < c.with.size(); i++)
            s.with[i] += c.with[i];
    }
    void count(std::size_t i) {
        Known known(r->dbs[i]);
        const place here = place_of(r, i, known, &spent);
        if (!q->may_match(here))
            return;
        const fk_xquery &left = q->left_in(here);
        if (count_is_known(i, left))
            return add({known.documents_with(left.term), 0, {}});
        Documents found = found_in(left, here);
        for (const Xapian::docid docid : r->hidden[i])
            found.drop(docid);
        const counts c = counts_of(found, here.db, s);
        first_of(i, here, found, c.total);
        add(c);
    }
    void work() noexcept {
        try {
            for (std::size_t i; (i = next++) < order.size();)
                count(order[i]);
        } catch (...) {
            const std::lock_guard<std::mutex> held(lock);
            if (!wrong)
                wrong = std::current_exception();
            next = order.size();
        }
    }
    /* Few documents are counted before a thread has begun. */
    std::size_t threads() const {
        uint64_t documents = 0;
        for (const std::size_t i : order)
            documents += r->dbs[i].get_doccount();
        const std::size_t most = s.threads ? s.threads
                                 : documents < FK_XSURVEY_ALONE
                                     ? 1
                                     : std::thread::hardware_concurrency();
        return std::max<std::size_t>(1, std::min(most, order.size()));
    }

  public:
    Survey(struct fk_xreader *reader, const struct fk_xquery *query, struct fk_xsurvey &survey)
        : r(reader), q(query), s(survey), spent(reader), first(survey.want) {
        std::vector<std::pair<std::string, std::size_t>> by_newest;
        for (std::size_t i = 0; i < r->dbs.size(); i++)
            by_newest.emplace_back(r->dbs[i].get_value_upper_bound(s.sort_slot), i);
        std::sort(by_newest.rbegin(), by_newest.rend());
        for (const auto &one : by_newest)
            order.push_back(one.second);
    }
    /* Who cannot have another thread does it alone. */
    void run() {
        std::vector<std::thread> others;
        try {
            for (std::size_t n = threads(); others.size() + 1 < n;)
                others.emplace_back([this] { work(); });
        } catch (const std::system_error &) {
        }
        work();
        for (std::thread &t : others)
            t.join();
        if (wrong)
            std::rethrow_exception(wrong);
        s.is_cut = spent.is_cut;
    }
    void hits_into() {
        const std::vector<hit> hits = first.sorted();
        s.hits = static_cast<hit *>(malloc(hits.size() * sizeof *s.hits + 1));
        if (!s.hits)
            throw std::bad_alloc();
        std::copy(hits.begin(), hits.end(), s.hits);
        s.hit_count = hits.size();
    }
};
} // namespace

void match_all(const Xapian::Database &db, const Xapian::Query &query,
               const std::function<void(const Xapian::Document &)> &take) {
    Xapian::Enquire enquire(db);
    enquire.set_query(query);
    enquire.set_weighting_scheme(Xapian::BoolWeight());
    enquire.set_docid_order(Xapian::Enquire::ASCENDING);
    Taking spy(take);
    enquire.add_matchspy(&spy);
    (void)enquire.get_mset(0, 0, db.get_doccount());
}

enum fk_status fk_xreader_survey(struct fk_xreader *r, const struct fk_xquery *q,
                                 struct fk_xsurvey *s, struct fk_err *err) {
    fk_xsurvey_free(s);
    s->total = s->seen = 0;
    s->is_cut = false;
    memset(s->with, 0, sizeof s->with);
    if (!q)
        return fk_fail(err, FK_NOMEM, "the query could not be built: out of memory");
    if (s->flag_count > FK_XFLAGS_MAX)
        return fk_fail(err, FK_INVALID, "%zu terms to be counted are over the limit of %d",
                       s->flag_count, FK_XFLAGS_MAX);
    return guarded("cannot search the index", err, [&] {
        Survey survey(r, q, *s);
        survey.run();
        survey.hits_into();
        return FK_OK;
    });
}

void fk_xsurvey_free(struct fk_xsurvey *s) {
    free(s->hits);
    s->hits = nullptr;
    s->hit_count = 0;
}

enum fk_status fk_xreader_search(struct fk_xreader *r, const struct fk_xquery *q,
                                 unsigned sort_slot, uint64_t offset, size_t limit,
                                 struct fk_xhits *out, struct fk_err *err) {
    struct fk_xsurvey s = {};
    if (limit > FK_XHITS_MAX)
        return fk_fail(err, FK_INVALID, "%zu hits at once are over the limit of %d", limit,
                       FK_XHITS_MAX);
    s.sort_slot = sort_slot;
    s.want = limit ? static_cast<size_t>(offset) + limit : 0;
    const enum fk_status st = fk_xreader_survey(r, q, &s, err);
    out->count = 0;
    out->total = s.total;
    for (size_t i = static_cast<size_t>(offset); st == FK_OK && i < s.hit_count; i++)
        out->docids[out->count++] = s.hits[i].docid;
    fk_xsurvey_free(&s);
    return st;
}

/* The value that a document has in a stream that is read along; empty where it has none. */
static std::string value_at(Xapian::ValueIterator &it, const Xapian::ValueIterator &end,
                            Xapian::docid docid) {
    if (it == end)
        return std::string();
    it.skip_to(docid);
    return it != end && it.get_docid() == docid ? *it : std::string();
}

enum fk_status fk_xreader_each(struct fk_xreader *r, const struct fk_xquery *q, unsigned first_slot,
                               unsigned second_slot, fk_xmatch_fn fn, void *ctx,
                               struct fk_err *err) {
    if (!q)
        return fk_fail(err, FK_NOMEM, "the query could not be built: out of memory");
    return guarded("cannot search the index", err, [&] {
        enum fk_status st = FK_OK;
        struct budget spent(r);
        ticker watch(spent);
        for (std::size_t i = 0; i < r->dbs.size() && st == FK_OK; i++) {
            const Xapian::Database &db = r->dbs[i];
            Known known(db);
            Xapian::Enquire enquire(db);
            enquire.set_query(q->made(place_of(r, i, known, &spent)));
            enquire.set_weighting_scheme(Xapian::BoolWeight());
            enquire.set_docid_order(Xapian::Enquire::ASCENDING);
            const Xapian::MSet all = enquire.get_mset(0, db.get_doccount());
            Xapian::ValueIterator first = db.valuestream_begin(first_slot),
                                  second = db.valuestream_begin(second_slot);
            const Xapian::ValueIterator first_end = db.valuestream_end(first_slot),
                                        second_end = db.valuestream_end(second_slot);
            for (Xapian::MSetIterator m = all.begin(); m != all.end() && st == FK_OK; ++m) {
                watch.step();
                if (is_hidden(r, i, *m))
                    continue;
                const std::string a = value_at(first, first_end, *m),
                                  b = value_at(second, second_end, *m);
                const struct fk_xmatch match = {*m, a.data(), b.data(), a.size(), b.size()};
                st = fn(ctx, &match, err);
            }
        }
        return st;
    });
}
