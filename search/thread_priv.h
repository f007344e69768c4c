/*
 * thread_priv.h - what the files of conversations share.
 */
#ifndef FK_SEARCH_THREAD_PRIV_H
#define FK_SEARCH_THREAD_PRIV_H
#include "search/thread.h"

/* A Message-ID as a number: SHA-256 of it, the first 8 bytes. Never 0. */
uint64_t fk_thread__id(const void *id, size_t len);
/* The next Message-ID that a document's data has: its own, or one that it names. */
bool fk_thread__next_id(struct fk_fields *it, bool *is_own, struct fk_buf *id);
/* Gives each message its parent and puts all into the order in which a tree is printed. */
FK_CHECKED enum fk_status fk_thread__tree(struct fk_thread *t, struct fk_err *err);

#endif
