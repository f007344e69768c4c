/* xapian_shim.cc - the one C++ file: every entry is noexcept and hands whatever is thrown to
 * map_exception. Written for Xapian 1.4.22 and newer. */
#include "indexer/xapian_shim.h"
#include "indexer/host.h"
#include "indexer/pattern.h"
#include "indexer/phrase_priv.h"
#include "indexer/terms.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
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
struct fk_xreader {
    std::vector<Xapian::Database> dbs;              /* in the order of their docids */
    std::vector<std::vector<Xapian::docid>> hidden; /* of each; those that are in it */
    std::vector<texts_handle> texts;                /* of each */
};

static bool is_hidden(const struct fk_xreader *r, std::size_t db, Xapian::docid docid) {
    return std::binary_search(r->hidden[db].begin(), r->hidden[db].end(), docid);
}
/* How long the words that "a*" stands for have been looked up, all databases together. */
struct budget {
    std::atomic<int64_t> spent_ms{0};
    std::atomic<bool> is_cut{false};
};
class stopwatch {
    struct budget &of;
    const std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

    int64_t ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now() - began)
            .count();
    }

  public:
    explicit stopwatch(struct budget &budget) : of(budget) {
    }
    stopwatch(const stopwatch &) = delete;
    stopwatch &operator=(const stopwatch &) = delete;
    ~stopwatch() {
        of.spent_ms += ms();
    }
    bool is_over() const {
        return of.spent_ms + ms() >= FK_XEXPANSION_MS;
    }
};
/* A database and its texts, as long as they are searched. */
struct place {
    const Xapian::Database &db;
    struct fk_texts *texts;
    struct budget *expansion;
};
/* Made anew for each database, since what it is best made of depends on what is in it. */
using query_maker = std::function<Xapian::Query(const place &)>;
/* False where bounds that cost nothing to read say that nothing in the database matches. */
using query_bounds = std::function<bool(const Xapian::Database &)>;
struct fk_xquery {
    query_maker in;
    query_bounds may;  /* empty: always */
    std::string term;  /* where it is one term and nothing else; "" otherwise */
};

static bool may_match(const query_bounds &may, const Xapian::Database &db) {
    return !may || may(db);
}

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
            std::inplace_merge(hidden.begin(),
                               hidden.begin() + static_cast<std::ptrdiff_t>(before), hidden.end());
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
        return new fk_xquery{make(), {}, {}};
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

static bool joined_may(Xapian::Query::op op, const fk_xquery &a, const fk_xquery &b,
                       const Xapian::Database &db) {
    if (op == Xapian::Query::OP_AND)
        return may_match(a.may, db) && may_match(b.may, db);
    return may_match(a.may, db) || (op == Xapian::Query::OP_OR && may_match(b.may, db));
}

template <Xapian::Query::op Op>
static struct fk_xquery *query_join(struct fk_xquery *a, struct fk_xquery *b) noexcept {
    struct fk_xquery *joined = nullptr;
    const std::unique_ptr<fk_xquery> own_a(a), own_b(b);
    try {
        if (a && b) {
            const auto both = std::make_shared<const std::pair<fk_xquery, fk_xquery>>(
                std::move(*a), std::move(*b));
            joined = new fk_xquery{[both](const place &in) {
                                       return Xapian::Query(Op, both->first.in(in),
                                                            both->second.in(in));
                                   },
                                   [both](const Xapian::Database &db) {
                                       return joined_may(Op, both->first, both->second, db);
                                   },
                                   {}};
        }
    } catch (...) {
    }
    return joined;
}

struct fk_xquery *fk_xquery_term(const char *term, size_t len) {
    struct fk_xquery *q = query_of([&] {
        return [t = std::string(term, len)](const place &in) {
            return is_everywhere(in.db, t) ? everything() : Xapian::Query(t);
        };
    });
    try {
        if (q)
            q->term.assign(term, len);
    } catch (...) {
        fk_xquery_free(&q);
    }
    return q;
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
        return new Verified(phrase, place{db, texts, nullptr});
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

/* ---- words that begin so */

/* Documents of one database, a bit for each docid. */
class Documents {
    Xapian::docid first = 1;
    std::vector<uint64_t> bits;

