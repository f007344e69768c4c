/* xapian_read.cc - documents of any number of databases, by number, term or value. */
#include "indexer/store/xapian_priv.h"
#include "indexer/text/terms.h"

enum fk_status fk_xreader_open(const char *const *dirs, size_t n, struct fk_xreader **out,
                               struct fk_err *err) {
    return guarded("cannot open the index", err, [&] {
        std::vector<Xapian::Database> dbs;
        for (size_t i = 0; i < n; i++)
            dbs.emplace_back(dirs[i]);
        std::vector<std::vector<Xapian::docid>> hidden(n);
        std::vector<texts_handle> texts;
        for (size_t i = 0; i < n; i++)
            texts.push_back(texts_open(dirs[i]));
        std::vector<positions> stand(dirs, dirs + n);
        std::vector<order_aside> orders(dirs, dirs + n);
        *out = new fk_xreader{std::move(dbs),   std::move(hidden), std::move(texts),
                              std::move(stand), std::move(orders), {}};
        return FK_OK;
    });
}

void fk_xreader_limit(struct fk_xreader *r, int64_t until_ms) {
    r->until_ms = until_ms;
}

void fk_xreader_close(struct fk_xreader **r) {
    delete *r;
    *r = nullptr;
}

enum fk_status fk_xreader_count(struct fk_xreader *r, uint64_t *documents_out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        uint64_t n = 0;
        for (std::size_t i = 0; i < r->dbs.size(); i++)
            n += r->dbs[i].get_doccount() - r->hidden[i].size();
        *documents_out = n;
        return FK_OK;
    });
}

/* The first database that reaches so far has it, where any has. */
static std::size_t database_of(const struct fk_xreader *r, uint32_t docid) {
    for (std::size_t i = 0; i < r->dbs.size(); i++)
        if (r->dbs[i].get_lastdocid() >= docid && !is_hidden(r, i, docid))
            return i;
    throw Xapian::DocNotFoundError("no document " + std::to_string(docid));
}

static Xapian::Document document_of(const struct fk_xreader *r, uint32_t docid) {
    return r->dbs[database_of(r, docid)].get_document(docid);
}

static std::pair<const uint8_t *, size_t> text_of(const struct fk_xreader *r, uint32_t docid,
                                                  enum fk_texts_kind kind) {
    return texts_get(r->texts[database_of(r, docid)].get(), kind, docid);
}

/* Those of a term that are not hidden, as long as fn says so. */
template <typename F>
static void each_with_term(struct fk_xreader *r, const std::string &term, F fn) {
    bool goes_on = true;
    for (std::size_t i = 0; goes_on && i < r->dbs.size(); i++)
        each_document(r->dbs[i], term, [&](Xapian::docid docid) {
            return goes_on = is_hidden(r, i, docid) || fn(docid);
        });
}

static uint64_t shown_with(const struct fk_xreader *r, std::size_t i, const std::string &term,
                           Xapian::doccount all) {
    uint64_t n = all;
    if (all == 0 || r->hidden[i].empty())
        return n;
    each_document(r->dbs[i], term, [&](Xapian::docid docid) {
        n -= is_hidden(r, i, docid);
        return docid < r->hidden[i].back();
    });
    return n;
}

enum fk_status fk_xreader_term_count(struct fk_xreader *r, const char *term, size_t len,
                                     uint64_t *out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const std::string name(term, len);
        *out = 0;
        for (std::size_t i = 0; i < r->dbs.size(); i++)
            *out += shown_with(r, i, name, documents_with(r->dbs[i], name));
        return FK_OK;
    });
}

enum fk_status fk_xreader_term_counts(struct fk_xreader *r, const char *prefix, size_t len,
                                      const char *const *terms, size_t n, uint64_t *out,
                                      struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const std::string begin(prefix, len);
        std::fill(out, out + n, 0);
        for (std::size_t i = 0; i < r->dbs.size(); i++)
            for (Xapian::TermIterator t = r->dbs[i].allterms_begin(begin);
                 t != r->dbs[i].allterms_end(begin); ++t) {
                const char *const *const at = std::find(terms, terms + n, *t);
                if (at != terms + n)
                    out[at - terms] += shown_with(r, i, *t, t.get_termfreq());
            }
        return FK_OK;
    });
}

enum fk_status fk_xreader_with_term(struct fk_xreader *r, const char *term, size_t len,
                                    uint32_t *docids, size_t max, size_t *count_out,
                                    struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        size_t n = 0;
        each_with_term(r, std::string(term, len), [&](Xapian::docid docid) {
            if (n < max)
                docids[n++] = docid;
            return n < max;
        });
        *count_out = n;
        return FK_OK;
    });
}

enum fk_status fk_xreader_terms(struct fk_xreader *r, uint32_t docid, const char *prefix,
                                struct fk_buf *out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const std::string begin(prefix);
        const Xapian::Document doc = document_of(r, docid);
        Xapian::TermIterator t = doc.termlist_begin();
        for (t.skip_to(begin); t != doc.termlist_end(); ++t) {
            const std::string term = *t;
            if (term.compare(0, begin.size(), begin) != 0)
                break;
            fk_buf_add(out, term.data() + begin.size(), term.size() - begin.size());
            fk_buf_byte(out, '\n');
        }
        return out->failed ? fk_fail(err, FK_NOMEM, "the index: out of memory") : FK_OK;
    });
}

