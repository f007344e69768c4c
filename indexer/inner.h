/*
 * inner.h - of one message after another: is it a journal report, and where in it is the message
 * that it reports? Asked of a boxed reader that stays (fk_index_inner_bytes starts one a message).
 *
 *     FK_TRY(fk_inner_finder_open(&options, &finder, err));     options as of index.h
 *     FK_TRY(fk_inner_find(finder, fd, offset, len, &inner, err));
 *     fk_inner_finder_close(&finder);
 *
 * What the reader says is the place, and nothing but a place within the message is taken. Of
 * several messages in a report (clear copies of a protected one) the first is told, which is the
 * one that was delivered. Ownership: fd, a sealed memory file, stays the caller's. Errors:
 * FK_DENIED there is no box on this machine. Threads: one.
 */
#ifndef FK_INDEXER_INNER_H
#define FK_INDEXER_INNER_H
#include "indexer/index.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_inner {
    const char *unread;      /* why nobody knows: time, crash; else NULL */
    bool is_report;          /* and has a message; else what follows is 0 */
    uint64_t offset, len;    /* in the message that was received */
    enum fk_transfer coding; /* in which it stands there */
};

struct fk_inner_finder;
FK_CHECKED enum fk_status fk_inner_finder_open(const struct fk_index_options *options,
                                               struct fk_inner_finder **out, struct fk_err *err);
void fk_inner_finder_close(struct fk_inner_finder **finder);
FK_CHECKED enum fk_status fk_inner_find(struct fk_inner_finder *finder, int fd, uint64_t offset,
                                        uint64_t len, struct fk_inner *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
