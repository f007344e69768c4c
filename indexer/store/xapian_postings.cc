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
 * as numbers of seven bits a byte (varint_priv.h).
 * Queries take it as a set of documents (xapian_documents.cc). */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/varint_priv.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace {
[[noreturn]] void throw_damaged() {
    throw Xapian::DatabaseCorruptError("a posting list is damaged");
}

void number_add(std::string &out, Xapian::docid n) {
    uint8_t bytes[FK_VARINT_MAX];
    out.append(reinterpret_cast<const char *>(bytes), fk_varint_put(bytes, n));
}
} // namespace

Postings::Postings(const std::string &bytes)
    : at(reinterpret_cast<const uint8_t *>(bytes.data())), end(at + bytes.size()) {
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
    if (!fk_varint_take(&at, end, &n))
        throw_damaged();
    return n;
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

std::string postings_made(const Xapian::docid *docids, std::size_t n) {
    std::string list;
    if (n == 0)
        return list;
    number_add(list, static_cast<Xapian::docid>(n));
    number_add(list, docids[0]);
    number_add(list, docids[n - 1] - docids[0]);
    for (std::size_t i = 1; i < n; i++)
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
        joined.append(reinterpret_cast<const char *>(parts[i].at),
                      static_cast<std::size_t>(parts[i].end - parts[i].at));
    }
    return joined;
}

Xapian::doccount documents_with(const Xapian::Database &db, const std::string &term) {
    const std::string bytes = term.empty() ? term : db.get_metadata(term);
    return bytes.empty() ? db.get_termfreq(term) : Postings(bytes).count;
}

const Known::list &Known::of(const std::string &term) {
    const auto known = lists.find(term);
    if (known != lists.end())
        return known->second;
    list l{0, true, term.empty() ? term : db.get_metadata(term)};
    l.documents = l.bytes.empty() ? db.get_termfreq(term) : Postings(l.bytes).count;
    l.is_kept = l.bytes.size() <= KEPT_BYTES - kept;
    if (l.is_kept)
        kept += l.bytes.size();
    else
        l.bytes = std::string();
    return lists.emplace(term, std::move(l)).first->second;
}

/* ---- a batch */

void Words::add(std::string &to, const char *word, std::size_t len) {
    if (len == 0 || len > MOST)
        throw Xapian::InvalidArgumentError("a word of " + std::to_string(len) +
                                           " bytes, of which a term takes " + std::to_string(MOST));
    to += static_cast<char>(len);
    to.append(word, len);
}

namespace {
uint64_t secret() {
    uint64_t n = 0;
    if (getentropy(&n, sizeof n) != 0)
        throw Xapian::DatabaseError("no random numbers", errno);
    return n | 1;
}

uint64_t folded(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    const wide product = static_cast<wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/* Up to eight bytes as a number. */
uint64_t piece_of(const char *bytes, std::size_t len) {
    uint64_t piece = 0;
    if (len >= sizeof piece)
        std::memcpy(&piece, bytes, sizeof piece);
    else
        for (; len > 0; len--)
            piece = piece << 8 | static_cast<unsigned char>(*bytes++);
    return piece;
}

uint32_t tag_of(const char *word, std::size_t len, uint64_t head) {
    static const uint64_t a = secret(), b = secret();
    uint64_t h = folded(head ^ a, b ^ len);
    for (std::size_t at = sizeof head; at < len; at += sizeof head)
        h = folded(piece_of(word + at, len - at) ^ h, b);
    return static_cast<uint32_t>(folded(h ^ a, b) << 8 | len);
}
} // namespace

/* Half of the slots are free at least. */
void Words::grow() {
    std::vector<slot> more(slots.empty() ? 1024 : 2 * slots.size());
    for (const slot &s : slots) {
        std::size_t at = s.tag >> 8;
        if (s.number == 0)
            continue;
        while (more[at & (more.size() - 1)].number)
            at++;
        more[at & (more.size() - 1)] = s;
    }
    slots.swap(more);
}

uint32_t Words::number_of(const key &k) {
    for (std::size_t at = k.tag >> 8;; at++) {
        slot &s = slots[at & (slots.size() - 1)];
        if (s.number == 0) {
            names.append(k.word, k.len);
            begins.push_back(names.size());
            s = {k.head, k.tag, static_cast<uint32_t>(count())};
            return s.number - 1;
        }
        if (s.tag == k.tag && s.head == k.head &&
            (k.len <= sizeof k.head ||
             std::memcmp(names.data() + begins[s.number - 1], k.word, k.len) == 0))
            return s.number - 1;
    }
}

/* The slots do not fit the cache: those of the words to come are asked for ahead. */
std::vector<uint32_t> Words::numbers_of(const std::vector<key> &keys) {
    constexpr std::size_t AHEAD = 12;
    std::vector<uint32_t> numbers;
    numbers.reserve(keys.size());
    while (2 * (count() + keys.size()) >= slots.size())
        grow();
    for (std::size_t i = 0; i < keys.size(); i++) {
        if (i + AHEAD < keys.size())
            __builtin_prefetch(&slots[keys[i + AHEAD].tag >> 8 & (slots.size() - 1)]);
        numbers.push_back(number_of(keys[i]));
    }
    return numbers;
}

void Words::put(Xapian::docid docid, const std::string &words) {
    std::vector<key> keys;
    keys.reserve(words.size() / 8);
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t len = static_cast<unsigned char>(words[at++]);
        if (len == 0 || len > MOST || len > words.size() - at)
            throw Xapian::InvalidArgumentError("words of a document that are none");
        const char *const word = words.data() + at;
        const uint64_t head = piece_of(word, len);
        keys.push_back({word, len, head, tag_of(word, len, head)});
        at += len;
    }
    documents[docid] = numbers_of(keys);
    replaced.insert(docid);
}