  public:
    explicit Documents(const Xapian::Database &db) {
        const Xapian::PostingIterator all = db.postlist_begin("");
        if (all != db.postlist_end(""))
            first = *all;
        const Xapian::docid last = db.get_lastdocid();
        bits.resize(last >= first ? (last - first) / 64 + 1 : 0);
    }
    void add(Xapian::docid docid) {
        bits[(docid - first) / 64] |= uint64_t{1} << (docid - first) % 64;
    }
    void add_all(const Xapian::Database &db, const std::string &term) {
        for (auto it = db.postlist_begin(term); it != db.postlist_end(term); ++it)
            add(*it);
    }
    Xapian::doccount count() const {
        Xapian::doccount n = 0;
        for (const uint64_t word : bits)
            n += static_cast<Xapian::doccount>(__builtin_popcountll(word));
        return n;
    }
    /* From docid on; 0 none. */
    Xapian::docid next(Xapian::docid docid) const {
        const std::size_t from = docid > first ? docid - first : 0;
        std::size_t i = from / 64;
        if (i >= bits.size())
            return 0;
        for (uint64_t word = bits[i] & ~uint64_t{0} << from % 64;; word = bits[i]) {
            if (word)
                return static_cast<Xapian::docid>(
                    first + i * 64 + static_cast<std::size_t>(__builtin_ctzll(word)));
            if (++i == bits.size())
                return 0;
        }
    }
};

class OfDocuments : public Xapian::PostingSource {
    std::shared_ptr<const Documents> all;
    Xapian::doccount count;
    Xapian::docid at = 0;
    bool is_over = false;

