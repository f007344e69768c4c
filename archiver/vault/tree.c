/* tree.c - RFC 6962 hashes and proofs, RFC 9162 checks. */
#include "archiver/vault/tree.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

/* A context for each thread, freed when the thread ends. */
static tss_t contexts;
static void context_free(void *ctx) {
    EVP_MD_CTX_free(ctx);
}
static void contexts_make(void) {
    if (tss_create(&contexts, context_free) != thrd_success)
        abort(); /* over a thousand such keys in one process */
}
static EVP_MD_CTX *context_of_thread(void) {
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, contexts_make);
    EVP_MD_CTX *ctx = tss_get(contexts);
    if (!ctx && (ctx = EVP_MD_CTX_new()) != NULL && tss_set(contexts, ctx) != thrd_success) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

/* One block of input, no allocation: this runs once for every entry and more often in proofs. */
static void hash_of(uint8_t tag, const void *a, size_t a_len, const void *b, size_t b_len,
                    fk_hash out) {
    EVP_MD_CTX *ctx = context_of_thread();
    if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, &tag, 1) != 1 || EVP_DigestUpdate(ctx, a, a_len) != 1 ||
        EVP_DigestUpdate(ctx, b, b_len) != 1 || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
        abort(); /* no memory for 200 bytes, or no SHA-256: nothing can go on */
}

void fk_tree_leaf(const void *line, size_t len, fk_hash out) {
    hash_of(0x00, line, len, "", 0, out);
}

void fk_tree_node(const fk_hash left, const fk_hash right, fk_hash out) {
    hash_of(0x01, left, FK_SHA256_BYTES, right, FK_SHA256_BYTES, out);
}

void fk_frontier_add(struct fk_frontier *f, const fk_hash leaf) {
    fk_hash carry;
    memcpy(carry, leaf, sizeof carry);
    unsigned level = 0;
    for (; f->size >> level & 1; level++)
        fk_tree_node(f->at[level], carry, carry);
    memcpy(f->at[level], carry, sizeof carry);
    f->size++;
}

void fk_frontier_root(const struct fk_frontier *f, fk_hash out) {
    bool begun = false;
    fk_hash root;
    fk_sha256("", 0, root);
    for (unsigned level = 0; level < 64; level++) {
        if (!(f->size >> level & 1))
            continue;
        if (begun)
            fk_tree_node(f->at[level], root, root);
        else
            memcpy(root, f->at[level], sizeof root);
        begun = true;
    }
    memcpy(out, root, sizeof root);
}

