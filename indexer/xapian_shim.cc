/* xapian_shim.cc - the one C++ file: every entry is noexcept and hands whatever is thrown to
 * map_exception. Written for Xapian 1.4.22 and newer. */
#include "indexer/xapian_shim.h"
#include "indexer/host.h"
#include "indexer/pattern.h"
#include "indexer/phrase_priv.h"
#include "indexer/terms.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>
#include <xapian.h>

/* What the text store says has gone wrong, on its way through Xapian. */
struct text_failure {
    enum fk_status st;
    struct fk_err err;
};

using texts_of_doc = std::array<std::string, FK_TEXTS_KINDS>; /* blobs */
struct fk_xwriter {
    std::string dir;
    bool in_place; /* others read it: what is committed is on the disk */
    Xapian::WritableDatabase db;
    std::map<Xapian::docid, texts_of_doc> texts; /* not committed yet */
};
/* One that was read knows where its texts are. */
struct fk_xdoc {
    Xapian::Document doc;
    bool has_texts = true; /* its own; otherwise those of the store stay */
    std::map<std::string, std::string> texts[FK_TEXTS_KINDS];
    std::function<std::string(enum fk_texts_kind)> stored;
};

struct texts_closer {
    void operator()(struct fk_texts *t) const {
        fk_texts_close(&t);
    }
};
using texts_handle = std::unique_ptr<struct fk_texts, texts_closer>;

static texts_handle texts_open(const std::string &dir) {
    struct text_failure f = {FK_OK, FK_ERR_INIT};
    struct fk_texts *t = nullptr;
    f.st = fk_texts_open(dir.c_str(), &t, &f.err);
    if (f.st != FK_OK)
        throw f;
    return texts_handle(t);
}

/* Borrowed until the next call for this kind. */
static std::pair<const uint8_t *, size_t> texts_get(struct fk_texts *texts, enum fk_texts_kind kind,
                                                    Xapian::docid docid) {
    struct text_failure f = {FK_OK, FK_ERR_INIT};
    const uint8_t *blob = nullptr;
    size_t len = 0;
    f.st = fk_texts_get(texts, kind, docid, &blob, &len, &f.err);
    if (f.st == FK_NOT_FOUND)
        f.st = FK_CORRUPT;
    if (f.st != FK_OK)
        throw f;
    return {blob, len};
}
/* The hidden documents of one database, as a query can take them. */
class Hidden : public Xapian::PostingSource {
    const std::vector<Xapian::docid> *all;
    std::size_t at = 0;
    bool begun = false;

  public:
    explicit Hidden(const std::vector<Xapian::docid> *hidden) : all(hidden) {
    }
    Hidden *clone() const override {
        return new Hidden(all);
    }
    void init(const Xapian::Database &) override {
        at = 0;
        begun = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return 0;
    }
    Xapian::doccount get_termfreq_est() const override {
        return static_cast<Xapian::doccount>(all->size());
    }
    Xapian::doccount get_termfreq_max() const override {
        return static_cast<Xapian::doccount>(all->size());
    }
    void next(double) override {
        if (begun)
            at++;
        begun = true;
    }
    void skip_to(Xapian::docid docid, double) override {
        begun = true;
        at = static_cast<std::size_t>(
            std::lower_bound(all->begin() + static_cast<std::ptrdiff_t>(at), all->end(), docid) -
            all->begin());
    }
    bool at_end() const override {
        return at >= all->size();
    }
    Xapian::docid get_docid() const override {
        return (*all)[at];
    }
};

struct fk_xreader {
    std::vector<Xapian::Database> dbs;              /* in the order of their docids */
    std::vector<std::vector<Xapian::docid>> hidden; /* of each; those that are in it */
    std::vector<texts_handle> texts;                /* of each */
};

