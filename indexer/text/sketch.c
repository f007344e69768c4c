/* sketch.c - see sketch.h. */
#include "indexer/text/sketch.h"
#include "base/digest.h"
#include "indexer/text/prefixes.h"

#include <string.h>

enum { EMPTY = UINT32_MAX };

void fk_sketcher_reset(struct fk_sketcher *s) {
    memset(s->least, 0xff, sizeof s->least);
    memset(s->row, 0, sizeof s->row);
    s->sum = s->tokens = 0;
}

/* Of a value that a bin took from `steps` bins on, the distance counts too: two texts agree there
 * where both have the same gap. */
static uint8_t byte_of(uint32_t least, uint32_t steps) {
    uint32_t h = least * 0x9e3779b1u ^ steps * 0x85ebca6bu;
    h = (h ^ h >> 16) * 0x7feb352du;
    return (uint8_t)((h ^ h >> 15) >> 16);
}

bool fk_sketcher_end(struct fk_sketcher *s, uint8_t out[FK_SKETCH_BYTES]) {
    if (s->tokens == 0)
        return false;
    if (s->tokens < FK_SHINGLE)
        fk_sketcher_put(s, s->sum);
    for (uint32_t i = 0; i < FK_SKETCH_BYTES; i++) {
        uint32_t steps = 0;
        while (s->least[(i + steps) % FK_SKETCH_BYTES] == EMPTY)
            steps++;
        out[i] = byte_of(s->least[(i + steps) % FK_SKETCH_BYTES], steps);
    }
    return true;
}

/* Bytes of unlike bins are equal once in 256. */
unsigned fk_sketch_likeness(const uint8_t a[FK_SKETCH_BYTES], const uint8_t b[FK_SKETCH_BYTES]) {
    unsigned equal = 0;
    for (size_t i = 0; i < FK_SKETCH_BYTES; i++)
        equal += a[i] == b[i];
    const unsigned by_chance = (FK_SKETCH_BYTES - equal) / 255;
    const unsigned least = equal > by_chance ? equal - by_chance : 0;
    return (least * 100 + FK_SKETCH_BYTES / 2) / FK_SKETCH_BYTES;
}

/* Bins far from one another, so that one gap of a short text does not fill a band. */
void fk_sketch_band(const uint8_t sketch[FK_SKETCH_BYTES], unsigned band, char out[FK_BAND_SIZE]) {
    uint8_t rows[FK_BAND_ROWS];
    for (size_t i = 0; i < FK_BAND_ROWS; i++)
        rows[i] = sketch[(band + i * (FK_SKETCH_BYTES / FK_BAND_ROWS)) % FK_SKETCH_BYTES];
    memcpy(out, FK_P_BAND, 2);
    out[2] = (char)('0' + band);
    fk_hex(out + 3, rows, sizeof rows);
}