/* The largest power of two below n, for n > 1, as an exponent. */
static unsigned split_level(uint64_t n) {
    return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* Root over leaves from..from+n-1, n > 0. from is a multiple of the powers of two that n is made
 * of, which holds for every range that RFC 6962's splitting makes. */
static enum fk_status range_root(const struct fk_tree_source *source, uint64_t from, uint64_t n,
                                 fk_hash out, struct fk_err *err) {
    enum fk_status st;
    fk_hash left, right;
    if ((n & (n - 1)) == 0) {
        unsigned level = (unsigned)__builtin_ctzll(n);
        return source->hash(source->ctx, level, from >> level, out, err);
    }
    unsigned level = split_level(n);
    uint64_t k = (uint64_t)1 << level;
    FK_TRY(source->hash(source->ctx, level, from >> level, left, err));
    FK_TRY(range_root(source, from + k, n - k, right, err));
    fk_tree_node(left, right, out);
done:
    return st;
}

enum fk_status fk_tree_root(const struct fk_tree_source *source, uint64_t size, fk_hash out,
                            struct fk_err *err) {
    if (size == 0) {
        fk_sha256("", 0, out);
        return FK_OK;
    }
    return range_root(source, 0, size, out, err);
}

/* Collects the sibling ranges on the way down; they are wanted from the leaf up. */
struct path {
    uint64_t from[64], n[64];
    size_t count;
};

static void path_push(struct path *p, uint64_t from, uint64_t n) {
    p->from[p->count] = from;
    p->n[p->count++] = n;
}

static enum fk_status path_hashes(const struct path *p, const struct fk_tree_source *source,
                                  struct fk_proof *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_proof proof = {0};
    while (proof.count < p->count) {
        size_t i = p->count - 1 - proof.count;
        FK_TRY(range_root(source, p->from[i], p->n[i], proof.hash[proof.count], err));
        proof.count++;
    }
    *out = proof;
done:
    return st;
}

enum fk_status fk_tree_inclusion(const struct fk_tree_source *source, uint64_t index, uint64_t size,
                                 struct fk_proof *out, struct fk_err *err) {
    struct path path = {0};
    if (index >= size)
        return fk_fail(err, FK_INVALID, "entry %llu is not in a tree of %llu entries",
                       (unsigned long long)index, (unsigned long long)size);
    for (uint64_t from = 0, n = size; n > 1;) {
        uint64_t k = (uint64_t)1 << split_level(n);
        bool left = index - from < k;
        path_push(&path, left ? from + k : from, left ? n - k : k);
        from += left ? 0 : k;
        n = left ? k : n - k;
    }
    return path_hashes(&path, source, out, err);
}

enum fk_status fk_tree_consistency(const struct fk_tree_source *source, uint64_t old, uint64_t size,
                                   struct fk_proof *out, struct fk_err *err) {
    struct path path = {0};
    if (old > size)
        return fk_fail(err, FK_INVALID, "a tree of %llu entries cannot grow to %llu",
                       (unsigned long long)old, (unsigned long long)size);
    uint64_t from = 0, n = size;
    while (old > 0 && old < size && old - from < n) {
        uint64_t k = (uint64_t)1 << split_level(n);
        bool left = old - from <= k;
        path_push(&path, left ? from + k : from, left ? n - k : k);
        from += left ? 0 : k;
        n = left ? k : n - k;
    }
    if (from >
        0) /* the old tree is not the leftmost perfect subtree: its last part is a hash too */
        path_push(&path, from, n);
    return path_hashes(&path, source, out, err);
}

bool fk_tree_check_inclusion(const fk_hash leaf, uint64_t index, uint64_t size,
                             const struct fk_proof *proof, const fk_hash root) {
    if (index >= size || proof->count > 64)
        return false;
    uint64_t fn = index, sn = size - 1;
    fk_hash r;
    memcpy(r, leaf, sizeof r);
    for (size_t i = 0; i < proof->count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            fk_tree_node(proof->hash[i], r, r);
            while (!(fn & 1) && fn != 0)
                fn >>= 1, sn >>= 1;
        } else
            fk_tree_node(r, proof->hash[i], r);
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && memcmp(r, root, sizeof r) == 0;
}

static bool consistency_walk(uint64_t fn, uint64_t sn, const fk_hash *at, size_t count,
                             const fk_hash old_root, const fk_hash root) {
    fk_hash fr, sr;
    memcpy(fr, at[0], sizeof fr);
    memcpy(sr, at[0], sizeof sr);
    for (size_t i = 1; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            fk_tree_node(at[i], fr, fr);
            fk_tree_node(at[i], sr, sr);
            while (!(fn & 1) && fn != 0)
                fn >>= 1, sn >>= 1;
        } else
            fk_tree_node(sr, at[i], sr);
        fn >>= 1, sn >>= 1;
    }
    return sn == 0 && memcmp(fr, old_root, sizeof fr) == 0 && memcmp(sr, root, sizeof sr) == 0;
}

bool fk_tree_check_consistency(uint64_t old, const fk_hash old_root, uint64_t size,
                               const fk_hash root, const struct fk_proof *proof) {
    if (old > size || proof->count > 63)
        return false;
    if (old == size)
        return proof->count == 0 && memcmp(old_root, root, FK_SHA256_BYTES) == 0;
    if (old == 0) {
        fk_hash empty;
        fk_sha256("", 0, empty);
        return proof->count == 0 && memcmp(old_root, empty, sizeof empty) == 0;
    }
    fk_hash at[64];
    size_t count = 0;
    if ((old & (old - 1)) == 0) /* the old root is itself the first hash, and not repeated */
        memcpy(at[count++], old_root, FK_SHA256_BYTES);
    for (size_t i = 0; i < proof->count; i++)
        memcpy(at[count++], proof->hash[i], FK_SHA256_BYTES);
    if (count == 0)
        return false;
    uint64_t fn = old - 1, sn = size - 1;
    while (fn & 1)
        fn >>= 1, sn >>= 1;
    return consistency_walk(fn, sn, at, count, old_root, root);
}
