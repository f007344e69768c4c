/* log-bench.c DIR - what a checkpoint and a proof cost in a log of 10^4 to 10^7 entries.
 *
 * Grows tiles below DIR (made, and to be removed by the caller) and prints, at each power of ten,
 * the median of 20 checkpoints over 100 new entries each (tiles, sync, proof that the last one is a
 * prefix), and of 1,000 inclusion proofs of entries here and there (tiles in the page cache). */
#include "archiver/vault/tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHECKPOINTS = 20, NEW = 100, PROOFS = 1000 };

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(enum fk_status st, const struct fk_err *err) {
    if (st == FK_OK)
        return;
    fprintf(stderr, "log-bench: %s\n", err->text);
    exit(1);
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *at, size_t n) {
    qsort(at, n, sizeof *at, by_size);
    return at[n / 2];
}

static void grow(struct fk_tilewriter *w, uint64_t until, struct fk_err *err) {
    char line[300];
    for (uint64_t i; (i = fk_tilewriter_frontier(w)->size) < until;) {
        int len =
            snprintf(line, sizeof line, "fumikura/1 seq=%llu %0200d\n", (unsigned long long)i, 0);
        must(fk_tilewriter_add(w, line, (size_t)len, err), err);
    }
}

static double checkpoint(struct fk_tilewriter *w, const char *dir, struct fk_err *err) {
    struct fk_tiles *tiles = NULL;
    struct fk_proof proof;
    fk_hash root;
    const double began = now_ms();
    const uint64_t old = fk_tilewriter_frontier(w)->size;
    grow(w, old + NEW, err);
    fk_frontier_root(fk_tilewriter_frontier(w), root);
    must(fk_tilewriter_flush(w, err), err);
    must(fk_tiles_open(dir, old + NEW, root, &tiles, err), err);
    must(fk_tree_consistency(fk_tiles_source(tiles), old, old + NEW, &proof, err), err);
    fk_tiles_close(&tiles);
    must(fk_tilewriter_prune(w, err), err);
    return now_ms() - began;
}

/* Each from a handle of its own, as a command does it. */
static double prove(const char *dir, uint64_t size, const fk_hash root, uint64_t index,
                    struct fk_err *err) {
    struct fk_tiles *tiles = NULL;
    struct fk_proof proof;
    const double began = now_ms();
    must(fk_tiles_open(dir, size, root, &tiles, err), err);
    must(fk_tree_inclusion(fk_tiles_source(tiles), index, size, &proof, err), err);
    fk_tiles_close(&tiles);
    return now_ms() - began;
}

int main(int argc, char **argv) {
    static double checkpoints[CHECKPOINTS], proofs[PROOFS];
    struct fk_err err = FK_ERR_INIT;
    struct fk_tilewriter *w = NULL;
    fk_hash root;
    if (argc != 2) {
        fprintf(stderr, "usage: log-bench DIR\n");
        return 2;
    }
    fk_sha256("", 0, root);
    must(fk_tilewriter_open(argv[1], 0, root, &w, &err), &err);
    for (uint64_t size = 10000; size <= 10000000; size *= 10) {
        grow(w, size, &err);
        must(fk_tilewriter_flush(w, &err), &err);
        for (int i = 0; i < CHECKPOINTS; i++)
            checkpoints[i] = checkpoint(w, argv[1], &err);
        const uint64_t all = fk_tilewriter_frontier(w)->size;
        fk_frontier_root(fk_tilewriter_frontier(w), root);
        for (uint64_t i = 0; i < PROOFS; i++)
            proofs[i] = prove(argv[1], all, root, i * (all / PROOFS), &err);
        printf("log entries=%llu checkpoint_ms=%.2f proof_ms=%.3f\n", (unsigned long long)size,
               median(checkpoints, CHECKPOINTS), median(proofs, PROOFS));
        fflush(stdout);
    }
    fk_tilewriter_close(&w);
    return 0;
}