void Words::drop(Xapian::docid docid) {
    documents.erase(docid);
    replaced.insert(docid);
}

/* The documents of each word, ascending, by its number: from where it begins to where it ends. */
struct Words::lists {
    std::vector<std::size_t> begins, ends;
    std::vector<Xapian::docid> docids;
};

Words::lists Words::turned_over() const {
    lists l{std::vector<std::size_t>(count()), {}, {}};
    std::size_t all = 0;
    for (const auto &doc : documents)
        for (const uint32_t number : doc.second)
            l.begins[number]++;
    for (std::size_t &begin : l.begins) { /* so many are before it */
        const std::size_t own = begin;
        begin = all;
        all += own;
    }
    l.ends = l.begins;
    l.docids.resize(all);
    for (const auto &doc : documents)
        for (const uint32_t number : doc.second) {
            std::size_t &end = l.ends[number];
            if (end == l.begins[number] || l.docids[end - 1] != doc.first)
                l.docids[end++] = doc.first;
        }
    return l;
}

/* Most are told apart by their first eight bytes, which stand in a row here. */
std::vector<uint32_t> Words::sorted() const {
    std::vector<std::pair<uint64_t, uint32_t>> heads(count());
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < heads.size(); i++) {
        uint64_t head = 0;
        for (std::size_t k = 0; k < sizeof head; k++)
            head =
                head << 8 | (k < len_of(i) ? static_cast<unsigned char>(names[begins[i] + k]) : 0u);
        heads[i] = {head, i};
    }
    std::sort(heads.begin(), heads.end(), [&](const auto &a, const auto &b) {
        return a.first != b.first ? a.first < b.first
                                  : names.compare(begins[a.second], len_of(a.second), names,
                                                  begins[b.second], len_of(b.second)) < 0;
    });
    order.reserve(heads.size());
    for (const auto &head : heads)
        order.push_back(head.second);
    return order;
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
            changed.emplace_back(*word, postings_made(stay.data(), stay.size()));
    }
    for (const auto &list : changed)
        db.set_metadata(list.first, list.second);
}

void Words::write(Xapian::WritableDatabase &db) {
    const bool is_new = db.metadata_keys_begin() == db.metadata_keys_end();
    const lists all = turned_over();
    std::vector<Xapian::docid> joined;
    if (!is_new && !replaced.empty())
        take_out(db);
    for (const uint32_t i : sorted()) {
        const Xapian::docid *const own = all.docids.data() + all.begins[i];
        const std::size_t n = all.ends[i] - all.begins[i];
        if (n == 0)
            continue;
        const std::string word = name(i);
        const std::string bytes = is_new ? std::string() : db.get_metadata(word);
        if (bytes.empty()) {
            db.set_metadata(word, postings_made(own, n));
            continue;
        }
        joined.assign(own, own + n);
        for (Postings there(bytes); !there.at_end(); there.advance())
            joined.push_back(there.docid());
        std::inplace_merge(joined.begin(), joined.begin() + static_cast<std::ptrdiff_t>(n),
                           joined.end());
        db.set_metadata(word, postings_made(joined.data(), joined.size()));
    }
    *this = Words();
}
