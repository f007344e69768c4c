/* xapian_positions.cc - phrases of common words, by where they stand (positions_priv.h). */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/row_priv.h"

#include <cstring>

/* A shard of fewer messages is read faster than its phrases are worth. Of the rest, a word that one
 * message in so many has: a text costs a block of them to unpack, 0.08 ms, so that what is rarer
 * costs at most 0.16 s of a million messages. */
enum { DOCUMENTS_LEAST = 8192, ONE_IN = 512 };

namespace {
struct closer {
    void operator()(struct fk_positions_writer *w) const {
        fk_positions_abort(&w);
    }
};
using writer_handle = std::unique_ptr<struct fk_positions_writer, closer>;

} // namespace

/* ---- making them */

Xapian::doccount positions_least(const Xapian::Database &db) {
    return db.get_doccount() / ONE_IN;
}

namespace {
class Maker {
    std::vector<std::string> words;
    std::unordered_map<std::string, std::size_t> numbers;
    writer_handle out;
    /* At hand: */
    Xapian::docid docid = 0;
    std::string token; /* begins with the prefix of its field */
    std::size_t prefix_len = 0;

    static void take(void *ctx, const char *text, std::size_t len, uint32_t pos) {
        static_cast<Maker *>(ctx)->take_one(text, len, pos);
    }
    void take_one(const char *text, std::size_t len, uint32_t pos) {
        token.resize(prefix_len);
        token.append(text, len);
        const auto known = numbers.find(token);
        if (known != numbers.end())
            fk_positions_add(out.get(), known->second, docid, pos);
    }

  public:
    explicit Maker(const std::vector<std::string> &common) : words(common) {
        std::vector<const char *> texts;
        std::vector<std::size_t> lens;
        struct fk_positions_writer *w = nullptr;
        struct fk_err err = FK_ERR_INIT;
        for (const std::string &word : words) {
            numbers.emplace(word, texts.size());
            texts.push_back(word.data());
            lens.push_back(word.size());
        }
        checked(fk_positions_begin(texts.data(), lens.data(), texts.size(), &w, &err), err);
        out.reset(w);
    }
    void document(Xapian::docid id, const std::pair<const uint8_t *, std::size_t> &rows) {
        struct fk_text_field f;
        docid = id;
        for (std::size_t at = 0; fk_texts_field_next(rows.first, rows.second, &at, &f);) {
            token.assign(f.prefix, f.prefix_len);
            prefix_len = f.prefix_len;
            fk_row_tokens(f.text, f.len, take, this);
        }
    }
    /* A word that its documents' rows do not show as often as it was posted is left out. */
    void end(const Xapian::Database &db, const std::string &dir) {
        struct fk_err err = FK_ERR_INIT;
        for (std::size_t i = 0; i < words.size(); i++)
            if (fk_positions_documents(out.get(), i) != documents_with(db, words[i]))
                fk_positions_leave_out(out.get(), i);
        struct fk_positions_writer *w = out.release();
        checked(fk_positions_end(&w, dir.c_str(), &err), err);
    }
};

/* The most common ones of those that may be. */
std::vector<std::string> common_words(const Xapian::Database &db,
                                      const std::vector<std::string> &maybe) {
    std::vector<std::pair<Xapian::doccount, std::string>> counted;
    std::vector<std::string> common;
    for (const std::string &word : maybe) {
        const Xapian::doccount n = documents_with(db, word);
        if (n >= positions_least(db))
            counted.emplace_back(n, word);
    }
    std::sort(counted.rbegin(), counted.rend());
    for (std::size_t i = 0; i < counted.size() && i < FK_POSITIONS_WORDS; i++)
        common.push_back(counted[i].second);
    std::sort(common.begin(), common.end());
    return common;
}
} // namespace

