/*
 * buf.h - growable bytes.
 *
 * Invariants: len <= cap; data is NULL exactly when cap is 0; after a failed growth `failed` stays
 * true and every later append does nothing, so that a run of appends is checked once at its end:
 *
 *     struct fk_buf b = FK_BUF_INIT;
 *     fk_buf_str(&b, "seq=");
 *     fk_buf_printf(&b, "%llu", n);
 *     if (b.failed) return fk_fail(err, FK_NOMEM, "...");
 *     fk_buf_free(&b);
 *
 * Ownership: the buffer owns data until fk_buf_free. Threads: one at a time.
 */
#ifndef FK_BASE_BUF_H
#define FK_BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_buf {
    uint8_t *data;
    size_t len, cap;
    bool failed;
};
#define FK_BUF_INIT                                                                                \
    { NULL, 0, 0, false }

bool fk_buf_reserve(struct fk_buf *b, size_t extra_bytes);
void fk_buf_add(struct fk_buf *b, const void *data, size_t len);
void fk_buf_str(struct fk_buf *b, const char *s);
void fk_buf_byte(struct fk_buf *b, uint8_t c);
void fk_buf_printf(struct fk_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Lower-case hex of len bytes. */
void fk_buf_hex(struct fk_buf *b, const void *data, size_t len);
/* A NUL after the data (not counted in len); "" on failure. Borrowed until the next change. */
const char *fk_buf_cstr(struct fk_buf *b);
/* Keeps the memory; also clears `failed`. */
void fk_buf_reset(struct fk_buf *b);
void fk_buf_free(struct fk_buf *b);
/* fk_buf_free after overwriting: for keys and plain text of messages. */
void fk_buf_wipe(struct fk_buf *b);

#ifdef __cplusplus
}
#endif
#endif
