/* delivery_lines.c - deliveries as lines of a document's data, and as terms: deliveries_priv.h */
#include "indexer/deliveries_priv.h"
#include "indexer/record/delivery_record.h"
#include "indexer/record/delivery_term.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

/* ---- lines */

bool fk_deliveries__is_line(const struct fk_field *f) {
    return fk_field_is(f, "delivery") || fk_field_is(f, "delivery-left-out");
}

/* A blank follows. */
static uint64_t number_of(const struct fk_field *f) {
    return strtoull(f->value, NULL, 10);
}

static void line_copy(const struct fk_field *f, struct fk_buf *out) {
    fk_buf_add(out, f->name, (size_t)(f->value + f->value_len + 1 - f->name));
}

/* They stand behind the capture's line and its verdicts, by entry. */
void fk_deliveries__replace(const struct fk_buf *data, uint64_t capture, uint64_t entry,
                            const struct fk_buf *lines, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    bool is_due = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_ours = fk_deliveries__is_line(&f);
        if (is_due && !fk_field_is(&f, "verdict") && !(is_ours && number_of(&f) <= entry)) {
            fk_buf_add(out, lines->data, lines->len);
            is_due = false;
        }
        if (!is_due || !is_ours || number_of(&f) != entry)
            line_copy(&f, out);
        if (fk_field_is(&f, "capture"))
            is_due = number_of(&f) == capture;
    }
    if (is_due)
        fk_buf_add(out, lines->data, lines->len);
    out->failed |= data->failed || lines->failed;
}

/* ---- terms */

struct line {
    struct fk_buf text; /* of the words: status, dsn, time, relay, a NUL after each */
    struct fk_buf folded;
    uint64_t entry;
    size_t number; /* of the line */
    size_t dsn, time, relay;
};
struct lines {
    struct line *at;
    size_t count, cap;
};

static size_t word_add(struct fk_buf *text, const char *word) {
    const size_t at = text->len;
    fk_buf_add(text, word, strlen(word) + 1);
    return at;
}

static const char *word_at(const struct line *l, size_t at) {
    return (const char *)l->text.data + at;
}

static enum fk_status line_add(struct lines *all, const struct fk_delivery *d, struct fk_err *err) {
    if (all->count == all->cap) {
        const size_t cap = all->cap ? 2 * all->cap : 16;
        void *at = realloc(all->at, cap * sizeof *all->at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
        all->at = at;
        all->cap = cap;
    }
    struct line *l = &all->at[all->count];
    *l = (struct line){
        .text = FK_BUF_INIT, .folded = FK_BUF_INIT, .entry = d->entry, .number = all->count};
    all->count++;
    (void)word_add(&l->text, d->status);
    l->dsn = word_add(&l->text, d->dsn);
    l->time = word_add(&l->text, d->time);
    l->relay = word_add(&l->text, d->relay);
    enum fk_status st = fk_terms_of_address(d->to, strlen(d->to), &l->folded, err);
    (void)fk_buf_cstr(&l->folded);
    if (st == FK_OK && (l->text.failed || l->folded.failed))
        st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
    return st;
}

static void lines_free(struct lines *all) {
    for (size_t i = 0; i < all->count; i++) {
        fk_buf_free(&all->at[i].text);
        fk_buf_free(&all->at[i].folded);
    }
    free(all->at);
}

static const char *folded_of(const struct line *l) {
    return (const char *)l->folded.data;
}

/* By recipient, the newest word last. Times are of one form, so their bytes are in order. */
static int line_order(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int order = strcmp(folded_of(x), folded_of(y));
    if (!order)
        order = strcmp(word_at(x, x->time), word_at(y, y->time));
    if (!order && x->entry != y->entry)
        order = x->entry < y->entry ? -1 : 1;
    return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

static enum fk_status term_add(struct fk_xdoc *doc, const char *prefix, const char *status,
                               const char *value, size_t len, struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st = fk_delivery_term(prefix, status, value, len, &term, err);
    if (st == FK_OK)
        st = fk_xdoc_term(doc, (const char *)term.data, term.len, err);
    fk_buf_free(&term);
    return st;
}

enum fk_status fk_deliveries__word(struct fk_xdoc *doc, const char *prefix, const char *word,
                                   struct fk_err *err) {
    return term_add(doc, prefix, NULL, word, strlen(word), err);
}

enum fk_status fk_deliveries__recipient(struct fk_xdoc *doc, const char *prefix, const char *status,
                                        const char *address, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *at = strrchr(address, '@');
    if (!at || at == address) /* none, or one that could be taken for another kind of term */
        goto done;
    FK_TRY(term_add(doc, prefix, status, address, strlen(address), err));
    st = term_add(doc, prefix, status, at, strlen(at), err);
done:
    return st;
}

/* "mx.example.jp[192.0.2.1]:25": its name, and its address. */
enum fk_status fk_deliveries__host(struct fk_xdoc *doc, const char *prefix, const char *host,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    const size_t name = strcspn(host, "[");
    const size_t address = host[name] ? strspn(host + name + 1, "0123456789abcdefABCDEF.:") : 0;
    if (name && memchr(host, '.', name))
        FK_TRY(term_add(doc, prefix, NULL, host, name, err));
    if (address && host[name + 1 + address] == ']')
        st = term_add(doc, prefix, NULL, host + name + 1, address, err);
done:
    return st;
}

static enum fk_status line_terms(struct fk_xdoc *doc, const struct line *l, bool is_newest,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *status = word_at(l, 0), *dsn = word_at(l, l->dsn);
    FK_TRY(fk_deliveries__recipient(doc, FK_P_DELIVERY, NULL, folded_of(l), err));
    if (fk_delivery_is_code(dsn))
        FK_TRY(fk_deliveries__word(doc, FK_P_DELIVERY, dsn, err));
    FK_TRY(fk_deliveries__host(doc, FK_P_DELIVERY, word_at(l, l->relay), err));
    if (is_newest && fk_delivery_is_status(fk_delivery_log_statuses, status)) {
        FK_TRY(fk_deliveries__word(doc, FK_P_DELIVERY, status, err));
        st = fk_deliveries__recipient(doc, FK_P_DELIVERY, status, folded_of(l), err);
    }
done:
    return st;
}

static bool is_same_recipient(const struct line *a, const struct line *b) {
    return strcmp(folded_of(a), folded_of(b)) == 0;
}

enum fk_status fk_deliveries__terms(struct fk_xdoc *doc, const void *data, size_t len,
                                    struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct lines all = {NULL, 0, 0};
    struct fk_delivery d = FK_DELIVERY_INIT;
    struct fk_fields it = fk_fields_begin(data, len);
    while (fk_delivery_next(&it, &d))
        FK_TRY(line_add(&all, &d, err));
    if (d.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    if (!all.count)
        goto done;
    qsort(all.at, all.count, sizeof *all.at, line_order);
    FK_TRY(fk_deliveries__word(doc, FK_P_DELIVERY, "log", err));
    for (size_t i = 0; i < all.count; i++) {
        const bool is_newest = i + 1 == all.count || !is_same_recipient(&all.at[i], &all.at[i + 1]);
        FK_TRY(line_terms(doc, &all.at[i], is_newest, err));
    }
done:
    fk_delivery_free(&d);
    lines_free(&all);
    return st;
}
