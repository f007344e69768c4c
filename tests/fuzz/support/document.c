/* document.c - see document.h. */
#include "tests/fuzz/support/document.h"
#include "archiver/vault/fields.h"
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

enum fk_status fk_xdoc_postings(struct fk_xdoc *doc, const char *term, size_t len,
                                const uint32_t *positions, size_t n, struct fk_err *err) {
    MUST(n > 0);
    for (size_t i = 1; i < n; i++)
        MUST(positions[i - 1] < positions[i]);
    return fk_xdoc_term(doc, term, len, err);
}

enum fk_status fk_xdoc_value(struct fk_xdoc *doc, unsigned slot, const void *value, size_t len,
                             struct fk_err *err) {
    (void)doc, (void)value, (void)err;
    MUST((slot <= 3 && len == 8) || ((slot == 8 || slot == 9) && (len == 8 || len == 0)));
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

enum fk_status fk_xdoc_posting(struct fk_xdoc *doc, const char *term, size_t len, uint32_t pos,
                               struct fk_err *err) {
    return fk_xdoc_postings(doc, term, len, &pos, 1, err);
}

/* Terms are not kept: an earlier document gives its lines alone. */
enum fk_status fk_xdoc_copy_terms(struct fk_xdoc *doc, const struct fk_xdoc *from,
                                  const char *prefix, struct fk_err *err) {
    (void)doc, (void)from, (void)prefix, (void)err;
    return FK_OK;
}

enum fk_status fk_xdoc_last_position(const struct fk_xdoc *doc, const char *prefix, uint32_t *out,
                                     struct fk_err *err) {
    (void)doc, (void)prefix, (void)err;
    *out = 0;
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
