/*
 * tree.h - the Merkle tree of RFC 6962, section 2, over entry lines: hashes, roots, proofs, checks.
 *
 * Pure: no files. A leaf is SHA-256(0x00 || line with its LF), a node SHA-256(0x01 || left ||
 * right), a range is split at the largest power of two below its size, the empty tree is
 * SHA-256(""). Level 0 are the leaves; the hash (level, index) is the root over leaves
 * index*2^level up to (index+1)*2^level, all of which exist.
 *
 *     struct fk_frontier f = {0};
 *     fk_frontier_add(&f, leaf);                the tree grown leaf by leaf, O(log n) memory
 *     fk_frontier_root(&f, root);
 *
 *     FK_TRY(fk_tree_inclusion(&source, index, size, &proof, err));
 *     ok = fk_tree_check_inclusion(leaf, index, size, &proof, root);
 *
 * Checks follow RFC 9162, sections 2.1.3.2 and 2.1.4.2, and trust nothing: proofs that are too
 * long, too short or out of range are false. Errors: only the source's own. Threads: any.
 */
#ifndef FK_VAULT_TREE_H
#define FK_VAULT_TREE_H
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t fk_hash[FK_SHA256_BYTES];

void fk_tree_leaf(const void *line, size_t len, fk_hash out);
void fk_tree_node(const fk_hash left, const fk_hash right, fk_hash out);

/* The roots of the perfect subtrees that make up the tree: at[n] counts where bit n of size is set.
 */
struct fk_frontier {
    uint64_t size;
    fk_hash at[64];
};
void fk_frontier_add(struct fk_frontier *f, const fk_hash leaf);
void fk_frontier_root(const struct fk_frontier *f, fk_hash out);

/* Where hashes come from. */
struct fk_tree_source {
    enum fk_status (*hash)(void *ctx, unsigned level, uint64_t index, fk_hash out,
                           struct fk_err *err);
    void *ctx;
};
/* The root over the first `size` leaves. */
FK_CHECKED enum fk_status fk_tree_root(const struct fk_tree_source *source, uint64_t size,
                                       fk_hash out, struct fk_err *err);

/* At most 63 hashes prove anything in a tree of under 2^63 leaves. */
struct fk_proof {
    size_t count;
    fk_hash hash[64];
};
/* FK_INVALID unless index < size. */
FK_CHECKED enum fk_status fk_tree_inclusion(const struct fk_tree_source *source, uint64_t index,
                                            uint64_t size, struct fk_proof *out,
                                            struct fk_err *err);
/* FK_INVALID unless old <= size; from 0 and from size itself the proof is empty. */
FK_CHECKED enum fk_status fk_tree_consistency(const struct fk_tree_source *source, uint64_t old,
                                              uint64_t size, struct fk_proof *out,
                                              struct fk_err *err);
bool fk_tree_check_inclusion(const fk_hash leaf, uint64_t index, uint64_t size,
                             const struct fk_proof *proof, const fk_hash root);
bool fk_tree_check_consistency(uint64_t old, const fk_hash old_root, uint64_t size,
                               const fk_hash root, const struct fk_proof *proof);

#ifdef __cplusplus
}
#endif
#endif
