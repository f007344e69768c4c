/*
 * inside.h - the message inside a journal report, for whoever judges where it is from: found by a
 * boxed reader of the index (indexer/inner.h), cut out here.
 *
 * Ownership: a cut's fd is yours. Threads: any.
 */
#ifndef FK_CLI_INSIDE_H
#define FK_CLI_INSIDE_H
#include "archiver/auth/follow.h"
#include "indexer/inner.h"

/* An fk_inside_fn; ctx: a struct cli_insides, whose finder starts with the first message. */
struct cli_insides {
    struct fk_index_options options;
    struct fk_inner_finder *finder;
};
FK_CHECKED enum fk_status cli_inside_find(void *ctx, int fd, uint64_t offset, uint64_t len,
                                          struct fk_inside *out, struct fk_err *err);
void cli_insides_close(struct cli_insides *i);

/* The bytes that judged names (its sha256 aside) in a message that stands in fd at offset: a sealed
 * memory file that has them, and their SHA-256. FK_CORRUPT: they are not within the message. */
struct cli_cut {
    int fd;
    uint64_t offset, len;
    uint8_t sha256[FK_SHA256_BYTES];
};
FK_CHECKED enum fk_status cli_inside_cut(int fd, uint64_t offset, uint64_t len,
                                         const struct fk_judged *judged, struct cli_cut *out,
                                         struct fk_err *err);
#endif
