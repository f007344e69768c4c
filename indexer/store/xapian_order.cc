/* xapian_order.cc - the first of many hits, by the order of all documents (order_priv.h). */
#include "indexer/store/xapian_best_priv.h"
#include "indexer/store/xapian_priv.h"

/* A database of fewer documents is gone through faster than its order is opened. */
enum { DOCUMENTS_LEAST = 2048 };
/* So many documents are gone through in their order in the time in which one value is read. */
enum { STEPS_A_VALUE = 3 };

/* ---- making it */

uint64_t sort_key(const Xapian::Document &doc, Xapian::valueno slot) {
    return key_of(doc.get_value(slot));
}

void order_merge(const std::string &dir, Xapian::valueno slot) {
    const Xapian::Database db(dir);
    struct fk_err err = FK_ERR_INIT;
    std::vector<hit> all;
    if (db.get_doccount() < DOCUMENTS_LEAST)
        return;
    all.reserve(db.get_doccount());
    Keys keys(db, slot);
    for (auto it = db.postlist_begin(""); it != db.postlist_end(""); ++it)
        all.push_back({keys.of(*it), *it});
    std::sort(all.begin(), all.end(), is_before);
    checked(fk_order_write(dir.c_str(), slot, all.data(), all.size(), &err), err);
}

/* ---- asking it */

/* Of rare hits, values cost less: one in so many documents is a hit, of which as many are wanted.
 */
static bool is_worth_it(uint64_t documents, uint64_t want, uint64_t hits) {
    return hits > 0 && std::min(want, hits) * documents / hits <= STEPS_A_VALUE * hits;
}

namespace {
class Walk {
    const struct fk_order *order;
    std::vector<hit> block = std::vector<hit>(FK_ORDER_BLOCK);

    std::size_t read(std::size_t number) {
        struct fk_err err = FK_ERR_INIT;
        std::size_t n = 0;
        checked(fk_order_read(order, number, block.data(), &n, &err), err);
        return n;
    }

  public:
    explicit Walk(const struct fk_order *o) : order(o) {
    }
    /* The block before the first one that begins behind it. */
    std::size_t block_of(const hit &after) {
        std::size_t low = 0, high = fk_order_blocks(order);
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            (void)read(middle);
            if (is_before(after, block[0]))
                high = middle;
            else
                low = middle + 1;
        }
        return low > 0 ? low - 1 : 0;
    }
    /* As long as fn says so; false where it has been so to the end. */
    template <typename F> bool ends(std::size_t from, F fn) {
        for (std::size_t b = from; b < fk_order_blocks(order); b++) {
            const std::size_t n = read(b);
            for (std::size_t i = 0; i < n; i++)
                if (!fn(block[i]))
                    return true;
        }
        return false;
    }
};
} // namespace

bool first_by_order(const place &in, order_aside &aside, const Documents &found,
                    Xapian::doccount total, const struct fk_xsurvey &ask, uint64_t least,
                    Best &best) {
    if (!is_worth_it(in.db.get_doccount(), ask.want, total))
        return false;
    const struct fk_order *order = aside.get();
    if (!order || fk_order_slot(order) != ask.sort_slot)
        return false;
    Walk walk(order);
    ticker watch(*in.spent);
    std::size_t left = ask.want;
    Xapian::doccount seen = 0;
    const bool is_early =
        walk.ends(ask.has_after ? walk.block_of(ask.after) : 0, [&](const hit &one) {
            watch.step();
            if (one.key < least || left == 0)
                return false;
            if (!found.has(one.docid))
                return true;
            seen++;
            if (!ask.has_after || is_before(ask.after, one)) {
                best.add(one);
                left--;
            }
            return true;
        });
    if (!is_early && !ask.has_after && seen != total)
        throw Xapian::DatabaseCorruptError("the order of documents does not have them all");
    return true;
}
