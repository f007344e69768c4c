/*
 * content_priv.h - from plain bytes to stored parts and back (docs/format-vault.md 2): salt,
 * digests, codec, AES-256-GCM. Where parts and chunks lie is the segment's matter.
 *
 * A bench holds the contexts and buffers of one thread at work; they are costly to make, so callers
 * keep benches. Errors: FK_CORRUPT when stored bytes do not decrypt or unpack, with *check naming
 * which; FK_NOMEM. Keys and plain bytes in a bench are overwritten by fk_bench__free.
 */
#ifndef FK_VAULT_CONTENT_PRIV_H
#define FK_VAULT_CONTENT_PRIV_H
#include "archiver/vault/chunks_priv.h"
#include "archiver/vault/layout_priv.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#include <stdbool.h>
#include <sys/uio.h>

enum {
    FK_SALT_BYTES = 32,
    FK_CONTENT_ID_BYTES = 16,
    FK_KEY_BYTES = 32,
    FK_TAG_BYTES = 16,
    FK_EXTENT_MAX = 1048576,
    FK_PART_MAX = FK_EXTENT_MAX - FK_TAG_BYTES, /* plain bytes of a part */
    FK_PACK_WHOLE_MAX = 4 << 20                 /* a content up to this is packed at one go */
};
enum fk_codec { FK_CODEC_STORED = 0, FK_CODEC_ZSTD = 1, FK_CODEC_RECIPE = 2 };

struct fk_bench;
FK_CHECKED enum fk_status fk_bench__new(struct fk_bench **out, struct fk_err *err);
void fk_bench__free(struct fk_bench **bench);

struct fk_digests {
    uint8_t c256[FK_SHA256_BYTES], c512[FK_SHA512_BYTES];
};

/* A chunk that was not known when the message was encoded: its part is stored with it. */
struct fk_fresh_chunk {
    size_t line; /* of the recipe */
    uint8_t mac[FK_SHA256_BYTES], id[FK_CONTENT_ID_BYTES], codec;
};
enum { FK_PART_OWN = -1 }; /* a part of the content itself, not of a fresh chunk */

struct fk_encoding {
    const uint8_t *ledger;
    int level;
    bool sift;                  /* look for base64, and make a recipe where there is some */
    struct fk_chunks *chunks;   /* and cut; NULL: do not */
    const struct iovec *pieces; /* after the salt */
    size_t piece_count;
    struct fk_buf *stored; /* parts are appended to it */
    /* Called after each part, which is the last `len` bytes of stored; may empty stored. chunk: an
     * index of fresh, or FK_PART_OWN. */
    enum fk_status (*part)(void *ctx, size_t len, int chunk, struct fk_err *err);
    void *ctx;
    /* results; with FK_CODEC_RECIPE the last part is missing until fk_content__recipe */
    uint8_t id[FK_CONTENT_ID_BYTES], key[FK_KEY_BYTES];
    uint8_t codec;
    uint64_t epoch; /* of the chunks that were known; 0: none was */
    struct fk_digests digests;
    struct fk_recipe recipe; /* begun as {0}, reset here, freed by the caller; so is fresh */
    struct fk_fresh_chunk *fresh;
    size_t fresh_count, fresh_cap;
};
FK_CHECKED enum fk_status fk_content__encode(struct fk_bench *bench, struct fk_encoding *e,
                                             struct fk_err *err);

/* The last part of a content with a recipe, once the numbers of all chunks are known; appended to
 * stored. part: its number. Once for a key: another text under it would give both away. */
struct fk_recipe_part {
    const uint8_t *ledger, *id, *key;
    uint32_t part;
    const struct fk_recipe *recipe;
};
FK_CHECKED enum fk_status fk_content__recipe(struct fk_bench *bench, const struct fk_recipe_part *p,
                                             struct fk_buf *stored, struct fk_err *err);

struct fk_stored_chunk {
    uint8_t id[FK_CONTENT_ID_BYTES], codec;
    bool skip; /* set by the callback: not to be looked at */
    struct fk_buf stored;
};
struct fk_decoding {
    const uint8_t *ledger, *id, *key;
    uint8_t codec;
    uint32_t parts;
    bool c256_only; /* no c512 */
    bool tags_only; /* decrypts and checks each part's tag; no unpacking, no digests */
    /* Appends the stored bytes of a part; with a recipe the last is asked for first. */
    enum fk_status (*stored)(void *ctx, uint32_t part, struct fk_buf *out, struct fk_err *err);
    /* Fills in a chunk, whose stored is empty. */
    enum fk_status (*chunk)(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                            struct fk_err *err);
    /* Takes plain bytes, salt first, in order. */
    enum fk_status (*plain)(void *ctx, const uint8_t *data, size_t len, struct fk_err *err);
    void *ctx;
    /* results */
    const char
        *check; /* after FK_CORRUPT: "gcm", "codec", "recipe" or "chunk"; NULL: of a callback */
    struct fk_digests digests;
    uint64_t bytes; /* plain, with salt */
};
FK_CHECKED enum fk_status fk_content__decode(struct fk_bench *bench, struct fk_decoding *d,
                                             struct fk_err *err);

/* Random bytes; ends the process when the system has none (never a predictable key). */
void fk_random(void *out, size_t len);
#ifdef FK_TESTING
/* What fk_random takes instead, for the worked example of the format page. */
extern void (*fk_random_for_tests)(void *out, size_t len);
#endif
#endif
