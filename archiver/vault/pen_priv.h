/*
 * pen_priv.h - what the files of the pen share. Each takes one aspect: pen.c open and close,
 * pen_prepare.c and pen_commit.c the way of a sheet, pen_rotate.c the change of segments,
 * pen_seal.c, pen_erase.c, pen_rekey.c what is done to keys and closed segments, pen_mirror.c what
 * a mirror is shown, pen_recover.c what is done after a crash.
 *
 * Everything from `lock` on is changed under it. One LMDB transaction at a time, begun and ended
 * by the thread that has the lock.
 */
#ifndef FK_VAULT_PEN_PRIV_H
#define FK_VAULT_PEN_PRIV_H
#include "archiver/vault/book_priv.h"
#include "archiver/vault/entry.h"
#include "archiver/vault/pen.h"
#include "archiver/vault/segment_priv.h"
#include <pthread.h>

enum { FK_BENCHES = 16, FK_SCRATCH_MAP = 64 << 20 };

/* Where the ledger stands: what a commit changes, all at once, when it is durable. */
struct fk_stand {
    uint64_t next_seq, next_extent, next_chunk, rules;
    uint8_t last_digest[FK_SHA256_BYTES];
};

struct fk_pen {
    char dir[PATH_MAX];
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_kek kek;
    struct fk_where where; /* the three above */
    struct fk_pen_options options;
    int lock_fd;
    bool spoiled; /* set and read with __atomic: prepare reads it on any thread */
    pthread_mutex_t bench_lock;
    struct fk_bench *bench[FK_BENCHES]; /* at rest */
    struct fk_chunks *chunks;           /* of the active segment */

    pthread_mutex_t lock;
    bool clean;   /* DIR/run/clean is there */
    bool settled; /* both meta pages of the active segment are of transactions that were kept */
    struct fk_segment *active;
    uint64_t first; /* seq of the active segment */
    uint64_t generation;
    struct fk_wrap *wrap; /* of the active segment's intermediate key */
    struct fk_stand stand;
    uint64_t erased;            /* no dispose entry up to here is left to be carried out */
    struct fk_seqs pending;     /* seqs whose keys are to be destroyed */
    struct fk_shelf *shelf;     /* unpinned: nobody else writes */
    struct fk_sealing *sealing; /* under way, or NULL */
    time_t readers_checked;
    uint64_t changes;      /* of files: segments begun or sealed, key files replaced, time
                              stamps anchored */
    struct fk_err trouble; /* FK_OK, or what was found and does not keep it from writing */
    uint64_t rekey_next;   /* segments before it are wrapped by the newest key-encryption key */
};

struct fk_leaf_part {
    struct fk_part at;
    int chunk;    /* index of the leaf's fresh chunks, or FK_PART_OWN */
    bool dropped; /* another message of the same moment has brought the same chunk */
};
struct fk_leaf_parts {
    struct fk_leaf_part *at;
    size_t count, cap;
};

/* A sheet with what its owner does not see. */
struct fk_leaf {
    struct fk_sheet sheet; /* first, so that a pointer to one is a pointer to the other */
    char *kind, *fields;   /* fields with c256 and c512 */
    bool is_mail, compare, is_rules, has_content;
    uint64_t basis;
    struct fk_seqs of; /* of a dispose entry */
    uint8_t id[FK_CONTENT_ID_BYTES], key[FK_KEY_BYTES], codec;
    struct fk_leaf_parts parts;
    size_t written;       /* parts that are in extents already, of segment: */
    uint64_t segment;     /* 0: of none */
    struct fk_buf stored; /* the other parts, one after another */
    struct fk_recipe recipe;
    struct fk_fresh_chunk *fresh;
    size_t fresh_count;
    uint64_t epoch;       /* of chunks that it names and does not bring; 0: of none */
    uint64_t first_chunk; /* those that it brings, when it is settled */
    uint32_t chunks;
    bool settled; /* its recipe is encrypted, and cannot be once more */
};

