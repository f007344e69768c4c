/*
 * pattern.h - words by a pattern: * is any bytes or none, ? one character of UTF-8.
 * Threads: any.
 */
#ifndef FK_INDEXER_PATTERN_H
#define FK_INDEXER_PATTERN_H
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

bool fk_pattern_matches(const char *pattern, size_t pattern_len, const char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
