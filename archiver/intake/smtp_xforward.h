/*
 * smtp_xforward.h - what a content filter or a relay says of the client before it (Postfix,
 * XFORWARD_README): "XFORWARD NAME=mx.example ADDR=192.0.2.7 PORT=40000 ...".
 *
 * Values are xtext (RFC 3461, section 4) and come out decoded, any bytes; [UNAVAILABLE] and
 * [TEMPUNAVAIL] are none. A name said again replaces what it was. Ownership: the struct owns its
 * values; fk_xforward_reset gives them back. Threads: one at a time.
 */
#ifndef FK_INTAKE_SMTP_XFORWARD_H
#define FK_INTAKE_SMTP_XFORWARD_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

#define FK_XFORWARD_NAMES "NAME ADDR PORT PROTO HELO SOURCE IDENT"
enum { FK_XFORWARD_COUNT = 7 };

struct fk_xforward {
    struct fk_buf value[FK_XFORWARD_COUNT]; /* in the order of FK_XFORWARD_NAMES; empty: none */
};

/* The arguments of one command; all or none of them is taken. */
bool fk_xforward_read(struct fk_xforward *x, const char *text, size_t len);
/* "xforward-name", ...: the line of the envelope that it becomes. */
const char *fk_xforward_field(size_t i);
void fk_xforward_reset(struct fk_xforward *x);

#ifdef __cplusplus
}
#endif
#endif
