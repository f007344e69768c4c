/* desk_sealed.c - a content as it lies in its segment, with its key: for who decrypts it himself.
 * It is read through first, so that nothing is handed over as evidence that does not give its
 * digests, and so that it is known which chunks its recipe names. The key goes with nothing else,
 * so no other message can be read by it. */
#include "archiver/vault/desk_priv.h"
#include "base/pack.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

struct sealed {
    struct fk_desk *desk;
    struct fk_book *book;
    struct fk_seqs chunks; /* numbers of those that its recipe names */
};

static enum fk_status part_read(void *ctx, uint32_t part, struct fk_buf *out, struct fk_err *err) {
    struct sealed *s = ctx;
    const struct fk_part p = fk_record__part(&s->desk->record, part);
    return fk_book__part(s->book, &p, out, err);
}

static enum fk_status chunk_read(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    struct sealed *s = ctx;
    fk_seqs_add(&s->chunks, number);
    return fk_book__chunk(s->book, number, &s->desk->chunk, out, err);
}

static enum fk_status read_through(struct sealed *s, uint64_t seq, const uint8_t *key,
                                   const struct fk_digests *want, struct fk_err *err) {
    struct fk_desk *d = s->desk;
    struct fk_decoding dec = {.ledger = d->ledger,
                              .id = d->record.id,
                              .key = key,
                              .codec = d->record.codec,
                              .parts = d->record.parts,
                              .stored = part_read,
                              .chunk = chunk_read,
                              .ctx = s};
    enum fk_status st = fk_content__decode(d->bench, &dec, err);
    if (st == FK_OK && memcmp(&dec.digests, want, sizeof *want) != 0)
        st =
            fk_fail(err, FK_CORRUPT, "content of entry %" PRIu64 " is not what the line says", seq);
    fk_seqs_sort(&s->chunks);
    return st == FK_OK && s->chunks.failed ? fk_fail(err, FK_NOMEM, "no memory for a content") : st;
}

static enum fk_status chunk_put(struct sealed *s, uint64_t number, struct fk_buf *out,
                                struct fk_err *err) {
    struct fk_stored_chunk c = {.stored = FK_BUF_INIT};
    enum fk_status st = fk_book__chunk(s->book, number, &s->desk->chunk, &c, err);
    if (st == FK_OK) {
        fk_put_u64(out, number);
        fk_put_u32(out, c.codec);
        fk_put_bytes(out, c.stored.data, c.stored.len);
    }
    fk_buf_free(&c.stored);
    return st;
}

enum fk_status fk_desk__sealed_read(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                    struct fk_err *err) {
    struct sealed s = {.desk = d};
    struct fk_digests want;
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st;
    FK_TRY(fk_desk__content_find(d, seq, &s.book, &want, key, err));
    FK_TRY(read_through(&s, seq, key, &want, err));
    fk_buf_add(out, key, sizeof key);
    fk_buf_add(out, d->record.id, sizeof d->record.id);
    fk_put_u32(out, d->record.codec);
    fk_put_u32(out, d->record.parts);
    fk_put_u32(out, (uint32_t)s.chunks.count);
    for (uint32_t i = 0; i < d->record.parts; i++) {
        fk_put_u32(out, fk_record__part(&d->record, i).len);
        FK_TRY(part_read(&s, i, out, err));
    }
    for (size_t i = 0; i < s.chunks.count; i++)
        FK_TRY(chunk_put(&s, s.chunks.at[i], out, err));
    if (out->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a content");
done:
    fk_seqs_free(&s.chunks);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}
