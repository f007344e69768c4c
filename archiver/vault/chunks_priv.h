/*
 * chunks_priv.h - which chunks the active segment has, so that the next message with the same bytes
 * names them instead of storing them again.
 *
 * The table is in memory alone, and with it the keys of the chunks: it dies with the process, with
 * its segment and at a disposal, and there is nothing to destroy on any disk (docs/decisions/0009).
 * What is looked up is an HMAC-SHA-256 under a key of this process, and chunks end where a rolling
 * hash of random parameters says, so neither tells anything of what is stored.
 *
 * Threads: any; find and add at the same time.
 */
#ifndef FK_VAULT_CHUNKS_PRIV_H
#define FK_VAULT_CHUNKS_PRIV_H
#include "archiver/vault/recipe_priv.h"

enum {
    FK_CHUNK_MIN = 16384, /* but for the last of a run of bytes */
    FK_CHUNKS_KNOWN_MAX =
        262144 /* further ones are stored and not remembered: 36 MiB, 54 while it grows */
};
struct fk_chunks;
FK_CHECKED enum fk_status fk_chunks__new(struct fk_chunks **out, struct fk_err *err);
void fk_chunks__free(struct fk_chunks **chunks);
/* Forgets all; what is added from here on is known under another epoch. With on false nothing is
 * cut any more. What was found in an epoch that has ended must not be named: the chunk may be of
 * another segment, or of a transaction that came to nothing. */
void fk_chunks__begin(struct fk_chunks *c, bool on);
/* 0: nothing is to be cut now. */
uint64_t fk_chunks__epoch(struct fk_chunks *c);

/* How many of len bytes the first chunk has. */
size_t fk_chunks__cut(const struct fk_chunks *c, const uint8_t *data, size_t len);
FK_CHECKED enum fk_status fk_chunks__mac(const struct fk_chunks *c, const uint8_t *data, size_t len,
                                         uint8_t out[FK_SHA256_BYTES], struct fk_err *err);

/* Whether these bytes were asked about before, since fk_chunks__begin. The last 65,536 or so are
 * remembered, by 64 bits of the MAC (512 KiB). */
bool fk_chunks__seen(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES]);

struct fk_chunk_known {
    uint64_t epoch, number;
    uint8_t key[FK_CHUNK_KEY_BYTES];
};
bool fk_chunks__find(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES],
                     struct fk_chunk_known *out);
void fk_chunks__add(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES], uint64_t number,
                    const uint8_t key[FK_CHUNK_KEY_BYTES]);
#endif
