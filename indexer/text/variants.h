/*
 * variants.h - one character for several that are the same in names: 髙 is 高, 邊 and 邉 are 辺.
 *
 * Text that becomes terms has the first of a class for each of it (terms.h), so that either
 * spelling finds either; what was written stands beside it in the index, for whoever asks for the
 * spelling itself. Characters are folded (fk_terms_fold) before they are looked up here.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_VARIANTS_H
#define FK_INDEXER_VARIANTS_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_VARIANTS_VERSION = 1 };

/* The character that stands for its class; cp itself where it is in none. */
uint32_t fk_variants_representative(uint32_t cp);
/* All of its class as UTF-8, the representative first; NULL where it is in none. */
const char *fk_variants_class(uint32_t cp);
/* The whole table. */
size_t fk_variants_classes(const char *const **out);

#ifdef __cplusplus
}
#endif
#endif
