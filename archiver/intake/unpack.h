/*
 * unpack.h - opens an archive in a box and streams its members out.
 *
 * The process is the program itself, started by import_archive.c with two descriptors: the archive,
 * open for reading, and a pipe. It closes the box (base/box.h) before it reads a byte of the
 * archive, then writes records to the pipe: a byte that says what, 4 bytes of length (big-endian),
 * and so many bytes:
 *
 *     FK_UNPACK_MEMBER   a file: its name, bytes as they stand there
 *     FK_UNPACK_DATA     of it
 *     FK_UNPACK_CLOSE    its end; not empty: why it is not whole
 *     FK_UNPACK_PASS     what is no file or is encrypted: why, a NUL, its name
 *     FK_UNPACK_AT       8 bytes: how much of the archive has been read
 *     FK_UNPACK_END      the last record; not empty: why the archive could not be read on
 *
 * Names are data: nothing is made of them, here or there. tar, zip, and each of them or a single
 * file in gzip, bzip2, xz or zstd (libarchive).
 */
#ifndef FK_INTAKE_UNPACK_H
#define FK_INTAKE_UNPACK_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

enum fk_unpack_record {
    FK_UNPACK_MEMBER = 'M',
    FK_UNPACK_DATA = 'D',
    FK_UNPACK_CLOSE = 'C',
    FK_UNPACK_PASS = 'P',
    FK_UNPACK_AT = 'A',
    FK_UNPACK_END = 'E'
};
enum { FK_UNPACK_RECORD_MAX = 1 << 16 };

/* Whether a file that begins so is one of these archives. is_bare: it may be a single file. */
bool fk_unpack_is_archive(const void *head, size_t len, bool *is_bare_out);

/* Of the boxed process: takes both descriptors. Whatever can be said is said on the pipe; an error
 * is returned only where the pipe is gone. */
FK_CHECKED enum fk_status fk_unpack_main(int archive, int out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
