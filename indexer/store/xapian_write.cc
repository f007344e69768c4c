/* xapian_write.cc - the writer of a database, its documents, and databases merged into one. */
#include "indexer/store/xapian_priv.h"
#include "base/fault.h"
#include "indexer/text/terms.h"

#include <array>
#include <cstdlib>
#include <map>
#include <new>
#include <optional>

/* As the store has them; none where the one that is stored stays. */
using texts_of_doc = std::array<std::optional<std::string>, FK_TEXTS_KINDS>;
struct fk_xwriter {
    std::string dir;
    bool in_place; /* others read it: what is committed is on the disk */
    Xapian::WritableDatabase db;
    Words words;
    std::map<Xapian::docid, texts_of_doc> texts; /* not committed yet */
    texts_handle committed;                      /* NULL until they are asked for */
    order_aside order;
    bool is_reordered; /* what documents are sorted by has changed */
    bool is_worn;      /* since the last commit */
};

/* All changes stand in a transaction, so that Xapian never commits a part of them on its own. */
static enum fk_status writer_new(const char *dir, int flags, bool in_place, struct fk_xwriter **out,
                                 struct fk_err *err) {
    return guarded("cannot open the index for writing", err, [&] {
        fk_xwriter *w =
            new fk_xwriter{dir, in_place, {}, {}, {}, {}, order_aside(dir), false, false};
        try {
            w->db = Xapian::WritableDatabase(dir, flags);
            w->db.begin_transaction();
        } catch (...) {
            delete w;
            throw;
        }
        *out = w;
        return FK_OK;
    });
}

enum fk_status fk_xwriter_create(const char *dir, struct fk_xwriter **out, struct fk_err *err) {
    return writer_new(dir, Xapian::DB_CREATE | Xapian::DB_NO_SYNC, false, out, err);
}

enum fk_status fk_xwriter_open(const char *dir, struct fk_xwriter **out, struct fk_err *err) {
    return writer_new(dir, Xapian::DB_OPEN, true, out, err);
}

void fk_xwriter_close(struct fk_xwriter **w) {
    if (!*w)
        return;
    try {
        (*w)->db.cancel_transaction();
        (*w)->db.close();
    } catch (...) {
        /* What was committed stands; there is nothing else that closing could lose. */
    }
    try {
        delete *w;
    } catch (...) {
    }
    *w = nullptr;
}

static std::size_t loose_max() {
#ifdef FK_TESTING
    if (const char *set = getenv("FUMIKURA_LOOSE_MAX"))
        return static_cast<std::size_t>(atoi(set));
#endif
    return FK_TEXTS_LOOSE_MAX;
}

static bool has_rows(const struct fk_xwriter *w) {
    return std::any_of(w->texts.begin(), w->texts.end(),
                       [](const auto &of) { return of.second[FK_TEXTS_ROWS].has_value(); });
}

/* Texts first: a text without a document is nothing, and goes with the next merge. */
static enum fk_status texts_write(struct fk_xwriter *w, struct fk_err *err) {
    struct fk_texts_writer *out = nullptr;
    if (w->in_place && w->texts.empty())
        return FK_OK;
    enum fk_status st = w->in_place && has_rows(w) ? fk_positions_void(w->dir.c_str(), err) : FK_OK;
    if (st == FK_OK)
        st = fk_texts_begin(w->dir.c_str(), &out, err);
    for (int k = 0; k < FK_TEXTS_KINDS; k++)
        for (auto it = w->texts.begin(); st == FK_OK && it != w->texts.end(); ++it) {
            const std::optional<std::string> &text = it->second[static_cast<std::size_t>(k)];
            if (text)
                st = fk_texts_add(out, static_cast<enum fk_texts_kind>(k), it->first, text->data(),
                                  text->size(), err);
        }
    if (st == FK_OK) {
        w->is_worn = fk_texts_loose(out) > loose_max();
        st = fk_texts_end(&out, w->in_place, err);
    }
    fk_texts_abort(&out);
    if (st == FK_OK) {
        w->texts.clear();
        w->committed.reset();
    }
    const int injected = st == FK_OK && w->in_place ? fk_fault("index-texts") : 0;
    return injected ? fk_fail_sys(err, injected, "writing the index") : st;
}

enum fk_status fk_xwriter_commit(struct fk_xwriter *w, struct fk_err *err) {
    return guarded("cannot commit to the index", err, [&] {
        enum fk_status st = texts_write(w, err);
        if (st == FK_OK && w->is_reordered)
            st = fk_order_void(w->dir.c_str(), err);
        if (st != FK_OK)
            return st;
        w->is_reordered = false;
        w->words.write(w->db);
        w->db.commit_transaction();
        w->db.begin_transaction();
        return FK_OK;
    });
}

bool fk_xwriter_is_worn(const struct fk_xwriter *w) {
    return w->is_worn;
}

