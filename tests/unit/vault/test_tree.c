/* test_tree.c - RFC 6962 against its published vectors and against a naive reference. */
#include "archiver/vault/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LEAVES = 300 };

/* The eight inputs and roots of the reference implementation of Certificate Transparency
 * (merkle_tree_test.cc, kSHA256Roots). */
static const struct {
    const char *input;
    size_t len;
    const char *root;
} published[] = {
    {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
     "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static fk_hash leaves[LEAVES];

/* MTH of RFC 6962, section 2.1, word for word. */
static void naive_root(uint64_t from, uint64_t n, fk_hash out) {
    if (n == 0) {
        fk_sha256("", 0, out);
        return;
    }
    if (n == 1) {
        memcpy(out, leaves[from], FK_SHA256_BYTES);
        return;
    }
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    fk_hash l, r;
    naive_root(from, k, l);
    naive_root(from + k, n - k, r);
    fk_tree_node(l, r, out);
}

static enum fk_status leaf_source(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                  struct fk_err *err) {
    (void)ctx;
    (void)err;
    naive_root(index << level, (uint64_t)1 << level, out);
    return FK_OK;
}
static const struct fk_tree_source source = {leaf_source, NULL};

static int make_leaves(void **state) {
    (void)state;
    for (int i = 0; i < LEAVES; i++)
        fk_tree_leaf(&i, sizeof i, leaves[i]);
    return 0;
}

static void roots_are_the_published_ones(void **state) {
    (void)state;
    struct fk_frontier f = {0};
    fk_hash root, want;
    fk_frontier_root(&f, root);
    assert_true(
        fk_unhex(want, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 32));
    assert_memory_equal(root, want, sizeof want);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        fk_hash leaf;
        fk_tree_leaf(published[i].input, published[i].len, leaf);
        fk_frontier_add(&f, leaf);
        fk_frontier_root(&f, root);
        assert_true(fk_unhex(want, published[i].root, 32));
        assert_memory_equal(root, want, sizeof want);
    }
}

static void every_size_has_the_naive_root(void **state) {
    (void)state;
    struct fk_frontier f = {0};
    fk_hash naive, grown, read;
    for (uint64_t n = 0; n <= LEAVES; n++) {
        naive_root(0, n, naive);
        fk_frontier_root(&f, grown);
        assert_int_equal(fk_tree_root(&source, n, read, NULL), FK_OK);
        assert_memory_equal(naive, grown, sizeof naive);
        assert_memory_equal(naive, read, sizeof naive);
        if (n < LEAVES)
            fk_frontier_add(&f, leaves[n]);
    }
}

static void every_inclusion_is_proven_and_no_other(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= LEAVES; n += n < 40 ? 1 : 13) {
        fk_hash root;
        naive_root(0, n, root);
        for (uint64_t i = 0; i < n; i++) {
            struct fk_proof p, bad;
            assert_int_equal(fk_tree_inclusion(&source, i, n, &p, NULL), FK_OK);
            assert_true(fk_tree_check_inclusion(leaves[i], i, n, &p, root));
            assert_false(fk_tree_check_inclusion(leaves[(i + 1) % LEAVES], i, n, &p, root));
            assert_false(fk_tree_check_inclusion(leaves[i], i ^ 1, n, &p, root) && n > 1);
            assert_false(fk_tree_check_inclusion(leaves[i], n, n, &p, root));
            assert_false(fk_tree_check_inclusion(leaves[i], i, 0, &p, root));
            bad = p;
            bad.count++;
            assert_false(fk_tree_check_inclusion(leaves[i], i, n, &bad, root));
            for (size_t h = 0; h < p.count; h++) {
                bad = p;
                bad.hash[h][h] ^= 1;
                assert_false(fk_tree_check_inclusion(leaves[i], i, n, &bad, root));
            }
            if (p.count) {
                bad = p;
                bad.count--;
                assert_false(fk_tree_check_inclusion(leaves[i], i, n, &bad, root));
            }
        }
    }
    struct fk_proof p;
    assert_int_equal(fk_tree_inclusion(&source, 5, 5, &p, NULL), FK_INVALID);
}

static void every_growth_is_proven_and_no_other(void **state) {
    (void)state;
    for (uint64_t n = 0; n <= LEAVES; n += n < 40 ? 1 : 13) {
        fk_hash root, old_root;
        naive_root(0, n, root);
        for (uint64_t old = 0; old <= n; old++) {
            struct fk_proof p, bad;
            naive_root(0, old, old_root);
            assert_int_equal(fk_tree_consistency(&source, old, n, &p, NULL), FK_OK);
            assert_true(fk_tree_check_consistency(old, old_root, n, root, &p));
            if (old > 0) {
                fk_hash other;
                memcpy(other, old_root, sizeof other);
                other[3] ^= 4;
                assert_false(fk_tree_check_consistency(old, other, n, root, &p));
            }
            for (size_t h = 0; h < p.count; h++) {
                bad = p;
                bad.hash[h][h] ^= 1;
                assert_false(fk_tree_check_consistency(old, old_root, n, root, &bad));
            }
            bad = p;
            bad.count++;
            memset(bad.hash[p.count], 7, sizeof bad.hash[0]);
            assert_false(fk_tree_check_consistency(old, old_root, n, root, &bad));
            if (p.count) {
                bad = p;
                bad.count--;
                assert_false(fk_tree_check_consistency(old, old_root, n, root, &bad));
            }
        }
    }
    struct fk_proof p;
    assert_int_equal(fk_tree_consistency(&source, 6, 5, &p, NULL), FK_INVALID);
}

/* Trees that give an odd node a twin of itself have one root for both (CVE-2012-2459). */
static void a_last_leaf_given_twice_is_another_tree(void **state) {
    (void)state;
    struct fk_frontier f = {0};
    for (size_t n = 1; n <= 100; n++) {
        fk_hash once, twice;
        fk_frontier_add(&f, leaves[n - 1]);
        fk_frontier_root(&f, once);
        struct fk_frontier again = f;
        fk_frontier_add(&again, leaves[n - 1]);
        fk_frontier_root(&again, twice);
        assert_memory_not_equal(once, twice, sizeof once);
    }
}

static void a_node_is_no_leaf(void **state) {
    (void)state;
    uint8_t both[64];
    memcpy(both, leaves[0], 32);
    memcpy(both + 32, leaves[1], 32);
    fk_hash node, leaf;
    fk_tree_node(leaves[0], leaves[1], node);
    fk_tree_leaf(both, sizeof both, leaf);
    assert_memory_not_equal(node, leaf, sizeof node);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_the_published_ones),
        cmocka_unit_test(every_size_has_the_naive_root),
        cmocka_unit_test(every_inclusion_is_proven_and_no_other),
        cmocka_unit_test(every_growth_is_proven_and_no_other),
        cmocka_unit_test(a_last_leaf_given_twice_is_another_tree),
        cmocka_unit_test(a_node_is_no_leaf),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
