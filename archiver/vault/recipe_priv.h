/*
 * recipe_priv.h - how the plain bytes of a content are put together (docs/format-vault.md 2, codec
 * 2): lines as they stand in its text. A recipe has keys of chunks in it: free overwrites them.
 *
 *     struct fk_recipe r = {0};
 *     fk_recipe__raw(&r, 120);
 *     fk_recipe__run(&r, &run);
 *     fk_recipe__chunk(&r, &chunk);       of the run
 *     if (r.failed) no memory
 *
 * Threads: one at a time.
 */
#ifndef FK_VAULT_RECIPE_PRIV_H
#define FK_VAULT_RECIPE_PRIV_H
#include "archiver/vault/runs_priv.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"

enum {
    FK_RECIPE_CHUNKS_MAX = 8192,
    FK_RECIPE_RUNS_MAX = 4096,
    FK_CHUNK_MAX = 262144,
    FK_CHUNK_KEY_BYTES = 32
};
enum fk_recipe_what { FK_RECIPE_RAW, FK_RECIPE_BASE64, FK_RECIPE_CHUNK };
struct fk_recipe_line {
    enum fk_recipe_what what;
    bool crlf;
    uint16_t width;
    uint64_t bytes;
    uint64_t number; /* of the chunk; 0 while it has none */
    uint8_t key[FK_CHUNK_KEY_BYTES];
};
struct fk_recipe {
    struct fk_recipe_line *line;
    size_t count, cap, runs, chunks;
    bool failed;
};

/* Bytes as they are; joined to those of the line before where that has no chunks. */
void fk_recipe__raw(struct fk_recipe *r, uint64_t bytes);
/* A raw line that is not joined, for chunks to follow. */
void fk_recipe__raw_line(struct fk_recipe *r, uint64_t bytes);
void fk_recipe__run(struct fk_recipe *r, const struct fk_run *run);
/* The chunk's line, to be filled in; NULL: no memory. Borrowed until the next call. */
struct fk_recipe_line *fk_recipe__chunk(struct fk_recipe *r, uint64_t bytes);
/* Nothing but raw bytes without chunks: no recipe is needed. */
bool fk_recipe__is_plain(const struct fk_recipe *r);
void fk_recipe__text(const struct fk_recipe *r, struct fk_buf *out);
/* FK_CORRUPT, with the line's number: not exactly a text that fk_recipe__text writes, or sums that
 * do not agree. out is begun as {0}, reset here. */
FK_CHECKED enum fk_status fk_recipe__read(const uint8_t *text, size_t len, struct fk_recipe *out,
                                          struct fk_err *err);
void fk_recipe__reset(struct fk_recipe *r);
void fk_recipe__free(struct fk_recipe *r);
#endif
