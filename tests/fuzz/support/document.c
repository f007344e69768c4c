/* document.c - see document.h. */
#include "tests/fuzz/support/document.h"
#include "archiver/vault/fields.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "tests/fuzz/support/fuzz.h"

struct fk_xdoc {
    bool crashed, has_data;
    struct fk_buf data;
};

enum fk_status fk_xdoc_new(struct fk_xdoc **out, struct fk_err *err) {
    (void)err;
    *out = calloc(1, sizeof **out);
    MUST(*out);
    return FK_OK;
}

void fk_xdoc_free(struct fk_xdoc **doc) {
    if (*doc)
        fk_buf_free(&(*doc)->data);
    free(*doc);
    *doc = NULL;
}

enum fk_status fk_xdoc_term(struct fk_xdoc *doc, const char *term, size_t len, struct fk_err *err) {
    static const char crash[] = "XKpartial:crash";
    (void)err;
    MUST(len > 0 && len <= 245 && !memchr(term, 0, len)); /* Xapian's own limit */
    doc->crashed |= len == sizeof crash - 1 && memcmp(term, crash, len) == 0;
    return FK_OK;
}

enum fk_status fk_xdoc_word(struct fk_xdoc *doc, const char *word, size_t len, struct fk_err *err) {
    return fk_xdoc_term(doc, word, len, err);
}

enum fk_status fk_xdoc_words(struct fk_xdoc *doc, const void *words, size_t len,
                             struct fk_err *err) {
    const uint8_t *at = words, *end = at + len;
    for (; at < end; at += 1 + *at) {
        MUST(*at < end - at);
        DONE(fk_xdoc_word(doc, (const char *)at + 1, *at, err));
    }
    return FK_OK;
}

/* Rows are not kept: nothing of an earlier document's is joined. */
enum fk_status fk_xdoc_text(struct fk_xdoc *doc, enum fk_texts_kind kind, const char *prefix,
                            const void *text, size_t len, struct fk_err *err) {
    (void)doc, (void)text, (void)err;
    MUST(kind < FK_TEXTS_FIELDED && strlen(prefix) <= 1 && len > 0);
    return FK_OK;
}

enum fk_status fk_xdoc_text_get(const struct fk_xdoc *doc, enum fk_texts_kind kind,
                                const char *prefix, struct fk_buf *out, struct fk_err *err) {
    (void)doc, (void)kind, (void)prefix, (void)out, (void)err;
    return FK_OK;
}

enum fk_status fk_xdoc_value(struct fk_xdoc *doc, unsigned slot, const void *value, size_t len,
                             struct fk_err *err) {
    (void)doc, (void)err;
    if (slot == FK_SLOT_TO_DOMAINS) /* lines */
        MUST(len > 0 && len <= FK_TO_DOMAINS_MAX &&
             ((len == 1 && *(const char *)value == '*') || ((const char *)value)[len - 1] == '\n'));
    else if (slot == FK_SLOT_SKETCH)
        MUST(len == FK_SKETCH_BYTES);
    else if (slot == FK_SLOT_TXN_DATE || slot == FK_SLOT_TXN_AMOUNT)
        MUST(len == 8 || len == 0);
    else
        MUST((slot <= 3 && len == 8) ||
             (slot == FK_SLOT_CONVERSATION && len == FK_CONVERSATION_BYTES));
    return FK_OK;
}

enum fk_status fk_xdoc_drop_terms(struct fk_xdoc *doc, const char *prefix, struct fk_err *err) {
    (void)doc, (void)prefix, (void)err;
    return FK_OK;
}

enum fk_status fk_xdoc_data(struct fk_xdoc *doc, const void *data, size_t len, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(data, len);
    struct fk_field f;
    (void)err;
    while (fk_fields_next(&it, &f))
        ;
    MUST(!it.bad);
    doc->has_data = true;
    fk_buf_reset(&doc->data);
    fk_buf_add(&doc->data, data, len);
    return FK_OK;
}

/* Terms are not kept: an earlier document gives its lines alone. */
enum fk_status fk_xdoc_copy_terms(struct fk_xdoc *doc, const struct fk_xdoc *from,
                                  const char *prefix, struct fk_err *err) {
    (void)doc, (void)from, (void)prefix, (void)err;
    return FK_OK;
}

enum fk_status fk_xdoc_data_get(const struct fk_xdoc *doc, struct fk_buf *out, struct fk_err *err) {
    (void)err;
    fk_buf_add(out, doc->data.data, doc->data.len);
    return FK_OK;
}

bool fuzz_document_check(const struct fk_xdoc *doc) {
    MUST(doc->has_data);
    return !doc->crashed;
}
