/* conversation_terms.c - out of the box: lines of a document's data as terms and values. */
#include "indexer/conversation_terms_priv.h"
#include "archiver/vault/fields.h"
#include "base/digest.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"

#include <string.h>

static enum fk_status reference_put(struct fk_xdoc *doc, const struct fk_buf *id,
                                    struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    fk_buf_str(&term, FK_P_REFERENCE);
    fk_buf_add(&term, id->data, id->len < FK_WHOLE_MAX ? id->len : FK_WHOLE_MAX);
    enum fk_status st = term.failed
                            ? fk_fail(err, FK_NOMEM, "a document for the index: out of memory")
                            : fk_xdoc_term(doc, (const char *)term.data, term.len, err);
    fk_buf_free(&term);
    return st;
}

/* A digest, so that every conversation's key is as long: what a stranger names as its root he can
 * name anyway. */
static enum fk_status key_put(struct fk_xdoc *doc, const struct fk_buf *root, struct fk_err *err) {
    uint8_t sum[FK_SHA256_BYTES];
    fk_sha256(root->data, root->len, sum);
    return fk_xdoc_value(doc, FK_SLOT_CONVERSATION, sum, FK_CONVERSATION_BYTES, err);
}

enum fk_status fk_conversation__put(struct fk_xdoc *doc, const void *data, size_t len,
                                    struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_fields it = fk_fields_begin(data, len);
    struct fk_buf id = FK_BUF_INIT, root = FK_BUF_INIT;
    bool names_others = false;
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");) {
        const bool is_own = fk_field_is(&f, "message-id");
        if (!is_own && !fk_field_is(&f, "reference") && !fk_field_is(&f, "in-reply-to"))
            continue;
        fk_buf_reset(&id);
        fk_field_value(&f, &id);
        if (id.len == 0)
            continue;
        if (!is_own)
            FK_TRY(reference_put(doc, &id, err));
        if (root.len == 0 || (!is_own && !names_others)) {
            fk_buf_reset(&root);
            fk_buf_add(&root, id.data, id.len);
        }
        names_others |= !is_own;
    }
    if (id.failed || root.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    if (root.len)
        FK_TRY(key_put(doc, &root, err));
done:
    fk_buf_free(&id);
    fk_buf_free(&root);
    return st;
}

enum fk_status fk_conversation__put_sketch(struct fk_xdoc *doc, const void *lines, size_t len,
                                           struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint8_t sketch[FK_SKETCH_BYTES];
    char band[FK_BAND_SIZE];
    struct fk_buf hex = FK_BUF_INIT;
    if (!fk_fields_find(lines, len, "sketch", &hex) || hex.len != 2 * sizeof sketch ||
        !fk_unhex(sketch, (const char *)hex.data, sizeof sketch))
        goto done; /* an answer without one is good: a text without words has none */
    FK_TRY(fk_xdoc_value(doc, FK_SLOT_SKETCH, sketch, sizeof sketch, err));
    for (unsigned i = 0; i < FK_BANDS; i++) {
        fk_sketch_band(sketch, i, band);
        FK_TRY(fk_xdoc_term(doc, band, strlen(band), err));
    }
done:
    fk_buf_free(&hex);
    return st;
}
