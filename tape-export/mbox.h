/*
 * mbox.h - messages one after another for mail programs: a convenience beside the exact bytes.
 *
 * The form is mboxrd: a line "From SENDER TIME" before each message, lines that begin with any
 * number of > and then "From " get one more >, line ends become LF, and an empty line follows.
 * Errors: the file's. Threads: one.
 */
#ifndef FK_TAPE_MBOX_H
#define FK_TAPE_MBOX_H
#include "archiver/vault/envelope.h"
#include "tape-export/bag.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_mbox_add(struct fk_bag_file *f, const struct fk_envelope *e,
                                      struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