enum fk_status fk_xwriter_count(struct fk_xwriter *w, uint32_t *documents_out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        *documents_out = w->db.get_doccount();
        return FK_OK;
    });
}

enum fk_status fk_xdoc_new(struct fk_xdoc **out, struct fk_err *err) {
    return guarded("a document for the index", err, [&] {
        *out = new fk_xdoc;
        return FK_OK;
    });
}

void fk_xdoc_free(struct fk_xdoc **doc) {
    delete *doc;
    *doc = nullptr;
}

enum fk_status fk_xdoc_term(struct fk_xdoc *doc, const char *term, size_t len, struct fk_err *err) {
    return guarded("a term for the index", err, [&] {
        doc->doc.add_boolean_term(std::string(term, len));
        return FK_OK;
    });
}

enum fk_status fk_xdoc_word(struct fk_xdoc *doc, const char *word, size_t len, struct fk_err *err) {
    return guarded("a word for the index", err, [&] {
        Words::add(doc->words, word, len);
        return FK_OK;
    });
}

enum fk_status fk_xdoc_words(struct fk_xdoc *doc, const void *words, size_t len,
                             struct fk_err *err) {
    return guarded("words for the index", err, [&] {
        if (len)
            doc->words.append(static_cast<const char *>(words), len);
        return FK_OK;
    });
}

static const std::string &gap() {
    static const std::string one(1, static_cast<char>(FK_ROW_GAP));
    return one;
}

enum fk_status fk_xdoc_text(struct fk_xdoc *doc, enum fk_texts_kind kind, const char *prefix,
                            const void *text, size_t len, struct fk_err *err) {
    return guarded("a text for the index", err, [&] {
        std::string &field = doc->texts[kind][prefix];
        if (!field.empty())
            field += gap();
        field.append(static_cast<const char *>(text), len);
        return FK_OK;
    });
}

/* As the store has them. */
static std::string blob_of(const struct fk_xdoc *doc, enum fk_texts_kind kind) {
    struct fk_buf blob = FK_BUF_INIT;
    for (const auto &field : doc->texts[kind])
        fk_texts_field_add(&blob, field.first.c_str(), field.second.data(), field.second.size());
    const bool failed = blob.failed;
    const std::string bytes(reinterpret_cast<const char *>(blob.data), failed ? 0 : blob.len);
    fk_buf_free(&blob);
    if (failed)
        throw std::bad_alloc();
    return bytes;
}

enum fk_status fk_xdoc_text_get(const struct fk_xdoc *doc, enum fk_texts_kind kind,
                                const char *prefix, struct fk_buf *out, struct fk_err *err) {
    return guarded("a text of the index", err, [&] {
        const std::string blob = doc->has_texts ? blob_of(doc, kind) : doc->stored(kind);
        return field_into(reinterpret_cast<const uint8_t *>(blob.data()), blob.size(), prefix, out,
                          err);
    });
}

enum fk_status fk_xdoc_value(struct fk_xdoc *doc, unsigned slot, const void *value, size_t len,
                             struct fk_err *err) {
    return guarded("a value for the index", err, [&] {
        doc->doc.add_value(slot, std::string(static_cast<const char *>(value), len));
        return FK_OK;
    });
}

enum fk_status fk_xdoc_data(struct fk_xdoc *doc, const void *data, size_t len, struct fk_err *err) {
    return guarded("a record for the index", err, [&] {
        doc->has_record = true;
        doc->record.assign(static_cast<const char *>(data), len);
        return FK_OK;
    });
}

enum fk_status fk_xdoc_copy_terms(struct fk_xdoc *doc, const struct fk_xdoc *from,
                                  const char *prefix, struct fk_err *err) {
    return guarded("a document for the index", err, [&] {
        const std::string begin(prefix);
        Xapian::TermIterator t = from->doc.termlist_begin();
        for (t.skip_to(begin); t != from->doc.termlist_end(); ++t) {
            const std::string term = *t;
            if (term.compare(0, begin.size(), begin) != 0)
                break;
            doc->doc.add_boolean_term(term);
        }
        return FK_OK;
    });
}

enum fk_status fk_xdoc_data_get(const struct fk_xdoc *doc, struct fk_buf *out, struct fk_err *err) {
    return guarded("a record of the index", err, [&] {
        return into_buf(doc->has_record ? doc->record : doc->stored(FK_TEXTS_RECORDS), out, err);
    });
}

enum fk_status fk_xdoc_drop_terms(struct fk_xdoc *doc, const char *prefix, struct fk_err *err) {
    return guarded("a document of the index", err, [&] {
        const std::string begin(prefix);
        std::vector<std::string> terms;
        for (Xapian::TermIterator t = doc->doc.termlist_begin(); t != doc->doc.termlist_end(); ++t)
            if ((*t).compare(0, begin.size(), begin) == 0)
                terms.push_back(*t);
        for (const std::string &term : terms)
            doc->doc.remove_term(term);
        return FK_OK;
    });
}

