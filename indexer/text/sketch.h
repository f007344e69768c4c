/*
 * sketch.h - a text as 128 bytes from which its likeness to another text is told: one permutation
 * hashing (Li, Owen, Zhang 2012) of shingles of FK_SHINGLE tokens, eight bits of each bin's least
 * value (Li, Koenig 2010), empty bins filled from the next one (Shrivastava, Li 2014).
 *
 *     fk_sketcher_reset(&s);
 *     fk_sketcher_add(&s, hash_of_token);                  in the order of the text
 *     if (fk_sketcher_end(&s, sketch))                     false: there was no token
 *         percent = fk_sketch_likeness(sketch, other);
 *
 * Likeness estimates the Jaccard coefficient of the two sets of shingles, in percent. Of equal
 * texts it is 100; of others the mean error is 1 to 3 points, the greatest of 200 pairs 5 to 11,
 * and 15 where texts have fewer shingles than bins (tests/unit/indexer/test_sketch.c prints the
 * table).
 *
 * Bands are terms by which what is alike is found: FK_BANDS of them, of FK_BAND_ROWS bytes each.
 * Were bytes independent, two texts of likeness s would share one with probability
 * 1 - (1 - s^3)^8; the table has what is seen: 99 in 100 at 0.85, 95 at 0.66.
 *
 * Hashes are those of docterms.c; others are another FK_TERMS_VERSION. Threads: any.
 */
#ifndef FK_INDEXER_SKETCH_H
#define FK_INDEXER_SKETCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_SKETCH_BYTES = 128, /* one a bin */
    FK_SHINGLE = 4,        /* tokens: words, or pairs of Japanese characters that overlap */
    FK_BANDS = 8,
    FK_BAND_ROWS = 3,
    FK_BAND_SIZE = 2 + 1 + 2 * FK_BAND_ROWS + 1 /* prefix, number, hex, NUL */
};

struct fk_sketcher {
    uint32_t least[FK_SKETCH_BYTES]; /* of each bin */
    uint32_t row[FK_SHINGLE];        /* the last tokens */
    uint32_t sum;                    /* of them, as a shingle */
    uint32_t tokens;
};
void fk_sketcher_reset(struct fk_sketcher *s);

/* The bin is the hash's high bits; what is left is its value there. */
static inline void fk_sketcher_put(struct fk_sketcher *s, uint32_t shingle) {
    shingle ^= shingle >> 15;
    shingle *= 0x2c1b3c6d;
    shingle ^= shingle >> 12;
    shingle *= 0x297a2d39;
    shingle ^= shingle >> 15;
    uint32_t *bin = &s->least[shingle >> 25];
    shingle &= 0x1ffffff;
    if (shingle < *bin)
        *bin = shingle;
}

/* A polynomial over the last tokens: what leaves is taken out with its power. */
static inline void fk_sketcher_add(struct fk_sketcher *s, uint32_t token) {
    enum { K = 0x01000193 };
    const uint32_t leaves = s->row[s->tokens % FK_SHINGLE];
    s->row[s->tokens % FK_SHINGLE] = token;
    s->sum = (s->sum - leaves * (uint32_t)K * (uint32_t)K * (uint32_t)K) * (uint32_t)K + token;
    if (++s->tokens >= FK_SHINGLE)
        fk_sketcher_put(s, s->sum);
}

bool fk_sketcher_end(struct fk_sketcher *s, uint8_t out[FK_SKETCH_BYTES]);

unsigned fk_sketch_likeness(const uint8_t a[FK_SKETCH_BYTES], const uint8_t b[FK_SKETCH_BYTES]);
/* The term of band 0 .. FK_BANDS-1, NUL-terminated. */
void fk_sketch_band(const uint8_t sketch[FK_SKETCH_BYTES], unsigned band, char out[FK_BAND_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