bool fk_pen__is_rules(const char *kind);
enum fk_status fk_pen__spoiled(struct fk_pen *pen, struct fk_err *err);
/* Marks the pen as spoiled and returns st. */
enum fk_status fk_pen__spoil(struct fk_pen *pen, enum fk_status st);
/* A bench of the pen's, or a new one; any thread. */
FK_CHECKED enum fk_status fk_pen__bench_take(struct fk_pen *pen, struct fk_bench **out,
                                             struct fk_err *err);
void fk_pen__bench_put(struct fk_pen *pen, struct fk_bench **bench);
/* Adds a part at the end. False: no memory. */
bool fk_leaf__part(struct fk_leaf *l, size_t len, int chunk);
/* Chunks of the active segment are not known any more: after a disposal, and a transaction that
 * came to nothing. */
void fk_pen__chunks_forget(struct fk_pen *pen);
/* FK_FULL when less than the reserve is free. */
FK_CHECKED enum fk_status fk_pen__reserve(const struct fk_pen *pen, struct fk_err *err);
/* Before the first write: DIR/run/clean goes. */
FK_CHECKED enum fk_status fk_pen__touch(struct fk_pen *pen, struct fk_err *err);
uint64_t fk_pen__map_bytes(const struct fk_pen_options *options);

/* The folders of a vault in a new or empty directory; FK_INVALID when it is not empty. *made: the
 * directory was not there before. */
FK_CHECKED enum fk_status fk_pen__lay_out(const char *dir, bool *made, struct fk_err *err);
/* When a vault that was laid out could not be finished: all of it goes, and the directory too where
 * it was made for it. err has the sentence of that failure; what cannot be removed is added. */
void fk_pen__clear(const char *dir, bool made, struct fk_err *err);

/* The file of a new segment under the name NNNNNNNN.new, with its key file and first entry,
 * durable. */
struct fk_beginning {
    const struct fk_where *where;
    uint64_t number, seq, rules, erased, map_bytes;
    const uint8_t *prev;
    const char *kind, *fields;
};
FK_CHECKED enum fk_status fk_pen__build(const struct fk_beginning *b, struct fk_err *err);
FK_CHECKED enum fk_status fk_pen__build_next(const struct fk_where *where, uint64_t number,
                                             const struct fk_stand *stand, uint64_t erased,
                                             uint64_t map_bytes, struct fk_err *err);
/* NNNNNNNN.new gets its name. */
FK_CHECKED enum fk_status fk_pen__publish(const struct fk_where *where, uint64_t number,
                                          struct fk_err *err);
/* Opens number as the active segment and reads where it stands. */
FK_CHECKED enum fk_status fk_pen__take(struct fk_pen *pen, uint64_t number, struct fk_err *err);
/* With the lock held. */
FK_CHECKED enum fk_status fk_pen__rotate(struct fk_pen *pen, struct fk_err *err);
FK_CHECKED enum fk_status fk_pen__erase(struct fk_pen *pen, struct fk_err *err);
/* One entry of the pen's own, committed. */
FK_CHECKED enum fk_status fk_pen__append(struct fk_pen *pen, const char *kind, const char *fields,
                                         struct fk_err *err);
/* Keys of a closed segment go: what a job has copied of them must not be used. */
void fk_pen__sealing_stale(struct fk_pen *pen);
/* With the lock held: every key file opens with the one key-encryption key; FK_RETRY while that is
 * exchanged. */
FK_CHECKED enum fk_status fk_pen__keys_check(struct fk_pen *pen, struct fk_err *err);
/* An entry with a body, committed; without the lock. */
FK_CHECKED enum fk_status fk_pen__entry(struct fk_pen *pen, const char *kind, const char *fields,
                                        const void *body, size_t len, uint64_t *seq_out,
                                        struct fk_err *err);
/* A key-encryption key that was made is ordered in the ledger and wraps from here on, or is
 * destroyed. */
FK_CHECKED enum fk_status fk_pen__rekey_recover(struct fk_pen *pen, struct fk_err *err);
FK_CHECKED enum fk_status fk_pen__recover(struct fk_pen *pen, uint64_t *active_out,
                                          struct fk_err *err);
/* After an end that was not in good order: the active segment is read again from the disk and
 * checked, and disposals that were not carried out are taken up. */
FK_CHECKED enum fk_status fk_pen__reread(struct fk_pen *pen, struct fk_err *err);
#endif