void positions_merge(const std::string &dir, const std::vector<std::string> &joined) {
    const Xapian::Database db(dir);
    if (db.get_doccount() < DOCUMENTS_LEAST)
        return;
    const std::vector<std::string> maybe =
        joined.empty() ? std::vector<std::string>(db.metadata_keys_begin(), db.metadata_keys_end())
                       : joined;
    Maker maker(common_words(db, maybe));
    const texts_handle texts = texts_open(dir);
    for (auto it = db.postlist_begin(""); it != db.postlist_end(""); ++it)
        maker.document(*it, texts_get(texts.get(), FK_TEXTS_ROWS, *it));
    maker.end(db, dir);
}

/* ---- asking them */

namespace {
class Lists {
    std::vector<struct fk_positions_list> lists;
    std::vector<uint32_t> at = std::vector<uint32_t>(64), next = at;

    /* How many there are; `out` holds as many at least. */
    static std::size_t positions(const struct fk_positions_list &l, std::vector<uint32_t> &out) {
        const std::size_t n = fk_positions_of(&l, out.data(), out.size());
        if (n > out.size()) {
            out.resize(2 * n);
            (void)fk_positions_of(&l, out.data(), out.size());
        }
        return n;
    }
    /* All at the next document that each has; false at the end. */
    bool step() {
        if (!fk_positions_next(&lists[0]))
            return false;
        for (std::size_t i = 1; i < lists.size();)
            if (lists[i].docid < lists[0].docid) {
                if (!fk_positions_next(&lists[i]))
                    return false;
            } else if (lists[i].docid > lists[0].docid) {
                do
                    if (!fk_positions_next(&lists[0]))
                        return false;
                while (lists[0].docid < lists[i].docid);
                i = 1;
            } else {
                i++;
            }
        return true;
    }
    bool stand_in_a_row() {
        std::size_t n = positions(lists[0], at);
        for (std::size_t i = 1; i < lists.size() && n > 0; i++) {
            const std::size_t m = positions(lists[i], next);
            std::size_t left = 0;
            for (std::size_t j = 0, k = 0; j < n; j++) {
                while (k < m && next[k] <= at[j])
                    k++;
                if (k < m && next[k] == at[j] + 1)
                    at[left++] = next[k];
            }
            n = left;
        }
        return n > 0;
    }

  public:
    Lists(struct fk_positions *p, const std::vector<std::string> &words) {
        struct fk_err err = FK_ERR_INIT;
        enum fk_status st = FK_OK;
        lists.reserve(words.size());
        for (std::size_t i = 0; i < words.size() && st == FK_OK; i++) {
            lists.emplace_back();
            st = fk_positions_read(p, words[i].data(), words[i].size(), &lists.back(), &err);
        }
        if (st != FK_OK) {
            free_all();
            throw failure{st, err};
        }
    }
    Lists(const Lists &) = delete;
    Lists &operator=(const Lists &) = delete;
    ~Lists() {
        free_all();
    }
    void free_all() {
        for (struct fk_positions_list &l : lists)
            fk_positions_list_free(&l);
    }
    template <typename F> void each(F fn) {
        while (step())
            if (stand_in_a_row())
                fn(lists[0].docid);
    }
};
} // namespace

bool positions_have(const place &in, const std::vector<std::string> &words) {
    struct fk_positions *p = in.stand.get();
    struct fk_err err = FK_ERR_INIT;
    bool has = p != nullptr;
    for (std::size_t i = 0; i < words.size() && has; i++) {
        const auto known = in.known.stand.find(words[i]);
        if (known != in.known.stand.end()) {
            has = known->second;
            continue;
        }
        checked(fk_positions_has(p, words[i].data(), words[i].size(), &has, &err), err);
        in.known.stand.emplace(words[i], has);
    }
    return has;
}

void add_by_positions(const place &in, const std::vector<std::string> &words, Documents &found) {
    struct fk_positions *p = in.stand.get();
    Documents there(in.db);
    there.add_all(in, words.front()); /* without those that were deleted since */
    ticker watch(*in.spent);
    Lists(p, words).each([&](Xapian::docid docid) {
        watch.step();
        if (there.has(docid))
            found.add(docid);
    });
}