static bool is_hidden(const struct fk_xreader *r, std::size_t db, Xapian::docid docid) {
    return std::binary_search(r->hidden[db].begin(), r->hidden[db].end(), docid);
}
/* A database and its texts, as long as they are searched. */
struct place {
    const Xapian::Database &db;
    struct fk_texts *texts;
};
/* Made anew for each database, since what it is best made of depends on what is in it. */
using query_maker = std::function<Xapian::Query(const place &)>;
struct fk_xquery {
    query_maker in;
};

static enum fk_status fail_of(const Xapian::Error &e, enum fk_status status, const char *what,
                              struct fk_err *err) {
    const char *system = e.get_error_string();
    return fk_fail(err, status, "%s: %s%s%s (%s)", what, e.get_msg().c_str(), system ? ": " : "",
                   system ? system : "", e.get_type());
}

/* What a full disk or a missing file is, Xapian tells by its errno text alone. */
static enum fk_status status_of_system(const Xapian::Error &e, enum fk_status without) {
    const char *system = e.get_error_string();
    if (!system)
        return without;
    if (!strcmp(system, strerror(ENOSPC)) || !strcmp(system, strerror(EDQUOT)))
        return FK_FULL;
    return strcmp(system, strerror(ENOENT)) ? FK_IO : FK_NOT_FOUND;
}

/* Called in a catch-all only. A database's failure in which the system has no part, such as a block
 * cut short, is damage, whatever class Xapian gives it. */
static enum fk_status map_exception(const char *what, struct fk_err *err) noexcept {
    try {
        throw;
    } catch (const text_failure &f) {
        return fk_fail(err, f.st, "%s: %s", what, f.err.text);
    } catch (const Xapian::DatabaseNotFoundError &e) {
        return fail_of(e, FK_NOT_FOUND, what, err);
    } catch (const Xapian::DocNotFoundError &e) {
        return fail_of(e, FK_NOT_FOUND, what, err);
    } catch (const Xapian::DatabaseLockError &e) {
        return fail_of(e, FK_RETRY, what, err);
    } catch (const Xapian::DatabaseModifiedError &e) {
        return fail_of(e, FK_RETRY, what, err);
    } catch (const Xapian::DatabaseCorruptError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::DatabaseVersionError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::WildcardError &e) {
        return fail_of(e, FK_INVALID, what, err);
    } catch (const Xapian::InvalidArgumentError &e) {
        return fail_of(e, FK_INVALID, what, err);
    } catch (const Xapian::RangeError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::SerialisationError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::DatabaseError &e) {
        return fail_of(e, status_of_system(e, FK_CORRUPT), what, err);
    } catch (const Xapian::Error &e) {
        return fail_of(e, status_of_system(e, FK_IO), what, err);
    } catch (const std::bad_alloc &) {
        return fk_fail(err, FK_NOMEM, "%s: out of memory", what);
    } catch (const std::exception &e) {
        return fk_fail(err, FK_IO, "%s: %s", what, e.what());
    } catch (...) {
        return fk_fail(err, FK_IO, "%s: an unknown exception", what);
    }
}

/* Runs a piece of Xapian and turns what it throws into a status. */
template <typename F>
static enum fk_status guarded(const char *what, struct fk_err *err, F piece) noexcept {
    try {
        return piece();
    } catch (...) {
        return map_exception(what, err);
    }
}

static enum fk_status into_buf(const std::string &text, struct fk_buf *out, struct fk_err *err) {
    fk_buf_add(out, text.data(), text.size());
    return out->failed ? fk_fail(err, FK_NOMEM, "the index: out of memory") : FK_OK;
}

/* ---- writing */

