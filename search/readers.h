/*
 * readers.h - readers of a vault's index, kept open from one search to the next: to open each of
 * its databases takes longer than most searches.
 *
 * One that is kept is given only as long as index/current is the very file that it was opened by,
 * which is what a search would open anew. What was disposed of and hidden in it stays hidden, and a
 * search reads the ledger from the reader's mark on in any case. Since bytes that are out of use
 * are overwritten only once nobody has them open, what is kept is looked at FK_READERS_LOOK_MS
 * apart, and closed when index/current is another, or when nobody asked for it for
 * idle_ms.
 *
 *     FK_TRY(fk_readers_new(dir, FK_READERS_IDLE_MS, &readers, err));
 *     FK_TRY(fk_readers_take(readers, &reader, err));
 *     ... reader.reader, reader.mark ...
 *     fk_readers_give(readers, &reader);          or fk_readers_drop, where it failed
 *     fk_readers_free(&readers);                  once all are given back
 *
 * Ownership: a reader that was taken is the caller's alone. Errors: those of fk_index_open.
 * Threads: any.
 */
#ifndef FK_SEARCH_READERS_H
#define FK_SEARCH_READERS_H
#include "base/status.h"
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_READERS_KEPT = 2, /* at most */
    FK_READERS_LOOK_MS = 200,
    FK_READERS_IDLE_MS = 30000
};

struct fk_reader_kept {
    struct fk_xreader *reader;
    uint64_t mark; /* of the index that it reads */
    int current;   /* its index/current, open so that no other file has its number; -1: unknown */
    int64_t given_ms; /* when it was given back */
};
#define FK_READER_KEPT                                                                             \
    { NULL, 0, -1, 0 }

struct fk_readers;
FK_CHECKED enum fk_status fk_readers_new(const char *dir, int64_t idle_ms, struct fk_readers **out,
                                         struct fk_err *err);
FK_CHECKED enum fk_status fk_readers_take(struct fk_readers *readers, struct fk_reader_kept *out,
                                          struct fk_err *err);
void fk_readers_give(struct fk_readers *readers, struct fk_reader_kept *reader);
/* It is closed. Needs no readers, nor that there is one. */
void fk_readers_drop(struct fk_reader_kept *reader);
void fk_readers_free(struct fk_readers **readers);

#ifdef __cplusplus
}
#endif
#endif
