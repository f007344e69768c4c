/*
 * texts_priv.h - the text store of a shard: what its messages say and what is known of them, beside
 * the database that says which of them have a word (docs/format-index.md).
 *
 *     text          blocks of zstd, each of the texts of a few messages
 *     text.list     where they are, and of which messages; what it does not name is not there
 *
 * A message has three texts: its rows (terms.h: folded, one a field, in which a phrase is found),
 * what is shown of it (as it was decoded), and its record (lines: index.h). Each of the first two
 * is a blob of fields: length of the prefix (8 bits), prefix, length (32 bits, big-endian), bytes.
 *
 *     FK_TRY(fk_texts_open(dir, &texts, err));            FK_NOT_FOUND: a shard without texts
 *     FK_TRY(fk_texts_get(texts, FK_TEXTS_ROWS, docid, &blob, &len, err));
 *     if (fk_texts_field(blob, len, "S", 1, &row, &row_len)) ...
 *     fk_texts_close(&texts);
 *
 * A text that is written once more counts from then on; the bytes of the one before are in the file
 * until the shard is merged, which copies the texts of living documents alone. An open store goes
 * on as it was.
 * Errors: FK_CORRUPT cut short, changed, or a text that is not there. Threads: one at a time a
 * handle.
 */
#ifndef FK_INDEXER_TEXTS_PRIV_H
#define FK_INDEXER_TEXTS_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_texts_kind {
    FK_TEXTS_ROWS,
    FK_TEXTS_SHOWN,
    FK_TEXTS_RECORDS,
    FK_TEXTS_KINDS,
    FK_TEXTS_FIELDED = FK_TEXTS_RECORDS /* of the kinds before it a text is a blob of fields */
};
enum {
    FK_TEXTS_BLOCK = 48 << 10,   /* a block is closed once it has so many bytes */
    FK_TEXTS_BLOB_MAX = 1 << 30, /* of one message; readers give far less (reason_priv.h) */
    /* So many texts may be out of their order: each look for a text goes over them (20 us of 60),
     * and the list of all blocks is written with each commit (some 4 ms). */
    FK_TEXTS_LOOSE_MAX = 2048
};

struct fk_texts;
FK_CHECKED enum fk_status fk_texts_open(const char *dir, struct fk_texts **out, struct fk_err *err);
void fk_texts_close(struct fk_texts **texts);
/* Borrowed until the next call for this kind. FK_NOT_FOUND: no such message. */
FK_CHECKED enum fk_status fk_texts_get(struct fk_texts *texts, enum fk_texts_kind kind,
                                       uint32_t docid, const uint8_t **blob_out, size_t *len_out,
                                       struct fk_err *err);

/* The field of this prefix in a blob; false where there is none. */
bool fk_texts_field(const uint8_t *blob, size_t len, const char *prefix, size_t prefix_len,
                    const uint8_t **text_out, size_t *text_len_out);
/* One more field, at the end of a blob that has none of that prefix. */
void fk_texts_field_add(struct fk_buf *blob, const char *prefix, const void *text, size_t len);
/* The next field at *at, which moves on; false at the end, or where the blob is none (*at is before
 * the end then). */
struct fk_text_field {
    const char *prefix;
    size_t prefix_len;
    const uint8_t *text;
    size_t len;
};
bool fk_texts_field_next(const uint8_t *blob, size_t len, size_t *at, struct fk_text_field *out);

/* Writes into a shard's directory, behind what is there. Nothing counts before the end. */
struct fk_texts_writer;
FK_CHECKED enum fk_status fk_texts_begin(const char *dir, struct fk_texts_writer **out,
                                         struct fk_err *err);
/* docids ascend within one kind. */
FK_CHECKED enum fk_status fk_texts_add(struct fk_texts_writer *w, enum fk_texts_kind kind,
                                       uint32_t docid, const void *blob, size_t len,
                                       struct fk_err *err);
/* Those of the n documents, ascending, of another shard; its docids come after all that were added
 * before. */
FK_CHECKED enum fk_status fk_texts_copy(struct fk_texts_writer *w, enum fk_texts_kind kind,
                                        struct fk_texts *from, const uint32_t *docids, size_t n,
                                        struct fk_err *err);
/* Texts that were added out of the order of all, and lie in blocks of their own. */
size_t fk_texts_loose(const struct fk_texts_writer *w);
/* Frees *w in every case. in_place: it is on the disk on return; otherwise the caller syncs. */
FK_CHECKED enum fk_status fk_texts_end(struct fk_texts_writer **w, bool in_place,
                                       struct fk_err *err);
void fk_texts_abort(struct fk_texts_writer **w);

#ifdef __cplusplus
}
#endif
#endif