/* All changes stand in a transaction, so that Xapian never commits a part of them on its own. */
static enum fk_status writer_new(const char *dir, int flags, bool in_place,
                                 struct fk_xwriter **out, struct fk_err *err) {
    return guarded("cannot open the index for writing", err, [&] {
        fk_xwriter *w = new fk_xwriter{dir, in_place, {}, {}};
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

/* Texts first: a text without a document is nothing, and goes with the next merge. */
static enum fk_status texts_write(struct fk_xwriter *w, struct fk_err *err) {
    struct fk_texts_writer *out = nullptr;
    if (w->in_place && w->texts.empty())
        return FK_OK;
    enum fk_status st = fk_texts_begin(w->dir.c_str(), &out, err);
    for (int k = 0; k < FK_TEXTS_KINDS; k++)
        for (auto it = w->texts.begin(); st == FK_OK && it != w->texts.end(); ++it) {
            const std::string &blob = it->second[static_cast<std::size_t>(k)];
            st = fk_texts_add(out, static_cast<enum fk_texts_kind>(k), it->first, blob.data(),
                              blob.size(), err);
        }
    if (st == FK_OK)
        st = fk_texts_end(&out, w->in_place, err);
    fk_texts_abort(&out);
    if (st == FK_OK)
        w->texts.clear();
    return st;
}

enum fk_status fk_xwriter_commit(struct fk_xwriter *w, struct fk_err *err) {
    return guarded("cannot commit to the index", err, [&] {
        const enum fk_status st = texts_write(w, err);
        if (st != FK_OK)
            return st;
        w->db.commit_transaction();
        w->db.begin_transaction();
        return FK_OK;
    });
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

static enum fk_status field_into(const uint8_t *blob, size_t blob_len, const char *prefix,
                                 struct fk_buf *out, struct fk_err *err) {
    const uint8_t *text;
    size_t len;
    if (fk_texts_field(blob, blob_len, prefix, strlen(prefix), &text, &len))
        fk_buf_add(out, text, len);
    return out->failed ? fk_fail(err, FK_NOMEM, "the index: out of memory") : FK_OK;
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
        doc->doc.set_data(std::string(static_cast<const char *>(data), len));
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
    return guarded("a record of the index", err,
                   [&] { return into_buf(doc->doc.get_data(), out, err); });
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
    if (own != w->texts.end())
        return own->second[kind];
    const texts_handle stored = texts_open(w->dir);
    const auto blob = texts_get(stored.get(), kind, docid);
    return std::string(reinterpret_cast<const char *>(blob.first), blob.second);
}

enum fk_status fk_xwriter_document(struct fk_xwriter *w, uint32_t docid, struct fk_xdoc **out,
                                   struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        std::unique_ptr<fk_xdoc> doc(new fk_xdoc);
        doc->doc = w->db.get_document(docid);
        doc->has_texts = false;
        doc->stored = [w, docid](enum fk_texts_kind kind) { return texts_in(w, kind, docid); };
        *out = doc.release();
        return FK_OK;
    });
}

enum fk_status fk_xwriter_put(struct fk_xwriter *w, uint32_t docid, struct fk_xdoc *doc,
                              struct fk_err *err) {
    return guarded("cannot write to the index", err, [&] {
        w->db.replace_document(docid, doc->doc);
        if (doc->has_texts)
            w->texts[docid] = {blob_of(doc, FK_TEXTS_ROWS), blob_of(doc, FK_TEXTS_SHOWN)};
        return FK_OK;
    });
}

enum fk_status fk_xwriter_delete(struct fk_xwriter *w, uint32_t docid, struct fk_err *err) {
    return guarded("cannot delete from the index", err, [&] {
        w->texts.erase(docid);
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
                         struct fk_err *err) {
    return guarded("cannot merge the index", err, [&] {
        Xapian::Database all;
        std::vector<Xapian::Database> dbs;
        for (size_t i = 0; i < n; i++)
            dbs.emplace_back(from_dirs[i]);
        for (const Xapian::Database &db : dbs)
            all.add_database(db);
        all.compact(to_dir, Xapian::DBCOMPACT_NO_RENUMBER);
        return texts_merge({from_dirs, from_dirs + n}, dbs, to_dir, err);
    });
}

/* ---- reading */

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
        *out = new fk_xreader{std::move(dbs), std::move(hidden), std::move(texts)};
        return FK_OK;
    });
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

/* Those of a term that are not hidden, as long as fn says so. */
template <typename F>
static void each_with_term(struct fk_xreader *r, const std::string &term, F fn) {
    for (std::size_t i = 0; i < r->dbs.size(); i++)
        for (Xapian::PostingIterator it = r->dbs[i].postlist_begin(term);
             it != r->dbs[i].postlist_end(term); ++it)
            if (!is_hidden(r, i, *it) && !fn(*it))
                return;
}

enum fk_status fk_xreader_term_count(struct fk_xreader *r, const char *term, size_t len,
                                     uint64_t *out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const std::string name(term, len);
        uint64_t n = 0;
        for (std::size_t i = 0; i < r->dbs.size(); i++) {
            n += r->dbs[i].get_termfreq(name);
            Xapian::PostingIterator it = r->dbs[i].postlist_begin(name);
            for (const Xapian::docid docid : r->hidden[i]) {
                it.skip_to(docid);
                if (it == r->dbs[i].postlist_end(name))
                    break;
                n -= *it == docid;
            }
        }
        *out = n;
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
            r->hidden[i].clear();
            Xapian::PostingIterator it = r->dbs[i].postlist_begin("");
            for (; k < n && docids[k] <= last; k++) {
                it.skip_to(static_cast<Xapian::docid>(docids[k]));
                if (it == r->dbs[i].postlist_end(""))
                    continue;
                if (*it == docids[k])
                    r->hidden[i].push_back(*it);
            }
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
        doc->has_texts = false;
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
        for (Xapian::TermIterator t = doc.termlist_begin(); t != doc.termlist_end(); ++t) {
            fk_buf_printf(out, "term %s\n", (*t).c_str());
        }
        for (Xapian::ValueIterator v = doc.values_begin(); v != doc.values_end(); ++v) {
            fk_buf_printf(out, "value %u ", v.get_valueno());
            fk_buf_hex(out, (*v).data(), (*v).size());
            fk_buf_byte(out, '\n');
        }
        for (int k = 0; k < FK_TEXTS_KINDS; k++) {
            const auto blob = texts_get(r->texts[database_of(r, docid)].get(),
                                        static_cast<enum fk_texts_kind>(k), docid);
            struct fk_text_field f;
            for (size_t at = 0; fk_texts_field_next(blob.first, blob.second, &at, &f);)
                text_dump(k == FK_TEXTS_ROWS ? "row" : "shown", f, out);
        }
        fk_buf_str(out, "data\n");
        return into_buf(doc.get_data(), out, err);
    });
}

