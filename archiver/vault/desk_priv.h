/* desk_priv.h - what desk.c and verify*.c share. */
#ifndef FK_VAULT_DESK_PRIV_H
#define FK_VAULT_DESK_PRIV_H
#include "archiver/vault/book_priv.h"
#include "archiver/vault/desk.h"
#include "archiver/vault/fields.h"

struct fk_disposals; /* which dispose entry names a seq; as far as the ledger has been looked at */

struct fk_desk {
    char dir[PATH_MAX];
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_kek kek;
    struct fk_where where; /* the three above */
    struct fk_shelf *shelf;
    struct fk_bench *bench;
    struct fk_buf line;
    struct fk_content_record record, chunk;
    struct fk_disposals *disposals;
};

FK_CHECKED enum fk_status fk_desk__shelf(struct fk_desk *d, struct fk_err *err);
/* c256 and c512 of a line. FK_NOT_FOUND: it has no content. */
FK_CHECKED enum fk_status fk_desk__digests(const struct fk_entry *e, struct fk_digests *out,
                                           struct fk_err *err);

/* The book that has the content of seq, its record in d->record, its digests and key; the caller
 * wipes the key. */
FK_CHECKED enum fk_status fk_desk__content_find(struct fk_desk *d, uint64_t seq,
                                                struct fk_book **book_out, struct fk_digests *want,
                                                uint8_t key[FK_KEY_BYTES], struct fk_err *err);
FK_CHECKED enum fk_status fk_desk__sealed_read(struct fk_desk *d, uint64_t seq, struct fk_buf *out,
                                               struct fk_err *err);

struct fk_disposals *fk_disposals__new(void);
/* A dispose entry; ctx is a struct fk_disposals (an fk_entry_fn). */
FK_CHECKED enum fk_status fk_disposals__add(void *ctx, const struct fk_entry *e, bool *stop,
                                            struct fk_err *err);
/* Among those added. */
bool fk_disposals__has(const struct fk_disposals *d, uint64_t seq, uint64_t *dispose_out);
/* Looks at what has come since the last call, then for the entry. FK_NOT_FOUND: none names seq. */
FK_CHECKED enum fk_status fk_disposals__find(struct fk_disposals **d, struct fk_shelf *shelf,
                                             uint64_t seq, uint64_t *dispose_out,
                                             struct fk_err *err);
void fk_disposals__free(struct fk_disposals **d);
#endif
