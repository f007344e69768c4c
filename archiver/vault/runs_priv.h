/*
 * runs_priv.h - runs of base64 lines in any bytes, read and written again to the byte
 * (docs/format-vault.md 2, codec 2).
 *
 * A run is lines of one width and one line end, in RFC 4648 base64 with canonical padding; its last
 * line may be shorter, and its line end is not part of it. Nothing is known of MIME: a run is where
 * writing the decoded bytes again gives the same bytes.
 *
 * Pure; no errors but those of buffers. Threads: any.
 */
#ifndef FK_VAULT_RUNS_PRIV_H
#define FK_VAULT_RUNS_PRIV_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FK_RUN_WIDTH_MIN = 40, /* of the lines that are looked for; a recipe may have less */
    FK_RUN_WIDTH_MAX = 1024,
    FK_RUN_PLAIN_MIN = 192 /* shorter runs stay as they are: a recipe's line costs as much */
};

struct fk_run {
    size_t at, len; /* encoded, in the bytes that were searched */
    size_t plain;   /* decoded */
    uint16_t width; /* characters a line, a multiple of 4 */
    bool crlf;
};
/* The first run that begins at or after from, which is the beginning of a line. */
bool fk_run__find(const uint8_t *data, size_t len, size_t from, struct fk_run *out);

/* Decodes a run piece by piece. Begin with at = data + run.at, end = at + run.len. */
struct fk_run_reader {
    const uint8_t *at, *end;
    uint16_t width;
    bool crlf;
};
/* As many whole lines as fit into room bytes (at least FK_RUN_WIDTH_MAX); 0 at the end. */
size_t fk_run__read(struct fk_run_reader *r, uint8_t *out, size_t room);

/* Encodes again. Begun with width and crlf, the rest zero. */
struct fk_run_writer {
    uint16_t width, column;
    bool crlf;
    uint8_t carry[3], carried; /* bytes that are no group of three yet */
};
/* The most that write makes of len bytes, with what was carried; end makes at most 6. */
size_t fk_run__bound(const struct fk_run_writer *w, size_t len);
/* Bytes written to out. */
size_t fk_run__write(struct fk_run_writer *w, const uint8_t *data, size_t len, uint8_t *out);
size_t fk_run__write_end(struct fk_run_writer *w, uint8_t *out);
#endif
