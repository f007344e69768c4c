/* chunks.c - cutting (the gear hash of FastCDC: W. Xia et al., USENIX ATC 2016) and the table. */
#include "archiver/vault/chunks_priv.h"
#include "archiver/vault/content_priv.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NORMAL_BYTES = 131072, SLOTS_FIRST = 1024, SEEN_SLOTS = 65536 };
/* Before NORMAL_BYTES an end is a fourth as likely as at random once in 128 KiB, after it four
 * times: so most chunks are near that size. The gear's upper bits have all of the last 64 bytes.
 * With half the size the same mail takes 2 MB of 430 more: text packs worse, and each chunk has its
 * key in a recipe. */
static const uint64_t mask_before = (uint64_t)0x7ffff << 45, mask_after = (uint64_t)0x7fff << 49;

struct slot {
    uint64_t number; /* 0: empty */
    uint8_t mac[FK_SHA256_BYTES], key[FK_CHUNK_KEY_BYTES];
};

struct fk_chunks {
    uint64_t gear[256];
    EVP_MAC_CTX *mac; /* keyed; copied for each use */
    pthread_mutex_t lock;
    uint64_t epoch;
    bool on;
    struct slot *slots;
    size_t cap, count;         /* cap: a power of two, or 0 */
    uint64_t seen[SEEN_SLOTS]; /* the latest of each slot: what is forgotten is stored once more */
};

enum fk_status fk_chunks__new(struct fk_chunks **out, struct fk_err *err) {
    struct fk_chunks *c = calloc(1, sizeof *c);
    uint8_t key[32];
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (!c)
        return fk_fail(err, FK_NOMEM, "no memory for a table of chunks");
    pthread_mutex_init(&c->lock, NULL);
    fk_random(c->gear, sizeof c->gear);
    fk_random(key, sizeof key);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    c->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    bool ok = c->mac && EVP_MAC_init(c->mac, key, sizeof key, params) == 1;
    OPENSSL_cleanse(key, sizeof key);
    if (!ok) {
        fk_chunks__free(&c);
        return fk_fail(err, FK_NOMEM, "HMAC-SHA-256 cannot be used");
    }
    *out = c;
    return FK_OK;
}

void fk_chunks__free(struct fk_chunks **cp) {
    struct fk_chunks *c = *cp;
    if (!c)
        return;
    OPENSSL_clear_free(c->slots, c->cap * sizeof *c->slots);
    EVP_MAC_CTX_free(c->mac);
    pthread_mutex_destroy(&c->lock);
    OPENSSL_clear_free(c, sizeof *c);
    *cp = NULL;
}

void fk_chunks__begin(struct fk_chunks *c, bool on) {
    pthread_mutex_lock(&c->lock);
    OPENSSL_clear_free(c->slots, c->cap * sizeof *c->slots);
    c->slots = NULL;
    c->cap = c->count = 0;
    OPENSSL_cleanse(c->seen, sizeof c->seen);
    c->epoch++;
    c->on = on;
    pthread_mutex_unlock(&c->lock);
}

uint64_t fk_chunks__epoch(struct fk_chunks *c) {
    pthread_mutex_lock(&c->lock);
    uint64_t epoch = c->on ? c->epoch : 0;
    pthread_mutex_unlock(&c->lock);
    return epoch;
}

size_t fk_chunks__cut(const struct fk_chunks *c, const uint8_t *data, size_t len) {
    uint64_t h = 0;
    size_t end = len < FK_CHUNK_MAX ? len : FK_CHUNK_MAX;
    size_t normal = end < NORMAL_BYTES ? end : NORMAL_BYTES;
    size_t i = end < FK_CHUNK_MIN ? end : FK_CHUNK_MIN;
    for (; i < normal; i++) {
        h = (h << 1) + c->gear[data[i]];
        if (!(h & mask_before))
            return i + 1;
    }
    for (; i < end; i++) {
        h = (h << 1) + c->gear[data[i]];
        if (!(h & mask_after))
            return i + 1;
    }
    return end;
}

enum fk_status fk_chunks__mac(const struct fk_chunks *c, const uint8_t *data, size_t len,
                              uint8_t out[FK_SHA256_BYTES], struct fk_err *err) {
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(c->mac);
    size_t n;
    bool ok = ctx && EVP_MAC_update(ctx, data, len) == 1 &&
              EVP_MAC_final(ctx, out, &n, FK_SHA256_BYTES) == 1;
    EVP_MAC_CTX_free(ctx);
    return ok ? FK_OK : fk_fail(err, FK_NOMEM, "HMAC-SHA-256 cannot be used");
}

/* Where mac is, or belongs. The table is never full. */
static struct slot *slot_of(struct slot *slots, size_t cap, const uint8_t *mac) {
    size_t i;
    memcpy(&i, mac, sizeof i);
    for (;; i++) {
        struct slot *s = &slots[i & (cap - 1)];
        if (s->number == 0 || memcmp(s->mac, mac, sizeof s->mac) == 0)
            return s;
    }
}

bool fk_chunks__find(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES],
                     struct fk_chunk_known *out) {
    pthread_mutex_lock(&c->lock);
    const struct slot *s = c->cap ? slot_of(c->slots, c->cap, mac) : NULL;
    bool found = s && s->number;
    if (found) {
        out->epoch = c->epoch;
        out->number = s->number;
        memcpy(out->key, s->key, sizeof out->key);
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

bool fk_chunks__seen(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES]) {
    uint64_t slot, mark;
    memcpy(&slot, mac, sizeof slot);
    memcpy(&mark, mac + sizeof slot, sizeof mark);
    pthread_mutex_lock(&c->lock);
    uint64_t *at = &c->seen[slot % SEEN_SLOTS];
    bool seen = *at == mark;
    *at = mark;
    pthread_mutex_unlock(&c->lock);
    return seen;
}

static bool grow(struct fk_chunks *c) {
    size_t cap = c->cap ? 2 * c->cap : SLOTS_FIRST;
    struct slot *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i].number)
            *slot_of(slots, cap, c->slots[i].mac) = c->slots[i];
    OPENSSL_clear_free(c->slots, c->cap * sizeof *c->slots);
    c->slots = slots;
    c->cap = cap;
    return true;
}

/* Without memory it is not remembered: that costs room on the disk alone. */
void fk_chunks__add(struct fk_chunks *c, const uint8_t mac[FK_SHA256_BYTES], uint64_t number,
                    const uint8_t key[FK_CHUNK_KEY_BYTES]) {
    pthread_mutex_lock(&c->lock);
    bool room = c->count < FK_CHUNKS_KNOWN_MAX && (4 * c->count < 3 * c->cap || grow(c));
    struct slot *s = room ? slot_of(c->slots, c->cap, mac) : NULL;
    if (s && s->number == 0) {
        s->number = number;
        memcpy(s->mac, mac, sizeof s->mac);
        memcpy(s->key, key, sizeof s->key);
        c->count++;
    }
    pthread_mutex_unlock(&c->lock);
}
