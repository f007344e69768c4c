/* xapian_texts.cc - the text store of a database; what goes wrong in it is thrown. */
#include "indexer/store/xapian_priv.h"

#include <cstring>

texts_handle texts_open(const std::string &dir) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_texts *t = nullptr;
    checked(fk_texts_open(dir.c_str(), &t, &err), err);
    return texts_handle(t);
}

std::pair<const uint8_t *, size_t> texts_get(struct fk_texts *texts, enum fk_texts_kind kind,
                                             Xapian::docid docid) {
    struct fk_err err = FK_ERR_INIT;
    const uint8_t *blob = nullptr;
    size_t len = 0;
    const enum fk_status st = fk_texts_get(texts, kind, docid, &blob, &len, &err);
    checked(st == FK_NOT_FOUND ? FK_CORRUPT : st, err);
    return {blob, len};
}

enum fk_status into_buf(const void *text, size_t len, struct fk_buf *out, struct fk_err *err) {
    fk_buf_add(out, text, len);
    return out->failed ? fk_fail(err, FK_NOMEM, "the index: out of memory") : FK_OK;
}

enum fk_status field_into(const uint8_t *blob, size_t blob_len, const char *prefix,
                          struct fk_buf *out, struct fk_err *err) {
    const uint8_t *text;
    size_t len;
    if (!fk_texts_field(blob, blob_len, prefix, strlen(prefix), &text, &len))
        return FK_OK;
    return into_buf(text, len, out, err);
}