enum fk_status fk_xreader_data(struct fk_xreader *r, uint32_t docid, struct fk_buf *out,
                               struct fk_err *err) {
    return guarded("cannot read the index", err,
                   [&] { return into_buf(document_of(r, docid).get_data(), out, err); });
}

enum fk_status fk_xreader_text(struct fk_xreader *r, uint32_t docid, enum fk_texts_kind kind,
                               const char *prefix, struct fk_buf *out, struct fk_err *err) {
    return guarded("cannot read the index", err, [&] {
        const auto blob = texts_get(r->texts[database_of(r, docid)].get(), kind, docid);
        return field_into(blob.first, blob.second, prefix, out, err);
    });
}

enum fk_status fk_xreader_value(struct fk_xreader *r, uint32_t docid, unsigned slot,
                                struct fk_buf *out, struct fk_err *err) {
    return guarded("cannot read the index", err,
                   [&] { return into_buf(document_of(r, docid).get_value(slot), out, err); });
}

/* ---- queries */

template <typename F> static struct fk_xquery *query_of(F make) noexcept {
    try {
        return new fk_xquery{make()};
    } catch (...) {
        return nullptr;
    }
}

/* A term that stands in every document of the database. Xapian 1.4 puts the list of all documents
 * in its place and names it by the term, after which that list looks for its further blocks under
 * the wrong name: "Unexpected end of posting list" where docids have gaps or do not begin at 1, as
 * they never do here. So such a term is asked for as what it is, all documents. */
