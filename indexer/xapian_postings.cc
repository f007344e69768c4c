/* xapian_postings.cc - which documents have a word of a text.
 *
 * Xapian's own posting lists are for terms that a document is looked up or put together by:
 * addresses, keys, flags. Words of texts are nine tenths of what a message is indexed by, and
 * Xapian turns them over one by one in trees; here a batch is turned over at once when it is
 * committed (docs/decisions/0013). A list lies in Xapian's metadata under the word's name, so it is
 * committed, merged and read with all the rest:
 *
 *     count, first docid, last docid - first docid, then each docid's distance from the one before
 *
 * as numbers of seven bits a byte, the lowest first, the eighth bit set where more follow.
 * Queries take it as a set of documents (xapian_documents.cc). */
#include "indexer/xapian_priv.h"

namespace {
[[noreturn]] void throw_damaged() {
    throw Xapian::DatabaseCorruptError("a posting list is damaged");
}

void number_add(std::string &out, Xapian::docid n) {
    for (; n >= 0x80; n >>= 7)
        out += static_cast<char>(n | 0x80);
    out += static_cast<char>(n);
}
} // namespace

Postings::Postings(const std::string &bytes) : at(bytes.data()), end(at + bytes.size()) {
    if (bytes.empty())
        return;
    count = number();
    current = first = number();
    const Xapian::docid span = number();
    last = first + span;
    if (count == 0 || first == 0 || last < first || count - 1 > span)
        throw_damaged();
    left = count;
}

Xapian::docid Postings::number() {
    Xapian::docid n = 0;
    for (unsigned shift = 0; at < end && shift < 35; shift += 7) {
        const unsigned char c = static_cast<unsigned char>(*at++);
        n |= static_cast<Xapian::docid>(c & 0x7f) << shift;
        if (c < 0x80)
            return n;
    }
    throw_damaged();
}

void Postings::advance() {
    if (--left == 0) {
        if (at != end || current != last)
            throw_damaged();
        return;
    }
    const Xapian::docid step = number();
    if (step == 0 || step > last - current)
        throw_damaged();
    current += step;
}

std::string postings_made(const std::vector<Xapian::docid> &docids) {
    std::string list;
    if (docids.empty())
        return list;
    number_add(list, static_cast<Xapian::docid>(docids.size()));
    number_add(list, docids.front());
    number_add(list, docids.back() - docids.front());
    for (std::size_t i = 1; i < docids.size(); i++)
        number_add(list, docids[i] - docids[i - 1]);
    return list;
}

/* What stands before a word in Xapian's table of lists; its compaction tells it too (1.4.22). */
static const char KEY_HEAD[] = "\0\xc0";
enum { KEY_HEAD_LEN = sizeof KEY_HEAD - 1 };

/* Lists of databases whose docids do not overlap: one behind the other. */
std::string Joiner::resolve_duplicate_metadata(const std::string &key, std::size_t n,
                                               const std::string lists[]) {
    std::vector<Postings> parts(lists, lists + n);
    std::string joined;
    Xapian::docid count = 0;
    std::sort(parts.begin(), parts.end(),
              [](const Postings &a, const Postings &b) { return a.first < b.first; });
    for (const Postings &part : parts)
        count += part.count;
    if (count >= least)
        words.push_back(key.compare(0, KEY_HEAD_LEN, KEY_HEAD, KEY_HEAD_LEN) == 0
                            ? key.substr(KEY_HEAD_LEN)
                            : key);
    number_add(joined, count);
    number_add(joined, parts.front().first);
    number_add(joined, parts.back().last - parts.front().first);
    for (std::size_t i = 0; i < n; i++) {
        if (i > 0 && parts[i].first <= parts[i - 1].last)
            throw_damaged();
        if (i > 0)
            number_add(joined, parts[i].first - parts[i - 1].last);
        joined.append(parts[i].at, parts[i].end);
    }
    return joined;
}

Xapian::doccount documents_with(const Xapian::Database &db, const std::string &term) {
    const std::string bytes = term.empty() ? term : db.get_metadata(term);
    return bytes.empty() ? db.get_termfreq(term) : Postings(bytes).count;
}

/* ---- a batch */

void Words::add(std::string &to, const char *word, std::size_t len) {
    if (len == 0 || len > MOST)
        throw Xapian::InvalidArgumentError("a word of " + std::to_string(len) +
                                           " bytes, of which a term takes " + std::to_string(MOST));
    to += static_cast<char>(len);
    to.append(word, len);
}

void Words::put(Xapian::docid docid, const std::string &words) {
    std::vector<uint32_t> own;
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t len = static_cast<unsigned char>(words[at]);
        const auto known = numbers.emplace(words.substr(at + 1, len), names.size());
        if (known.second)
            names.push_back(&known.first->first);
        own.push_back(known.first->second);
        at += 1 + len;
    }
    documents[docid] = std::move(own);
    replaced.insert(docid);
}

void Words::drop(Xapian::docid docid) {
    documents.erase(docid);
    replaced.insert(docid);
}

/* Of each word, by its number. */
std::vector<std::vector<Xapian::docid>> Words::turned_over() const {
    std::vector<std::vector<Xapian::docid>> lists(names.size());
    for (const auto &doc : documents)
        for (const uint32_t number : doc.second)
            if (lists[number].empty() || lists[number].back() != doc.first)
                lists[number].push_back(doc.first);
    return lists;
}

/* What is replaced goes out of every list that the database has. */
void Words::take_out(Xapian::WritableDatabase &db) const {
    std::vector<std::pair<std::string, std::string>> changed;
    std::vector<Xapian::docid> stay;
    for (auto word = db.metadata_keys_begin(); word != db.metadata_keys_end(); ++word) {
        const std::string bytes = db.get_metadata(*word);
        Postings list(bytes);
        const Xapian::docid count = list.count;
        stay.clear();
        for (; !list.at_end(); list.advance())
            if (!replaced.count(list.docid()))
                stay.push_back(list.docid());
        if (stay.size() < count)
            changed.emplace_back(*word, postings_made(stay));
    }
    for (const auto &list : changed)
        db.set_metadata(list.first, list.second);
}

void Words::write(Xapian::WritableDatabase &db) {
    const bool is_new = db.metadata_keys_begin() == db.metadata_keys_end();
    std::vector<std::vector<Xapian::docid>> lists = turned_over();
    std::vector<uint32_t> order(names.size());
    if (!is_new && !replaced.empty())
        take_out(db);
    for (uint32_t i = 0; i < order.size(); i++)
        order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return *names[a] < *names[b]; });
    for (const uint32_t i : order) {
        std::vector<Xapian::docid> &list = lists[i];
        if (list.empty())
            continue;
        const std::string bytes = is_new ? std::string() : db.get_metadata(*names[i]);
        const auto added = static_cast<std::ptrdiff_t>(list.size());
        for (Postings there(bytes); !there.at_end(); there.advance())
            list.push_back(there.docid());
        std::inplace_merge(list.begin(), list.begin() + added, list.end());
        db.set_metadata(*names[i], postings_made(list));
    }
    *this = Words();
}
