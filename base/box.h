/*
 * box.h - what a process that reads hostile bytes gives up before it sees the first of them.
 *
 * Afterwards it can use its memory, read and write the descriptors it has, make sealed memory
 * files, and end. No file, socket, program or process can be opened, made or run (Landlock,
 * seccomp), nor memory made executable. Where the kernel lacks Landlock or seccomp there is no box:
 * FK_DENIED.
 */
#ifndef FK_BASE_BOX_H
#define FK_BASE_BOX_H
#include "base/status.h"
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* output_bytes: of one memory file. */
FK_CHECKED enum fk_status fk_box_close(size_t memory_bytes, size_t output_bytes,
                                       struct fk_err *err);

/* For a program of somebody else's that reads hostile bytes: afterwards, and in what is executed,
 * the files of the system can be read and run, `file` (a descriptor) can be read by its path, and
 * `dir` (a directory's) is all that can be written below; no sockets but Unix ones. Limits: memory,
 * CPU seconds, bytes of one file. FK_DENIED as above. */
struct fk_box_program {
    int file, dir;
    size_t memory_bytes, file_bytes;
    unsigned cpu_s;
};
FK_CHECKED enum fk_status fk_box_program(const struct fk_box_program *box, struct fk_err *err);

/* For a process that has programs of others read hostile bytes, each as a filter in a process of
 * its own. fk_box_runner, once, before the first of those bytes: the files of the system can be
 * read and run, nothing can be written, and there are no sockets but those that are there.
 * fk_box_filter, in the child before exec: limits, and a list of system calls that has none to make
 * a process, signal one or look into one. The program reads descriptor 0, a memory file, also by
 * the path /dev/fd/0. FK_DENIED as above. */
struct fk_box_filter {
    size_t memory_bytes;
    unsigned cpu_s;
};
FK_CHECKED enum fk_status fk_box_runner(struct fk_err *err);
FK_CHECKED enum fk_status fk_box_filter(const struct fk_box_filter *box, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