static bool is_everywhere(const Xapian::Database &db, const std::string &term) {
    return !term.empty() && db.get_termfreq(term) == db.get_doccount();
}

static Xapian::Query everything() {
    return Xapian::Query(std::string());
}

template <Xapian::Query::op Op>
static struct fk_xquery *query_join(struct fk_xquery *a, struct fk_xquery *b) noexcept {
    struct fk_xquery *joined = nullptr;
    if (a && b)
        joined = query_of([&] {
            return [a = a->in, b = b->in](const place &in) {
                return Xapian::Query(Op, a(in), b(in));
            };
        });
    delete a;
    delete b;
    return joined;
}

struct fk_xquery *fk_xquery_term(const char *term, size_t len) {
    return query_of([&] {
        return [t = std::string(term, len)](const place &in) {
            return is_everywhere(in.db, t) ? everything() : Xapian::Query(t);
        };
    });
}

struct fk_xquery *fk_xquery_all(void) {
    return query_of([] { return [](const place &) { return everything(); }; });
}

struct fk_xquery *fk_xquery_nothing(void) {
    return query_of([] { return [](const place &) { return Xapian::Query(); }; });
}

struct fk_xquery *fk_xquery_and(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_AND>(a, b);
}

struct fk_xquery *fk_xquery_or(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_OR>(a, b);
}

struct fk_xquery *fk_xquery_and_not(struct fk_xquery *a, struct fk_xquery *b) {
    return query_join<Xapian::Query::OP_AND_NOT>(a, b);
}

/* Documents in whose text a phrase stands. It is asked last, of those that all the rest of an AND
 * has: it says that it has every document, and the rarest is gone through. */
class Verified : public Xapian::PostingSource {
    std::shared_ptr<const struct fk_phrase> phrase;
    struct fk_texts *texts;
    Xapian::Database db;
    Xapian::docid at = 0;
    bool is_over = false;

    bool stands(Xapian::docid docid) const {
        const auto blob = texts_get(texts, FK_TEXTS_ROWS, docid);
        size_t prefix_len, len;
        const char *prefix = fk_phrase_prefix(phrase.get(), &prefix_len);
        const uint8_t *row;
        return fk_texts_field(blob.first, blob.second, prefix, prefix_len, &row, &len) &&
               fk_phrase_stands(phrase.get(), row, len);
    }

  public:
    Verified(std::shared_ptr<const struct fk_phrase> what, const place &in)
        : phrase(std::move(what)), texts(in.texts), db(in.db) {
    }
    Verified *clone() const override {
        return new Verified(phrase, place{db, texts});
    }
    void init(const Xapian::Database &) override {
        at = 0;
        is_over = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return 0;
    }
    Xapian::doccount get_termfreq_est() const override {
        return db.get_doccount();
    }
    Xapian::doccount get_termfreq_max() const override {
        return db.get_doccount();
    }
    void next(double weight) override {
        skip_to(at + 1, weight);
    }
    void skip_to(Xapian::docid docid, double) override {
        Xapian::PostingIterator it = db.postlist_begin("");
        for (it.skip_to(docid); it != db.postlist_end(""); ++it)
            if (stands(*it)) {
                at = *it;
                return;
            }
        is_over = true;
    }
    bool check(Xapian::docid docid, double) override {
        if (!stands(docid))
            return false;
        at = docid;
        return true;
    }
    bool at_end() const override {
        return is_over;
    }
    Xapian::docid get_docid() const override {
        return at;
    }
};

