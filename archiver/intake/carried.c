/* carried.c - "archive+LOCAL=DOMAIN@host" to "LOCAL@DOMAIN". */
#include "archiver/intake/carried.h"

#include <string.h>

size_t fk_carried_recipient(const char *address, size_t len, char separator, char *out) {
    const char *at = memrchr(address, '@', len);
    size_t local = at ? (size_t)(at - address) : len;
    const char *first = memchr(address, separator, local);
    if (!local || address[0] == '"' || !first)
        return 0;
    const char *from = first + 1;
    size_t n = local - (size_t)(from - address);
    const char *equals = n ? memrchr(from, '=', n) : NULL;
    if (!equals || equals == from || equals + 1 == from + n)
        return 0;
    memcpy(out, from, n);
    out[equals - from] = '@';
    return n;
}