/* Those that were deleted meanwhile are no longer there to be hidden. */
enum fk_status fk_xreader_hide(struct fk_xreader *r, const uint64_t *docids, size_t n,
                               struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        std::size_t k = 0;
        for (std::size_t i = 0; i < r->dbs.size(); i++) {
            const Xapian::docid last = r->dbs[i].get_lastdocid();
            std::vector<Xapian::docid> &hidden = r->hidden[i];
            const std::size_t before = hidden.size();
            Xapian::PostingIterator it = r->dbs[i].postlist_begin("");
            for (; k < n && docids[k] <= last; k++) {
                it.skip_to(static_cast<Xapian::docid>(docids[k]));
                if (it == r->dbs[i].postlist_end(""))
                    continue;
                if (*it == docids[k])
                    hidden.push_back(*it);
            }
            std::inplace_merge(hidden.begin(), hidden.begin() + static_cast<std::ptrdiff_t>(before),
                               hidden.end());
            hidden.erase(std::unique(hidden.begin(), hidden.end()), hidden.end());
        }
        return FK_OK;
    });
}

enum fk_status fk_xreader_document(struct fk_xreader *r, uint32_t docid, struct fk_xdoc **out,
                                   struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        std::unique_ptr<fk_xdoc> doc(new fk_xdoc);
        struct fk_texts *texts = r->texts[database_of(r, docid)].get();
        doc->doc = document_of(r, docid);
        doc->has_texts = doc->has_record = false;
        doc->stored = [texts, docid](enum fk_texts_kind kind) {
            const auto blob = texts_get(texts, kind, docid);
            return std::string(reinterpret_cast<const char *>(blob.first), blob.second);
        };
        *out = doc.release();
        return FK_OK;
    });
}

enum fk_status fk_xreader_next(struct fk_xreader *r, uint32_t after, uint32_t *docid_out,
                               struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        for (std::size_t i = 0; i < r->dbs.size(); i++) {
            const Xapian::Database &db = r->dbs[i];
            if (db.get_lastdocid() <= after)
                continue;
            Xapian::PostingIterator it = db.postlist_begin("");
            it.skip_to(after + 1);
            while (it != db.postlist_end("") && is_hidden(r, i, *it))
                ++it;
            if (it == db.postlist_end(""))
                continue;
            *docid_out = *it;
            return FK_OK;
        }
        return fk_fail(err, FK_NOT_FOUND, "the index has no further document");
    });
}

/* Of all documents: no posting list says so of one. */
static void words_read(struct fk_xreader *r) {
    for (const Xapian::Database &db : r->dbs)
        for (auto word = db.metadata_keys_begin(); word != db.metadata_keys_end(); ++word)
            each_document(db, *word, [&](Xapian::docid docid) {
                r->words[docid].push_back(*word);
                return true;
            });
}

/* One line, whatever is in it. */
static void text_dump(const char *name, const struct fk_text_field &f, struct fk_buf *out) {
    fk_buf_printf(out, "%s %.*s:", name, static_cast<int>(f.prefix_len), f.prefix);
    for (size_t i = 0; i < f.len; i++)
        if (f.text[i] == FK_ROW_LINE || f.text[i] == FK_ROW_GAP)
            fk_buf_str(out, f.text[i] == FK_ROW_LINE ? "\\n" : "\\f");
        else
            fk_buf_byte(out, f.text[i]);
    fk_buf_byte(out, '\n');
}

enum fk_status fk_xreader_dump(struct fk_xreader *r, uint32_t docid, struct fk_buf *out,
                               struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const Xapian::Document doc = document_of(r, docid);
        std::vector<std::string> terms(doc.termlist_begin(), doc.termlist_end());
        if (r->words.empty())
            words_read(r);
        terms.insert(terms.end(), r->words[docid].begin(), r->words[docid].end());
        std::sort(terms.begin(), terms.end());
        for (const std::string &term : terms)
            fk_buf_printf(out, "term %s\n", term.c_str());
        for (Xapian::ValueIterator v = doc.values_begin(); v != doc.values_end(); ++v) {
            fk_buf_printf(out, "value %u ", v.get_valueno());
            fk_buf_hex(out, (*v).data(), (*v).size());
            fk_buf_byte(out, '\n');
        }
        for (int k = 0; k < FK_TEXTS_FIELDED; k++) {
            const auto blob = text_of(r, docid, static_cast<enum fk_texts_kind>(k));
            struct fk_text_field f;
            for (size_t at = 0; fk_texts_field_next(blob.first, blob.second, &at, &f);)
                text_dump(k == FK_TEXTS_ROWS ? "row" : "shown", f, out);
        }
        fk_buf_str(out, "data\n");
        const auto record = text_of(r, docid, FK_TEXTS_RECORDS);
        return into_buf(record.first, record.second, out, err);
    });
}

enum fk_status fk_xreader_data(struct fk_xreader *r, uint32_t docid, struct fk_buf *out,
                               struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        (void)document_of(r, docid); /* the store has texts of deleted ones, too */
        const auto record = text_of(r, docid, FK_TEXTS_RECORDS);
        return into_buf(record.first, record.second, out, err);
    });
}

enum fk_status fk_xreader_text(struct fk_xreader *r, uint32_t docid, enum fk_texts_kind kind,
                               const char *prefix, struct fk_buf *out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const auto blob = text_of(r, docid, kind);
        return field_into(blob.first, blob.second, prefix, out, err);
    });
}

enum fk_status fk_xreader_value(struct fk_xreader *r, uint32_t docid, unsigned slot,
                                struct fk_buf *out, struct fk_err *err) {
    return guarded("cannot read the index", err,
                   [&] { return into_buf(document_of(r, docid).get_value(slot), out, err); });
}