struct phrase_freer {
    void operator()(const struct fk_phrase *p) const {
        struct fk_phrase *own = const_cast<struct fk_phrase *>(p);
        fk_phrase_free(&own);
    }
};

/* All of the terms, and then the text. */
static Xapian::Query verified(const std::vector<std::string> &terms,
                              const std::shared_ptr<const struct fk_phrase> &phrase,
                              const place &in) {
    std::vector<Xapian::Query> all;
    for (const std::string &term : terms)
        all.push_back(is_everywhere(in.db, term) ? everything() : Xapian::Query(term));
    Verified source(phrase, in);
    all.emplace_back(&source);
    return Xapian::Query(Xapian::Query::OP_AND, all.begin(), all.end());
}

/* The tokens of a term, each with its prefix: each document has to have them all. */
static void filter_add(std::vector<std::string> &out, const std::string &term) {
    const std::string prefix = term.substr(0, fk_phrase_prefix_of(term.data(), term.size()));
    for (std::size_t at = prefix.size(); at < term.size();) {
        const std::size_t stop = std::min(term.find(' ', at), term.size());
        const std::string one = prefix + term.substr(at, stop - at);
        if (std::find(out.begin(), out.end(), one) == out.end())
            out.push_back(one);
        at = stop + 1;
    }
}

static struct fk_xquery *query_verified(const char *const *terms, const size_t *lens, size_t n,
                                        struct fk_phrase *made) {
    if (!made)
        return nullptr;
    return query_of([&] {
        std::shared_ptr<const struct fk_phrase> phrase(made, phrase_freer());
        std::vector<std::string> all;
        for (size_t i = 0; i < n; i++)
            filter_add(all, std::string(terms[i], lens[i]));
        return [all, phrase](const place &in) { return verified(all, phrase, in); };
    });
}

struct fk_xquery *fk_xquery_phrase(const char *const *terms, const size_t *lens, size_t n) {
    return n == 1 ? fk_xquery_term(terms[0], lens[0])
                  : query_verified(terms, lens, n, fk_phrase_new(terms, lens, n));
}

struct fk_xquery *fk_xquery_near(const char *const *terms, const size_t *lens, size_t n,
                                 unsigned window) {
    return query_verified(terms, lens, n, fk_phrase_near(terms, lens, n, window ? window : 1));
}

/* Terms over the limit are Xapian's to refuse. */
static Xapian::Query expanded(const Xapian::Database &db, const std::string &prefix, unsigned max) {
    bool all = false;
    unsigned n = 0;
    for (Xapian::TermIterator t = db.allterms_begin(prefix);
         t != db.allterms_end(prefix) && n <= max; ++t, n++)
        all |= t.get_termfreq() == db.get_doccount();
    return all && n <= max
               ? everything()
               : Xapian::Query(Xapian::Query::OP_WILDCARD, prefix, max,
                               Xapian::Query::WILDCARD_LIMIT_ERROR, Xapian::Query::OP_OR);
}

struct fk_xquery *fk_xquery_prefix(const char *prefix, size_t len, unsigned max) {
    return query_of([&] {
        return [p = std::string(prefix, len), max](const place &in) {
            return expanded(in.db, p, max);
        };
    });
}

/* ---- patterns */

/* Looking stops at the first script that is cut into bigrams, which no pattern is about, and passes
 * over the fields that have a prefix where the one asked for has none. */
static const char *const PATTERN_END = "\xe3";