  public:
    OfDocuments(std::shared_ptr<const Documents> documents, Xapian::doccount n)
        : all(std::move(documents)), count(n) {
    }
    OfDocuments *clone() const override {
        return new OfDocuments(all, count);
    }
    void init(const Xapian::Database &) override {
        at = 0;
        is_over = false;
    }
    Xapian::doccount get_termfreq_min() const override {
        return count;
    }
    Xapian::doccount get_termfreq_est() const override {
        return count;
    }
    Xapian::doccount get_termfreq_max() const override {
        return count;
    }
    void next(double weight) override {
        skip_to(at + 1, weight);
    }
    void skip_to(Xapian::docid docid, double) override {
        if (docid > at)
            at = all->next(docid);
        is_over = at == 0;
    }
    bool at_end() const override {
        return is_over;
    }
    Xapian::docid get_docid() const override {
        return at;
    }
};

static Xapian::Query of_documents(const Xapian::Database &db,
                                  const std::shared_ptr<const Documents> &documents) {
    const Xapian::doccount n = documents->count();
    if (n == 0)
        return Xapian::Query();
    return n == db.get_doccount()
               ? everything()
               : Xapian::Query((new OfDocuments(documents, n))->release());
}

enum word { WORD_IS_ONE, WORD_IS_NONE, WORD_HAS_PREFIX, WORD_IS_LAST };
/* Documents with any of the words after `head` that `is` takes. One list of documents is read after
 * another, so that memory does not grow with the words; what is over `max` words or the time is
 * left out, and said. */
template <typename F>
static Xapian::Query any_word(const place &in, const std::string &head, unsigned max, F is) {
    const auto found = std::make_shared<Documents>(in.db);
    const stopwatch watch(*in.expansion);
    unsigned n = 0;
    Xapian::TermIterator t = in.db.allterms_begin(head);
    for (unsigned looked = 0; t != in.db.allterms_end(head); looked++) {
        const std::string term = *t;
        const enum word what = is(term);
        if (what == WORD_IS_LAST)
            break;
        if ((what == WORD_IS_ONE && n == max) ||
            (looked % 16 == 15 && watch.is_over())) {
            in.expansion->is_cut = true;
            break;
        }
        if (what == WORD_IS_ONE) {
            found->add_all(in.db, term);
            n++;
        }
        if (what == WORD_HAS_PREFIX)
            t.skip_to("[");
        else
            ++t;
    }
    return of_documents(in.db, found);
}

struct fk_xquery *fk_xquery_prefix(const char *prefix, size_t len, unsigned max) {
    return query_of([&] {
        return [p = std::string(prefix, len), max](const place &in) {
            return any_word(in, p, max, [](const std::string &) { return WORD_IS_ONE; });
        };
    });
}

/* Those of one term, without those in which it is a variant. */
static void add_exactly(const place &in, const std::string &field, const std::string &mark,
                        const std::string &token, Documents &found) {
    const std::string varied = field + mark + token;
    auto not_here = in.db.postlist_begin(varied);
    const auto end = in.db.postlist_end(varied);
    for (auto it = in.db.postlist_begin(field + token); it != in.db.postlist_end(field + token);
         ++it) {
        if (not_here != end && *not_here < *it)
            not_here.skip_to(*it);
        if (not_here == end || *not_here != *it)
            found.add(*it);
    }
}

static Xapian::Query of_character(const place &in, const std::string &field,
                                  const std::string &character, const std::string &mark) {
    const auto found = std::make_shared<Documents>(in.db);
    const std::string head = field + character;
    for (auto t = in.db.allterms_begin(head); t != in.db.allterms_end(head); ++t) {
        const std::string token = (*t).substr(field.size());
        if (!fk_terms_begins_with(token.data(), token.size(), character.data(), character.size()))
            continue;
        if (mark.empty())
            found->add_all(in.db, *t);
        else
            add_exactly(in, field, mark, token, *found);
    }
    return of_documents(in.db, found);
}

struct fk_xquery *fk_xquery_character(const char *prefix_of_field, const char *character, size_t len,
                                      const char *varied) {
    return query_of([&] {
        return [f = std::string(prefix_of_field), c = std::string(character, len),
                mark = std::string(varied ? varied : "")](const place &in) {
            return of_character(in, f, c, mark);
        };
    });
}

/* ---- patterns */

/* Looking stops at the first script that is cut into bigrams, which no pattern is about, and passes
 * over the fields that have a prefix where the one asked for has none. */
static const char *const PATTERN_END = "\xe3";

static Xapian::Query matching(const place &in, const std::string &field,
                              const std::string &pattern, unsigned max) {
    const std::string head = field + pattern.substr(0, pattern.find_first_of("*?"));
    return any_word(in, head, max, [&](const std::string &term) {
        if (field.empty() && term[0] >= 'A' && term[0] <= 'Z')
            return WORD_HAS_PREFIX;
        if (term.compare(field.size(), 1, PATTERN_END) >= 0)
            return WORD_IS_LAST;
        return fk_pattern_matches(pattern.data(), pattern.size(), term.data() + field.size(),
                                  term.size() - field.size())
                   ? WORD_IS_ONE
                   : WORD_IS_NONE;
    });
}

struct fk_xquery *fk_xquery_wildcard(const char *prefix_of_field, const char *pattern, size_t len,
                                     unsigned max) {
    return query_of([&] {
        return [f = std::string(prefix_of_field), p = std::string(pattern, len),
                max](const place &in) { return matching(in, f, p, max); };
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

/* Made anew for each database as all are: Xapian counts references without a lock, and databases
 * are read in parallel. An open lower end is the least value there can be, since to Xapian a document without the value
 * has the empty one. */
struct fk_xquery *fk_xquery_range(unsigned slot, const void *from, size_t from_len, const void *to,
                                  size_t to_len) {
    struct fk_xquery *q = query_of([&] {
        const std::string low = from_len ? std::string(static_cast<const char *>(from), from_len)
                                         : std::string(1, '\0');
        const std::string high(static_cast<const char *>(to), to_len);
        return [slot, low, high](const place &) {
            return high.empty() ? Xapian::Query(Xapian::Query::OP_VALUE_GE, slot, low)
                                : Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, low, high);
        };
    });
    try {
        if (q)
            q->may = [slot, low = std::string(static_cast<const char *>(from), from_len),
                      high = std::string(static_cast<const char *>(to), to_len)](
                         const Xapian::Database &db) {
                return db.get_value_freq(slot) > 0 && db.get_value_upper_bound(slot) >= low &&
                       (high.empty() || db.get_value_lower_bound(slot) <= high);
            };
    } catch (...) {
        fk_xquery_free(&q);
    }
    return q;
}

/* The same query once more. */
struct fk_xquery *fk_xquery_copy(const struct fk_xquery *q) {
    try {
        return q ? new fk_xquery(*q) : nullptr;
    } catch (...) {
        return nullptr;
    }
}

void fk_xquery_free(struct fk_xquery **q) {
    delete *q;
    *q = nullptr;
}

/* ---- one pass over the hits */

using hit = struct fk_xhit;
/* Greatest key first, then greatest docid. */
static bool is_before(const hit &a, const hit &b) {
    return a.key != b.key ? a.key > b.key : a.docid > b.docid;
}

static uint64_t key_of(const std::string &value) {
    uint64_t key = 0;
    for (std::size_t i = 0; i < 8; i++)
        key = key << 8 | (i < value.size() ? static_cast<unsigned char>(value[i]) : 0);
    return key;
}

/* The first hits in their order, of all databases. The last of them is on top of the heap. */
class First {
    std::mutex lock;
    std::vector<hit> heap;
    const struct fk_xsurvey &ask;

  public:
    explicit First(const struct fk_xsurvey &survey) : ask(survey) {
    }
    /* No hit with a smaller key is wanted. */
    uint64_t least() {
        const std::lock_guard<std::mutex> held(lock);
        return ask.want == 0 ? UINT64_MAX : heap.size() < ask.want ? 0 : heap.front().key;
    }
    void take(const std::vector<hit> &hits) {
        const std::lock_guard<std::mutex> held(lock);
        for (const hit &h : hits)
            add(heap, ask.want, h);
    }
    static void add(std::vector<hit> &heap, std::size_t want, const hit &h) {
        if (heap.size() == want) {
            if (want == 0 || !is_before(h, heap.front()))
                return;
            std::pop_heap(heap.begin(), heap.end(), is_before);
            heap.pop_back();
        }
        heap.push_back(h);
        std::push_heap(heap.begin(), heap.end(), is_before);
    }
    std::vector<hit> sorted() {
        std::sort_heap(heap.begin(), heap.end(), is_before);
        return std::move(heap);
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
    std::vector<hit> heap;
    std::size_t next_hidden = 0, next_watched = 0;
    uint64_t least; /* key of hits that are wanted */
    bool reads_keys;

    bool is_hidden(Xapian::docid docid) {
        while (next_hidden < hidden.size() && hidden[next_hidden] < docid)
            next_hidden++;
        return next_hidden < hidden.size() && hidden[next_hidden] == docid;
    }
    void watch(Xapian::docid docid) {
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
           const std::vector<Xapian::docid> &hidden_ones, uint64_t least_key)
        : ask(survey), hidden(hidden_ones), least(least_key),
          reads_keys(survey.want > 0 &&
                     key_of(db.get_value_upper_bound(survey.sort_slot)) >= least_key),
          with(survey.flag_count) {
        for (std::size_t i = 0; i < survey.flag_count; i++)
            flags.push_back({db.postlist_begin(survey.flags[i]), db.postlist_end(survey.flags[i])});
    }
    bool wants_keys() const {
        return reads_keys;
    }
    template <typename F> void take(Xapian::docid docid, F value) {
        if (is_hidden(docid))
            return;
        total++;
        for (std::size_t i = 0; i < flags.size(); i++)
            with[i] += flags[i].has(docid);
        watch(docid);
        if (!reads_keys)
            return;
        const hit h = {key_of(value()), docid};
        if (h.key >= least && (!ask.has_after || is_before(ask.after, h)))
            First::add(heap, ask.want, h);
    }
    const std::vector<hit> &first() const {
        return heap;
    }
};

/* Xapian shows it every hit, by ascending docid, with its values. */
class Counting : public Xapian::MatchSpy {
    Counts &counts;
    const unsigned slot;

  public:
    Counting(Counts &into, unsigned sort_slot) : counts(into), slot(sort_slot) {
    }
    void operator()(const Xapian::Document &doc, double) override {
        counts.take(doc.get_docid(), [&] { return doc.get_value(slot); });
    }
};

/* One term: its list is all there is to read. */
static void count_term(const Xapian::Database &db, const std::string &term, unsigned slot,
                       Counts &counts) {
    Xapian::ValueIterator value = db.valuestream_begin(slot);
    for (auto it = db.postlist_begin(term); it != db.postlist_end(term); ++it)
        counts.take(*it, [&] {
            if (value != db.valuestream_end(slot) && value.get_docid() < *it)
                value.skip_to(*it);
            return value != db.valuestream_end(slot) && value.get_docid() == *it ? *value
                                                                                  : std::string();
        });
}

static void count_query(const Xapian::Database &db, const Xapian::Query &query, unsigned slot,
                        Counts &counts) {
    Xapian::Enquire enquire(db);
    enquire.set_query(query);
    enquire.set_weighting_scheme(Xapian::BoolWeight());
    enquire.set_docid_order(Xapian::Enquire::ASCENDING);
    Counting spy(counts, slot);
    enquire.add_matchspy(&spy);
    (void)enquire.get_mset(0, 0, db.get_doccount());
}

class Survey {
    struct fk_xreader *r;
    const struct fk_xquery *q;
    struct fk_xsurvey &s;
    struct budget expansion;
    First first;
    std::vector<std::size_t> order; /* databases that may have hits, those with the newest first */
    std::atomic<std::size_t> next{0};
    std::mutex lock; /* of the sums, and of what went wrong */
    std::exception_ptr wrong;

    void count(std::size_t i) {
        const Xapian::Database &db = r->dbs[i];
        Counts counts(s, db, r->hidden[i], first.least());
        if (!q->term.empty() && !counts.wants_keys() && s.flag_count + s.watched_count == 0 &&
            r->hidden[i].empty())
            counts.total = db.get_termfreq(q->term);
        else if (!q->term.empty())
            count_term(db, q->term, s.sort_slot, counts);
        else
            count_query(db, q->in(place{db, r->texts[i].get(), &expansion}), s.sort_slot, counts);
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
        const std::size_t most = s.threads                         ? s.threads
                                 : documents < FK_XSURVEY_ALONE ? 1
                                                                   : std::thread::hardware_concurrency();
        return std::max<std::size_t>(1, std::min(most, order.size()));
    }

  public:
    Survey(struct fk_xreader *reader, const struct fk_xquery *query, struct fk_xsurvey &survey)
        : r(reader), q(query), s(survey), first(survey) {
        std::vector<std::pair<std::string, std::size_t>> by_newest;
        for (std::size_t i = 0; i < r->dbs.size(); i++)
            if (may_match(q->may, r->dbs[i]))
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
        s.is_cut = expansion.is_cut;
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
        struct budget expansion;
        for (std::size_t i = 0; i < r->dbs.size() && st == FK_OK; i++) {
            const Xapian::Database &db = r->dbs[i];
            Xapian::Enquire enquire(db);
            enquire.set_query(q->in(place{db, r->texts[i].get(), &expansion}));
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
