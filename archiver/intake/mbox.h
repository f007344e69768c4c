/*
 * mbox.h - cuts an mbox file into its messages, given its lines.
 *
 * A message begins behind a From_ line, and ends before the blank line that stands before the next
 * From_ line or before the end of the file (RFC 4155). Nothing is unquoted: ">From " stays, since
 * mboxo and mboxrd cannot be told apart; how many such lines there are is counted. A From_ line is
 * "From ", a word, and a time of day and a year somewhere behind; it counts at the start of the
 * file and after a blank line. What stands before the first one is a message without a From_ line.
 *
 *     if (fk_mbox_is_from_line(first_line, len)) ...      is it an mbox at all?
 *     struct fk_mbox m = {.sink = &sink, .ctx = ctx};
 *     fk_mbox_take(&m, line, len); ...                    with its LF; a long line in several
 * pieces fk_mbox_end(&m);
 *
 * Ownership: what the sink is told is borrowed from the line, or static. Threads: one at a time.
 */
#ifndef FK_INTAKE_MBOX_H
#define FK_INTAKE_MBOX_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_mbox_sink {
    /* Without its line end; NULL: the file begins with something else. */
    void (*begin)(void *ctx, const char *from_line, size_t len);
    void (*data)(void *ctx, const void *data, size_t len);
    void (*end)(void *ctx);
};

struct fk_mbox {
    const struct fk_mbox_sink *sink;
    void *ctx;
    bool inside;       /* a message is open */
    bool mid_line;     /* the last piece had no LF */
    const char *blank; /* a blank line, told only when no From_ line follows */
    /* Lines of the message so far, right still in `end`: ">From ", ">>From " (or more of them),
     * and those that begin with "From " and are no From_ line, or stand where none counts. */
    uint64_t quoted, requoted, doubtful;
};

/* With or without its line end. */
bool fk_mbox_is_from_line(const char *line, size_t len);
void fk_mbox_take(struct fk_mbox *m, const char *piece, size_t len);
void fk_mbox_end(struct fk_mbox *m);

#ifdef __cplusplus
}
#endif
#endif
