/* tile_path.c - tlog-tiles' way to write a tile's number: groups of three digits, all but the last
 * with an x before them. */
#include "archiver/vault/tiles.h"

#include <inttypes.h>
#include <stdio.h>

int fk_tile_path(char *out, size_t size, int level, uint64_t n, unsigned width) {
    char number[48], partial[16] = "", kind[16] = "entries";
    size_t at = sizeof number;
    number[--at] = 0;
    for (int group = 0; group == 0 || n > 0; group++, n /= 1000) {
        if (group > 0)
            number[--at] = '/';
        for (uint64_t digits = n % 1000, i = 0; i < 3; i++, digits /= 10)
            number[--at] = (char)('0' + digits % 10);
        if (group > 0)
            number[--at] = 'x';
    }
    if (width < FK_TILE_WIDTH)
        snprintf(partial, sizeof partial, ".p/%u", width);
    if (level >= 0)
        snprintf(kind, sizeof kind, "%d", level);
    return snprintf(out, size, "tile/%s/%s%s", kind, number + at, partial);
}
