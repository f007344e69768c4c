/*
 * dot.h - takes the dots out of what follows DATA (RFC 5321, 4.5.2), and nothing else.
 *
 * A line begins after DATA's own CR LF and after each exact CR LF; only there does a dot mean
 * anything, and only CR LF . CR LF ends the message. A lone LF, a lone CR and a NUL are bytes like
 * others, kept and remembered in `flags`: whoever takes one of them for a line end sees two
 * messages where there is one (CVE-2023-51764 to 51766).
 *
 *     struct fk_dot d = FK_DOT_INIT;
 *     while (len && !d.done) {
 *         size_t n = fk_dot_next(&d, data, len, &span, &span_len);
 *         ... span_len bytes at span are the message's (often all, sometimes none) ...
 *         data += n, len -= n;
 *     }
 *
 * Bytes may come in any pieces. A span is borrowed from data, or static. Threads: one at a time.
 */
#ifndef FK_INTAKE_DOT_H
#define FK_INTAKE_DOT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_DOT_BARE_LF = 1, FK_DOT_BARE_CR = 2, FK_DOT_NUL = 4 };

struct fk_dot {
    int at; /* where in a line: dot.c */
    unsigned flags;
    bool done; /* the final dot has come */
};
#define FK_DOT_INIT                                                                                \
    { 0, 0, false }

/* Returns how many bytes of data are done with; 0 only with a span. len > 0. */
size_t fk_dot_next(struct fk_dot *d, const uint8_t *data, size_t len, const uint8_t **span,
                   size_t *span_len);

#ifdef __cplusplus
}
#endif
#endif
