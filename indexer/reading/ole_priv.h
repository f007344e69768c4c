/*
 * ole_priv.h - OLE2 compound files ([MS-CFB]) by libgsf: storages and streams from memory; and what
 * Outlook and Word have in them.
 */
#ifndef FK_INDEXER_OLE_PRIV_H
#define FK_INDEXER_OLE_PRIV_H
#include "indexer/reading/files_priv.h"

struct fk_ole; /* a storage */
void fk_ole__prepare(void);
/* NULL where it is none, or damaged. */
struct fk_ole *fk_ole__open(const struct fk_file *file);
/* Whether blocks that its tables have in use are behind its end. libgsf leaves out what would be
 * there, and what the directory has beside it. */
bool fk_ole__is_cut(const struct fk_file *file);
/* A storage within one; NULL where there is none of that name. */
struct fk_ole *fk_ole__storage(struct fk_ole *in, const char *name);
void fk_ole__close(struct fk_ole **ole);
bool fk_ole__has(struct fk_ole *in, const char *name);
/* Names of what it holds, by number; NULL behind the last. Borrowed. */
const char *fk_ole__name(struct fk_ole *in, unsigned number);
/* Appends the stream, at most max bytes; false where there is none of that name. One that is there
 * and cannot be read, not all of it or only up to max marks the file at hand. */
bool fk_ole__stream(struct fk_files *f, struct fk_ole *in, const char *name, size_t max,
                    struct fk_buf *out);

/* A message as Outlook saves it ([MS-OXMSG]). */
FK_CHECKED enum fk_status fk_msg__read(struct fk_files *f, struct fk_ole *msg, struct fk_err *err);
/* Word 97 and later ([MS-DOC]): FK_NOT_FOUND where it is older. */
FK_CHECKED enum fk_status fk_word__read(struct fk_files *f, struct fk_ole *doc, size_t max,
                                        struct fk_err *err);
/* RTF as Outlook packs it ([MS-OXRTFCP]): appends what there is of it. What is none, was cut or is
 * over FK_FILE_TEXT_MAX marks the file at hand. */
void fk_rtf__unpack(struct fk_files *f, const uint8_t *data, size_t len, struct fk_buf *out);

#endif