static Xapian::Query matching(const Xapian::Database &db, const std::string &field,
                              const std::string &pattern, unsigned max) {
    const std::string head = field + pattern.substr(0, pattern.find_first_of("*?"));
    std::vector<Xapian::Query> found;
    bool all = false;
    Xapian::TermIterator t = db.allterms_begin(head);
    while (t != db.allterms_end(head)) {
        const std::string term = *t;
        if (field.empty() && term[0] >= 'A' && term[0] <= 'Z') {
            t.skip_to("[");
            continue;
        }
        if (term.compare(field.size(), 1, PATTERN_END) >= 0)
            break;
        if (fk_pattern_matches(pattern.data(), pattern.size(), term.data() + field.size(),
                               term.size() - field.size())) {
            all |= t.get_termfreq() == db.get_doccount();
            found.emplace_back(term);
        }
        if (found.size() > max)
            throw Xapian::WildcardError("too many terms match " + pattern);
        ++t;
    }
    return all ? everything() : Xapian::Query(Xapian::Query::OP_OR, found.begin(), found.end());
}

struct fk_xquery *fk_xquery_wildcard(const char *prefix_of_field, const char *pattern, size_t len,
                                     unsigned max) {
    return query_of([&] {
        return [f = std::string(prefix_of_field), p = std::string(pattern, len),
                max](const place &in) { return matching(in.db, f, p, max); };
    });
}

/* ---- domains */

/* Documents by a value of lines, one of which is to be outside of the domains. */
class Outside : public Xapian::PostingSource {
    const Xapian::valueno slot;
    const std::vector<std::string> ours;
    Xapian::Database db;
    Xapian::ValueIterator at;
    bool begun = false;

    bool is_outside(const std::string &lines) const {
        for (std::size_t from = 0; from < lines.size();) {
            const std::size_t end = std::min(lines.find('\n', from), lines.size());
            const std::string domain = lines.substr(from, end - from);
            if (std::none_of(ours.begin(), ours.end(), [&](const std::string &d) {
                    return fk_host_is_below(domain.c_str(), d.c_str());
                }))
                return true;
            from = end + 1;
        }
        return false;
    }
    void settle() {
        while (at != db.valuestream_end(slot) && !is_outside(*at))
            ++at;
    }

  public:
    Outside(unsigned number, const std::vector<std::string> &domains)
        : slot(number), ours(domains) {
    }
    Outside *clone() const override {
        return new Outside(slot, ours);
    }
    void init(const Xapian::Database &database) override {
        db = database;
        at = db.valuestream_begin(slot);
        begun = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return 0;
    }
    Xapian::doccount get_termfreq_est() const override {
        return db.get_value_freq(slot) / 2;
    }
    Xapian::doccount get_termfreq_max() const override {
        return db.get_value_freq(slot);
    }
    void next(double) override {
        if (begun)
            ++at;
        begun = true;
        settle();
    }
    void skip_to(Xapian::docid docid, double) override {
        begun = true;
        at.skip_to(docid);
        settle();
    }
    bool at_end() const override {
        return at == db.valuestream_end(slot);
    }
    Xapian::docid get_docid() const override {
        return at.get_docid();
    }
};

struct fk_xquery *fk_xquery_outside(unsigned slot, const char *const *domains, size_t n) {
    return query_of([&] {
        return [slot,
                ours = std::vector<std::string>(domains, domains + n)](const place &) {
            return Xapian::Query((new Outside(slot, ours))->release());
        };
    });
}

/* An open lower end is the least value there can be, since to Xapian a document without the value
 * has the empty one. */
struct fk_xquery *fk_xquery_range(unsigned slot, const void *from, size_t from_len, const void *to,
                                  size_t to_len) {
    return query_of([&] {
        const std::string low = from_len ? std::string(static_cast<const char *>(from), from_len)
                                         : std::string(1, '\0');
        const std::string high(static_cast<const char *>(to), to_len);
        const Xapian::Query q = high.empty()
                                    ? Xapian::Query(Xapian::Query::OP_VALUE_GE, slot, low)
                                    : Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, low, high);
        return [q](const place &) { return q; };
    });
}

struct fk_xquery *fk_xquery_copy(const struct fk_xquery *q) {
    return q ? query_of([&] { return q->in; }) : nullptr;
}

void fk_xquery_free(struct fk_xquery **q) {
    delete *q;
    *q = nullptr;
}

