/*
 * lines_priv.h - the ledger's lines as a segment has them, one after another by seq.
 *
 * An open segment has them one by one (table entries). A sealed one has them in packed blocks
 * (table lines), which takes some 170 bytes a line where LMDB's pages of single ones take 450; one
 * that an older version sealed has entries too. Which it is, only this file knows.
 *
 *     FK_TRY(fk_lines__open(pages, &lines, err));
 *     for (st = fk_lines__first(lines, err); st == FK_OK && lines->valid; st =
 * fk_lines__next(lines, err)) st = fk_lines__read(lines, &line, err);          lines->seq says
 * which
 *
 * To move looks at no line: one that cannot be read is found by read, and the next can be moved to.
 * Errors: FK_CORRUPT with file, table and seqs. Threads: one at a time.
 */
#ifndef FK_VAULT_LINES_PRIV_H
#define FK_VAULT_LINES_PRIV_H
#include "archiver/vault/pages_priv.h"

enum {
    FK_LINES_COUNT = 256,   /* of a block, at most */
    FK_LINES_PLAIN = 65536, /* bytes after which it ends */
    FK_LINES_PLAIN_MAX = FK_LINES_PLAIN + 65535
};

struct fk_lines {
    struct fk_cursor *table; /* owned. Of an open segment: the line with LF by its seq */
    bool valid;              /* there is a line here */
    uint64_t seq;            /* it is this one's */
    /* Of packed ones: the block at the cursor, and whether it was unpacked. */
    bool packed, unpacked, damaged;
    uint64_t first, last;
    struct fk_buf plain;
    uint32_t start[FK_LINES_COUNT + 1];
};
/* FK_NOT_FOUND: the file has neither table. */
FK_CHECKED enum fk_status fk_lines__open(struct fk_pages *p, struct fk_lines **out,
                                         struct fk_err *err);
void fk_lines__close(struct fk_lines **lines);
FK_CHECKED enum fk_status fk_lines__first(struct fk_lines *l, struct fk_err *err);
FK_CHECKED enum fk_status fk_lines__last(struct fk_lines *l, struct fk_err *err);
/* To the first that is not before seq. */
FK_CHECKED enum fk_status fk_lines__seek(struct fk_lines *l, uint64_t seq, struct fk_err *err);
FK_CHECKED enum fk_status fk_lines__next(struct fk_lines *l, struct fk_err *err);
/* Appends the line here, with its LF. */
FK_CHECKED enum fk_status fk_lines__read(struct fk_lines *l, struct fk_buf *out,
                                         struct fk_err *err);

/* A block's value, appended to out: count lines of at most FK_LINES_PLAIN_MAX bytes in all. */
FK_CHECKED enum fk_status fk_lines__pack(const struct fk_buf *plain, uint32_t count,
                                         struct fk_buf *out, struct fk_err *err);
/* How many lines a value says it has; 0: it is no block. */
uint32_t fk_lines__count(const uint8_t head[4]);
/* The lines of a value into plain (reset first), and where each begins; start[count] is the end.
 * FK_CORRUPT with what is wrong. */
FK_CHECKED enum fk_status fk_lines__unpack(const void *value, size_t len, struct fk_buf *plain,
                                           uint32_t start[FK_LINES_COUNT + 1], struct fk_err *err);
#endif
