/* mirror_priv.h - what the files of the mirror share: mirror.c opens it and brings rows over,
 * mirror_files.c files, mirror_stamps.c time stamps; mirror_replay.c makes segments of rows. */
#ifndef FK_VAULT_MIRROR_PRIV_H
#define FK_VAULT_MIRROR_PRIV_H
#include "archiver/vault/layout_priv.h"
#include "archiver/vault/book_priv.h"
#include "archiver/vault/mirror.h"
#include "archiver/vault/rows.h"
#include "base/atomic_file.h"
#include <stdbool.h>

/* A segment that is not sealed in the mirror yet. */
struct fk_mirror_open {
    struct fk_mark mark;
    bool closed;  /* all of it is there */
    int fd;       /* -1: no rows file yet */
    off_t newest; /* when it was opened: where the last slice with an entry begins; -1: none has */
    off_t whole;  /* and up to where it is whole */
    char path[PATH_MAX];
};
struct fk_mirror {
    char dir[PATH_MAX];
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_mirror_source source;
    int lock_fd;
    uint64_t sealed_to; /* segments up to this one are there as sealed files */
    struct fk_mirror_open *open;
    size_t open_count, open_cap;
    uint64_t seen, tidied; /* changes of the source's files: told of, and followed */
    uint64_t tidying;      /* those being followed; 0: none */
    struct {               /* a sealed file on its way, a part at a time */
        uint64_t number;
        int fd;
        struct fk_atomic_file *file;
    } copy;
    struct fk_slice slice;
};

/* The ledger's id, of a mirror's marker; FK_NOT_FOUND there is none. */
FK_CHECKED enum fk_status fk_mirror__ledger(const char *dir, uint8_t id[FK_LEDGER_BYTES],
                                            struct fk_err *err);
/* Copies all of a file, durable on return. FK_NOT_FOUND: it is gone, or has changed meanwhile. */
FK_CHECKED enum fk_status fk_mirror__copy(const char *from, const char *to, mode_t mode,
                                          struct fk_err *err);
/* Sealed segments and their key files as the vault has them; keys that do not count any more are
 * destroyed, rows files of what is sealed now removed. Copies no more than part bytes of a segment,
 * then *more is true. */
FK_CHECKED enum fk_status fk_mirror__files(struct fk_mirror *m, uint64_t part, bool *more,
                                           struct fk_err *err);
void fk_mirror__copy_drop(struct fk_mirror *m);

/* Files of DIR/time that `to` lacks, durable on return; *more: there were as many as at most. What
 * cannot be read where it comes from is passed over, and told. */
struct fk_stamps_bring {
    const char *from, *to;
    unsigned at_most; /* 0: all */
    void (*passed_over)(void *ctx, const char *sentence);
    void *ctx;
};
FK_CHECKED enum fk_status fk_mirror__stamps(const struct fk_stamps_bring *b, bool *more,
                                            struct fk_err *err);

/* Makes segment `number`, open, of a mirror's rows, in a vault that is being restored. */
struct fk_replay {
    const char *mirror;
    const struct fk_where *where; /* the vault */
    uint64_t map_bytes, number;
    uint64_t rules;    /* newest rules entry: before it, then after it */
    uint64_t next_seq; /* set */
    bool closed;       /* set: another segment follows */
    bool damaged_rows; /* set where not all of it could be read */
    void (*damaged)(void *ctx, const char *sentence);
    void *ctx;
};
/* FK_NOT_FOUND: there are no rows of it. */
FK_CHECKED enum fk_status fk_mirror__replay(struct fk_replay *order, struct fk_err *err);
#endif
