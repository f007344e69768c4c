/*
 * reconstruct.h - runs readpst (Debian's pst-utils) on a PST or OST file, in a box.
 *
 * The process is the program itself, started by import_pst.c with the file as a descriptor and a
 * directory. It makes DIR/out for what readpst writes and DIR/log for what it says (its version on
 * the first line), gives up all files but those, and becomes readpst. Returns only where that
 * fails. Threads: none.
 */
#ifndef FK_INTAKE_RECONSTRUCT_H
#define FK_INTAKE_RECONSTRUCT_H
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_reconstruct_main(int file, const char *dir, unsigned cpu_s,
                                              struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
