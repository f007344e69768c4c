/* Proofs (archiver/vault/tree.h): what was proved is accepted; changed in any place it is not; and
 * a proof made up from nothing proves nothing.
 *
 * Input: a byte (how), sizes and indexes, then changes (patch.h) of the proof's hashes. */
#include "archiver/vault/tree.h"
#include "tests/fuzz/support/patch.h"

enum { LEVELS = 10 };
#define LEAVES ((size_t)700)
static fk_hash roots[LEAVES + 1], level_of[LEVELS][LEAVES];

static void leaf(uint64_t i, fk_hash out) {
    char line[32];
    fk_tree_leaf(line, (size_t)snprintf(line, sizeof line, "%llu\n", (unsigned long long)i), out);
}

static enum fk_status hash_give(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                struct fk_err *err) {
    (void)ctx, (void)err;
    MUST(level < LEVELS && index < LEAVES >> level);
    memcpy(out, level_of[level][index], sizeof(fk_hash));
    return FK_OK;
}

static const struct fk_tree_source source = {hash_give, NULL};

static void tree_make(void) {
    struct fk_frontier f = {0};
    fk_frontier_root(&f, roots[0]);
    for (uint64_t i = 0; i < LEAVES; i++) {
        leaf(i, level_of[0][i]);
        fk_frontier_add(&f, level_of[0][i]);
        fk_frontier_root(&f, roots[i + 1]);
    }
    for (unsigned l = 1; l < LEVELS; l++)
        for (size_t i = 0; i < LEAVES >> l; i++)
            fk_tree_node(level_of[l - 1][2 * i], level_of[l - 1][2 * i + 1], level_of[l][i]);
}

/* The hashes as bytes, changed; true: they are not what they were. */
static bool proof_change(struct fk_proof *p, struct fuzz_input *in) {
    struct fk_buf b = FK_BUF_INIT;
    const struct fk_proof before = *p;
    fk_buf_add(&b, p->hash, p->count * sizeof *p->hash);
    fuzz_patch(&b, in);
    p->count = b.len / sizeof *p->hash < 64 ? b.len / sizeof *p->hash : 64;
    memcpy(p->hash, b.data ? b.data : (const uint8_t *)"", p->count * sizeof *p->hash);
    fk_buf_free(&b);
    return p->count != before.count ||
           memcmp(p->hash, before.hash, p->count * sizeof *p->hash) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in);
    uint64_t size = fuzz_number(&in), index = fuzz_number(&in);
    struct fk_proof p = {.count = 0};
    fk_hash h;
    if (roots[1][0] == 0 && roots[0][0] == 0)
        tree_make();
    if (how & 2) { /* made up: the hashes are the input's own; no root of ours is reached by them */
        (void)proof_change(&p, &in);
        leaf(index, h);
        const bool included = fk_tree_check_inclusion(h, index, size, &p, roots[LEAVES]);
        const bool follows =
            fk_tree_check_consistency(index, roots[LEAVES - 1], size, roots[LEAVES], &p);
        MUST(!included || (index < size && p.count > 0 && size > 1));
        MUST(!follows || (index <= size && size > 0));
        return 0;
    }
    size = size % LEAVES + 1;
    if (how & 1) {
        index %= size;
        leaf(index, h);
        DONE(fk_tree_inclusion(&source, index, size, &p, NULL));
        MUST(fk_tree_check_inclusion(h, index, size, &p, roots[size]));
        if (proof_change(&p, &in))
            MUST(!fk_tree_check_inclusion(h, index, size, &p, roots[size]));
        else
            MUST(size == 1 || !fk_tree_check_inclusion(h, index ^ 1, size, &p, roots[size]));
        return 0;
    }
    index %= size + 1;
    DONE(fk_tree_consistency(&source, index, size, &p, NULL));
    MUST(fk_tree_check_consistency(index, roots[index], size, roots[size], &p));
    if (proof_change(&p, &in))
        MUST(!fk_tree_check_consistency(index, roots[index], size, roots[size], &p));
    else if (index > 1 && index < size)
        MUST(!fk_tree_check_consistency(index - 1, roots[index], size, roots[size], &p));
    return 0;
}
