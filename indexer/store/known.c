/* known.c - see known_priv.h. */
#include "indexer/store/known_priv.h"
#include "archiver/vault/fields.h"
#include "indexer/text/prefixes.h"

#include <stdlib.h>
#include <string.h>

enum { SAME_KEY_MAX = 16 }; /* documents of one key that were read differently */

static enum fk_status is_read_so(const struct fk_xdoc *doc, const char *read, bool *out,
                                 struct fk_err *err) {
    struct fk_buf data = FK_BUF_INIT, value = FK_BUF_INIT;
    enum fk_status st = fk_xdoc_data_get(doc, &data, err);
    *out = st == FK_OK && fk_fields_find(data.data, data.len, "read", &value) &&
           strcmp(fk_buf_cstr(&value), read) == 0;
    fk_buf_free(&data);
    fk_buf_free(&value);
    return st;
}

static enum fk_status find_in_batch(struct fk_known *k, struct fk_xwriter *writer,
                                    const uint8_t key[FK_SHA256_BYTES], const char *read,
                                    struct fk_known_found *out, struct fk_err *err) {
    for (size_t i = k->count; i-- > 0;) {
        bool same = false;
        if (memcmp(k->batch[i].key, key, FK_SHA256_BYTES) != 0)
            continue;
        enum fk_status st = fk_xwriter_document(writer, k->batch[i].docid, &out->doc, err);
        if (st == FK_NOT_FOUND)
            continue; /* superseded within the batch */
        if (st == FK_OK)
            st = is_read_so(out->doc, read, &same, err);
        if (st == FK_OK && same) {
            out->docid = k->batch[i].docid;
            out->is_in_batch = true;
            return FK_OK;
        }
        fk_xdoc_free(&out->doc);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

enum fk_status fk_known__reader(struct fk_known *k, const struct fk_place *place,
                                const struct fk_shards *list, struct fk_xreader **out,
                                struct fk_err *err) {
    if (!k->reader) {
        enum fk_status st = fk_place__reader(place, list, &k->reader, err);
        if (st != FK_OK)
            return st;
    }
    *out = k->reader;
    return FK_OK;
}

static enum fk_status find_in_shards(struct fk_known *k, const struct fk_place *place,
                                     const struct fk_shards *list,
                                     const uint8_t key[FK_SHA256_BYTES], const char *read,
                                     struct fk_known_found *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader;
    char term[8 + 2 * FK_SHA256_BYTES] = FK_P_KEY;
    uint32_t docids[SAME_KEY_MAX];
    size_t n = 0;
    fk_hex(term + strlen(term), key, FK_SHA256_BYTES);
    FK_TRY(fk_known__reader(k, place, list, &reader, err));
    FK_TRY(fk_xreader_with_term(reader, term, strlen(term), docids, SAME_KEY_MAX, &n, err));
    while (n-- > 0) {
        bool same = false;
        FK_TRY(fk_xreader_document(reader, docids[n], &out->doc, err));
        FK_TRY(is_read_so(out->doc, read, &same, err));
        if (same) {
            out->docid = docids[n];
            return FK_OK;
        }
        fk_xdoc_free(&out->doc);
    }
done:
    fk_xdoc_free(&out->doc);
    return st;
}

enum fk_status fk_known__find(struct fk_known *k, const struct fk_place *place,
                              const struct fk_shards *list, struct fk_xwriter *writer,
                              const uint8_t key[FK_SHA256_BYTES], const char *read,
                              struct fk_known_found *out, struct fk_err *err) {
    *out = (struct fk_known_found){NULL, 0, false};
    if (!*read)
        return FK_OK;
    enum fk_status st = find_in_batch(k, writer, key, read, out, err);
    if (st == FK_OK && !out->doc)
        st = find_in_shards(k, place, list, key, read, out, err);
    return st;
}

void fk_known__found_free(struct fk_known_found *found) {
    fk_xdoc_free(&found->doc);
}

enum fk_status fk_known__add(struct fk_known *k, const uint8_t key[FK_SHA256_BYTES], uint32_t docid,
                             struct fk_err *err) {
    if (k->count == k->cap) {
        const size_t cap = k->cap ? 2 * k->cap : 256;
        void *batch = realloc(k->batch, cap * sizeof *k->batch);
        if (!batch)
            return fk_fail(err, FK_NOMEM, "indexing: out of memory");
        k->batch = batch;
        k->cap = cap;
    }
    memcpy(k->batch[k->count].key, key, FK_SHA256_BYTES);
    k->batch[k->count++].docid = docid;
    return FK_OK;
}

void fk_known__batch_end(struct fk_known *k) {
    k->count = 0;
}

void fk_known__changed(struct fk_known *k) {
    fk_xreader_close(&k->reader);
}

void fk_known__free(struct fk_known *k) {
    fk_xreader_close(&k->reader);
    free(k->batch);
    *k = (struct fk_known){NULL, NULL, 0, 0};
}
