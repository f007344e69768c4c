/* pattern.c - the last * that was met is where to go back to, so that time is at most the product
 * of both lengths. */
#include "indexer/text/pattern.h"

#include <stdint.h>

/* Behind the character at text[at]. */
static size_t character_end(const char *text, size_t len, size_t at) {
    for (at++; at < len && ((uint8_t)text[at] & 0xc0) == 0x80; at++)
        ;
    return at;
}

bool fk_pattern_matches(const char *pattern, size_t pattern_len, const char *text, size_t len) {
    size_t p = 0, at = 0, star = SIZE_MAX, from = 0;
    while (at < len) {
        if (p < pattern_len && pattern[p] == '*') {
            star = p++;
            from = at;
        } else if (p < pattern_len && pattern[p] == '?') {
            at = character_end(text, len, at);
            p++;
        } else if (p < pattern_len && pattern[p] == text[at]) {
            at++;
            p++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            at = ++from;
        } else
            return false;
    }
    while (p < pattern_len && pattern[p] == '*')
        p++;
    return p == pattern_len;
}
