/* package_priv.h - a package while it is made; package_stamp.c and package_sealed.c have parts of
 * it. */
#ifndef FK_TAPE_PACKAGE_PRIV_H
#define FK_TAPE_PACKAGE_PRIV_H
#include "archiver/vault/prover.h"
#include "tape-export/bag.h"
#include "tape-export/package.h"
#include <limits.h>

struct package {
    struct fk_keep *keep;
    struct fk_lend *lend;
    const struct fk_package_options *options;
    const char *form; /* "plain", "sealed" */
    struct fk_bag *bag;
    struct fk_bag_file *mbox; /* NULL: none is wanted */
    struct fk_prover *prover;
    struct fk_buf line, proof; /* of the entry at hand */
    struct fk_buf salts;       /* of each message, where facts are to be opened */
    struct fk_seqs keyed;      /* messages whose key is out in keys_to */
    bool keys_made;            /* the directory of keys was made here */
    uint64_t act;              /* that names the message at hand */
    char where[PATH_MAX], keys_where[PATH_MAX], ledger[33];
    struct fk_package_made made;
};

/* Covers the seqs of a list from number `at` on, as many as one line can name. */
FK_CHECKED enum fk_status fk_package__act(struct package *p, const struct fk_seqs *all, size_t at,
                                          struct fk_err *err);
enum { FK_PACKAGE_SEQS_AN_ACT = 2900, FK_PACKAGE_SALT = 32 };
/* What is known of where the messages are from; after them. */
FK_CHECKED enum fk_status fk_package__facts_put(struct package *p, struct fk_err *err);
/* data/FOLDER/SEQ.SUFFIX */
FK_CHECKED enum fk_status fk_package__put(struct package *p, const char *folder, uint64_t seq,
                                          const char *suffix, const struct fk_piece *pieces,
                                          size_t count, struct fk_err *err);
/* The newest time stamp over as many entries as go in, and how its checkpoint goes on to ours. */
FK_CHECKED enum fk_status fk_package__stamp_put(struct package *p, struct fk_err *err);

FK_CHECKED enum fk_status fk_package__keys_begin(struct package *p, struct fk_err *err);
FK_CHECKED enum fk_status fk_package__sealed_put(struct package *p, uint64_t seq,
                                                 struct fk_err *err);
FK_CHECKED enum fk_status fk_package__keys_end(struct package *p, struct fk_err *err);
/* Destroys what keys are out unless they are to stay. */
void fk_package__keys_close(struct package *p, bool stay);
#endif