/* What one database adds to a page that ends before `end`: a sort key and a docid for each hit. The
 * total is exact because every match is looked at: with check_at_least at the number of documents
 * both bounds are the count. */
using hit = std::pair<std::string, Xapian::docid>;
static enum fk_status hits_of(const Xapian::Database &db, const Xapian::Query &query,
                              unsigned sort_slot, uint64_t end, std::vector<hit> &out,
                              uint64_t &total, struct fk_err *err) {
    const Xapian::doccount all = db.get_doccount();
    Xapian::Enquire enquire(db);
    enquire.set_query(query);
    enquire.set_weighting_scheme(Xapian::BoolWeight());
    enquire.set_docid_order(Xapian::Enquire::DESCENDING);
    enquire.set_sort_by_value(sort_slot, true);
    const Xapian::doccount want = end < all ? static_cast<Xapian::doccount>(end) : all;
    const Xapian::MSet hits = enquire.get_mset(0, want, all);
    if (hits.get_matches_lower_bound() != hits.get_matches_upper_bound())
        return fk_fail(err, FK_IO, "the index gave between %u and %u hits, not a count",
                       hits.get_matches_lower_bound(), hits.get_matches_upper_bound());
    for (Xapian::MSetIterator m = hits.begin(); m != hits.end(); ++m)
        out.emplace_back(m.get_sort_key(), *m);
    total += hits.get_matches_lower_bound();
    return FK_OK;
}

enum fk_status fk_xreader_search(struct fk_xreader *r, const struct fk_xquery *q,
                                 unsigned sort_slot, uint64_t offset, size_t limit,
                                 struct fk_xhits *out, struct fk_err *err) {
    if (!q)
        return fk_fail(err, FK_NOMEM, "the query could not be built: out of memory");
    if (limit > FK_XHITS_MAX)
        return fk_fail(err, FK_INVALID, "%zu hits at once are over the limit of %d", limit,
                       FK_XHITS_MAX);
    return guarded("cannot search the index", err, [&] {
        std::vector<hit> hits;
        uint64_t total = 0;
        const uint64_t end = limit ? offset + limit : 0;
        for (std::size_t i = 0; i < r->dbs.size(); i++) {
            Hidden hidden(&r->hidden[i]);
            const Xapian::Query all = q->in(place{r->dbs[i], r->texts[i].get()});
            const Xapian::Query shown =
                r->hidden[i].empty()
                    ? all
                    : Xapian::Query(Xapian::Query::OP_AND_NOT, all, Xapian::Query(&hidden));
            enum fk_status st = hits_of(r->dbs[i], shown, sort_slot, end, hits, total, err);
            if (st != FK_OK)
                return st;
        }
        if (r->dbs.size() > 1)
            std::sort(hits.begin(), hits.end(), std::greater<hit>());
        out->count = 0;
        for (uint64_t i = offset; i < end && i < hits.size(); i++)
            out->docids[out->count++] = hits[i].second;
        out->total = total;
        return FK_OK;
    });
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
        for (std::size_t i = 0; i < r->dbs.size() && st == FK_OK; i++) {
            const Xapian::Database &db = r->dbs[i];
            Xapian::Enquire enquire(db);
            enquire.set_query(q->in(place{db, r->texts[i].get()}));
            enquire.set_weighting_scheme(Xapian::BoolWeight());
            enquire.set_docid_order(Xapian::Enquire::ASCENDING);
            const Xapian::MSet all = enquire.get_mset(0, db.get_doccount());
            Xapian::ValueIterator first = db.valuestream_begin(first_slot),
                                  second = db.valuestream_begin(second_slot);
            const Xapian::ValueIterator first_end = db.valuestream_end(first_slot),
                                        second_end = db.valuestream_end(second_slot);
            for (Xapian::MSetIterator m = all.begin(); m != all.end() && st == FK_OK; ++m) {
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
