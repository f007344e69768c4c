/* desk_sealed.c - a content as it lies in its segment, with its key: for who decrypts it himself.
 * The key goes with nothing else, so no other message can be read by it. */
#include "archiver/vault/desk_priv.h"
#include "base/pack.h"

#include <openssl/crypto.h>

/* Length, then the stored bytes: appended in place, a part is up to 1 MiB. */
static enum fk_status part_add(struct fk_book *b, const struct fk_part *part, struct fk_buf *out,
                               struct fk_err *err) {
    fk_put_u32(out, part->len);
    return fk_book__part(b, part, out, err);
}

enum fk_status fk_desk__sealed_read(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                    struct fk_err *err) {
    struct fk_book *b;
    struct fk_digests want;
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st;
    FK_TRY(fk_desk__content_find(d, seq, &b, &want, key, err));
    fk_buf_add(out, key, sizeof key);
    fk_buf_add(out, d->record.id, sizeof d->record.id);
    fk_put_u32(out, d->record.codec);
    fk_put_u32(out, d->record.parts);
    for (uint32_t i = 0; i < d->record.parts; i++) {
        const struct fk_part part = fk_record__part(&d->record, i);
        FK_TRY(part_add(b, &part, out, err));
    }
    if (out->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a content");
done:
    OPENSSL_cleanse(key, sizeof key);
    return st;
}