/* Texts that the batch has, or the store that it goes into. */
static std::string texts_in(struct fk_xwriter *w, enum fk_texts_kind kind, Xapian::docid docid) {
    const auto own = w->texts.find(docid);
    if (own != w->texts.end() && own->second[kind])
        return *own->second[kind];
    if (!w->committed)
        w->committed = texts_open(w->dir);
    const auto blob = texts_get(w->committed.get(), kind, docid);
    return std::string(reinterpret_cast<const char *>(blob.first), blob.second);
}

enum fk_status fk_xwriter_document(struct fk_xwriter *w, uint32_t docid, struct fk_xdoc **out,
                                   struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        std::unique_ptr<fk_xdoc> doc(new fk_xdoc);
        doc->doc = w->db.get_document(docid);
        doc->has_texts = doc->has_record = false;
        doc->stored = [w, docid](enum fk_texts_kind kind) { return texts_in(w, kind, docid); };
        *out = doc.release();
        return FK_OK;
    });
}

/* Whether the order of the database, if it has one, would be another with this document. */
static bool reorders(struct fk_xwriter *w, Xapian::docid docid, const Xapian::Document &doc) {
    const struct fk_order *order = w->in_place ? w->order.get() : nullptr;
    if (!order)
        return false;
    const unsigned slot = fk_order_slot(order);
    try {
        return sort_key(w->db.get_document(docid), slot) != sort_key(doc, slot);
    } catch (const Xapian::DocNotFoundError &) {
        return true;
    }
}

enum fk_status fk_xwriter_put(struct fk_xwriter *w, uint32_t docid, struct fk_xdoc *doc,
                              struct fk_err *err) {
    return guarded("cannot write to the index", err, [&] {
        w->is_reordered = w->is_reordered || reorders(w, docid, doc->doc);
        w->db.replace_document(docid, doc->doc);
        if (doc->has_texts) {
            w->words.put(docid, doc->words);
            w->texts[docid] = {blob_of(doc, FK_TEXTS_ROWS), blob_of(doc, FK_TEXTS_SHOWN), {}};
        }
        if (doc->has_record)
            w->texts[docid][FK_TEXTS_RECORDS] = doc->record;
        return FK_OK;
    });
}

enum fk_status fk_xwriter_delete(struct fk_xwriter *w, uint32_t docid, struct fk_err *err) {
    return guarded("cannot delete from the index", err, [&] {
        w->texts.erase(docid);
        w->words.drop(docid);
        try {
            w->db.delete_document(docid);
        } catch (const Xapian::DocNotFoundError &) {
        }
        return FK_OK;
    });
}

/* The texts of the documents that a database has, and no others. */
static enum fk_status texts_copy(const std::string &dir, const Xapian::Database &db,
                                 enum fk_texts_kind kind, struct fk_texts_writer *out,
                                 struct fk_err *err) {
    std::vector<Xapian::docid> docids(db.postlist_begin(""), db.postlist_end(""));
    const texts_handle from = texts_open(dir);
    return fk_texts_copy(out, kind, from.get(), docids.data(), docids.size(), err);
}

static enum fk_status texts_merge(const std::vector<std::string> &from,
                                  const std::vector<Xapian::Database> &dbs, const char *to,
                                  struct fk_err *err) {
    struct fk_texts_writer *out = nullptr;
    enum fk_status st = fk_texts_begin(to, &out, err);
    for (int k = 0; k < FK_TEXTS_KINDS; k++)
        for (std::size_t i = 0; st == FK_OK && i < dbs.size(); i++)
            st = texts_copy(from[i], dbs[i], static_cast<enum fk_texts_kind>(k), out, err);
    if (st == FK_OK)
        st = fk_texts_end(&out, false, err);
    fk_texts_abort(&out);
    return st;
}

enum fk_status fk_xmerge(const char *const *from_dirs, size_t n, const char *to_dir,
                         unsigned sort_slot, struct fk_err *err) {
    return guarded("cannot merge the index", err, [&] {
        Xapian::Database all;
        std::vector<Xapian::Database> dbs;
        for (size_t i = 0; i < n; i++)
            dbs.emplace_back(from_dirs[i]);
        for (const Xapian::Database &db : dbs)
            all.add_database(db);
        Joiner joiner(positions_least(all));
        all.compact(to_dir, Xapian::DBCOMPACT_NO_RENUMBER, 0, joiner);
        const std::vector<std::string> from(from_dirs, from_dirs + n);
        const enum fk_status st = texts_merge(from, dbs, to_dir, err);
        if (st == FK_OK) {
            positions_merge(to_dir, joiner.words);
            order_merge(to_dir, sort_slot);
        }
        return st;
    });
}
