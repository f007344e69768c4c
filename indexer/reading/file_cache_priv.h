/*
 * file_cache_priv.h - what came of the last attachments, so that the same file is read once: a
 * price list that goes to forty people, a logo of a letter. In one boxed reader, for as long as
 * that lives; at most 32 files, of each at most 1 MiB of what it gave.
 *
 *     st = fk_file_cache__tell(cache, file, sink, &reasons, &clean, &text_left, err);
 *     if (st == FK_NOT_FOUND) {
 *         const struct fk_sink *recording = fk_file_cache__begin(cache, file, sink);
 *         ... read into it ...
 *         fk_file_cache__end(cache, file, st == FK_OK, reasons, is_garbled);
 *     }
 *
 * The file is known by its SHA-256, its name and what was declared of it. What depends on more
 * (time, passwords, programs) is not kept. Threads: one.
 */
#ifndef FK_INDEXER_FILE_CACHE_PRIV_H
#define FK_INDEXER_FILE_CACHE_PRIV_H
#include "indexer/reading/files_priv.h"

struct fk_file_cache;
struct fk_file_cache *fk_file_cache__new(void); /* NULL without memory: then nothing is kept */
enum fk_status fk_file_cache__tell(struct fk_file_cache *c, const struct fk_file *file,
                                   const struct fk_sink *sink, unsigned *reasons, bool *clean,
                                   size_t *text_left, struct fk_err *err);
const struct fk_sink *fk_file_cache__begin(struct fk_file_cache *c, const struct fk_file *file,
                                           const struct fk_sink *sink);
void fk_file_cache__end(struct fk_file_cache *c, const struct fk_file *file, bool is_good,
                        unsigned reasons, bool is_garbled);

#endif
