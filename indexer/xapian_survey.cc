/* xapian_survey.cc - one pass over all that matches: counts, and the first hits. */
#include "indexer/xapian_best_priv.h"
#include "indexer/xapian_priv.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace {
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

/* A list of documents that is gone through beside the hits. */
struct beside {
    Xapian::PostingIterator at, end;
    bool has(Xapian::docid docid) {
        if (at == end)
            return false;
        if (*at < docid)
            at.skip_to(docid);
        return at != end && *at == docid;
    }
};

/* What one database adds; hits come by ascending docid. */
class Counts {
    const struct fk_xsurvey &ask;
    const std::vector<Xapian::docid> &hidden;
    std::vector<beside> flags;
    Best best;
    Keys keys;
    std::size_t next_hidden = 0, next_watched = 0;
    uint64_t least; /* key of hits that are wanted */
    ticker watch;
    bool reads_keys;

    bool is_hidden(Xapian::docid docid) {
        while (next_hidden < hidden.size() && hidden[next_hidden] < docid)
            next_hidden++;
        return next_hidden < hidden.size() && hidden[next_hidden] == docid;
    }
    void watched(Xapian::docid docid) {
        while (next_watched < ask.watched_count && ask.watched[next_watched] < docid)
            next_watched++;
        for (; next_watched < ask.watched_count && ask.watched[next_watched] == docid;
             next_watched++)
            seen++;
    }

  public:
    uint64_t total = 0, seen = 0;
    std::vector<uint64_t> with;

    Counts(const struct fk_xsurvey &survey, const Xapian::Database &db,
           const std::vector<Xapian::docid> &hidden_ones, uint64_t least_key,
           const struct budget &spent)
        : ask(survey), hidden(hidden_ones), best(survey.want), keys(db, survey.sort_slot),
          least(least_key), watch(spent),
          reads_keys(survey.want > 0 &&
                     key_of(db.get_value_upper_bound(survey.sort_slot)) >= least_key),
          with(survey.flag_count) {
        for (std::size_t i = 0; i < survey.flag_count; i++)
            flags.push_back({db.postlist_begin(survey.flags[i]), db.postlist_end(survey.flags[i])});
    }
    bool wants_keys() const {
        return reads_keys;
    }
    void take(Xapian::docid docid) {
        watch.step();
        if (is_hidden(docid))
            return;
        total++;
        for (std::size_t i = 0; i < flags.size(); i++)
            with[i] += flags[i].has(docid);
        watched(docid);
        if (!reads_keys)
            return;
        const hit h = {keys.of(docid), docid};
        if (h.key >= least && (!ask.has_after || is_before(ask.after, h)))
            best.add(h);
    }
    const std::vector<hit> &first() {
        return best.all();
    }
};

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

/* One term: its list is all there is to read. */
static void count_term(const Xapian::Database &db, const std::string &term, Counts &counts) {
    each_document(db, term, [&](Xapian::docid docid) {
        counts.take(docid);
        return true;
    });
}

static void count_set(const Documents &found, Counts &counts) {
    for (Xapian::docid docid = found.next(0); docid; docid = found.next(docid + 1))
        counts.take(docid);
}

static void count_query(const Xapian::Database &db, const Xapian::Query &query, Counts &counts) {
    match_all(db, query, [&](const Xapian::Document &doc) { counts.take(doc.get_docid()); });
}

place place_of(struct fk_xreader *r, std::size_t i, struct budget *spent) {
    return place{r->dbs[i], r->texts[i].get(), r->stand[i], spent};
}

class Survey {
    struct fk_xreader *r;
    const struct fk_xquery *q;
    struct fk_xsurvey &s;
    struct budget spent;
    First first;
    std::vector<std::size_t> order; /* databases that may have hits, those with the newest first */
    std::atomic<std::size_t> next{0};
    std::mutex lock; /* of the sums, and of what went wrong */
    std::exception_ptr wrong;

    void count(std::size_t i) {
        const Xapian::Database &db = r->dbs[i];
        Counts counts(s, db, r->hidden[i], first.least(), spent);
        const place here = place_of(r, i, &spent);
        const fk_xquery &left = q->left_in(db);
        const std::string &term = left.term;
        if (!term.empty() && !counts.wants_keys() && s.flag_count + s.watched_count == 0 &&
            r->hidden[i].empty())
            counts.total = documents_with(db, term);
        else if (!term.empty())
            count_term(db, term, counts);
        else if (left.is_set(here))
            count_set(left.set(here), counts);
        else
            count_query(db, left.made(here), counts);
        first.take(counts.first());
        const std::lock_guard<std::mutex> held(lock);
        s.total += counts.total;
        s.seen += counts.seen;
        for (std::size_t k = 0; k < s.flag_count; k++)
            s.with[k] += counts.with[k];
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
            if (q->may_match(r->dbs[i]))
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
            Xapian::Enquire enquire(db);
            enquire.set_query(q->made(place_of(r, i, &spent)));
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
