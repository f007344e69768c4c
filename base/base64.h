/*
 * base64.h - RFC 4648, section 4, with padding, one writing for each value.
 *
 * Threads: any.
 */
#ifndef FK_BASE_BASE64_H
#define FK_BASE_BASE64_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

void fk_base64_add(struct fk_buf *out, const void *data, size_t len);
/* Appends the bytes; false, with out as it was, unless text is exactly what fk_base64_add writes.
 */
bool fk_base64_read(const char *text, size_t len, struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
