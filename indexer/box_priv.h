/*
 * box_priv.h - what a reader of messages gives up before it sees the first byte of one.
 *
 * Afterwards it can use its memory, read and write the descriptors it has, make sealed memory
 * files, and end. No file, socket, program or process can be opened, made or run (Landlock,
 * seccomp), nor memory made executable. Where the kernel lacks Landlock or seccomp there is no box:
 * FK_DENIED.
 */
#ifndef FK_INDEXER_BOX_PRIV_H
#define FK_INDEXER_BOX_PRIV_H
#include "base/status.h"
#include <stddef.h>

/* output_bytes: of one memory file. */
FK_CHECKED enum fk_status fk_box__close(size_t memory_bytes, size_t output_bytes,
                                        struct fk_err *err);

#endif
