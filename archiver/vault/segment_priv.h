/*
 * segment_priv.h - one segment as an LMDB environment that is written (docs/format-vault.md 3).
 *
 * No NOSYNC, NOMETASYNC or WRITEMAP: a commit is on the disk when it returns. Keys ascend and are
 * put with MDB_APPEND. Room on the disk is taken before a transaction is written
 * (fk_segment__room), so that a full disk is found while nothing has been written yet.
 *
 * Functions that return int return LMDB's code; fk_segment__fail makes a status of it. Threads: one
 * at a time; a transaction begins and ends in one thread.
 */
#ifndef FK_VAULT_SEGMENT_PRIV_H
#define FK_VAULT_SEGMENT_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include <limits.h>
#include <lmdb.h>
#include <sys/types.h>

struct fk_segment {
    MDB_env *env;
    MDB_dbi entries, lines, extents, contents, chunks, keys, meta;
    bool has_chunks; /* not so in a segment that an older version began */
    uint64_t number, map_bytes;
    off_t allocated; /* room on the disk is taken up to here */
    char path[PATH_MAX];
};
enum { FK_SEGMENT_NEW = 1, FK_SEGMENT_OPEN = 2 };
/* FK_SEGMENT_NEW: a scratch file without a lock file; an old one of that name is removed.
 * FK_SEGMENT_OPEN: the tables of an open segment (entries, keys); else those of a sealed one
 * (lines).
 */
FK_CHECKED enum fk_status fk_segment__open(const char *path, uint64_t number, uint64_t map_bytes,
                                           int flags, struct fk_segment **out, struct fk_err *err);
void fk_segment__close(struct fk_segment **seg);

enum fk_status fk_segment__fail(const struct fk_segment *seg, int rc, const char *what,
                                struct fk_err *err);
FK_CHECKED enum fk_status fk_segment__begin(struct fk_segment *seg, MDB_txn **out,
                                            struct fk_err *err);
/* Takes the transaction in every case. */
FK_CHECKED int fk_segment__commit(MDB_txn **txn);
void fk_segment__abort(MDB_txn **txn);

FK_CHECKED int fk_segment__append(MDB_txn *txn, MDB_dbi table, uint64_t key, const void *data,
                                  size_t len);
/* Room for a value, to be filled before the transaction's next call. */
FK_CHECKED int fk_segment__reserve(MDB_txn *txn, MDB_dbi table, uint64_t key, size_t len,
                                   uint8_t **out);
FK_CHECKED int fk_segment__meta_put(struct fk_segment *seg, MDB_txn *txn, const char *name,
                                    const char *value);
FK_CHECKED int fk_segment__meta_number(struct fk_segment *seg, MDB_txn *txn, const char *name,
                                       uint64_t value);
/* The newest line's digest: nothing else vouches for the last entry of a ledger. */
FK_CHECKED int fk_segment__head_put(struct fk_segment *seg, MDB_txn *txn, const void *line,
                                    size_t len);
/* FK_FULL before anything is written when the disk has no room for so many more bytes. */
FK_CHECKED enum fk_status fk_segment__room(struct fk_segment *seg, uint64_t bytes,
                                           struct fk_err *err);
/* Bytes of the file in use: for the rotation limit. */
uint64_t fk_segment__bytes(struct fk_segment *seg);
#endif
