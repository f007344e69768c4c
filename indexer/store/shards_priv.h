/*
 * shards_priv.h - DIR/index/current: how far the index has come, and in which databases it is.
 *
 *     version: 2                         FK_TERMS_VERSION of all of it
 *     mark: 901                          the next seq to be read from the ledger
 *     shard: 3 1-512 480                 database db.3 has seqs from 1 to 512, 480 of them
 *     shard: 9 513-900 388 forgotten     db.9 is to be made anew: some were deleted, whose postings
 *                                        it may still hold, or many were changed in their place
 *     shard: 4 901-950 48 purged          of superseded documents it may still hold bytes
 *     superseded: 17,40-42               documents that are in some shard still, and count no more
 *
 * A shard is a Xapian database that nothing is added to. What a batch adds is a new shard, and the
 * file that names it, put in the old one's place at once, is the commit of both batch and mark.
 * Shards are kept few by merging the newest ones; each message is merged once for each factor of
 * FK_SHARDS_FAN that the index has grown by, so that a commit costs nearly the same however long
 * the index is. Disjoint ranges of seqs, ascending.
 *
 * A message that comes once more gets a document of all its captures in the new shard; the one
 * before is superseded by the same commit, and deleted from its shard when that is merged, or when
 * FK_SUPERSEDED_MAX of them wait: so that neither costs more the longer the index is. What was
 * deleted so may have known what a capture knew that is disposed of later: a disposal makes those
 * shards anew.
 *
 * Ownership: fk_shards__free. Threads: one at a time a list.
 */
#ifndef FK_INDEXER_SHARDS_PRIV_H
#define FK_INDEXER_SHARDS_PRIV_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FK_SHARDS_FAN = 8,
    FK_SHARD_DOCUMENTS = 131072, /* no merge makes one of more: that bounds how long it takes */
    FK_SUPERSEDED_MAX = 4096
};

struct fk_shard {
    unsigned number;      /* of db.N */
    uint32_t first, last; /* seqs */
    uint32_t documents;
    bool wants_renewal;
    bool has_purged; /* superseded documents were deleted: made anew by the next disposal */
};
struct fk_shards {
    struct fk_shard *at;
    size_t count, cap;
    uint64_t mark;
    unsigned version;
    struct fk_seqs superseded; /* sorted */
};
#define FK_SHARDS_NONE                                                                             \
    { .at = NULL }

/* FK_NOT_FOUND there is no such file; FK_CORRUPT it is none of these. */
FK_CHECKED enum fk_status fk_shards__read(const char *path, struct fk_shards *out,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_shards__write(const struct fk_shards *s, const char *path,
                                           struct fk_err *err);
/* One more, after all the others. */
FK_CHECKED enum fk_status fk_shards__add(struct fk_shards *s, const struct fk_shard *shard,
                                         struct fk_err *err);
/* One more where its seqs belong; FK_INVALID where another has them. */
FK_CHECKED enum fk_status fk_shards__insert(struct fk_shards *s, const struct fk_shard *shard,
                                            struct fk_err *err);
/* The shard whose range has the seq; NULL where none does. */
struct fk_shard *fk_shards__of(const struct fk_shards *s, uint64_t seq);
/* From which shard on to the last they are to be merged; count where none are. A level is the
 * documents' logarithm to base FAN; FAN shards of one level are merged with all the smaller ones
 * that came after. */
size_t fk_shards__due(const struct fk_shards *s);
/* [from, to) become one of this number; or none at all, where they have no documents. */
void fk_shards__merged(struct fk_shards *s, size_t from, size_t to, unsigned number);
bool fk_shards__has(const struct fk_shards *s, unsigned number);
bool fk_shards__want_renewal(const struct fk_shards *s);
void fk_shards__free(struct fk_shards *s);

#endif
